/*
 * One path from a leaf towards an anchor, as OpenSSL builds and refuses it at
 * Postfix's security level, in findings.  For the parts of cert_check alone.
 */

#ifndef HOPSEAL_CERT_CHECK_PATH_H
#define HOPSEAL_CERT_CHECK_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

/* The security bits that OpenSSL's level 1 asks for. */
#define CERT_SECURITY_BITS 80

struct cert_path {
	uint32_t	 findings;	/* CERT_FINDING(f), no names */
	bool		 is_unanchored;	/* in place of untrusted: no issuer of
					 * the last is at hand */
	bool		 has_bad_crl;
	int		 code;		/* OpenSSL's first, 0: none */
	const char	*broken_rule;	/* why untrusted, or NULL: its end */
	STACK_OF(X509)	*certs;		/* the leaf first, the anchor too */
};

struct cert_path_options {
	X509_STORE	*anchors;
	STACK_OF(X509)	*sent;		/* may hold the leaf */
	int64_t		 now;
	bool		 checks_crls;
	bool		 takes_any_anchor; /* not self-signed ones alone */
};

/* *path is the caller's until cert_path_clear. */
void	cert_path_build(X509 *leaf, const struct cert_path_options *options,
	    struct cert_path *path);
void	cert_path_clear(struct cert_path *path);
/* The last on it, borrowed. */
X509	*cert_path_end(const struct cert_path *path);

#endif
