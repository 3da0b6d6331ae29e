/*
 * The shared cache as libmilter's threads use it.  A question belongs to two,
 * its caller and the thread of the link; whoever leaves last frees it.  The
 * lock is held for the hand-over alone, never while anybody waits for the
 * network.
 */

#include "milter/cache_wait.h"

#include <sys/eventfd.h>
#include <sys/queue.h>

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/cache_entry.h"
#include "shared/io/log.h"
#include "shared/io/redis_link.h"
#include "shared/xalloc.h"

struct question {
	TAILQ_ENTRY(question)	 entry;
	struct cache_wait	*cache;
	char			 key[CACHE_KEY_SIZE];
	pthread_cond_t		 answered;
	/* guarded by the cache's lock */
	bool			 is_answered;
	bool			 is_abandoned;	/* the caller waits no more */
	enum cache_answer	 answer;
	char			*record;
	size_t			 record_bytes;
};
TAILQ_HEAD(questions, question);

struct redis_options {
	char	*address, *user, *password;
};

struct cache_wait {
	pthread_mutex_t		 lock;
	struct questions	 queue;		/* guarded: not yet asked */
	struct redis_options	 wanted;	/* guarded */
	bool			 is_changed;	/* guarded: wanted is new */
	int			 wake_fd;
	/* the thread's own */
	struct event_base	*base;
	struct redis_link	*link;		/* NULL: no Redis */
	struct questions	 asked;
};

static void
options_clear(struct redis_options *options)
{
	free(options->address);
	free(options->user);
	free(options->password);
	*options = (struct redis_options){ 0 };
}

static bool
is_same(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

static void
question_free(struct question *q)
{
	pthread_cond_destroy(&q->answered);
	free(q->record);
	free(q);
}

/* --------------------------------------------------------------- the thread */

static void
question_finish(struct question *q, enum cache_answer answer,
    struct text record)
{
	struct cache_wait *cache = q->cache;
	char *copy = answer == CACHE_FOUND ?
	    xmemdup(record.data, record.len) : NULL;
	bool is_abandoned;

	TAILQ_REMOVE(&cache->asked, q, entry);
	pthread_mutex_lock(&cache->lock);
	q->answer = answer;
	q->record = copy;
	q->record_bytes = record.len;
	q->is_answered = true;
	is_abandoned = q->is_abandoned;
	if (!is_abandoned)
		pthread_cond_signal(&q->answered);
	pthread_mutex_unlock(&cache->lock);
	/* Without the caller it is ours; with him it may be gone already. */
	if (is_abandoned)
		question_free(q);
}

static void
on_record(const struct redis_reply *reply, void *arg)
{
	struct text none = { "", 0 };

	if (reply == NULL || reply->type == REDIS_ERROR)
		question_finish(arg, CACHE_SILENT, none);
	else if (reply->type != REDIS_TEXT)
		question_finish(arg, CACHE_NOTHING, none);
	else
		question_finish(arg, CACHE_FOUND, reply->text);
}

static void
on_state(enum redis_link_state state, const char *reason, void *arg)
{
	char quoted[200];

	(void)arg;
	text_quote(quoted, sizeof(quoted), text_of(reason));
	if (state == REDIS_LINK_UP)
		log_info("redis: state=up");
	else
		log_warn("redis: state=%s, reason=%s; policyd is asked",
		    redis_link_state_name(state), quoted);
}

static void
make_link(struct cache_wait *cache, struct redis_options *options)
{
	struct redis_link_options link = { .address = options->address,
	    .user = options->user, .password = options->password };
	struct question *q;

	redis_link_free(cache->link);
	cache->link = NULL;
	/* The old link tells nobody any more. */
	while ((q = TAILQ_FIRST(&cache->asked)) != NULL)
		question_finish(q, CACHE_SILENT, text_of(""));
	if (options->address[0] != '\0')
		cache->link = redis_link_new(cache->base, &link, on_state,
		    cache);
	options_clear(options);
}

static void
ask(struct cache_wait *cache, struct question *q)
{
	const char *words[] = { "GET", q->key };

	TAILQ_INSERT_TAIL(&cache->asked, q, entry);
	if (cache->link != NULL)
		redis_link_ask(cache->link, on_record, q, 2, words, NULL);
	else
		question_finish(q, CACHE_SILENT, text_of(""));
}

static void
on_wake(evutil_socket_t fd, short events, void *arg)
{
	struct redis_options options = { 0 };
	struct cache_wait *cache = arg;
	struct questions queue;
	struct question *q;
	eventfd_t count;

	(void)events;
	eventfd_read(fd, &count);
	TAILQ_INIT(&queue);
	pthread_mutex_lock(&cache->lock);
	TAILQ_CONCAT(&queue, &cache->queue, entry);
	if (cache->is_changed) {
		options.address = xstrdup(cache->wanted.address);
		options.user = xstrdup(cache->wanted.user);
		options.password = xstrdup(cache->wanted.password);
		cache->is_changed = false;
	}
	pthread_mutex_unlock(&cache->lock);
	if (options.address != NULL)
		make_link(cache, &options);
	while ((q = TAILQ_FIRST(&queue)) != NULL) {
		TAILQ_REMOVE(&queue, q, entry);
		ask(cache, q);
	}
}

static void *
run(void *arg)
{
	struct cache_wait *cache = arg;
	struct event *wake;

	cache->base = event_base_new();
	assert(cache->base != NULL);
	wake = event_new(cache->base, cache->wake_fd, EV_READ | EV_PERSIST,
	    on_wake, cache);
	assert(wake != NULL);
	event_add(wake, NULL);
	event_base_dispatch(cache->base);
	return NULL;
}

/* -------------------------------------------------------------- the callers */

struct cache_wait *
cache_wait_new(void)
{
	struct cache_wait *cache = xcalloc(1, sizeof(*cache));
	pthread_t thread;

	pthread_mutex_init(&cache->lock, NULL);
	TAILQ_INIT(&cache->queue);
	TAILQ_INIT(&cache->asked);
	cache->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cache->wake_fd == -1 ||
	    pthread_create(&thread, NULL, run, cache) != 0)
		return NULL;
	pthread_detach(thread);
	return cache;
}

