/*
 * What front and clerk tell each other of sessions.  A clerk that is away hears
 * nothing; the next one hears of all promises, a part in each turn of the loop.
 */

#include "policyd/front/feedback.h"

#include <event2/event.h>
#include <string.h>

#include "policyd/front/cache_async.h"
#include "policyd/front/domain_book.h"
#include "policyd/front/domain_lookup.h"
#include "policyd/front/state.h"
#include "policyd/process/child.h"
#include "policyd/process/session_message.h"
#include "shared/address.h"
#include "shared/host_name.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/postfix/access_request.h"
#include "shared/siphash.h"

#define SESSIONS_KEPT	16384	/* told last; a power of 2 */
#define SLOTS_A_TURN	100	/* of the book */
#define TURN_US		1000

static bool
tell(struct front *front, uint8_t type, const struct buffer *payload)
{
	struct channel *clerk = child_peer(front->child, ROLE_CLERK);

	return clerk != NULL && !payload->is_overfull &&
	    channel_send_soon(clerk, type, 0, (struct text){ payload->data,
	    payload->len });
}

/* -------------------------------------------------------------- promises */

static struct text
join(const char **strings, size_t count, struct buffer *out)
{
	size_t i;

	for (i = 0; i < count; i++)
		buffer_addf(out, "%s\n", strings[i]);
	return (struct text){ buffer_text(out), out->len };
}

static void
set_hosts(const struct front *front, const struct facts *facts,
    struct promise *p)
{
	size_t i;

	for (i = 0; i < facts->host_count && i < PROMISE_HOSTS_MAX; i++) {
		p->hosts[i].name = text_of(facts->hosts[i].name);
		p->hosts[i].finding = tls_decision_host_finding(facts,
		    &facts->hosts[i], p->kind, &front->site, clock_now_s());
	}
	p->host_count = i;
}

static void
tell_promise(struct front *front, const struct facts *facts,
    bool is_worth_nothing)
{
	const struct mtasts_policy *policy = &facts->policy;
	struct promise p = { .domain = text_of(facts->hop.name),
	    .lines = text_of(""), .mx = text_of("") };
	struct buffer payload, lines, mx;
	struct tls_decision decision;

	if (child_peer(front->child, ROLE_CLERK) == NULL)
		return;
	buffer_init(&payload, SESSION_MESSAGE_MAX);
	buffer_init(&lines, SESSION_MESSAGE_MAX);
	buffer_init(&mx, SESSION_MESSAGE_MAX);
	front_decide(front, facts, &decision);
	p.kind = decision.kind;
	if (p.kind == TLS_POLICY_STS) {
		p.mode = policy->mode;
		p.lines = join(policy->lines, policy->line_count, &lines);
		p.mx = join(policy->mx, policy->mx_count, &mx);
		set_hosts(front, facts, &p);
	} else if (facts->record_state == FACT_PRESENT &&
	    facts->fetch_failed_count > 0 && !facts->has_policy)
		p.fetch_finding = facts->fetch_finding;
	if (p.kind != TLS_POLICY_NONE || p.fetch_finding != FINDING_UNKNOWN ||
	    !is_worth_nothing) {
		promise_format(&p, &payload);
		tell(front, MESSAGE_PROMISE, &payload);
	}
	buffer_clear(&payload);
	buffer_clear(&lines);
	buffer_clear(&mx);
}

void
feedback_tell_promise(struct front *front, const struct facts *facts)
{
	tell_promise(front, facts, false);
}

/* -------------------------------------------------------------- verdicts */

/* Where nothing is kept back, a host that is bad keeps no mail back. */
static enum verdict
verdict_of(const struct tls_decision *d)
{
	if (d->map == MAP_TEMPORARY)
		return VERDICT_UNKNOWN;
	return tls_decision_needs_hosts(d) && d->map == MAP_LEVEL ?
	    d->verdict : VERDICT_DELIVERABLE;
}

void
feedback_tell_verdict(struct front *front, const struct next_hop *hop,
    const struct tls_decision *decision)
{
	enum verdict verdict = verdict_of(decision);
	struct verdict_note v = { .domain = text_of(hop->name),
	    .is_bad = verdict == VERDICT_UNDELIVERABLE };
	struct buffer payload;

	if (hop->kind != NEXT_HOP_DOMAIN || verdict == VERDICT_UNKNOWN)
		return;
	v.words = text_of(v.is_bad ? decision->reason :
	    "its mail is no longer kept back");
	buffer_init(&payload, SESSION_MESSAGE_MAX);
	verdict_note_format(&v, &payload);
	tell(front, MESSAGE_VERDICT, &payload);
	buffer_clear(&payload);
}

