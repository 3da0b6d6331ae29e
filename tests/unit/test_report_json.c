/*
 * The answer to "report": sums, order, what would fail, and in how many turns.
 */

#include "policyd/clerk/report/report_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/check.h"

#define DAY	20000
#define AT	((int64_t)DAY * 86400 + 3600)

static const struct siphash_key hash_key = { 1, 2 };

static const struct {
	const char		*domain;
	int			 count;
	struct tally_key	 key;
} sessions[] = {
	{ "good.example", 5, { .outcome = TALLY_SUCCESS,
	    .trust = SESSION_TRUST_VERIFIED, .protocol = { "TLSv1.3", 7 } } },
	{ "clear.example", 4, { .outcome = TALLY_CLEAR } },
	{ "testing.example", 30, { .outcome = TALLY_FAILURE,
	    .finding = FINDING_CERT_EXPIRED, .is_probe = true,
	    .is_let_pass = true, .policy = { "sts:1", 5 }, .host = { "mx", 2 },
	    .protocol = { "TLSv1.2", 7 } } },
	{ "elsewhere.example", 1, { .outcome = TALLY_FAILURE,
	    .finding = FINDING_MX_NOT_IN_POLICY, .is_probe = true,
	    .policy = { "sts:2", 5 } } },
	{ "broken.example", 2, { .outcome = TALLY_FAILURE,
	    .finding = FINDING_HANDSHAKE_FAILED, .host = { "mx1", 3 } } },
	{ "broken.example", 1, { .outcome = TALLY_FAILURE,
	    .finding = FINDING_CERT_EXPIRED, .host = { "mx2", 3 } } },
	{ "fetch.example", 7, { .outcome = TALLY_SUCCESS,
	    .policy = { "sts", 3 } } },
	{ "fetch.example", 7, { .is_detail = true, .outcome = TALLY_FAILURE,
	    .finding = FINDING_POLICY_FETCH_FAILED, .is_probe = true,
	    .policy = { "sts", 3 } } },
	{ "came.example", 9, { .direction = SESSION_IN,
	    .outcome = TALLY_CLEAR } },
};

