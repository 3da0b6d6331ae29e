/*
 * Record data in wire form: what is read, and every way in which it is not.
 */

#include "shared/dns_answer.h"

#include "tests/unit/check.h"

#define BYTES(literal)	literal, sizeof(literal) - 1
#define LABEL63		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
			"xxxxxxxxxxxx"

static void
test_mx(void)
{
	static const struct {
		const char	*label;
		const char	*data;
		size_t		 len;
		const char	*host;		/* NULL: refused */
		unsigned	 preference;
	} rows[] = {
		{ "a host", BYTES("\0\12\2mx\7example\0"), "mx.example", 10 },
		{ "letter case", BYTES("\1\0\2MX\7Example\0"), "mx.example",
		    256 },
		{ "underscore", BYTES("\0\0\3_mx\7example\0"), "_mx.example",
		    0 },
		{ "the root (RFC 7505)", BYTES("\0\0\0"), "", 0 },
		{ "empty", BYTES(""), NULL, 0 },
		{ "half a preference", BYTES("\0"), NULL, 0 },
		{ "no name", BYTES("\0\12"), NULL, 0 },
		{ "label cut", BYTES("\0\12\5mx"), NULL, 0 },
		{ "name without end", BYTES("\0\12\2mx\7example"), NULL, 0 },
		{ "more behind it", BYTES("\0\12\2mx\7example\0x"), NULL, 0 },
		{ "compression pointer", BYTES("\0\12\xc0\0"), NULL, 0 },
		{ "label of 64", BYTES("\0\12\100" LABEL63 "x\0"), NULL, 0 },
		{ "name of 255", BYTES("\0\0\77" LABEL63 "\77" LABEL63 "\77"
		    LABEL63 "\77" LABEL63 "\0"), NULL, 0 },
		{ "name of 256, cut", BYTES("\0\0\77" LABEL63 "\77" LABEL63
		    "\77" LABEL63 "\77" LABEL63 "\77"), NULL, 0 },
		{ "dot in a label", BYTES("\0\12\5mx.b.\7example\0"), NULL, 0 },
		{ "NUL in a label", BYTES("\0\12\3mx\0\7example\0"), NULL, 0 },
		{ "blank in a label", BYTES("\0\12\3m x\7example\0"), NULL, 0 },
		{ "UTF-8 in a label", BYTES("\0\12\3m\303\274\7example\0"),
		    NULL, 0 },
		{ "an address", BYTES("\0\12\003192\0010\0012\0011\0"), NULL,
		    0 },
	};
	struct dns_mx mx;
	char *exact;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		exact = check_exact(rows[i].data, rows[i].len);
		mx = (struct dns_mx){ .preference = 7, .host = "untouched" };
		check_bool(rows[i].label, dns_mx_parse((struct text){ exact,
		    rows[i].len }, &mx), rows[i].host != NULL);
		check_text(rows[i].label, mx.host, rows[i].host != NULL ?
		    rows[i].host : "untouched");
		if (rows[i].host != NULL)
			check_int(rows[i].label, mx.preference,
			    rows[i].preference);
		free(exact);
	}
}

static void
test_txt(void)
{
	static const struct {
		const char	*label;
		const char	*data;
		size_t		 len;
		const char	*joined;
		bool		 is_whole;
	} rows[] = {
		{ "one string", BYTES("\3abc"), "abc", true },
		{ "strings are joined without blanks",
		    BYTES("\5v=STS\3v1;\0\7 id=ab;"), "v=STSv1; id=ab;", true },
		{ "empty string", BYTES("\0"), "", true },
		{ "nothing", BYTES(""), "", true },
		{ "cut", BYTES("\2ab\4cd"), "ab", false },
		{ "length alone", BYTES("\1"), "", false },
	};
	struct buffer out;
	char *exact;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		exact = check_exact(rows[i].data, rows[i].len);
		buffer_init(&out, 1000);
		check_bool(rows[i].label, dns_txt_parse((struct text){ exact,
		    rows[i].len }, &out), rows[i].is_whole);
		check_text(rows[i].label, buffer_text(&out), rows[i].joined);
		buffer_clear(&out);
		free(exact);
	}
}

static void
test_address(void)
{
	static const struct {
		const char	*label;
		const char	*data;
		size_t		 len;
		const char	*text;		/* NULL: refused */
	} rows[] = {
		{ "A", BYTES("\300\0\2\1"), "192.0.2.1" },
		{ "AAAA", BYTES("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1"),
		    "2001:db8::1" },
		{ "nothing", BYTES(""), NULL },
		{ "3 octets", BYTES("\300\0\2"), NULL },
		{ "5 octets", BYTES("\300\0\2\1\0"), NULL },
		{ "17 octets", BYTES("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\0"),
		    NULL },
	};
	char text[ADDRESS_TEXT_SIZE], *exact;
	struct address address;
	bool is_read;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		exact = check_exact(rows[i].data, rows[i].len);
		is_read = dns_address_parse((struct text){ exact,
		    rows[i].len }, &address);
		check_bool(rows[i].label, is_read, rows[i].text != NULL);
		if (is_read)
			check_text(rows[i].label, address_format(&address,
			    text), rows[i].text);
		free(exact);
	}
}

int
main(void)
{
	test_mx();
	test_txt();
	test_address();
	check_text("result words", dns_result_name(DNS_BOGUS), "bogus");
	return check_end();
}
