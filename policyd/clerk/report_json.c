/*
 * The answer to "report".  All keys are looked at once for the sums, and those
 * of the domains that are shown once more for their details: those with the
 * most failures, then those with the most sessions.
 */

#include "policyd/clerk/report_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/value_json.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define HOSTS_MAX	50	/* of a domain in an answer */
#define REASONS_MAX	20
#define REFUSALS_MAX	100	/* of our certificate */

/* ------------------------------------------------------------------ sums */

struct sums {
	uint64_t	outcomes[TALLY_CLEAR + 1];
	uint64_t	encrypted, verified, probed;
	json_t		*protocols;
};

static uint64_t
sum_of(const struct sums *s)
{
	return s->outcomes[TALLY_UNKNOWN] + s->outcomes[TALLY_SUCCESS] +
	    s->outcomes[TALLY_FAILURE] + s->outcomes[TALLY_CLEAR];
}

static void
json_add(json_t *object, struct text name, uint64_t count)
{
	char key[TALLY_DOMAIN_MAX + 4];
	json_t *old;

	text_quote(key, sizeof(key), name);
	old = json_object_get(object, key);
	json_object_set_new(object, key, json_integer((json_int_t)count +
	    json_integer_value(old)));
}

static void
sums_add(struct sums *s, const struct tally_key *key, uint64_t count)
{
	s->outcomes[key->outcome] += count;
	if (key->is_probe)
		s->probed += count;
	if (key->trust == SESSION_TRUST_VERIFIED)
		s->verified += count;
	/* Datagrams tell of TLS, not of its version. */
	if (key->protocol.len > 0 || key->outcome == TALLY_SUCCESS)
		s->encrypted += count;
	if (key->protocol.len > 0)
		json_add(s->protocols, key->protocol, count);
}

static json_t *
sums_value(struct sums *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
	    "sessions", (json_int_t)sum_of(s),
	    "success", (json_int_t)s->outcomes[TALLY_SUCCESS],
	    "failure", (json_int_t)s->outcomes[TALLY_FAILURE],
	    "clear", (json_int_t)s->outcomes[TALLY_CLEAR],
	    "unknown", (json_int_t)s->outcomes[TALLY_UNKNOWN],
	    "encrypted", (json_int_t)s->encrypted,
	    "verified", (json_int_t)s->verified,
	    "by_probe", (json_int_t)s->probed,
	    "protocols", s->protocols);
}

/* --------------------------------------------------------------- domains */

/* A domain's sessions under one type of policy. */
struct row {
	uint32_t	domain;
	struct text	policy;		/* "sts"; empty: not known */
	uint64_t	outcomes[TALLY_CLEAR + 1];
	uint64_t	sum;
	uint32_t	since, last;	/* of failures; 0: none */
};

struct rows {
	struct row	*items;
	size_t		 count, capacity;
};

static struct row *
row_of(struct rows *rows, uint32_t domain, struct text policy)
{
	struct row *row;
	size_t i;

	/* Those of one domain stand together, at the end. */
	for (i = rows->count; i > 0; i--) {
		row = &rows->items[i - 1];
		if (row->domain != domain)
			break;
		if (row->policy.len == policy.len &&
		    memcmp(row->policy.data, policy.data, policy.len) == 0)
			return row;
	}
	if (rows->count == rows->capacity) {
		rows->capacity = rows->capacity * 2 + 64;
		rows->items = xreallocarray(rows->items, rows->capacity,
		    sizeof(*rows->items));
	}
	row = &rows->items[rows->count++];
	*row = (struct row){ .domain = domain, .policy = policy };
	return row;
}

static void
row_add(struct row *row, const struct tally_key *key,
    const struct tally_entry *e)
{
	if (key->outcome == TALLY_FAILURE) {
		if (row->since == 0 || e->first_at < row->since)
			row->since = e->first_at;
		if (e->last_at > row->last)
			row->last = e->last_at;
	}
	if (key->is_detail)
		return;
	row->outcomes[key->outcome] += e->total;
	row->sum += e->total;
}

static int
compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->outcomes[TALLY_FAILURE] != y->outcomes[TALLY_FAILURE])
		return x->outcomes[TALLY_FAILURE] >
		    y->outcomes[TALLY_FAILURE] ? -1 : 1;
	if ((x->since != 0) != (y->since != 0))
		return x->since != 0 ? -1 : 1;
	if (x->sum != y->sum)
		return x->sum > y->sum ? -1 : 1;
	return (x->domain > y->domain) - (x->domain < y->domain);
}

struct details {
	json_t	*failures, *findings, *hosts, *reasons;
};

static void
add_host(json_t *hosts, const struct tally_key *key, uint64_t count)
{
	char name[TALLY_DOMAIN_MAX + 4];
	const char *word = key->outcome == TALLY_SUCCESS ? "success" :
	    key->outcome == TALLY_FAILURE ? "failure" : "other";
	json_t *host;

	if (key->host.len == 0 || key->is_detail)
		return;
	text_quote(name, sizeof(name), key->host);
	host = json_object_get(hosts, name);
	if (host == NULL) {
		if (json_object_size(hosts) == HOSTS_MAX)
			return;
		host = json_pack("{s:s, s:i, s:i, s:i, s:{}}", "host", name,
		    "success", 0, "failure", 0, "other", 0, "findings");
		json_object_set_new(hosts, name, host);
	}
	json_add(host, text_of(word), count);
	if (key->outcome == TALLY_FAILURE)
		json_add(json_object_get(host, "findings"),
		    text_of(finding_name(key->finding)), count);
}

