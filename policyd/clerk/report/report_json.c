/*
 * The answer to "report".  All keys are looked at once for the sums, and those
 * of the domains that are shown once more for their details: those with the
 * most failures, first where nothing let them pass, then those with the most
 * sessions; and those that would fail most if what they promise were enforced.
 */

#include "policyd/clerk/report/report_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/control.h"
#include "policyd/clerk/value_json.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define HOSTS_MAX	50	/* of a domain in an answer */
#define REASONS_MAX	20
#define REFUSALS_MAX	100	/* of our certificate, the latest */
#define KEYS_A_TURN	4000	/* looked at; some ms */
#define ROWS_A_TURN	50
#define ROWS_MAX_BYTES	(CONTROL_ANSWER_MAX_BYTES - 262144)

/* ------------------------------------------------------------------ sums */

struct sums {
	uint64_t	outcomes[TALLY_CLEAR + 1];
	uint64_t	encrypted, verified, let_pass;
	json_t		*protocols;
};

static uint64_t
sum_of(const uint64_t outcomes[TALLY_CLEAR + 1])
{
	return outcomes[TALLY_UNKNOWN] + outcomes[TALLY_SUCCESS] +
	    outcomes[TALLY_FAILURE] + outcomes[TALLY_CLEAR];
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
	if (key->is_let_pass)
		s->let_pass += count;
	if (key->trust == SESSION_TRUST_VERIFIED)
		s->verified += count;
	/* Datagrams tell of TLS, not of its version. */
	if (key->protocol.len > 0 || key->outcome == TALLY_SUCCESS)
		s->encrypted += count;
	if (key->protocol.len > 0)
		json_add(s->protocols, key->protocol, count);
}

static json_t *
sums_value(const struct sums *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}",
	    "sessions", (json_int_t)sum_of(s->outcomes),
	    "success", (json_int_t)s->outcomes[TALLY_SUCCESS],
	    "failure", (json_int_t)s->outcomes[TALLY_FAILURE],
	    "clear", (json_int_t)s->outcomes[TALLY_CLEAR],
	    "unknown", (json_int_t)s->outcomes[TALLY_UNKNOWN],
	    "encrypted", (json_int_t)s->encrypted,
	    "verified", (json_int_t)s->verified,
	    "by_probe", (json_int_t)s->let_pass,
	    "protocols", s->protocols);
}

/* --------------------------------------------------------------- domains */

/* A domain's sessions under one type of policy. */
struct row {
	uint32_t	domain;
	struct text	policy;		/* "sts"; empty: not known */
	uint64_t	outcomes[TALLY_CLEAR + 1];
	uint64_t	let_pass;	/* of the failures */
	uint32_t	since, last;	/* of failures; 0: none */
	uint32_t	would_since, would_last;
};

typedef int row_order(const void *a, const void *b);

/* The first of them in that order. */
struct best {
	row_order	*order;
	struct row	*items;		/* twice as many as are wanted */
	size_t		 count, wanted;
	size_t		 passed;	/* all that came by */
};

/* Sessions that nothing stopped, and a policy in force would have. */
static uint64_t
would_fail(const struct row *row)
{
	return row->let_pass + row->outcomes[TALLY_CLEAR];
}

static void
note_time(uint32_t *since, uint32_t *last, const struct tally_entry *e)
{
	if (*since == 0 || e->first_at < *since)
		*since = e->first_at;
	if (e->last_at > *last)
		*last = e->last_at;
}

static void
row_add(struct row *row, const struct tally_key *key,
    const struct tally_entry *e)
{
	if (key->outcome == TALLY_FAILURE)
		note_time(&row->since, &row->last, e);
	if (key->is_detail)
		return;
	row->outcomes[key->outcome] += e->total;
	if (key->is_let_pass)
		row->let_pass += e->total;
	if (key->outcome == TALLY_CLEAR || key->is_let_pass)
		note_time(&row->would_since, &row->would_last, e);
}

/* Most first. */
static int
compare_counts(uint64_t x, uint64_t y)
{
	return (x < y) - (x > y);
}

static int
compare_rows(const struct row *x, const struct row *y)
{
	int order = compare_counts(sum_of(x->outcomes), sum_of(y->outcomes));

	return order != 0 ? order :
	    (x->domain > y->domain) - (x->domain < y->domain);
}

