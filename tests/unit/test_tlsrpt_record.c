/*
 * The TLSRPT TXT record: its grammar, the choice among several, and each kind
 * of destination (RFC 8460, 3).
 */

#include "shared/tlsrpt/record.h"

#include "tests/unit/check_records.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define V "v=TLSRPTv1;"
#define LETTERS_32 "abcdefghijklmnopqrstuvwxyz012345"

enum {
	PRESENT = TLSRPT_RECORD_PRESENT,
	ABSENT = TLSRPT_RECORD_ABSENT,
	INVALID = TLSRPT_RECORD_INVALID
};

/* detail: the targets, a blank behind each; or part of the reason. */
static const struct {
	const char *label;
	const char *records[RECORDS_MAX];
	int want;
	const char *detail;
} rows[] = {
	{ "as in the RFC", { V " rua=mailto:reports@example.com" }, PRESENT,
	    "reports@example.com " },
	{ "https", { V " rua=https://reporting.example.com/v1/tlsrpt" },
	    PRESENT, "https://reporting.example.com/v1/tlsrpt " },
	{ "final delimiter", { V "rua=mailto:a@b.example;" }, PRESENT,
	    "a@b.example " },
	{ "blanks and an unknown field first",
	    { "v=TLSRPTv1 ; x=y ; rua=mailto:a@b.example , "
	    "https://c.example/" }, PRESENT,
	    "a@b.example https://c.example/ " },
	{ "tabs, and a blank at the end",
	    { "v=TLSRPTv1\t;\trua=mailto:a@b.example\t,\tmailto:c@d.example "
	    }, PRESENT, "a@b.example c@d.example " },
	{ "several rua", { V "rua=mailto:a@b.example;x=y;"
	    "rua=https://c.example/" }, PRESENT,
	    "a@b.example https://c.example/ " },
	{ "unknown field of 32 characters", { V "rua=mailto:a@b.example;"
	    LETTERS_32 "=" }, INVALID, "value" },
	{ "version again is another field", { V "v=TLSRPTv2;"
	    "rua=mailto:a@b.example" }, PRESENT, "a@b.example " },
	{ "RUA is another field", { V "RUA=mailto:a@b.example" }, INVALID,
	    "rua is missing" },
	{ "scheme in capitals", { V "rua=MAILTO:a@b.example,"
	    "HTTPS://c.example/" }, PRESENT,
	    "a@b.example HTTPS://c.example/ " },

	{ "nothing", { NULL }, ABSENT, NULL },
	{ "empty record", { "" }, ABSENT, NULL },
	{ "version in lower case", { "v=tlsrptv1; rua=mailto:a@b.example" },
	    ABSENT, NULL },
	{ "longer version", { "v=TLSRPTv12; rua=mailto:a@b.example" },
	    ABSENT, NULL },
	{ "version not first", { "rua=mailto:a@b.example; v=TLSRPTv1" },
	    ABSENT, NULL },
	{ "blanks first", { " " V "rua=mailto:a@b.example" }, ABSENT, NULL },
	{ "no semicolon", { "v=TLSRPTv1 rua=mailto:a@b.example" }, ABSENT,
	    NULL },
	{ "version alone", { "v=TLSRPTv1" }, ABSENT, NULL },

	{ "version and delimiter", { V }, INVALID, "rua is missing" },
	{ "no rua", { V "x=y" }, INVALID, "rua is missing" },
	{ "rua is empty", { V "rua=" }, INVALID, "empty" },
	{ "empty field", { V ";rua=mailto:a@b.example" }, INVALID,
	    "name=value" },
	{ "field without =", { V "rua=mailto:a@b.example;x" }, INVALID,
	    "name=value" },
	{ "blank before =", { V "rua =mailto:a@b.example" }, INVALID,
	    "name=value" },
	{ "name of 33 characters", { V "rua=mailto:a@b.example;"
	    LETTERS_32 "6=y" }, INVALID, "name=value" },
	{ "unknown value is empty", { V "rua=mailto:a@b.example;x=" },
	    INVALID, "value" },
	{ "unknown value with =", { V "rua=mailto:a@b.example;x=a=b" },
	    INVALID, "value" },
	{ "unknown value with a blank", { V "rua=mailto:a@b.example;x=a b" },
	    INVALID, "value" },
	{ "unknown value with 8 bit", { V "rua=mailto:a@b.example;x=\303" },
	    INVALID, "value" },

	{ "others are discarded", { "v=spf1 -all", "v=TLSRPTv12; rua=x",
	    V "rua=mailto:a@b.example" }, PRESENT, "a@b.example " },
	{ "a bare version beside a good one", { "v=TLSRPTv1",
	    V "rua=mailto:a@b.example" }, PRESENT, "a@b.example " },
	{ "two", { V "rua=mailto:a@b.example", V "rua=mailto:c@d.example" },
	    INVALID, "more than one" },
	{ "two that are equal", { V "rua=mailto:a@b.example",
	    V "rua=mailto:a@b.example" }, INVALID, "more than one" },
	{ "a broken one beside a good one", { V "x",
	    V "rua=mailto:a@b.example" }, INVALID, "more than one" },
};

