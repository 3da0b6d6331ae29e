/*
 * TLS reports: what senders write and what they ought to, the writer by its
 * reader, and the names of files (RFC 8460, 4 and 5.1).
 */

#include "shared/tlsrpt/report.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

#define RANGE "\"date-range\":{\"start-datetime\":\"2016-04-01T00:00:00Z\"," \
	"\"end-datetime\":\"2016-04-01T23:59:59Z\"}"
#define HEAD "{\"organization-name\":\"X\"," RANGE ",\"contact-info\":\"c\"," \
	"\"report-id\":\"1\","
#define SUMMARY "\"summary\":{\"total-successful-session-count\":5," \
	"\"total-failure-session-count\":3}"
#define POLICY "\"policy\":{\"policy-type\":\"sts\",\"policy-string\":[" \
	"\"version: STSv1\"],\"policy-domain\":\"a.example\"," \
	"\"mx-host\":[\"mx.a.example\"]}"
#define DETAIL "\"failure-details\":[{\"result-type\":\"tlsa-invalid\"," \
	"\"failed-session-count\":3}]"
#define ONE(policy, summary, detail) \
	HEAD "\"policies\":[{" policy "," summary "," detail "}]}"
#define FULL ONE(POLICY, SUMMARY, DETAIL)

static int
parse(const char *text, size_t len, struct report *out, const char **why)
{
	char *exact = check_exact(text, len);
	int result = report_parse((struct text){ exact, len }, out, why);

	free(exact);
	return result;
}

static void
test_members(void)
{
	static const char text[] = HEAD "\"policies\":[{" POLICY "," SUMMARY
	    ",\"failure-details\":[{\"result-type\":\"validation-failure\","
	    "\"sending-mta-ip\":\"192.0.2.1\",\"receiving-mx-hostname\":"
	    "\"mx.a.example\",\"receiving-mx-helo\":\"h\",\"receiving-ip\":"
	    "\"2001:db8::1\",\"failed-session-count\":3,"
	    "\"additional-information\":\"https://b.example/\","
	    "\"failure-reason-code\":\"r\"}]},{" POLICY "," SUMMARY "}]}";
	const struct report_failure *f;
	struct report r;
	const char *why;

	if (parse(text, sizeof(text) - 1, &r, &why) == -1) {
		check_text("all members", why, NULL);
		return;
	}
	check_text("organization", r.organization, "X");
	check_text("contact", r.contact, "c");
	check_text("id", r.id, "1");
	check_int("start", r.start_s, 1459468800);
	check_int("end", r.end_s, 1459468800 + 86399);
	check_text("nothing to remark", r.remark, NULL);
	check_int("policies", (int64_t)r.policy_count, 2);
	check_text("type", r.policies[0].type, "sts");
	check_text("domain", r.policies[0].domain, "a.example");
	check_int("strings", (int64_t)r.policies[0].string_count, 1);
	check_text("string", r.policies[0].strings[0], "version: STSv1");
	check_int("hosts", (int64_t)r.policies[0].mx_count, 1);
	check_text("host", r.policies[0].mx[0], "mx.a.example");
	check_int("success", (int64_t)r.policies[0].success_count, 5);
	check_int("failure", (int64_t)r.policies[0].failure_count, 3);
	check_int("details", (int64_t)r.policies[0].detail_count, 1);
	f = &r.policies[0].details[0];
	check_text("result-type", f->result_type, "validation-failure");
	check_text("sending-mta-ip", f->sending_ip, "192.0.2.1");
	check_text("receiving-mx-hostname", f->mx_host, "mx.a.example");
	check_text("receiving-mx-helo", f->mx_helo, "h");
	check_text("receiving-ip", f->receiving_ip, "2001:db8::1");
	check_int("failed-session-count", (int64_t)f->session_count, 3);
	check_text("additional-information", f->additional,
	    "https://b.example/");
	check_text("failure-reason-code", f->reason, "r");
	check_int("no details", (int64_t)r.policies[1].detail_count, 0);
	check_text("its own host", r.policies[1].mx[0], "mx.a.example");
	report_clear(&r);
}

