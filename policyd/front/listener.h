/*
 * A listening socket of a service, inherited from the parent.  Out of
 * descriptors it pauses, says so once, and goes on.
 */

#ifndef HOPSEAL_LISTENER_H
#define HOPSEAL_LISTENER_H

#include "policyd/front/client.h"

struct listener;

struct listener *listener_new(struct event_base *base, int fd,
	    struct clients *clients, const struct service *service);
/* Accepts no more; the socket stays open in the parent. */
void	listener_free(struct listener *listener);

#endif
