/*
 * libunbound in its thread mode, read on the loop through ub_fd().  Its
 * contexts cannot be changed once used and their caches not emptied, so a new
 * one replaces the old, which ends with its last question.
 */

#include "policyd/scout/dns.h"

#include <sys/queue.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <unbound.h>

#include "shared/io/log.h"
#include "shared/xalloc.h"

#define CLASS_IN	1
#define RCODE_NOERROR	0
#define RCODE_NXDOMAIN	3
#define SERVER_MAX_BYTES 63
#define FLUSH_PAUSE_S	10	/* a context costs a thread and its cache */
#define RESOLV_CONF	"/etc/resolv.conf"

struct dns_context {
	LIST_ENTRY(dns_context)	 entry;
	struct dns		*dns;
	struct ub_ctx		*ub;
	struct event		*readable;
	/* Ends a retired context outside of libunbound's own calls. */
	struct event		*reaper;
	unsigned		 query_count;
	bool			 is_retired;
};

struct dns_query {
	LIST_ENTRY(dns_query)	 entry;
	struct dns_context	*context;	/* NULL: not asked */
	int			 id;		/* libunbound's */
	struct event		*timer;
	const char		*why;		/* what the timer says */
	dns_cb			*callback;
	void			*arg;
};

struct dns {
	struct event_base	*base;
	char			*servers, *trust_anchor;
	bool			 is_validating;
	struct timeval		 flushed_at;
	struct stat		 resolv_conf;	/* when it was read */
	struct dns_context	*current;	/* NULL: error says why not */
	char			 error[DNS_ERROR_MAX_BYTES + 1];
	LIST_HEAD(, dns_context) contexts;
	LIST_HEAD(, dns_query)	 queries;
};

/* -------------------------------------------------------------- contexts */

static void
context_free(struct dns_context *c)
{
	LIST_REMOVE(c, entry);
	event_free(c->reaper);
	if (c->readable != NULL)
		event_free(c->readable);
	ub_ctx_delete(c->ub);		/* joins its thread */
	free(c);
}

static void
context_reap(evutil_socket_t fd, short events, void *arg)
{
	struct dns_context *c = arg;

	(void)fd;
	(void)events;
	if (c->is_retired && c->query_count == 0)
		context_free(c);
}

static void
context_retire(struct dns_context *c)
{
	if (c == NULL)
		return;
	c->is_retired = true;
	if (c->query_count == 0)
		event_active(c->reaper, EV_TIMEOUT, 0);
}

static int	dns_renew(struct dns *dns);

static void
context_on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct dns_context *c = arg;
	int error;

	(void)fd;
	(void)events;
	error = ub_process(c->ub);
	if (error == 0)
		return;
	/* Its thread is gone; what was asked fails by its timers. */
	log_error("resolver library failed: reason=%s", ub_strerror(error));
	event_del(c->readable);
	if (c->dns->current == c)
		dns_renew(c->dns);
}

/* The library answers these itself, with NXDOMAIN, unless they are removed. */
static const char *const builtin_zones[] = {
	"localhost.", "test.", "invalid.", "onion.", "home.arpa."
};

static const struct {
	const char *name, *value;
} context_options[] = {
	{ "do-not-query-localhost:",	"no" },
	{ "unblock-lan-zones:",		"yes" },
	{ "msg-cache-size:",		"8m" },
	{ "rrset-cache-size:",		"16m" },
	{ "key-cache-size:",		"4m" },
	{ "outgoing-range:",		"256" },
	{ "num-queries-per-thread:",	"1024" },
};

static int
set_servers(struct ub_ctx *ub, const char *servers, char *error, size_t size)
{
	struct text rest = text_of(servers), server;
	char one[SERVER_MAX_BYTES + 1];
	size_t count = 0, len;
	int result;

	while (rest.len > 0) {
		len = strcspn(rest.data, " \t\r\n,");
		server = (struct text){ rest.data, len };
		rest.data += len < rest.len ? len + 1 : len;
		rest.len -= len < rest.len ? len + 1 : len;
		if (len == 0)
			continue;
		text_quote(one, sizeof(one), server);
		result = ub_ctx_set_fwd(ub, one);
		if (result != 0) {
			snprintf(error, size, "dns_servers: \"%s\" is no "
			    "address[@port]", one);
			return -1;
		}
		count++;
	}
	if (count > 0)
		return 0;
	result = ub_ctx_resolvconf(ub, RESOLV_CONF);
	if (result != 0)
		snprintf(error, size, RESOLV_CONF ": %s", ub_strerror(result));
	return result == 0 ? 0 : -1;
}

