/*
 * The shared cache as the front uses it.  Two connections, because a
 * subscriber of RESP2 can ask nothing: one for questions, one for news.
 */

#include "policyd/front/cache_async.h"

#include <sys/random.h>

#include <assert.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/io/log.h"
#include "shared/xalloc.h"

#define EPOCH_CHECK_S	30
#define REASON_MAX	200

struct cache_async {
	struct cache_async_callbacks	 callbacks;
	void				*arg;
	struct event_base		*base;
	uint64_t			 origin;
	struct redis_link		*link, *news;	/* NULL: no cache */
	struct event			*epoch;
	char				 reason[REASON_MAX];
};

/* --------------------------------------------------------- the connection */

static void	ask_epoch(struct cache_async *cache);

static void
on_state(enum redis_link_state state, const char *reason, void *arg)
{
	struct cache_async *cache = arg;

	text_quote(cache->reason, sizeof(cache->reason), text_of(reason));
	if (state == REDIS_LINK_UP) {
		log_info("redis: state=up");
		ask_epoch(cache);
		cache->callbacks.on_renewed(cache->arg);
	} else
		log_warn("redis: state=%s, reason=%s; answers come from "
		    "memory", redis_link_state_name(state), cache->reason);
}

static void
on_news_state(enum redis_link_state state, const char *reason, void *arg)
{
	(void)arg;
	log_debug("redis news: state=%s, reason=%s",
	    redis_link_state_name(state), reason);
}

static void
on_news(struct text message, void *arg)
{
	struct cache_async *cache = arg;
	struct cache_change change;

	if (cache_change_parse(message, &change) &&
	    change.origin != cache->origin)
		cache->callbacks.on_change(&change, cache->arg);
}

/* SET ... NX answers OK only where the key was not: first start, or a flush. */
static void
on_epoch(const struct redis_reply *reply, void *arg)
{
	struct cache_async *cache = arg;

	if (reply != NULL && reply->type == REDIS_STATUS) {
		log_info("redis: the cache is new or was flushed, policies "
		    "held are written back");
		cache->callbacks.on_renewed(cache->arg);
	}
}

static void
ask_epoch(struct cache_async *cache)
{
	char ttl[24];
	const char *words[] = { "SET", CACHE_EPOCH_KEY, "1", "EX", ttl, "NX" };

	snprintf(ttl, sizeof(ttl), "%d", CACHE_EPOCH_TTL_S);
	redis_link_ask(cache->link, on_epoch, cache, 6, words, NULL);
}

static void
on_epoch_timer(evutil_socket_t fd, short events, void *arg)
{
	struct cache_async *cache = arg;

	(void)fd;
	(void)events;
	if (redis_link_is_up(cache->link))
		ask_epoch(cache);
}

struct cache_async *
cache_async_new(struct event_base *base,
    const struct redis_link_options *options,
    const struct cache_async_callbacks *callbacks, void *arg)
{
	struct cache_async *cache = xcalloc(1, sizeof(*cache));
	struct timeval interval = { EPOCH_CHECK_S, 0 };

	cache->base = base;
	cache->callbacks = *callbacks;
	cache->arg = arg;
	if (getrandom(&cache->origin, sizeof(cache->origin), 0) !=
	    (ssize_t)sizeof(cache->origin))
		abort();
	if (options->address[0] == '\0')
		return cache;
	cache->link = redis_link_new(base, options, on_state, cache);
	cache->news = redis_link_new(base, options, on_news_state, cache);
	redis_link_subscribe(cache->news, CACHE_CHANNEL, on_news, cache);
	cache->epoch = event_new(base, -1, EV_PERSIST, on_epoch_timer, cache);
	assert(cache->epoch != NULL);
	event_add(cache->epoch, &interval);
	return cache;
}

void
cache_async_free(struct cache_async *cache)
{
	if (cache == NULL)
		return;
	if (cache->link != NULL) {
		redis_link_free(cache->link);
		redis_link_free(cache->news);
		event_free(cache->epoch);
	}
	free(cache);
}

/* --------------------------------------------------------------- records */

/* A link that has just begun keeps questions until it knows better. */
static bool
can_ask(const struct cache_async *cache)
{
	return cache->link != NULL && (redis_link_is_up(cache->link) ||
	    redis_link_state(cache->link) == REDIS_LINK_STARTING);
}

static void
on_record(const struct redis_reply *reply, void *arg)
{
	struct cache_question *q = arg;
	struct text record = { "", 0 };
	bool was_asked = reply != NULL && reply->type != REDIS_ERROR;

	if (was_asked && reply->type == REDIS_TEXT)
		record = reply->text;
	q->on_record(record, was_asked, q->arg);
}