static void
add_details(struct details *d, const struct tally_key *key, uint64_t count)
{
	const char *known = finding_result_type(key->finding);

	add_host(d->hosts, key, count);
	if (key->outcome != TALLY_FAILURE)
		return;
	json_add(d->failures, key->result.len > 0 ? key->result :
	    text_of(known != NULL ? known : "validation-failure"), count);
	json_add(d->findings, text_of(finding_name(key->finding)), count);
	if (key->reason.len > 0 && (json_object_size(d->reasons) <
	    REASONS_MAX))
		json_add(d->reasons, key->reason, count);
}

static bool
is_wanted(const struct report_question *q, const struct tally_entry *e,
    struct tally_key *key)
{
	return tally_key_parse(text_of(e->line), key) &&
	    key->direction == q->direction;
}

static json_t *
row_value(const struct report_question *q, const struct tally *tally,
    const struct row *row)
{
	struct details d = { json_object(), json_object(), json_object(),
	    json_object() };
	const struct tally_entry *e;
	struct tally_key key;
	struct text type;
	uint32_t i;

	for (i = tally_first(tally, row->domain); i != TALLY_NONE;
	    i = e->next) {
		e = tally_entry(tally, i);
		if (!is_wanted(q, e, &key))
			continue;
		type = tally_policy_type(key.policy);
		if (type.len == row->policy.len && memcmp(type.data,
		    row->policy.data, type.len) == 0)
			add_details(&d, &key, e->total);
	}
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, "
	    "s:o, s:o}",
	    "domain", tally_domain_name(tally, row->domain),
	    "policy", row->policy.len > 0 ? json_text(row->policy) :
	    json_null(),
	    "success", (json_int_t)row->outcomes[TALLY_SUCCESS],
	    "failure", (json_int_t)row->outcomes[TALLY_FAILURE],
	    "clear", (json_int_t)row->outcomes[TALLY_CLEAR],
	    "unknown", (json_int_t)row->outcomes[TALLY_UNKNOWN],
	    "failures", d.failures, "findings", d.findings,
	    "hosts", json_values(d.hosts), "reasons", d.reasons,
	    "since", json_time(row->since), "last", json_time(row->last));
}

/* ------------------------------------------------------ our certificate */

/* A client that refused it, on whatever port. */
static void
add_refusal(json_t *refusals, const struct tally_key *key,
    const struct tally_entry *e)
{
	if (!key->refuses_our_certificate ||
	    json_array_size(refusals) == REFUSALS_MAX)
		return;
	json_array_append_new(refusals, json_pack("{s:o, s:o, s:o, s:o, s:I, "
	    "s:o, s:o}", "host", json_text(key->host),
	    "address", json_text(key->address),
	    "service", json_text(key->service),
	    "reason", json_text(key->reason), "count", (json_int_t)e->total,
	    "since", json_time(e->first_at), "last", json_time(e->last_at)));
}

/* ------------------------------------------------------------ the answer */

static json_t *
rows_value(const struct report_question *q, const struct tally *tally,
    struct rows *rows)
{
	json_t *domains = json_array();
	size_t i;

	if (rows->count > 0)
		qsort(rows->items, rows->count, sizeof(*rows->items),
		    compare_rows);
	for (i = 0; i < rows->count && i < q->top; i++)
		json_array_append_new(domains, row_value(q, tally,
		    &rows->items[i]));
	return domains;
}

char *
report_line(const struct report_question *q, const struct tally *tally,
    const char *note)
{
	struct sums sums[SESSION_DIRECTION_COUNT] = { 0 };
	json_t *refusals = json_array(), *directions = json_object();
	json_t *domains, *totals;
	const struct tally_entry *e;
	char first[TALLY_DATE_SIZE], last[TALLY_DATE_SIZE];
	struct rows rows = { 0 };
	struct tally_key key;
	uint32_t domain, i;
	int d;

	for (d = 0; d < SESSION_DIRECTION_COUNT; d++)
		sums[d].protocols = json_object();
	for (domain = 0; domain < tally_domain_count(tally); domain++)
		for (i = tally_first(tally, domain); i != TALLY_NONE;
		    i = e->next) {
			e = tally_entry(tally, i);
			if (!tally_key_parse(text_of(e->line), &key))
				continue;
			if (!key.is_detail)
				sums_add(&sums[key.direction], &key,
				    e->total);
			if (key.direction == q->direction)
				row_add(row_of(&rows, domain,
				    tally_policy_type(key.policy)), &key, e);
			add_refusal(refusals, &key, e);
		}
	domains = rows_value(q, tally, &rows);
	for (d = 0; d < SESSION_DIRECTION_COUNT; d++)
		json_object_set_new(directions, session_direction_name(d),
		    sums_value(&sums[d]));
	totals = json_deep_copy(json_object_get(directions,
	    session_direction_name(q->direction)));
	free(rows.items);
	return json_line(json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, "
	    "s:o}",
	    "day", tally_date_format(q->first, first),
	    "until", tally_date_format(q->last, last),
	    "direction", session_direction_name(q->direction),
	    "domains", domains, "totals", totals, "directions", directions,
	    "our_certificate", refusals,
	    "domain_count", (json_int_t)rows.count, "note",
	    json_words(note)));
}