/* What is put up with; remark NULL for what is right. */
static void
test_accepted(void)
{
	static const struct {
		const char *label, *text, *remark;
	} rows[] = {
		{ "as it ought to be", FULL, NULL },
		{ "no policies", HEAD "\"policies\":[]}", NULL },
		{ "byte order mark", "\357\273\277" FULL, NULL },
		{ "unknown members", HEAD "\"x\":1,\"policies\":[{\"y\":[],"
		    POLICY "," SUMMARY "}]}", NULL },
		{ "unknown type and result-type",
		    ONE("\"policy\":{\"policy-type\":\"future\","
		    "\"policy-domain\":\"a\"}", SUMMARY,
		    "\"failure-details\":[{\"result-type\":\"future-thing\","
		    "\"failed-session-count\":3}]"), NULL },
		{ "strings that stand alone", ONE("\"policy\":{"
		    "\"policy-type\":\"tlsa\",\"policy-string\":\"3 1 1 A\","
		    "\"policy-domain\":\"a\",\"mx-host\":\"mx\"}", SUMMARY,
		    DETAIL), NULL },
		{ "null for lists", ONE("\"policy\":{\"policy-type\":\"sts\","
		    "\"policy-string\":null,\"policy-domain\":\"a\","
		    "\"mx-host\":null}", SUMMARY, DETAIL), NULL },
		{ "null for a string", ONE(POLICY, SUMMARY,
		    "\"failure-details\":[{\"result-type\":\"x\","
		    "\"receiving-ip\":null,\"failed-session-count\":1}]"),
		    NULL },
		{ "not UTF-8", "{\"organization-name\":\"\374\"," RANGE
		    ",\"contact-info\":\"c\",\"report-id\":\"1\","
		    "\"policies\":[]}", "UTF-8" },
		{ "times without offset", "{\"organization-name\":\"X\","
		    "\"date-range\":{\"start-datetime\":"
		    "\"2016-04-01T00:00:00\",\"end-datetime\":"
		    "\"2016-04-01T23:59:59\"},\"contact-info\":\"c\","
		    "\"report-id\":\"1\",\"policies\":[]}", "offset" },
		{ "the end before the begin", "{\"organization-name\":\"X\","
		    "\"date-range\":{\"start-datetime\":"
		    "\"2016-04-02T00:00:00Z\",\"end-datetime\":"
		    "\"2016-04-01T23:59:59Z\"},\"contact-info\":\"c\","
		    "\"report-id\":\"1\",\"policies\":[]}", "before" },
		{ "no contact-info", "{\"organization-name\":\"X\"," RANGE
		    ",\"report-id\":\"1\",\"policies\":[]}", "contact-info" },
		{ "contact-info is a number", "{\"organization-name\":\"X\","
		    RANGE ",\"contact-info\":1,\"report-id\":\"1\","
		    "\"policies\":[]}", "string" },
		{ "no policy", ONE("\"x\":1", SUMMARY, DETAIL),
		    "policy-type" },
		{ "no policy-domain", ONE("\"policy\":{\"policy-type\":"
		    "\"sts\"}", SUMMARY, DETAIL), "policy-domain" },
		{ "a policy that is null", HEAD "\"policies\":[null]}",
		    "policy-type" },
		{ "no summary", ONE(POLICY, "\"x\":1", DETAIL), "count" },
		{ "a count below 0", ONE(POLICY, "\"summary\":{"
		    "\"total-successful-session-count\":-1,"
		    "\"total-failure-session-count\":0}", DETAIL), "count" },
		{ "a count with a fraction", ONE(POLICY, "\"summary\":{"
		    "\"total-successful-session-count\":1.5,"
		    "\"total-failure-session-count\":0}", DETAIL), "count" },
		{ "no result-type", ONE(POLICY, SUMMARY,
		    "\"failure-details\":[{\"failed-session-count\":1}]"),
		    "result-type" },
		{ "no failed-session-count", ONE(POLICY, SUMMARY,
		    "\"failure-details\":[{\"result-type\":\"x\"}]"),
		    "count" },
		{ "a detail that is a number", ONE(POLICY, SUMMARY,
		    "\"failure-details\":[1]"), "result-type" },
		{ "mx-host is an object", ONE("\"policy\":{\"policy-type\":"
		    "\"sts\",\"policy-domain\":\"a\",\"mx-host\":{}}",
		    SUMMARY, DETAIL), "array" },
		{ "mx-host of numbers", ONE("\"policy\":{\"policy-type\":"
		    "\"sts\",\"policy-domain\":\"a\",\"mx-host\":[1]}",
		    SUMMARY, DETAIL), "string" },
	};
	struct report r;
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		if (parse(rows[i].text, strlen(rows[i].text), &r, &why) == -1) {
			check_text(rows[i].label, why, NULL);
			continue;
		}
		if (rows[i].remark == NULL)
			check_text(rows[i].label, r.remark, NULL);
		else
			check_contains(rows[i].label, r.remark,
			    rows[i].remark);
		report_clear(&r);
	}
}

