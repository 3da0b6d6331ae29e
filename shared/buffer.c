/*
 * A growing block of bytes with a limit.  Doubles as it grows; nothing is ever
 * cut in the middle: what does not fit is left out and is_overfull says so.
 */

#include "shared/buffer.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"

void
buffer_init(struct buffer *b, size_t limit)
{
	assert(limit < SIZE_MAX / 4);	/* doubling does not wrap */
	*b = (struct buffer){ .limit = limit };
}

void
buffer_clear(struct buffer *b)
{
	free(b->data);
	buffer_init(b, b->limit);
}

void
buffer_reset(struct buffer *b)
{
	b->len = 0;
	b->is_overfull = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/* Room for len more bytes and a NUL; false when the limit forbids it. */
static bool
buffer_reserve(struct buffer *b, size_t len)
{
	size_t wanted;

	if (b->is_overfull || len > b->limit - b->len) {
		b->is_overfull = true;
		return false;
	}
	wanted = b->len + len + 1;
	if (wanted <= b->capacity)
		return true;
	if (b->capacity < 64)
		b->capacity = 64;
	while (b->capacity < wanted)
		b->capacity *= 2;
	b->data = xreallocarray(b->data, b->capacity, 1);
	return true;
}

void
buffer_add(struct buffer *b, const void *data, size_t len)
{
	if (!buffer_reserve(b, len))
		return;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buffer_add_text(struct buffer *b, const char *text)
{
	buffer_add(b, text, strlen(text));
}

void
buffer_addf(struct buffer *b, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(len >= 0);
	if (!buffer_reserve(b, (size_t)len))
		return;
	va_start(args, format);
	vsnprintf(b->data + b->len, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
}

void
buffer_drain(struct buffer *b, size_t len)
{
	assert(len <= b->len);
	b->len -= len;
	if (b->data != NULL) {
		memmove(b->data, b->data + len, b->len);
		b->data[b->len] = '\0';
	}
}

char *
buffer_take(struct buffer *b)
{
	char *data = b->data != NULL ? b->data : xstrdup("");

	buffer_init(b, b->limit);
	return data;
}

const char *
buffer_text(const struct buffer *b)
{
	return b->data != NULL ? b->data : "";
}
