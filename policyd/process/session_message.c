/*
 * What front and clerk tell each other of sessions.
 */

#include "policyd/process/session_message.h"

#include "shared/pack.h"

/* An octet below count. */
static uint8_t
unpack_choice(struct unpack *u, unsigned count)
{
	uint8_t value = unpack_u8(u);

	if (value >= count) {
		u->is_bad = true;
		return 0;
	}
	return value;
}

void
promise_format(const struct promise *p, struct buffer *out)
{
	size_t i;

	pack_text(out, p->domain);
	pack_u8(out, (uint8_t)p->kind);
	pack_u8(out, (uint8_t)p->mode);
	pack_text(out, p->lines);
	pack_text(out, p->mx);
	pack_u8(out, (uint8_t)p->fetch_finding);
	pack_u8(out, (uint8_t)p->host_count);
	for (i = 0; i < p->host_count; i++) {
		pack_text(out, p->hosts[i].name);
		pack_u8(out, (uint8_t)p->hosts[i].finding);
	}
}

bool
promise_parse(struct text payload, struct promise *out)
{
	struct promise p = { 0 };
	struct unpack u;
	size_t i;

	unpack_init(&u, payload.data, payload.len);
	p.domain = unpack_text(&u);
	p.kind = (enum tls_policy_kind)unpack_choice(&u, TLS_POLICY_STS + 1);
	p.mode = (enum mtasts_mode)unpack_choice(&u, MTASTS_ENFORCE + 1);
	p.lines = unpack_text(&u);
	p.mx = unpack_text(&u);
	p.fetch_finding = (enum finding)unpack_choice(&u, FINDING_COUNT);
	p.host_count = unpack_choice(&u, PROMISE_HOSTS_MAX + 1);
	for (i = 0; i < p.host_count; i++) {
		p.hosts[i].name = unpack_text(&u);
		p.hosts[i].finding = (enum finding)unpack_choice(&u,
		    FINDING_COUNT);
	}
	if (!unpack_is_done(&u))
		return false;
	*out = p;
	return true;
}

void
session_outcome_format(const struct session_outcome *o, struct buffer *out)
{
	pack_text(out, o->domain);
	pack_text(out, o->host);
	pack_text(out, o->address);
	pack_u8(out, o->is_verified);
}

bool
session_outcome_parse(struct text payload, struct session_outcome *out)
{
	struct session_outcome o;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	o.domain = unpack_text(&u);
	o.host = unpack_text(&u);
	o.address = unpack_text(&u);
	o.is_verified = unpack_choice(&u, 2) != 0;
	if (!unpack_is_done(&u))
		return false;
	*out = o;
	return true;
}

void
verdict_note_format(const struct verdict_note *v, struct buffer *out)
{
	pack_text(out, v->domain);
	pack_u8(out, v->is_bad);
	pack_text(out, v->words);
}

bool
verdict_note_parse(struct text payload, struct verdict_note *out)
{
	struct verdict_note v;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	v.domain = unpack_text(&u);
	v.is_bad = unpack_choice(&u, 2) != 0;
	v.words = unpack_text(&u);
	if (!unpack_is_done(&u) || v.domain.len == 0)
		return false;
	*out = v;
	return true;
}

void
session_note_format(const struct tls_session *s, struct buffer *out)
{
	pack_u8(out, (uint8_t)s->direction);
	pack_u8(out, (uint8_t)s->finding);
	pack_u8(out, (uint8_t)s->trust);
	pack_u8(out, s->had_handshake);
	pack_text(out, s->host);
	pack_text(out, s->address);
	pack_text(out, s->protocol);
	pack_text(out, s->cipher);
	pack_text(out, s->service);
}

bool
session_note_parse(struct text payload, struct tls_session *out)
{
	struct tls_session s = { 0 };
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	s.direction = (enum session_direction)unpack_choice(&u,
	    SESSION_DIRECTION_COUNT);
	s.finding = (enum finding)unpack_choice(&u, FINDING_COUNT);
	s.trust = (enum session_trust)unpack_choice(&u,
	    SESSION_TRUST_VERIFIED + 1);
	s.had_handshake = unpack_choice(&u, 2) != 0;
	s.host = unpack_text(&u);
	s.address = unpack_text(&u);
	s.protocol = unpack_text(&u);
	s.cipher = unpack_text(&u);
	s.service = unpack_text(&u);
	if (!unpack_is_done(&u))
		return false;
	*out = s;
	return true;
}
