/*
 * Answers of policy hosts, line by line as the HTTP library hands them on.
 */

#include "shared/policy/policy_answer.h"

#include "shared/policy/mtasts_policy.h"
#include "tests/unit/check.h"

#define OK		FINDING_OK
#define FAILED		FINDING_POLICY_FETCH_FAILED
#define INVALID		FINDING_POLICY_INVALID

/* lines are separated by "|"; the body follows "||". */
struct row {
	const char	*label, *answer;
	enum finding	 want;
	const char	*words;		/* part of the error */
};

#define HEAD	"HTTP/1.1 200 OK|Content-Type: text/plain|"
#define END	"||"

static const struct row rows[] = {
	{ "with length", HEAD "Content-Length: 4" END "abcd", OK, "" },
	{ "empty body", HEAD "Content-Length: 0" END, OK, "" },
	{ "chunked", HEAD "Transfer-Encoding: chunked" END "abcd", OK, "" },
	{ "chunked in capitals", HEAD "transfer-encoding: CHUNKED" END "a",
	    OK, "" },
	{ "HTTP/1.0", "HTTP/1.0 200 OK|Content-Type: text/plain|"
	    "Content-Length: 1" END "a", OK, "" },
	{ "no reason phrase", "HTTP/1.1 200|Content-Type: text/plain|"
	    "Content-Length: 1" END "a", OK, "" },
	{ "parameters", "HTTP/1.1 200 OK|Content-Type: Text/Plain ; "
	    "charset=utf-8; x=y|Content-Length: 1" END "a", OK, "" },
	{ "same length twice", HEAD "Content-Length: 1|Content-Length: 1" END
	    "a", OK, "" },
	{ "interim answer", "HTTP/1.1 103 Early Hints|Content-Type: text/html"
	    "||" HEAD "Content-Length: 1" END "a", OK, "" },
	{ "chunks win over a length", HEAD "Content-Length: 9|"
	    "Transfer-Encoding: chunked" END "a", OK, "" },
	{ "no blank behind the colon", "HTTP/1.1 200 OK|Content-Type:"
	    "text/plain|Content-Length:1" END "a", OK, "" },
	/* of the status */
	{ "no status line", "Content-Type: text/plain|Content-Length: 0" END,
	    FAILED, "status line is missing" },
	{ "status with two digits", "HTTP/1.1 20 OK" END, FAILED,
	    "status line is malformed" },
	{ "status with letters", "HTTP/1.1 2x0 OK" END, FAILED,
	    "status line is malformed" },
	{ "status with four digits", "HTTP/1.1 2000 OK" END, FAILED,
	    "status line is malformed" },
	{ "status below 100", "HTTP/1.1 099 OK" END, FAILED,
	    "status line is malformed" },
	{ "status above 599", "HTTP/1.1 600 OK" END, FAILED,
	    "status line is malformed" },
	{ "404", "HTTP/1.1 404 Not Found|Content-Type: text/html" END, FAILED,
	    "HTTP status 404" },
	{ "206", "HTTP/1.1 206 Partial|Content-Type: text/plain|"
	    "Content-Length: 1" END "a", FAILED, "HTTP status 206" },
	{ "304", "HTTP/1.1 304 Not Modified" END, FAILED, "HTTP status 304" },
	{ "redirect", "HTTP/1.1 301 Moved|Location: https://x/" END, FAILED,
	    "RFC 8461 3.3: HTTP status 301, redirects are not followed" },
	{ "only an interim answer", "HTTP/1.1 100 Continue" END, FAILED,
	    "before the answer was complete" },
	/* of the fields */
	{ "line without colon", HEAD "rubbish" END, FAILED,
	    "header line is malformed" },
	{ "field without name", HEAD ": x" END, FAILED,
	    "header line is malformed" },
	{ "folded line", HEAD "X: a|\t: b" END, FAILED,
	    "header line is malformed" },
	{ "text/html", "HTTP/1.1 200 OK|Content-Type: text/html" END, INVALID,
	    "RFC 8461 3.2: media type is text/html, not text/plain" },
	{ "text/plainer", "HTTP/1.1 200 OK|Content-Type: text/plainer" END,
	    INVALID, "not text/plain" },
	{ "media type is quoted", "HTTP/1.1 200 OK|Content-Type: \x1b[2J" END,
	    INVALID, "media type is ?[2J" },
	{ "no media type", "HTTP/1.1 200 OK|Content-Length: 1" END "a",
	    INVALID, "RFC 8461 3.2: media type is missing" },
	{ "media type of the interim answer", "HTTP/1.1 100 Continue|"
	    "Content-Type: text/plain||HTTP/1.1 200 OK|Content-Length: 1" END
	    "a", INVALID, "media type is missing" },
	{ "two media types", HEAD "Content-Type: text/plain" END, INVALID,
	    "two media types" },
	{ "gzip", HEAD "Content-Encoding: gzip|Content-Length: 1" END "a",
	    INVALID, "Content-Encoding" },
	{ "gzip as transfer coding", HEAD "Transfer-Encoding: gzip, chunked"
	    END, FAILED, "transfer coding other than chunked" },
	{ "chunked twice", HEAD "Transfer-Encoding: chunked|"
	    "Transfer-Encoding: chunked" END, FAILED, "transfer coding" },
	{ "neither length nor chunks", HEAD "X: y" END "a", FAILED,
	    "neither Content-Length nor chunks" },
	{ "two lengths", HEAD "Content-Length: 1|Content-Length: 2" END "a",
	    FAILED, "two different Content-Length" },
	{ "length is a list", HEAD "Content-Length: 1, 1" END "a", FAILED,
	    "Content-Length is no number" },
	{ "length with a sign", HEAD "Content-Length: +1" END "a", FAILED,
	    "Content-Length is no number" },
	{ "length that wraps", HEAD "Content-Length: 18446744073709551617" END
	    "a", FAILED, "Content-Length is no number" },
	{ "length above 64 KiB", HEAD "Content-Length: 65537" END, INVALID,
	    "RFC 8461 3.3: policy is larger than 64 KiB" },
	/* of the body */
	{ "shorter than its length", HEAD "Content-Length: 4" END "abc",
	    FAILED, "before the policy was complete" },
	{ "longer than its length", HEAD "Content-Length: 2" END "abc",
	    FAILED, "before the policy was complete" },
};

