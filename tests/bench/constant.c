/*
 * The limit that servers on one thread and libevent's plain events can reach:
 * it takes whatever ends as a request does for one, and answers always the
 * same.  One that knew what it is asked could only be slower.
 *
 *	constant endpoint end reply
 */

#include <sys/resource.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/endpoint.h"
#include "shared/xalloc.h"

struct client {
	struct event	event;
};

static struct event_base *base;
static struct text request_end, reply;

static void
on_readable(evutil_socket_t fd, short events, void *arg)
{
	static char block[65536];
	struct client *client = arg;
	ssize_t len = recv(fd, block, sizeof(block), 0);

	(void)events;
	if (len == -1 && errno == EAGAIN)
		return;
	if (len <= 0) {
		event_del(&client->event);
		close(fd);
		free(client);
		return;
	}
	if ((size_t)len >= request_end.len && memcmp(block + len -
	    request_end.len, request_end.data, request_end.len) == 0 &&
	    send(fd, reply.data, reply.len, MSG_NOSIGNAL) == -1)
		warn("send");
}

static void
on_acceptable(evutil_socket_t listener, short events, void *arg)
{
	struct client *client;
	int fd;

	(void)events;
	(void)arg;
	while ((fd = accept4(listener, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
		client = xcalloc(1, sizeof(*client));
		event_assign(&client->event, base, fd, EV_READ | EV_PERSIST,
		    on_readable, client);
		event_add(&client->event, NULL);
	}
}

int
main(int argc, char **argv)
{
	struct endpoint_access access = { 0600, (uid_t)-1, (gid_t)-1 };
	char error[ENDPOINT_ERROR_SIZE];
	struct endpoint endpoint;
	struct rlimit files;
	const char *why;
	int fds[ENDPOINT_ADDRESS_MAX];
	size_t count, i;

	if (argc != 4)
		errx(64, "usage: constant endpoint end reply");
	if (endpoint_parse(text_of(argv[1]), &endpoint, &why) == -1)
		errx(64, "%s: %s", argv[1], why);
	request_end = text_of(argv[2]);
	reply = text_of(argv[3]);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (endpoint_bind(&endpoint, SOCK_STREAM, &access, fds, &count,
	    error) == -1)
		errx(1, "%s", error);
	base = event_base_new();
	for (i = 0; i < count; i++)
		event_add(event_new(base, fds[i], EV_READ | EV_PERSIST,
		    on_acceptable, NULL), NULL);
	event_base_dispatch(base);
	return 1;
}
