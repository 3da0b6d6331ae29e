/*
 * The front: one loop that answers Postfix.  Here its parts are put together.
 */

#include "policyd/front/front.h"

#include <sys/resource.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/front/access_service.h"
#include "policyd/front/breaker.h"
#include "policyd/front/cache_async.h"
#include "policyd/front/client.h"
#include "policyd/front/domain_book.h"
#include "policyd/front/domain_lookup.h"
#include "policyd/front/feedback.h"
#include "policyd/front/host_probe.h"
#include "policyd/front/listener.h"
#include "policyd/front/map_service.h"
#include "policyd/front/question.h"
#include "policyd/front/route_ask.h"
#include "policyd/front/state.h"
#include "policyd/process/child.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define LISTENERS_MAX	64
#define LEAVE_CHECK_MS	50
#define SPARE_FDS	128	/* beside the connections */

struct front_process {
	struct front		 front;		/* first */
	const int		*fds[2];	/* map, access */
	size_t			 fd_counts[2];
	struct listener		*listeners[LISTENERS_MAX];
	size_t			 listener_count;
	struct event		*leave_check;
	char			*redis_setup;	/* what the cache was made of */
};

/* ----------------------------------------------------------- the callbacks */

static void
on_change(const struct cache_change *change, void *arg)
{
	struct front *front = arg;

	domain_lookups_on_change(front->lookups, change);
}

static void
on_renewed(void *arg)
{
	struct front *front = arg;

	domain_lookups_write_back(front->lookups);
}

/* A new connection to Redis only where its options changed. */
static void
set_up_cache(struct front_process *p, const struct settings *settings)
{
	static const struct cache_async_callbacks callbacks = {
		on_change, on_renewed
	};
	const struct config *config = settings->config;
	struct redis_link_options options = { .address = config->redis,
	    .user = config->redis_user,
	    .password = settings->redis_password };

	if (!settings_redis_changed(settings, &p->redis_setup))
		return;
	/* Lookups that wait for the old connection ask the new one. */
	cache_async_free(p->front.cache);
	p->front.cache = cache_async_new(p->front.child->base, &options,
	    &callbacks, &p->front);
	if (p->front.lookups != NULL)
		domain_lookups_on_cache(p->front.lookups);
}

static void
open_listeners(struct front_process *p)
{
	const struct service *services[] = { map_service(&p->front),
	    access_service(&p->front) };
	size_t s, i;

	for (s = 0; s < 2; s++)
		for (i = 0; i < p->fd_counts[s]; i++)
			p->listeners[p->listener_count++] = listener_new(
			    p->front.child->base, p->fds[s][i],
			    p->front.clients, services[s]);
}

/*
 * Out of descriptors nobody new is heard, and no channel or Redis comes back:
 * so the silent go before, whatever connection_limit says.
 */
static size_t
connection_max(const struct config *config)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur > SPARE_FDS &&
	    limit.rlim_cur - SPARE_FDS < config->connection_limit)
		return limit.rlim_cur - SPARE_FDS;
	return config->connection_limit;
}

static void
judge_site(struct front *front)
{
	if (front_judge_site(front))
		domain_lookups_on_site(front->lookups);
}

static void
on_settings(struct child *child, const struct settings *settings)
{
	struct front_process *p = child->arg;
	struct front *front = &p->front;
	const struct config *config = settings->config;
	bool is_first = front->settings == NULL;

	front->child = child;
	front->settings = settings;
	set_up_cache(p, settings);
	if (is_first) {
		front->book = domain_book_new(config->cache_entries,
		    config->cache_bytes);
		front->lookups = domain_lookups_new(front);
		front->probes = host_probes_new(front,
		    domain_lookups_on_seen);
		front->routes = route_asks_new(child);
		front->breaker = breaker_new();
		front->clients = clients_new(child->base,
		    connection_max(config));
	} else {
		domain_book_set_limits(front->book, config->cache_entries,
		    config->cache_bytes);
		clients_set_max(front->clients, connection_max(config));
	}
	judge_site(front);
	if (is_first) {
		open_listeners(p);
		feedback_start(front);
	}
}

