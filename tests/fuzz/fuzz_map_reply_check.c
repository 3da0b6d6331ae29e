/*
 * Replies of a TLS policy map: what is accepted, written again with each value
 * in braces, is accepted with the same attributes.
 */

#include "shared/postfix/map_reply_check.h"

#include <assert.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/postfix/socketmap.h"
#include "tests/fuzz/fuzz.h"

static bool
has_brace(const struct map_reply *reply)
{
	size_t i;

	for (i = 0; i < reply->attribute_count; i++)
		if (strpbrk(reply->attributes[i].value, "{}") != NULL)
			return true;
	return false;
}

static void
fuzz_again(const struct map_reply *reply)
{
	struct map_reply again;
	struct buffer b;
	const char *why;
	size_t i;

	buffer_init(&b, SOCKETMAP_REPLY_MAX);
	buffer_addf(&b, "OK %s", tls_level_name(reply->level));
	for (i = 0; i < reply->attribute_count; i++)
		buffer_addf(&b, " { %s = %s }", reply->attributes[i].name,
		    reply->attributes[i].value);
	if (!b.is_overfull) {
		assert(map_reply_check((struct text){ b.data, b.len }, 310,
		    &again, &why) == 0);
		assert(again.attribute_count == reply->attribute_count);
		for (i = 0; i < again.attribute_count; i++)
			assert(again.attributes[i].name ==
			    reply->attributes[i].name);
		map_reply_clear(&again);
	}
	buffer_clear(&b);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	static const unsigned versions[] = { 304, 307, 309, 310, 312 };
	struct text payload = { (const char *)data, size };
	struct map_reply reply;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		why = NULL;
		if (map_reply_check(payload, versions[i], &reply, &why) ==
		    -1) {
			assert(why != NULL);
			continue;
		}
		assert((reply.status == MAP_REPLY_OK) ==
		    (reply.level != TLS_LEVEL_UNSET));
		if (reply.status == MAP_REPLY_OK && !has_brace(&reply))
			fuzz_again(&reply);
		map_reply_clear(&reply);
	}
}
