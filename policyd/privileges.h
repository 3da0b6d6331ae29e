/*
 * Accounts and capabilities: the parent starts as root and keeps three
 * capabilities, each child becomes its own user, and nobody gains anything
 * by what he executes.
 */

#ifndef HOPSEAL_PRIVILEGES_H
#define HOPSEAL_PRIVILEGES_H

#include <sys/types.h>

#include <stdbool.h>

#include "shared/buffer.h"

struct account {
	uid_t	uid;
	gid_t	gid;
};

/*
 * "name", "name:group" or numbers; without a group the user's own (a number's own
 * number).  0, or -1 with a line in errors that names option.
 */
int	account_find(const char *option, const char *spelling,
	    struct account *out, struct buffer *errors);

/* Keeps SETUID, SETGID and DAC_READ_SEARCH for this process; -1 with errno. */
int	privileges_keep_parent(void);
/*
 * Becomes account for ever, with its one group, without capabilities and
 * without the chance of new ones; -1 with errno.
 */
int	privileges_become(const struct account *account);
/* Ends pid, which runs as account: the parent has no CAP_KILL. */
void	privileges_kill(pid_t pid, const struct account *account, int signal);

#endif
