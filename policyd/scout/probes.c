/*
 * The queue of probes.  All that begins is begun by the pump, an event of its
 * own, so that no function here calls back before it returns.
 */

#include "policyd/scout/probes.h"

#include <sys/queue.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "policyd/process/settings.h"
#include "policyd/scout/dns.h"
#include "policyd/scout/mx_trust.h"
#include "policyd/scout/observe.h"
#include "policyd/scout/smtp_probe.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/postfix/tls_protocols.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define KNOWN_MAX	1000	/* intermediates seen at hosts */
#define MINUTE_MS	60000

/* How TLS is tried: the next one after a refusal, until one stands. */
enum attempt {
	ATTEMPT_STRICT,		/* as Postfix where it verifies */
	ATTEMPT_LAX,		/* as Postfix where it takes what comes */
	ATTEMPT_WEAK, ATTEMPT_ANONYMOUS,	/* as nobody should */
	ATTEMPT_COUNT
};

struct probe {
	TAILQ_ENTRY(probe)	 entry;		/* waiting or running */
	struct probes		*probes;
	struct probe_request	 request;
	bool			 is_refused;	/* too many were waiting */
	struct dns_query	*query;
	struct smtp_probe	*conversation;
	enum attempt		 attempt;
	struct smtp_seen	*refused;	/* what the first one saw */
	struct observe_tlsa	 tlsa;
	uint64_t		*askers;	/* numbers of their frames */
	size_t			 asker_count;
};

TAILQ_HEAD(probe_list, probe);

struct probes {
	struct event_base	*base;
	struct dns		*dns;
	struct smtp_prober	*prober;
	probes_tell_cb		*tell;
	void			*arg;
	bool			 is_validating;
	struct event		*pump;
	struct probe_list	 waiting, running;
	unsigned		 waiting_count, running_count;

	/* may begin now, in 1/MINUTE_MS of a probe */
	uint64_t		 allowance;
	int64_t			 allowance_ms;	/* when it was right */
	unsigned		 rate;		/* a minute */

	struct cert_store	*store, *known;
	uint64_t		 known_hashes[KNOWN_MAX];
	size_t			 known_count;
	struct network_list	 allowed;
	char			 own_name[HOST_NAME_SIZE];	/* uname's */
	char			 helo[HOST_NAME_SIZE];
	char			*mandatory_protocols;
};

/* ------------------------------------------------------------------ ending */

static void
probe_free(struct probe *p)
{
	dns_cancel(p->query);
	smtp_probe_cancel(p->conversation);
	free(p->refused);
	free(p->tlsa.block);
	free(p->askers);
	free(p);
}

static void
probes_pump_soon(struct probes *ps)
{
	event_active(ps->pump, EV_TIMEOUT, 0);
}

static bool
probes_know(const struct probes *ps, uint64_t hash)
{
	size_t i;

	for (i = 0; i < ps->known_count; i++)
		if (ps->known_hashes[i] == hash)
			return true;
	return false;
}

/* An intermediate that one host sends tells what another forgot to send. */
static void
probes_learn(struct probes *ps, const struct cert_chain *chain)
{
	static const struct siphash_key key = { 0, 0 };
	uint64_t hash;
	size_t i;

	for (i = 1; i < chain->count && ps->known_count < KNOWN_MAX; i++) {
		hash = siphash(&key, chain->certs[i].data,
		    chain->certs[i].len);
		if (!probes_know(ps, hash) && cert_store_add_der(ps->known,
		    (struct text){ chain->certs[i].data,
		    chain->certs[i].len }))
			ps->known_hashes[ps->known_count++] = hash;
	}
}

static void
probe_log(const struct probe *p, const struct smtp_seen *seen,
    enum finding finding, const char *words)
{
	char address[ADDRESS_TEXT_SIZE];
	bool is_news = finding != FINDING_OK &&
	    p->request.manner == PROBE_AS_POSTFIX;

	(is_news ? log_info : log_debug)("probed: host=%s[%s]:%u, finding=%s, "
	    "stage=%s%s%s%s%s%s", p->request.host,
	    address_format(&p->request.address, address), p->request.port,
	    finding_name(finding), probe_stage_name(seen->stage),
	    seen->protocol[0] != '\0' ? ", protocol=" : "", seen->protocol,
	    words[0] != '\0' ? " (" : "", words, words[0] != '\0' ? ")" : "");
}

