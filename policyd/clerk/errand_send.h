/*
 * Handing an errand to the scout, and with it the connection to a relay at a
 * unix socket: the scout may open none, and only the clerk's account may reach
 * it.
 */

#ifndef HOPSEAL_ERRAND_SEND_H
#define HOPSEAL_ERRAND_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"

struct child;

/*
 * payload is an errand's (shared/errand_message.h), relay the option
 * report_relay, or NULL for an errand that is no mail.  False, and nothing is
 * on its way, with *why, a constant or strerror's.
 */
bool	errand_send(struct child *child, uint64_t number,
	    const struct buffer *payload, const char *relay,
	    const char **why);

#endif
