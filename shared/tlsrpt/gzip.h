/*
 * gzip (RFC 1952) in memory, bounded: a report of a stranger must not grow
 * beyond reason when it is unpacked (RFC 8460, 7).
 */

#ifndef HOPSEAL_TLSRPT_GZIP_H
#define HOPSEAL_TLSRPT_GZIP_H

#include <stdbool.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define GZIP_RATIO_MAX	200	/* octets out for one octet in */

/* True when t begins as gzip does. */
bool	gzip_match(struct text t);
/*
 * Appends what t unpacks to.  Returns 0, or -1 with *why, and out is only good
 * to be cleared, for: no gzip, broken, cut, more than out's limit, more than
 * GZIP_RATIO_MAX.  What follows the end of the first member is ignored.
 */
int	gzip_expand(struct text t, struct buffer *out, const char **why);
/* Appends t, packed, always to the same octets; -1 beyond out's limit. */
int	gzip_compress(struct text t, struct buffer *out);

#endif