static void
test_values(void)
{
	static const char text[] = HEAD "\"policies\":[{\"policy\":{"
	    "\"policy-string\":\"alone\",\"mx-host-pattern\":[\"p\"]},"
	    "\"summary\":{\"total-successful-session-count\":4294967296,"
	    "\"total-failure-session-count\":\"12\"},\"failure-details\":[{"
	    "\"result-type\":\"future-thing\",\"failed-session-count\":3,"
	    "\"additional-info-uri\":\"u\"},{}]}]}";
	struct report r;
	const char *why;

	if (parse(text, sizeof(text) - 1, &r, &why) == -1) {
		check_text("values", why, NULL);
		return;
	}
	check_text("a missing type", r.policies[0].type, "unknown");
	check_text("a missing domain", r.policies[0].domain, NULL);
	check_text("a string alone", r.policies[0].strings[0], "alone");
	check_text("the prose's mx-host-pattern", r.policies[0].mx[0], "p");
	check_bool("2^32 sessions", r.policies[0].success_count ==
	    UINT64_C(4294967296), true);
	check_int("a count in quotes", (int64_t)r.policies[0].failure_count,
	    12);
	check_text("an unknown result-type is kept",
	    r.policies[0].details[0].result_type, "future-thing");
	check_text("the prose's additional-info-uri",
	    r.policies[0].details[0].additional, "u");
	check_text("a missing result-type",
	    r.policies[0].details[1].result_type, "unknown");
	report_clear(&r);
}