/* One rua alone.  target NULL: part of the reason stands in uri. */
static const struct {
	const char *label, *rua, *target, *uri;
	uint64_t max_bytes;
} destinations[] = {
	{ "mailto", "mailto:a@b.example", "a@b.example",
	    "mailto:a@b.example", 0 },
	{ "domain in capitals", "mailto:A@B.Example.", "A@b.example",
	    "mailto:A@B.Example.", 0 },
	{ "every character of an atom", "mailto:a$%25&'*+-/=%3F^_%60.x@b.ex",
	    NULL, "character", 0 },
	{ "encoded where it must be", "mailto:a$%25&'*+-/=%3F%5E_%60.x@b.ex",
	    "a$%&'*+-/=?^_`.x@b.ex", "mailto:a$%&'*+-/=?^_`.x@b.ex", 0 },
	{ "encoded ! is decoded", "mailto:a%21b@c.example", "a!b@c.example",
	    "mailto:a!b@c.example", 0 },
	{ "encoded comma needs quotes", "mailto:a%2Cb@c.example",
	    "\"a,b\"@c.example", "mailto:a,b@c.example", 0 },
	{ "encoded semicolon, small letters", "mailto:a%3bb@c.example",
	    "\"a;b\"@c.example", "mailto:a;b@c.example", 0 },
	{ "decoded once", "mailto:a%252Cb@c.example", "a%2Cb@c.example",
	    "mailto:a%2Cb@c.example", 0 },
	{ "quoted already", "mailto:%22a%20b%22@c.example",
	    "\"a b\"@c.example", "mailto:\"a b\"@c.example", 0 },
	{ "half quoted", "mailto:%22a@c.example", "\"\\\"a\"@c.example",
	    "mailto:\"a@c.example", 0 },
	{ "quotes in quotes", "mailto:%22a%22b%22@c.example",
	    "\"\\\"a\\\"b\\\"\"@c.example", "mailto:\"a\"b\"@c.example", 0 },
	{ "an @ in the local part", "mailto:a@b@c.example",
	    "\"a@b\"@c.example", "mailto:a@b@c.example", 0 },
	{ "two dots", "mailto:a..b@c.example", "\"a..b\"@c.example",
	    "mailto:a..b@c.example", 0 },
	{ "angle brackets", "mailto:%3Ca%3E@c.example", "\"<a>\"@c.example",
	    "mailto:<a>@c.example", 0 },
	{ "header fields are dropped", "mailto:a@b.example?cc=x@y.example",
	    "a@b.example", "mailto:a@b.example", 0 },
	{ "U-label", "mailto:a@b%C3%BCcher.example",
	    "a@xn--bcher-kva.example", "mailto:a@b\303\274cher.example", 0 },
	{ "size", "mailto:a@b.example!10m", "a@b.example",
	    "mailto:a@b.example", 10485760 },
	{ "size in octets", "mailto:a@b.example!5000", "a@b.example",
	    "mailto:a@b.example", 5000 },
	{ "size, capital letter", "https://a.example/!1K",
	    "https://a.example/", "https://a.example/", 1024 },
	{ "https with port and query",
	    "https://a.example:8443/b?c=d%2Ce&f#g",
	    "https://a.example:8443/b?c=d%2Ce&f#g",
	    "https://a.example:8443/b?c=d%2Ce&f#g", 0 },
	{ "https without a path", "https://a.example", "https://a.example",
	    "https://a.example", 0 },
	{ "https with an empty port", "https://a.example:/",
	    "https://a.example:/", "https://a.example:/", 0 },

	{ "empty", "", NULL, "empty", 0 },
	{ "a bare address", "a@b.example", NULL, "neither", 0 },
	{ "http", "http://a.example/", NULL, "neither", 0 },
	{ "file", "file:///etc/passwd", NULL, "neither", 0 },
	{ "https without slashes", "https:a.example", NULL, "neither", 0 },
	{ "mailto without an @", "mailto:a", NULL, "an @", 0 },
	{ "mailto without an address", "mailto:", NULL, "an @", 0 },
	{ "mailto without a local part", "mailto:@b.example", NULL,
	    "local part", 0 },
	{ "local part of 65 octets", "mailto:" LETTERS_32 LETTERS_32
	    "x@b.example", NULL, "local part", 0 },
	{ "local part with 8 bit", "mailto:%C3%BC@b.example", NULL,
	    "local part", 0 },
	{ "mailto without a domain", "mailto:a@", NULL, "empty", 0 },
	{ "address literal", "mailto:a@[192.0.2.1]", NULL, "", 0 },
	{ "blank in an address", "mailto:a b@c.example", NULL, "character",
	    0 },
	{ "encoded CR LF", "mailto:a%0D%0ABcc:x@b.example", NULL, "control",
	    0 },
	{ "encoded NUL", "mailto:a%00@b.example", NULL, "control", 0 },
	{ "encoded DEL", "mailto:a%7F@b.example", NULL, "control", 0 },
	{ "encoded CR LF in an URL", "https://a.example/%0d%0a", NULL,
	    "control", 0 },
	{ "half an encoding", "mailto:a@b.example%2", NULL, "two digits", 0 },
	{ "no hex digits", "mailto:a%zz@b.example", NULL, "two digits", 0 },
	{ "! not encoded", "mailto:a!b@c.example", NULL, "\"!\"", 0 },
	{ "size of nothing", "mailto:a@b.example!", NULL, "\"!\"", 0 },
	{ "size 0", "mailto:a@b.example!0", NULL, "\"!\"", 0 },
	{ "size of a unit alone", "mailto:a@b.example!m", NULL, "\"!\"", 0 },
	{ "size of 7 digits", "mailto:a@b.example!1234567", NULL, "\"!\"",
	    0 },
	{ "https without a host", "https:///x", NULL, "empty", 0 },
	{ "https with a user", "https://u:p@a.example/", NULL, "user", 0 },
	{ "https with an address", "https://192.0.2.1/", NULL, "", 0 },
	{ "https with an IPv6 address", "https://[2001:db8::1]/", NULL, "",
	    0 },
	{ "https with port 0", "https://a.example:0/", NULL, "port", 0 },
	{ "https with port 65536", "https://a.example:65536/", NULL, "port",
	    0 },
	{ "https with a blank", "https://a.example/ b", NULL, "character",
	    0 },
	{ "https with a quote", "https://a.example/\"", NULL, "character",
	    0 },
	{ "https with an encoded host", "https://a%2Eexample/", NULL, "", 0 },
};

