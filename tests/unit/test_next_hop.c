/*
 * Keys of smtp_tls_policy_maps: what each form names, what names nothing and
 * why, and that the one spelling names the same.
 */

#include "shared/postfix/next_hop.h"

#include "tests/unit/check.h"

#define LABEL_63	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define T(s)	{ (s), sizeof(s) - 1 }

static const struct {
	const char		*label;
	const char		*key;
	enum next_hop_kind	 kind;
	const char		*name;
	int			 port;
	const char		*spelling;
} good_rows[] = {
	{ "a domain", "example.com", NEXT_HOP_DOMAIN, "example.com", 25,
	    "example.com" },
	{ "letter case is folded", "Example.COM", NEXT_HOP_DOMAIN,
	    "example.com", 25, "example.com" },
	{ "a final dot is dropped", "example.com.", NEXT_HOP_DOMAIN,
	    "example.com", 25, "example.com" },
	{ "U-labels become A-labels", "M\303\234LLER.example",
	    NEXT_HOP_DOMAIN, "xn--mller-kva.example", 25,
	    "xn--mller-kva.example" },
	{ "a single label", "localhost", NEXT_HOP_DOMAIN, "localhost", 25,
	    "localhost" },
	{ "underscores", "a_b.example", NEXT_HOP_DOMAIN, "a_b.example", 25,
	    "a_b.example" },
	{ "a domain of digits and letters", "3com.example", NEXT_HOP_DOMAIN,
	    "3com.example", 25, "3com.example" },
	{ "the longest name", NAME_253, NEXT_HOP_DOMAIN, NAME_253, 25,
	    NAME_253 },
	{ "a domain and port", "example.com:587", NEXT_HOP_DOMAIN_PORT,
	    "example.com", 587, "example.com:587" },
	{ "port 25 is the domain", "example.com:25", NEXT_HOP_DOMAIN,
	    "example.com", 25, "example.com" },
	{ ":smtp is port 25", "example.com:smtp", NEXT_HOP_DOMAIN,
	    "example.com", 25, "example.com" },
	{ ":submission is port 587", "example.com:submission",
	    NEXT_HOP_DOMAIN_PORT, "example.com", 587, "example.com:587" },
	{ "a final dot before the port", "example.com.:587",
	    NEXT_HOP_DOMAIN_PORT, "example.com", 587, "example.com:587" },
	{ "a U-label with port", "b\303\274cher.example:2525",
	    NEXT_HOP_DOMAIN_PORT, "xn--bcher-kva.example", 2525,
	    "xn--bcher-kva.example:2525" },
	{ "a host", "[mx.example.com]", NEXT_HOP_HOST, "mx.example.com", 25,
	    "[mx.example.com]:25" },
	{ "a host and port 25", "[mx.example.com]:25", NEXT_HOP_HOST,
	    "mx.example.com", 25, "[mx.example.com]:25" },
	{ "a host and :smtp", "[mx.example.com]:smtp", NEXT_HOP_HOST,
	    "mx.example.com", 25, "[mx.example.com]:25" },
	{ "a host and port", "[MX.example.com.]:587", NEXT_HOP_HOST,
	    "mx.example.com", 587, "[mx.example.com]:587" },
	{ "a host and :submission", "[mx.example.com]:submission",
	    NEXT_HOP_HOST, "mx.example.com", 587, "[mx.example.com]:587" },
	{ "the highest port, the longest name", "[" NAME_253 "]:65535",
	    NEXT_HOP_HOST, NAME_253, 65535, "[" NAME_253 "]:65535" }
};

