/*
 * Memory or the end: input is bounded before it is kept, so that running out
 * of memory is a broken machine and not an answer.
 */

#ifndef HOPSEAL_XALLOC_H
#define HOPSEAL_XALLOC_H

#include <stddef.h>

/* All return zeroed or copied memory, never NULL; the caller frees it. */
void	*xcalloc(size_t count, size_t size);
void	*xreallocarray(void *old, size_t count, size_t size);
void	*xmemdup(const void *data, size_t len);
char	*xstrdup(const char *text);
/* Copies len bytes, which hold no NUL, and adds one. */
char	*xstrndup(const char *text, size_t len);

#endif
