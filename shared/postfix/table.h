/*
 * Postfix's lookup tables as others ask them: what "type:name" in a setting
 * means for a search (postconf(5), DATABASE_README).  Who runs postmap is none
 * of its business: each answer comes through a callback.
 */

#ifndef HOPSEAL_TABLE_H
#define HOPSEAL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/text.h"

#define TABLE_KEY_MAX_BYTES	512
#define TABLE_VALUE_MAX_BYTES	2048
#define TABLE_VALUE_SIZE	(TABLE_VALUE_MAX_BYTES + 1)

enum table_answer {
	TABLE_NOT_FOUND,
	TABLE_FOUND,
	TABLE_UNKNOWN,		/* it cannot be asked: neither yes nor no */
	TABLE_PENDING		/* asked, and not answered yet */
};

/*
 * What the table of one Postfix ("hash:/etc/postfix/transport") says of key.
 * config_dir is NULL for Postfix's own default.  *value is set when FOUND and
 * lives until the next call.
 */
typedef enum table_answer table_lookup_cb(const char *config_dir,
    struct text table, struct text key, struct text *value, void *arg);

struct tables {
	const char	*config_dir;
	table_lookup_cb	*lookup;
	void		*arg;
};

struct table_key {
	struct text	key;
	/* A whole address; else a part, which no table of patterns is asked. */
	bool		is_whole;
};

/* Cuts the next item of a setting's list; what stands in braces is one. */
bool		table_next_item(struct text *rest, struct text *item);
/* True for "type:name", false for a name, a file, a network. */
bool		table_is_table(struct text item);

/* One table, one key. */
enum table_answer table_lookup(const struct tables *tables, struct text table,
		    const struct table_key *key, struct text *value);
/*
 * Searches all tables of the list for the first key, then for the next one, as
 * Postfix does.  When something is PENDING the rest is asked, too, so that all
 * are under way.  A table that is UNKNOWN ends the search, an overlong value is
 * UNKNOWN.  value holds the answer when FOUND.
 */
enum table_answer table_search(const struct tables *tables, struct text list,
		    const struct table_key *keys, size_t key_count,
		    char value[TABLE_VALUE_SIZE]);

#endif
