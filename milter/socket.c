/*
 * The listening socket.  libmilter binds it and keeps the descriptor to
 * itself; a unix socket's node gets its owner and mode before anybody may
 * connect.
 */

#include "milter/socket.h"

#include <sys/stat.h>

#include <errno.h>
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG	128

char *
socket_spell(const struct endpoint *e, char out[SOCKET_SPELLING_SIZE])
{
	bool is_v6 = strchr(e->host, ':') != NULL;

	if (e->kind == ENDPOINT_UNIX)
		snprintf(out, SOCKET_SPELLING_SIZE, "unix:%s", e->path);
	else
		snprintf(out, SOCKET_SPELLING_SIZE, "%s:%u%s%s",
		    is_v6 ? "inet6" : "inet", (unsigned)e->port,
		    e->host[0] != '\0' ? "@" : "", e->host);
	return out;
}

/* libmilter would take a living one's node away. */
static bool
is_taken(const struct endpoint *e)
{
	struct endpoint_address addresses[ENDPOINT_ADDRESS_MAX];
	char error[ENDPOINT_ERROR_SIZE];
	size_t count;
	int fd;

	if (e->kind != ENDPOINT_UNIX || endpoint_resolve(e,
	    ENDPOINT_TO_CONNECT, addresses, &count, error) == -1)
		return false;
	fd = endpoint_connect(&addresses[0], SOCK_STREAM);
	if (fd != -1)
		close(fd);
	return fd != -1;
}

int
socket_open(const char *milter_listen, const struct account *owner,
    unsigned mode, struct buffer *errors)
{
	char spelling[SOCKET_SPELLING_SIZE];
	struct endpoint endpoint;
	mode_t mask;
	int result;
	const char *why;

	if (milter_listen[0] == '\0') {
		buffer_add_text(errors, "milter_listen is empty: there is "
		    "nothing to do\n");
		return -1;
	}
	if (endpoint_parse(text_of(milter_listen), &endpoint, &why) == -1) {
		buffer_addf(errors, "milter_listen %s: %s\n", milter_listen,
		    why);
		return -1;
	}
	if (is_taken(&endpoint)) {
		buffer_addf(errors, "%s: another one listens there\n",
		    milter_listen);
		return -1;
	}
	smfi_setbacklog(BACKLOG);
	if (smfi_setconn(socket_spell(&endpoint, spelling)) != MI_SUCCESS) {
		buffer_addf(errors, "%s: libmilter refuses it\n",
		    milter_listen);
		return -1;
	}
	mask = umask(0777);
	errno = 0;
	result = smfi_opensocket(true);
	umask(mask);
	if (result != MI_SUCCESS) {
		buffer_addf(errors, "%s: cannot listen: %s\n", milter_listen,
		    errno != 0 ? strerror(errno) : "see the mail log");
		return -1;
	}
	if (endpoint.kind == ENDPOINT_UNIX && (chown(endpoint.path,
	    owner->uid, owner->gid) == -1 || chmod(endpoint.path,
	    (mode_t)mode) == -1)) {
		buffer_addf(errors, "%s: %s\n", endpoint.path,
		    strerror(errno));
		return -1;
	}
	return 0;
}
