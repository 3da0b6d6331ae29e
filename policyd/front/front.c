/*
 * The front: one loop that answers Postfix.  Here its parts are put together,
 * and the site is judged: what our Postfix can do decides what it may be told.
 */

#include "policyd/front/front.h"

#include <sys/resource.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/front/access_service.h"
#include "policyd/front/cache_async.h"
#include "policyd/front/client.h"
#include "policyd/front/domain_book.h"
#include "policyd/front/domain_lookup.h"
#include "policyd/front/listener.h"
#include "policyd/front/map_service.h"
#include "policyd/front/question.h"
#include "policyd/process/child.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define LISTENERS_MAX	64
#define LEAVE_CHECK_MS	50
#define SPARE_FDS	128	/* beside the connections */
#define LOOPBACK	"127.0.0.0/8 [::1]/128"

struct front_process {
	struct front		 front;		/* first */
	const int		*fds[2];	/* map, access */
	size_t			 fd_counts[2];
	struct listener		*listeners[LISTENERS_MAX];
	size_t			 listener_count;
	struct event		*leave_check;
	struct network_list	 own_networks;	/* of the option */
	char			*redis_setup;	/* what the cache was made of */
};

int64_t
front_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (int64_t)now.tv_sec;
}

/* ---------------------------------------------------------------- the site */

/* Whether our Postfix can be told of DANE, and if not, why, for people. */
static enum fact_state
judge_dane(const struct front *front, const char **why)
{
	const struct site *site = front->settings->site;

	*why = "dane = off";
	if (front->settings->config->dane == CONFIG_DANE_OFF)
		return FACT_ABSENT;
	*why = "Postfix has not been asked yet";
	if (!site->is_known && site->message == NULL)
		return FACT_UNKNOWN;
	*why = site->message;
	if (!site->is_known)
		return FACT_ABSENT;
	*why = "Postfix lacks smtp_dns_support_level = dnssec, or dns in "
	    "smtp_host_lookup";
	if (!site->can_dane)
		return FACT_ABSENT;
	*why = front->resolver_detail;
	if (front->validates == SCOUT_CHECK_NO ||
	    front->postfix_ad == SCOUT_CHECK_NO)
		return FACT_ABSENT;
	if (front->validates == SCOUT_CHECK_UNKNOWN ||
	    front->postfix_ad == SCOUT_CHECK_UNKNOWN)
		return FACT_UNKNOWN;
	*why = "";
	return FACT_PRESENT;
}

static enum tls_level
site_level(const struct settings *settings)
{
	enum tls_level level = settings->site->smtp_tls_level;

	if (settings->config->site_tls_level[0] != '\0')
		tls_level_parse(text_of(settings->config->site_tls_level),
		    &level);
	return level;
}

void
front_judge_site(struct front *front)
{
	const struct config *config = front->settings->config;
	enum fact_state before = front->site.dane;
	const char *why;

	front->site.dane = judge_dane(front, &why);
	front->site.level = site_level(front->settings);
	front->site.has_fallback_relay =
	    front->settings->site->has_fallback_relay;
	front->site.next_hops_vary = front->settings->site->next_hops_vary;
	front->site.is_strict = config->strict;
	front->site.stale_ttl_s = config->stale_ttl_s;
	front->site.good_ttl_s = config->good_ttl_s;
	front->site.bad_ttl_s = config->bad_ttl_s;
	front->site.reprobe_after_s = config->reprobe_after_s;
	front->generation++;
	if (front->site.dane == before)
		return;
	domain_lookups_on_site(front->lookups);
	if (front->site.dane == FACT_ABSENT &&
	    config->dane != CONFIG_DANE_OFF)
		log_warn("DANE is off, MTA-STS alone applies: reason=%s", why);
	else if (front->site.dane == FACT_PRESENT)
		log_info("DANE is on");
}

