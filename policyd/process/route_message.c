/*
 * What front and clerk say to each other about the way of a mail.
 */

#include "policyd/process/route_message.h"

#include "shared/pack.h"

void
route_question_format(const struct route_question *q, struct buffer *out)
{
	pack_text(out, q->client);
	pack_u8(out, q->sender.data != NULL);
	pack_text(out, q->sender);
	pack_text(out, q->recipient);
}

bool
route_question_parse(struct text payload, struct route_question *out)
{
	struct route_question q;
	struct unpack u;
	uint8_t has_sender;

	unpack_init(&u, payload.data, payload.len);
	q.client = unpack_text(&u);
	has_sender = unpack_u8(&u);
	q.sender = unpack_text(&u);
	q.recipient = unpack_text(&u);
	if (!unpack_is_done(&u) || has_sender > 1 ||
	    (has_sender == 0 && q.sender.len > 0))
		return false;
	if (has_sender == 0)
		q.sender.data = NULL;
	*out = q;
	return true;
}

void
route_format(const struct route *route, struct buffer *out)
{
	const struct transport *t = &route->transport;
	char text[NEXT_HOP_TEXT_SIZE];
	size_t i;

	pack_u8(out, (uint8_t)route->client_is_ours);
	pack_u8(out, (uint8_t)route->domain_is_ours);
	pack_u8(out, (uint8_t)t->kind);
	pack_u8(out, (uint8_t)t->hop_count);
	for (i = 0; i < t->hop_count; i++)
		pack_string(out, next_hop_format(&t->hops[i], text));
}

bool
route_parse(struct text payload, struct route *out)
{
	struct route route = { .transport = { .because = "" } };
	struct transport *t = &route.transport;
	uint8_t client, domain, kind, count;
	struct unpack u;
	const char *why;

	unpack_init(&u, payload.data, payload.len);
	client = unpack_u8(&u);
	domain = unpack_u8(&u);
	kind = unpack_u8(&u);
	count = unpack_u8(&u);
	if (client > FACT_PRESENT || domain > FACT_PRESENT ||
	    kind > TRANSPORT_HOPS || count > TRANSPORT_HOPS_MAX ||
	    (kind == TRANSPORT_HOPS) != (count > 0))
		return false;
	route.client_is_ours = (enum fact_state)client;
	route.domain_is_ours = (enum fact_state)domain;
	t->kind = (enum transport_kind)kind;
	for (; t->hop_count < count; t->hop_count++) {
		next_hop_parse(unpack_text(&u), &t->hops[t->hop_count], &why);
		if (t->hops[t->hop_count].kind == NEXT_HOP_NONE)
			return false;
	}
	if (!unpack_is_done(&u))
		return false;
	*out = route;
	return true;
}
