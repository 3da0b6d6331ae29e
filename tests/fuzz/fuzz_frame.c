/*
 * A stream of frames, and each payload as packed values: nothing is read
 * beyond the end, and a frame that is formatted again has the same octets.
 */

#include "shared/frame.h"

#include <assert.h>
#include <string.h>

#include "shared/pack.h"
#include "tests/fuzz/fuzz.h"

static void
unpack_payload(struct text payload)
{
	struct unpack u;
	struct text value;

	unpack_init(&u, payload.data, payload.len);
	unpack_u8(&u);
	unpack_u16(&u);
	while (!u.is_bad && u.left > 0) {
		value = unpack_text(&u);
		assert(value.len <= payload.len);
	}
	assert(unpack_is_done(&u) == !u.is_bad);
	if (u.is_bad)
		assert(unpack_u64(&u) == 0 && unpack_text(&u).len == 0);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct buffer b;
	struct frame frame;
	const char *why = NULL;
	size_t used;
	enum frame_result result;

	while ((result = frame_parse(data, size, &frame, &used, &why)) ==
	    FRAME_DONE) {
		assert(used <= size);
		assert(used == FRAME_HEADER_BYTES + frame.payload.len);
		buffer_init(&b, used);
		frame_format(&b, frame.type, frame.number, frame.payload);
		assert(!b.is_overfull && b.len == used);
		assert(memcmp(b.data, data, used) == 0);
		buffer_clear(&b);
		unpack_payload(frame.payload);
		data += used;
		size -= used;
	}
	assert((result == FRAME_BAD) == (why != NULL));
}