static int
choose(const char *const *strings, struct tlsrpt_record *out,
    const char **why)
{
	struct check_records r;
	int result;

	check_records_copy(&r, strings);
	result = (int)tlsrpt_record_choose(r.records, r.count, out, why);
	check_records_free(&r);
	return result;
}

static void
test_records(void)
{
	struct tlsrpt_record record;
	char targets[256];
	const char *why;
	size_t i, k;
	int result;

	for (i = 0; i < ROWS(rows); i++) {
		why = NULL;
		result = choose(rows[i].records, &record, &why);
		check_int(rows[i].label, result, rows[i].want);
		if (result == INVALID) {
			check_contains("names the section", why,
			    "RFC 8460 3: ");
			check_contains("names the rule", why, rows[i].detail);
		} else
			check_text("no reason", why, NULL);
		if (result != PRESENT)
			continue;
		targets[0] = '\0';
		for (k = 0; k < record.rua_count; k++) {
			strcat(targets, record.ruas[k].target);
			strcat(targets, " ");
		}
		check_text("its targets", targets, rows[i].detail);
		check_int("none skipped", (int64_t)record.skipped_count, 0);
		tlsrpt_record_clear(&record);
	}
}

static void
test_destinations(void)
{
	char text[256];
	const char *why, *records[RECORDS_MAX] = { text };
	struct tlsrpt_record record;
	int result;
	size_t i;

	for (i = 0; i < ROWS(destinations); i++) {
		snprintf(text, sizeof(text), V "rua=%s", destinations[i].rua);
		why = NULL;
		result = choose(records, &record, &why);
		check_int(destinations[i].label, result,
		    destinations[i].target != NULL ? PRESENT : INVALID);
		if (result == INVALID) {
			check_contains("its reason", why, destinations[i].uri);
			continue;
		}
		check_int("one", (int64_t)record.rua_count, 1);
		check_text("its target", record.ruas[0].target,
		    destinations[i].target);
		check_text("for people", record.ruas[0].uri,
		    destinations[i].uri);
		check_int("its size", (int64_t)record.ruas[0].max_bytes,
		    (int64_t)destinations[i].max_bytes);
		check_bool("its scheme", record.ruas[0].scheme ==
		    TLSRPT_HTTPS, strchr(record.ruas[0].target, '@') == NULL);
		tlsrpt_record_clear(&record);
	}
}