bool
cache_async_get(struct cache_async *cache, const struct next_hop *hop,
    struct cache_question *question)
{
	char key[CACHE_KEY_SIZE];
	const char *words[] = { "GET", cache_facts_key(hop, key) };

	if (!can_ask(cache))
		return false;
	redis_link_ask(cache->link, on_record, question, 2, words, NULL);
	return true;
}

static void
on_ignored(const struct redis_reply *reply, void *arg)
{
	(void)arg;
	if (reply != NULL && reply->type == REDIS_ERROR)
		log_debug("redis refused: %.*s", (int)reply->text.len,
		    reply->text.data);
}

static void
publish(struct cache_async *cache, enum cache_change_kind kind,
    const struct next_hop *hop)
{
	struct cache_change change = { kind, cache->origin, *hop };
	struct buffer message;
	const char *words[] = { "PUBLISH", CACHE_CHANNEL, NULL };

	buffer_init(&message, 1024);
	cache_change_format(&change, &message);
	words[2] = buffer_text(&message);
	redis_link_ask(cache->link, on_ignored, NULL, 3, words, NULL);
	buffer_clear(&message);
}

static void
set_record(struct cache_async *cache, const struct next_hop *hop,
    struct text record, int64_t ttl_s, bool only_if_absent)
{
	char key[CACHE_KEY_SIZE], ttl[24];
	const char *words[] = { "SET", cache_facts_key(hop, key), record.data,
	    "EX", ttl, "NX" };
	size_t lens[] = { 3, strlen(key), record.len, 2, 0, 2 };

	lens[4] = (size_t)snprintf(ttl, sizeof(ttl), "%" PRId64,
	    ttl_s > 0 ? ttl_s : 1);
	redis_link_ask(cache->link, on_ignored, NULL, only_if_absent ? 6 : 5,
	    words, lens);
}

void
cache_async_put(struct cache_async *cache, const struct next_hop *hop,
    struct text record, int64_t ttl_s)
{
	if (!can_ask(cache))
		return;
	set_record(cache, hop, record, ttl_s, false);
	publish(cache, CACHE_CHANGED, hop);
}

void
cache_async_write_back(struct cache_async *cache, const struct next_hop *hop,
    struct text record, int64_t ttl_s)
{
	if (can_ask(cache))
		set_record(cache, hop, record, ttl_s, true);
}

void
cache_async_forget(struct cache_async *cache, const struct next_hop *hop,
    struct text record, int64_t ttl_s)
{
	char key[CACHE_KEY_SIZE];
	const char *words[] = { "DEL", cache_facts_key(hop, key) };

	if (!can_ask(cache))
		return;
	if (record.len > 0)
		set_record(cache, hop, record, ttl_s, false);
	else
		redis_link_ask(cache->link, on_ignored, NULL, 2, words, NULL);
	publish(cache, record.len > 0 ? CACHE_FORGOTTEN :
	    CACHE_FORGOTTEN_POLICY, hop);
}

/* ---------------------------------------------------------------- the lock */

static void
on_lock(const struct redis_reply *reply, void *arg)
{
	struct cache_question *q = arg;

	/* Held by another: nil.  Nobody answered: each for himself. */
	q->on_lock(reply == NULL || reply->type != REDIS_NIL, q->arg);
}

bool
cache_async_lock(struct cache_async *cache, const struct next_hop *hop,
    unsigned ttl_ms, struct cache_question *question)
{
	char key[CACHE_KEY_SIZE], ttl[16];
	const char *words[] = { "SET", cache_lock_key(hop, key), "1", "PX",
	    ttl, "NX" };

	if (!can_ask(cache))
		return false;
	snprintf(ttl, sizeof(ttl), "%u", ttl_ms);
	redis_link_ask(cache->link, on_lock, question, 6, words, NULL);
	return true;
}

/* ----------------------------------------------------------------- status */

bool
cache_async_is_up(const struct cache_async *cache)
{
	return cache->link != NULL &&
	    redis_link_state(cache->link) == REDIS_LINK_UP;
}

const char *
cache_async_state_name(const struct cache_async *cache)
{
	return cache->link == NULL ? "off" :
	    redis_link_state_name(redis_link_state(cache->link));
}

const char *
cache_async_reason(const struct cache_async *cache)
{
	return cache->reason;
}

const struct redis_link_counters *
cache_async_counters(const struct cache_async *cache)
{
	static const struct redis_link_counters none = { 0 };

	return cache->link == NULL ? &none : redis_link_counters(cache->link);
}
