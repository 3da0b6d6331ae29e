/*
 * Memory or the end.  Every allocation of the project goes through here, so
 * that no caller carries an error path that no test can reach.
 */

#include "shared/xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
out_of_memory(size_t size)
{
	fprintf(stderr, "fatal: out of memory: %zu bytes wanted\n", size);
	abort();
}

void *
xcalloc(size_t count, size_t size)
{
	void *block = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (block == NULL)
		out_of_memory(size);
	return block;
}

void *
xreallocarray(void *old, size_t count, size_t size)
{
	void *block;

	if (size > 0 && count > SIZE_MAX / size)
		out_of_memory(SIZE_MAX);
	block = realloc(old, count * size > 0 ? count * size : 1);
	if (block == NULL)
		out_of_memory(count * size);
	return block;
}

void *
xmemdup(const void *data, size_t len)
{
	void *copy = xcalloc(1, len);

	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

char *
xstrdup(const char *text)
{
	return xmemdup(text, strlen(text) + 1);
}

char *
xstrndup(const char *text, size_t len)
{
	char *copy = xcalloc(1, len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	return copy;
}
