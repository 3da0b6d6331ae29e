/*
 * TXT records in dig's quoting: what is joined, what is literal, and each
 * refusal.
 */

#include "shared/dns_text.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static const struct {
	const char *label, *text;
	const char *want;	/* "[record][record]"; NULL: refused */
	const char *why;
} rows[] = {
	{ "nothing", "", "", NULL },
	{ "one string", "\"v=STSv1; id=1;\"\n", "[v=STSv1; id=1;]", NULL },
	{ "no line end", "\"v=STSv1; id=1;\"", "[v=STSv1; id=1;]", NULL },
	{ "strings are joined without blanks",
	    "\"v=STS\" \"v1; id=ab\" \"cd;\"\n", "[v=STSv1; id=abcd;]", NULL },
	{ "blanks inside a string stay", "\" a \" \" b \"\n", "[ a  b ]",
	    NULL },
	{ "blanks and tabs around strings", "\"a\" \t \"b\" \t\n", "[ab]",
	    NULL },
	{ "strings side by side", "\"a\"\"b\"\n", "[ab]", NULL },
	{ "an empty string", "\"\"\n", "[]", NULL },
	{ "several records", "\"a\"\n\"b\" \"c\"\n", "[a][bc]", NULL },
	{ "CRLF", "\"a\"\r\nb\r\n", "[a][b]", NULL },
	{ "empty lines are no records", "\n\"a\"\n\n\r\n\"b\"\n", "[a][b]",
	    NULL },
	{ "quote and backslash", "\"a\\\"b\\\\c\"\n", "[a\"b\\c]", NULL },
	{ "semicolon of an old dig", "\"v=STSv1\\; id=1\\;\"\n",
	    "[v=STSv1; id=1;]", NULL },
	{ "octet by number", "\"\\097\\255\\010\"\n", "[a\377\n]", NULL },
	{ "digits behind an octet", "\"\\0971\"\n", "[a1]", NULL },
	{ "no quote: literally", "v=STSv1; id=\\0971\\; \"x\n",
	    "[v=STSv1; id=\\0971\\; \"x]", NULL },
	{ "blank before the quote: literally", " \"a\"\n", "[ \"a\"]", NULL },

	{ "quote not closed", "\"abc\n\"", NULL, "not closed" },
	{ "second quote not closed", "\"abc\" \"\n", NULL, "not closed" },
	{ "quote escaped at the end", "\"abc\\\"\n", NULL, "not closed" },
	{ "text behind the quotes", "\"abc\" d\n", NULL, "outside" },
	{ "text between the quotes", "\"abc\",\"d\"\n", NULL, "outside" },
	{ "backslash outside", "\"abc\" \\097\n", NULL, "outside" },
	{ "backslash at the end", "\"abc\\", NULL, "backslash" },
	{ "one digit", "\"\\1", NULL, "octet" },
	{ "two digits", "\"\\12\"\n", NULL, "octet" },
	{ "letters among the digits", "\"\\1a1\"\n", NULL, "octet" },
	{ "256", "\"\\256\"\n", NULL, "octet" },
	{ "bad line behind a good one", "\"a\"\n\"b\n", NULL, "not closed" },
};

static const char *
records_format(const struct dns_text *d)
{
	static char out[256];
	size_t at = 0, i;

	out[0] = '\0';
	for (i = 0; i < d->count; i++)
		at += (size_t)snprintf(out + at, sizeof(out) - at, "[%.*s]",
		    (int)d->records[i].len, d->records[i].data);
	return out;
}

int
main(void)
{
	struct dns_text d;
	const char *why;
	char *exact;
	size_t len, i;
	int result;

	for (i = 0; i < ROWS(rows); i++) {
		len = strlen(rows[i].text);
		exact = check_exact(rows[i].text, len);
		why = NULL;
		result = dns_text_parse((struct text){ exact, len }, &d, &why);
		free(exact);
		check_int(rows[i].label, result,
		    rows[i].want != NULL ? 0 : -1);
		if (result == -1) {
			check_contains("its reason", why, rows[i].why);
			continue;
		}
		check_text("its records", records_format(&d), rows[i].want);
		dns_text_clear(&d);
	}
	check_int("NUL by number", dns_text_parse(text_of("\"a\\000b\""), &d,
	    &why), 0);
	check_bool("is kept", d.count == 1 && d.records[0].len == 3 &&
	    memcmp(d.records[0].data, "a\0b", 3) == 0, true);
	dns_text_clear(&d);
	return check_end();
}