static void
test_refused(void)
{
	static const struct {
		const char *label, *text, *why;
	} rows[] = {
		{ "empty", "", "grammar" },
		{ "cut", HEAD "\"policies\":[", "grammar" },
		{ "an array", "[]", "no object" },
		{ "words behind", FULL "x", "grammar" },
		{ "a member twice", "{\"report-id\":\"1\",\"report-id\":"
		    "\"2\"}", "twice" },
		{ "no organization-name", "{" RANGE ",\"report-id\":\"1\","
		    "\"policies\":[]}", "organization-name" },
		{ "organization-name is a number", "{\"organization-name\":1,"
		    RANGE ",\"report-id\":\"1\",\"policies\":[]}",
		    "organization-name" },
		{ "organization-name is empty", "{\"organization-name\":\"\","
		    RANGE ",\"report-id\":\"1\",\"policies\":[]}",
		    "organization-name" },
		{ "no report-id", "{\"organization-name\":\"X\"," RANGE
		    ",\"policies\":[]}", "report-id" },
		{ "no date-range", "{\"organization-name\":\"X\","
		    "\"report-id\":\"1\",\"policies\":[]}", "date-range" },
		{ "no end", "{\"organization-name\":\"X\",\"date-range\":{"
		    "\"start-datetime\":\"2016-04-01T00:00:00Z\"},"
		    "\"report-id\":\"1\",\"policies\":[]}", "date-range" },
		{ "a date that is none", "{\"organization-name\":\"X\","
		    "\"date-range\":{\"start-datetime\":\"yesterday\","
		    "\"end-datetime\":\"today\"},\"report-id\":\"1\","
		    "\"policies\":[]}", "date-range" },
		{ "no policies", "{\"organization-name\":\"X\"," RANGE
		    ",\"report-id\":\"1\"}", "policies" },
		{ "policies is an object", HEAD "\"policies\":{}}",
		    "policies" },
		{ "NUL in a string", HEAD "\"policies\":[],\"x\":\"\\u0000\"}",
		    "grammar" },
		{ "17 deep", HEAD "\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]],"
		    "\"policies\":[]}", "deep" },
	};
	static char many[REPORT_MAX_BYTES + 1];
	struct report r;
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		why = NULL;
		r.memory = NULL;
		check_int(rows[i].label, parse(rows[i].text,
		    strlen(rows[i].text), &r, &why), -1);
		check_contains("its reason", why, rows[i].why);
		check_bool("untouched", r.memory == NULL, true);
	}
	memset(many, '[', sizeof(many));
	check_int("100,000 deep", parse(many, 100000, &r, &why), -1);
	check_contains("its reason", why, "deep");
	check_int("too long", parse(many, sizeof(many), &r, &why), -1);
	check_contains("its reason", why, "10 MiB");
	memset(many, ',', sizeof(many));
	check_int("many values", parse(many, 1000000, &r, &why), -1);
	check_contains("its reason", why, "values");
	memset(many, 'x', sizeof(many));
	many[0] = '"';
	check_int("a long string", parse(many, 100000, &r, &why), -1);
	check_contains("its reason", why, "string");
}

/* ---------------------------------------------------------------- writing */

static const char *const lines[] = { "version: STSv1", "mode: testing" };
static const char *const hosts[] = { "*.a.example" };
static const struct report_failure failures[] = {
	{ .result_type = "certificate-expired", .sending_ip = "192.0.2.1",
	  .mx_host = "mx.a.example", .mx_helo = "mx \"q\" \\ \r\n\033",
	  .receiving_ip = "2001:db8::1", .session_count = 2,
	  .additional = "evidence=probe", .reason = "\303\274 \374" },
	{ .result_type = "starttls-not-supported", .session_count = 1 }
};
static const struct report_policy policies[] = {
	{ .type = "sts", .domain = "a.example", .strings = lines,
	  .string_count = 2, .mx = hosts, .mx_count = 1,
	  .success_count = UINT64_C(4294967297), .failure_count = 3,
	  .details = failures, .detail_count = 2 },
	{ .type = "no-policy-found", .domain = "a.example" }
};
static const struct report written = {
	.organization = "Example \"Inc\"", .contact = "tls@x.example",
	.id = "2026-11-21-a.example", .start_s = 1795219200,
	.end_s = 1795305599, .policies = policies, .policy_count = 2
};

