/*
 * Asks the clerk for the way of a mail.  Answers come nearly in the order of
 * the questions, so the one that an answer belongs to stands near the begin.
 */

#include "policyd/front/route_ask.h"

#include <event2/event.h>
#include <stdlib.h>

#include "policyd/process/child.h"
#include "policyd/process/route_message.h"
#include "shared/xalloc.h"

struct route_asks {
	struct child			*child;
	uint64_t			 last_number;
	TAILQ_HEAD(, route_ask)		 list;
};

struct route_asks *
route_asks_new(struct child *child)
{
	struct route_asks *asks = xcalloc(1, sizeof(*asks));

	asks->child = child;
	TAILQ_INIT(&asks->list);
	return asks;
}

void
route_asks_free(struct route_asks *asks)
{
	free(asks);
}

void
route_ask_cancel(struct route_ask *ask)
{
	TAILQ_REMOVE(&ask->asks->list, ask, next);
	event_free(ask->deadline);
}

static void
route_ask_finish(struct route_ask *ask, const struct route *route)
{
	route_ask_cancel(ask);
	ask->callback(route, ask->arg);
}

static void
route_ask_on_deadline(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	route_ask_finish(arg, NULL);
}

bool
route_ask_start(struct route_asks *asks, struct route_ask *ask,
    const struct route_question *q, unsigned ms, route_ask_cb *callback,
    void *arg)
{
	struct channel *clerk = child_peer(asks->child, ROLE_CLERK);
	struct timeval delay = { ms / 1000, ms % 1000 * 1000 };
	struct buffer payload;
	bool is_sent;

	if (clerk == NULL)
		return false;
	buffer_init(&payload, ROUTE_MESSAGE_MAX);
	route_question_format(q, &payload);
	is_sent = !payload.is_overfull && channel_send(clerk, MESSAGE_ROUTE,
	    ++asks->last_number, (struct text){ payload.data, payload.len });
	buffer_clear(&payload);
	if (!is_sent)
		return false;
	ask->asks = asks;
	ask->number = asks->last_number;
	ask->callback = callback;
	ask->arg = arg;
	ask->deadline = evtimer_new(asks->child->base, route_ask_on_deadline,
	    ask);
	event_add(ask->deadline, &delay);
	TAILQ_INSERT_TAIL(&asks->list, ask, next);
	return true;
}

void
route_asks_on_answer(struct route_asks *asks, const struct frame *frame)
{
	struct route_ask *ask;
	struct route route;

	TAILQ_FOREACH(ask, &asks->list, next)
		if (ask->number == frame->number) {
			route_ask_finish(ask, route_parse(frame->payload,
			    &route) ? &route : NULL);
			return;
		}
}

void
route_asks_on_clerk(struct route_asks *asks)
{
	struct route_ask *ask;

	while ((ask = TAILQ_FIRST(&asks->list)) != NULL)
		route_ask_finish(ask, NULL);
}
