/*
 * The MTA-STS policy file: its grammar, its bounds, and the lines that are
 * kept of it (RFC 8461, 3.2).
 */

#include "shared/policy/mtasts_policy.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define LETTERS_32 "abcdefghijklmnopqrstuvwxyz012345"
#define BEGIN "version: STSv1\nmode: enforce\nmx: mx.example.org\n"
#define WHOLE BEGIN "max_age: 604800\n"

/* What a policy says, in one line. */
#define WHOLE_WANT "enforce 604800 mx.example.org"

static const struct {
	const char *label, *text;
	const char *want;	/* NULL: refused */
	const char *why;
} rows[] = {
	/* RFC 8461, 3.2 and appendix A */
	{ "as in the RFC", "version: STSv1\r\nmode: enforce\r\n"
	    "mx: mail.example.com\r\nmx: *.example.net\r\n"
	    "mx: backupmx.example.com\r\nmax_age: 604800\r\n",
	    "enforce 604800 mail.example.com *.example.net "
	    "backupmx.example.com", NULL },
	{ "LF", WHOLE, WHOLE_WANT, NULL },
	{ "no line end at the end", BEGIN "max_age: 604800", WHOLE_WANT,
	    NULL },
	{ "LF and CRLF", "version: STSv1\r\nmode: enforce\nmx: mx.example.org"
	    "\r\nmax_age: 604800\n", WHOLE_WANT, NULL },
	{ "testing", "version: STSv1\nmode: testing\nmx: a.example\n"
	    "max_age: 1", "testing 1 a.example", NULL },
	{ "none without mx", "version: STSv1\nmode: none\nmax_age: 86400",
	    "none 86400", NULL },
	{ "none with mx", "version: STSv1\nmode: none\nmx: a.example\n"
	    "max_age: 86400", "none 86400 a.example", NULL },
	{ "any order", "max_age: 604800\nmx: mx.example.org\nmode: enforce\n"
	    "version: STSv1\n", WHOLE_WANT, NULL },
	{ "no blanks", "version:STSv1\nmode:enforce\nmx:mx.example.org\n"
	    "max_age:604800", WHOLE_WANT, NULL },
	{ "blanks and tabs around values", "version: \t STSv1 \t\n"
	    "mode:\tenforce\t\r\nmx:\tmx.example.org  \nmax_age:  604800 ",
	    WHOLE_WANT, NULL },

	/* repeated and unknown fields */
	{ "first mode counts", WHOLE "mode: none\n", WHOLE_WANT, NULL },
	{ "first max_age counts", WHOLE "max_age: 1\n", WHOLE_WANT, NULL },
	{ "first version counts", WHOLE "version: STSv2\n", WHOLE_WANT,
	    NULL },
	{ "later ones may hold anything", WHOLE "mode:\nmax_age: x\tx\n"
	    "version: \377\001\nmode: enforce testing", WHOLE_WANT, NULL },
	{ "a bad first one is not mended", "mode: Enforce\n" WHOLE, NULL,
	    "mode is not" },
	{ "unknown field", "x-note: a:b {c\n" WHOLE "y: =;\"'", WHOLE_WANT,
	    NULL },
	{ "unknown field repeated", "x: 1\nx: 2\n" WHOLE, WHOLE_WANT, NULL },
	{ "unknown field in UTF-8", "x: \303\274 \342\202\254 "
	    "\360\237\223\247\n" WHOLE, WHOLE_WANT, NULL },
	{ "UTF-8 at its bounds", "x: \302\200\337\277\340\240\200\355\237\277"
	    "\356\200\200\357\277\277\360\220\200\200\364\217\277\277\n"
	    WHOLE, WHOLE_WANT, NULL },
	{ "U+2028 splits no line", "x: a\342\200\250mode: none\n" WHOLE,
	    WHOLE_WANT, NULL },
	{ "name of 32 characters", LETTERS_32 ": x\nA.b-c_d: x\n" WHOLE,
	    WHOLE_WANT, NULL },
	{ "known names in upper case are others", WHOLE "Mode: none\n"
	    "MX: *\n", WHOLE_WANT, NULL },

	/* required fields */
	{ "nothing", "", NULL, "version is missing" },
	{ "no version", "mode: enforce\nmx: a.example\nmax_age: 1", NULL,
	    "version is missing" },
	{ "no mode", "version: STSv1\nmx: a.example\nmax_age: 1", NULL,
	    "mode is missing" },
	{ "no max_age", BEGIN, NULL, "max_age is missing" },
	{ "enforce without mx", "version: STSv1\nmode: enforce\nmax_age: 1",
	    NULL, "mx is missing" },
	{ "testing without mx", "version: STSv1\nmode: testing\nmax_age: 1",
	    NULL, "mx is missing" },
	{ "Mode is no mode", "version: STSv1\nMode: none\nmax_age: 1", NULL,
	    "mode is missing" },

	/* values */
	{ "version in lower case", "version: stsv1\nmode: none\nmax_age: 1",
	    NULL, "version is not" },
	{ "other version", "version: STSv2\nmode: none\nmax_age: 1", NULL,
	    "version is not" },
	{ "longer version", "version: STSv1.\nmode: none\nmax_age: 1", NULL,
	    "version is not" },
	{ "version is empty", "version:\nmode: none\nmax_age: 1", NULL,
	    "version is not" },
	{ "mode in upper case", "version: STSv1\nmode: Enforce\nmax_age: 1",
	    NULL, "mode is not" },
	{ "two modes", "version: STSv1\nmode: enforce testing\nmax_age: 1",
	    NULL, "mode is not" },
	{ "mode in quotes", "version: STSv1\nmode: \"none\"\nmax_age: 1",
	    NULL, "mode is not" },
	{ "mode is empty", "version: STSv1\nmode: \nmax_age: 1", NULL,
	    "mode is not" },
	{ "max_age zero", BEGIN "max_age: 0", "enforce 0 mx.example.org",
	    NULL },
	{ "max_age with leading zeros", BEGIN "max_age: 0000086400",
	    "enforce 86400 mx.example.org", NULL },
	{ "longest max_age", BEGIN "max_age: 31557600",
	    "enforce 31557600 mx.example.org", NULL },
	{ "a second more is capped", BEGIN "max_age: 31557601",
	    "enforce 31557600 mx.example.org", NULL },
	{ "2^32 does not wrap", BEGIN "max_age: 4294967296",
	    "enforce 31557600 mx.example.org", NULL },
	{ "ten digits are capped", BEGIN "max_age: 9999999999",
	    "enforce 31557600 mx.example.org", NULL },
	{ "eleven digits", BEGIN "max_age: 00000086400", NULL,
	    "max_age is not" },
	{ "max_age is empty", BEGIN "max_age:", NULL, "max_age is not" },
	{ "negative max_age", BEGIN "max_age: -1", NULL, "max_age is not" },
	{ "max_age with a sign", BEGIN "max_age: +1", NULL,
	    "max_age is not" },
	{ "max_age with a fraction", BEGIN "max_age: 1.5", NULL,
	    "max_age is not" },
	{ "max_age with a unit", BEGIN "max_age: 7d", NULL,
	    "max_age is not" },
	{ "max_age in wide digits", BEGIN "max_age: \357\274\221", NULL,
	    "max_age is not" },

	/* mx */
	{ "mx in upper case is folded", "mx: *.Example.ORG\n" WHOLE,
	    "enforce 604800 *.example.org mx.example.org", NULL },
	{ "mx twice", "mx: MX.example.org\n" WHOLE, WHOLE_WANT, NULL },
	{ "mx in A-labels", "mx: *.xn--bcher-kva.example\n" WHOLE,
	    "enforce 604800 *.xn--bcher-kva.example mx.example.org", NULL },
	{ "mx of one label", "mx: mail\nmx: *.org\n" WHOLE,
	    "enforce 604800 mail *.org mx.example.org", NULL },
	{ "mx with a label of 64 octets", "mx: " LETTERS_32 LETTERS_32 "\n"
	    WHOLE, NULL, "mx is no" },
	{ "mx is empty", "mx:\n" WHOLE, NULL, "mx is no" },
	{ "mx: *", "mx: *\n" WHOLE, NULL, "mx is no" },
	{ "mx: *.", "mx: *.\n" WHOLE, NULL, "mx is no" },
	{ "mx: **.b", "mx: **.b\n" WHOLE, NULL, "mx is no" },
	{ "mx with two stars", "mx: *.*.example.com\n" WHOLE, NULL,
	    "mx is no" },
	{ "mx with a partial star", "mx: m*.example.com\n" WHOLE, NULL,
	    "mx is no" },
	{ "mx with an inner star", "mx: mx.*.com\n" WHOLE, NULL, "mx is no" },
	{ "mx: .domain", "mx: .example.com\n" WHOLE, NULL, "mx is no" },
	{ "mx with a final dot", "mx: mx.example.org.\n" WHOLE, NULL,
	    "mx is no" },
	{ "two mx on a line", "mx: mx1 mx2\n" WHOLE, NULL, "mx is no" },
	{ "mx with a comma", "mx: mx1,mx2\n" WHOLE, NULL, "mx is no" },
	{ "mx with a colon", "mx: a:b\n" WHOLE, NULL, "mx is no" },
	{ "mx that adds an attribute", "mx: a servername=b\n" WHOLE, NULL,
	    "mx is no" },
	{ "mx that closes a brace", "mx: x} y=z\n" WHOLE, NULL, "mx is no" },
	{ "mx with a tab", "mx: a\tb\n" WHOLE, NULL, "mx is no" },
	{ "mx as U-label", "mx: b\303\274cher.example\n" WHOLE, NULL,
	    "mx is no" },
	{ "mx as address", "mx: 192.0.2.1\n" WHOLE, NULL, "mx is no" },
	{ "mx as address literal", "mx: [192.0.2.1]\n" WHOLE, NULL,
	    "mx is no" },
	{ "mx with an underscore", "mx: a_b.example.org\n" WHOLE, NULL,
	    "mx is no" },
	{ "mx with a hyphen at an end", "mx: -a.example.org\n" WHOLE, NULL,
	    "mx is no" },
	{ "mx with an empty label", "mx: a..example.org\n" WHOLE, NULL,
	    "mx is no" },
	{ "bad mx behind a good one", WHOLE "mx: *\n", NULL, "mx is no" },
	{ "bad mx with mode none", "version: STSv1\nmode: none\nmx: *\n"
	    "max_age: 1", NULL, "mx is no" },

	/* lines */
	{ "empty line", BEGIN "\nmax_age: 1", NULL, "empty line" },
	{ "empty line at the end", WHOLE "\n", NULL, "empty line" },
	{ "empty line at the end, CRLF", WHOLE "\r\n", NULL, "empty line" },
	{ "empty line first", "\n" WHOLE, NULL, "empty line" },
	{ "line of blanks", WHOLE "  \n", NULL, "name, colon" },
	{ "blank first", " " WHOLE, NULL, "name, colon" },
	{ "blank before the colon", "version : STSv1\nmode: none\nmax_age: 1",
	    NULL, "name, colon" },
	{ "line without a colon", WHOLE "x\n", NULL, "name, colon" },
	{ "line without a name", WHOLE ": x\n", NULL, "name, colon" },
	{ "comment", "# x: y\n" WHOLE, NULL, "name, colon" },
	{ "byte order mark", "\357\273\277" WHOLE, NULL, "name, colon" },
	{ "HTML", "<html>\n<!-- mode: none -->\n", NULL, "name, colon" },
	{ "name of 33 characters", LETTERS_32 "6: x\n" WHOLE, NULL,
	    "name, colon" },
	{ "name with a hyphen first", "-x: y\n" WHOLE, NULL, "name, colon" },
	{ "name in UTF-8", "\303\274: x\n" WHOLE, NULL, "name, colon" },
	{ "unknown field is empty", "x:\n" WHOLE, NULL, "field is empty" },
	{ "unknown field is blank", "x: \t\n" WHOLE, NULL, "field is empty" },
	{ "tab in an unknown field", "x: a\tb\n" WHOLE, NULL, "control" },
	{ "control character", "x: a\033[0m\n" WHOLE, NULL, "control" },
	{ "DEL", "x: a\177\n" WHOLE, NULL, "control" },
	{ "CR splits no line", "version: STSv1\rmode: none\rmax_age: 1\r",
	    NULL, "version is not" },
	{ "CR at the end", BEGIN "max_age: 1\r", NULL, "max_age is not" },
	{ "CR CR LF", BEGIN "max_age: 1\r\r\n", NULL, "max_age is not" },
	{ "VT and FF split no line", "x: a\vb\fc\n" WHOLE, NULL, "control" },
	{ "not UTF-8", "x: \374\n" WHOLE, NULL, "not UTF-8" },
	{ "UTF-8 cut", "x: \342\202\n" WHOLE, NULL, "not UTF-8" },
	{ "UTF-8 cut by the end", WHOLE "x: \360\237\223", NULL,
	    "not UTF-8" },
	{ "overlong, two octets", "x: \301\277\n" WHOLE, NULL, "not UTF-8" },
	{ "overlong, three octets", "x: \340\237\277\n" WHOLE, NULL,
	    "not UTF-8" },
	{ "overlong, four octets", "x: \360\217\277\277\n" WHOLE, NULL,
	    "not UTF-8" },
	{ "surrogate", "x: \355\240\200\n" WHOLE, NULL, "not UTF-8" },
	{ "beyond U+10FFFF", "x: \364\220\200\200\n" WHOLE, NULL,
	    "not UTF-8" },
	{ "octet that begins nothing", "x: \200\n" WHOLE, NULL,
	    "not UTF-8" },
};

