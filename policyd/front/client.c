/*
 * One connection of a Postfix process.  All connections share one block to
 * read into and one to reply from; what is left of a request or a reply is
 * kept with the connection, and let go with its last octet.  Who was silent
 * for longest matters when another connection comes: until then each moves
 * once, at its first request.
 */

#include "policyd/front/client.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/latency.h"
#include "shared/xalloc.h"

#define READ_BYTES	65536
#define PENDING_MAX	(128 * 1024)	/* of a request not yet complete */
#define REPLIES_ENOUGH	(32 * 1024)	/* to be sent before more are made */
#define REPLIES_MAX	(256 * 1024)	/* the same and two of the longest */
#define BEGUN_MS	10000	/* a begun request must be complete by then,
				   and some of the replies taken */
#define CHECK_MS	1000

/* What each request needs stands together. */
struct client {
	struct event		 event;		/* reading, or writing */
	struct clients		*clients;
	const struct service	*service;
	void			*wait;		/* the service's */
	int64_t			 begun_ms;	/* 0: the client owes nothing */
	int			 fd;
	unsigned		 moved_at;	/* additions then */
	bool			 is_writing;	/* else reading or waiting */
	struct buffer		 in, out;
	TAILQ_ENTRY(client)	 by_activity, by_begin;
	int64_t			 wait_ms;	/* since when it waits */
};

TAILQ_HEAD(client_list, client);

struct clients {
	struct event_base	*base;
	struct client_list	 by_activity;	/* first: silent for longest */
	struct client_list	 by_begin;	/* first: begun first */
	size_t			 count, waiting, max;
	unsigned		 additions;
	unsigned		 closed_for_room;	/* since the last check */
	struct client		*current;	/* NULL once it is freed */
	struct event		*check;
	struct buffer		 reply;		/* shared */
	bool			 is_leaving;
	char			 block[READ_BYTES];
};

static void	client_on_event(evutil_socket_t fd, short events, void *arg);

static void
client_free(struct client *c)
{
	struct clients *clients = c->clients;

	if (clients->current == c)
		clients->current = NULL;
	if (c->wait != NULL) {
		clients->waiting--;
		c->service->on_gone(c, c->service->arg);
	}
	event_del(&c->event);
	TAILQ_REMOVE(&clients->by_activity, c, by_activity);
	if (c->begun_ms != 0)
		TAILQ_REMOVE(&clients->by_begin, c, by_begin);
	clients->count--;
	buffer_clear(&c->in);
	buffer_clear(&c->out);
	close(c->fd);
	free(c);
}

/* The one event follows what the connection waits for. */
static void
client_expect(struct client *c, short events)
{
	if (event_pending(&c->event, EV_READ | EV_WRITE, NULL) == events)
		return;
	event_del(&c->event);
	if (events == 0)
		return;
	event_assign(&c->event, c->clients->base, c->fd, events | EV_PERSIST,
	    client_on_event, c);
	event_add(&c->event, NULL);
}

static void
client_set_begun(struct client *c, bool has_begun)
{
	if (has_begun == (c->begun_ms != 0))
		return;
	if (has_begun) {
		c->begun_ms = clock_monotonic_ms();
		TAILQ_INSERT_TAIL(&c->clients->by_begin, c, by_begin);
	} else {
		c->begun_ms = 0;
		TAILQ_REMOVE(&c->clients->by_begin, c, by_begin);
	}
}

/* Sends what can be sent, keeps the rest; false when the client is gone. */
static bool
client_send(struct client *c, const char *data, size_t len)
{
	ssize_t sent = 0;

	while (len > 0) {
		sent = send(c->fd, data, len, MSG_NOSIGNAL);
		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			break;
		data += sent;
		len -= (size_t)sent;
	}
	if (sent == -1 && errno != EAGAIN) {
		client_free(c);
		return false;
	}
	if (len > 0) {
		buffer_add(&c->out, data, len);
		c->is_writing = true;
		client_set_begun(c, true);
		client_expect(c, EV_WRITE);
	}
	return true;
}

/*
 * Answers the requests that stand in bytes.  Sets *used; false when one of them
 * ends the connection.
 */
