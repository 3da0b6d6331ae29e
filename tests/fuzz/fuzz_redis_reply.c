/*
 * The reader of Redis' answers.  The first octet says how large the pieces are
 * in which the rest arrives.
 */

#include "tests/fuzz/fuzz.h"

#include "shared/io/redis_reply.h"

static volatile unsigned char seen;

/* Touches each octet and returns how many values there are. */
static size_t
walk(const struct redis_reply *r)
{
	size_t i, count = 1;

	for (i = 0; i < r->text.len; i++)
		seen = (unsigned char)r->text.data[i];
	for (i = 0; i < r->count; i++)
		count += walk(r->elements[i]);
	return count;
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	enum redis_reader_result result = REDIS_READER_MORE;
	struct redis_reader *r;
	struct redis_reply *reply;
	const char *why;
	size_t at = 1, piece;

	if (size < 2)
		return;
	r = redis_reader_new();
	while (at < size && result != REDIS_READER_BAD) {
		piece = data[0] > 0 ? data[0] : size;
		if (piece > size - at)
			piece = size - at;
		redis_reader_feed(r, data + at, piece);
		at += piece;
		while ((result = redis_reader_next(r, &reply, &why)) ==
		    REDIS_READER_DONE) {
			if (walk(reply) > REDIS_REPLY_VALUES_MAX)
				__builtin_trap();
			redis_reply_free(reply);
		}
	}
	redis_reader_free(r);
}
