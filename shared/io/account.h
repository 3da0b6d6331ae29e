/*
 * Accounts of the system by name or number, and becoming one of them.
 */

#ifndef HOPSEAL_ACCOUNT_H
#define HOPSEAL_ACCOUNT_H

#include <sys/types.h>

#include "shared/buffer.h"

struct account {
	uid_t	uid;
	gid_t	gid;
};

/*
 * "name", "name:group" or numbers; without a group the user's own (a number's
 * own number).  0, or -1 with a line in errors that names option.
 */
int	account_find(const char *option, const char *spelling,
	    struct account *out, struct buffer *errors);

/*
 * Becomes account for ever, with its one group, without capabilities and
 * without the chance of new ones; -1 with errno.  Not root: only the last.
 */
int	account_become(const struct account *account);

#endif
