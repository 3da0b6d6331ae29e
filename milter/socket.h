/*
 * The milter's listening socket, in libmilter's own spelling.
 */

#ifndef HOPSEAL_MILTER_SOCKET_H
#define HOPSEAL_MILTER_SOCKET_H

#include "shared/buffer.h"
#include "shared/io/account.h"
#include "shared/io/endpoint.h"

/* "inet6:65535@[name]" and a NUL. */
#define SOCKET_SPELLING_SIZE	(ENDPOINT_TEXT_SIZE + 8)

/*
 * libmilter reads "inet:127.0.0.1:8464" as port 127 of all addresses: it wants
 * "inet:8464@127.0.0.1", "inet6:8464@::1", "inet:8464" for all of IPv4,
 * "unix:PATH".
 */
char	*socket_spell(const struct endpoint *endpoint,
	    char out[SOCKET_SPELLING_SIZE]);

/*
 * Opens it; smfi_register came before.  owner and mode are of a unix socket's
 * node.  0, or -1 with a line in errors.
 */
int	socket_open(const char *milter_listen, const struct account *owner,
	    unsigned mode, struct buffer *errors);

#endif
