/*
 * The payloads between scout and those who ask it: what parses is formatted
 * to the same octets, but for bits of findings that are none.
 */

#include "shared/probe_message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"
#include "tests/fuzz/fuzz.h"

static void
check_same(const struct buffer *b, const uint8_t *data, size_t size)
{
	assert(!b->is_overfull && b->len == size);
	assert(memcmp(b->data, data, size) == 0);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text payload = { (const char *)data, size };
	struct observation *o = xcalloc(1, sizeof(*o));
	struct probe_request request;
	struct txt_answer txt;
	char name[HOST_NAME_SIZE];
	struct buffer b;

	buffer_init(&b, size + 1);
	if (probe_request_parse(payload, &request)) {
		probe_request_format(&request, &b);
		check_same(&b, data, size);
	}
	buffer_reset(&b);
	if (observation_parse(payload, o)) {
		observation_finding(o, true);
		observation_postfix_finding(o, false);
		observation_findings(o, false);
		observation_format(o, &b);
		assert(!b.is_overfull && b.len == size);
	}
	buffer_reset(&b);
	if (txt_question_parse(payload, name)) {
		txt_question_format(name, &b);
		check_same(&b, data, size);
	}
	buffer_reset(&b);
	if (txt_answer_parse(payload, &txt)) {
		txt_answer_format(&txt, &b);
		check_same(&b, data, size);
	}
	buffer_clear(&b);
	free(o);
}
