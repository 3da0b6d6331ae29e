/*
 * What our ports serve, against what they served at the look before: another
 * issuer, key or names than was expected, and no file of ours has it.
 */

#ifndef HOPSEAL_CERT_SERVED_H
#define HOPSEAL_CERT_SERVED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * before is what the last call returned for this certificate of a report of
 * "hopseal certs --json", or NULL; ours has a member for the digest of each
 * certificate on disk, now and at the look before.  Adds cert-changed to
 * certificate's findings and problems where it holds, and returns what to hand
 * in next time, the caller's: by endpoint what is expected there.
 */
json_t	*cert_served_compare(const json_t *before, const json_t *ours,
	    json_t *certificate, int64_t now);

/* False for an endpoint that was asked by a name. */
bool	cert_served_is_nameless(const char *endpoint, uint64_t *port);

#endif
