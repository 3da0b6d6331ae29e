/*
 * Dry runs, each waiting for its sums.
 */

#include "policyd/clerk/report/report_preview.h"

#include <sys/queue.h>

#include <jansson.h>
#include <stdlib.h>

#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/ledger_sum.h"
#include "policyd/clerk/report/report_build.h"
#include "policyd/clerk/report/report_question.h"
#include "policyd/clerk/value_json.h"
#include "policyd/process/child.h"
#include "shared/io/clock.h"
#include "shared/tlsrpt/report.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

struct preview {
	LIST_ENTRY(preview)	 entry;
	struct report_previews	*previews;
	uint64_t		 connection;
	struct report_question	 q;
	struct ledger_sum	*sum;
};

struct report_previews {
	struct child		*child;
	struct ledger		*ledger;
	struct ledger_share	*share;
	report_preview_cb	*on_answer;
	void			*arg;
	LIST_HEAD(, preview)	 list;
};

static char *
preview_line(const struct preview *p, const struct tally *tally,
    const char *why)
{
	struct report_maker maker = report_maker_of(
	    p->previews->child->settings->config);
	json_t *reports = json_array();
	char date[TALLY_DATE_SIZE];
	struct built_reports built;
	struct buffer json;
	size_t i;

	report_build(tally, text_of(p->q.domain), p->q.first, &maker, &built);
	for (i = 0; i < built.count; i++) {
		buffer_init(&json, REPORT_MAX_BYTES);
		if (report_format(&built.reports[i].report, &json) == 0)
			json_array_append_new(reports, json_loadb(json.data,
			    json.len, 0, NULL));
		buffer_clear(&json);
	}
	built_reports_clear(&built);
	return json_line(json_pack("{s:s, s:s, s:o, s:o}", "day",
	    tally_date_format(p->q.first, date), "domain", p->q.domain,
	    "reports", reports, "note", json_words(why)));
}

static void
preview_free(struct preview *p)
{
	ledger_sum_cancel(p->sum);
	LIST_REMOVE(p, entry);
	free(p);
}

static void
on_sum(struct tally *tally, const char *why, void *arg)
{
	struct preview *p = arg;

	p->sum = NULL;
	p->previews->on_answer(p->connection, preview_line(p, tally, why),
	    p->previews->arg);
	tally_free(tally);
	preview_free(p);
}

bool
report_previews_ask(struct report_previews *previews, uint64_t connection,
    struct text request)
{
	json_t *object = json_loadb(request.data, request.len, 0, NULL);
	bool is_asked = json_is_true(json_object_get(object, "rfc8460"));
	struct report_question q;
	const char *why;
	struct preview *p;

	json_decref(object);
	/* What is wrong with a question, reports says. */
	if (!is_asked || report_question_parse(request, clock_now_s(), &q,
	    &why) == -1)
		return false;
	why = NULL;
	if (q.domain[0] == '\0')
		why = "a report is about one domain: name it";
	else if (!ledger_is_open(previews->ledger))
		why = "the ledger is not open";
	if (why != NULL) {
		previews->on_answer(connection, json_error_line(why),
		    previews->arg);
		return true;
	}
	p = xcalloc(1, sizeof(*p));
	p->previews = previews;
	p->connection = connection;
	p->q = q;
	LIST_INSERT_HEAD(&previews->list, p, entry);
	p->sum = ledger_sum_start(previews->child->base, previews->ledger,
	    previews->share, q.first, q.first, text_of(q.domain), on_sum, p);
	return true;
}

void
report_previews_abort(struct report_previews *previews)
{
	struct preview *p;

	while ((p = LIST_FIRST(&previews->list)) != NULL) {
		previews->on_answer(p->connection, json_error_line("the "
		    "settings were read again meanwhile: ask once more"),
		    previews->arg);
		preview_free(p);
	}
}

struct report_previews *
report_previews_new(struct child *child, struct ledger *ledger,
    struct ledger_share *share, report_preview_cb *on_answer, void *arg)
{
	struct report_previews *previews = xcalloc(1, sizeof(*previews));

	previews->child = child;
	previews->ledger = ledger;
	previews->share = share;
	previews->on_answer = on_answer;
	previews->arg = arg;
	LIST_INIT(&previews->list);
	return previews;
}

void
report_previews_free(struct report_previews *previews)
{
	if (previews == NULL)
		return;
	while (!LIST_EMPTY(&previews->list))
		preview_free(LIST_FIRST(&previews->list));
	free(previews);
}
