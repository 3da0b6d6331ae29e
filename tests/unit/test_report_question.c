/*
 * The question "report": days, directions, bounds, and every refusal.
 */

#include "policyd/clerk/report/report_question.h"

#include "tests/unit/check.h"

#define TODAY	20779			/* 2026-11-22 */
#define NOW	(TODAY * INT64_C(86400) + 3600)

static const struct {
	const char	*label, *line;
	const char	*refusal;	/* NULL: it is fine */
	int64_t		 first, last;
	enum session_direction direction;
	unsigned	 top;
	const char	*domain;
} rows[] = {
	{ "nothing said: since yesterday", "{\"command\":\"report\"}", NULL,
	    TODAY - 1, TODAY, SESSION_OUT, REPORT_TOP_DEFAULT, "" },
	{ "a day", "{\"day\":\"2026-11-20\"}", NULL, TODAY - 2, TODAY - 2,
	    SESSION_OUT, REPORT_TOP_DEFAULT, "" },
	{ "today", "{\"day\":\"today\"}", NULL, TODAY, TODAY, SESSION_OUT,
	    REPORT_TOP_DEFAULT, "" },
	{ "yesterday alone", "{\"day\":\"yesterday\"}", NULL, TODAY - 1,
	    TODAY - 1, SESSION_OUT, REPORT_TOP_DEFAULT, "" },
	{ "since a day", "{\"since\":\"2026-11-01\"}", NULL, TODAY - 21, TODAY,
	    SESSION_OUT, REPORT_TOP_DEFAULT, "" },
	{ "the oldest day", "{\"since\":\"2026-10-14\"}", NULL, TODAY - 39,
	    TODAY, SESSION_OUT, REPORT_TOP_DEFAULT, "" },
	{ "in", "{\"direction\":\"in\", \"top\": 7}", NULL, TODAY - 1, TODAY,
	    SESSION_IN, 7, "" },
	{ "a domain", "{\"domain\":\"Ex\u00e4mple.COM.\"}", NULL, TODAY - 1,
	    TODAY, SESSION_OUT, REPORT_TOP_DEFAULT, "xn--exmple-cua.com" },
	{ "a name of ours", "{\"domain\":\"(other)\"}", NULL, TODAY - 1,
	    TODAY, SESSION_OUT, REPORT_TOP_DEFAULT, "(other)" },
	{ "longer ago than days are kept", "{\"since\":\"2026-10-13\"}",
	    "days are kept for 40 days", 0, 0, 0, 0, NULL },
	{ "tomorrow", "{\"day\":\"2026-11-23\"}", "that day is to come",
	    0, 0, 0, 0, NULL },
	{ "no date", "{\"day\":\"2026-11-31\"}", "a day is written as",
	    0, 0, 0, 0, NULL },
	{ "no word", "{\"day\":\"monday\"}", "a day is written as",
	    0, 0, 0, 0, NULL },
	{ "both", "{\"day\":\"today\",\"since\":\"today\"}",
	    "day and since exclude each other", 0, 0, 0, 0, NULL },
	{ "another direction", "{\"direction\":\"up\"}", "direction is",
	    0, 0, 0, 0, NULL },
	{ "none", "{\"top\":0}", "top is a number", 0, 0, 0, 0, NULL },
	{ "too many", "{\"top\":5001}", "top is a number", 0, 0, 0, 0, NULL },
	{ "another type", "{\"day\":7}", "a member of the request has a type",
	    0, 0, 0, 0, NULL },
	{ "no name", "{\"domain\":\"a..b\"}", "label", 0, 0, 0, 0, NULL },
	{ "no object", "[]", "a member of the request has a type",
	    0, 0, 0, 0, NULL },
	{ "no JSON", "{", "a member of the request has a type",
	    0, 0, 0, 0, NULL },
};

int
main(void)
{
	struct report_question q;
	const char *why;
	size_t i, len;
	char *line;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = strlen(rows[i].line);
		line = check_exact(rows[i].line, len);
		why = NULL;
		check_int(rows[i].label, report_question_parse((struct text){
		    line, len }, NOW, &q, &why), rows[i].refusal != NULL ?
		    -1 : 0);
		free(line);
		if (rows[i].refusal != NULL) {
			check_contains(rows[i].label, why, rows[i].refusal);
			continue;
		}
		check_int(rows[i].label, q.first, rows[i].first);
		check_int(rows[i].label, q.last, rows[i].last);
		check_int(rows[i].label, q.direction, rows[i].direction);
		check_int(rows[i].label, q.top, rows[i].top);
		check_text(rows[i].label, q.domain, rows[i].domain);
	}
	return check_end();
}
