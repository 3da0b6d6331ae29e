/*
 * Questions about mail hosts and what was seen of them.  Format and parse of
 * one value stand together and in the same order.
 */

#include "shared/probe_message.h"

#include <stdio.h>
#include <string.h>

#include "shared/pack.h"

/* ----------------------------------------------------------------- words */

static const struct {
	const char	*name;
	uint16_t	 port;
} services[PROBE_SERVICE_COUNT] = {
	[PROBE_SMTP] = { "smtp", 25 },
	[PROBE_SUBMISSION] = { "submission", 587 },
	[PROBE_SMTPS] = { "smtps", 465 },
	[PROBE_IMAP] = { "imap", 143 },
	[PROBE_IMAPS] = { "imaps", 993 },
	[PROBE_POP3] = { "pop3", 110 },
	[PROBE_POP3S] = { "pop3s", 995 },
};

const char *
probe_service_name(enum probe_service service)
{
	return services[service].name;
}

uint16_t
probe_service_port(enum probe_service service)
{
	return services[service].port;
}

bool
probe_service_parse(struct text word, enum probe_service *out)
{
	unsigned i;

	for (i = 0; i < PROBE_SERVICE_COUNT; i++)
		if (text_equals_nocase(word, services[i].name)) {
			*out = (enum probe_service)i;
			return true;
		}
	return false;
}

enum probe_service
probe_service_of_port(uint16_t port)
{
	unsigned i;

	for (i = 0; i < PROBE_SERVICE_COUNT; i++)
		if (services[i].port == port)
			return (enum probe_service)i;
	return PROBE_SMTP;
}

const char *
probe_stage_name(enum probe_stage stage)
{
	static const char *const names[PROBE_STAGE_COUNT] = {
		"connect", "banner", "ehlo", "starttls", "handshake", "quit"
	};

	return names[stage];
}

const char *
observed_dane_name(enum observed_dane dane)
{
	static const char *const names[] = {
		"unknown", "none", "unusable", "mismatch", "match"
	};

	return names[dane];
}

/* -------------------------------------------------------------- the pieces */

/* An octet of at most max. */
static unsigned
unpack_choice(struct unpack *u, unsigned max)
{
	unsigned value = unpack_u8(u);

	if (value > max) {
		u->is_bad = true;
		return 0;
	}
	return value;
}

/* A name in the one spelling, or "". */
static void
unpack_name(struct unpack *u, char out[HOST_NAME_SIZE])
{
	struct text name = unpack_text(u);

	out[0] = '\0';
	if (name.len == 0)
		return;
	if (!host_name_is_normal(name)) {
		u->is_bad = true;
		return;
	}
	memcpy(out, name.data, name.len);
	out[name.len] = '\0';
}

static void
pack_address(const struct address *a, struct buffer *out)
{
	pack_u8(out, a->family);
	pack_text(out, (struct text){ (const char *)a->octets,
	    a->family == 4 ? 4 : 16 });
}

static void
unpack_address(struct unpack *u, struct address *out)
{
	struct text octets;

	*out = (struct address){ .family = unpack_u8(u) };
	octets = unpack_text(u);
	if ((out->family != 4 || octets.len != 4) &&
	    (out->family != 6 || octets.len != 16))
		u->is_bad = true;
	else
		memcpy(out->octets, octets.data, octets.len);
}

static void
pack_texts(const struct text *texts, size_t count, struct buffer *out)
{
	size_t i;

	pack_u8(out, (uint8_t)count);
	for (i = 0; i < count; i++)
		pack_text(out, texts[i]);
}

static size_t
unpack_texts(struct unpack *u, struct text *texts, unsigned max)
{
	size_t count = unpack_choice(u, max), i;

	for (i = 0; i < count; i++)
		texts[i] = unpack_text(u);
	return count;
}

/* ------------------------------------------------------------ the question */

static void
pack_request(const struct probe_request *m, struct buffer *out)
{
	pack_string(out, m->host);
	pack_address(&m->address, out);
	pack_u16(out, m->port);
	pack_u8(out, (uint8_t)m->service);
	pack_u8(out, (uint8_t)m->manner);
	pack_string(out, m->domain);
}

static void
unpack_request(struct unpack *u, struct probe_request *out)
{
	unpack_name(u, out->host);
	unpack_address(u, &out->address);
	out->port = unpack_u16(u);
	out->service = unpack_choice(u, PROBE_SERVICE_COUNT - 1);
	out->manner = unpack_choice(u, PROBE_MANNER_COUNT - 1);
	unpack_name(u, out->domain);
	if (out->host[0] == '\0' || out->port == 0)
		u->is_bad = true;
}