/* Takes p from its list and tells what was seen. */
static void
probe_finish(struct probe *p, const struct smtp_seen *seen)
{
	struct probes *ps = p->probes;
	struct observe_with with = {
		.now = clock_now_s(), .store = ps->store, .known = ps->known,
		.mandatory_protocols = ps->mandatory_protocols,
		.refusal = p->refused != NULL ? p->refused->words : NULL
	};
	char words[FACTS_ERROR_MAX_BYTES + 1];
	struct buffer payload;
	enum finding finding;
	size_t i;

	buffer_init(&payload, OBSERVATION_MAX_BYTES);
	finding = observe(&p->request, seen, &p->tlsa, &with, &payload, words);
	assert(!payload.is_overfull);
	probe_log(p, seen, finding, words);
	if (finding == FINDING_OK)
		probes_learn(ps, &seen->chain);
	for (i = 0; i < p->asker_count; i++)
		ps->tell(p->askers[i],
		    (struct text){ payload.data, payload.len }, ps->arg);
	buffer_clear(&payload);
	probe_free(p);
	probes_pump_soon(ps);
}

static void	probe_on_seen(const struct smtp_seen *seen, void *arg);

static void
probe_converse(struct probe *p)
{
	static const enum probe_manner manners[ATTEMPT_COUNT] = {
		[ATTEMPT_STRICT] = PROBE_AS_POSTFIX,
		[ATTEMPT_LAX] = PROBE_AS_POSTFIX,
		[ATTEMPT_WEAK] = PROBE_WEAK_CIPHERS,
		[ATTEMPT_ANONYMOUS] = PROBE_ANONYMOUS_CIPHERS
	};
	struct probes *ps = p->probes;
	struct probe_request request = p->request;
	struct smtp_probe_manner manner = {
		.helo = ps->helo,
		.newest = tls_protocols_newest(
		    text_of(ps->mandatory_protocols)),
		.is_strict = p->attempt == ATTEMPT_STRICT &&
		    p->request.manner == PROBE_AS_POSTFIX
	};

	if (p->request.manner == PROBE_AS_POSTFIX)
		request.manner = manners[p->attempt];
	p->conversation = smtp_probe_start(ps->prober, &request, &manner,
	    probe_on_seen, p);
}

/*
 * True when TLS is to be tried in another way.  What does not stand where
 * Postfix verifies may stand where it takes what comes: then it is known what
 * the host has, and for whom it is good enough.
 */
static bool
probe_tries_again(struct probe *p, const struct smtp_seen *seen)
{
	if (p->request.manner != PROBE_AS_POSTFIX ||
	    p->attempt + 1 == ATTEMPT_COUNT || seen->finding == FINDING_OK)
		return false;
	if (p->refused == NULL && !seen->was_refused)
		return false;
	/* There was no handshake: what it owns is nothing. */
	if (p->refused == NULL)
		p->refused = xmemdup(seen, sizeof(*seen));
	p->attempt++;
	return true;
}

static void
probe_on_seen(const struct smtp_seen *seen, void *arg)
{
	struct probe *p = arg;

	p->conversation = NULL;
	if (probe_tries_again(p, seen)) {
		probe_converse(p);
		return;
	}
	if (p->attempt > ATTEMPT_LAX && seen->finding == FINDING_OK) {
		p->refused->finding = FINDING_CIPHER_WEAK;
		facts_set_error(p->refused->words, "%s: %s at best",
		    finding_words(FINDING_CIPHER_WEAK), seen->cipher);
	}
	if (p->attempt > ATTEMPT_LAX)
		seen = p->refused;
	TAILQ_REMOVE(&p->probes->running, p, entry);
	p->probes->running_count--;
	probe_finish(p, seen);
}

/* ------------------------------------------- TLSA (RFC 7672, 2.2.2 and 3.1) */

static void
tlsa_keep(struct observe_tlsa *tlsa, const struct dns_answer *answer)
{
	size_t i, len = 0;
	char *at;

	for (i = 0; i < answer->record_count; i++)
		len += answer->records[i].len;
	at = tlsa->block = xcalloc(1, len + 1);
	for (i = 0; i < answer->record_count; i++) {
		memcpy(at, answer->records[i].data, answer->records[i].len);
		if (tlsa->count < OBSERVED_TLSA_MAX &&
		    tlsa_parse((struct text){ at, answer->records[i].len },
		    &tlsa->records[tlsa->count]))
			tlsa->count++;
		at += answer->records[i].len;
	}
	tlsa->state = tlsa->count > 0 ? OBSERVED_DANE_MATCH :
	    OBSERVED_DANE_UNUSABLE;
}

static void	probe_ask_tlsa(struct probe *p);

static void
probe_on_tlsa(const struct dns_answer *answer, void *arg)
{
	struct probe *p = arg;
	bool is_alias_end = strcmp(p->tlsa.base, p->request.host) != 0;

	p->query = NULL;
	if (answer->result == DNS_PRESENT && answer->is_secure)
		tlsa_keep(&p->tlsa, answer);
	else if (answer->result == DNS_ABSENT && is_alias_end) {
		memcpy(p->tlsa.base, p->request.host, sizeof(p->tlsa.base));
		probe_ask_tlsa(p);
		return;
	} else if (answer->result == DNS_PRESENT ||
	    answer->result == DNS_ABSENT)
		p->tlsa.state = OBSERVED_DANE_NONE;
	probe_converse(p);
}