static enum finding
feed(struct policy_answer *a, const char *answer)
{
	const char *end = strstr(answer, "||"), *next;
	struct text rest, line;
	enum finding finding;
	char with_end[256];

	while ((next = strstr(end + 2, "||")) != NULL)
		end = next;
	rest = (struct text){ answer, (size_t)(end - answer) };
	while (text_next_field(&rest, '|', &line)) {
		snprintf(with_end, sizeof(with_end), "%.*s\r\n",
		    (int)line.len, line.data);
		finding = policy_answer_line(a, text_of(with_end));
		if (finding != FINDING_OK)
			return finding;
	}
	finding = policy_answer_line(a, text_of("\r\n"));
	if (finding == FINDING_OK && end[2] != '\0')
		finding = policy_answer_data(a, text_of(end + 2));
	if (finding == FINDING_OK)
		finding = policy_answer_end(a);
	return finding;
}

static void
test_rows(void)
{
	struct policy_answer a;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		policy_answer_init(&a);
		check_int(rows[i].label, feed(&a, rows[i].answer),
		    rows[i].want);
		check_contains(rows[i].label, a.error, rows[i].words);
		policy_answer_clear(&a);
	}
}

#define DATE		"Date: Sun, 06 Nov 1994 08:49:37 GMT|"

