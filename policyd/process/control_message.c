/*
 * What clerk and front say to each other about the admin's questions.  Both
 * sides check what they get; what the texts hold is their reader's business.
 */

#include "policyd/process/control_message.h"

#define QUESTION_FORGETS_POLICY 1

static const char *const command_names[] = {
	[CONTROL_EXPLAIN] = "explain",
	[CONTROL_REFRESH] = "refresh",
	[CONTROL_FORGET] = "forget",
	[CONTROL_STATUS] = "status",
	[CONTROL_SITE] = "site",
	[CONTROL_CLEAR] = "clear",
	[CONTROL_RULES] = "rules",
	[CONTROL_RELOAD] = "reload",
	[CONTROL_REPORT] = "report",
	[CONTROL_ROUTE] = "route",
	[CONTROL_RECEIVED] = "received",
	[CONTROL_OWN_PROMISES] = "own-promises",
	[CONTROL_TEST_ALERT] = "test-alert",
	[CONTROL_CERTIFICATES] = "certificates"
};

/* An octet of at most max. */
static uint8_t
unpack_choice(struct unpack *u, uint8_t max)
{
	uint8_t value = unpack_u8(u);

	if (value > max)
		u->is_bad = true;
	return value;
}

const char *
control_command_name(enum control_command command)
{
	return command_names[command];
}

bool
control_command_parse(struct text word, enum control_command *out)
{
	int i;

	for (i = CONTROL_EXPLAIN; i <= CONTROL_CERTIFICATES; i++)
		if (text_equals(word, command_names[i])) {
			*out = (enum control_command)i;
			return true;
		}
	return false;
}

void
control_question_format(const struct control_question *q, struct buffer *out)
{
	char hop[NEXT_HOP_TEXT_SIZE] = "";

	if (q->hop.kind != NEXT_HOP_NONE)
		next_hop_format(&q->hop, hop);
	pack_u8(out, (uint8_t)q->command);
	pack_string(out, hop);
	pack_u8(out, q->forgets_policy ? QUESTION_FORGETS_POLICY : 0);
}

bool
control_question_parse(struct text payload, struct control_question *out)
{
	struct control_question q = { 0 };
	struct text hop;
	struct unpack u;
	const char *why;

	unpack_init(&u, payload.data, payload.len);
	q.command = (enum control_command)unpack_choice(&u, CONTROL_CLEAR);
	hop = unpack_text(&u);
	q.forgets_policy = unpack_choice(&u, QUESTION_FORGETS_POLICY) != 0;
	if (!unpack_is_done(&u) || q.command < CONTROL_EXPLAIN)
		return false;
	next_hop_parse(hop, &q.hop, &why);
	if ((q.hop.kind == NEXT_HOP_NONE) != (q.command >= CONTROL_STATUS))
		return false;
	*out = q;
	return true;
}

static void
pack_site(const struct tls_site *site, struct buffer *out)
{
	pack_u8(out, (uint8_t)site->dane);
	pack_u8(out, (uint8_t)site->level);
	pack_u8(out, site->has_fallback_relay);
	pack_u8(out, site->next_hops_vary);
	pack_u8(out, site->is_strict);
	pack_u8(out, site->breaker_is_open);
	pack_u8(out, site->answers_nobody);
	pack_u32(out, site->stale_ttl_s);
	pack_u32(out, site->good_ttl_s);
	pack_u32(out, site->bad_ttl_s);
	pack_u32(out, site->reprobe_after_s);
}

static void
unpack_site(struct unpack *u, struct tls_site *out)
{
	out->dane = (enum fact_state)unpack_choice(u, FACT_PRESENT);
	out->level = (enum tls_level)unpack_choice(u, TLS_LEVEL_SECURE);
	out->has_fallback_relay = unpack_choice(u, 1) != 0;
	out->next_hops_vary = unpack_choice(u, 1) != 0;
	out->is_strict = unpack_choice(u, 1) != 0;
	out->breaker_is_open = unpack_choice(u, 1) != 0;
	out->answers_nobody = unpack_choice(u, 1) != 0;
	out->stale_ttl_s = unpack_u32(u);
	out->good_ttl_s = unpack_u32(u);
	out->bad_ttl_s = unpack_u32(u);
	out->reprobe_after_s = unpack_u32(u);
}

void
control_site_format(const struct tls_site *site, struct buffer *out)
{
	pack_site(site, out);
}

bool
control_site_parse(struct text payload, struct tls_site *out)
{
	struct tls_site site;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	unpack_site(&u, &site);
	if (!unpack_is_done(&u))
		return false;
	*out = site;
	return true;
}

void
control_explanation_format(const struct control_explanation *e,
    struct buffer *out)
{
	pack_text(out, e->facts);
	pack_text(out, e->query);
	pack_text(out, e->query_with_tlsrpt);
	pack_text(out, e->access);
	pack_text(out, e->source);
	pack_site(&e->site, out);
	pack_text(out, e->breaker);
	pack_text(out, e->error);
}

bool
control_explanation_parse(struct text payload, struct control_explanation *out)
{
	struct control_explanation e;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	e.facts = unpack_text(&u);
	e.query = unpack_text(&u);
	e.query_with_tlsrpt = unpack_text(&u);
	e.access = unpack_text(&u);
	e.source = unpack_text(&u);
	unpack_site(&u, &e.site);
	e.breaker = unpack_text(&u);
	e.error = unpack_text(&u);
	if (!unpack_is_done(&u))
		return false;
	*out = e;
	return true;
}

void
control_outcome_format(const struct control_outcome *o, struct buffer *out)
{
	pack_u8(out, o->is_done);
	pack_text(out, o->words);
}

bool
control_outcome_parse(struct text payload, struct control_outcome *out)
{
	struct control_outcome o;
	struct unpack u;

	unpack_init(&u, payload.data, payload.len);
	o.is_done = unpack_choice(&u, 1) != 0;
	o.words = unpack_text(&u);
	if (!unpack_is_done(&u))
		return false;
	*out = o;
	return true;
}

void
control_part_format(const struct control_part *part, struct buffer *out)
{
	pack_u8(out, CONTROL_ITEM_PART);
	pack_text(out, part->name);
	pack_u8(out, (uint8_t)part->state);
	pack_text(out, part->detail);
	pack_text(out, part->advice);
}

void
control_counter_format(const struct control_counter *counter,
    struct buffer *out)
{
	pack_u8(out, CONTROL_ITEM_COUNTER);
	pack_text(out, counter->name);
	pack_u64(out, counter->value);
}

enum control_item
control_status_next(struct unpack *u, struct control_part *part,
    struct control_counter *counter)
{
	struct control_counter c;
	struct control_part p;

	if (unpack_is_done(u))
		return CONTROL_ITEM_END;
	switch (unpack_u8(u)) {
	case CONTROL_ITEM_PART:
		p.name = unpack_text(u);
		p.state = (enum control_state)unpack_choice(u,
		    CONTROL_WARNING);
		p.detail = unpack_text(u);
		p.advice = unpack_text(u);
		if (u->is_bad)
			return CONTROL_ITEM_MALFORMED;
		*part = p;
		return CONTROL_ITEM_PART;
	case CONTROL_ITEM_COUNTER:
		c.name = unpack_text(u);
		c.value = unpack_u64(u);
		if (u->is_bad)
			return CONTROL_ITEM_MALFORMED;
		*counter = c;
		return CONTROL_ITEM_COUNTER;
	}
	return CONTROL_ITEM_MALFORMED;
}
