/*
 * Having mail hosts looked at.  Only hosts that a domain's policy permits, only
 * where TLS to them was promised, and a bad one not again before reprobe_after.
 */

#include "policyd/front/host_probe.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "policyd/front/breaker.h"
#include "policyd/front/cache_async.h"
#include "policyd/front/domain_book.h"
#include "policyd/front/host_turn.h"
#include "policyd/front/state.h"
#include "policyd/process/child.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/policy/cert_history.h"
#include "shared/probe_message.h"
#include "shared/xalloc.h"

#define HOSTS_MAX		16	/* of one domain, by preference */
#define ADDRESSES_MAX		4	/* of one host */
#define BEFORE_END_S		600	/* a look ahead of notAfter */
#define CLOCK_SKEW_S		300	/* between hosts of the group */
#define BLOCKED_AFTER		20	/* unreachable in a row, none reached */

/* A host whose turn is waited for. */
struct host_look {
	LIST_ENTRY(host_look)	 next;
	struct host_probes	*probes;
	uint64_t		 number;	/* of the lookup; 0: of none */
	struct next_hop		 hop;
	unsigned		 asked_count;	/* by the lookup */
	size_t			 count;		/* still due */
	struct probe_request	 requests[ADDRESSES_MAX];
};

struct host_probes {
	struct front	*front;
	host_probes_seen_cb *on_seen;
	struct host_turns *turns;
	LIST_HEAD(, host_look) looks;
	unsigned	 unreachable_in_a_row;
};

struct host_probes *
host_probes_new(struct front *front, host_probes_seen_cb *on_seen)
{
	struct host_probes *probes = xcalloc(1, sizeof(*probes));

	probes->front = front;
	probes->on_seen = on_seen;
	probes->turns = host_turns_new(front);
	LIST_INIT(&probes->looks);
	return probes;
}

void
host_probes_free(struct host_probes *probes)
{
	struct host_look *look;

	if (probes == NULL)
		return;
	host_turns_free(probes->turns);
	while ((look = LIST_FIRST(&probes->looks)) != NULL) {
		LIST_REMOVE(look, next);
		free(look);
	}
	free(probes);
}

/* -------------------------------------------------------- what is known */

static void
host_hop(const char *name, uint16_t port, struct next_hop *out)
{
	out->kind = NEXT_HOP_HOST;
	out->port = port;
	memcpy(out->name, name, strlen(name) + 1);
}

static struct book_entry *
host_entry(struct host_probes *probes, const struct next_hop *hop)
{
	char key[NEXT_HOP_TEXT_SIZE];

	return domain_book_find(probes->front->book,
	    text_of(next_hop_format(hop, key)));
}

void
host_probes_apply(struct host_probes *probes, struct facts *facts)
{
	const struct book_entry *entry;
	struct next_hop hop;
	struct facts *seen;
	size_t i;

	for (i = 0; i < facts->host_count; i++) {
		host_hop(facts->hosts[i].name, facts->hop.port, &hop);
		entry = host_entry(probes, &hop);
		if (entry == NULL || entry->record == NULL)
			continue;
		seen = front_facts(entry, &hop);
		facts_take_observations(facts, seen);
		facts_free(seen);
	}
}

/* ------------------------------------------------------------- who is due */

static bool
address_is_due(const struct facts_address *a, const struct tls_site *site,
    int64_t now)
{
	int64_t age = now - a->seen_at;

	if (a->finding == FINDING_UNKNOWN)
		return true;
	if (a->finding != FINDING_OK)
		return age >= site->reprobe_after_s;
	/* Shortly before the certificate ends, and right after. */
	return age >= site->good_ttl_s || (a->not_after != 0 &&
	    ((now > a->not_after && a->seen_at <= a->not_after) ||
	    (now >= a->not_after - BEFORE_END_S &&
	    a->seen_at < a->not_after - BEFORE_END_S)));
}

