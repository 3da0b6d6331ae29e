/*
 * The clerk: the process that writes down and shows.  For now the log of front
 * and scout, and the control socket.
 */

#ifndef HOPSEAL_CLERK_H
#define HOPSEAL_CLERK_H

/*
 * Runs until the parent ends it; returns the exit status.  control_fd listens
 * and does not block, or is -1 when there is no control socket.
 */
int	clerk_main(int parent_fd, int control_fd);

#endif
