/*
 * TLSA records: the input is read as wire form and as text; what is accepted
 * comes back the same through its text form.
 */

#include "shared/policy/tlsa.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define TEXT_SIZE (12 + 2 * TLSA_DATA_MAX_BYTES + 1)

static void
check_round_trip(const struct tlsa *record)
{
	unsigned char storage[TLSA_DATA_MAX_BYTES];
	struct tlsa again;
	char text[TEXT_SIZE], small[16];

	tlsa_format(small, sizeof(small), record);
	assert(memchr(small, '\0', sizeof(small)) != NULL);
	tlsa_format(text, sizeof(text), record);
	if (record->data.len > TLSA_DATA_MAX_BYTES) {
		assert(!tlsa_is_usable(record));
		return;
	}
	assert(tlsa_parse_text(text_of(text), storage, &again));
	assert(record->usage == again.usage &&
	    record->selector == again.selector &&
	    record->matching_type == again.matching_type &&
	    record->data.len == again.data.len &&
	    memcmp(record->data.data, again.data.data, again.data.len) == 0);
	assert(tlsa_is_usable(record) == tlsa_is_usable(&again));
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	unsigned char storage[TLSA_DATA_MAX_BYTES];
	struct text input = { (const char *)data, size };
	struct tlsa record;

	if (tlsa_parse(input, &record))
		check_round_trip(&record);
	if (tlsa_parse_text(input, storage, &record))
		check_round_trip(&record);
}