static const struct {
	const char	*label;
	struct text	 key;
	const char	*why;		/* a part of it; "": host_name's */
} none_rows[] = {
	{ "nothing", T(""), "empty" },
	{ "a parent", T(".example.com"), "parent" },
	{ "a dot", T("."), "parent" },
	{ "an address", T("user@example.com"), "no next hop" },
	{ "an address with port", T("user@example.com:25"), "no next hop" },
	{ "an address in brackets", T("[user@example.com]"), "no next hop" },
	{ "a path", T("/var/run/lmtp"), "path" },
	{ "a relative path", T("private/lmtp"), "path" },
	{ "a blank", T("exam ple.com"), "blank" },
	{ "a blank at the end", T("example.com "), "blank" },
	{ "a tab", T("example\t.com"), "blank" },
	{ "a line end", T("example.com\n"), "blank" },
	{ "a NUL", T("example\0.com"), "blank" },
	{ "DEL", T("example\177.com"), "blank" },
	{ "IPv4", T("192.0.2.1"), "" },
	{ "IPv4 and port", T("192.0.2.1:25"), "" },
	{ "IPv4 in brackets", T("[192.0.2.1]"), "" },
	{ "IPv4 in brackets and port", T("[192.0.2.1]:25"), "" },
	{ "IPv4 as in EHLO", T("[IPv4:192.0.2.1]"), "literal" },
	{ "IPv6", T("2001:db8::1"), "literal" },
	{ "IPv6 loopback", T("::1"), "literal" },
	{ "IPv6 in brackets", T("[::1]"), "literal" },
	{ "IPv6 in brackets and port", T("[2001:db8::1]:587"), "literal" },
	{ "IPv6 as in EHLO", T("[IPv6:2001:db8::1]"), "literal" },
	{ "IPv6 as in EHLO and port", T("[IPv6:2001:db8::1]:25"),
	    "literal" },
	{ "v4-mapped", T("[::ffff:192.0.2.1]"), "literal" },
	{ "a transport is no next hop", T("inet:mx.example:24"), "literal" },
	{ "an open bracket", T("[mx.example.com"), "not closed" },
	{ "only a bracket", T("["), "not closed" },
	{ "nothing in brackets", T("[]"), "" },
	{ "text after the bracket", T("[mx.example.com]x"),
	    "after the closing bracket" },
	{ "two brackets", T("[[mx.example.com]]"),
	    "after the closing bracket" },
	{ "a bracket without its other", T("mx.example.com]"), "" },
	{ "no port", T("example.com:"), "port" },
	{ "no port after a bracket", T("[mx.example.com]:"), "port" },
	{ "port 0", T("example.com:0"), "port" },
	{ "a port too high", T("example.com:65536"), "port" },
	{ "a port that would wrap", T("example.com:18446744073709551641"),
	    "port" },
	{ "an unknown service", T("example.com:smtps"), "port" },
	{ "a signed port", T("example.com:+25"), "port" },
	{ "a port and more", T("example.com:25x"), "port" },
	{ "only a port", T(":25"), "" },
	{ "an empty label", T("a..example"), "" },
	{ "a hyphen at a label's end", T("a-.example"), "" },
	{ "a label too long", T(LABEL_63 "a.example"), "" },
	{ "a name too long", T(NAME_253 "a"), "" },
	{ "a character of no name", T("a*b.example"), "" },
	{ "bytes that are no UTF-8", T("a\377b.example"), "" },
	{ "UTF-8 that is no U-label", T("\342\200\213.example"), "" }
};

static void
parse(struct text key, struct next_hop *hop, const char **why)
{
	char *exact = check_exact(key.data, key.len);

	next_hop_parse((struct text){ exact, key.len }, hop, why);
	free(exact);
}

static void
test_good(void)
{
	char spelling[NEXT_HOP_TEXT_SIZE];
	struct next_hop hop, again;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		why = NULL;
		parse(text_of(good_rows[i].key), &hop, &why);
		check_int(good_rows[i].label, hop.kind, good_rows[i].kind);
		check_text("its name", hop.name, good_rows[i].name);
		check_int("its port", hop.port, good_rows[i].port);
		check_text("no reason is set", why, NULL);
		check_text("its spelling", next_hop_format(&hop, spelling),
		    good_rows[i].spelling);
		parse(text_of(spelling), &again, &why);
		check_bool("the spelling names the same",
		    again.kind == hop.kind && again.port == hop.port &&
		    strcmp(again.name, hop.name) == 0, true);
	}
}

static void
test_none(void)
{
	char spelling[NEXT_HOP_TEXT_SIZE];
	struct next_hop hop;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(none_rows) / sizeof(none_rows[0]); i++) {
		hop.kind = NEXT_HOP_HOST;
		why = NULL;
		parse(none_rows[i].key, &hop, &why);
		check_int(none_rows[i].label, hop.kind, NEXT_HOP_NONE);
		check_contains("its reason", why, none_rows[i].why);
		check_text("no name", hop.name, "");
		check_text("no spelling", next_hop_format(&hop, spelling), "");
	}
}

static void
test_limit(void)
{
	static char key[NEXT_HOP_KEY_MAX + 1];
	struct next_hop hop;
	const char *why = NULL;

	memset(key, 'a', sizeof(key));
	parse((struct text){ key, sizeof(key) }, &hop, &why);
	check_int("a key too long", hop.kind, NEXT_HOP_NONE);
	check_contains("its reason", why, "the key is too long");
	parse((struct text){ key, sizeof(key) - 1 }, &hop, &why);
	check_int("the longest key is no name either", hop.kind,
	    NEXT_HOP_NONE);
}

int
main(void)
{
	test_good();
	test_none();
	test_limit();
	return check_end();
}
