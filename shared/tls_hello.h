/*
 * A TLS 1.2 ClientHello that offers only cipher suites which nobody should
 * take, and the ServerHello that tells whether somebody does (RFC 5246, 7.4.1).
 * OpenSSL no longer offers these suites, so they are asked for by hand and the
 * handshake ends there.
 */

#ifndef HOPSEAL_TLS_HELLO_H
#define HOPSEAL_TLS_HELLO_H

#include <stddef.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define TLS_HELLO_RANDOM_BYTES	32

enum tls_hello_offer {
	TLS_HELLO_WEAK,		/* RC4, single and triple DES, export */
	TLS_HELLO_ANONYMOUS	/* whose server need not say who it is */
};

/* Adds a whole record; host is the SNI. */
void	tls_hello_format(enum tls_hello_offer offer, const char *host,
	    const unsigned char random[TLS_HELLO_RANDOM_BYTES],
	    struct buffer *out);

enum tls_hello_result {
	TLS_HELLO_MORE,
	TLS_HELLO_TAKEN,	/* *suite names the suite that was chosen */
	TLS_HELLO_REFUSED,	/* an alert */
	TLS_HELLO_BAD		/* no TLS, or a suite that was not offered */
};

/* Reads the begin of what the server sends; *suite is a constant string. */
enum tls_hello_result tls_hello_parse(enum tls_hello_offer offer,
	    const void *data, size_t len, const char **suite);

#endif