bool
front_is_private(const struct front *front, const char *name)
{
	struct text rest = text_of(front->settings->config->private_zones);
	struct text zone;
	char normal[HOST_NAME_SIZE];
	const char *why;

	if (host_name_is_private(name))
		return true;
	while (text_next_item(&rest, &zone))
		if (host_name_normalize(zone, normal, &why) == 0 &&
		    host_name_is_below(name, normal))
			return true;
	return false;
}

bool
front_owns_domain(const struct front *front, const char *name)
{
	struct text rest = text_of(front->settings->config->own_domains);
	struct text domain;
	char normal[HOST_NAME_SIZE];
	const char *why;

	if (rest.len == 0)
		return site_owns_domain(front->settings->site, name);
	while (text_next_item(&rest, &domain))
		if (host_name_normalize(domain, normal, &why) == 0 &&
		    strcmp(name, normal) == 0)
			return true;
	return false;
}

struct facts *
front_facts(const struct book_entry *entry, const struct next_hop *hop)
{
	struct facts *facts = NULL;
	const char *why;

	if (entry != NULL && entry->record != NULL)
		facts = facts_parse((struct text){ entry->record,
		    entry->record_bytes }, &why);
	return facts != NULL ? facts : facts_new(hop);
}

void
front_decide(const struct front *front, const struct facts *facts,
    struct tls_decision *out)
{
	int64_t now = front_now();

	tls_decision_make(facts, domain_rules_match(front->settings->rules,
	    facts->hop.name, RULE_OUT, now), &front->site, now, out);
}

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
	struct buffer setup;

	buffer_init(&setup, 65536);
	buffer_addf(&setup, "%s %s %s", config->redis, config->redis_user,
	    settings->redis_password != NULL ? settings->redis_password : "");
	if (p->redis_setup != NULL &&
	    strcmp(p->redis_setup, buffer_text(&setup)) == 0) {
		buffer_clear(&setup);
		return;
	}
	free(p->redis_setup);
	p->redis_setup = buffer_take(&setup);
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

/* The option, or what postconf said, or while nothing is known this host. */
static void
set_own_networks(struct front_process *p, const struct settings *settings)
{
	const char *option = settings->config->own_networks, *why;
	size_t skipped;

	p->front.own_networks = &settings->site->own_networks;
	if (option[0] == '\0' && settings->site->is_known)
		return;
	if (option[0] == '\0')
		option = LOOPBACK;
	network_list_clear(&p->own_networks);
	if (network_list_parse(text_of(option), &p->own_networks, &skipped,
	    &why) == 0)
		p->front.own_networks = &p->own_networks;
	else
		log_error("own_networks is not used: reason=%s", why);
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
on_settings(struct child *child, const struct settings *settings)
{
	struct front_process *p = child->arg;
	struct front *front = &p->front;
	const struct config *config = settings->config;
	bool is_first = front->settings == NULL;

	front->child = child;
	front->settings = settings;
	set_own_networks(p, settings);
	set_up_cache(p, settings);
	if (is_first) {
		front->book = domain_book_new(config->cache_entries,
		    config->cache_bytes);
		front->lookups = domain_lookups_new(front);
		front->clients = clients_new(child->base,
		    connection_max(config));
	} else {
		domain_book_set_limits(front->book, config->cache_entries,
		    config->cache_bytes);
		clients_set_max(front->clients, connection_max(config));
	}
	front_judge_site(front);
	if (is_first)
		open_listeners(p);
}

static void
on_peer(struct child *child, enum role peer)
{
	struct front_process *p = child->arg;

	if (peer == ROLE_SCOUT && p->front.lookups != NULL)
		domain_lookups_on_scout(p->front.lookups);
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
	front_judge_site(front);
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
	else if (peer == ROLE_SCOUT && frame->type == MESSAGE_RESOLVER)
		on_resolver(&p->front, frame->payload);
	else if (peer == ROLE_CLERK && frame->type == MESSAGE_QUESTION)
		question_answer(&p->front, frame);
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
	cache_async_free(p->front.cache);
	domain_book_free(p->front.book);
	network_list_clear(&p->own_networks);
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
