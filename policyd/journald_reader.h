/*
 * Runs journalctl, which prints what mail programs say in systemd's journal,
 * for the clerk to read: as the clerk's user with the group that may.
 */

#ifndef HOPSEAL_JOURNALD_READER_H
#define HOPSEAL_JOURNALD_READER_H

#include <sys/types.h>

#include "shared/io/account.h"
#include "shared/text.h"

struct journald_reader {
	pid_t		pid, dying;	/* 0: none */
	struct account	account;	/* of these */
};

/*
 * Starts another one in place of the last, unless two would not end.  begin: a
 * cursor, whose entry comes first; "now"; or empty: all that is there.  Its
 * output, or -1 with *why.
 */
int	journald_reader_start(struct journald_reader *reader,
	    const struct account *user, struct text begin, const char **why);
/* Waits for nobody: on a sick disk even a kill may take its time. */
void	journald_reader_stop(struct journald_reader *reader);
/* After a SIGCHLD, whoever ended. */
void	journald_reader_reap(struct journald_reader *reader);

#endif
