/*
 * Capabilities: the parent starts as root and keeps three of them; its children
 * become their own users (shared/io/account.h).
 */

#ifndef HOPSEAL_PRIVILEGES_H
#define HOPSEAL_PRIVILEGES_H

#include <sys/types.h>

#include "shared/io/account.h"

/* Keeps SETUID, SETGID and DAC_READ_SEARCH for this process; -1 with errno. */
int	privileges_keep_parent(void);
/* Ends pid, which runs as account: the parent has no CAP_KILL. */
void	privileges_kill(pid_t pid, const struct account *account, int signal);

#endif
