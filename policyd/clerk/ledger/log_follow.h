/*
 * Follows the mail log from file to file: rotated by renaming or by copying
 * and cutting, compressed, or all of it while nobody looked.  Each line is
 * told once, in order; the position says after which.  The files are opened
 * by the parent, who alone may.
 */

#ifndef HOPSEAL_LOG_FOLLOW_H
#define HOPSEAL_LOG_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

struct event_base;
struct log_follow;

struct log_follow_callbacks {
	/* A line without its end, a slice for the call. */
	void	(*on_line)(struct text line, void *arg);
	/* The log, 0, or the n-th newest of its older files: to be answered
	   by log_follow_take. */
	void	(*on_want)(unsigned n, void *arg);
	/* Lines were missed, and why; they cannot be had any more. */
	void	(*on_gap)(const char *why, void *arg);
};

/*
 * position: as once formatted, or empty to begin with what is there.  Another
 * source's: it begins with what comes, as the rest was read there.  Has no
 * file until it takes one.
 */
struct log_follow *log_follow_new(struct event_base *base,
		struct text position,
		const struct log_follow_callbacks *callbacks, void *arg);
void	log_follow_free(struct log_follow *f);
/*
 * The n-th file, fd is taken, or -1 when there is none.  The log itself comes
 * unasked, too: when another file has taken its name.
 */
void	log_follow_take(struct log_follow *f, unsigned n, int fd);
/* Adds the position behind the last line that was told. */
void	log_follow_format(const struct log_follow *f, struct buffer *out);
/* All that there is was told, a moment ago. */
bool	log_follow_is_read(const struct log_follow *f);
/*
 * Octets that are there and not yet read: at least so many, never 0, while
 * older files are read; 0 also without a file.
 */
uint64_t log_follow_lag_bytes(const struct log_follow *f);
bool	log_follow_has_file(const struct log_follow *f);
/* Lines told; octets of them. */
uint64_t log_follow_line_count(const struct log_follow *f);

#endif
