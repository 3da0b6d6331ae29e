/*
 * The payloads about the way of a mail: what was formatted parses to the same,
 * and no proper prefix of it, nor more than it, parses at all.
 */

/* The source itself: no archive that a test links holds this folder. */
#include "policyd/process/route_message.c"

#include "tests/unit/check_payload.h"

static bool
parse_question(struct text t)
{
	struct route_question q;

	return route_question_parse(t, &q);
}

static bool
parse_route(struct text t)
{
	struct route route;

	return route_parse(t, &route);
}

static void
test_questions(void)
{
	struct route_question q = { text_of("192.0.2.1"),
	    text_of("me@own.example"), text_of("u@a.example") }, again;

	route_question_format(&q, &payload);
	check_bool("a question", route_question_parse(payload_text(), &again),
	    true);
	check_int(" its client", (int64_t)again.client.len, 9);
	check_int(" its sender", (int64_t)again.sender.len, 14);
	check_int(" its recipient", (int64_t)again.recipient.len, 11);
	check_only_whole(" as a whole", parse_question);

	q.sender = text_of("");
	route_question_format(&q, &payload);
	route_question_parse(payload_text(), &again);
	check_bool("the null sender", again.sender.data != NULL, true);
	buffer_reset(&payload);

	q.sender.data = NULL;
	route_question_format(&q, &payload);
	route_question_parse(payload_text(), &again);
	check_bool("no sender", again.sender.data == NULL, true);
	buffer_reset(&payload);
}

static void
test_answers(void)
{
	struct route route = { FACT_PRESENT, FACT_ABSENT,
	    { .kind = TRANSPORT_HOPS, .because = "relayhost" } }, again;
	const char *why;
	char text[NEXT_HOP_TEXT_SIZE];

	next_hop_parse(text_of("[r.example]:587"), &route.transport.hops[0],
	    &why);
	next_hop_parse(text_of("b.example"), &route.transport.hops[1], &why);
	route.transport.hop_count = 2;
	route_format(&route, &payload);
	check_bool("a way", route_parse(payload_text(), &again), true);
	check_int(" its client", again.client_is_ours, FACT_PRESENT);
	check_int(" its domain", again.domain_is_ours, FACT_ABSENT);
	check_int(" its hops", (int64_t)again.transport.hop_count, 2);
	check_text(" the first", next_hop_format(&again.transport.hops[0],
	    text), "[r.example]:587");
	check_only_whole(" as a whole", parse_route);

	route.transport.hop_count = 0;
	route_format(&route, &payload);
	check_bool("known, and no hop", parse_route(payload_text()), false);
	buffer_reset(&payload);
	route.transport.kind = TRANSPORT_PENDING;
	route_format(&route, &payload);
	check_bool("awaited", parse_route(payload_text()), false);
	buffer_reset(&payload);
	route.transport.kind = TRANSPORT_NONE;
	route_format(&route, &payload);
	check_bool("none", parse_route(payload_text()), true);
	payload.data[0] = 3;
	check_bool("a state that is none", parse_route(payload_text()), false);
	buffer_reset(&payload);
}

int
main(void)
{
	buffer_init(&payload, ROUTE_MESSAGE_MAX);
	test_questions();
	test_answers();
	buffer_clear(&payload);
	return check_end();
}
