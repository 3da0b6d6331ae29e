/*
 * Runs postconf and waits for it, but not for long.
 */

#include "ctl/postconf.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/postfix/site.h"
#include "shared/text.h"
#include "shared/xalloc.h"

#define ARGUMENTS_MAX	64

enum program_end
postconf_ask(const char *dir, const char *flags,
    const char *const *parameters, struct buffer *out)
{
	const char *arguments[ARGUMENTS_MAX];
	size_t count = 0;

	arguments[count++] = "postconf";
	arguments[count++] = flags;
	if (dir != NULL) {
		arguments[count++] = "-c";
		arguments[count++] = dir;
	}
	while (parameters != NULL && *parameters != NULL) {
		arguments[count++] = *parameters++;
		assert(count < ARGUMENTS_MAX);
	}
	arguments[count] = NULL;
	return program_run(arguments, out);
}

bool
postconf_read(const char *dirs, struct buffer *out)
{
	struct text rest = text_of(dirs), item;
	bool has_asked = false, has_failed = false;
	char *dir;

	while (text_next_item(&rest, &item)) {
		dir = xstrndup(item.data, item.len);
		has_failed |= postconf_ask(dir, "-x", site_parameters, out) ==
		    PROGRAM_FAILED;
		free(dir);
		has_asked = true;
	}
	if (!has_asked)
		has_failed = postconf_ask(NULL, "-x", site_parameters, out) ==
		    PROGRAM_FAILED;
	return !has_failed;
}
