/*
 * MX patterns (RFC 8461, 4.1).
 */

#include "shared/policy/mx_match.h"

#include "tests/unit/check.h"

static const struct {
	const char *label, *pattern, *host;
	bool want;
} rows[] = {
	{ "same name", "mx.example.org", "mx.example.org", true },
	{ "other name", "mx.example.org", "mx2.example.org", false },
	{ "letter case of the host", "mx.example.org", "MX.Example.ORG",
	    true },
	{ "letter case of the pattern", "*.Example.ORG", "mx.example.org",
	    true },
	{ "host below the name", "example.org", "mx.example.org", false },
	{ "name below the host", "mx.example.org", "example.org", false },
	{ "same ending", "example.org", "badexample.org", false },
	{ "single label", "mail", "mail", true },
	{ "A-labels", "*.xn--bcher-kva.example",
	    "mx.xn--bcher-kva.example", true },

	{ "star is one label", "*.example.org", "mx.example.org", true },
	{ "star is an A-label", "*.example.org", "xn--bcher-kva.example.org",
	    true },
	{ "star is not two labels", "*.example.org", "a.b.example.org",
	    false },
	{ "star is not nothing", "*.example.org", "example.org", false },
	{ "star is not an empty label", "*.example.org", ".example.org",
	    false },
	{ "star before another domain", "*.example.org", "mx.example.com",
	    false },
	{ "star before a same ending", "*.example.org", "mx.badexample.org",
	    false },
	{ "star before one label", "*.org", "example.org", true },
	{ "star alone", "*", "mail", false },
	{ "star and dot", "*.", "mail.", false },
	{ "star and dot, single label", "*.", "mail", false },
	{ "partial star", "m*.example.org", "mx.example.org", false },
	{ "two stars", "*.*.org", "mx.example.org", false },
	{ "inner star", "mx.*.org", "mx.example.org", false },
	{ "leading dot is no star", ".example.org", "mx.example.org",
	    false },

	{ "empty host", "*.example.org", "", false },
	{ "empty both", "", "", false },
	{ "empty pattern", "", "mx.example.org", false },
	{ "final dot of the host", "mx.example.org", "mx.example.org.",
	    false },
	{ "final dots of both", "mx.example.org.", "mx.example.org.",
	    false },
	{ "only dots", ".", ".", false },
	{ "empty label inside", "mx..org", "mx..org", false },
	{ "empty label behind the star", "*..org", "mx..org", false },
	{ "a star is no host", "*.example.org", "*.example.org", false },
};

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_bool(rows[i].label, mx_match(rows[i].pattern,
		    rows[i].host), rows[i].want);
	return check_end();
}
