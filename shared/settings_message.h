/*
 * What a child must know to work, as its parent tells it: the payload of
 * SETTINGS frames.  policyd's parent sends it, and so does a command with a
 * scout of its own.
 */

#ifndef HOPSEAL_SETTINGS_MESSAGE_H
#define HOPSEAL_SETTINGS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

struct settings_message {
	uint64_t	generation;
	struct text	config_path, config_text;
	struct text	overrides;	/* of the command line, "name=value" */
	struct text	rules, site;
	/* data NULL: there is none, or it is not this child's to know. */
	struct text	redis_password, status_password;
};
void	settings_message_format(const struct settings_message *m,
	    struct buffer *out);
/* Slices of payload.  False when it is none, and *out is of no use then. */
bool	settings_message_parse(struct text payload,
	    struct settings_message *out);

#endif
