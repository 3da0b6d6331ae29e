/*
 * Reports from counts: what a session becomes, and that order changes nothing.
 */

#include "policyd/clerk/report/report_build.h"

#include "tests/unit/check.h"

#define DAY	20778	/* 2026-11-21 */
#define AT	((int64_t)DAY * 86400 + 60)
#define DOMAIN	"a.example"

static const struct siphash_key hash_key = { 1, 2 };
static const struct report_maker maker = { "Us", "tls@us.example",
    "us.example" };
static const char *const strings[] = { "version: STSv1", "mode: enforce" };
static const char *const patterns[] = { "*.a.example" };
static const struct tally_policy sts = { "sts", DOMAIN, strings, patterns, 2,
    1 };

static const char *const testing_strings[] = { "version: STSv1",
    "mode: testing" };
static const struct tally_policy testing = { "sts", DOMAIN, testing_strings,
    patterns, 2, 1 };

static char *
built_json(const struct tally *tally, size_t *count)
{
	struct built_reports built;
	struct buffer json;
	size_t i;

	buffer_init(&json, REPORT_MAX_BYTES);
	report_build(tally, text_of(DOMAIN), DAY, &maker, &built);
	for (i = 0; i < built.count; i++) {
		report_format(&built.reports[i].report, &json);
		buffer_add_text(&json, "\n");
	}
	*count = built.count;
	built_reports_clear(&built);
	buffer_add_text(&json, "");
	return json.len > 0 ? buffer_take(&json) : NULL;
}

static void
add(struct tally *t, unsigned count, const struct tally_key *key)
{
	while (count-- > 0)
		tally_add(t, text_of(DOMAIN), key, AT, TALLY_ONCE);
}

struct row {
	const char	*label;
	unsigned	 count;
	struct tally_key key;
};

