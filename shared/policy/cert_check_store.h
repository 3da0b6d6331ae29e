/*
 * What stands behind a cert_store: OpenSSL's own store.  For the parts of
 * cert_check alone.
 */

#ifndef HOPSEAL_CERT_CHECK_STORE_H
#define HOPSEAL_CERT_CHECK_STORE_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "shared/text.h"

struct cert_store {
	X509_STORE	*x509;
	bool		 has_crls;
};

/* NULL unless der is one certificate and nothing else; the caller frees it. */
X509	*cert_decode(struct text der);

#endif
