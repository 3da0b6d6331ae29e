/*
 * Hellos of TLS 1.2 (RFC 5246, 7.4.1).
 */

#include "shared/tls_hello.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

/* type, version, length; hello, length; version, random, session, suite. */
#define RECORD	"\x16\x03\x03\x00\x2a"
#define HELLO	"\x02\x00\x00\x26\x03\x03"
#define RANDOM	"0123456789abcdef0123456789abcdef"
#define TEXT(literal) literal, sizeof(literal) - 1

static const struct {
	const char *label, *data;
	size_t len;
	enum tls_hello_result want;
	const char *suite;
} rows[] = {
	{ "RC4", TEXT(RECORD HELLO RANDOM "\0\0\5\0"), TLS_HELLO_TAKEN,
	    "RC4-SHA" },
	{ "triple DES", TEXT(RECORD HELLO RANDOM "\0\0\12\0"),
	    TLS_HELLO_TAKEN, "DES-CBC3-SHA" },
	{ "a session id", TEXT("\x16\x03\x03\x00\x2c\x02\x00\x00\x28\x03\x03"
	    RANDOM "\2ab\0\5\0"), TLS_HELLO_TAKEN, "RC4-SHA" },
	{ "more behind it", TEXT(RECORD HELLO RANDOM "\0\0\5\0\x16\x03"),
	    TLS_HELLO_TAKEN, "RC4-SHA" },
	{ "alert", TEXT("\x15\x03\x03\x00\x02\x02\x28"), TLS_HELLO_REFUSED,
	    "" },
	{ "nothing", "", 0, TLS_HELLO_MORE, "" },
	{ "record cut", TEXT(RECORD HELLO RANDOM "\0\0\5"), TLS_HELLO_MORE,
	    "" },
	{ "header cut", TEXT("\x16\x03\x03\x00"), TLS_HELLO_MORE, "" },
	{ "no TLS", TEXT("220 mx\r\n"), TLS_HELLO_BAD, "" },
	{ "another version", TEXT("\x16\x02\x03\x00\x02\x02\x28"),
	    TLS_HELLO_BAD, "" },
	{ "another message", TEXT("\x16\x03\x03\x00\x2a\x0b\x00\x00\x26\x03"
	    "\x03" RANDOM "\0\0\5\0"), TLS_HELLO_BAD, "" },
	{ "not offered", TEXT(RECORD HELLO RANDOM "\0\0\x2f\0"),
	    TLS_HELLO_BAD, "" },
	{ "anonymous is another offer", TEXT(RECORD HELLO RANDOM "\0\0\x34\0"),
	    TLS_HELLO_BAD, "" },
	{ "session id beyond the record", TEXT(RECORD HELLO RANDOM
	    "\x30\0\5\0"), TLS_HELLO_BAD, "" },
	{ "too short for a hello", TEXT("\x16\x03\x03\x00\x04\x02\x00\x00\x26"),
	    TLS_HELLO_BAD, "" },
};

static void
test_parse(void)
{
	const char *suite;
	char *exact;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		suite = "";
		exact = check_exact(rows[i].data, rows[i].len);
		check_int(rows[i].label, tls_hello_parse(TLS_HELLO_WEAK,
		    exact, rows[i].len, &suite), rows[i].want);
		check_text(rows[i].label, suite, rows[i].suite);
		free(exact);
	}
}

static unsigned
number_at(const struct buffer *b, size_t at)
{
	return (unsigned)(unsigned char)b->data[at] << 8 |
	    (unsigned char)b->data[at + 1];
}

static void
test_format(void)
{
	static const unsigned char random[TLS_HELLO_RANDOM_BYTES] = { 7 };
	struct buffer b;

	buffer_init(&b, 1024);
	tls_hello_format(TLS_HELLO_WEAK, "mx.example.org", random, &b);
	check_bool("fits", b.is_overfull, false);
	check_int("record length", number_at(&b, 3), (int64_t)b.len - 5);
	check_int("hello length", number_at(&b, 7), (int64_t)b.len - 9);
	check_int("random", b.data[11], 7);
	check_int("suites", number_at(&b, 44), 2 * 15);
	check_int("extensions to the end", number_at(&b, 46 + 30 + 2),
	    (int64_t)b.len - (46 + 30 + 4));
	check_bool("SNI", memmem(b.data, b.len, "mx.example.org", 14) != NULL,
	    true);
	buffer_clear(&b);
}

int
main(void)
{
	test_parse();
	test_format();
	return check_end();
}
