/*
 * The mail log's files, which only the parent may open: the clerk asks for
 * them by number and reads them.
 */

#ifndef HOPSEAL_MAIL_LOG_H
#define HOPSEAL_MAIL_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct settings;

#define MAIL_LOG_MARK_JOURNAL	2

/*
 * Opens the log, 0, or the n-th newest of what it was renamed to:
 * "mail.log.1", "mail.log-20261122", also compressed.  -1 with *why.
 */
int		 mail_log_open(const struct settings *settings, unsigned n,
		    const char **why);
/*
 * Changes when another file takes the log's name; 0 when there is none, and
 * MAIL_LOG_MARK_JOURNAL when it is no file (journald_reader.h).
 */
uint64_t	 mail_log_mark(const struct settings *settings);
/* Whether they tell of another log, there or not. */
bool		 mail_log_is_other(const struct settings *a,
		    const struct settings *b);

#endif