static int
set_trust_anchor(struct ub_ctx *ub, const char *path, char *error, size_t size)
{
	static const char *const places[] = {
		"/usr/share/dns/root.key",	/* Debian, dns-root-data */
		"/var/lib/unbound/root.key",	/* RHEL, Fedora */
		"/usr/local/etc/unbound/root.key"
	};
	size_t i;
	int result;

	for (i = 0; path[0] == '\0' && i < sizeof(places) / sizeof(places[0]);
	    i++)
		if (access(places[i], R_OK) == 0)
			path = places[i];
	if (path[0] == '\0') {
		snprintf(error, size, "no trust anchor for DNSSEC: %s is "
		    "missing (package dns-root-data), or set dns_trust_anchor",
		    places[0]);
		return -1;
	}
	if (access(path, R_OK) == -1) {
		snprintf(error, size, "dns_trust_anchor: %s cannot be read",
		    path);
		return -1;
	}
	result = ub_ctx_add_ta_file(ub, path);
	if (result != 0)
		snprintf(error, size, "dns_trust_anchor: %s: %s", path,
		    ub_strerror(result));
	return result == 0 ? 0 : -1;
}

static int
set_options(struct ub_ctx *ub, const struct dns *dns, char *error, size_t size)
{
	size_t i;
	int result;

	ub_ctx_debugout(ub, NULL);
	result = ub_ctx_async(ub, 1);
	for (i = 0; result == 0 &&
	    i < sizeof(context_options) / sizeof(context_options[0]); i++)
		result = ub_ctx_set_option(ub, context_options[i].name,
		    context_options[i].value);
	if (result != 0) {
		snprintf(error, size, "libunbound: %s", ub_strerror(result));
		return -1;
	}
	if (set_servers(ub, dns->servers, error, size) == -1)
		return -1;
	if (dns->is_validating &&
	    set_trust_anchor(ub, dns->trust_anchor, error, size) == -1)
		return -1;
	/* This finalizes the context: nothing can be set behind it. */
	for (i = 0; result == 0 &&
	    i < sizeof(builtin_zones) / sizeof(builtin_zones[0]); i++)
		result = ub_ctx_zone_remove(ub, builtin_zones[i]);
	if (result != 0) {
		snprintf(error, size, "libunbound (trust anchor %s): %s",
		    dns->trust_anchor[0] != '\0' ? dns->trust_anchor :
		    "of the system", ub_strerror(result));
		return -1;
	}
	return 0;
}

/* A new context by the options that are set; the old one retires. */
static int
dns_renew(struct dns *dns)
{
	struct dns_context *c;
	struct ub_ctx *ub = ub_ctx_create();

	context_retire(dns->current);
	dns->current = NULL;
	dns->error[0] = '\0';
	event_base_gettimeofday_cached(dns->base, &dns->flushed_at);
	stat(RESOLV_CONF, &dns->resolv_conf);
	if (ub == NULL) {
		snprintf(dns->error, sizeof(dns->error),
		    "libunbound cannot start");
		return -1;
	}
	if (set_options(ub, dns, dns->error, sizeof(dns->error)) == -1) {
		ub_ctx_delete(ub);
		return -1;
	}
	c = xcalloc(1, sizeof(*c));
	c->dns = dns;
	c->ub = ub;
	c->reaper = event_new(dns->base, -1, 0, context_reap, c);
	c->readable = event_new(dns->base, ub_fd(ub), EV_READ | EV_PERSIST,
	    context_on_readable, c);
	event_add(c->readable, NULL);
	LIST_INSERT_HEAD(&dns->contexts, c, entry);
	dns->current = c;
	return 0;
}

struct dns *
dns_new(struct event_base *base)
{
	struct dns *dns = xcalloc(1, sizeof(*dns));

	dns->base = base;
	dns->servers = xstrdup("");
	dns->trust_anchor = xstrdup("");
	snprintf(dns->error, sizeof(dns->error), "DNS is not configured");
	LIST_INIT(&dns->contexts);
	LIST_INIT(&dns->queries);
	return dns;
}

void
dns_free(struct dns *dns)
{
	if (dns == NULL)
		return;
	while (!LIST_EMPTY(&dns->queries))
		dns_cancel(LIST_FIRST(&dns->queries));
	while (!LIST_EMPTY(&dns->contexts))
		context_free(LIST_FIRST(&dns->contexts));
	free(dns->servers);
	free(dns->trust_anchor);
	free(dns);
}

int
dns_configure(struct dns *dns, const struct dns_options *options,
    char error[DNS_ERROR_MAX_BYTES + 1])
{
	free(dns->servers);
	free(dns->trust_anchor);
	dns->servers = xstrdup(options->servers);
	dns->trust_anchor = xstrdup(options->trust_anchor);
	dns->is_validating = options->is_validating;
	if (dns_renew(dns) == -1) {
		memcpy(error, dns->error, sizeof(dns->error));
		return -1;
	}
	return 0;
}

void
dns_flush(struct dns *dns)
{
	struct timeval now;

	event_base_gettimeofday_cached(dns->base, &now);
	if (now.tv_sec >= dns->flushed_at.tv_sec &&
	    now.tv_sec - dns->flushed_at.tv_sec < FLUSH_PAUSE_S)
		return;
	dns_renew(dns);
}