static void
probe_ask_tlsa(struct probe *p)
{
	char name[HOST_NAME_SIZE + sizeof("_65535._tcp.")];

	snprintf(name, sizeof(name), "_%u._tcp.%s", p->request.port,
	    p->tlsa.base);
	p->query = dns_start(p->probes->dns, DNS_TLSA, name, probe_on_tlsa, p);
}

/* Only a host whose addresses are signed can have TLSA records that count. */
static void
probe_on_address(const struct dns_answer *answer, void *arg)
{
	struct probe *p = arg;

	p->query = NULL;
	if (answer->result == DNS_PRESENT && answer->is_secure) {
		memcpy(p->tlsa.base, answer->is_alias &&
		    answer->alias_end[0] != '\0' ? answer->alias_end :
		    p->request.host, sizeof(p->tlsa.base));
		probe_ask_tlsa(p);
		return;
	}
	if (answer->result == DNS_PRESENT || answer->result == DNS_ABSENT)
		p->tlsa.state = OBSERVED_DANE_NONE;
	probe_converse(p);
}

/* --------------------------------------------------------------- beginning */

static bool
probe_is_permitted(const struct probe *p)
{
	return !address_is_special(&p->request.address) ||
	    network_list_contains(&p->probes->allowed, &p->request.address);
}

/* Ends a waiting one without a conversation. */
static void
probe_refuse(struct probe *p, enum finding finding, const char *words)
{
	struct smtp_seen seen = { .finding = finding };

	TAILQ_REMOVE(&p->probes->waiting, p, entry);
	p->probes->waiting_count--;
	facts_set_error(seen.words, "%s", words);
	probe_finish(p, &seen);
}

static void
probe_begin(struct probe *p)
{
	struct probes *ps = p->probes;

	TAILQ_REMOVE(&ps->waiting, p, entry);
	ps->waiting_count--;
	TAILQ_INSERT_TAIL(&ps->running, p, entry);
	ps->running_count++;
	if (ps->is_validating && p->request.manner == PROBE_AS_POSTFIX)
		p->query = dns_start(ps->dns, p->request.address.family == 4 ?
		    DNS_A : DNS_AAAA, p->request.host, probe_on_address, p);
	else
		probe_converse(p);
}

/* Several names may be one machine. */
static bool
host_is_busy(const struct probes *ps, const struct probe_request *request)
{
	const struct probe *p;

	TAILQ_FOREACH(p, &ps->running, entry)
		if (strcmp(p->request.host, request->host) == 0 ||
		    address_equals(&p->request.address, &request->address))
			return true;
	return false;
}

/* False when this minute's are begun; the pump then comes again in time. */
static bool
probes_take_allowance(struct probes *ps)
{
	int64_t now = clock_monotonic_ms();
	uint64_t max = (uint64_t)ps->rate * MINUTE_MS, missing_ms;
	struct timeval wait;

	ps->allowance += (uint64_t)(now - ps->allowance_ms) * ps->rate;
	ps->allowance_ms = now;
	if (ps->allowance > max)
		ps->allowance = max;
	if (ps->allowance < MINUTE_MS) {
		missing_ms = (MINUTE_MS - ps->allowance) / ps->rate + 1;
		wait.tv_sec = (time_t)(missing_ms / 1000);
		wait.tv_usec = (suseconds_t)(missing_ms % 1000 * 1000);
		evtimer_add(ps->pump, &wait);
		return false;
	}
	ps->allowance -= MINUTE_MS;
	return true;
}

static void
probes_on_pump(evutil_socket_t fd, short events, void *arg)
{
	struct probes *ps = arg;
	struct probe *p, *next;

	(void)fd;
	(void)events;
	for (p = TAILQ_FIRST(&ps->waiting); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (p->is_refused)
			probe_refuse(p, FINDING_UNKNOWN,
			    "too many probes are waiting");
		else if (!probe_is_permitted(p))
			probe_refuse(p, FINDING_UNREACHABLE, "a special-use "
			    "address; allow_networks would permit it");
		else if (ps->running_count == PROBES_RUNNING_MAX)
			return;
		else if (host_is_busy(ps, &p->request))
			continue;
		else if (!probes_take_allowance(ps))
			return;
		else
			probe_begin(p);
	}
}

static bool
requests_are_equal(const struct probe_request *a,
    const struct probe_request *b)
{
	return a->port == b->port && a->service == b->service &&
	    a->manner == b->manner && strcmp(a->host, b->host) == 0 &&
	    strcmp(a->domain, b->domain) == 0 &&
	    address_equals(&a->address, &b->address);
}