static bool
client_serve(struct client *c, struct text bytes, size_t *used)
{
	struct buffer *reply = &c->clients->reply;
	struct text rest = bytes;
	size_t one;

	while (rest.len > 0 && reply->len < REPLIES_ENOUGH) {
		switch (c->service->on_bytes(c, rest, &one, reply,
		    c->service->arg)) {
		case CLIENT_MORE:
			*used = bytes.len - rest.len;
			return true;
		case CLIENT_BAD:
			return false;
		case CLIENT_WAITS:
			*used = bytes.len - rest.len + one;
			return true;
		case CLIENT_ANSWERED:
			/* At once: no clock is asked for it. */
			c->service->latency->counts[0]++;
			rest.data += one;
			rest.len -= one;
			break;
		}
	}
	*used = bytes.len - rest.len;
	return true;
}

/*
 * One round: serves what stands in c->in and in fresh bytes and sends the
 * replies.  False when c is gone or has nothing more to do now.
 */
static bool
client_round(struct client *c, struct text fresh)
{
	struct buffer *reply = &c->clients->reply;
	struct text bytes = fresh;
	bool was_kept = c->in.len > 0;
	size_t used;

	if (was_kept) {
		buffer_add(&c->in, fresh.data, fresh.len);
		bytes = (struct text){ c->in.data, c->in.len };
	}
	buffer_reset(reply);
	if (c->in.is_overfull || !client_serve(c, bytes, &used)) {
		/* What was asked before the nonsense is answered. */
		if (client_send(c, reply->data, reply->len))
			client_free(c);
		return false;
	}
	if (was_kept && used == bytes.len)
		buffer_clear(&c->in);
	else if (was_kept)
		buffer_drain(&c->in, used);
	else if (used < bytes.len)
		buffer_add(&c->in, bytes.data + used, bytes.len - used);
	if (used > 0)
		client_set_begun(c, false);	/* what is left is another */
	client_set_begun(c, c->in.len > 0 && c->wait == NULL);
	if (!client_send(c, reply->data, reply->len))
		return false;
	return used > 0 && c->in.len > 0 && c->wait == NULL && !c->is_writing;
}

/* Serves all that came; may free c. */
static void
client_advance(struct client *c, struct text fresh)
{
	struct clients *clients = c->clients;
	bool goes_on;

	do {
		clients->current = c;
		goes_on = client_round(c, fresh);
		if (clients->current == NULL)
			return;		/* freed */
		fresh.len = 0;
	} while (goes_on);
	clients->current = NULL;
	if (c->wait == NULL && !c->is_writing && clients->is_leaving)
		client_free(c);
}

static void
client_on_writable(struct client *c)
{
	ssize_t sent = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);

	if (sent == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent == -1) {
		client_free(c);
		return;
	}
	buffer_drain(&c->out, (size_t)sent);
	client_set_begun(c, false);
	if (c->out.len > 0) {
		client_set_begun(c, true);
		return;
	}
	buffer_clear(&c->out);
	c->is_writing = false;
	client_expect(c, c->wait != NULL ? 0 : EV_READ);
	/* Requests that came before are still in hand. */
	if (c->wait == NULL)
		client_advance(c, (struct text){ "", 0 });
}

static void
client_on_event(evutil_socket_t fd, short events, void *arg)
{
	struct client *c = arg;
	struct clients *clients = c->clients;
	ssize_t len;

	(void)events;
	if (c->is_writing) {
		client_on_writable(c);
		return;
	}
	if (c->wait != NULL) {
		/* The next request, or the end, is for after the answer. */
		client_expect(c, 0);
		return;
	}
	len = recv(fd, clients->block, sizeof(clients->block), 0);
	if (len == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		client_free(c);
		return;
	}
	if (c->moved_at != clients->additions) {
		c->moved_at = clients->additions;
		TAILQ_REMOVE(&clients->by_activity, c, by_activity);
		TAILQ_INSERT_TAIL(&clients->by_activity, c, by_activity);
	}
	client_advance(c, (struct text){ clients->block, (size_t)len });
}

