/*
 * Values in a message's payload.  Knows nothing of the messages themselves.
 */

#include "shared/pack.h"

#include <assert.h>

static void
pack_number(struct buffer *b, uint64_t value, size_t width)
{
	unsigned char bytes[8];
	size_t i;

	for (i = 0; i < width; i++)
		bytes[i] = (unsigned char)(value >> (8 * (width - 1 - i)));
	buffer_add(b, bytes, width);
}

void
pack_u8(struct buffer *b, uint8_t value)
{
	pack_number(b, value, 1);
}

void
pack_u16(struct buffer *b, uint16_t value)
{
	pack_number(b, value, 2);
}

void
pack_u32(struct buffer *b, uint32_t value)
{
	pack_number(b, value, 4);
}

void
pack_u64(struct buffer *b, uint64_t value)
{
	pack_number(b, value, 8);
}

void
pack_text(struct buffer *b, struct text value)
{
	assert(value.len <= UINT32_MAX);
	pack_u32(b, (uint32_t)value.len);
	buffer_add(b, value.data, value.len);
}

void
pack_string(struct buffer *b, const char *value)
{
	pack_text(b, text_of(value));
}

void
pack_varint(struct buffer *b, uint64_t value)
{
	unsigned char octets[10];
	size_t len = 0;

	for (; value > 0x7f; value >>= 7)
		octets[len++] = (unsigned char)(value | 0x80);
	octets[len++] = (unsigned char)value;
	buffer_add(b, octets, len);
}

void
pack_brief(struct buffer *b, struct text value)
{
	pack_varint(b, value.len);
	buffer_add(b, value.data, value.len);
}

void
unpack_init(struct unpack *u, const void *data, size_t len)
{
	*u = (struct unpack){ .data = data, .left = len };
}

static uint64_t
unpack_number(struct unpack *u, size_t width)
{
	uint64_t value = 0;
	size_t i;

	if (u->is_bad || u->left < width) {
		u->is_bad = true;
		return 0;
	}
	for (i = 0; i < width; i++)
		value = value << 8 | u->data[i];
	u->data += width;
	u->left -= width;
	return value;
}

uint8_t
unpack_u8(struct unpack *u)
{
	return (uint8_t)unpack_number(u, 1);
}

uint16_t
unpack_u16(struct unpack *u)
{
	return (uint16_t)unpack_number(u, 2);
}

uint32_t
unpack_u32(struct unpack *u)
{
	return (uint32_t)unpack_number(u, 4);
}

uint64_t
unpack_u64(struct unpack *u)
{
	return unpack_number(u, 8);
}

struct text
unpack_octets(struct unpack *u, size_t len)
{
	struct text t = { "", 0 };

	if (u->is_bad || u->left < len) {
		u->is_bad = true;
		return t;
	}
	t = (struct text){ (const char *)u->data, len };
	u->data += len;
	u->left -= len;
	return t;
}

struct text
unpack_text(struct unpack *u)
{
	return unpack_octets(u, unpack_u32(u));
}

uint64_t
unpack_varint(struct unpack *u)
{
	uint64_t value = 0;
	unsigned shift;
	uint8_t octet;

	for (shift = 0; shift < 64; shift += 7) {
		octet = unpack_u8(u);
		value |= (uint64_t)(octet & 0x7f) << shift;
		if ((octet & 0x80) == 0)
			return u->is_bad ? 0 : value;
	}
	u->is_bad = true;
	return 0;
}

struct text
unpack_brief(struct unpack *u)
{
	return unpack_octets(u, unpack_varint(u));
}

bool
unpack_is_done(const struct unpack *u)
{
	return !u->is_bad && u->left == 0;
}
