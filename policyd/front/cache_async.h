/*
 * The shared cache as the front uses it: records in Redis, the lock for
 * refreshes, and news from other hosts (docs/cache.md).  Every question is
 * answered within the link's deadline; without Redis the answer is "nothing".
 */

#ifndef HOPSEAL_CACHE_ASYNC_H
#define HOPSEAL_CACHE_ASYNC_H

#include <stdbool.h>

#include "shared/cache_entry.h"
#include "shared/io/redis_link.h"

struct cache_async;

struct cache_async_callbacks {
	/* Another host changed something. */
	void	(*on_change)(const struct cache_change *change, void *arg);
	/* Redis is there again, or was flushed: write back what is held. */
	void	(*on_renewed)(void *arg);
};

/* options->address empty: no cache, all answers are "nothing". */
struct cache_async *cache_async_new(struct event_base *base,
	    const struct redis_link_options *options,
	    const struct cache_async_callbacks *callbacks, void *arg);
void	cache_async_free(struct cache_async *cache);

/* record is empty when there is none or nobody answered; was_asked tells which. */
typedef void cache_async_record_cb(struct text record, bool was_asked,
    void *arg);
/* True for the one host of the group whose the lock is. */
typedef void cache_async_lock_cb(bool is_ours, void *arg);

/* The caller's, and kept by him until the callback. */
struct cache_question {
	cache_async_record_cb	*on_record;
	cache_async_lock_cb	*on_lock;
	void			*arg;
};

/*
 * Calls on_record later; false, and no callback, when there is no cache to ask.
 */
bool	cache_async_get(struct cache_async *cache, const struct next_hop *hop,
	    struct cache_question *question);
/*
 * The lock for a refresh, held for ttl_ms and left to expire.  Calls on_lock later;
 * false, and no callback, when there is no cache to ask: then it is ours.
 */
bool	cache_async_lock(struct cache_async *cache,
	    const struct next_hop *hop, unsigned ttl_ms,
	    struct cache_question *question);

/* Writes and tells the other hosts. */
void	cache_async_put(struct cache_async *cache, const struct next_hop *hop,
	    struct text record, int64_t ttl_s);
/* Only where the cache has none; tells nobody. */
void	cache_async_write_back(struct cache_async *cache,
	    const struct next_hop *hop, struct text record, int64_t ttl_s);
/* record: what is left (the policy), or empty; tells the other hosts. */
void	cache_async_forget(struct cache_async *cache,
	    const struct next_hop *hop, struct text record, int64_t ttl_s);

bool	cache_async_is_up(const struct cache_async *cache);
/* "up", "down", "off" ...; and why, for people. */
const char *cache_async_state_name(const struct cache_async *cache);
const char *cache_async_reason(const struct cache_async *cache);
const struct redis_link_counters *cache_async_counters(
	    const struct cache_async *cache);

#endif
