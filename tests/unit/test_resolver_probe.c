/*
 * resolv.conf as people write it, and replies as servers send them.
 */

#include "shared/resolver_probe.h"

#include "tests/unit/check.h"

static void
test_conf(void)
{
	static const struct {
		const char	*label, *text;
		size_t		 count;
		const char	*first, *last;
	} rows[] = {
		{ "one", "nameserver 192.0.2.1\n", 1, "192.0.2.1",
		    "192.0.2.1" },
		{ "none: this host", "search example\noptions edns0\n", 1,
		    "127.0.0.1", "127.0.0.1" },
		{ "empty: this host", "", 1, "127.0.0.1", "127.0.0.1" },
		{ "blanks, tabs, no last line end", "  nameserver\t192.0.2.1",
		    1, "192.0.2.1", "192.0.2.1" },
		{ "comments, words behind", "# nameserver 192.0.2.9\n"
		    ";nameserver 192.0.2.9\nnameserver 192.0.2.1 # x\n", 1,
		    "192.0.2.1", "192.0.2.1" },
		{ "v6", "nameserver 2001:db8::1\n", 1, "2001:db8::1",
		    "2001:db8::1" },
		{ "no more than three", "nameserver 192.0.2.1\nnameserver "
		    "192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
		    3, "192.0.2.1", "192.0.2.3" },
		{ "what is no address is left out", "nameserver ns.example\n"
		    "nameserver fe80::1%eth0\nnameserver\n"
		    "nameserver 192.0.2.1\n", 1, "192.0.2.1", "192.0.2.1" },
		{ "another word", "nameservers 192.0.2.1\n", 1, "127.0.0.1",
		    "127.0.0.1" },
	};
	struct address out[RESOLVER_SERVERS_MAX];
	char text[ADDRESS_TEXT_SIZE];
	size_t i, count;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		count = resolver_conf_parse(text_of(rows[i].text), out);
		check_int(rows[i].label, (int64_t)count,
		    (int64_t)rows[i].count);
		check_text(rows[i].label, address_format(&out[0], text),
		    rows[i].first);
		check_text(rows[i].label, address_format(&out[count - 1],
		    text), rows[i].last);
	}
}

#define QUESTION	"\0\0\6\0\1"
#define COUNTS		"\0\1\0\0\0\0\0\0"

static void
test_reply(void)
{
	static const struct {
		const char		*label;
		const char		*data;
		size_t			 len;
		enum resolver_reply	 want;
	} rows[] = {
#define ROW(label, data, want) { label, data, sizeof(data) - 1, want }
		ROW("AD", "\x12\x34\x81\xa0" COUNTS QUESTION,
		    RESOLVER_VALIDATED),
		ROW("AD, with records behind", "\x12\x34\x81\xa0" COUNTS
		    QUESTION "\300\14\0\6", RESOLVER_VALIDATED),
		ROW("no AD", "\x12\x34\x81\x80" COUNTS QUESTION,
		    RESOLVER_UNSIGNED),
		ROW("truncated, no AD", "\x12\x34\x83\x80" COUNTS QUESTION,
		    RESOLVER_UNSIGNED),
		ROW("SERVFAIL", "\x12\x34\x81\x82" COUNTS QUESTION,
		    RESOLVER_FAILED),
		ROW("REFUSED with AD", "\x12\x34\x81\xa5" COUNTS QUESTION,
		    RESOLVER_FAILED),
		ROW("another id", "\x12\x35\x81\xa0" COUNTS QUESTION,
		    RESOLVER_STRANGE),
		ROW("a question", "\x12\x34\x01\xa0" COUNTS QUESTION,
		    RESOLVER_STRANGE),
		ROW("another opcode", "\x12\x34\xa1\xa0" COUNTS QUESTION,
		    RESOLVER_STRANGE),
		ROW("another name", "\x12\x34\x81\xa0" COUNTS "\1x\0\6\0\1",
		    RESOLVER_STRANGE),
		ROW("another type", "\x12\x34\x81\xa0" COUNTS "\0\0\1\0\1",
		    RESOLVER_STRANGE),
		ROW("no question", "\x12\x34\x81\xa0\0\0\0\0\0\0\0\0" QUESTION,
		    RESOLVER_STRANGE),
		ROW("cut", "\x12\x34\x81\xa0" COUNTS "\0\0\6\0",
		    RESOLVER_STRANGE),
		ROW("nothing", "", RESOLVER_STRANGE),
	};
	char *exact;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		exact = check_exact(rows[i].data, rows[i].len);
		check_int(rows[i].label, resolver_reply_judge(0x1234,
		    (struct text){ exact, rows[i].len }), rows[i].want);
		free(exact);
	}
}

static void
test_question(void)
{
	static const char want[] = "\x12\x34\x01\x20" COUNTS QUESTION;
	unsigned char out[RESOLVER_QUESTION_BYTES];

	resolver_question_format(0x1234, out);
	check_bool("question: RD and AD, one question",
	    memcmp(out, want, sizeof(out)) == 0, true);
	out[2] |= 0x80;
	check_int("its echo with AD", resolver_reply_judge(0x1234,
	    (struct text){ (const char *)out, sizeof(out) }),
	    RESOLVER_VALIDATED);
}

int
main(void)
{
	test_conf();
	test_reply();
	test_question();
	return check_end();
}
