/*
 * The one spelling of names, each refusal, and what lies below what.
 */

#include "shared/host_name.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define TEXT(literal) literal, sizeof(literal) - 1

#define DIGITS_60 \
	"012345678901234567890123456789012345678901234567890123456789"
#define LABEL_63 "a" DIGITS_60 "bc"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." "c" DIGITS_60
#define U_5 "\303\274\303\274\303\274\303\274\303\274"
#define U_25 U_5 U_5 U_5 U_5 U_5

static const struct {
	const char *label, *name;
	size_t len;
	const char *want;	/* NULL: refused */
	const char *why;
} rows[] = {
	{ "already normal", TEXT("mx.example.org"), "mx.example.org", NULL },
	{ "upper case", TEXT("MX.Example.ORG"), "mx.example.org", NULL },
	{ "final dot", TEXT("mx.example.org."), "mx.example.org", NULL },
	{ "single label", TEXT("localhost"), "localhost", NULL },
	{ "underscore", TEXT("_mta-sts.example.org"), "_mta-sts.example.org",
	    NULL },
	{ "digits first", TEXT("3com.example"), "3com.example", NULL },
	{ "numeric label that is not the last", TEXT("1.2.3.example"),
	    "1.2.3.example", NULL },
	{ "label of 63 octets", TEXT(LABEL_63 ".example"),
	    LABEL_63 ".example", NULL },
	{ "253 octets", TEXT(NAME_253), NAME_253, NULL },
	{ "253 octets and a dot", TEXT(NAME_253 "."), NAME_253, NULL },
	{ "A-label as it is", TEXT("XN--BCHER-KVA.example"),
	    "xn--bcher-kva.example", NULL },
	{ "false A-label as it is", TEXT("xn--zz-z.example"),
	    "xn--zz-z.example", NULL },
	{ "hyphens in third and fourth place", TEXT("ab--cd.example"),
	    "ab--cd.example", NULL },
	{ "U-label", TEXT("b\303\274cher.example"), "xn--bcher-kva.example",
	    NULL },
	{ "U-label in upper case", TEXT("B\303\234CHER.Example."),
	    "xn--bcher-kva.example", NULL },
	{ "U-label decomposed", TEXT("bu\314\210cher.example"),
	    "xn--bcher-kva.example", NULL },
	{ "sharp s by IDNA2008", TEXT("fa\303\237.de"), "xn--fa-hia.de",
	    NULL },
	{ "ideographic full stops",
	    TEXT("\344\276\213\343\200\202\344\276\213\343\200\202"),
	    "xn--fsq.xn--fsq", NULL },
	{ "ASCII labels beside a U-label",
	    TEXT("_A.xn--zz-z.ab--cd.b\303\274cher"),
	    "_a.xn--zz-z.ab--cd.xn--bcher-kva", NULL },

	{ "empty", TEXT(""), NULL, "empty name" },
	{ "only a dot", TEXT("."), NULL, "empty name" },
	{ "dot first", TEXT(".example.org"), NULL, "empty label" },
	{ "two dots", TEXT("mx..example.org"), NULL, "empty label" },
	{ "two final dots", TEXT("example.org.."), NULL, "empty label" },
	{ "label of 64 octets", TEXT(LABEL_63 "x.example"), NULL,
	    "label longer" },
	{ "254 octets", TEXT(NAME_253 "x"), NULL, "name longer" },
	{ "blank", TEXT("mx example.org"), NULL, "character" },
	{ "blank behind", TEXT("mx.example.org "), NULL, "character" },
	{ "star", TEXT("*.example.org"), NULL, "character" },
	{ "colon", TEXT("mx.example.org:25"), NULL, "character" },
	{ "at sign", TEXT("user@example.org"), NULL, "character" },
	{ "slash", TEXT("a/b.example.org"), NULL, "character" },
	{ "brace", TEXT("a}b.example.org"), NULL, "character" },
	{ "NUL", TEXT("mx.example\0.org"), NULL, "character" },
	{ "NUL beside a U-label", TEXT("b\303\274\0cher.example"), NULL,
	    "character" },
	{ "DEL", TEXT("mx\177.example"), NULL, "character" },
	{ "hyphen first", TEXT("-mx.example.org"), NULL, "hyphen" },
	{ "hyphen last", TEXT("mx-.example.org"), NULL, "hyphen" },
	{ "address", TEXT("192.0.2.1"), NULL, "address" },
	{ "address and a dot", TEXT("192.0.2.1."), NULL, "address" },
	{ "address literal", TEXT("[192.0.2.1]"), NULL, "character" },
	{ "IPv6 literal", TEXT("[IPv6:2001:db8::1]"), NULL, "character" },
	{ "number", TEXT("42"), NULL, "address" },
	{ "numeric last label", TEXT("mx.example.42"), NULL, "address" },
	{ "address in wide digits", TEXT("\357\274\221.\357\274\222"), NULL,
	    "address" },
	{ "not UTF-8", TEXT("b\374cher.example"), NULL, "U-label" },
	{ "overlong UTF-8", TEXT("\300\256.example"), NULL, "U-label" },
	{ "symbol", TEXT("\342\230\203.example"), NULL, "U-label" },
	{ "joiner out of context", TEXT("a\342\200\215b.example"), NULL,
	    "U-label" },
	{ "star in a U-label", TEXT("\303\274*.example"), NULL, "U-label" },
	{ "maps to a slash", TEXT("\342\204\200.example"), NULL,
	    "character" },
	{ "maps to nothing", TEXT("\302\255.example"), NULL, "empty label" },
	{ "empty label beside a U-label", TEXT("b\303\274cher..example"),
	    NULL, "empty label" },
	{ "dot first beside a U-label", TEXT(".b\303\274cher"), NULL,
	    "empty label" },
	{ "254 octets as A-labels", TEXT(NAME_253 ".\303\274"), NULL, "name longer" },
	{ "far too much UTF-8", TEXT(U_25 U_25 U_25 U_25 U_25 U_25 U_25 U_25
	    U_25 U_25 U_25 U_25 U_25 U_25 U_25 U_25 U_25 U_25 U_25 U_25
	    U_25), NULL, "name longer" },
};

