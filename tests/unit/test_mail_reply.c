/*
 * Replies of mail servers (RFC 5321, 4.2; RFC 9051, 7; RFC 1939, 3).
 */

#include "shared/mail_reply.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

#define DONE	MAIL_REPLY_DONE
#define MORE	MAIL_REPLY_MORE

static const struct {
	const char *label;
	enum mail_dialect dialect;
	const char *data;
	enum mail_reply_result result;
	enum mail_verdict verdict;
	const char *last;
} rows[] = {
	{ "one line", MAIL_SMTP, "220 mx ready\r\n", DONE, MAIL_YES,
	    "220 mx ready" },
	{ "bare line feed", MAIL_SMTP, "220 mx\n", DONE, MAIL_YES, "220 mx" },
	{ "code alone", MAIL_SMTP, "250\r\n", DONE, MAIL_YES, "250" },
	{ "several lines", MAIL_SMTP, "250-a\r\n250-b\r\n250 c\r\n", DONE,
	    MAIL_YES, "250 c" },
	{ "the last code counts", MAIL_SMTP, "250-a\r\n451 c\r\n", DONE,
	    MAIL_NOT_NOW, "451 c" },
	{ "not now", MAIL_SMTP, "454 TLS\r\n", DONE, MAIL_NOT_NOW,
	    "454 TLS" },
	{ "no", MAIL_SMTP, "554 no\r\n", DONE, MAIL_NO, "554 no" },
	{ "an odd code is no", MAIL_SMTP, "354 go\r\n", DONE, MAIL_NO,
	    "354 go" },
	{ "rubbish is passed over", MAIL_SMTP, "hello\r\n\r\n22\r\n220 x\r\n",
	    DONE, MAIL_YES, "220 x" },
	{ "a code with more behind it is rubbish", MAIL_SMTP,
	    "220x\r\n2200 x\r\n220 x\r\n", DONE, MAIL_YES, "220 x" },
	{ "nothing", MAIL_SMTP, "", MORE, 0, "" },
	{ "no line end", MAIL_SMTP, "220 mx", MORE, 0, "" },
	{ "the end is missing", MAIL_SMTP, "220-mx\r\n", MORE, 0, "" },

	{ "IMAP greets", MAIL_IMAP_GREETING, "* OK hello\r\n", DONE, MAIL_YES,
	    "* OK hello" },
	{ "IMAP: letter case", MAIL_IMAP_GREETING, "* ok\r\n", DONE, MAIL_YES,
	    "* ok" },
	{ "RFC 9051 6.2.1: no STARTTLS after PREAUTH", MAIL_IMAP_GREETING,
	    "* PREAUTH x\r\n", DONE, MAIL_NO, "* PREAUTH x" },
	{ "IMAP is leaving", MAIL_IMAP_GREETING, "* BYE x\r\n", DONE, MAIL_NO,
	    "* BYE x" },
	{ "IMAP answers", MAIL_IMAP, "* CAPABILITY x\r\na OK go\r\n", DONE,
	    MAIL_YES, "a OK go" },
	{ "IMAP: NO", MAIL_IMAP, "a NO x\r\n", DONE, MAIL_NO, "a NO x" },
	{ "IMAP: BAD", MAIL_IMAP, "a BAD x\r\n", DONE, MAIL_NO, "a BAD x" },
	{ "IMAP: the tag alone", MAIL_IMAP, "a\r\n", DONE, MAIL_NO, "a" },
	{ "IMAP: another tag", MAIL_IMAP, "b OK x\r\n", MORE, 0, "" },
	{ "POP3: yes", MAIL_POP3, "+OK x\r\n", DONE, MAIL_YES, "+OK x" },
	{ "POP3: no", MAIL_POP3, "-ERR x\r\n", DONE, MAIL_NO, "-ERR x" },
	{ "POP3: neither", MAIL_POP3, "OK\r\n", MORE, 0, "" },
};

static void
test_rows(void)
{
	char label[128], last[64], *exact;
	enum mail_reply_result result;
	struct mail_reply reply;
	const char *why;
	size_t i, len, used;

	for (i = 0; i < ROWS(rows); i++) {
		len = strlen(rows[i].data);
		exact = check_exact(rows[i].data, len);
		result = mail_reply_parse(rows[i].dialect, exact, len, &reply,
		    &used, &why);
		check_int(rows[i].label, result, rows[i].result);
		if (result == MAIL_REPLY_DONE) {
			snprintf(label, sizeof(label), "%s: verdict",
			    rows[i].label);
			check_int(label, reply.verdict, rows[i].verdict);
			snprintf(last, sizeof(last), "%.*s",
			    (int)reply.last.len, reply.last.data);
			check_text(rows[i].label, last, rows[i].last);
			check_int("all is used", (int64_t)used, (int64_t)len);
		}
		free(exact);
	}
}

