/*
 * Messages: to a command, as a mail, as JSON; with what is too much, and with
 * values that would break a header.
 */

#include "policyd/clerk/alert/alert_text.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static const struct alert redis = { 1, 1795334400, ALERT_CRITICAL, "redis", "",
    "down -> start it" };
static const struct alert domain = { 2, 1795334401, ALERT_OK, "domain",
    "a.example", "its mail is no longer kept back" };
static const struct alert_sender us = { "0123456789abcdef", "mx.us.example",
    "tls@us.example", 1795334460 };

static void
test_lines(void)
{
	struct alert_message m = { .number = 2, .worst = ALERT_CRITICAL,
	    .total = 2, .count = 2, .alerts = { &domain, &redis } };
	char summary[ALERT_SUMMARY_SIZE];
	struct buffer out;

	buffer_init(&out, 4096);
	alert_text_lines(&m, false, "\n", &out);
	check_text("lines", buffer_text(&out), "ok domain a.example: its mail "
	    "is no longer kept back\ncritical redis: down -> start it\n");
	check_text("the worst is the summary", alert_text_summary(&m, summary),
	    "redis: down -> start it, and 1 more");
	m.total = 9;
	buffer_reset(&out);
	alert_text_lines(&m, true, "\n", &out);
	check_text("dated, and more than are there", buffer_text(&out),
	    "2026-11-22T08:00:01Z ok domain a.example: its mail is no longer "
	    "kept back\n2026-11-22T08:00:00Z critical redis: down -> start it\n"
	    "and 7 more, told in the log\n");
	buffer_clear(&out);
	buffer_init(&out, 140);
	alert_text_lines(&m, false, "\n", &out);
	check_text("no room for the second", buffer_text(&out),
	    "ok domain a.example: its mail is no longer kept back\n"
	    "and 8 more, told in the log\n");
	buffer_clear(&out);
	m = (struct alert_message){ .total = 3 };
	check_text("none is there", alert_text_summary(&m, summary),
	    "3 changes, told in the log");
}

static void
test_longest(void)
{
	struct alert a = { .kind = "certificate", .severity = ALERT_WARNING };
	struct alert_message m = { .worst = ALERT_WARNING, .total = SIZE_MAX,
	    .count = 1, .alerts = { &a } };
	char summary[ALERT_SUMMARY_SIZE];
	struct buffer out;

	memset(a.subject, 's', sizeof(a.subject) - 1);
	memset(a.words, 'w', sizeof(a.words) - 1);
	check_bool("the longest summary fits", strlen(alert_text_summary(&m,
	    summary)) < ALERT_SUMMARY_SIZE, true);
	buffer_init(&out, 4096);
	alert_text_lines(&m, true, "\r\n", &out);
	check_contains("and the longest line", buffer_text(&out), "w\r\nand");
	buffer_clear(&out);
}

static void
test_mail(void)
{
	struct alert_message m = { .number = 7, .worst = ALERT_CRITICAL,
	    .total = 1, .count = 1, .alerts = { &redis } };
	struct buffer out;

	buffer_init(&out, 65536);
	check_int("a mail", alert_text_mail(&m, &us, "root@us.example", &out),
	    0);
	check_text("whole", buffer_text(&out),
	    "From: Hopseal <tls@us.example>\r\n"
	    "To: <root@us.example>\r\n"
	    "Date: Sun, 22 Nov 2026 08:01:00 +0000\r\n"
	    "Message-ID: <alert.0123456789abcdef.7@mx.us.example>\r\n"
	    "Subject: [mx.us.example] critical:\r\n redis: down -> start it\r\n"
	    "TLS-Required: No\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "\r\n"
	    "2026-11-22T08:00:00Z critical redis: down -> start it\r\n\r\n"
	    "-- \r\nHopseal on mx.us.example; \"hopseal status\" tells what is "
	    "wrong now.\r\n");
	buffer_clear(&out);
}

static void
test_bad_headers(void)
{
	static const struct {
		const char		*label;
		struct alert_sender	 from;
		const char		*to;
	} rows[] = {
		{ "a recipient with a line end", { "0", "h", "a@b", 0 },
		    "x>\r\nBcc: y" },
		{ "no recipient", { "0", "h", "a@b", 0 }, "" },
		{ "a sender with a line end", { "0", "h", "a@b\n", 0 }, "x" },
		{ "a host with a line end", { "0", "h\n", "a@b", 0 }, "x" },
		{ "a host that is not ASCII", { "0", "h\xc3\xbc", "a@b", 0 },
		    "x" },
	};
	struct alert_message m = { .number = 7, .total = 1, .count = 1,
	    .alerts = { &redis } };
	struct buffer out;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		buffer_init(&out, 65536);
		check_int(rows[i].label, alert_text_mail(&m, &rows[i].from,
		    rows[i].to, &out), -1);
		buffer_clear(&out);
	}
}

/* What a mail program would decode is text. */
static void
test_encoded_words(void)
{
	struct alert a = { .kind = "refusal", .subject = "smtp",
	    .words = "=?utf-8?q?=F0?= =?" };
	struct alert_message m = { .number = 1, .total = 1, .count = 1,
	    .alerts = { &a } };
	struct buffer out;

	buffer_init(&out, 65536);
	alert_text_mail(&m, &us, "x", &out);
	check_contains("no encoded word", buffer_text(&out),
	    "\r\n refusal smtp: _?utf-8?q?=F0?= _?\r\n");
	buffer_clear(&out);
}

static void
test_json(void)
{
	struct alert_message m = { .number = 2, .worst = ALERT_CRITICAL,
	    .total = 300, .count = 2, .alerts = { &domain, &redis } };
	json_t *value = alert_text_json(&m, &us);
	char *text = json_dumps(value, JSON_SORT_KEYS | JSON_COMPACT);

	check_text("JSON", text, "{\"alerts\":[{\"kind\":\"domain\","
	    "\"severity\":\"ok\",\"subject\":\"a.example\",\"text\":\"its mail "
	    "is no longer kept back\",\"time\":\"2026-11-22T08:00:01Z\"},"
	    "{\"kind\":\"redis\",\"severity\":\"critical\",\"subject\":null,"
	    "\"text\":\"down -> start it\",\"time\":\"2026-11-22T08:00:00Z\"}],"
	    "\"count\":300,\"host\":\"mx.us.example\",\"id\":"
	    "\"alert.0123456789abcdef.2@mx.us.example\",\"severity\":"
	    "\"critical\",\"summary\":\"redis: down -> start it, and 299 "
	    "more\",\"time\":\"2026-11-22T08:01:00Z\",\"version\":1}");
	json_decref(value);
	free(text);
}

int
main(void)
{
	test_lines();
	test_longest();
	test_mail();
	test_bad_headers();
	test_encoded_words();
	test_json();
	return check_end();
}
