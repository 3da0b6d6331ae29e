/*
 * What one certificate says of itself: facts, DNS names, extensions.  For the
 * parts of cert_check alone.
 */

#ifndef HOPSEAL_CERT_CHECK_LEAF_H
#define HOPSEAL_CERT_CHECK_LEAF_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include "shared/buffer.h"
#include "shared/policy/cert_check.h"

/* All but its place on the path. */
void	cert_info_read(X509 *cert, struct cert_info *out);
/* RSA below 2048 or EC below 224 bits. */
bool	cert_key_is_small(X509 *cert);
int64_t	cert_time(const ASN1_TIME *t);
/* As people read it: "C=US, O=Org, CN=R3", quoted. */
void	cert_text_of_name(const X509_NAME *name, char out[CERT_TEXT_SIZE]);
/* Where the issuer's certificate lies (RFC 5280, 4.2.2.1), quoted; or "". */
void	cert_issuer_url(X509 *cert, char out[CERT_TEXT_SIZE]);
unsigned cert_sct_count(X509 *cert);
bool	cert_must_staple(X509 *cert);

/* Names in the one spelling, "*." in front or not, each with its NUL. */
struct cert_names {
	struct buffer	dns;		/* the dNSNames that are names */
	struct buffer	common;		/* the CNs that are */
	size_t		dns_count;
	bool		has_dns;	/* a dNSName, malformed or not */
	bool		has_malformed;
};

void	cert_names_read(X509 *leaf, struct cert_names *out);
void	cert_names_clear(struct cert_names *names);
/* The name behind one, from NULL on; NULL after the last. */
const char *cert_names_next(const struct buffer *names, const char *name);
/* The first of names that host matches (RFC 9525, 6.3), or NULL. */
const char *cert_names_match(const struct buffer *names, const char *host);

#endif
