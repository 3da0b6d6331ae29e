/*
 * The way of a mail.  What to ask next is known by route.c alone: it is asked
 * again from its begin whenever tables have answered, which costs little, as
 * postmap.c remembers.
 */

#include "policyd/clerk/next_hops.h"

#include <sys/queue.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/postmap.h"
#include "policyd/process/settings.h"
#include "shared/io/clock.h"
#include "shared/xalloc.h"

/* Somebody's question; the texts stand behind it. */
struct wait {
	TAILQ_ENTRY(wait)	 next;
	struct route_question	 q;
	int64_t			 deadline_ms;
	next_hops_cb		*callback;
	uint64_t		 number;
	void			*arg;
	char			 texts[];
};
TAILQ_HEAD(waits, wait);

struct next_hops {
	const struct settings	*settings;
	struct postmap		*postmap;
	struct waits		 waits;		/* the oldest first */
	unsigned		 wait_count;
	struct event		*timer;	/* of the oldest, or at once */
};

static void
wait_free(struct next_hops *hops, struct wait *w)
{
	TAILQ_REMOVE(&hops->waits, w, next);
	hops->wait_count--;
	free(w);
}

static void
set_timer(struct next_hops *hops, int64_t ms)
{
	struct timeval delay = { ms / 1000, ms % 1000 * 1000 };

	event_add(hops->timer, &delay);
}

/* Looks at each question once more; what is late is unknown. */
static void
next_hops_advance(void *arg)
{
	struct next_hops *hops = arg;
	struct route_options options;
	int64_t now_ms = clock_monotonic_ms();
	struct wait *w, *next;
	struct route route;

	if (hops->settings == NULL)
		return;
	options = settings_route_options(hops->settings);
	for (w = TAILQ_FIRST(&hops->waits); w != NULL; w = next) {
		next = TAILQ_NEXT(w, next);
		if (!route_find(hops->settings->site, &options, &w->q,
		    postmap_lookup, hops->postmap, &route)) {
			if (w->deadline_ms > now_ms)
				continue;
			route.transport.kind = TRANSPORT_UNKNOWN;
			route.transport.because = "tables that take too long";
		}
		w->callback(&route, w->number, w->arg);
		wait_free(hops, w);
	}
	w = TAILQ_FIRST(&hops->waits);
	if (w != NULL)
		set_timer(hops, w->deadline_ms > now_ms ?
		    w->deadline_ms - now_ms : 0);
}

static void
next_hops_on_timer(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	next_hops_advance(arg);
}

struct next_hops *
next_hops_new(struct event_base *base)
{
	struct next_hops *hops = xcalloc(1, sizeof(*hops));

	TAILQ_INIT(&hops->waits);
	hops->postmap = postmap_new(base, next_hops_advance, hops);
	hops->timer = evtimer_new(base, next_hops_on_timer, hops);
	return hops;
}

void
next_hops_free(struct next_hops *hops)
{
	struct wait *w;

	if (hops == NULL)
		return;
	while ((w = TAILQ_FIRST(&hops->waits)) != NULL)
		wait_free(hops, w);
	postmap_free(hops->postmap);
	event_free(hops->timer);
	free(hops);
}

void
next_hops_set_settings(struct next_hops *hops, const struct settings *settings)
{
	hops->settings = settings;
	postmap_forget(hops->postmap);
	if (settings->site->instance_count > 0)
		postmap_set_queue_dir(hops->postmap, instance_get(
		    &settings->site->instances[0], SETTING_QUEUE_DIRECTORY));
	set_timer(hops, 0);
}

static struct text
keep(char **at, struct text t)
{
	struct text copy = { t.data == NULL ? NULL : *at, t.len };

	if (t.len > 0)
		memcpy(*at, t.data, t.len);
	*at += t.len;
	return copy;
}

void
next_hops_ask(struct next_hops *hops, const struct route_question *q,
    next_hops_cb *callback, uint64_t number, void *arg)
{
	struct wait *w = xcalloc(1, sizeof(*w) + q->client.len +
	    q->sender.len + q->recipient.len + 1);
	bool is_too_many = hops->wait_count >= NEXT_HOPS_WAITING_MAX;
	char *at = w->texts;

	w->q.client = keep(&at, q->client);
	w->q.sender = keep(&at, q->sender);
	w->q.recipient = keep(&at, q->recipient);
	w->deadline_ms = clock_monotonic_ms() + (is_too_many ? 0 :
	    NEXT_HOPS_WAIT_MS);
	w->callback = callback;
	w->number = number;
	w->arg = arg;
	TAILQ_INSERT_TAIL(&hops->waits, w, next);
	hops->wait_count++;
	set_timer(hops, 0);
}

const char *
next_hops_failing_table(const struct next_hops *hops)
{
	return postmap_failing(hops->postmap);
}

void
next_hops_forget(struct next_hops *hops, next_hops_cb *callback)
{
	struct wait *w, *next;

	for (w = TAILQ_FIRST(&hops->waits); w != NULL; w = next) {
		next = TAILQ_NEXT(w, next);
		if (w->callback == callback)
			wait_free(hops, w);
	}
}
