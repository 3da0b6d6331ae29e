/*
 * Whose turn it is to look at a mail host.  The lock is left to expire, so who
 * took it remembers that, and others that wait ask now and then for what was
 * seen.  Without an answer of Redis everybody looks for himself.
 */

#include "policyd/front/host_turn.h"

#include <sys/queue.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "policyd/front/cache_async.h"
#include "policyd/front/state.h"
#include "policyd/process/child.h"
#include "shared/io/clock.h"
#include "shared/xalloc.h"

#define LOCK_MAX_S	60	/* as long as a look may take */
#define ANSWER_MS	2000	/* of Redis; its own deadline is shorter */
#define PAUSE_MS	500
#define PATIENCE_MS	10000	/* with another's look */
#define HELD_MAX	64

struct host_turn {
	LIST_ENTRY(host_turn)	 next;
	struct host_turns	*turns;
	struct next_hop		 hop;
	struct cache_question	 question;
	bool			 is_asking;	/* the question is out */
	int64_t			 began_ms;
	struct event		*timer;
	host_turn_record_cb	*on_record;
	host_turn_end_cb	*on_end;
	void			*arg;
};

struct held {				/* a lock of ours */
	struct next_hop	hop;
	int64_t		until_ms;
};

struct host_turns {
	struct front			*front;
	LIST_HEAD(, host_turn)		 all;
	struct held			 held[HELD_MAX];
	size_t				 next_held;
};

static unsigned
lock_ms(const struct front *front)
{
	unsigned reprobe_after_s = front->site.reprobe_after_s;

	return (reprobe_after_s < LOCK_MAX_S ? reprobe_after_s : LOCK_MAX_S) *
	    1000;
}

static void
hold(struct host_turns *turns, const struct next_hop *hop)
{
	turns->held[turns->next_held++ % HELD_MAX] = (struct held){ *hop,
	    clock_monotonic_ms() + lock_ms(turns->front) };
}

static bool
is_held(const struct host_turns *turns, const struct next_hop *hop)
{
	int64_t now = clock_monotonic_ms();
	size_t i;

	for (i = 0; i < HELD_MAX; i++)
		if (now < turns->held[i].until_ms &&
		    turns->held[i].hop.port == hop->port &&
		    strcmp(turns->held[i].hop.name, hop->name) == 0)
			return true;
	return false;
}

static void
turn_free(struct host_turn *t)
{
	LIST_REMOVE(t, next);
	event_free(t->timer);
	free(t);
}

static void
turn_end(struct host_turn *t, bool is_ours)
{
	host_turn_end_cb *on_end = t->on_end;
	void *arg = t->arg;

	turn_free(t);
	on_end(is_ours, arg);
}

static void
turn_wait(struct host_turn *t, unsigned ms)
{
	struct timeval wait = { ms / 1000, ms % 1000 * 1000 };

	event_add(t->timer, &wait);
}

/* False when there is nobody to ask. */
static bool
turn_ask(struct host_turn *t)
{
	t->is_asking = cache_async_get(t->turns->front->cache, &t->hop,
	    &t->question);
	turn_wait(t, ANSWER_MS);
	return t->is_asking;
}

static void
turn_on_record(struct text record, bool was_asked, void *arg)
{
	struct host_turn *t = arg;
	struct front *front = t->turns->front;

	(void)was_asked;
	t->is_asking = false;
	if (record.len > 0 && !t->on_record(record, t->arg)) {
		turn_end(t, false);
		return;
	}
	t->is_asking = !is_held(t->turns, &t->hop) && cache_async_lock(
	    front->cache, &t->hop, lock_ms(front), &t->question);
	if (!t->is_asking)
		turn_end(t, true);
}

static void
turn_on_lock(bool is_ours, void *arg)
{
	struct host_turn *t = arg;

	t->is_asking = false;
	if (is_ours)
		hold(t->turns, &t->hop);
	if (is_ours || clock_monotonic_ms() - t->began_ms > PATIENCE_MS)
		turn_end(t, is_ours);
	else
		turn_wait(t, PAUSE_MS);
}

/* A question that is still out has gone with the connection. */
static void
turn_on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct host_turn *t = arg;

	(void)fd;
	(void)events;
	if (t->is_asking || !turn_ask(t))
		turn_end(t, true);
}

bool
host_turn_start(struct host_turns *turns, const struct next_hop *hop,
    host_turn_record_cb *on_record, host_turn_end_cb *on_end, void *arg)
{
	struct host_turn *t = xcalloc(1, sizeof(*t));

	t->turns = turns;
	t->hop = *hop;
	t->question = (struct cache_question){ turn_on_record, turn_on_lock,
	    t };
	t->began_ms = clock_monotonic_ms();
	t->on_record = on_record;
	t->on_end = on_end;
	t->arg = arg;
	t->timer = event_new(turns->front->child->base, -1, 0, turn_on_timer,
	    t);
	assert(t->timer != NULL);
	LIST_INSERT_HEAD(&turns->all, t, next);
	if (turn_ask(t))
		return true;
	turn_free(t);
	return false;
}

struct host_turns *
host_turns_new(struct front *front)
{
	struct host_turns *turns = xcalloc(1, sizeof(*turns));

	turns->front = front;
	LIST_INIT(&turns->all);
	return turns;
}

void
host_turns_free(struct host_turns *turns)
{
	struct host_turn *t;

	if (turns == NULL)
		return;
	while ((t = LIST_FIRST(&turns->all)) != NULL)
		turn_free(t);
	free(turns);
}
