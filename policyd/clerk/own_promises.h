/*
 * Since when our own domains promise what they promise: the MTA-STS mode, and
 * under which id which policy was first seen; and what is wrong with it, each
 * change told once.  Kept in a file over restarts.
 */

#ifndef HOPSEAL_OWN_PROMISES_H
#define HOPSEAL_OWN_PROMISES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"

struct own_promises;

/* A domain of which something else is wrong than before; borrowed. */
struct promise_change {
	const char	*domain;
	const char	*findings;		/* "a b"; "" when all is mended */
	const char	*words, *advice;	/* of the first, or "" */
	bool		 is_broken;
};
typedef void own_promises_cb(const struct promise_change *change, void *arg);

/* Reads what was known last time from path; a file that is none is passed over. */
struct own_promises *own_promises_new(const char *path,
	    own_promises_cb *callback, void *arg);
void	own_promises_free(struct own_promises *promises);	/* NULL is fine */
/*
 * Takes the domains of a report of "hopseal certs --json".  What could not be
 * looked at stays as it was; a domain that the report does not name is no
 * longer ours, unless the report is partial.  What is no report is ignored.
 */
void	own_promises_take(struct own_promises *promises, struct text report,
	    int64_t now);
/* Writes the file, if that is due; when those who are told cannot miss it. */
void	own_promises_keep(struct own_promises *promises);
/* Nobody has heard of what was told: what is wrong is told once more. */
void	own_promises_forget_told(struct own_promises *promises);
/*
 * The answer to "own-promises", one line that the caller frees: {"domains": {NAME:
 * {"mode", "since", "id", "policy_hash"}}}; since is of the mode.
 */
char	*own_promises_line(const struct own_promises *promises);

#endif