static void
tell_entry(struct book_entry *entry, void *arg)
{
	struct front *front = arg;
	struct next_hop hop;
	struct tls_decision decision;
	struct facts *facts;
	const char *why;

	if (entry->record == NULL)
		return;
	next_hop_parse(text_of(entry->name), &hop, &why);
	if (hop.kind != NEXT_HOP_DOMAIN)
		return;
	facts = front_facts(entry, &hop);
	/* What a new clerk has not heard of promises nothing. */
	tell_promise(front, facts, true);
	front_decide(front, facts, &decision);
	if (tls_decision_needs_hosts(&decision))
		feedback_tell_verdict(front, &hop, &decision);
	facts_free(facts);
}

/* Of the book, while a clerk is told: where, and how many slots are left. */
static size_t cursor, slots_left;

static void
on_turn(evutil_socket_t fd, short events, void *arg)
{
	struct timeval soon = { 0, TURN_US };
	struct front *front = arg;
	struct channel *clerk = child_peer(front->child, ROLE_CLERK);
	size_t count = slots_left < SLOTS_A_TURN ? slots_left : SLOTS_A_TURN;

	(void)fd;
	(void)events;
	if (clerk == NULL)
		return;		/* the next one begins anew */
	domain_book_sweep(front->book, &cursor, count, tell_entry, front);
	slots_left -= count;
	if (slots_left > 0)
		event_base_once(front->child->base, -1, EV_TIMEOUT, on_turn,
		    front, &soon);
	else
		channel_send(clerk, MESSAGE_PROMISE, 0, text_of(""));
}

void
feedback_start(struct front *front)
{
	if (child_peer(front->child, ROLE_CLERK) == NULL)
		return;
	slots_left = domain_book_slots(front->book);
	on_turn(-1, 0, front);
}

/* -------------------------------------------------------------- sessions */

/* An instance is a session, and its last part one mail of it. */
static bool
is_new(struct text instance, uint64_t **place)
{
	static const struct siphash_key key = { 'f', 'b' };
	static uint64_t told[SESSIONS_KEPT];
	uint64_t hash;

	while (instance.len > 0 && instance.data[instance.len - 1] != '.')
		instance.len--;
	hash = siphash(&key, instance.data, instance.len);
	*place = &told[hash & (SESSIONS_KEPT - 1)];
	if (**place == hash)
		return false;
	**place = hash;
	return true;
}

static bool
is_loopback(struct text text)
{
	struct address address;

	return address_parse(text, &address) &&
	    address_is_loopback(&address);
}

static enum session_direction
direction_of(const struct access_request *r)
{
	if (is_loopback(r->client_address))
		return SESSION_LOCAL;
	if (r->sasl_username.len > 0 ||
	    text_equals(r->server_port, "587") ||
	    text_equals(r->server_port, "465"))
		return SESSION_SUBMISSION;
	return SESSION_IN;
}

void
feedback_tell_session(struct front *front, const struct access_request *r)
{
	struct tls_session s = { .host = r->client_name,
	    .address = r->client_address, .protocol = r->encryption_protocol,
	    .cipher = r->encryption_cipher, .service = text_of("smtp") };
	struct buffer payload;
	uint64_t *place;

	/* Before RCPT the TLS handshake may be still to come. */
	if (front->settings->config->inbound_source != CONFIG_INBOUND_ACCESS ||
	    r->instance.len == 0 || !text_equals(r->protocol_state, "RCPT") ||
	    !is_new(r->instance, &place))
		return;
	s.direction = direction_of(r);
	if (s.direction == SESSION_SUBMISSION)
		s.service = text_of("submission");
	if (s.protocol.len > 0) {
		s.had_handshake = true;
		s.finding = FINDING_OK;
		s.trust = r->ccert_subject.len > 0 ? SESSION_TRUST_VERIFIED :
		    r->ccert_fingerprint.len > 0 ? SESSION_TRUST_UNTRUSTED :
		    SESSION_TRUST_ANONYMOUS;
	}
	buffer_init(&payload, SESSION_MESSAGE_MAX);
	session_note_format(&s, &payload);
	/* A clerk that comes back hears of it with the next recipient. */
	if (!tell(front, MESSAGE_SESSION, &payload))
		*place = 0;
	buffer_clear(&payload);
}

/* -------------------------------------------------------------- outcomes */

