/*
 * The lock of the one who sends: SET NX, and while it is ours a longer life.
 */

#include "policyd/clerk/report/report_lock.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "policyd/clerk/ledger/ledger_share.h"
#include "shared/io/clock.h"
#include "shared/io/redis_link.h"
#include "shared/xalloc.h"

struct report_lock {
	struct ledger_share	*share;
	const char		*writer;
	bool			 is_wanted;
	int64_t			 since_ms, ours_until_ms;
	struct redis_question	*asked;
	struct event		*tick;
};

/* For us it ends before it does in Redis. */
static void
hold(struct report_lock *lock)
{
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms >= lock->ours_until_ms)
		lock->since_ms = now_ms;
	lock->ours_until_ms = now_ms + REPORT_LOCK_LIFE_S * 1000 / 2;
}

static void
on_holder(const struct redis_reply *reply, void *arg)
{
	struct report_lock *lock = arg;
	char life[16];
	const char *words[] = { "EXPIRE", REPORT_LOCK_KEY, life };

	lock->asked = NULL;
	if (reply == NULL || reply->type != REDIS_TEXT ||
	    !text_equals(reply->text, lock->writer)) {
		lock->ours_until_ms = 0;
		return;
	}
	hold(lock);
	snprintf(life, sizeof(life), "%d", REPORT_LOCK_LIFE_S);
	redis_link_ask(ledger_share_link(lock->share), NULL, NULL, 3, words,
	    NULL);
}

static void
on_set(const struct redis_reply *reply, void *arg)
{
	static const char *words[] = { "GET", REPORT_LOCK_KEY };
	struct report_lock *lock = arg;

	lock->asked = NULL;
	if (reply == NULL || reply->type == REDIS_ERROR)
		lock->ours_until_ms = 0;
	else if (reply->type == REDIS_STATUS)
		hold(lock);
	else
		lock->asked = redis_link_ask(ledger_share_link(lock->share),
		    on_holder, lock, 2, words, NULL);
}

static void
on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct report_lock *lock = arg;
	/* As soon as there is a Redis to ask. */
	struct timeval again = { ledger_share_is_up(lock->share) ?
	    REPORT_LOCK_RENEW_S : 1, 0 };
	char life[16];
	const char *words[] = { "SET", REPORT_LOCK_KEY, lock->writer, "NX",
	    "EX", life };

	(void)fd;
	(void)events;
	event_add(lock->tick, &again);
	snprintf(life, sizeof(life), "%d", REPORT_LOCK_LIFE_S);
	if (lock->is_wanted && lock->asked == NULL &&
	    ledger_share_is_up(lock->share))
		lock->asked = redis_link_ask(ledger_share_link(lock->share),
		    on_set, lock, 6, words, NULL);
}

bool
report_lock_is_ours(const struct report_lock *lock)
{
	int64_t now_ms = clock_monotonic_ms();

	return ledger_share_link(lock->share) == NULL ||
	    (ledger_share_is_up(lock->share) &&
	    now_ms < lock->ours_until_ms &&
	    now_ms >= lock->since_ms + REPORT_LOCK_SETTLE_S * 1000);
}

void
report_lock_want(struct report_lock *lock, bool is_wanted)
{
	lock->is_wanted = is_wanted;
}

void
report_lock_abort(struct report_lock *lock)
{
	if (lock->asked != NULL)
		redis_link_cancel(ledger_share_link(lock->share),
		    lock->asked);
	lock->asked = NULL;
	lock->ours_until_ms = 0;
}

struct report_lock *
report_lock_new(struct event_base *base, struct ledger_share *share,
    const char *writer)
{
	struct report_lock *lock = xcalloc(1, sizeof(*lock));

	lock->share = share;
	lock->writer = writer;
	lock->tick = evtimer_new(base, on_tick, lock);
	on_tick(-1, 0, lock);
	return lock;
}

void
report_lock_free(struct report_lock *lock)
{
	if (lock == NULL)
		return;
	report_lock_abort(lock);
	event_free(lock->tick);
	free(lock);
}
