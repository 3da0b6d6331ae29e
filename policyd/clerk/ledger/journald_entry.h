/*
 * One entry of systemd's journal, as "journalctl -o json" prints it: a JSON
 * object on a line.  Fields above 4 KiB are null there, so that no line is
 * long; one that is no text or is there twice was never a mail program's.
 */

#ifndef HOPSEAL_JOURNALD_ENTRY_H
#define HOPSEAL_JOURNALD_ENTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"

#define JOURNALD_CURSOR_MAX	512	/* octets */

struct journald_entry {
	struct text	cursor;		/* printable, no blank */
	struct text	identifier, message;	/* empty when there is none */
	uint32_t	pid;		/* 0: not told */
	int64_t		at;		/* s since 1970 */
	json_t		*json;		/* that the texts point into */
};

/* False for what is no entry. */
bool	journald_entry_parse(struct text line, struct journald_entry *out);
void	journald_entry_clear(struct journald_entry *entry);

/*
 * Whether an entry at one cursor was written no later than that at another, in
 * the same boot; *is_same: it is the same entry.  Copied to another file of
 * the journal an entry has other numbers ("s=...;i=..."), and the same times.
 */
bool	journald_cursor_is_up_to(struct text cursor, struct text other,
	    bool *is_same);

#endif
