/*
 * Sets one option in the text of hopseal.conf and leaves the rest as it is,
 * comments and order too.  What options there are, shared/io/config.h knows.
 */

#ifndef HOPSEAL_CONFIG_EDIT_H
#define HOPSEAL_CONFIG_EDIT_H

#include "shared/buffer.h"
#include "shared/text.h"

/*
 * Adds text with "name = value", or with value NULL without the option.  It
 * takes the place of what sets it now, else stands behind its sample, a comment
 * "#name =", else at the end.
 */
void	config_edit(struct text text, const char *name, const char *value,
	    struct buffer *out);

#endif
