/*
 * The shared cache as libmilter's threads use it: one connection to Redis on a
 * thread of its own, and callers who wait for their answer, not for the network
 * (docs/cache.md).
 */

#ifndef HOPSEAL_CACHE_WAIT_H
#define HOPSEAL_CACHE_WAIT_H

#include "shared/buffer.h"
#include "shared/postfix/next_hop.h"

/* A little more than the link's own deadline. */
#define CACHE_WAIT_MS	300

struct cache_wait;

enum cache_answer {
	CACHE_SILENT,	/* no Redis, or none that answers in time */
	CACHE_NOTHING,	/* it has no record */
	CACHE_FOUND
};

/*
 * Starts the thread; NULL when it cannot.  Lives as long as the program.
 * Signals that libmilter wants are blocked by the caller before.
 */
struct cache_wait *cache_wait_new(void);
/*
 * The options of Redis, copied; address empty for none.  The same as before
 * change nothing, others make a new connection.
 */
void	cache_wait_set_redis(struct cache_wait *cache, const char *address,
	    const char *user, const char *password);
/*
 * The facts record of hop; waits at most CACHE_WAIT_MS.  record is added to
 * where it is found.
 */
enum cache_answer cache_wait_get(struct cache_wait *cache,
	    const struct next_hop *hop, struct buffer *record);

#endif
