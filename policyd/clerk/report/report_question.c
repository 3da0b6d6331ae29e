/*
 * The question "report".  That the line is one object is request_json's.
 */

#include "policyd/clerk/report/report_question.h"

#include <jansson.h>
#include <string.h>

#include "policyd/clerk/ledger/ledger.h"
#include "shared/host_name.h"
#include "shared/tlsrpt/tally_name.h"

#define DAY_S		86400

/* -1 when it is none. */
static int64_t
day_of(const char *word, int64_t today)
{
	if (strcmp(word, "today") == 0)
		return today;
	if (strcmp(word, "yesterday") == 0)
		return today - 1;
	return tally_date_parse(text_of(word));
}

static int
set_days(const char *day, const char *since, int64_t today,
    struct report_question *q, const char **why)
{
	q->first = today - 1;
	q->last = today;
	if (day != NULL && since != NULL) {
		*why = "day and since exclude each other";
		return -1;
	}
	if (day != NULL)
		q->first = q->last = day_of(day, today);
	if (since != NULL)
		q->first = day_of(since, today);
	if (q->first == -1) {
		*why = "a day is written as 2026-11-22, \"today\" or "
		    "\"yesterday\"";
		return -1;
	}
	if (q->first > today) {
		*why = "that day is to come";
		return -1;
	}
	if (q->first <= today - LEDGER_DAYS_KEPT) {
		*why = "days are kept for 40 days";
		return -1;
	}
	return 0;
}

static int
set_direction(const char *word, struct report_question *q, const char **why)
{
	q->direction = SESSION_OUT;
	if (word == NULL || strcmp(word, "out") == 0)
		return 0;
	q->direction = SESSION_IN;
	q->is_received = strcmp(word, "received") == 0;
	if (q->is_received || strcmp(word, "in") == 0)
		return 0;
	*why = "direction is \"out\", \"in\" or \"received\"";
	return -1;
}

/* A name, or one of ours such as "(other)". */
static int
set_domain(const char *word, struct report_question *q, const char **why)
{
	size_t len = strlen(word);

	if (word[0] == '(' && len <= TALLY_DOMAIN_MAX) {
		strcpy(q->domain, word);
		return 0;
	}
	return host_name_normalize(text_of(word), q->domain, why);
}

int
report_question_parse(struct text line, int64_t now,
    struct report_question *out, const char **why)
{
	struct report_question q = { .top = REPORT_TOP_DEFAULT };
	const char *day = NULL, *since = NULL, *domain = "";
	const char *direction = NULL;
	json_int_t top = REPORT_TOP_DEFAULT;
	json_t *request = json_loadb(line.data, line.len, 0, NULL);
	int result = -1;

	*why = "a member of the request has a type that it may not have";
	if (json_unpack(request, "{s?s, s?s, s?s, s?s, s?I}", "day", &day,
	    "since", &since, "domain", &domain, "direction", &direction,
	    "top", &top) == -1)
		goto out;
	*why = "top is a number from 1 to 5000";
	if (top < 1 || top > REPORT_TOP_MAX ||
	    set_days(day, since, now / DAY_S, &q, why) == -1 ||
	    set_direction(direction, &q, why) == -1 ||
	    (domain[0] != '\0' && set_domain(domain, &q, why) == -1))
		goto out;
	q.top = (unsigned)top;
	*out = q;
	result = 0;
out:
	json_decref(request);
	return result;
}
