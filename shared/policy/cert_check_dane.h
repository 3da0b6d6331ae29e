/*
 * TLSA records against a chain (RFC 6698; RFC 7671; RFC 7672, 3.1).  For the
 * parts of cert_check alone.
 */

#ifndef HOPSEAL_CERT_CHECK_DANE_H
#define HOPSEAL_CERT_CHECK_DANE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "shared/policy/tlsa.h"

struct cert_dane_question {
	X509			*leaf;
	STACK_OF(X509)		*sent;		/* the leaf first */
	const struct tlsa	*records;
	size_t			 count;
	int64_t			 now;
};

enum cert_dane_state {
	CERT_DANE_UNUSABLE,	/* none of the records */
	CERT_DANE_MISMATCH,
	CERT_DANE_EE,		/* names and dates do not count */
	CERT_DANE_TA		/* they do */
};

struct cert_dane {
	enum cert_dane_state	 state;
	uint32_t		 findings;	/* CERT_FINDING(f), no names */
	struct tlsa		 matched;	/* EE and TA */
	/* Of the certificate that matched, or that a bare key signed. */
	unsigned		 depth;
};

void	cert_dane_check(const struct cert_dane_question *q,
	    struct cert_dane *out);

#endif