static const struct row rows[] = {
	{ "verified", 3, { .outcome = TALLY_SUCCESS, .finding = FINDING_OK } },
	{ "encrypted, nothing asked for more", 2, { .outcome = TALLY_UNKNOWN,
	    .finding = FINDING_OK } },
	{ "in clear, nothing asked for TLS", 7, { .outcome = TALLY_CLEAR } },
	{ "came in", 11, { .direction = SESSION_IN,
	    .outcome = TALLY_FAILURE, .finding = FINDING_CERT_EXPIRED } },
	{ "expired", 4, { .outcome = TALLY_FAILURE,
	    .finding = FINDING_CERT_EXPIRED, .host = { "mx.a.example", 12 },
	    .helo = { "big.a.example", 13 },
	    .address = { "192.0.2.1", 9 }, .reason = { "words", 5 } } },
	{ "the same by another name", 2, { .outcome = TALLY_FAILURE,
	    .finding = FINDING_CERT_EXPIRED, .host = { "mx.a.example", 12 },
	    .helo = { "small.a.example", 15 },
	    .address = { "192.0.2.1", 9 }, .reason = { "words", 5 } } },
	{ "by a probe", 1, { .outcome = TALLY_FAILURE, .is_probe = true,
	    .finding = FINDING_MX_NOT_IN_POLICY } },
	{ "a detail beside a session", 5, { .outcome = TALLY_FAILURE,
	    .is_detail = true, .finding = FINDING_POLICY_FETCH_FAILED } },
	{ "dane-required", 1, { .outcome = TALLY_FAILURE,
	    .finding = FINDING_UNKNOWN, .result = { "dane-required", 13 } } },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void
test_counts(void)
{
	struct tally *t = tally_new(DAY, 10, &hash_key);
	struct built_reports built;
	const struct report_policy *p;
	size_t i;

	for (i = 0; i < ROWS; i++)
		add(t, rows[i].count, &rows[i].key);
	report_build(t, text_of(DOMAIN), DAY, &maker, &built);
	if (!check_note(built.count == 1, "one report"))
		return;
	check_int("one policy", (int64_t)built.reports[0].report.policy_count,
	    1);
	check_int("from midnight", built.reports[0].report.start_s,
	    (int64_t)DAY * 86400);
	check_int("to the day's end", built.reports[0].report.end_s,
	    (int64_t)DAY * 86400 + 86399);
	check_contains("id", built.reports[0].report.id, "2026-11-21.");
	check_contains("id", built.reports[0].report.id, "@us.example");
	p = built.reports[0].report.policies;
	check_text("type", p->type, "no-policy-found");
	check_text("domain", p->domain, DOMAIN);
	check_int("successes", (int64_t)p->success_count, 5);
	check_int("failures", (int64_t)p->failure_count, 8);
	if (check_note(p->detail_count == 5, "details")) {
		check_text("expired", p->details[0].result_type,
		    "certificate-expired");
		check_int("how often", (int64_t)p->details[0].session_count,
		    4);
		check_text("host", p->details[0].mx_host, "mx.a.example");
		check_text("its own name", p->details[0].mx_helo,
		    "big.a.example");
		check_text("address", p->details[0].receiving_ip,
		    "192.0.2.1");
		check_text("reason", p->details[0].reason,
		    "cert-expired: words");
		check_text("its other name", p->details[1].mx_helo,
		    "small.a.example");
		check_text("another's result-type", p->details[2].result_type,
		    "dane-required");
		check_text("fetch", p->details[3].result_type,
		    "sts-policy-fetch-error");
		check_text("evidence", p->details[4].reason,
		    "mx-not-in-policy (evidence=probe)");
	}
	built_reports_clear(&built);
	report_build(t, text_of("b.example"), DAY, &maker, &built);
	check_int("a domain without counts", (int64_t)built.count, 0);
	built_reports_clear(&built);
	tally_free(t);
}

static void
test_records(void)
{
	struct tally *t = tally_new(DAY, 10, &hash_key);
	struct tally_key key = { .outcome = TALLY_SUCCESS,
	    .finding = FINDING_OK };
	char first[TALLY_REF_SIZE], second[TALLY_REF_SIZE];
	char policy[TALLY_REF_SIZE];
	struct built_reports built;
	const struct report_policy *p;

	tally_add_record(t, text_of(DOMAIN), text_of("v=TLSRPTv1; rua=a"), AT,
	    TALLY_ONCE, first);
	tally_add_record(t, text_of(DOMAIN), text_of("v=TLSRPTv1; rua=b"), AT,
	    TALLY_ONCE, second);
	tally_add_policy(t, text_of(DOMAIN), &sts, AT, TALLY_ONCE, policy);
	key.policy = text_of(policy);
	key.record = text_of(first);
	add(t, 2, &key);
	key.record = text_of(second);
	tally_add(t, text_of(DOMAIN), &key, AT + 10, TALLY_ONCE);
	key.record = key.policy = text_of("");
	add(t, 4, &key);
	report_build(t, text_of(DOMAIN), DAY, &maker, &built);
	if (check_note(built.count == 2, "a report a record")) {
		check_bool("with an id each", strcmp(
		    built.reports[0].report.id, built.reports[1].report.id)
		    != 0, true);
		p = built.reports[strcmp(first, second) > 0].report.policies;
		check_int("the first record's", (int64_t)p->success_count, 2);
		check_text("policy", p->type, "sts");
		check_int("strings", (int64_t)p->string_count, 2);
		check_text("second string", p->strings[1], "mode: enforce");
		check_text("pattern", p->mx[0], "*.a.example");
		p = built.reports[strcmp(first, second) < 0].report.policies;
		check_int("without a record: the latest's",
		    (int64_t)p[0].success_count + (int64_t)p[1].success_count,
		    5);
	}
	built_reports_clear(&built);
	tally_free(t);
}

/* Where a tally had no room left, a policy is counted by its type alone. */
static void
test_no_room(void)
{
	struct tally *t = tally_new(DAY, 10, &hash_key);
	struct tally_key key = { .outcome = TALLY_FAILURE,
	    .finding = FINDING_CERT_EXPIRED, .host = { "(other)", 7 },
	    .policy = { "sts", 3 } };
	struct built_reports built;
	char ref[TALLY_REF_SIZE];
	const struct report_policy *p;

	add(t, 2, &key);
	tally_add_policy(t, text_of(DOMAIN), &sts, AT, TALLY_ONCE, ref);
	key.policy = text_of(ref);
	key.host = text_of("mx.a.example");
	add(t, 3, &key);
	key.policy = text_of("tlsa");
	add(t, 1, &key);
	report_build(t, text_of(DOMAIN), DAY, &maker, &built);
	check_int("sts and tlsa", (int64_t)built.reports[0].report.policy_count,
	    2);
	p = &built.reports[0].report.policies[0];
	check_text("sts first", p->type, "sts");
	check_int("with its text", (int64_t)p->string_count, 2);
	check_int("and all of its failures", (int64_t)p->failure_count, 5);
	check_int("of a host and of others", (int64_t)p->detail_count, 2);
	check_text("which have no name", p->details[0].mx_host, NULL);
	check_int("tlsa without texts stays", (int64_t)built.reports[0].report
	    .policies[1].failure_count, 1);
	built_reports_clear(&built);
	tally_free(t);
}

/* Two texts of one type, and one session each and one by the type alone. */
static void
add_policies(struct tally *t, const struct tally_policy *first,
    const struct tally_policy *second)
{
	struct tally_key key = { .outcome = TALLY_SUCCESS,
	    .finding = FINDING_OK };
	char ref[TALLY_REF_SIZE];

	tally_add_policy(t, text_of(DOMAIN), first, AT, TALLY_ONCE, ref);
	key.policy = text_of(ref);
	add(t, 1, &key);
	tally_add_policy(t, text_of(DOMAIN), second, AT, TALLY_ONCE, ref);
	key.policy = text_of(ref);
	add(t, 1, &key);
	key.policy = text_of("sts");
	add(t, 1, &key);
}

/* Hosts count the same sessions in different orders. */
static void
test_order(void)
{
	struct tally *a = tally_new(DAY, 10, &hash_key);
	struct tally *b = tally_new(DAY, 10, &hash_key);
	char *x, *y;
	size_t i, count;

	for (i = 0; i < ROWS; i++) {
		add(a, rows[i].count, &rows[i].key);
		add(b, rows[ROWS - 1 - i].count, &rows[ROWS - 1 - i].key);
	}
	add_policies(a, &sts, &testing);
	add_policies(b, &testing, &sts);
	x = built_json(a, &count);
	y = built_json(b, &count);
	check_text("the same counts give the same octets", x, y);
	free(x);
	free(y);
	tally_free(a);
	tally_free(b);
}

int
main(void)
{
	test_counts();
	test_records();
	test_no_room();
	test_order();
	return check_end();
}
