/*
 * Reads what the parent alone may read: configuration, rules, the password of
 * Redis.
 */

#ifndef HOPSEAL_LOAD_H
#define HOPSEAL_LOAD_H

#include <stdbool.h>

#include "policyd/process/settings.h"

struct load {
	const char	*config_path;
	bool		 config_may_be_missing;
	const char	*overrides;	/* "name=value" lines of -o */
};

/*
 * Everything anew, and whether the files that it names for others are there;
 * site_text is what postconf said last, "" before.  NULL with one
 * line a mistake in errors.
 */
struct settings	*load_settings(const struct load *from, const char *site_text,
		    struct buffer *errors);

#endif