void
cache_wait_set_redis(struct cache_wait *cache, const char *address,
    const char *user, const char *password)
{
	bool is_new;

	if (password == NULL)
		password = "";
	pthread_mutex_lock(&cache->lock);
	is_new = !is_same(cache->wanted.address, address) ||
	    !is_same(cache->wanted.user, user) ||
	    !is_same(cache->wanted.password, password);
	if (is_new) {
		options_clear(&cache->wanted);
		cache->wanted.address = xstrdup(address);
		cache->wanted.user = xstrdup(user);
		cache->wanted.password = xstrdup(password);
		cache->is_changed = true;
	}
	pthread_mutex_unlock(&cache->lock);
	if (is_new)
		eventfd_write(cache->wake_fd, 1);
}

static struct question *
question_new(struct cache_wait *cache, const struct next_hop *hop)
{
	struct question *q = xcalloc(1, sizeof(*q));
	pthread_condattr_t attributes;

	q->cache = cache;
	cache_facts_key(hop, q->key);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&q->answered, &attributes);
	pthread_condattr_destroy(&attributes);
	return q;
}

static struct timespec
deadline_in(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

enum cache_answer
cache_wait_get(struct cache_wait *cache, const struct next_hop *hop,
    struct buffer *record)
{
	struct question *q = question_new(cache, hop);
	struct timespec deadline = deadline_in(CACHE_WAIT_MS);
	enum cache_answer answer = CACHE_SILENT;
	bool is_answered;
	int result = 0;

	pthread_mutex_lock(&cache->lock);
	TAILQ_INSERT_TAIL(&cache->queue, q, entry);
	pthread_mutex_unlock(&cache->lock);
	eventfd_write(cache->wake_fd, 1);
	pthread_mutex_lock(&cache->lock);
	while (!q->is_answered && result == 0)
		result = pthread_cond_timedwait(&q->answered, &cache->lock,
		    &deadline);
	is_answered = q->is_answered;
	q->is_abandoned = !is_answered;
	pthread_mutex_unlock(&cache->lock);
	if (!is_answered)
		return CACHE_SILENT;	/* the thread frees q */
	answer = q->answer;
	if (answer == CACHE_FOUND) {
		buffer_add(record, q->record, q->record_bytes);
		if (record->is_overfull)
			answer = CACHE_NOTHING;
	}
	question_free(q);
	return answer;
}