static bool
host_is_permitted(const struct facts *facts, const struct facts_host *host,
    int64_t now)
{
	return !facts->has_policy || now >= facts->expires_at ||
	    facts->policy.mode == MTASTS_NONE ||
	    mtasts_policy_permits(&facts->policy, host->name);
}

/* The next due address behind *host and *address; false when there is none. */
static bool
next_due(const struct host_probes *probes, const struct facts *facts,
    const struct tls_decision *decision, size_t *host, size_t *address)
{
	const struct tls_site *site = &probes->front->site;
	int64_t now = clock_now_s();

	if (!tls_decision_needs_hosts(decision))
		return false;
	for (; *host < facts->host_count && *host < HOSTS_MAX;
	    ++*host, *address = 0) {
		if (decision->kind != TLS_POLICY_DANE &&
		    !host_is_permitted(facts, &facts->hosts[*host], now))
			continue;
		for (; *address < facts->hosts[*host].address_count &&
		    *address < ADDRESSES_MAX; ++*address)
			if (address_is_due(&facts->hosts[*host].
			    addresses[*address], site, now))
				return true;
	}
	return false;
}

bool
host_probes_are_due(struct host_probes *probes, struct facts *facts)
{
	size_t host = 0, address = 0;
	struct tls_decision decision;

	host_probes_apply(probes, facts);
	front_decide(probes->front, facts, &decision);
	return next_due(probes, facts, &decision, &host, &address);
}

/* --------------------------------------------------- having them looked at */

/* What another host of the group saw. */
static void
take_cached(struct host_probes *probes, const struct next_hop *hop,
    struct text record)
{
	struct front *front = probes->front;
	struct facts *theirs, *known;
	char key[NEXT_HOP_TEXT_SIZE];
	const char *why;

	theirs = facts_parse(record, &why);
	if (theirs == NULL) {
		log_warn("record in the cache is not used: host=%s, reason=%s",
		    hop->name, why);
		return;
	}
	known = front_facts(host_entry(probes, hop), hop);
	if (theirs->hop.kind == hop->kind && theirs->hop.port == hop->port &&
	    strcmp(theirs->hop.name, hop->name) == 0 &&
	    facts_newest(theirs) <= clock_now_s() + CLOCK_SKEW_S &&
	    facts_add_observations(known, theirs))
		domain_book_set(front->book, domain_book_add(front->book,
		    text_of(next_hop_format(hop, key))), known,
		    front->settings->config->stale_ttl_s);
	facts_free(known);
	facts_free(theirs);
}

static bool
look_on_record(struct text record, void *arg)
{
	struct host_look *look = arg;
	struct host_probes *probes = look->probes;
	const struct facts_address *a;
	struct facts *facts;
	size_t i, left = 0;

	take_cached(probes, &look->hop, record);
	facts = front_facts(host_entry(probes, &look->hop), &look->hop);
	for (i = 0; i < look->count; i++) {
		a = facts_find_address(facts, &look->requests[i].address);
		if (a == NULL || address_is_due(a, &probes->front->site,
		    clock_now_s()))
			look->requests[left++] = look->requests[i];
	}
	look->count = left;
	facts_free(facts);
	return left > 0;
}

static unsigned
look_send(const struct host_look *look)
{
	struct channel *scout = child_peer(look->probes->front->child,
	    ROLE_SCOUT);
	struct buffer payload;
	unsigned sent = 0;
	size_t i;

	for (i = 0; scout != NULL && i < look->count; i++) {
		buffer_init(&payload, OBSERVATION_MAX_BYTES);
		probe_request_format(&look->requests[i], &payload);
		sent += channel_send(scout, MESSAGE_PROBE, look->number,
		    (struct text){ buffer_text(&payload), payload.len });
		buffer_clear(&payload);
	}
	return sent;
}

