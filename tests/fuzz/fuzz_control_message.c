/*
 * What the clerk reads from the front and the other way, each message by all of
 * its parsers: what is accepted formats and parses again.
 */

#include <assert.h>

/* The source itself: no archive that a test links holds this folder. */
#include "policyd/process/control_message.c"
#include "tests/fuzz/fuzz.h"

static struct text
text_in(const struct buffer *b)
{
	return (struct text){ buffer_text(b), b->len };
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text payload = { (const char *)data, size };
	struct control_explanation explanation;
	struct control_question question;
	struct control_counter counter;
	struct control_outcome outcome;
	struct control_part part;
	struct tls_site site;
	struct buffer again;
	struct unpack u;
	enum control_item item;

	buffer_init(&again, size + NEXT_HOP_TEXT_SIZE + 64);
	if (control_question_parse(payload, &question)) {
		control_question_format(&question, &again);
		assert(control_question_parse(text_in(&again), &question));
	}
	buffer_reset(&again);
	if (control_explanation_parse(payload, &explanation)) {
		control_explanation_format(&explanation, &again);
		assert(again.len == size);
	}
	buffer_reset(&again);
	if (control_site_parse(payload, &site)) {
		control_site_format(&site, &again);
		assert(again.len == size);
	}
	buffer_reset(&again);
	if (control_outcome_parse(payload, &outcome)) {
		control_outcome_format(&outcome, &again);
		assert(again.len == size);
	}
	buffer_reset(&again);
	unpack_init(&u, data, size);
	do {
		item = control_status_next(&u, &part, &counter);
		if (item == CONTROL_ITEM_PART)
			control_part_format(&part, &again);
		else if (item == CONTROL_ITEM_COUNTER)
			control_counter_format(&counter, &again);
	} while (item == CONTROL_ITEM_PART || item == CONTROL_ITEM_COUNTER);
	assert(item != CONTROL_ITEM_END || again.len == size);
	buffer_clear(&again);
}