/* Failures that nothing let pass. */
static uint64_t
stopped(const struct row *row)
{
	return row->outcomes[TALLY_FAILURE] - row->let_pass;
}

/* A failure detail may stand beside sessions that all went well. */
static bool
is_failing(const struct row *row)
{
	return stopped(row) > 0 || (row->since != 0 && row->let_pass == 0);
}

static int
by_failure(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = compare_counts(stopped(x), stopped(y));

	if (order == 0)
		order = compare_counts(x->outcomes[TALLY_FAILURE],
		    y->outcomes[TALLY_FAILURE]);
	if (order == 0)
		order = compare_counts(x->since != 0, y->since != 0);
	return order != 0 ? order : compare_rows(x, y);
}

static int
by_would_fail(const void *a, const void *b)
{
	int order = compare_counts(would_fail(a), would_fail(b));

	return order != 0 ? order : compare_rows(a, b);
}

static void
best_init(struct best *best, row_order *order, size_t wanted)
{
	*best = (struct best){ .order = order, .wanted = wanted };
	best->items = xcalloc(2 * wanted, sizeof(*best->items));
}

/* The wanted ones, in order. */
static void
best_settle(struct best *best)
{
	qsort(best->items, best->count, sizeof(*best->items), best->order);
	if (best->count > best->wanted)
		best->count = best->wanted;
}

static void
best_add(struct best *best, const struct row *row)
{
	best->passed++;
	if (best->count == 2 * best->wanted)
		best_settle(best);
	best->items[best->count++] = *row;
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
is_of_row(const struct report_question *q, const struct row *row,
    const struct tally_entry *e, struct tally_key *key)
{
	struct text type;

	if (!tally_key_parse(text_of(e->line), key) ||
	    key->direction != q->direction)
		return false;
	type = tally_policy_type(key->policy);
	return type.len == row->policy.len &&
	    memcmp(type.data, row->policy.data, type.len) == 0;
}

static void
add_row_details(struct details *d, const struct report_question *q,
    const struct tally *tally, const struct row *row, bool is_let_pass_only)
{
	const struct tally_entry *e;
	struct tally_key key;
	uint32_t i;

	for (i = tally_first(tally, row->domain); i != TALLY_NONE;
	    i = e->next) {
		e = tally_entry(tally, i);
		if (is_of_row(q, row, e, &key) &&
		    (!is_let_pass_only || key.is_let_pass))
			add_details(d, &key, e->total);
	}
}

static json_t *
row_value(const struct report_question *q, const struct tally *tally,
    const struct row *row)
{
	struct details d = { json_object(), json_object(), json_object(),
	    json_object() };

	add_row_details(&d, q, tally, row, false);
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, "
	    "s:o, s:o, s:o}",
	    "domain", tally_domain_name(tally, row->domain),
	    "policy", row->policy.len > 0 ?
	    json_text(row->policy) : json_null(),
	    "success", (json_int_t)row->outcomes[TALLY_SUCCESS],
	    "failure", (json_int_t)row->outcomes[TALLY_FAILURE],
	    "clear", (json_int_t)row->outcomes[TALLY_CLEAR],
	    "unknown", (json_int_t)row->outcomes[TALLY_UNKNOWN],
	    "by_probe", (json_int_t)row->let_pass,
	    "failures", d.failures, "findings", d.findings,
	    "hosts", json_values(d.hosts), "reasons", d.reasons,
	    "since", json_time(row->since), "last", json_time(row->last));
}

static json_t *
would_value(const struct report_question *q, const struct tally *tally,
    const struct row *row)
{
	struct details d = { json_object(), json_object(), json_object(),
	    json_object() };

	add_row_details(&d, q, tally, row, true);
	json_decref(d.failures);
	json_decref(d.reasons);
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o}",
	    "domain", tally_domain_name(tally, row->domain),
	    "policy", row->policy.len > 0 ?
	    json_text(row->policy) : json_null(),
	    "sessions", (json_int_t)sum_of(row->outcomes),
	    "would_fail", (json_int_t)would_fail(row),
	    "clear", (json_int_t)row->outcomes[TALLY_CLEAR],
	    "findings", d.findings, "hosts", json_values(d.hosts),
	    "since", json_time(row->would_since),
	    "last", json_time(row->would_last));
}

