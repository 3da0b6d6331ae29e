/*
 * Postfix's lookup tables.  Tables of fixed keys get them in lower case, as
 * Postfix folds them; tables of patterns get whole addresses only, as written.
 */

#include "shared/postfix/table.h"

#include <ctype.h>
#include <string.h>

enum table_kind {
	TABLE_OF_KEYS,
	TABLE_OF_PATTERNS,
	TABLE_OF_BOTH,		/* others inside, of any kind */
	TABLE_OF_CHANCE		/* two questions, two answers */
};

static const struct {
	const char	*prefix;
	enum table_kind	 kind;
} kinds[] = {
	{ "regexp:", TABLE_OF_PATTERNS },
	{ "pcre:", TABLE_OF_PATTERNS },
	{ "cidr:", TABLE_OF_PATTERNS },
	{ "tcp:", TABLE_OF_PATTERNS },
	{ "socketmap:", TABLE_OF_PATTERNS },
	{ "pipemap:", TABLE_OF_BOTH },
	{ "unionmap:", TABLE_OF_BOTH },
	{ "randmap:", TABLE_OF_CHANCE },
};

bool
table_next_item(struct text *rest, struct text *item)
{
	size_t i = 0, begin;
	int depth = 0;

	while (i < rest->len && strchr(" \t\r\n,", rest->data[i]) != NULL)
		i++;
	begin = i;
	for (; i < rest->len; i++) {
		if (rest->data[i] == '{')
			depth++;
		else if (rest->data[i] == '}')
			depth--;
		else if (depth <= 0 &&
		    strchr(" \t\r\n,", rest->data[i]) != NULL)
			break;
	}
	*item = (struct text){ rest->data + begin, i - begin };
	rest->data += i;
	rest->len -= i;
	return item->len > 0;
}

/* An IPv6 network has colons, too, behind a digit or a bracket. */
bool
table_is_table(struct text item)
{
	size_t i;

	for (i = 0; i < item.len; i++)
		if (!isalnum((unsigned char)item.data[i]) &&
		    item.data[i] != '_')
			break;
	return i > 0 && i < item.len && item.data[i] == ':' &&
	    isalpha((unsigned char)item.data[0]);
}

static enum table_kind
kind_of(struct text table)
{
	size_t i;

	while (text_starts_with(table, "proxy:")) {
		table.data += strlen("proxy:");
		table.len -= strlen("proxy:");
	}
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (text_starts_with(table, kinds[i].prefix))
			return kinds[i].kind;
	return TABLE_OF_KEYS;
}

static bool
is_sound(struct text key)
{
	size_t i;

	for (i = 0; i < key.len; i++)
		if (iscntrl((unsigned char)key.data[i]))
			return false;
	return key.len > 0 && key.len <= TABLE_KEY_MAX_BYTES;
}

static struct text
fold(struct text key, char out[TABLE_KEY_MAX_BYTES])
{
	size_t i;

	for (i = 0; i < key.len; i++)
		out[i] = key.data[i] >= 'A' && key.data[i] <= 'Z' ?
		    (char)(key.data[i] - 'A' + 'a') : key.data[i];
	return (struct text){ out, key.len };
}

enum table_answer
table_lookup(const struct tables *tables, struct text table,
    const struct table_key *key, struct text *value)
{
	char folded[TABLE_KEY_MAX_BYTES];

	if (!is_sound(key->key))
		return TABLE_UNKNOWN;
	switch (kind_of(table)) {
	case TABLE_OF_CHANCE:
		return TABLE_UNKNOWN;
	case TABLE_OF_PATTERNS:
		if (!key->is_whole)
			return TABLE_NOT_FOUND;
		return tables->lookup(tables->config_dir, table, key->key,
		    value, tables->arg);
	case TABLE_OF_BOTH:
		if (!key->is_whole)
			return TABLE_UNKNOWN;
		return tables->lookup(tables->config_dir, table, key->key,
		    value, tables->arg);
	case TABLE_OF_KEYS:
		break;
	}
	return tables->lookup(tables->config_dir, table,
	    fold(key->key, folded), value, tables->arg);
}

enum table_answer
table_search(const struct tables *tables, struct text list,
    const struct table_key *keys, size_t key_count,
    char value[TABLE_VALUE_SIZE])
{
	bool is_pending = false;
	struct text rest, table, found;
	size_t i;

	for (i = 0; i < key_count; i++) {
		rest = list;
		while (table_next_item(&rest, &table)) {
			switch (table_lookup(tables, table, &keys[i],
			    &found)) {
			case TABLE_NOT_FOUND:
				continue;
			case TABLE_PENDING:
				is_pending = true;
				continue;
			case TABLE_UNKNOWN:
				return is_pending ? TABLE_PENDING :
				    TABLE_UNKNOWN;
			case TABLE_FOUND:
				break;
			}
			if (is_pending)
				return TABLE_PENDING;
			if (found.len > TABLE_VALUE_MAX_BYTES)
				return TABLE_UNKNOWN;
			memcpy(value, found.data, found.len);
			value[found.len] = '\0';
			return TABLE_FOUND;
		}
	}
	return is_pending ? TABLE_PENDING : TABLE_NOT_FOUND;
}