static void
on_peer(struct child *child, enum role peer)
{
	struct front_process *p = child->arg;

	if (peer == ROLE_SCOUT && p->front.lookups != NULL)
		domain_lookups_on_scout(p->front.lookups);
	if (peer == ROLE_CLERK && p->front.routes != NULL)
		route_asks_on_clerk(p->front.routes);
	if (peer == ROLE_CLERK && p->front.book != NULL)
		feedback_start(&p->front);
}

static void
on_resolver(struct front *front, struct text payload)
{
	struct scout_resolver resolver;

	if (!scout_resolver_parse(payload, &resolver))
		return;
	front->validates = resolver.validates;
	front->postfix_ad = resolver.postfix_ad;
	text_quote(front->resolver_detail, sizeof(front->resolver_detail),
	    resolver.detail);
	judge_site(front);
}

static void
on_date(struct front *front, struct text payload)
{
	struct scout_date date;

	if (!scout_date_parse(payload, &date))
		return;
	breaker_note_date(front->breaker, &date.host, date.ahead_s,
	    clock_now_s());
	front_check_breaker(front);
}

static void
on_frame(struct child *child, enum role peer, const struct frame *frame)
{
	struct front_process *p = child->arg;

	if (p->front.settings == NULL)
		return;
	if (peer == ROLE_SCOUT && frame->type == MESSAGE_FACTS)
		domain_lookups_on_facts(p->front.lookups, frame->number,
		    frame->payload);
	else if (peer == ROLE_SCOUT && frame->type == MESSAGE_OBSERVATION)
		host_probes_take(p->front.probes, frame);
	else if (peer == ROLE_SCOUT && frame->type == MESSAGE_RESOLVER)
		on_resolver(&p->front, frame->payload);
	else if (peer == ROLE_SCOUT && frame->type == MESSAGE_DATE)
		on_date(&p->front, frame->payload);
	else if (peer == ROLE_CLERK && frame->type == MESSAGE_OUTCOME)
		feedback_take(&p->front, frame->payload);
	else if (peer == ROLE_CLERK && frame->type == MESSAGE_CERT_ENDS)
		cert_ends_parse(frame->payload, &p->front.cert_ends);
	else if (peer == ROLE_CLERK && frame->type == MESSAGE_QUESTION)
		question_answer(&p->front, frame);
	else if (peer == ROLE_CLERK && frame->type == MESSAGE_ROUTE_ANSWER)
		route_asks_on_answer(p->front.routes, frame);
}

/* What is in hand is answered, by the lookups' ends or their deadlines. */
static void
on_leave_check(evutil_socket_t fd, short events, void *arg)
{
	struct front_process *p = arg;

	(void)fd;
	(void)events;
	if (clients_count(p->front.clients) == 0)
		child_exit(p->front.child, 0);
}

static void
on_leave(struct child *child)
{
	struct front_process *p = child->arg;
	struct timeval interval = { 0, LEAVE_CHECK_MS * 1000 };

	if (p->front.settings == NULL || p->leave_check != NULL) {
		child_exit(child, 0);
		return;
	}
	while (p->listener_count > 0)
		listener_free(p->listeners[--p->listener_count]);
	clients_leave(p->front.clients);
	p->leave_check = event_new(child->base, -1, EV_PERSIST,
	    on_leave_check, p);
	event_add(p->leave_check, &interval);
	on_leave_check(-1, 0, p);
}

static void
on_stop(struct child *child)
{
	struct front_process *p = child->arg;

	while (p->listener_count > 0)
		listener_free(p->listeners[--p->listener_count]);
	if (p->leave_check != NULL)
		event_free(p->leave_check);
	clients_free(p->front.clients);
	domain_lookups_free(p->front.lookups);
	host_probes_free(p->front.probes);
	route_asks_free(p->front.routes);
	breaker_free(p->front.breaker);
	cache_async_free(p->front.cache);
	domain_book_free(p->front.book);
	free(p->redis_setup);
}

int
front_main(int parent_fd, const int *map_fds, size_t map_count,
    const int *access_fds, size_t access_count)
{
	static const struct child_callbacks callbacks = {
		.on_settings = on_settings,
		.on_peer = on_peer,
		.on_frame = on_frame,
		.on_leave = on_leave,
		.on_stop = on_stop,
	};
	static struct front_process process;

	process.fds[0] = map_fds;
	process.fds[1] = access_fds;
	process.fd_counts[0] = map_count;
	process.fd_counts[1] = access_count;
	return child_run(ROLE_FRONT, parent_fd, &callbacks, &process);
}