/* ------------------------------------------------------------ the answer */

enum step { STEP_SUMS, STEP_FAILING, STEP_WOULD_FAIL, STEP_DONE };

struct report_answer {
	struct report_question	 q;
	struct tally		*tally;
	const char		*note;
	enum step		 step;
	uint32_t		 domain;	/* to be looked at next */
	struct row		*rows;		/* of that domain */
	size_t			 row_count, row_capacity;
	struct sums		 sums[SESSION_DIRECTION_COUNT];
	uint32_t		 refusals[REFUSALS_MAX];	/* keys */
	size_t			 refusal_count;
	struct best		 failing, would_fail;
	size_t			 failing_count;
	size_t			 next;		/* of them to be shown */
	struct buffer		 failing_text, would_fail_text;
};

typedef json_t *row_value_cb(const struct report_question *q,
    const struct tally *tally, const struct row *row);

struct report_answer *
report_answer_new(const struct report_question *q, struct tally *tally,
    const char *note)
{
	struct report_answer *a = xcalloc(1, sizeof(*a));
	int d;

	a->q = *q;
	a->tally = tally;
	a->note = note;
	for (d = 0; d < SESSION_DIRECTION_COUNT; d++)
		a->sums[d].protocols = json_object();
	best_init(&a->failing, by_failure, q->top);
	best_init(&a->would_fail, by_would_fail, q->top);
	buffer_init(&a->failing_text, ROWS_MAX_BYTES / 4 * 3);
	buffer_init(&a->would_fail_text, ROWS_MAX_BYTES / 4);
	return a;
}

void
report_answer_free(struct report_answer *a)
{
	int d;

	if (a == NULL)
		return;
	for (d = 0; d < SESSION_DIRECTION_COUNT; d++)
		json_decref(a->sums[d].protocols);
	free(a->rows);
	free(a->failing.items);
	free(a->would_fail.items);
	buffer_clear(&a->failing_text);
	buffer_clear(&a->would_fail_text);
	tally_free(a->tally);
	free(a);
}

/* Takes value; false when there is no room for it. */
static bool
put_row(struct buffer *out, json_t *value)
{
	char *text = json_dumps(value, JSON_ENSURE_ASCII);
	bool has_room = out->len + 2 + strlen(text) <= out->limit;

	if (has_room)
		buffer_addf(out, "%s%s", out->len > 0 ? ", " : "", text);
	free(text);
	json_decref(value);
	return has_room;
}

static struct row *
row_of(struct report_answer *a, struct text policy)
{
	struct row *row;
	size_t i;

	for (i = 0; i < a->row_count; i++) {
		row = &a->rows[i];
		if (row->policy.len == policy.len &&
		    memcmp(row->policy.data, policy.data, policy.len) == 0)
			return row;
	}
	if (a->row_count == a->row_capacity) {
		a->row_capacity = a->row_capacity * 2 + 8;
		a->rows = xreallocarray(a->rows, a->row_capacity,
		    sizeof(*a->rows));
	}
	row = &a->rows[a->row_count++];
	*row = (struct row){ .domain = a->domain, .policy = policy };
	return row;
}

/* One more takes the place of the oldest. */
static void
add_refusal(struct report_answer *a, uint32_t key)
{
	size_t i, oldest = 0;

	if (a->refusal_count < REFUSALS_MAX) {
		a->refusals[a->refusal_count++] = key;
		return;
	}
	for (i = 1; i < REFUSALS_MAX; i++)
		if (tally_entry(a->tally, a->refusals[i])->last_at <
		    tally_entry(a->tally, a->refusals[oldest])->last_at)
			oldest = i;
	if (tally_entry(a->tally, key)->last_at >
	    tally_entry(a->tally, a->refusals[oldest])->last_at)
		a->refusals[oldest] = key;
}

/* Clients that refused our certificate, on whatever port. */
static json_t *
refusals_value(const struct report_answer *a)
{
	json_t *refusals = json_array();
	const struct tally_entry *e;
	struct tally_key key;
	size_t i;

	for (i = 0; i < a->refusal_count; i++) {
		e = tally_entry(a->tally, a->refusals[i]);
		if (tally_key_parse(text_of(e->line), &key))
			json_array_append_new(refusals, json_pack("{s:o, "
			    "s:o, s:o, s:o, s:I, s:o, s:o}",
			    "host", json_text(key.host),
			    "address", json_text(key.address),
			    "service", json_text(key.service),
			    "reason", json_text(key.reason),
			    "count", (json_int_t)e->total,
			    "since", json_time(e->first_at),
			    "last", json_time(e->last_at)));
	}
	return refusals;
}

