/*
 * A listening socket of a service.  Each wake-up accepts a bounded number, so
 * that those who are already connected are served in between.
 */

#include "policyd/front/listener.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/log.h"
#include "shared/xalloc.h"

#define ACCEPTS_AT_ONCE	64
#define PAUSE_MS	500

struct listener {
	int			 fd;
	struct clients		*clients;
	const struct service	*service;
	struct event		*acceptable, *pause;
	bool			 has_complained;
};

static void
listener_on_pause_end(evutil_socket_t fd, short events, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)events;
	event_add(l->acceptable, NULL);
}

/* The queue of the socket keeps those who come meanwhile. */
static void
listener_back_off(struct listener *l)
{
	struct timeval pause = { 0, PAUSE_MS * 1000 };

	if (!l->has_complained)
		log_error("connections cannot be accepted, trying on: "
		    "service=%s, reason=%s", l->service->name,
		    strerror(errno));
	l->has_complained = true;
	event_del(l->acceptable);
	event_add(l->pause, &pause);
}

static void
listener_on_acceptable(evutil_socket_t listening, short events, void *arg)
{
	struct listener *l = arg;
	unsigned i;
	int fd;

	(void)events;
	for (i = 0; i < ACCEPTS_AT_ONCE; i++) {
		fd = accept4(listening, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1)
			break;
		clients_add(l->clients, fd, l->service);
		if (l->has_complained)
			log_info("connections are accepted again: "
			    "service=%s", l->service->name);
		l->has_complained = false;
	}
	if (fd == -1 && (errno == EMFILE || errno == ENFILE ||
	    errno == ENOBUFS || errno == ENOMEM))
		listener_back_off(l);
}

struct listener *
listener_new(struct event_base *base, int fd, struct clients *clients,
    const struct service *service)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	l->fd = fd;
	l->clients = clients;
	l->service = service;
	l->acceptable = event_new(base, fd, EV_READ | EV_PERSIST,
	    listener_on_acceptable, l);
	l->pause = event_new(base, -1, 0, listener_on_pause_end, l);
	assert(l->acceptable != NULL && l->pause != NULL);
	event_add(l->acceptable, NULL);
	return l;
}

void
listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	event_free(l->acceptable);
	event_free(l->pause);
	close(l->fd);
	free(l);
}
