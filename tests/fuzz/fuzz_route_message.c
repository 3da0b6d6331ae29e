/*
 * Payloads about the way of a mail: what is accepted, formatted again, is the
 * same.
 */

/* The source itself: no archive that a test links holds this folder. */
#include "policyd/process/route_message.c"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static void
fuzz_question(struct text payload)
{
	struct route_question q;
	struct buffer b;

	if (!route_question_parse(payload, &q))
		return;
	buffer_init(&b, ROUTE_MESSAGE_MAX * 2);
	route_question_format(&q, &b);
	assert(b.is_overfull || (b.len == payload.len &&
	    memcmp(b.data, payload.data, payload.len) == 0));
	buffer_clear(&b);
}

static void
fuzz_answer(struct text payload)
{
	struct route route, again;
	struct buffer b;

	if (!route_parse(payload, &route))
		return;
	buffer_init(&b, ROUTE_MESSAGE_MAX);
	route_format(&route, &b);
	assert(route_parse((struct text){ b.data, b.len }, &again));
	assert(again.transport.kind == route.transport.kind &&
	    again.transport.hop_count == route.transport.hop_count &&
	    again.client_is_ours == route.client_is_ours &&
	    again.domain_is_ours == route.domain_is_ours);
	buffer_clear(&b);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text payload = { (const char *)data, size };

	fuzz_question(payload);
	fuzz_answer(payload);
}
