/*
 * When what our ports serve has ended, or will: for those who mark mail that
 * comes in meanwhile (local_cert_action).
 */

#ifndef HOPSEAL_CERT_ENDS_H
#define HOPSEAL_CERT_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define CERT_ENDS_MAX	64	/* ports; more are left out */

struct cert_ends {
	struct {
		uint16_t	port;
		int64_t		at;
	}	ends[CERT_ENDS_MAX];
	size_t	count;
};

/* Of several certificates on one port the earliest end counts. */
void	cert_ends_add(struct cert_ends *ends, uint16_t port, int64_t at);
/* True when the port serves one that has ended; false for what is not known. */
bool	cert_ends_is_past(const struct cert_ends *ends, uint64_t port,
	    int64_t now);
/* The payload of MESSAGE_CERT_ENDS. */
void	cert_ends_format(const struct cert_ends *ends, struct buffer *out);
bool	cert_ends_parse(struct text payload, struct cert_ends *out);

#endif
