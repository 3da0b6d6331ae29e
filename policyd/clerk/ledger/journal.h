/*
 * Records on disk: files to which whole records are appended, each with its
 * length and checksum, so that a kill at any instant leaves a readable file
 * whose last record is there or is not.  What a record says is the ledger's.
 *
 *	octet 0-3	length of the payload in network order
 *	octet 4-11	its SipHash
 */

#ifndef HOPSEAL_JOURNAL_H
#define HOPSEAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define JOURNAL_RECORD_MAX_BYTES	(256 * 1024 * 1024)
#define JOURNAL_ERROR_SIZE		512

struct journal;

/* False ends the reading, as a record does that cannot be read. */
typedef bool journal_record_cb(struct text payload, void *arg);

/*
 * Reads the segments of a folder one after the other, takes a torn end off the
 * last one and goes on there.  The folder is made when it is not there, and
 * locked.  NULL with error.
 */
struct journal	*journal_open(const char *folder,
		    journal_record_cb *on_record, void *arg,
		    char error[JOURNAL_ERROR_SIZE]);
/* Waits for the disk. */
void		 journal_free(struct journal *j);

/* False with errno, and nothing of it is left in the file. */
bool		 journal_append(struct journal *j, struct text payload);
/* What was appended is asked to reach the disk, soon. */
void		 journal_sync(struct journal *j);
/* errno when the disk took something back, told once; else 0. */
int		 journal_sync_error(struct journal *j);
/* Octets in all segments. */
uint64_t	 journal_bytes(const struct journal *j);
/* Octets that were found torn when it was opened. */
uint64_t	 journal_torn_bytes(const struct journal *j);

/*
 * Later records go to a new segment.  The descriptor of the old one is the
 * caller's to sync and close; -1 with errno, and all is as before.
 */
int		 journal_begin_segment(struct journal *j);
/* Removes all segments but the current one. */
void		 journal_remove_old(struct journal *j);

/* One file of records, whole: 0, or -1 with errno; reads as far as it can. */
int		 journal_read_file(const char *path,
		    journal_record_cb *on_record, void *arg);
/* A record, for a file that is written otherwise. */
void		 journal_format_record(struct text payload, struct buffer *out);

#endif
