/*
 * One multiplexed connection to Redis or Valkey, on an event loop.  It
 * connects and reconnects by itself; each question gets its answer or none, in
 * time; what is wrong is told as one state.  Nobody ever waits for a sick
 * Redis.
 *
 * No function here calls back before it returns.  Callbacks may ask and cancel;
 * they may not free the link.
 */

#ifndef HOPSEAL_REDIS_LINK_H
#define HOPSEAL_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/io/redis_reply.h"

#define REDIS_LINK_DEADLINE_MS		200
#define REDIS_LINK_HEARTBEAT_MS		10000
#define REDIS_LINK_QUESTIONS_MAX	1024	/* waiting at one time */

struct event_base;
struct redis_link;
struct redis_question;

enum redis_link_state {
	REDIS_LINK_STARTING,	/* not yet known; never told */
	REDIS_LINK_DOWN,	/* no connection, too slow, or nonsense */
	REDIS_LINK_REFUSED,	/* not allowed: password, ACL, database */
	REDIS_LINK_LOADING,	/* there, but cannot answer yet */
	REDIS_LINK_READ_ONLY,	/* a replica, or one that must not write */
	REDIS_LINK_FULL,	/* out of memory: reads are answered */
	REDIS_LINK_UP
};

struct redis_link_options {
	const char	*address;	/* as the option "redis", checked */
	const char	*user, *password; /* "" or NULL for none */
	unsigned	 deadline_ms;	/* 0: REDIS_LINK_DEADLINE_MS */
	unsigned	 heartbeat_ms;	/* 0: REDIS_LINK_HEARTBEAT_MS */
};

struct redis_link_counters {
	uint64_t	asked, answered, failed;	/* questions */
	uint64_t	refused;	/* of answered: with an error */
	uint64_t	connected, lost;		/* connections */
	int64_t		last_took_ms;	/* by the latest answer */
	uint64_t	replicas;	/* of the server, by its latest ROLE */
	uint64_t	lag_bytes;	/* of the replica farthest behind */
};

/* Once per change; reason is for the log and lasts for the call. */
typedef void redis_link_state_cb(enum redis_link_state state,
	    const char *reason, void *arg);
/*
 * The answer, perhaps an error of Redis (REDIS_ERROR); NULL when there is none:
 * link down, too late, or too many questions.  reply lasts for the call.
 */
typedef void redis_link_reply_cb(const struct redis_reply *reply, void *arg);
typedef void redis_link_message_cb(struct text message, void *arg);

/*
 * Begins to connect once the loop runs.  A host that is a name is resolved
 * here and only here, which may block: a name without address keeps the link
 * down until a new one is made.
 */
struct redis_link *redis_link_new(struct event_base *base,
	    const struct redis_link_options *options,
	    redis_link_state_cb *on_state, void *arg);
/* Nobody is told any more, not even those who wait for an answer. */
void	redis_link_free(struct redis_link *link);

/*
 * Asks one command, its words copied; lens may be NULL for terminated words.
 * callback comes exactly once, at the latest deadline_ms from now, unless
 * cancelled.  Questions are answered in their order.  One that is late takes
 * the connection with it, so that no answer ever meets the wrong question.
 *
 * The link does not sort questions by its state: in READ_ONLY and FULL reads
 * are answered, and a write that succeeds again is how UP is found.  Command
 * names are in capitals.
 */
struct redis_question *redis_link_ask(struct redis_link *link,
	    redis_link_reply_cb *callback, void *arg,
	    int argc, const char **argv, const size_t *lens);
/* Before its callback came: it will not come any more. */
void	redis_link_cancel(struct redis_link *link, struct redis_question *q);

/*
 * Makes the link a subscriber of one channel; called once, right after
 * redis_link_new.  Nothing can be asked then.  Whenever the state becomes UP,
 * messages may have been missed before.
 */
void	redis_link_subscribe(struct redis_link *link, const char *channel,
	    redis_link_message_cb *callback, void *arg);

/* True when questions are sent, whatever they will be answered. */
bool	redis_link_is_up(const struct redis_link *link);
enum redis_link_state redis_link_state(const struct redis_link *link);
/* "up", "down", "read-only" ... */
const char *redis_link_state_name(enum redis_link_state state);
const struct redis_link_counters *redis_link_counters(
	    const struct redis_link *link);

#endif