static void
look_on_end(bool is_ours, void *arg)
{
	struct host_look *look = arg;
	struct host_probes *probes = look->probes;
	unsigned sent = is_ours ? look_send(look) : 0;
	unsigned over = look->asked_count - sent;
	uint64_t number = look->number;

	LIST_REMOVE(look, next);
	free(look);
	if (over > 0)
		probes->on_seen(probes->front, number, over);
}

/* The due addresses of the next host, from *host and *address on, or NULL. */
static struct host_look *
look_next(struct host_probes *probes, const struct facts *facts,
    const struct tls_decision *decision, size_t *host, size_t *address)
{
	struct host_look *look = NULL;
	struct probe_request *request;
	size_t first, i;

	for (; next_due(probes, facts, decision, host, address) &&
	    (look == NULL || *host == first); ++*address) {
		if (look == NULL) {
			first = *host;
			look = xcalloc(1, sizeof(*look));
			look->probes = probes;
			host_hop(facts->hosts[first].name, facts->hop.port,
			    &look->hop);
		}
		request = &look->requests[look->count++];
		request->address =
		    facts->hosts[first].addresses[*address].address;
		request->port = facts->hop.port;
		request->service = PROBE_SMTP;
		request->manner = PROBE_AS_POSTFIX;
		memcpy(request->host, look->hop.name, sizeof(request->host));
		memcpy(request->domain, facts->hop.name,
		    sizeof(request->domain));
		for (i = 0; i < facts->host_count; i++)
			if (i != first)
				probe_request_add_other(request,
				    facts->hosts[i].name);
	}
	return look;
}

unsigned
host_probes_send(struct host_probes *probes, const struct facts *facts,
    uint64_t number)
{
	struct tls_decision decision;
	size_t host = 0, address = 0;
	struct host_look *look;
	unsigned sent = 0;

	if (child_peer(probes->front->child, ROLE_SCOUT) == NULL)
		return 0;
	/* Asked anew, as the scout was away: what was asked counts no more. */
	LIST_FOREACH(look, &probes->looks, next)
		if (look->number == number)
			look->number = 0;
	front_decide(probes->front, facts, &decision);
	while ((look = look_next(probes, facts, &decision, &host,
	    &address)) != NULL) {
		look->number = number;
		look->asked_count = (unsigned)look->count;
		if (host_turn_start(probes->turns, &look->hop, look_on_record,
		    look_on_end, look)) {
			LIST_INSERT_HEAD(&probes->looks, look, next);
			sent += look->asked_count;
		} else {
			sent += look_send(look);
			free(look);
		}
	}
	return sent;
}

/* When nobody can be reached at all it is our own port 25. */
static void
note_reach(struct host_probes *probes, enum finding finding)
{
	if (finding != FINDING_UNREACHABLE)
		probes->unreachable_in_a_row = 0;
	else if (++probes->unreachable_in_a_row == BLOCKED_AFTER)
		log_warn("no host could be reached %d times in a row: is "
		    "outbound port 25 blocked here?  Hosts stay unknown",
		    BLOCKED_AFTER);
}

/* --------------------------------------------------------------- the answer */

static enum finding
known_finding(struct facts *facts, const struct address *address)
{
	const struct facts_address *known = facts_find_address(facts, address);

	return known != NULL ? known->finding : FINDING_UNKNOWN;
}

/* The domain that was asked for, with what is known of its hosts now. */
static struct facts *
asked_domain(struct host_probes *probes, const struct observation *o)
{
	struct next_hop hop = { .kind = NEXT_HOP_DOMAIN, .port = 25 };
	struct facts *facts;

	memcpy(hop.name, o->asked.domain, sizeof(hop.name));
	facts = front_facts(host_entry(probes, &hop), &hop);
	host_probes_apply(probes, facts);
	return facts;
}

