/*
 * The framing of the messages between our processes.  Both ends are ours, but
 * one of them reads what strangers send, so nothing is believed here either.
 */

#include "shared/frame.h"

#include <assert.h>

#include "shared/pack.h"

enum frame_result
frame_parse(const void *data, size_t len, struct frame *out, size_t *used,
    const char **why)
{
	const unsigned char *octets = data;
	struct unpack u;
	uint32_t payload_len;
	struct frame frame;

	if (len >= 1 && octets[0] != FRAME_VERSION) {
		*why = "frame: unknown version";
		return FRAME_BAD;
	}
	if (len < FRAME_HEADER_BYTES)
		return FRAME_MORE;
	unpack_init(&u, data, len);
	unpack_u8(&u);
	frame.type = unpack_u8(&u);
	if (unpack_u16(&u) != 0) {
		*why = "frame: reserved octets are set";
		return FRAME_BAD;
	}
	payload_len = unpack_u32(&u);
	frame.number = unpack_u64(&u);
	if (payload_len > FRAME_PAYLOAD_MAX) {
		*why = "frame: payload too long";
		return FRAME_BAD;
	}
	if (u.left < payload_len)
		return FRAME_MORE;
	frame.payload = (struct text){ (const char *)u.data, payload_len };
	*out = frame;
	*used = FRAME_HEADER_BYTES + (size_t)payload_len;
	return FRAME_DONE;
}

void
frame_format(struct buffer *b, uint8_t type, uint64_t number,
    struct text payload)
{
	assert(payload.len <= FRAME_PAYLOAD_MAX);
	/* Half a frame would spoil the stream behind it. */
	if (FRAME_HEADER_BYTES + payload.len > b->limit - b->len) {
		b->is_overfull = true;
		return;
	}
	pack_u8(b, FRAME_VERSION);
	pack_u8(b, type);
	pack_u16(b, 0);
	pack_u32(b, (uint32_t)payload.len);
	pack_u64(b, number);
	buffer_add(b, payload.data, payload.len);
}