/* How many keys it has. */
static unsigned
look_at_domain(struct report_answer *a)
{
	const struct tally_entry *e;
	struct tally_key key;
	unsigned count = 0;
	uint32_t i;
	size_t n;

	a->row_count = 0;
	for (i = tally_first(a->tally, a->domain); i != TALLY_NONE;
	    i = e->next) {
		e = tally_entry(a->tally, i);
		count++;
		if (!tally_key_parse(text_of(e->line), &key))
			continue;
		if (!key.is_detail)
			sums_add(&a->sums[key.direction], &key, e->total);
		if (key.direction == a->q.direction)
			row_add(row_of(a, tally_policy_type(key.policy)), &key,
			    e);
		if (key.refuses_our_certificate)
			add_refusal(a, i);
	}
	for (n = 0; n < a->row_count; n++) {
		best_add(&a->failing, &a->rows[n]);
		a->failing_count += is_failing(&a->rows[n]);
		if (would_fail(&a->rows[n]) > 0)
			best_add(&a->would_fail, &a->rows[n]);
	}
	return count;
}

static void
look_at_domains(struct report_answer *a)
{
	unsigned count = 0;

	for (; count < KEYS_A_TURN && a->domain <
	    tally_domain_count(a->tally); a->domain++)
		count += look_at_domain(a);
	if (a->domain == tally_domain_count(a->tally)) {
		best_settle(&a->failing);
		best_settle(&a->would_fail);
		a->step = STEP_FAILING;
	}
}

/* True when all that there is room for is shown. */
static bool
show_rows(struct report_answer *a, const struct best *best,
    struct buffer *out, row_value_cb *value)
{
	unsigned i;

	for (i = 0; i < ROWS_A_TURN; i++)
		if (a->next == best->count || !put_row(out, value(&a->q,
		    a->tally, &best->items[a->next++]))) {
			a->next = 0;
			return true;
		}
	return false;
}

bool
report_answer_advance(struct report_answer *a)
{
	switch (a->step) {
	case STEP_SUMS:
		look_at_domains(a);
		break;
	case STEP_FAILING:
		if (show_rows(a, &a->failing, &a->failing_text, row_value))
			a->step = STEP_WOULD_FAIL;
		break;
	case STEP_WOULD_FAIL:
		if (show_rows(a, &a->would_fail, &a->would_fail_text,
		    would_value))
			a->step = STEP_DONE;
		break;
	case STEP_DONE:
		break;
	}
	return a->step == STEP_DONE;
}

char *
report_answer_line(const struct report_answer *a)
{
	char first[TALLY_DATE_SIZE], last[TALLY_DATE_SIZE];
	const char *asked = session_direction_name(a->q.direction);
	json_t *directions = json_object();
	struct buffer line;
	char *head;
	int d;

	for (d = 0; d < SESSION_DIRECTION_COUNT; d++)
		json_object_set_new(directions, session_direction_name(d),
		    sums_value(&a->sums[d]));
	head = json_line(json_pack("{s:s, s:s, s:s, s:O, s:o, s:o, s:I, s:I, "
	    "s:I, s:o}",
	    "day", tally_date_format(a->q.first, first),
	    "until", tally_date_format(a->q.last, last),
	    "direction", asked,
	    "totals", json_object_get(directions, asked),
	    "directions", directions, "our_certificate", refusals_value(a),
	    "domain_count", (json_int_t)a->failing.passed,
	    "failing_count", (json_int_t)a->failing_count,
	    "if_enforced_count", (json_int_t)a->would_fail.passed,
	    "note", json_words(a->note)));
	buffer_init(&line, CONTROL_ANSWER_MAX_BYTES);
	/* The rows are text already: they go behind the last member. */
	buffer_addf(&line, "%.*s, \"domains\": [%s], \"if_enforced\": [%s]}",
	    (int)strlen(head) - 1, head, buffer_text(&a->failing_text),
	    buffer_text(&a->would_fail_text));
	free(head);
	return buffer_take(&line);
}
