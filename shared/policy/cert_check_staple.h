/*
 * An OCSP response that came with the handshake (RFC 6066, 8; RFC 6960).  For
 * the parts of cert_check alone.
 */

#ifndef HOPSEAL_CERT_CHECK_STAPLE_H
#define HOPSEAL_CERT_CHECK_STAPLE_H

#include <stdint.h>

#include <openssl/x509.h>

#include "shared/policy/cert_check.h"

/*
 * What the response says of leaf at now, when the issuer or a responder that
 * the issuer names has signed it; next_update is 0 where none is told.
 */
enum cert_staple cert_staple_read(struct text der, X509 *leaf, X509 *issuer,
	    int64_t now, int64_t *next_update);

#endif
