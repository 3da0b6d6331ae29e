/*
 * Payloads between front and scout: what is accepted, packed again, is
 * accepted as the same, and a resolver's payload is exactly what it was.
 */

#include "shared/scout_message.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define PAYLOAD_MAX (8 * 1024 * 1024)

static void
fuzz_lookup(struct text payload)
{
	struct scout_lookup m, again;
	struct buffer b;

	if (!scout_lookup_parse(payload, &m))
		return;
	assert(m.hop.kind != NEXT_HOP_NONE);
	buffer_init(&b, PAYLOAD_MAX);
	scout_lookup_format(&m, &b);
	assert(scout_lookup_parse((struct text){ b.data, b.len }, &again));
	assert(again.must_refresh == m.must_refresh &&
	    again.hop.kind == m.hop.kind && again.hop.port == m.hop.port &&
	    strcmp(again.hop.name, m.hop.name) == 0 &&
	    again.known.len == m.known.len &&
	    memcmp(again.known.data, m.known.data, m.known.len) == 0);
	buffer_clear(&b);
}

static void
fuzz_resolver(struct text payload)
{
	struct scout_resolver m;
	struct buffer b;

	if (!scout_resolver_parse(payload, &m))
		return;
	assert(text_is_printable(m.detail));
	buffer_init(&b, PAYLOAD_MAX);
	scout_resolver_format(&m, &b);
	assert(b.len == payload.len &&
	    memcmp(b.data, payload.data, payload.len) == 0);
	buffer_clear(&b);
}

static void
fuzz_date(struct text payload)
{
	struct scout_date m, again;
	struct buffer b;

	if (!scout_date_parse(payload, &m))
		return;
	buffer_init(&b, PAYLOAD_MAX);
	scout_date_format(&m, &b);
	assert(scout_date_parse((struct text){ b.data, b.len }, &again));
	assert(again.ahead_s == m.ahead_s &&
	    address_equals(&again.host, &m.host));
	buffer_clear(&b);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text payload = { (const char *)data, size };

	fuzz_lookup(payload);
	fuzz_resolver(payload);
	fuzz_date(payload);
}