static void
test_normalize(void)
{
	char out[HOST_NAME_SIZE], again[HOST_NAME_SIZE], *name;
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		name = check_exact(rows[i].name, rows[i].len);
		strcpy(out, "untouched");
		why = NULL;
		check_int(rows[i].label, host_name_normalize(
		    (struct text){ name, rows[i].len }, out, &why),
		    rows[i].want != NULL ? 0 : -1);
		free(name);
		if (rows[i].want == NULL) {
			check_contains("its reason", why, rows[i].why);
			check_text("out is untouched", out, "untouched");
			continue;
		}
		check_text("its one spelling", out, rows[i].want);
		check_int("normal is accepted",
		    host_name_normalize(text_of(out), again, &why), 0);
		check_text("and stays", again, out);
		check_bool("and is normal", host_name_is_normal(text_of(out)),
		    true);
	}
	strcpy(out, "MX.Example.Org.");
	check_int("name and out may be the same", host_name_normalize(
	    text_of(out), out, &why), 0);
	check_text("in place", out, "mx.example.org");
}

static void
test_is_normal(void)
{
	check_bool("normal", host_name_is_normal(text_of("a.example")), true);
	check_bool("upper case is not", host_name_is_normal(
	    text_of("A.example")), false);
	check_bool("final dot is not", host_name_is_normal(
	    text_of("a.example.")), false);
	check_bool("U-label is not", host_name_is_normal(
	    text_of("b\303\274cher.example")), false);
	check_bool("empty is not", host_name_is_normal(text_of("")), false);
	check_bool("star is not", host_name_is_normal(text_of("*.example")),
	    false);
}

static void
test_zones(void)
{
	static const struct {
		const char *name;
		bool is_private;
	} names[] = {
		{ "mail", true }, { "localhost", true }, { "mx.local", true },
		{ "mx.site.internal", true }, { "nas.lan", true },
		{ "home.arpa", true }, { "mx.home.arpa", true },
		{ "a.localhost", true }, { "example.org", false },
		{ "notlocal.example", false }, { "mx.notlocal", false },
		{ "local.example", false }, { "arpa.home", false },
		{ "nothome.arpa", false },
	};
	size_t i;

	for (i = 0; i < ROWS(names); i++)
		check_bool(names[i].name, host_name_is_private(names[i].name),
		    names[i].is_private);
	check_bool("itself is below", host_name_is_below("example.org",
	    "example.org"), true);
	check_bool("child", host_name_is_below("a.example.org",
	    "example.org"), true);
	check_bool("grandchild", host_name_is_below("a.b.example.org",
	    "example.org"), true);
	check_bool("same ending", host_name_is_below("badexample.org",
	    "example.org"), false);
	check_bool("parent", host_name_is_below("org", "example.org"), false);
}

int
main(void)
{
	test_normalize();
	test_is_normal();
	test_zones();
	return check_end();
}
