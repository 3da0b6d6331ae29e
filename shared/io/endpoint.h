/*
 * Where our sockets live: "inet:HOST:PORT", "inet:[v6]:PORT", "unix:PATH".
 * Parsing and formatting are pure; resolving, binding and connecting are the
 * few system calls that every program here would otherwise write again.
 */

#ifndef HOPSEAL_ENDPOINT_H
#define HOPSEAL_ENDPOINT_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/text.h"

#define ENDPOINT_HOST_SIZE	254
#define ENDPOINT_PATH_SIZE	108	/* sun_path with its NUL */
#define ENDPOINT_TEXT_SIZE	(ENDPOINT_HOST_SIZE + 16)
#define ENDPOINT_ERROR_SIZE	(ENDPOINT_TEXT_SIZE + 128)
#define ENDPOINT_ADDRESS_MAX	8	/* addresses taken of one name */

enum endpoint_kind { ENDPOINT_INET, ENDPOINT_UNIX };

struct endpoint {
	enum endpoint_kind kind;
	char	 host[ENDPOINT_HOST_SIZE];	/* no brackets; "": all */
	uint16_t port;				/* never 0 */
	char	 path[ENDPOINT_PATH_SIZE];	/* absolute */
};

struct endpoint_address {
	struct sockaddr_storage sockaddr;
	socklen_t len;
};

/* 0, or -1 with *why. */
int	endpoint_parse(struct text t, struct endpoint *out, const char **why);
/*
 * Several, with blanks, tabs or commas between; none is fine.  At most max are
 * accepted.
 */
int	endpoint_parse_list(struct text t, struct endpoint *out, size_t max,
	    size_t *count, const char **why);
bool	endpoint_equals(const struct endpoint *a, const struct endpoint *b);
/* As endpoint_parse reads it; returns out. */
char	*endpoint_format(const struct endpoint *e,
	    char out[ENDPOINT_TEXT_SIZE]);

/*
 * The addresses to bind, or with an empty host all of this machine; the
 * addresses to connect to, with an empty host the loopback ones.  A host that
 * is a name asks the system's resolver and may block; an address or a path
 * never does.  At least one, or -1 with error set.
 */
enum endpoint_use { ENDPOINT_TO_BIND, ENDPOINT_TO_CONNECT };
int	endpoint_resolve(const struct endpoint *e, enum endpoint_use use,
	    struct endpoint_address out[ENDPOINT_ADDRESS_MAX], size_t *count,
	    char error[ENDPOINT_ERROR_SIZE]);

/* Of a unix socket's node; -1 leaves the owner or group as it is. */
struct endpoint_access {
	mode_t	mode;
	uid_t	uid;
	gid_t	gid;
};

/*
 * Binds each address of e; type is SOCK_STREAM, then it listens too, or
 * SOCK_DGRAM.  The sockets are non-blocking and close-on-exec.  An address
 * family that this machine lacks is passed over while another works.  The node
 * of a unix socket that nobody listens on is replaced; a living one and any
 * other kind of file is an error.  0, or -1 with error "ENDPOINT: reason" and
 * nothing left open.  Sets the umask for a moment: for one thread only.
 */
int	endpoint_bind(const struct endpoint *e, int type,
	    const struct endpoint_access *access,
	    int fds[ENDPOINT_ADDRESS_MAX], size_t *count,
	    char error[ENDPOINT_ERROR_SIZE]);

/*
 * Begins to connect: a non-blocking, close-on-exec socket, perhaps still on its
 * way (writable when it has arrived or failed: SO_ERROR), or -1 with errno.
 */
int	endpoint_connect(const struct endpoint_address *address, int type);

#endif