static const char *
policy_format(const struct mtasts_policy *p)
{
	static char out[1024];
	size_t at, i;

	at = (size_t)snprintf(out, sizeof(out), "%s %" PRIu32,
	    mtasts_mode_name(p->mode), p->max_age_s);
	for (i = 0; i < p->mx_count; i++)
		at += (size_t)snprintf(out + at, sizeof(out) - at, " %s",
		    p->mx[i]);
	return out;
}

/* The kept lines, each with an LF. */
static const char *
lines_join(const struct mtasts_policy *p)
{
	static char out[MTASTS_POLICY_MAX_BYTES + 1];
	size_t at = 0, i;

	out[0] = '\0';
	for (i = 0; i < p->line_count; i++)
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s\n",
		    p->lines[i]);
	return out;
}

static int
parse(const char *text, size_t len, struct mtasts_policy *out,
    const char **why)
{
	char *exact = check_exact(text, len);
	int result = mtasts_policy_parse(exact, len, out, why);

	free(exact);
	return result;
}

static void
test_rows(void)
{
	struct mtasts_policy p, again;
	char said[1024];
	const char *why, *lines;
	size_t i;
	int result;

	for (i = 0; i < ROWS(rows); i++) {
		why = NULL;
		result = parse(rows[i].text, strlen(rows[i].text), &p, &why);
		check_int(rows[i].label, result,
		    rows[i].want != NULL ? 0 : -1);
		if (result == -1) {
			check_contains("names the section", why,
			    "RFC 8461 3.2: ");
			check_contains("names the rule", why, rows[i].why);
			continue;
		}
		check_text("what it says", policy_format(&p), rows[i].want);
		strcpy(said, policy_format(&p));
		lines = lines_join(&p);
		check_int("its lines are a policy", parse(lines,
		    strlen(lines), &again, &why), 0);
		check_text("that says the same", policy_format(&again), said);
		check_int("in as many lines", (int64_t)again.line_count,
		    (int64_t)p.line_count);
		mtasts_policy_clear(&again);
		mtasts_policy_clear(&p);
	}
}