static struct probe *
probes_find(struct probes *ps, const struct probe_request *request)
{
	struct probe_list *lists[] = { &ps->running, &ps->waiting };
	struct probe *p;
	size_t i;

	for (i = 0; i < 2; i++)
		TAILQ_FOREACH(p, lists[i], entry)
			if (requests_are_equal(&p->request, request))
				return p;
	return NULL;
}

void
probes_start(struct probes *ps, uint64_t number,
    const struct probe_request *request)
{
	struct probe *p = probes_find(ps, request);

	if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
		p->probes = ps;
		p->request = *request;
		p->is_refused = ps->waiting_count >= PROBES_WAITING_MAX;
		TAILQ_INSERT_TAIL(&ps->waiting, p, entry);
		ps->waiting_count++;
	}
	p->askers = xreallocarray(p->askers, p->asker_count + 1,
	    sizeof(*p->askers));
	p->askers[p->asker_count++] = number;
	probes_pump_soon(ps);
}

static void
list_clear(struct probe_list *list)
{
	struct probe *p;

	while ((p = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, p, entry);
		probe_free(p);
	}
}

void
probes_forget_askers(struct probes *ps)
{
	struct probe *p;

	list_clear(&ps->waiting);
	ps->waiting_count = 0;
	TAILQ_FOREACH(p, &ps->running, entry)
		p->asker_count = 0;
}

/* -------------------------------------------------------------------- whole */

struct probes *
probes_new(struct event_base *base, struct dns *dns, probes_tell_cb *tell,
    void *arg)
{
	struct probes *ps = xcalloc(1, sizeof(*ps));

	ps->base = base;
	ps->dns = dns;
	ps->prober = smtp_prober_new(base);
	ps->tell = tell;
	ps->arg = arg;
	ps->is_validating = true;
	ps->pump = evtimer_new(base, probes_on_pump, ps);
	ps->known = cert_store_new();
	ps->mandatory_protocols = xstrdup("");
	ps->allowance_ms = clock_monotonic_ms();
	/* The sandbox will not permit to ask later. */
	if (gethostname(ps->own_name, sizeof(ps->own_name) - 1) == -1)
		ps->own_name[0] = '\0';
	TAILQ_INIT(&ps->waiting);
	TAILQ_INIT(&ps->running);
	return ps;
}

void
probes_free(struct probes *ps)
{
	if (ps == NULL)
		return;
	list_clear(&ps->waiting);
	list_clear(&ps->running);
	smtp_prober_free(ps->prober);
	event_free(ps->pump);
	cert_store_free(ps->store);
	cert_store_free(ps->known);
	network_list_clear(&ps->allowed);
	free(ps->mandatory_protocols);
	free(ps);
}

/* Only what is a name may be said to strangers. */
static void
probes_set_helo(struct probes *ps, const char *myhostname)
{
	const char *why;

	if (myhostname != NULL && host_name_normalize(text_of(myhostname),
	    ps->helo, &why) == 0)
		return;
	if (host_name_normalize(text_of(ps->own_name), ps->helo, &why) == -1)
		snprintf(ps->helo, sizeof(ps->helo), "localhost");
}

static int
probes_set_networks(struct probes *ps, const char *text,
    char error[FACTS_ERROR_MAX_BYTES + 1])
{
	struct network_list allowed;
	const char *why;
	size_t skipped;

	if (network_list_parse(text_of(text), &allowed, &skipped, &why) ==
	    -1) {
		facts_set_error(error, "allow_networks: %s", why);
		return -1;
	}
	network_list_clear(&ps->allowed);
	ps->allowed = allowed;
	return 0;
}

int
probes_configure(struct probes *ps, const struct settings *settings,
    char error[FACTS_ERROR_MAX_BYTES + 1])
{
	const struct config *config = settings->config;
	const struct site *site = settings->site;
	struct cert_store *store = mx_trust_load(config, site, error);

	if (store != NULL) {
		cert_store_free(ps->store);
		ps->store = store;
	}
	probes_set_helo(ps, site->myhostname);
	free(ps->mandatory_protocols);
	ps->mandatory_protocols = xstrdup(site->mandatory_protocols != NULL ?
	    site->mandatory_protocols : "");
	if (ps->rate != config->probe_rate) {
		ps->rate = config->probe_rate;
		ps->allowance = (uint64_t)ps->rate * MINUTE_MS;
	}
	if (probes_set_networks(ps, config->allow_networks, error) == -1)
		return -1;
	return store != NULL ? 0 : -1;
}

void
probes_set_validating(struct probes *ps, bool is_validating)
{
	ps->is_validating = is_validating;
}