/* None of them refuses the policy. */
static const struct {
	const char	*label, *fields;
	int64_t		 date, age_s;
} dates[] = {
	{ "no date", "", 0, 0 },
	{ "RFC 9110's own date", DATE, 784111777, 0 },
	{ "a cache between", DATE "Age: 86400|", 784111777, 86400 },
	{ "field names in capitals", "DATE: Sun, 06 Nov 1994 08:49:37 GMT|"
	    "AGE: 1|", 784111777, 1 },
	{ "two dates are none", DATE DATE, 0, 0 },
	{ "a bad date before a good one", "Date: x|" DATE, 0, 0 },
	{ "the date of RFC 850", "Date: Sunday, 06-Nov-94 08:49:37 GMT|", 0,
	    0 },
	{ "the date of asctime", "Date: Sun Nov  6 08:49:37 1994|", 0, 0 },
	{ "another zone", "Date: Sun, 06 Nov 1994 08:49:37 CET|", 0, 0 },
	{ "a month that is none", "Date: Sun, 06 Nay 1994 08:49:37 GMT|", 0,
	    0 },
	{ "more than a date", "Date: Sun, 06 Nov 1994 08:49:37 GMT x|", 0,
	    0 },
	{ "an age that is no number", DATE "Age: -1|", 784111777, 0 },
	{ "an age beyond all ages", DATE "Age: 4294967296|", 784111777, 0 },
};

static void
test_dates(void)
{
	struct policy_answer a;
	char answer[400];
	size_t i;

	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		snprintf(answer, sizeof(answer), "HTTP/1.1 103 Early|"
		    "Date: Mon, 07 Nov 1994 08:49:37 GMT|Age: 7||" HEAD
		    "%sContent-Length: 1||a", dates[i].fields);
		policy_answer_init(&a);
		check_int(dates[i].label, feed(&a, answer), OK);
		check_int(" date", a.date, dates[i].date);
		check_int(" age", (int64_t)a.age_s, dates[i].age_s);
		policy_answer_clear(&a);
	}
}

static void
test_header_size(void)
{
	char line[1024];
	struct policy_answer a;
	enum finding finding = FINDING_OK;
	int count = 0;

	memset(line, 'x', sizeof(line));
	line[1] = ':';
	policy_answer_init(&a);
	policy_answer_line(&a, text_of("HTTP/1.1 200 OK\r\n"));
	for (; finding == FINDING_OK && count < 100; count++)
		finding = policy_answer_line(&a,
		    (struct text){ line, sizeof(line) });
	check_int("header of 16 KiB", finding, FAILED);
	check_int("header of 16 KiB: lines", count, 16);
	check_contains("header of 16 KiB", a.error, "larger than 16 KiB");
	policy_answer_clear(&a);
}

static void
test_trailers(void)
{
	struct policy_answer a;

	policy_answer_init(&a);
	policy_answer_line(&a, text_of("HTTP/1.1 200 OK"));
	policy_answer_line(&a, text_of("Content-Type: text/plain"));
	policy_answer_line(&a, text_of("Transfer-Encoding: chunked"));
	policy_answer_line(&a, text_of(""));
	policy_answer_data(&a, text_of("body"));
	check_int("trailers do not count", policy_answer_line(&a,
	    text_of("Content-Encoding: gzip")), OK);
	check_int("trailers: end", policy_answer_end(&a), OK);
	check_text("trailers: body", buffer_text(&a.body), "body");
	policy_answer_clear(&a);
}

static void
test_body_size(void)
{
	static char block[MTASTS_POLICY_MAX_BYTES];
	struct policy_answer a;

	policy_answer_init(&a);
	check_int("body before its header", policy_answer_data(&a,
	    text_of("x")), FAILED);
	policy_answer_clear(&a);
	policy_answer_init(&a);
	policy_answer_line(&a, text_of("HTTP/1.1 200 OK"));
	policy_answer_line(&a, text_of("Content-Type: text/plain"));
	policy_answer_line(&a, text_of("Transfer-Encoding: chunked"));
	policy_answer_line(&a, text_of(""));
	check_int("64 KiB", policy_answer_data(&a, (struct text){ block,
	    sizeof(block) }), OK);
	check_int("one more", policy_answer_data(&a, text_of("x")), INVALID);
	check_contains("one more", a.error, "RFC 8461 3.3");
	policy_answer_clear(&a);
}

int
main(void)
{
	test_rows();
	test_dates();
	test_header_size();
	test_trailers();
	test_body_size();
	return check_end();
}
