/*
 * Messages on the channel of changes: what is accepted, written again, is
 * accepted as the same; and its keys fit.
 */

#include "shared/cache_entry.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct cache_change change, again;
	char key[CACHE_KEY_SIZE], lock[CACHE_KEY_SIZE];
	struct buffer b;

	if (!cache_change_parse((struct text){ (const char *)data, size },
	    &change))
		return;
	buffer_init(&b, 1024);
	cache_change_format(&change, &b);
	assert(cache_change_parse((struct text){ b.data, b.len }, &again));
	assert(again.kind == change.kind && again.origin == change.origin &&
	    again.hop.kind == change.hop.kind &&
	    again.hop.port == change.hop.port &&
	    strcmp(again.hop.name, change.hop.name) == 0);
	buffer_clear(&b);
	cache_facts_key(&change.hop, key);
	cache_lock_key(&change.hop, lock);
	assert(strcmp(strchr(key, '{'), strchr(lock, '{')) == 0);
}