static const char wanted[] =
    "{\"organization-name\":\"Example \\\"Inc\\\"\",\"date-range\":{"
    "\"start-datetime\":\"2026-11-21T00:00:00Z\","
    "\"end-datetime\":\"2026-11-21T23:59:59Z\"},"
    "\"contact-info\":\"tls@x.example\","
    "\"report-id\":\"2026-11-21-a.example\",\"policies\":[{\"policy\":{"
    "\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\","
    "\"mode: testing\"],\"policy-domain\":\"a.example\","
    "\"mx-host\":[\"*.a.example\"]},\"summary\":{"
    "\"total-successful-session-count\":4294967297,"
    "\"total-failure-session-count\":3},\"failure-details\":[{"
    "\"result-type\":\"certificate-expired\","
    "\"sending-mta-ip\":\"192.0.2.1\","
    "\"receiving-mx-hostname\":\"mx.a.example\","
    "\"receiving-mx-helo\":\"mx \\\"q\\\" \\\\ \\r\\n\\u001B\","
    "\"receiving-ip\":\"2001:db8::1\",\"failed-session-count\":2,"
    "\"additional-information\":\"evidence=probe\","
    "\"failure-reason-code\":\"\303\274 ?\"},{"
    "\"result-type\":\"starttls-not-supported\","
    "\"failed-session-count\":1}]},{\"policy\":{"
    "\"policy-type\":\"no-policy-found\",\"policy-string\":[],"
    "\"policy-domain\":\"a.example\"},\"summary\":{"
    "\"total-successful-session-count\":0,"
    "\"total-failure-session-count\":0},\"failure-details\":[]}]}";

static void
test_format(void)
{
	struct buffer json, again, small;
	struct report r;
	const char *why = NULL;

	buffer_init(&json, REPORT_MAX_BYTES);
	buffer_init(&again, REPORT_MAX_BYTES);
	buffer_init(&small, sizeof(wanted) - 2);
	check_int("a report is written", report_format(&written, &json), 0);
	check_text("with every member", buffer_text(&json), wanted);
	check_int("and read", parse(json.data, json.len, &r, &why), 0);
	check_text("without a remark", r.remark, NULL);
	report_format(&r, &again);
	check_text("and written again", buffer_text(&again), wanted);
	report_clear(&r);
	check_int("no room", report_format(&written, &small), -1);
	buffer_clear(&json);
	buffer_clear(&again);
	buffer_clear(&small);
}

static void
test_file_name(void)
{
	static const struct {
		const char *name;
		bool want;
	} rows[] = {
		{ "x.example!a.example!1795219200!1795305599!1.json.gz",
		    true },
		{ "x.example!a.example!1795219200!1795305599.json.gz", true },
		{ "x.example!a.example!1795219200!1795305599!1.json", true },
		{ "x.example!a.example!1795219200!1795305599!1.gz", true },
		{ "X!A!1!2!a-B_c.d.JSON.GZ", true },
		{ "x.example!a.example!1795219200!1795305599!1", false },
		{ "x.example!a.example!1795219200!1795305599!1.zip", false },
		{ "x.example!a.example!1795219200.json.gz", false },
		{ "x!a!1!2!3!4.json.gz", false },
		{ "x!a!b!2!3.json.gz", false },
		{ "x!a!1!-2!3.json.gz", false },
		{ "!a!1!2!3.json.gz", false },
		{ "x!!1!2!3.json.gz", false },
		{ "../x!a!1!2!3.json.gz", false },
		{ "x!a!1!2!../3.json.gz", false },
		{ "x!a b!1!2!3.json.gz", false },
		{ "report.json.gz", false },
		{ ".json.gz", false },
		{ "", false },
	};
	struct buffer name;
	size_t i;

	for (i = 0; i < ROWS(rows); i++)
		check_bool(rows[i].name, report_file_name_match(text_of(
		    rows[i].name)), rows[i].want);
	buffer_init(&name, 1000);
	report_file_name_format(&written, "x.example", "a.example", &name);
	check_text("letters and digits of the id", buffer_text(&name),
	    "x.example!a.example!1795219200!1795305599!20261121aexample"
	    ".json.gz");
	check_bool("parses back", report_file_name_match(
	    (struct text){ name.data, name.len }), true);
	buffer_clear(&name);
}

int
main(void)
{
	test_members();
	test_accepted();
	test_values();
	test_refused();
	test_format();
	test_file_name();
	return check_end();
}
