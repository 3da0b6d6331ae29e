/*
 * What tells one certificate from all others: its digests, and its issuer with
 * its serial number.  A log of certificate transparency may know it by its
 * precertificate alone, whose digest as a whole is another one.
 */

#ifndef HOPSEAL_CERT_CHECK_IDENTITY_H
#define HOPSEAL_CERT_CHECK_IDENTITY_H

#include <stdbool.h>

#include "shared/policy/cert_check.h"
#include "shared/text.h"

#define CERT_SERIAL_SIZE	65

/* Lower case hex; "" where it is not known. */
struct cert_identity {
	char	sha256[65];
	char	tbs_sha256[65];		/* without SCTs (RFC 6962, 3.2) */
	char	serial[CERT_SERIAL_SIZE];	/* without zeros in front */
	char	issuer[CERT_TEXT_SIZE];	/* "C=US, O=Org, CN=R3" */
};

/* False when der is no certificate. */
bool	cert_identity_read(struct text der, struct cert_identity *out);
/*
 * Hex as others write it: upper case, colons, zeros in front of a serial
 * number.  False, and out is "", for what is none or does not fit.
 */
bool	cert_identity_hex(struct text t, bool is_number, char *out,
	    size_t size);
/*
 * One digest that both know, or the serial number of one issuer.  Of issuers
 * letters and digits are compared, as each program quotes the rest its way.
 */
bool	cert_identity_match(const struct cert_identity *a,
	    const struct cert_identity *b);

#endif