/* The library reads the file once; Postfix follows it, and so do we. */
static bool
resolv_conf_has_changed(const struct dns *dns)
{
	struct stat now;

	return dns->servers[0] == '\0' && stat(RESOLV_CONF, &now) == 0 &&
	    (now.st_ino != dns->resolv_conf.st_ino ||
	    now.st_mtim.tv_sec != dns->resolv_conf.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != dns->resolv_conf.st_mtim.tv_nsec);
}

/* --------------------------------------------------------------- queries */

static void
query_free(struct dns_query *q)
{
	struct dns_context *c = q->context;

	LIST_REMOVE(q, entry);
	event_free(q->timer);
	free(q);
	if (c != NULL && --c->query_count == 0 && c->is_retired)
		event_active(c->reaper, EV_TIMEOUT, 0);
}

/* Frees the query before it tells: the callee may free all. */
static void
query_finish(struct dns_query *q, const struct dns_answer *answer)
{
	dns_cb *callback = q->callback;
	void *arg = q->arg;

	query_free(q);
	callback(answer, arg);
}

static void
query_on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct dns_query *q = arg;
	struct dns_answer answer = { .result = DNS_FAILED, .why = q->why };

	(void)fd;
	(void)events;
	if (q->context != NULL)
		ub_cancel(q->context->ub, q->id);
	query_finish(q, &answer);
}

static const char *
rcode_words(int rcode)
{
	switch (rcode) {
	case 1:
		return "the resolver answered FORMERR";
	case 2:
		return "no usable answer (SERVFAIL)";
	case 4:
		return "the resolver answered NOTIMP";
	case 5:
		return "the resolver refused the question";
	default:
		return "the resolver answered with an error";
	}
}

static void
answer_read_alias(const struct ub_result *result, struct dns_answer *answer)
{
	const char *why;

	if (result->canonname == NULL)
		return;
	answer->is_alias = true;
	/* The library writes what is no letter as '?', which no name holds. */
	if (host_name_normalize(text_of(result->canonname), answer->alias_end,
	    &why) == -1)
		answer->alias_end[0] = '\0';
}

static void
query_on_answer(void *arg, int error, struct ub_result *result)
{
	struct dns_query *q = arg;
	struct dns_answer answer = { .result = DNS_FAILED, .why = "" };
	struct text *records = NULL;
	size_t i, count = 0;

	if (error != 0 || result == NULL)
		answer.why = ub_strerror(error);
	else if (result->bogus) {
		answer.result = DNS_BOGUS;
		answer.why = result->why_bogus != NULL ? result->why_bogus :
		    "signatures do not validate";
	} else if (result->rcode == RCODE_NXDOMAIN ||
	    result->rcode == RCODE_NOERROR) {
		answer.result = result->havedata ? DNS_PRESENT : DNS_ABSENT;
		answer.is_nxdomain = result->rcode == RCODE_NXDOMAIN;
		answer.is_secure = result->secure != 0;
		answer.ttl_s = result->ttl > 0 ? (uint32_t)result->ttl : 0;
		answer_read_alias(result, &answer);
	} else
		answer.why = rcode_words(result->rcode);
	if (answer.result == DNS_PRESENT) {
		while (result->data[count] != NULL)
			count++;
		records = xcalloc(count, sizeof(*records));
		for (i = 0; i < count; i++)
			records[i] = (struct text){ result->data[i],
			    (size_t)result->len[i] };
		answer.records = records;
		answer.record_count = count;
	}
	query_finish(q, &answer);
	free(records);
	ub_resolve_free(result);
}

struct dns_query *
dns_start(struct dns *dns, enum dns_type type, const char *name,
    dns_cb *callback, void *arg)
{
	struct dns_query *q = xcalloc(1, sizeof(*q));
	struct timeval timeout = { DNS_TIMEOUT_S, 0 }, at_once = { 0, 0 };
	struct dns_context *c;
	int error = 0;

	if (resolv_conf_has_changed(dns))
		dns_renew(dns);
	c = dns->current;
	q->callback = callback;
	q->arg = arg;
	q->timer = evtimer_new(dns->base, query_on_timer, q);
	LIST_INSERT_HEAD(&dns->queries, q, entry);
	if (c != NULL)
		error = ub_resolve_async(c->ub, name, (int)type, CLASS_IN, q,
		    query_on_answer, &q->id);
	if (c == NULL || error != 0) {
		q->why = c == NULL ? dns->error : ub_strerror(error);
		evtimer_add(q->timer, &at_once);
		return q;
	}
	q->why = "no answer within 5 seconds";
	q->context = c;
	c->query_count++;
	evtimer_add(q->timer, &timeout);
	return q;
}

void
dns_cancel(struct dns_query *q)
{
	if (q == NULL)
		return;
	if (q->context != NULL)
		ub_cancel(q->context->ub, q->id);
	query_free(q);
}

