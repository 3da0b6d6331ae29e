/*
 * What another host wrote to the shared cache, or a disk gave back: a line, a
 * domain's value, the journal's items.  What was read can be written again.
 */

#include "shared/tlsrpt/tally.h"

#include "tests/fuzz/fuzz.h"

static const struct siphash_key hash_key = { 1, 2 };

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text input = { (const char *)data, size };
	struct tally *t = tally_new(1, 50, &hash_key);
	struct tally_key key;
	struct buffer out;
	uint32_t domain;

	buffer_init(&out, 1 << 26);
	tally_key_parse(input, &key);
	tally_merge_domain(t, text_of("a.example"), input);
	tally_replay(t, input);
	while (tally_take_marked(t, TALLY_MARK_CACHE, &domain))
		tally_format_domain(t, domain, &out);
	buffer_clear(&out);
	tally_free(t);
}
