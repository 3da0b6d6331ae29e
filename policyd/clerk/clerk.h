/*
 * The clerk: the process that writes down and shows: the log of front and scout,
 * the ledger, the control socket, the status port.
 */

#ifndef HOPSEAL_CLERK_H
#define HOPSEAL_CLERK_H

#include <stddef.h>

/*
 * Runs until the parent ends it; returns the exit status.  control_fd listens
 * and does not block, or is -1 when there is no control socket; so do the
 * status_count ones at status_fds, which are borrowed.
 */
int	clerk_main(int parent_fd, int control_fd, const int *status_fds,
	    size_t status_count);

#endif
