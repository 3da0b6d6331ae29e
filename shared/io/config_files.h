/*
 * The files that a daemon reads before it works: its configuration, and the
 * rules and passwords that this names.  Each mistake adds a line to errors.
 */

#ifndef HOPSEAL_CONFIG_FILES_H
#define HOPSEAL_CONFIG_FILES_H

#include <stdbool.h>

#include "shared/buffer.h"
#include "shared/io/config.h"

/* The caller's text, or NULL; "" for a file that may be missing, and is. */
char	*config_read_file(const char *path, bool may_be_missing,
	    struct buffer *errors);
/* The same for rules_file: "", or the default's, may be missing. */
char	*config_read_rules(const struct config *c, struct buffer *errors);
/*
 * Sets *out to the first line of a file, the caller's, or to NULL where path is
 * "".  False when a file is named and holds none.
 */
bool	 config_read_password(const char *path, char **out,
	    struct buffer *errors);

#endif