/* A bad destination costs no good one. */
static void
test_skipped(void)
{
	static const char *mixed[RECORDS_MAX] = { V "rua=a@b.example,"
	    "mailto:a@b.example,,http://c.example/;rua=https://d.example/" };
	static char many[64 * 1024];
	static const char *numerous[RECORDS_MAX] = { many };
	struct tlsrpt_record record;
	const char *why = NULL;
	size_t i;

	check_int("bad ones among good ones", choose(mixed, &record, &why),
	    PRESENT);
	check_int("two good ones", (int64_t)record.rua_count, 2);
	check_text("the first", record.ruas[0].target, "a@b.example");
	check_text("the second", record.ruas[1].target, "https://d.example/");
	check_int("three bad ones", (int64_t)record.skipped_count, 3);
	check_contains("why", record.skipped_why, "neither");
	tlsrpt_record_clear(&record);

	strcpy(many, V "rua=");
	for (i = 0; i < 17; i++)
		strcat(many, i == 0 ? "mailto:a@b.example" :
		    ",mailto:a@b.example");
	check_int("17 destinations", choose(numerous, &record, &why),
	    PRESENT);
	check_int("16 of them", (int64_t)record.rua_count, 16);
	check_int("the last one not", (int64_t)record.skipped_count, 1);
	tlsrpt_record_clear(&record);

	memset(many + strlen(many), 'x', TLSRPT_RECORD_MAX_BYTES);
	check_int("too long", choose(numerous, &record, &why), INVALID);
	check_contains("its reason", why, "16 KiB");
}

int
main(void)
{
	static const char with_nul[] = V "rua=mailto:a\0@b.example";
	struct text record = { with_nul, sizeof(with_nul) - 1 };
	struct tlsrpt_record out;
	const char *why;

	test_records();
	test_destinations();
	test_skipped();
	check_int("NUL", (int)tlsrpt_record_choose(&record, 1, &out, &why),
	    INVALID);
	return check_end();
}
