/*
 * Postfix's lists of domains and networks.  An open question (a table that is
 * asked or cannot be) does not hide a later pattern that gives the same answer
 * either way.
 */

#include "shared/postfix/match_list.h"

#include <string.h>

#include "shared/host_name.h"

/* What is looked for: a name, or an address. */
struct wanted {
	const char		*name;		/* or NULL */
	enum match_parents	 parents;
	const struct address	*address;
};

static enum table_answer
ask(const struct tables *tables, struct text table, const char *key)
{
	const struct table_key whole = { text_of(key), true };
	struct text value;

	return table_lookup(tables, table, &whole, &value);
}

/* The name itself, then its parents, which tables of patterns are not asked. */
static enum table_answer
match_table(const struct tables *tables, struct text table,
    const struct wanted *wanted)
{
	enum table_answer answer = ask(tables, table, wanted->name);
	const char *at = wanted->name;
	struct table_key part = { .is_whole = false };
	struct text value;

	while (answer == TABLE_NOT_FOUND && wanted->parents != MATCH_EXACTLY &&
	    (at = strchr(at + 1, '.')) != NULL) {
		part.key = text_of(wanted->parents == MATCH_PARENTS ? at + 1 :
		    at);
		answer = table_lookup(tables, table, &part, &value);
	}
	return answer;
}

static bool
match_name(struct text pattern, const struct wanted *wanted)
{
	bool is_parent = pattern.data[0] == '.' &&
	    wanted->parents == MATCH_DOT_PARENTS;
	char name[HOST_NAME_SIZE];
	const char *why;

	if (is_parent) {
		pattern.data++;
		pattern.len--;
	}
	if (host_name_normalize(pattern, name, &why) == -1)
		return false;
	if (strcmp(name, wanted->name) == 0)
		return !is_parent;
	return (is_parent || wanted->parents == MATCH_PARENTS) &&
	    host_name_is_below(wanted->name, name);
}

/* What is no network may be a name, which we cannot tell. */
static enum table_answer
match_network(struct text pattern, const struct wanted *wanted)
{
	struct network_list list;
	size_t skipped;
	const char *why;
	bool is_in;

	if (network_list_parse(pattern, &list, &skipped, &why) == -1)
		return TABLE_UNKNOWN;
	is_in = network_list_contains(&list, wanted->address);
	network_list_clear(&list);
	return is_in ? TABLE_FOUND : TABLE_NOT_FOUND;
}

static enum table_answer
match_pattern(const struct tables *tables, struct text pattern,
    const struct wanted *wanted)
{
	char text[ADDRESS_TEXT_SIZE];

	if (pattern.data[0] == '/')
		return TABLE_UNKNOWN;
	if (table_is_table(pattern))
		return wanted->name != NULL ?
		    match_table(tables, pattern, wanted) : ask(tables, pattern,
		    address_format(wanted->address, text));
	if (wanted->name == NULL)
		return match_network(pattern, wanted);
	return match_name(pattern, wanted) ? TABLE_FOUND : TABLE_NOT_FOUND;
}

static enum table_answer
match(const struct tables *tables, struct text list,
    const struct wanted *wanted)
{
	/* Patterns before that may still say yes, or no. */
	bool may_be_in = false, may_be_out = false, is_pending = false;
	bool is_excepted, is_matched = false;
	enum table_answer answer;
	struct text pattern;

	while (!is_matched && table_next_item(&list, &pattern)) {
		for (is_excepted = false; pattern.len > 1 &&
		    pattern.data[0] == '!'; pattern.len--, pattern.data++)
			is_excepted = !is_excepted;
		answer = match_pattern(tables, pattern, wanted);
		if (answer == TABLE_NOT_FOUND)
			continue;
		is_matched = answer == TABLE_FOUND;
		is_pending |= answer == TABLE_PENDING;
		may_be_in |= !is_excepted;
		may_be_out |= is_excepted;
	}
	/* At the end of the list is an exception of everything. */
	if (!is_matched)
		may_be_out = true;
	if (may_be_in && may_be_out)
		return is_pending ? TABLE_PENDING : TABLE_UNKNOWN;
	return may_be_in ? TABLE_FOUND : TABLE_NOT_FOUND;
}

enum table_answer
match_list_domain(const struct tables *tables, struct text list,
    const char *name, enum match_parents parents)
{
	const struct wanted wanted = { .name = name, .parents = parents };

	return match(tables, list, &wanted);
}

enum table_answer
match_list_address(const struct tables *tables, struct text list,
    const struct address *address)
{
	const struct wanted wanted = { .address = address };

	return match(tables, list, &wanted);
}
