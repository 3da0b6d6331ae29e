/*
 * What the front tells the clerk of sessions.  A clerk that is away hears
 * nothing; the next one hears of each promise anew, as all replies are made
 * anew for it (front.c).
 */

#include "policyd/front/feedback.h"

#include <string.h>

#include "policyd/front/state.h"
#include "policyd/process/child.h"
#include "policyd/process/session_message.h"
#include "shared/address.h"
#include "shared/io/clock.h"
#include "shared/postfix/access_request.h"
#include "shared/siphash.h"

#define SESSIONS_KEPT	16384	/* told last; a power of 2 */

static bool
tell(struct front *front, uint8_t type, const struct buffer *payload)
{
	struct channel *clerk = child_peer(front->child, ROLE_CLERK);

	return clerk != NULL && !payload->is_overfull && channel_send(clerk,
	    type, 0, (struct text){ payload->data, payload->len });
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

void
feedback_tell_promise(struct front *front, const struct facts *facts)
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
	promise_format(&p, &payload);
	tell(front, MESSAGE_PROMISE, &payload);
	buffer_clear(&payload);
	buffer_clear(&lines);
	buffer_clear(&mx);
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
