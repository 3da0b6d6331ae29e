/*
 * Questions "report".  The sums of all hosts may take a while, and the answer
 * is made in turns of the loop; whoever asked may be gone by then, which
 * control_answer knows.
 */

#include "policyd/clerk/report/reports.h"

#include <sys/queue.h>

#include <event2/event.h>
#include <stdlib.h>

#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/ledger_sum.h"
#include "policyd/clerk/report/report_json.h"
#include "policyd/clerk/value_json.h"
#include "shared/io/clock.h"
#include "shared/xalloc.h"

struct waiting {
	LIST_ENTRY(waiting)	 entry;
	struct reports		*reports;
	uint64_t		 connection;
	struct report_question	 question;
	struct ledger_sum	*sum;		/* NULL: there it is */
	struct report_answer	*answer;
	struct event		*turn;
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

static void
waiting_free(struct waiting *w)
{
	ledger_sum_cancel(w->sum);
	report_answer_free(w->answer);
	event_free(w->turn);
	LIST_REMOVE(w, entry);
	free(w);
}

static void
on_turn(evutil_socket_t fd, short events, void *arg)
{
	struct timeval now = { 0, 0 };
	struct waiting *w = arg;

	(void)fd;
	(void)events;
	if (!report_answer_advance(w->answer)) {
		evtimer_add(w->turn, &now);
		return;
	}
	w->reports->on_answer(w->connection, report_answer_line(w->answer),
	    w->reports->arg);
	waiting_free(w);
}

static void
on_sum(struct tally *tally, const char *why, void *arg)
{
	struct waiting *w = arg;

	w->sum = NULL;
	w->answer = report_answer_new(&w->question, tally, why);
	on_turn(-1, 0, w);
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
	if (!ledger_is_open(reports->ledger)) {
		reports->on_answer(connection, json_error_line(
		    ledger_trouble(reports->ledger)), reports->arg);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->reports = reports;
	w->connection = connection;
	w->question = q;
	w->turn = evtimer_new(reports->base, on_turn, w);
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
		waiting_free(w);
	}
}

void
reports_free(struct reports *reports)
{
	struct waiting *w;

	if (reports == NULL)
		return;
	while ((w = LIST_FIRST(&reports->list)) != NULL)
		waiting_free(w);
	free(reports);
}
