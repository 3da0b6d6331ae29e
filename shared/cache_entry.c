/*
 * The names and messages of the shared cache.  All keys of one domain share a
 * hash tag, so that they stay on one slot of a cluster.
 */

#include "shared/cache_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const change_words[] = {
	"changed", "forgotten", "forgotten-policy"
};

#define CHANGE_COUNT (sizeof(change_words) / sizeof(change_words[0]))

static char *
format_key(const char *head, const struct next_hop *hop,
    char out[CACHE_KEY_SIZE])
{
	char *end = stpcpy(stpcpy(stpcpy(out, head), hop->name), "}");
	size_t left = CACHE_KEY_SIZE - (size_t)(end - out);

	if (hop->kind == NEXT_HOP_HOST)
		snprintf(end, left, ":host:%u", (unsigned)hop->port);
	else if (hop->kind == NEXT_HOP_DOMAIN_PORT)
		snprintf(end, left, ":%u", (unsigned)hop->port);
	return out;
}

char *
cache_facts_key(const struct next_hop *hop, char out[CACHE_KEY_SIZE])
{
	return format_key("hopseal:facts:{", hop, out);
}

char *
cache_lock_key(const struct next_hop *hop, char out[CACHE_KEY_SIZE])
{
	return format_key("hopseal:lock:{", hop, out);
}

void
cache_change_format(const struct cache_change *change, struct buffer *out)
{
	char hop[NEXT_HOP_TEXT_SIZE];

	buffer_addf(out, "%s %016" PRIx64 " %s", change_words[change->kind],
	    change->origin, next_hop_format(&change->hop, hop));
}

static bool
parse_origin(struct text word, uint64_t *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;
	uint64_t origin = 0;
	size_t i;

	if (word.len != 16)
		return false;
	for (i = 0; i < word.len; i++) {
		at = memchr(digits, word.data[i], 16);
		if (at == NULL)
			return false;
		origin = origin << 4 | (uint64_t)(at - digits);
	}
	*out = origin;
	return true;
}

bool
cache_change_parse(struct text message, struct cache_change *out)
{
	struct cache_change change;
	struct text word;
	const char *why;
	size_t i;

	if (!text_next_word(&message, &word))
		return false;
	for (i = 0; i < CHANGE_COUNT; i++)
		if (text_equals(word, change_words[i]))
			break;
	if (i == CHANGE_COUNT || !text_next_word(&message, &word) ||
	    !parse_origin(word, &change.origin))
		return false;
	change.kind = (enum cache_change_kind)i;
	next_hop_parse(text_trim(message), &change.hop, &why);
	if (change.hop.kind == NEXT_HOP_NONE)
		return false;
	*out = change;
	return true;
}
