/*
 * What Postfix says of itself, for commands that work without policyd.
 */

#ifndef HOPSEAL_POSTCONF_H
#define HOPSEAL_POSTCONF_H

#include "shared/buffer.h"

#define POSTCONF_MS	5000

/*
 * Adds the lines that site_parse reads, of each folder in dirs (blanks or
 * commas between; none: Postfix's default).  Adds less where postconf is not
 * there, fails or takes longer than POSTCONF_MS.
 */
void	postconf_read(const char *dirs, struct buffer *out);

#endif
