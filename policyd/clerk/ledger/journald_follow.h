/*
 * Follows systemd's journal: reads what journalctl prints, which the parent
 * runs with the rights that it takes.  Each entry is told once, in order, over
 * restarts too; the position, which is the last one's cursor, says after
 * which.  journalctl itself follows the journal's own files.
 */

#ifndef HOPSEAL_JOURNALD_FOLLOW_H
#define HOPSEAL_JOURNALD_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

struct event_base;
struct journald_entry;
struct journald_follow;

struct journald_follow_callbacks {
	/* Borrowed for the call. */
	void	(*on_entry)(const struct journald_entry *entry, void *arg);
	/* Its output ended: to be answered by journald_follow_take. */
	void	(*on_want)(void *arg);
	/* Entries were missed, and why; they cannot be had any more. */
	void	(*on_gap)(const char *why, void *arg);
};

/*
 * Where a position, as once formatted, asks to begin: a cursor; empty: with
 * what is there; "now" after another source, whose lines these are, too.
 */
struct text	journald_follow_begin(struct text position);

/* Begins there once it has what to read. */
struct journald_follow *journald_follow_new(struct event_base *base,
		    struct text position,
		    const struct journald_follow_callbacks *callbacks,
		    void *arg);
void		 journald_follow_free(struct journald_follow *f);
/* What journalctl prints from the position on; fd is taken, or -1. */
void		 journald_follow_take(struct journald_follow *f, int fd);
/* Adds the position behind the last entry that was told. */
void		 journald_follow_format(const struct journald_follow *f,
		    struct buffer *out);
/*
 * All that there is was told.  journalctl does not say so: the last entry is
 * of this minute, or for some time none came.
 */
bool		 journald_follow_is_read(const struct journald_follow *f);
uint64_t	 journald_follow_entry_count(const struct journald_follow *f);

#endif