/* Says once whose certificate was left behind: both are of the same domain. */
static void
warn_of_inactive(const struct facts *before, const struct facts *now)
{
	const struct facts_host *renewed;
	int64_t time = clock_now_s();
	size_t h, i;

	for (h = 0; h < now->host_count; h++)
		for (i = 0; i < now->hosts[h].address_count; i++) {
			renewed = cert_history_renewed(now,
			    &now->hosts[h].addresses[i], time);
			if (renewed != NULL && cert_history_renewed(before,
			    &before->hosts[h].addresses[i], time) == NULL)
				log_warn("cert-inactive: domain=%s, host=%s "
				    "(older than the certificate that %s has "
				    "for the same names)", now->hop.name,
				    now->hosts[h].name, renewed->name);
		}
}

static void
note_cert(struct facts *facts, const struct observation *o, int64_t now)
{
	struct facts_address *a = facts_find_address(facts,
	    &o->asked.address);
	struct facts_cert cert;

	if (a != NULL && cert_history_read(o, &cert) &&
	    cert_history_note(a, &cert, now))
		log_warn("cert-changed: host=%s (issuer, key or names are "
		    "others, long before the end of the certificate before; "
		    "issuer %s)", o->asked.host, a->detail);
}

static void
keep(struct host_probes *probes, const struct next_hop *hop,
    const struct facts *facts)
{
	struct front *front = probes->front;
	char key[NEXT_HOP_TEXT_SIZE];
	struct book_entry *entry = domain_book_add(front->book,
	    text_of(next_hop_format(hop, key)));
	struct buffer record;

	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	facts_format(facts, &record);
	domain_book_set(front->book, entry, facts,
	    front->settings->config->stale_ttl_s);
	cache_async_put(front->cache, hop,
	    (struct text){ record.data, record.len },
	    facts_end(facts, front->settings->config->stale_ttl_s) -
	    clock_now_s());
	buffer_clear(&record);
}

static void
take(struct host_probes *probes, const struct observation *o)
{
	struct front *front = probes->front;
	char issuer[FACTS_DETAIL_MAX_BYTES + 1];
	char words[FACTS_ERROR_MAX_BYTES + 1];
	struct facts_observation seen = {
		.address = o->asked.address,
		.finding = observation_finding(o, false),
		.dane_finding = o->dane_state == OBSERVED_DANE_MATCH ||
		    o->dane_state == OBSERVED_DANE_MISMATCH ?
		    observation_finding(o, true) : FINDING_UNKNOWN,
		.seen_at = clock_now_s(), .not_after = o->not_after,
		.detail = issuer, .words = words
	};
	enum finding before, passing = observation_postfix_finding(o, false);
	struct facts *facts, *domain, *domain_before;
	struct next_hop hop;

	text_quote(issuer, sizeof(issuer), o->cert_count > 0 ?
	    o->certs[0].issuer : text_of(""));
	text_quote(words, sizeof(words), o->words);
	if (passing != seen.finding)
		seen.postfix_finding = passing;
	host_hop(o->asked.host, o->asked.port, &hop);
	domain_before = asked_domain(probes, o);
	facts = front_facts(host_entry(probes, &hop), &hop);
	before = known_finding(facts, &seen.address);
	facts_observe(facts, &seen,
	    front->settings->config->reprobe_after_s);
	note_cert(facts, o, seen.seen_at);
	keep(probes, &hop, facts);
	facts_free(facts);
	domain = asked_domain(probes, o);
	warn_of_inactive(domain_before, domain);
	facts_free(domain_before);
	facts_free(domain);
	if (before != seen.finding)
		log_info("observed: host=%s, finding=%s, before=%s, "
		    "words=%s", o->asked.host, finding_name(seen.finding),
		    finding_name(before), words);
	front->counters.probes[seen.finding]++;
	note_reach(probes, seen.finding);
	breaker_note_host(front->breaker, o->asked.host, before, seen.finding,
	    seen.seen_at);
	front_check_breaker(front);
}

void
host_probes_take(struct host_probes *probes, const struct frame *frame)
{
	struct observation o;

	if (observation_parse(frame->payload, &o))
		take(probes, &o);
	else
		log_error("the scout's observation cannot be read");
	probes->on_seen(probes->front, frame->number, 1);
}