static struct tally *
make_tally(unsigned more)
{
	struct tally *t = tally_new(DAY, 1000000, &hash_key);
	char name[32];
	unsigned n;
	size_t i;
	int k;

	for (i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
		for (k = 0; k < sessions[i].count; k++)
			tally_add(t, text_of(sessions[i].domain),
			    &sessions[i].key, AT + k, TALLY_ONCE);
	for (n = 0; n < more; n++) {
		snprintf(name, sizeof(name), "d%u.example", n);
		tally_add(t, text_of(name), &sessions[n % 4].key, AT,
		    TALLY_ONCE);
	}
	return t;
}

static json_t *
answer_of(struct tally *tally, enum session_direction direction, unsigned top,
    unsigned *turns)
{
	struct report_question q = { .first = DAY, .last = DAY,
	    .direction = direction, .top = top };
	struct report_answer *a = report_answer_new(&q, tally, NULL);
	json_t *value;
	char *line;

	for (*turns = 1; !report_answer_advance(a); ++*turns)
		;
	line = report_answer_line(a);
	value = json_loads(line, 0, NULL);
	check_bool("it is JSON", value != NULL, true);
	check_bool("in one line", strchr(line, '\n') == NULL, true);
	free(line);
	report_answer_free(a);
	return value;
}

static json_t *
answer(enum session_direction direction, unsigned top, unsigned more,
    unsigned *turns)
{
	return answer_of(make_tally(more), direction, top, turns);
}

static int64_t
number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *
domain(const json_t *answer, const char *list, size_t i)
{
	return json_string_value(json_object_get(json_array_get(
	    json_object_get(answer, list), i), "domain"));
}

static void
test_order(void)
{
	unsigned turns;
	json_t *a = answer(SESSION_OUT, 1000, 0, &turns), *row;
	const char *order[] = { "broken.example", "elsewhere.example",
	    "testing.example", "fetch.example", "good.example",
	    "clear.example", NULL };
	size_t i;

	/* What nothing let pass comes first, details before what is fine. */
	for (i = 0; order[i] != NULL; i++)
		check_text("order", domain(a, "domains", i), order[i]);
	row = json_array_get(json_object_get(a, "domains"), 0);
	check_int("failures", number(row, "failure"), 3);
	check_int("its hosts", (int64_t)json_array_size(json_object_get(row,
	    "hosts")), 2);
	check_int("by result-type", number(json_object_get(row, "failures"),
	    "certificate-expired"), 1);
	check_int("failing", number(a, "failing_count"), 3);
	check_int("all", number(a, "domain_count"), 6);
	check_int("sessions", number(json_object_get(a, "totals"),
	    "sessions"), 5 + 4 + 30 + 1 + 3 + 7);
	check_int("let pass, and not what Postfix stopped, too", number(
	    json_object_get(a, "totals"), "by_probe"), 30);
	check_int("verified", number(json_object_get(a, "totals"),
	    "verified"), 5);
	json_decref(a);
}

static void
test_if_enforced(void)
{
	unsigned turns;
	json_t *a = answer(SESSION_OUT, 1000, 0, &turns), *row;

	check_int("two", number(a, "if_enforced_count"), 2);
	check_text("testing mode first", domain(a, "if_enforced", 0),
	    "testing.example");
	row = json_array_get(json_object_get(a, "if_enforced"), 0);
	check_int("all of it", number(row, "would_fail"), 30);
	check_int("why", number(json_object_get(row, "findings"),
	    "cert-expired"), 30);
	check_text("then in clear", domain(a, "if_enforced", 1),
	    "clear.example");
	json_decref(a);
	a = answer(SESSION_IN, 1000, 0, &turns);
	check_text("who comes in clear", domain(a, "if_enforced", 0),
	    "came.example");
	check_int("nobody failed", number(a, "failing_count"), 0);
	json_decref(a);
}

static void
test_many(void)
{
	unsigned turns;
	json_t *a = answer(SESSION_OUT, 10, 100000, &turns);

	check_int("ten", (int64_t)json_array_size(json_object_get(a,
	    "domains")), 10);
	check_text("the first of all", domain(a, "domains", 0),
	    "broken.example");
	check_int("of", number(a, "domain_count"), 100006);
	check_int("failing", number(a, "failing_count"), 25003);
	check_bool("in turns", turns > 20, true);
	json_decref(a);
	a = answer(SESSION_OUT, 5000, 100000, &turns);
	check_bool("as many as there is room for",
	    json_array_size(json_object_get(a, "domains")) > 2000, true);
	json_decref(a);
}

/* Of many that refused our certificate the latest, wherever they stand. */
static void
test_refusals(void)
{
	struct tally *t = tally_new(DAY, 1000000, &hash_key);
	struct tally_key key = { .direction = SESSION_IN,
	    .outcome = TALLY_FAILURE, .refuses_our_certificate = true };
	char host[16], want[16];
	unsigned turns, n, found = 0;
	const json_t *refusals, *refusal;
	size_t i;
	json_t *a;

	for (n = 0; n < 250; n++) {
		snprintf(host, sizeof(host), "h%u", n);
		key.host = text_of(host);
		tally_add(t, text_of(n % 2 == 0 ? "a.example" : "b.example"),
		    &key, AT + n * 7 % 250, TALLY_ONCE);
	}
	a = answer_of(t, SESSION_OUT, 10, &turns);
	refusals = json_object_get(a, "our_certificate");
	check_int("a hundred", (int64_t)json_array_size(refusals), 100);
	for (n = 0; n < 250; n++) {
		snprintf(want, sizeof(want), "h%u", n);
		json_array_foreach(refusals, i, refusal)
			found += n * 7 % 250 >= 150 && strcmp(want,
			    json_string_value(json_object_get(refusal,
			    "host"))) == 0;
	}
	check_int("the latest", found, 100);
	json_decref(a);
}

int
main(void)
{
	test_refusals();
	test_order();
	test_if_enforced();
	test_many();
	return check_end();
}
