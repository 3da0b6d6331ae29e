/*
 * A growing block of bytes with a limit, for all that is formatted here:
 * replies, records, messages, JSON-free text.  What would exceed the limit is
 * refused as a whole and remembered, so that a writer tests once at the end.
 */

#ifndef HOPSEAL_BUFFER_H
#define HOPSEAL_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char	*data;		/* NUL after len bytes, or NULL while empty */
	size_t	 len;
	size_t	 capacity;
	size_t	 limit;		/* len never exceeds it */
	bool	 is_overfull;	/* something did not fit; sticky */
};

void	buffer_init(struct buffer *b, size_t limit);
/* Frees; the buffer may be initialised again. */
void	buffer_clear(struct buffer *b);
/* Forgets the content and keeps the memory. */
void	buffer_reset(struct buffer *b);
void	buffer_add(struct buffer *b, const void *data, size_t len);
void	buffer_add_text(struct buffer *b, const char *text);
void	buffer_addf(struct buffer *b, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/* Drops len bytes from the front. */
void	buffer_drain(struct buffer *b, size_t len);
/* The content with its NUL; the caller frees it and the buffer is empty. */
char	*buffer_take(struct buffer *b);
/* The content, or "" when there is none. */
const char *buffer_text(const struct buffer *b);

#endif