void
client_answer(struct client *c, struct text reply)
{
	assert(c->wait == NULL);
	latency_add(c->service->latency, clock_monotonic_ms() - c->wait_ms);
	if (c->is_writing) {
		buffer_add(&c->out, reply.data, reply.len);
		return;
	}
	if (!client_send(c, reply.data, reply.len) || c->is_writing)
		return;
	client_expect(c, EV_READ);
	client_advance(c, (struct text){ "", 0 });
}

void *
client_wait(const struct client *c)
{
	return c->wait;
}

void
client_set_wait(struct client *c, void *wait)
{
	if (c->wait == NULL && wait != NULL) {
		c->clients->waiting++;
		c->wait_ms = clock_monotonic_ms();
	} else if (c->wait != NULL && wait == NULL)
		c->clients->waiting--;
	c->wait = wait;
}

/* ---------------------------------------------------------------- all of them */

static void
clients_on_check(evutil_socket_t fd, short events, void *arg)
{
	struct clients *clients = arg;
	struct client *c;
	int64_t now = clock_monotonic_ms();

	(void)fd;
	(void)events;
	while ((c = TAILQ_FIRST(&clients->by_begin)) != NULL &&
	    now - c->begun_ms > BEGUN_MS) {
		log_info("%s in time, connection closed: service=%s, "
		    "bytes=%zu", c->is_writing ? "replies not taken" :
		    "request not complete", c->service->name,
		    c->is_writing ? c->out.len : c->in.len);
		client_free(c);
	}
	if (clients->closed_for_room > 0)
		log_warn("connection_limit reached, those silent for longest "
		    "were closed: limit=%zu, closed=%u", clients->max,
		    clients->closed_for_room);
	clients->closed_for_room = 0;
}

struct clients *
clients_new(struct event_base *base, size_t max)
{
	struct clients *clients = xcalloc(1, sizeof(*clients));
	struct timeval interval = { CHECK_MS / 1000, 0 };

	clients->base = base;
	clients->max = max;
	TAILQ_INIT(&clients->by_activity);
	TAILQ_INIT(&clients->by_begin);
	buffer_init(&clients->reply, REPLIES_MAX);
	clients->check = event_new(base, -1, EV_PERSIST, clients_on_check,
	    clients);
	assert(clients->check != NULL);
	event_add(clients->check, &interval);
	return clients;
}

void
clients_free(struct clients *clients)
{
	if (clients == NULL)
		return;
	while (!TAILQ_EMPTY(&clients->by_activity))
		client_free(TAILQ_FIRST(&clients->by_activity));
	event_free(clients->check);
	buffer_clear(&clients->reply);
	free(clients);
}

/* Waiting ones are not silent, they are kept waiting: false when all wait. */
static bool
clients_make_room(struct clients *clients)
{
	struct client *c;

	TAILQ_FOREACH(c, &clients->by_activity, by_activity)
		if (c->wait == NULL)
			break;
	if (c == NULL)
		return false;
	clients->closed_for_room++;
	client_free(c);
	return true;
}

void
clients_set_max(struct clients *clients, size_t max)
{
	clients->max = max;
}

void
clients_add(struct clients *clients, int fd, const struct service *service)
{
	struct client *c;

	while (clients->count >= clients->max && clients_make_room(clients))
		;
	c = xcalloc(1, sizeof(*c));
	c->clients = clients;
	c->service = service;
	c->fd = fd;
	buffer_init(&c->in, PENDING_MAX);
	buffer_init(&c->out, REPLIES_MAX);
	c->moved_at = clients->additions++;
	TAILQ_INSERT_TAIL(&clients->by_activity, c, by_activity);
	clients->count++;
	event_assign(&c->event, clients->base, fd, EV_READ | EV_PERSIST,
	    client_on_event, c);
	event_add(&c->event, NULL);
}

size_t
clients_count(const struct clients *clients)
{
	return clients->count;
}

size_t
clients_waiting(const struct clients *clients)
{
	return clients->waiting;
}

void
clients_leave(struct clients *clients)
{
	struct client *c, *next;

	clients->is_leaving = true;
	for (c = TAILQ_FIRST(&clients->by_activity); c != NULL; c = next) {
		next = TAILQ_NEXT(c, by_activity);
		if (c->wait == NULL && !c->is_writing)
			client_free(c);
	}
}
