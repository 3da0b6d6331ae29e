/*
 * Errands for the scout.
 */

#include "policyd/clerk/errand_send.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "policyd/process/child.h"
#include "shared/io/endpoint.h"

/* True with the connection, or with -1 where the scout makes it. */
static bool
connect_relay(const char *relay, int *fd, const char **why)
{
	struct endpoint_address where[ENDPOINT_ADDRESS_MAX];
	char error[ENDPOINT_ERROR_SIZE];
	struct endpoint endpoint;
	size_t count;

	*fd = -1;
	if (relay == NULL)
		return true;
	if (endpoint_parse(text_of(relay), &endpoint, why) == -1)
		return false;
	if (endpoint.kind != ENDPOINT_UNIX)
		return true;
	*why = "report_relay has no address";
	if (endpoint_resolve(&endpoint, ENDPOINT_TO_CONNECT, where, &count,
	    error) == -1)
		return false;
	*fd = endpoint_connect(&where[0], SOCK_STREAM);
	if (*fd == -1)
		*why = strerror(errno);
	return *fd != -1;
}

bool
errand_send(struct child *child, uint64_t number,
    const struct buffer *payload, const char *relay, const char **why)
{
	struct channel *scout = child_peer(child, ROLE_SCOUT);
	struct text text = { payload->data, payload->len };
	bool is_sent;
	int fd;

	if (!connect_relay(relay, &fd, why))
		return false;
	*why = "the scout is away";
	if (fd == -1)
		return scout != NULL && channel_send(scout, MESSAGE_ERRAND,
		    number, text);
	is_sent = scout != NULL && channel_send_fd(scout, MESSAGE_ERRAND,
	    number, text, fd);
	close(fd);
	return is_sent;
}
