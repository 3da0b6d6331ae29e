/*
 * What others report of us, in sums by our domain and as a list of reports.
 * All texts are strangers': bounded by received_parse, quoted by json_text.
 */

#include "policyd/clerk/report/received_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/value_json.h"
#include "shared/tlsrpt/received.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define DETAILS_MAX	10	/* of a policy in the list */
#define KINDS_MAX	50	/* of failures or hosts in a sum */
#define DOMAINS_MAX	1000
#define WORD_SIZE	128

struct received_rows {
	struct report_question	 q;
	struct received		*rows;
	size_t			 count;
	json_t			*ids;		/* id: index */
	bool			 is_cut;
};

struct received_rows *
received_rows_new(const struct report_question *q)
{
	struct received_rows *rows = xcalloc(1, sizeof(*rows));

	rows->q = *q;
	rows->ids = json_object();
	return rows;
}

void
received_rows_free(struct received_rows *rows)
{
	size_t i;

	if (rows == NULL)
		return;
	for (i = 0; i < rows->count; i++)
		received_clear(&rows->rows[i]);
	free(rows->rows);
	json_decref(rows->ids);
	free(rows);
}

bool
received_rows_have(const struct received_rows *rows, struct text id)
{
	char name[RECEIVED_ID_SIZE];

	return id.len < sizeof(name) && json_object_get(rows->ids,
	    text_quote(name, sizeof(name), id)) != NULL;
}

void
received_rows_add(struct received_rows *rows, struct text line)
{
	struct received r;
	json_t *index;
	size_t i;

	if (!received_parse(line, &r))
		return;
	index = json_object_get(rows->ids, r.id);
	if (index != NULL) {
		i = (size_t)json_integer_value(index);
		if (r.is_verified && !rows->rows[i].is_verified) {
			received_clear(&rows->rows[i]);
			rows->rows[i] = r;
		} else
			received_clear(&r);
		return;
	}
	if (rows->count == RECEIVED_ROWS_MAX) {
		rows->is_cut = true;
		received_clear(&r);
		return;
	}
	rows->rows = xreallocarray(rows->rows, rows->count + 1,
	    sizeof(*rows->rows));
	json_object_set_new(rows->ids, r.id,
	    json_integer((json_int_t)rows->count));
	rows->rows[rows->count++] = r;
}

/* ------------------------------------------------------------------ sums */

static void
add_count(json_t *object, const char *name, uint64_t count)
{
	json_int_t known = json_integer_value(json_object_get(object, name));

	json_object_set_new(object, name, json_integer(
	    count > (uint64_t)(INT64_MAX - known) ? INT64_MAX :
	    known + (json_int_t)count));
}

/* The same for a stranger's word. */
static void
add_kind(json_t *object, const char *word, uint64_t count)
{
	char name[WORD_SIZE];

	text_quote(name, sizeof(name), text_of(word));
	if (json_object_get(object, name) == NULL &&
	    json_object_size(object) >= KINDS_MAX)
		snprintf(name, sizeof(name), "(other)");
	add_count(object, name, count);
}

static void
add_policy(json_t *sums, const struct report_policy *p)
{
	json_t *failures = json_object_get(sums, "failures");
	json_t *hosts = json_object_get(sums, "hosts");
	size_t i;

	add_count(sums, "success", p->success_count);
	add_count(sums, "failure", p->failure_count);
	for (i = 0; i < p->detail_count; i++) {
		if (failures != NULL)
			add_kind(failures, p->details[i].result_type,
			    p->details[i].session_count);
		if (hosts != NULL && p->details[i].mx_host != NULL)
			add_kind(hosts, p->details[i].mx_host,
			    p->details[i].session_count);
	}
}

static json_t *
domain_row(json_t *domains, const struct report_policy *p)
{
	char key[WORD_SIZE + HOST_NAME_SIZE];
	json_t *row;

	snprintf(key, sizeof(key), "%s %.100s", p->domain != NULL ?
	    p->domain : "", p->type);
	row = json_object_get(domains, key);
	if (row != NULL || json_object_size(domains) == DOMAINS_MAX)
		return row;
	row = json_pack("{s:o, s:o, s:i, s:i, s:{}, s:{}}", "domain",
	    json_words(p->domain), "policy", json_words(p->type),
	    "success", 0, "failure", 0, "failures", "hosts");
	/* What is no UTF-8 is in no row; report_parse lets none through. */
	json_object_set_new(domains, key, row);
	return row;
}

/* --------------------------------------------------------------- one report */

