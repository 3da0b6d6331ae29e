/*
 * What Postfix says of itself, for commands that work without policyd.
 */

#ifndef HOPSEAL_POSTCONF_H
#define HOPSEAL_POSTCONF_H

#include <stdbool.h>

#include "ctl/program.h"
#include "shared/buffer.h"

/*
 * Adds what "postconf FLAGS PARAMETERS" prints for the folder dir (NULL:
 * Postfix's default); parameters end in NULL, or NULL for none.  Adds less where
 * postconf is not there, fails or takes too long.
 */
enum program_end postconf_ask(const char *dir, const char *flags,
	    const char *const *parameters, struct buffer *out);
/*
 * Adds the lines that site_parse reads, of each folder in dirs (blanks or
 * commas between; none: Postfix's default).  False where postconf is there and
 * failed.
 */
bool	postconf_read(const char *dirs, struct buffer *out);

#endif
