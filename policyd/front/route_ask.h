/*
 * Asks the clerk for the way of a mail where Postfix's tables must be asked.
 * A clerk that is away or slow is an unknown way, never a wait without end.
 */

#ifndef HOPSEAL_ROUTE_ASK_H
#define HOPSEAL_ROUTE_ASK_H

#include <sys/queue.h>

#include <stdint.h>

#include "shared/frame.h"
#include "shared/postfix/route.h"

struct child;
struct event;
struct route_asks;

/* route is NULL where the clerk did not say. */
typedef void route_ask_cb(const struct route *route, void *arg);

/* The caller's, kept until the callback or route_ask_cancel. */
struct route_ask {
	TAILQ_ENTRY(route_ask)	 next;
	struct route_asks	*asks;
	uint64_t		 number;
	struct event		*deadline;
	route_ask_cb		*callback;
	void			*arg;
};

struct route_asks *route_asks_new(struct child *child);
void	route_asks_free(struct route_asks *asks);
/* False, and no callback, when the clerk cannot be asked. */
bool	route_ask_start(struct route_asks *asks, struct route_ask *ask,
	    const struct route_question *q, unsigned ms,
	    route_ask_cb *callback, void *arg);
void	route_ask_cancel(struct route_ask *ask);

/* A MESSAGE_ROUTE_ANSWER; one that nobody waits for is ignored. */
void	route_asks_on_answer(struct route_asks *asks,
	    const struct frame *frame);
/* The clerk went away: nobody answers what it was asked. */
void	route_asks_on_clerk(struct route_asks *asks);

#endif
