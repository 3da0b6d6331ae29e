/*
 * Whole small files: configuration, rules, passwords.
 */

#ifndef HOPSEAL_FILE_H
#define HOPSEAL_FILE_H

#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

/*
 * Adds a regular file's content to out, at most out->limit octets.  0, or -1 with errno;
 * EFBIG when it is longer, EISDIR or EINVAL when it is no regular file.
 */
int	file_read(const char *path, struct buffer *out);
/*
 * Puts content into a new file that takes path's place at once, readable for its
 * owner and group.  0, or -1 with errno, and path is as it was.
 */
int	file_replace(const char *path, struct text content);
/* The same, with the owner and mode that path has now. */
int	file_rewrite(const char *path, struct text content);
/* The same with from's content, owner and mode. */
#define FILE_COPY_MAX_BYTES	(16 * 1024 * 1024)
int	file_copy(const char *from, const char *to);
/* A number that changes with the file; 0 when it is not there. */
uint64_t file_mark(const char *path);

#endif