static void
test_lines(void)
{
	static const char text[] =
	    "version:\tSTSv1 \r\nx: {brace\r\ny: \303\274\r\nmode: enforce\n"
	    "mode: \001\nmode: a\tb\nmx: MX.example.org\nmx: mx.example.org\n"
	    "max_age:99999999";
	struct mtasts_policy p;
	const char *why;

	check_int("a policy", parse(text, sizeof(text) - 1, &p, &why), 0);
	check_text("its printable lines", lines_join(&p),
	    "version: STSv1\nx: {brace\nmode: enforce\nmode: a b\n"
	    "mx: MX.example.org\nmx: mx.example.org\nmax_age:99999999\n");
	mtasts_policy_clear(&p);
	check_int("cleared", (int64_t)(p.line_count + p.mx_count), 0);
}

static void
test_permits(void)
{
	struct mtasts_policy p;
	const char *why;

	check_int("a policy", parse("mx: *.example.net\n" WHOLE,
	    sizeof("mx: *.example.net\n" WHOLE) - 1, &p, &why), 0);
	check_bool("by name", mtasts_policy_permits(&p, "mx.example.org"),
	    true);
	check_bool("by star", mtasts_policy_permits(&p, "a.example.net"),
	    true);
	check_bool("not two labels", mtasts_policy_permits(&p,
	    "a.b.example.net"), false);
	check_bool("not another", mtasts_policy_permits(&p, "example.org"),
	    false);
	mtasts_policy_clear(&p);
	check_bool("no mx permits nothing", mtasts_policy_permits(&p,
	    "mx.example.org"), false);
}