static void
test_refusals(void)
{
	static char flood[MAIL_REPLY_MAX_BYTES];
	static const char nul[] = "220 a\0b\r\n";
	struct mail_reply reply;
	const char *why = "";
	size_t used;

	memset(flood, 'x', sizeof(flood));
	check_int("one octet below the limit", mail_reply_parse(MAIL_SMTP,
	    flood, sizeof(flood) - 1, &reply, &used, &why), MAIL_REPLY_MORE);
	check_int("too long", mail_reply_parse(MAIL_SMTP, flood,
	    sizeof(flood), &reply, &used, &why), MAIL_REPLY_BAD);
	check_text("too long: why", why, "a reply longer than 16 KiB");
	check_int("NUL", mail_reply_parse(MAIL_SMTP, nul, sizeof(nul) - 1,
	    &reply, &used, &why), MAIL_REPLY_BAD);
	check_text("NUL: why", why, "a NUL in a reply");
	check_int("what is behind the reply is not looked at",
	    mail_reply_parse(MAIL_SMTP, "220 a\r\n\0\0", 9, &reply, &used,
	    &why), MAIL_REPLY_DONE);
	check_int("and not used", (int64_t)used, 7);
}

static void
test_prefixes(void)
{
	static const char text[] = "250-mx\r\n250-STARTTLS\r\n250 OK\r\n";
	struct mail_reply reply;
	const char *why;
	size_t len, used;
	bool is_more = true;
	char *cut;

	for (len = 0; len < sizeof(text) - 1; len++) {
		cut = check_exact(text, len);
		is_more = is_more && mail_reply_parse(MAIL_SMTP, cut, len,
		    &reply, &used, &why) == MAIL_REPLY_MORE;
		free(cut);
	}
	check_bool("each proper prefix wants more", is_more, true);
}

static void
test_offers(void)
{
	static const struct {
		const char *label, *data;
		bool want;
	} offers[] = {
		{ "offered", "250-mx\r\n250 STARTTLS\r\n", true },
		{ "in the middle", "250-mx\r\n250-STARTTLS\r\n250 X\r\n",
		    true },
		{ "letter case", "250-mx\r\n250 StartTLS\r\n", true },
		{ "with parameters", "250-mx\r\n250 STARTTLS x\r\n", true },
		{ "not in the first line", "250-STARTTLS\r\n250 X\r\n",
		    false },
		{ "not behind another word", "250-mx\r\n250 X STARTTLS\r\n",
		    false },
		{ "not as a part", "250-mx\r\n250 STARTTLSX\r\n", false },
		{ "one line alone", "250 mx\r\n", false },
		{ "empty line", "250-mx\r\n250-\r\n250\r\n", false },
	};
	struct mail_reply reply;
	const char *why;
	size_t i, used;

	for (i = 0; i < ROWS(offers); i++) {
		mail_reply_parse(MAIL_SMTP, offers[i].data,
		    strlen(offers[i].data), &reply, &used, &why);
		check_bool(offers[i].label, mail_reply_offers(&reply,
		    "STARTTLS"), offers[i].want);
	}
}

static void
test_queue_ids(void)
{
	static const struct {
		const char	*label, *words, *want;
	} ids[] = {
		{ "Postfix", "250 2.0.0 Ok: queued as 4Wz1xK", "4Wz1xK" },
		{ "words behind it", "queued as 4Wz1 for you", "4Wz1" },
		{ "none", "250 2.0.0 Ok", "" },
		{ "nothing behind it", "250 queued as ", "" },
		{ "not printable", "250 queued as a\033b", "a?b" },
		{ "too long", "queued as 0123456789012345678901234567890123456789"
		    "012345678901234567890123", "" },
	};
	char got[MAIL_QUEUE_ID_SIZE];
	size_t i;

	for (i = 0; i < ROWS(ids); i++)
		check_text(ids[i].label, mail_reply_queue_id(ids[i].words,
		    got) ? got : "", ids[i].want);
}

int
main(void)
{
	test_rows();
	test_refusals();
	test_prefixes();
	test_offers();
	test_queue_ids();
	return check_end();
}