/* What a finished handshake that Postfix verified disproves. */
static bool
is_disproved(enum finding finding)
{
	switch (finding) {
	case FINDING_UNKNOWN:
	case FINDING_STARTTLS_MISSING:
	case FINDING_STARTTLS_REFUSED:
	case FINDING_HANDSHAKE_FAILED:
	case FINDING_PROTOCOL_OLD:
	case FINDING_CERT_SELF_SIGNED:
	case FINDING_CERT_UNTRUSTED:
	case FINDING_CERT_CHAIN_INCOMPLETE:
	case FINDING_CERT_NOT_YET_VALID:
	case FINDING_CERT_EXPIRED:
	case FINDING_CERT_PURPOSE:
	case FINDING_UNREACHABLE:
		return true;
	default:	/* Postfix lets the rest pass, strict = yes does not. */
		return false;
	}
}

/* True when something of an address changed. */
static bool
note_outcome(const struct front *front, struct facts_address *a,
    bool is_verified, int64_t now)
{
	const struct tls_site *site = &front->site;

	if (is_verified && is_disproved(a->finding)) {
		/* A first look that ends within this second knows more. */
		a->seen_at = a->finding == FINDING_UNKNOWN ? now - 1 : now;
		a->finding = FINDING_OK;
		a->not_after = 0;
		a->seen_count = 1;
		return true;
	}
	/* A good look that is old enough ends now: another one is due. */
	if (!is_verified && a->finding == FINDING_OK &&
	    now - a->seen_at >= site->reprobe_after_s &&
	    now - a->seen_at < site->good_ttl_s) {
		a->seen_at = now - site->good_ttl_s;
		return true;
	}
	return false;
}

static bool
note_host(const struct front *front, struct facts *facts,
    const struct session_outcome *o, int64_t now)
{
	struct facts_host *host;
	struct address address;
	bool has_changed = false;
	size_t h, i;

	if (!address_parse(o->address, &address))
		return false;
	for (h = 0; h < facts->host_count; h++) {
		host = &facts->hosts[h];
		for (i = 0; text_equals(o->host, host->name) &&
		    i < host->address_count; i++)
			if (address_equals(&host->addresses[i].address,
			    &address))
				has_changed |= note_outcome(front,
				    &host->addresses[i], o->is_verified, now);
	}
	return has_changed;
}

/* What Redis still has would be taken for a look of another host. */
static void
put_facts(struct front *front, const struct next_hop *hop,
    const struct facts *facts)
{
	int64_t end = facts_end(facts, front->settings->config->stale_ttl_s);
	struct buffer record;

	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	facts_format(facts, &record);
	cache_async_put(front->cache, hop, (struct text){ record.data,
	    record.len }, end - clock_now_s());
	buffer_clear(&record);
}

/* Of a domain, or of a host for all domains that it serves. */
static void
note_entry(struct front *front, const struct next_hop *hop,
    const struct session_outcome *o)
{
	char key[NEXT_HOP_TEXT_SIZE];
	struct book_entry *entry = domain_book_find(front->book,
	    text_of(next_hop_format(hop, key)));
	struct tls_decision decision;
	struct facts *facts;

	if (entry == NULL || entry->record == NULL)
		return;
	facts = front_facts(entry, hop);
	if (note_host(front, facts, o, clock_now_s())) {
		domain_book_set(front->book, entry, facts,
		    front->settings->config->stale_ttl_s);
		front_decide(front, facts, &decision);
		feedback_tell_verdict(front, hop, &decision);
		if (!o->is_verified)
			put_facts(front, hop, facts);
	}
	facts_free(facts);
	if (!o->is_verified && hop->kind == NEXT_HOP_DOMAIN)
		domain_lookup_start(front->lookups, entry, hop,
		    DOMAIN_LOOKUP_HOSTS);
}

void
feedback_take(struct front *front, struct text payload)
{
	struct next_hop domain, host = { .kind = NEXT_HOP_HOST, .port = 25 };
	struct session_outcome o;
	const char *why;

	if (!session_outcome_parse(payload, &o))
		return;
	next_hop_parse(o.domain, &domain, &why);
	if (domain.kind != NEXT_HOP_DOMAIN)
		return;
	log_debug("Postfix's session: domain=%s, host=%.*s, %s", domain.name,
	    (int)o.host.len, o.host.data, o.is_verified ? "verified" :
	    "failed");
	if (!o.is_verified && host_name_normalize(o.host, host.name,
	    &why) == 0)
		note_entry(front, &host, &o);
	note_entry(front, &domain, &o);
}