/* WHOLE, then mx_lines different patterns, then filler to the length. */
static char *
long_policy(unsigned mx_lines, size_t len)
{
	char *text = malloc(len + 1);
	size_t at;
	unsigned i;

	if (text == NULL)
		abort();
	at = (size_t)snprintf(text, len + 1, "%s", WHOLE);
	for (i = 0; i < mx_lines; i++)
		at += (size_t)snprintf(text + at, len + 1 - at,
		    "mx: mx%u.example.org\n", i);
	at += (size_t)snprintf(text + at, len + 1 - at, "x: ");
	memset(text + at, 'x', len - at);
	return text;
}

static void
test_bounds(void)
{
	static const struct {
		const char *label;
		unsigned mx_lines;	/* beside the one of WHOLE */
		size_t len;
		const char *why;	/* NULL: accepted */
	} sizes[] = {
		{ "65536 octets", 0, 65536, NULL },
		{ "65537 octets", 0, 65537, "RFC 8461 3.2: longer" },
		{ "1000 mx", 999, 40000, NULL },
		{ "1001 mx", 1000, 40000, "RFC 8461 3.2: more than 1000" },
	};
	struct mtasts_policy p;
	const char *why;
	char *text;
	size_t i;

	for (i = 0; i < ROWS(sizes); i++) {
		text = long_policy(sizes[i].mx_lines, sizes[i].len);
		why = NULL;
		check_int(sizes[i].label, parse(text, sizes[i].len, &p, &why),
		    sizes[i].why != NULL ? -1 : 0);
		free(text);
		if (sizes[i].why != NULL) {
			check_contains("its reason", why, sizes[i].why);
			continue;
		}
		check_int("each is there", (int64_t)p.mx_count,
		    sizes[i].mx_lines + 1);
		mtasts_policy_clear(&p);
	}
}

static void
test_nul(void)
{
	static const struct {
		const char *label, *text;
		size_t len;
	} texts[] = {
		{ "NUL ends nothing", WHOLE "\0", sizeof(WHOLE) },
		{ "NUL in a field", "x: a\0b\n" WHOLE,
		    sizeof("x: a\0b\n" WHOLE) - 1 },
		{ "NUL in an mx", "mx: mx.example.org\0.example.com\n" WHOLE,
		    sizeof("mx: mx.example.org\0.example.com\n" WHOLE) - 1 },
		{ "NUL in what is ignored", WHOLE "mode: \0",
		    sizeof(WHOLE "mode: \0") - 1 },
	};
	struct mtasts_policy p = { .max_age_s = 7 };
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(texts); i++) {
		check_int(texts[i].label, parse(texts[i].text, texts[i].len,
		    &p, &why), -1);
		check_int("out is untouched", p.max_age_s, 7);
	}
}

int
main(void)
{
	test_rows();
	test_lines();
	test_permits();
	test_bounds();
	test_nul();
	return check_end();
}