void
probe_request_add_other(struct probe_request *m, const char *host)
{
	if (m->other_count < PROBE_OTHERS_MAX)
		snprintf(m->others[m->other_count++], sizeof(m->others[0]),
		    "%s", host);
}

void
probe_request_format(const struct probe_request *m, struct buffer *out)
{
	size_t i;

	pack_request(m, out);
	pack_u8(out, (uint8_t)m->other_count);
	for (i = 0; i < m->other_count; i++)
		pack_string(out, m->others[i]);
}

bool
probe_request_parse(struct text payload, struct probe_request *out)
{
	struct probe_request m;
	struct unpack u;
	size_t i;

	unpack_init(&u, payload.data, payload.len);
	unpack_request(&u, &m);
	m.other_count = unpack_choice(&u, PROBE_OTHERS_MAX);
	for (i = 0; i < m.other_count; i++)
		unpack_name(&u, m.others[i]);
	if (!unpack_is_done(&u))
		return false;
	*out = m;
	return true;
}

/* -------------------------------------------------------------- the answer */

static void
pack_verdict(const struct observed_verdict *v, struct buffer *out)
{
	pack_u32(out, v->findings);
	pack_u8(out, (uint8_t)v->finding);
	pack_u8(out, (uint8_t)v->postfix_finding);
}

static void
unpack_verdict(struct unpack *u, struct observed_verdict *out)
{
	out->findings = unpack_u32(u) & (OBSERVED(FINDING_COUNT) - 1);
	out->finding = unpack_choice(u, FINDING_COUNT - 1);
	out->postfix_finding = unpack_choice(u, FINDING_COUNT - 1);
}

static void
pack_cert(const struct observed_cert *c, struct buffer *out)
{
	pack_text(out, c->subject);
	pack_text(out, c->issuer);
	pack_u64(out, (uint64_t)c->not_before);
	pack_u64(out, (uint64_t)c->not_after);
	pack_text(out, c->key);
	pack_text(out, c->signature);
	pack_text(out, c->sha256);
	pack_u32(out, c->key_bits);
	pack_u8(out, c->is_used);
}

static void
unpack_cert(struct unpack *u, struct observed_cert *out)
{
	out->subject = unpack_text(u);
	out->issuer = unpack_text(u);
	out->not_before = (int64_t)unpack_u64(u);
	out->not_after = (int64_t)unpack_u64(u);
	out->key = unpack_text(u);
	out->signature = unpack_text(u);
	out->sha256 = unpack_text(u);
	out->key_bits = unpack_u32(u);
	out->is_used = unpack_choice(u, 1) != 0;
}

static void
pack_session(const struct observation *o, struct buffer *out)
{
	size_t i;

	pack_text(out, o->protocol);
	pack_text(out, o->cipher);
	pack_text(out, o->key_exchange);
	pack_u32(out, o->cipher_bits);
	pack_verdict(&o->pkix, out);
	pack_verdict(&o->dane, out);
	pack_u64(out, (uint64_t)o->not_before);
	pack_u64(out, (uint64_t)o->not_after);
	pack_text(out, o->verify_words);
	pack_text(out, o->matched);
	pack_text(out, o->missing_issuer);
	pack_text(out, o->missing_issuer_url);
	pack_text(out, o->staple);
	pack_u32(out, o->sct_count);
	pack_u8(out, o->must_staple);
	pack_text(out, o->tlsa_text);
	pack_u8(out, (uint8_t)o->dane_state);
	pack_text(out, o->dane_match);
	pack_texts(o->warnings, o->warning_count, out);
	pack_texts(o->names, o->name_count, out);
	pack_u32(out, o->names_dropped);
	pack_u8(out, (uint8_t)o->cert_count);
	for (i = 0; i < o->cert_count; i++)
		pack_cert(&o->certs[i], out);
	pack_u32(out, o->certs_dropped);
	pack_texts(o->tlsa, o->tlsa_count, out);
}

