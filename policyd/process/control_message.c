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
	[CONTROL_RULES] = "rules",
	[CONTROL_RELOAD] = "reload"
};

const char *
control_command_name(enum control_command command)
{
	return command_names[command];
}

bool
control_command_parse(struct text word, enum control_command *out)
{
	int i;

	for (i = CONTROL_EXPLAIN; i <= CONTROL_RELOAD; i++)
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
	uint8_t command, flags;

	unpack_init(&u, payload.data, payload.len);
	command = unpack_u8(&u);
	hop = unpack_text(&u);
	flags = unpack_u8(&u);
	if (!unpack_is_done(&u) || command < CONTROL_EXPLAIN ||
	    command > CONTROL_STATUS || flags > QUESTION_FORGETS_POLICY)
		return false;
	next_hop_parse(hop, &q.hop, &why);
	if ((q.hop.kind == NEXT_HOP_NONE) != (command == CONTROL_STATUS))
		return false;
	q.command = (enum control_command)command;
	q.forgets_policy = flags == QUESTION_FORGETS_POLICY;
	*out = q;
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
	pack_u8(out, (uint8_t)e->site_dane);
	pack_text(out, e->error);
}

bool
control_explanation_parse(struct text payload, struct control_explanation *out)
{
	struct control_explanation e;
	struct unpack u;
	uint8_t dane;

	unpack_init(&u, payload.data, payload.len);
	e.facts = unpack_text(&u);
	e.query = unpack_text(&u);
	e.query_with_tlsrpt = unpack_text(&u);
	e.access = unpack_text(&u);
	e.source = unpack_text(&u);
	dane = unpack_u8(&u);
	e.error = unpack_text(&u);
	if (!unpack_is_done(&u) || dane > FACT_PRESENT)
		return false;
	e.site_dane = (enum fact_state)dane;
	*out = e;
	return true;
}

void
control_outcome_format(const struct control_outcome *o, struct buffer *out)
{
	pack_u8(out, o->is_done);
	pack_text(out, o->error);
}

bool
control_outcome_parse(struct text payload, struct control_outcome *out)
{
	struct control_outcome o;
	struct unpack u;
	uint8_t done;

	unpack_init(&u, payload.data, payload.len);
	done = unpack_u8(&u);
	o.error = unpack_text(&u);
	if (!unpack_is_done(&u) || done > 1)
		return false;
	o.is_done = done == 1;
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
	uint8_t state;

	if (unpack_is_done(u))
		return CONTROL_ITEM_END;
	switch (unpack_u8(u)) {
	case CONTROL_ITEM_PART:
		p.name = unpack_text(u);
		state = unpack_u8(u);
		p.detail = unpack_text(u);
		p.advice = unpack_text(u);
		if (u->is_bad || state > CONTROL_WARNING)
			return CONTROL_ITEM_MALFORMED;
		p.state = (enum control_state)state;
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
