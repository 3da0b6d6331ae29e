/*
 * Questions "report".  The sums of all hosts may take a while; whoever asked
 * may be gone by then, which control_answer knows.
 */

#include "policyd/clerk/reports.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/control.h"
#include "policyd/clerk/ledger.h"
#include "policyd/clerk/ledger_sum.h"
#include "policyd/clerk/report_json.h"
#include "policyd/clerk/value_json.h"
#include "shared/io/clock.h"
#include "shared/xalloc.h"

struct waiting {
	LIST_ENTRY(waiting)	 entry;
	struct reports		*reports;
	uint64_t		 connection;
	struct report_question	 question;
	struct ledger_sum	*sum;
};

struct reports {
	struct event_base	*base;
	struct ledger		*ledger;
	struct ledger_share	*share;
	reports_answer_cb	*on_answer;
	void			*arg;
	LIST_HEAD(, waiting)	 list;
};

struct reports *
reports_new(struct event_base *base, struct ledger *ledger,
    struct ledger_share *share, reports_answer_cb *on_answer, void *arg)
{
	struct reports *reports = xcalloc(1, sizeof(*reports));

	reports->base = base;
	reports->ledger = ledger;
	reports->share = share;
	reports->on_answer = on_answer;
	reports->arg = arg;
	LIST_INIT(&reports->list);
	return reports;
}

/* Fewer domains where the answer would be too long. */
static char *
answer(struct report_question q, const struct tally *tally, const char *why)
{
	char *line;

	for (;;) {
		line = report_line(&q, tally, why);
		if (strlen(line) < CONTROL_ANSWER_MAX_BYTES - 1 || q.top == 1)
			return line;
		free(line);
		q.top /= 2;
	}
}

static void
on_sum(const struct tally *tally, const char *why, void *arg)
{
	struct waiting *w = arg;
	struct reports *reports = w->reports;

	reports->on_answer(w->connection, answer(w->question, tally, why),
	    reports->arg);
	LIST_REMOVE(w, entry);
	free(w);
}

void
reports_ask(struct reports *reports, uint64_t connection, struct text request)
{
	struct report_question q;
	struct waiting *w;
	const char *why;

	if (report_question_parse(request, clock_now_s(), &q, &why) == -1) {
		reports->on_answer(connection, json_error_line(why),
		    reports->arg);
		return;
	}
	if (q.is_received) {
		reports->on_answer(connection, json_error_line("reports of "
		    "others are not taken in by this version"), reports->arg);
		return;
	}
	if (!ledger_is_open(reports->ledger)) {
		reports->on_answer(connection, json_error_line(
		    ledger_trouble(reports->ledger)), reports->arg);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->reports = reports;
	w->connection = connection;
	w->question = q;
	LIST_INSERT_HEAD(&reports->list, w, entry);
	w->sum = ledger_sum_start(reports->base, reports->ledger,
	    reports->share, q.first, q.last, text_of(q.domain), on_sum, w);
}

void
reports_abort(struct reports *reports)
{
	struct waiting *w;

	while ((w = LIST_FIRST(&reports->list)) != NULL) {
		reports->on_answer(w->connection, json_error_line("the "
		    "settings were read again meanwhile: ask once more"),
		    reports->arg);
		ledger_sum_cancel(w->sum);
		LIST_REMOVE(w, entry);
		free(w);
	}
}

void
reports_free(struct reports *reports)
{
	struct waiting *w;

	if (reports == NULL)
		return;
	while ((w = LIST_FIRST(&reports->list)) != NULL) {
		ledger_sum_cancel(w->sum);
		LIST_REMOVE(w, entry);
		free(w);
	}
	free(reports);
}