static void
unpack_session(struct unpack *u, struct observation *out)
{
	size_t i;

	out->protocol = unpack_text(u);
	out->cipher = unpack_text(u);
	out->key_exchange = unpack_text(u);
	out->cipher_bits = unpack_u32(u);
	unpack_verdict(u, &out->pkix);
	unpack_verdict(u, &out->dane);
	out->not_before = (int64_t)unpack_u64(u);
	out->not_after = (int64_t)unpack_u64(u);
	out->verify_words = unpack_text(u);
	out->matched = unpack_text(u);
	out->missing_issuer = unpack_text(u);
	out->missing_issuer_url = unpack_text(u);
	out->staple = unpack_text(u);
	out->sct_count = unpack_u32(u);
	out->must_staple = unpack_choice(u, 1) != 0;
	out->tlsa_text = unpack_text(u);
	out->dane_state = unpack_choice(u, OBSERVED_DANE_MATCH);
	out->dane_match = unpack_text(u);
	out->warning_count = unpack_texts(u, out->warnings,
	    OBSERVED_WARNINGS_MAX);
	out->name_count = unpack_texts(u, out->names, OBSERVED_NAMES_MAX);
	out->names_dropped = unpack_u32(u);
	out->cert_count = unpack_choice(u, OBSERVED_CERTS_MAX);
	for (i = 0; i < out->cert_count; i++)
		unpack_cert(u, &out->certs[i]);
	out->certs_dropped = unpack_u32(u);
	out->tlsa_count = unpack_texts(u, out->tlsa, OBSERVED_TLSA_MAX);
}

void
observation_format(const struct observation *o, struct buffer *out)
{
	unsigned i;

	pack_request(&o->asked, out);
	pack_u64(out, (uint64_t)o->seen_at);
	pack_u8(out, (uint8_t)o->stage);
	for (i = 0; i < PROBE_STAGE_COUNT; i++)
		pack_u32(out, o->stage_ms[i]);
	pack_u8(out, (uint8_t)o->finding);
	pack_text(out, o->words);
	pack_u8(out, o->has_tls);
	pack_session(o, out);
}

bool
observation_parse(struct text payload, struct observation *out)
{
	struct unpack u;
	unsigned i;

	memset(out, 0, sizeof(*out));
	unpack_init(&u, payload.data, payload.len);
	unpack_request(&u, &out->asked);
	out->seen_at = (int64_t)unpack_u64(&u);
	out->stage = unpack_choice(&u, PROBE_STAGE_COUNT - 1);
	for (i = 0; i < PROBE_STAGE_COUNT; i++)
		out->stage_ms[i] = unpack_u32(&u);
	out->finding = unpack_choice(&u, FINDING_COUNT - 1);
	out->words = unpack_text(&u);
	out->has_tls = unpack_choice(&u, 1) != 0;
	unpack_session(&u, out);
	return unpack_is_done(&u);
}

static const struct observed_verdict *
verdict_by(const struct observation *o, bool dane_governs)
{
	return dane_governs && o->dane.finding != FINDING_UNKNOWN ? &o->dane :
	    &o->pkix;
}

enum finding
observation_finding(const struct observation *o, bool dane_governs)
{
	const struct observed_verdict *v = verdict_by(o, dane_governs);

	return o->finding == FINDING_OK ? v->finding : o->finding;
}

enum finding
observation_postfix_finding(const struct observation *o, bool dane_governs)
{
	const struct observed_verdict *v = verdict_by(o, dane_governs);

	return o->finding == FINDING_OK ? v->postfix_finding : o->finding;
}

uint32_t
observation_findings(const struct observation *o, bool dane_governs)
{
	uint32_t findings = verdict_by(o, dane_governs)->findings;

	if (o->finding != FINDING_OK && o->finding != FINDING_UNKNOWN)
		findings |= OBSERVED(o->finding);
	return findings;
}

/* ------------------------------------------------------------------- TXT */

void
txt_question_format(const char *name, struct buffer *out)
{
	pack_string(out, name);
}

bool
txt_question_parse(struct text payload, char out[HOST_NAME_SIZE])
{
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	unpack_name(&u, out);
	return unpack_is_done(&u) && out[0] != '\0';
}

void
txt_answer_format(const struct txt_answer *m, struct buffer *out)
{
	pack_u8(out, m->is_known);
	pack_u8(out, m->is_secure);
	pack_text(out, m->why);
	pack_texts(m->records, m->record_count, out);
}

bool
txt_answer_parse(struct text payload, struct txt_answer *out)
{
	struct txt_answer m;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	m.is_known = unpack_choice(&u, 1) != 0;
	m.is_secure = unpack_choice(&u, 1) != 0;
	m.why = unpack_text(&u);
	m.record_count = unpack_texts(&u, m.records, TXT_RECORDS_MAX);
	if (!unpack_is_done(&u))
		return false;
	*out = m;
	return true;
}
