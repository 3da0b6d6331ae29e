/*
 * Postfix's lists: names, parents, networks, tables, exceptions, and what an
 * open question leaves open.
 */

#include "shared/postfix/match_list.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))

/* Tables: yes:, no:, open: (cannot be asked), wait:; is:KEY says yes to KEY. */
static enum table_answer
lookup(const char *config_dir, struct text table, struct text key,
    struct text *value, void *arg)
{
	struct text rest = table, type;

	(void)config_dir;
	(void)arg;
	*value = text_of("found");
	text_next_field(&rest, ':', &type);
	if (text_equals(type, "yes"))
		return TABLE_FOUND;
	if (text_equals(type, "open"))
		return TABLE_UNKNOWN;
	if (text_equals(type, "wait"))
		return TABLE_PENDING;
	return rest.len == key.len && memcmp(rest.data, key.data, key.len) == 0
	    ? TABLE_FOUND : TABLE_NOT_FOUND;
}

static const char *
word(enum table_answer answer)
{
	static const char *const words[] = { "no", "yes", "open", "waits" };

	return words[answer];
}

static const struct {
	const char		*label, *list, *name;
	enum match_parents	 parents;
	const char		*want;
} names[] = {
	{ "empty", "", "a.example", MATCH_EXACTLY, "no" },
	{ "itself", "b.example, a.example", "a.example", MATCH_EXACTLY, "yes" },
	{ "in any case", "A.Example", "a.example", MATCH_EXACTLY, "yes" },
	{ "as U-label", "b\303\274cher.example", "xn--bcher-kva.example",
	    MATCH_EXACTLY, "yes" },
	{ "no child", "a.example", "x.a.example", MATCH_EXACTLY, "no" },
	{ "a dot is no name", ".a.example", "x.a.example", MATCH_EXACTLY,
	    "no" },
	{ "a child by a dot", ".a.example", "x.a.example", MATCH_DOT_PARENTS,
	    "yes" },
	{ "a dot is not itself", ".a.example", "a.example",
	    MATCH_DOT_PARENTS, "no" },
	{ "no child without a dot", "a.example", "x.a.example",
	    MATCH_DOT_PARENTS, "no" },
	{ "a child", "a.example", "x.a.example", MATCH_PARENTS, "yes" },
	{ "a name that only ends so", "a.example", "xa.example",
	    MATCH_PARENTS, "no" },
	{ "an exception first", "!x.a.example a.example", "x.a.example",
	    MATCH_PARENTS, "no" },
	{ "an exception behind is too late", "a.example !x.a.example",
	    "x.a.example", MATCH_PARENTS, "yes" },
	{ "twice excepted", "!!a.example", "a.example", MATCH_EXACTLY,
	    "yes" },
	{ "only an exclamation mark", "!", "a.example", MATCH_EXACTLY, "no" },

	{ "a table says yes", "is:a.example", "a.example", MATCH_EXACTLY,
	    "yes" },
	{ "a table says no", "is:b.example", "a.example", MATCH_EXACTLY,
	    "no" },
	{ "no parents of a table", "is:example", "a.example", MATCH_EXACTLY,
	    "no" },
	{ "parents of a table", "is:example", "a.b.example", MATCH_PARENTS,
	    "yes" },
	{ "and with a dot", "is:.example", "a.b.example", MATCH_DOT_PARENTS,
	    "yes" },
	{ "a table excepts", "!is:a.example a.example", "a.example",
	    MATCH_EXACTLY, "no" },
	{ "braces are one", "is:{b, c} a.example", "a.example",
	    MATCH_EXACTLY, "yes" },

	{ "cannot be asked", "open:t", "a.example", MATCH_EXACTLY, "open" },
	{ "a file", "/etc/list", "a.example", MATCH_EXACTLY, "open" },
	{ "waits", "wait:t", "a.example", MATCH_EXACTLY, "waits" },
	{ "waits, whatever is open", "open:t wait:t", "a.example",
	    MATCH_EXACTLY, "waits" },
	{ "open, and yes either way", "open:t a.example", "a.example",
	    MATCH_EXACTLY, "yes" },
	{ "waits, and yes either way", "wait:t a.example", "a.example",
	    MATCH_EXACTLY, "yes" },
	{ "open, and no behind", "open:t !a.example", "a.example",
	    MATCH_EXACTLY, "open" },
	{ "an open exception, then yes", "!open:t a.example", "a.example",
	    MATCH_EXACTLY, "open" },
	{ "an open exception of nothing", "!open:t b.example", "a.example",
	    MATCH_EXACTLY, "no" },
	{ "known before it is open", "a.example open:t", "a.example",
	    MATCH_EXACTLY, "yes" },
};

static const struct {
	const char	*label, *list, *address, *want;
} addresses[] = {
	{ "empty", "", "192.0.2.1", "no" },
	{ "a network", "127.0.0.0/8 192.0.2.0/24", "192.0.2.1", "yes" },
	{ "another", "192.0.2.0/24", "192.0.3.1", "no" },
	{ "an address", "192.0.2.1", "192.0.2.1", "yes" },
	{ "IPv6", "[2001:db8::]/32", "2001:db8::1", "yes" },
	{ "IPv6, another", "[2001:db8::]/32", "2001:db9::1", "no" },
	{ "an exception", "!192.0.2.1 192.0.2.0/24", "192.0.2.1", "no" },
	{ "a table", "is:192.0.2.1", "192.0.2.1", "yes" },
	{ "a table of patterns", "cidr:192.0.2.1", "192.0.2.1", "yes" },
	{ "a table of IPv6", "is:2001:db8::1", "2001:db8::1", "yes" },
	{ "a name", "client.example", "192.0.2.1", "open" },
	{ "a name, and yes either way", "client.example 192.0.2.1",
	    "192.0.2.1", "yes" },
	{ "a file", "/etc/networks", "192.0.2.1", "open" },
};

int
main(void)
{
	const struct tables tables = { NULL, lookup, NULL };
	struct address address;
	char *exact;
	size_t i, len;

	for (i = 0; i < ROWS(names); i++) {
		len = strlen(names[i].list);
		exact = check_exact(names[i].list, len);
		check_text(names[i].label, word(match_list_domain(&tables,
		    (struct text){ exact, len }, names[i].name,
		    names[i].parents)), names[i].want);
		free(exact);
	}
	for (i = 0; i < ROWS(addresses); i++) {
		if (!address_parse(text_of(addresses[i].address), &address))
			abort();
		len = strlen(addresses[i].list);
		exact = check_exact(addresses[i].list, len);
		check_text(addresses[i].label, word(match_list_address(&tables,
		    (struct text){ exact, len }, &address)),
		    addresses[i].want);
		free(exact);
	}
	return check_end();
}
