/*
 * What hosts tell each other of their certificates: read as it was written,
 * short enough, and nothing strange of what a stranger wrote.
 */

#include "policyd/clerk/cert_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/check.h"

#define NOW	1767225600
#define REPORT	"{\"overall\": \"broken\", \"certificates\": [" \
	"{\"name\": \"smtp\", \"file\": \"/a\", \"sni\": null, " \
	"\"finding\": \"ok\", \"not_after\": \"2026-03-01T00:00:00Z\", " \
	"\"days\": 59, \"findings\": [], \"problems\": [], \"served\": " \
	"[{\"port\": 25, \"address\": \"127.0.0.1\", \"sni\": null, " \
	"\"finding\": \"ok\"}]}, " \
	"{\"name\": \"imap\", \"file\": \"/b\", \"sni\": \"b.example\", " \
	"\"finding\": \"cert-expired\", \"not_after\": null, \"days\": null, " \
	"\"findings\": [\"cert-expired\"], \"problems\": [{\"finding\": " \
	"\"cert-expired\", \"severity\": \"critical\", \"words\": \"ended\"," \
	" \"advice\": \"renew\"}], \"served\": []}]}"

static struct cert_record
record(void)
{
	struct cert_record r = { .host = "mail1.example", .seen_at = NOW,
	    .interval_s = 3600, .report = json_loads(REPORT, 0, NULL),
	    .states = json_pack("{s:{s:s}}", "smtp|/a|", "told", "") };

	return r;
}

static void
test_same(void)
{
	struct cert_record r = record(), back;
	char *text = cert_record_format(&r, CERT_RECORD_MAX_BYTES);
	const char *why = "";

	json_object_set_new(r.report, "left_out", json_null());
	check_int("parsed", cert_record_parse(text_of(text), NOW, &back,
	    &why), 0);
	check_text("host", back.host, r.host);
	check_int("seen at", back.seen_at, NOW);
	check_int("interval", back.interval_s, 3600);
	check_bool("report", json_equal(back.report, r.report), true);
	check_bool("states", json_equal(back.states, r.states), true);
	cert_record_clear(&back);
	cert_record_clear(&r);
	free(text);
}

/* What matters least goes first. */
static void
test_short(void)
{
	struct cert_record r = record();
	char *whole = cert_record_format(&r, CERT_RECORD_MAX_BYTES), *text;
	size_t len = strlen(whole);

	text = cert_record_format(&r, len - 1);
	check_bool("states first", strstr(text, "told") == NULL &&
	    strstr(text, "\"smtp\"") != NULL, true);
	len = strlen(text);
	free(text);
	text = cert_record_format(&r, len - 1);
	check_bool("then what is well", strstr(text, "\"smtp\"") == NULL &&
	    strstr(text, "\"imap\"") != NULL, true);
	check_contains("counted", text, "\"left_out\":1");
	len = strlen(text);
	free(text);
	text = cert_record_format(&r, len - 1);
	check_contains("then all", text, "\"certificates\":[]");
	check_contains("counted too", text, "\"left_out\":2");
	free(text);
	free(whole);
	cert_record_clear(&r);
}

#define HEAD	"\"version\": 1, \"host\": \"h\", \"interval\": 60, " \
	"\"seen_at\": 1767225600"

static const struct {
	const char	*label, *text, *why;
} refusals[] = {
	{ "empty", "", "no object" },
	{ "cut", "{\"version\": 1", "no object" },
	{ "an array", "[]", "no object" },
	{ "a member twice", "{" HEAD ", \"version\": 1}", "no object" },
	{ "a newer version", "{\"version\": 2}", "another version" },
	{ "no host", "{\"version\": 1}", "no host" },
	{ "an empty host", "{\"version\": 1, \"host\": \"\"}", "no host" },
	{ "no interval", "{\"version\": 1, \"host\": \"h\"}", "no interval" },
	{ "a long interval", "{\"version\": 1, \"host\": \"h\", "
	    "\"interval\": 86401}", "no interval" },
	{ "no time", "{\"version\": 1, \"host\": \"h\", \"interval\": 1}",
	    "no time of the past" },
	{ "a time to come", "{\"version\": 1, \"host\": \"h\", "
	    "\"interval\": 1, \"seen_at\": 1767225901}",
	    "no time of the past" },
};

static void
test_refusals(void)
{
	struct cert_record r;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		why = "";
		check_int(refusals[i].label, cert_record_parse(
		    text_of(refusals[i].text), NOW, &r, &why), -1);
		check_text(refusals[i].label, why, refusals[i].why);
	}
}

static void
test_strange(void)
{
	struct cert_record r;
	const char *why = "";
	char *text;

	check_int("parsed", cert_record_parse(text_of("{" HEAD ", \"more\": 1,"
	    "\"report\": {\"overall\": 7, \"certificates\": [1, {\"name\": "
	    "\"\\u001b[2J\", \"findings\": [5], \"problems\": 3, \"served\": "
	    "[{\"port\": \"x\"}]}]}, \"states\": []}"), NOW, &r, &why), 0);
	text = json_dumps(r.report, 0);
	check_contains("printable", text, "\"?[2J\"");
	check_contains("a word that is none", text, "\"findings\": [\"?\"]");
	check_contains("a number that is none", text, "\"port\": null");
	check_contains("a list that is none", text, "\"problems\": []");
	check_bool("no states", r.states == NULL, true);
	free(text);
	cert_record_clear(&r);
}

int
main(void)
{
	test_same();
	test_short();
	test_refusals();
	test_strange();
	return check_end();
}
