/*
 * Reports of others as they are kept: one short line, whatever they say.
 */

#include "shared/tlsrpt/received.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define ID	"mx.own.example"
#define REPORT	"{\"organization-name\":\"Sender\\tInc.\",\"date-range\":{" \
		"\"start-datetime\":\"2026-11-20T00:00:00Z\"," \
		"\"end-datetime\":\"2026-11-20T23:59:59Z\"}," \
		"\"contact-info\":\"tls@sender.example\"," \
		"\"report-id\":\"1@sender.example\",\"policies\":[{" \
		"\"policy\":{\"policy-type\":\"sts\",\"policy-string\":[" \
		"\"version: STSv1\"],\"policy-domain\":\"own.example\"}," \
		"\"summary\":{\"total-successful-session-count\":5," \
		"\"total-failure-session-count\":2},\"failure-details\":[{" \
		"\"result-type\":\"certificate-expired\"," \
		"\"failed-session-count\":2}]}]}"
#define MAIL(auth, submitter) auth submitter "Content-Type: " \
		"application/tlsrpt+json\r\n\r\n" REPORT
#define PASS(d)	"Authentication-Results: " ID "; dkim=pass header.d=" d "\r\n"
#define SUBMITTER(d) "TLS-Report-Submitter: " d "\r\n"
#define LINE	"1\t0123456789abcdef\tverified\tsender.example\t5\t" REPORT

static const struct {
	const char	*label, *mail, *submitter;	/* NULL: not read */
	bool		 is_verified;
} mails[] = {
	{ "a mail", MAIL(PASS("sender.example"), SUBMITTER("Sender.example")),
	    "sender.example", true },
	{ "another signer", MAIL(PASS("evil.example"),
	    SUBMITTER("sender.example")), "sender.example", false },
	{ "the header's submitter counts, not the contact's",
	    MAIL(PASS("sender.example"), SUBMITTER("other.example")),
	    "other.example", false },
	{ "without the header the contact's", MAIL(PASS("sender.example"),
	    ""), "sender.example", true },
	{ "a submitter that is no name", MAIL(PASS("sender.example"),
	    SUBMITTER("a b")), "", false },
	{ "nothing vouches", MAIL("", ""), "sender.example", false },
	{ "a file", REPORT, "sender.example", false },
	{ "no report", "A: b\r\n\r\nc", NULL, false },
	{ "JSON that is no report", "{\"a\":1}", NULL, false },
};

static const struct {
	const char	*label, *line;
	bool		 want;
} lines[] = {
	{ "a line", LINE, true },
	{ "another version", "2\t0123456789abcdef\tverified\ta.example\t5\t"
	    REPORT, false },
	{ "a short id", "1\t0123456789abcde\tverified\ta.example\t5\t"
	    REPORT, false },
	{ "an id with another letter",
	    "1\t0123456789abcdeg\tverified\ta.example\t5\t" REPORT, false },
	{ "neither verified nor not",
	    "1\t0123456789abcdef\tperhaps\ta.example\t5\t" REPORT, false },
	{ "no submitter", "1\t0123456789abcdef\tunverified\t\t5\t" REPORT,
	    true },
	{ "a submitter that is no name",
	    "1\t0123456789abcdef\tverified\tA.example\t5\t" REPORT, false },
	{ "no time", "1\t0123456789abcdef\tverified\ta.example\t\t" REPORT,
	    false },
	{ "a time before 1970",
	    "1\t0123456789abcdef\tverified\ta.example\t-1\t" REPORT, false },
	{ "no report", "1\t0123456789abcdef\tverified\ta.example\t5\t{}",
	    false },
	{ "cut", "1\t0123456789abcdef\tverified\ta.example", false },
	{ "empty", "", false },
};

static void
test_mails(void)
{
	struct received_lines found;
	struct received r;
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(mails); i++) {
		why = NULL;
		if (received_read_mail(text_of(mails[i].mail), ID, 7, &found,
		    &why) == -1) {
			check_text(mails[i].label, NULL, mails[i].submitter);
			check_bool("and why", why != NULL, true);
			continue;
		}
		check_int(mails[i].label, (int64_t)found.count, 1);
		if (!check_note(received_parse((struct text){
		    found.lines[0].data, found.lines[0].len }, &r),
		    "its line parses"))
			continue;
		check_text(mails[i].label, r.submitter, mails[i].submitter);
		check_bool(mails[i].label, r.is_verified,
		    mails[i].is_verified);
		check_int("received", r.received_at, 7);
		check_text("organization", r.report.organization,
		    "Sender\tInc.");
		check_int("success",
		    (int64_t)r.report.policies[0].success_count, 5);
		check_int("details",
		    (int64_t)r.report.policies[0].detail_count, 1);
		check_int("our own policy is not kept",
		    (int64_t)r.report.policies[0].string_count, 0);
		received_clear(&r);
		received_lines_clear(&found);
	}
}

/* One that says as much as a report may. */
static void
test_bounds(void)
{
	static char words[3000];
	struct report_failure details[200];
	struct report_policy policies[RECEIVED_POLICIES_MAX + 1];
	struct received r = { .report = { .organization = "o", .id = "i",
	    .policies = policies, .policy_count = RECEIVED_POLICIES_MAX } };
	struct received back;
	struct buffer line;
	const char *why;
	size_t i;

	memset(words, '\001', sizeof(words) - 1);
	for (i = 0; i < ROWS(details); i++)
		details[i] = (struct report_failure){ .result_type = words,
		    .mx_host = words, .reason = words, .session_count = 1 };
	for (i = 0; i < ROWS(policies); i++)
		policies[i] = (struct report_policy){ .type = "sts",
		    .domain = "own.example", .success_count = 2,
		    .failure_count = 3, .details = details,
		    .detail_count = ROWS(details) };
	buffer_init(&line, 2 * RECEIVED_MAX_BYTES);
	check_int("the longest is cut", received_format(&r, &line, &why), 0);
	check_bool("as much as must be", line.len <= RECEIVED_MAX_BYTES, true);
	if (check_note(received_parse((struct text){ line.data, line.len },
	    &back), "and parses")) {
		check_int("all policies", (int64_t)back.report.policy_count,
		    RECEIVED_POLICIES_MAX);
		check_int("with their counts",
		    (int64_t)back.report.policies[99].failure_count, 3);
		received_clear(&back);
	}
	r.report.policy_count++;
	check_int("too many policies", received_format(&r, &line, &why), -1);
	r.report.policy_count = 1;
	r.report.id = words;
	check_int("too long a report-id", received_format(&r, &line, &why),
	    -1);
	buffer_clear(&line);
}

int
main(void)
{
	struct received r;
	bool is_one;
	size_t i;

	test_mails();
	for (i = 0; i < ROWS(lines); i++) {
		is_one = received_parse(text_of(lines[i].line), &r);
		check_bool(lines[i].label, is_one, lines[i].want);
		if (is_one)
			received_clear(&r);
	}
	test_bounds();
	return check_end();
}
