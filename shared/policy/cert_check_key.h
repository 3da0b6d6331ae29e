/*
 * A server's own files: which private key belongs to which certificates, and
 * whether it is theirs.  Keys are looked at where the admin runs hopseal(1) as
 * root, nowhere else.
 */

#ifndef HOPSEAL_CERT_CHECK_KEY_H
#define HOPSEAL_CERT_CHECK_KEY_H

#include <stddef.h>

#include "shared/text.h"

#define CERT_FILE_KEYS_MAX 8

/* A private key and the certificates that go with it; slices of the file. */
struct cert_key_group {
	struct text	key;	/* its PEM block; len 0: none in the file */
	struct text	certs;	/* PEM; other blocks are skipped by readers */
};

/*
 * Cuts a PEM text into groups: with several private keys each begins one
 * (postconf(5), smtpd_tls_chain_files), else the whole is one.  Returns how many
 * were written, at least one and at most CERT_FILE_KEYS_MAX.
 */
size_t	cert_key_groups(struct text pem,
	    struct cert_key_group out[CERT_FILE_KEYS_MAX]);

enum cert_key_match {
	CERT_KEY_MATCHES, CERT_KEY_MISMATCH, CERT_KEY_UNREADABLE
};
/* UNREADABLE: no key, one with a passphrase, or no certificate in leaf_der. */
enum cert_key_match cert_key_compare(struct text leaf_der,
	    struct text key_pem);

#endif
