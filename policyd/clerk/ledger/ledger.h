/*
 * The ledger: totals of TLS sessions by UTC day, in memory and on disk.  What
 * is counted and how far its source was read become one record, so that a
 * kill at any instant re-reads and never counts twice.  How hosts share their
 * totals is ledger_share's, what a session is counted under ledger_session's.
 */

#ifndef HOPSEAL_LEDGER_H
#define HOPSEAL_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"
#include "shared/tlsrpt/tally.h"

#define LEDGER_DAYS_KEPT	40
#define LEDGER_WRITER_SIZE	17	/* 16 hexadecimal digits */

struct config;
struct ledger;
struct session_counts;

/* A day that is kept; on disk alone while tally is NULL. */
struct ledger_day {
	int64_t		 day;		/* from 1970 */
	struct tally	*tally;
	uint64_t	 total;		/* tally_total, also without tally */
	uint64_t	 saved_total;	/* of the file of the day */
	uint64_t	 shared_total;	/* Redis', for ledger_share */
	bool		 is_marked;	/* what that lacks; the same */
	int64_t		 used_ms;	/* clock_monotonic_ms */
};

/*
 * Of Postfix's datagrams, over restarts: written down with the sessions that
 * they brought, and with the lines of the log that speak of them.
 */
struct ledger_datagrams {
	int64_t		 since;		/* s since 1970; 0: never yet */
	uint64_t	 received;
	uint64_t	 announced;	/* by the log, up to its position */
};

struct ledger	*ledger_new(const struct config *config);
void		 ledger_free(struct ledger *l);
void		 ledger_set_config(struct ledger *l,
		    const struct config *config);
/*
 * Reads what is on disk, the first time; false while state_dir cannot be used,
 * which is said once, and nothing is counted.
 */
bool		 ledger_open(struct ledger *l);
bool		 ledger_is_open(const struct ledger *l);
/* Who writes, for ever the same in this state_dir. */
const char	*ledger_writer(const struct ledger *l);

/*
 * The tally that a session of that time is counted in; NULL when the ledger
 * does not keep such a day any more.  A time far ahead is the present.
 */
struct tally	*ledger_tally(struct ledger *l, int64_t at);
/* Of that day, loaded if need be; NULL when nothing is kept of it. */
struct tally	*ledger_load(struct ledger *l, int64_t day);
/* All days that are kept, oldest first; valid until the next call of any. */
struct ledger_day *ledger_days(struct ledger *l, size_t *count);

/* Writes down what cannot be read again; false: the disk did not take it. */
bool		 ledger_commit(struct ledger *l);
/*
 * Writes down everything, with how far the log was read (log_follow) and what
 * of it is pending (log_sessions).
 */
bool		 ledger_commit_log(struct ledger *l, struct text position,
		    struct text state);
/* As last written down; empty at first. */
struct text	 ledger_log_position(const struct ledger *l);
struct text	 ledger_log_state(const struct ledger *l);

/* To count in. */
struct ledger_datagrams *ledger_datagrams(struct ledger *l);

/* Once a second: the disk, files of days, days that are not needed. */
void		 ledger_tick(struct ledger *l, bool is_shared);
/* Why the disk does not take what is counted, or NULL; for people. */
const char	*ledger_trouble(const struct ledger *l);
uint64_t	 ledger_journal_bytes(const struct ledger *l);
/* Since the start; grow as sessions are counted. */
struct session_counts *ledger_session_counts(struct ledger *l);
size_t		 ledger_memory_bytes(struct ledger *l);

#endif