static json_t *
details_array(const struct report_policy *p)
{
	const struct report_failure *d;
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < p->detail_count && i < DETAILS_MAX; i++) {
		d = &p->details[i];
		json_array_append_new(array, json_pack(
		    "{s:o, s:I, s:o, s:o, s:o, s:o}", "result_type",
		    json_words(d->result_type), "count",
		    (json_int_t)d->session_count, "host",
		    json_words(d->mx_host), "sending_address",
		    json_words(d->sending_ip), "reason",
		    json_words(d->reason), "additional",
		    json_words(d->additional)));
	}
	return array;
}

static bool
is_wanted(const struct report_question *q, const struct report_policy *p)
{
	return q->domain[0] == '\0' ||
	    (p->domain != NULL && strcmp(p->domain, q->domain) == 0);
}

static json_t *
report_value(const struct report_question *q, const struct received *r)
{
	json_t *policies = json_array();
	const struct report_policy *p;
	size_t i;

	for (i = 0; i < r->report.policy_count; i++) {
		p = &r->report.policies[i];
		if (is_wanted(q, p))
			json_array_append_new(policies, json_pack(
			    "{s:o, s:o, s:I, s:I, s:o}", "domain",
			    json_words(p->domain), "type",
			    json_words(p->type), "success",
			    (json_int_t)p->success_count, "failure",
			    (json_int_t)p->failure_count, "failures",
			    details_array(p)));
	}
	return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "organization", json_words(r->report.organization),
	    "submitter", json_words(r->submitter),
	    "verified", r->is_verified,
	    "report_id", json_words(r->report.id),
	    "contact", json_words(r->report.contact),
	    "start", json_time(r->report.start_s),
	    "end", json_time(r->report.end_s),
	    "received", json_time(r->received_at), "policies", policies);
}

static uint64_t
failures_of(const struct received *r)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < r->report.policy_count; i++)
		sum += r->report.policies[i].failure_count > UINT32_MAX ?
		    UINT32_MAX : r->report.policies[i].failure_count;
	return sum;
}

/* Verified ones first, or strangers would push them off; then by failures. */
static int
compare(const void *a, const void *b)
{
	bool is_a = ((const struct received *)a)->is_verified;
	bool is_b = ((const struct received *)b)->is_verified;
	uint64_t x = failures_of(a), y = failures_of(b);

	if (is_a != is_b)
		return is_a ? -1 : 1;
	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(((const struct received *)a)->id,
	    ((const struct received *)b)->id);
}

/* ------------------------------------------------------------------ answer */

static void
add_report(const struct received_rows *rows, const struct received *r,
    json_t *sums, json_t *domains)
{
	const struct report_policy *p;
	json_t *row;
	size_t i;

	add_count(sums, "reports", 1);
	for (i = 0; i < r->report.policy_count; i++) {
		p = &r->report.policies[i];
		if (!is_wanted(&rows->q, p))
			continue;
		add_policy(sums, p);
		row = domains != NULL ? domain_row(domains, p) : NULL;
		if (row != NULL)
			add_policy(row, p);
	}
}

static bool
says_something(const struct received_rows *rows, const struct received *r)
{
	size_t i;

	for (i = 0; i < r->report.policy_count; i++)
		if (is_wanted(&rows->q, &r->report.policies[i]))
			return true;
	return rows->q.domain[0] == '\0';
}

char *
received_line(struct received_rows *rows, const char *note)
{
	json_t *totals = json_pack("{s:i, s:i, s:i, s:{}}", "reports", 0,
	    "success", 0, "failure", 0, "failures");
	json_t *unverified = json_pack("{s:i, s:i, s:i}", "reports", 0,
	    "success", 0, "failure", 0);
	json_t *domains = json_object(), *reports = json_array();
	char first[TALLY_DATE_SIZE], last[TALLY_DATE_SIZE];
	const struct received *r;
	size_t i;

	if (rows->count > 0)
		qsort(rows->rows, rows->count, sizeof(*rows->rows), compare);
	for (i = 0; i < rows->count; i++) {
		r = &rows->rows[i];
		if (!says_something(rows, r))
			continue;
		add_report(rows, r, r->is_verified ? totals : unverified,
		    r->is_verified ? domains : NULL);
		if (json_array_size(reports) < rows->q.top)
			json_array_append_new(reports,
			    report_value(&rows->q, r));
	}
	if (rows->is_cut)
		note = "more reports than are summed up at one time: ask for "
		    "fewer days";
	return json_line(json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
	    "day", tally_date_format(rows->q.first, first),
	    "until", tally_date_format(rows->q.last, last),
	    "direction", "received", "domains", json_values(domains),
	    "reports", reports, "totals", totals, "unverified", unverified,
	    "note", json_words(note)));
}
