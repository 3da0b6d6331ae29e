/*
 * The front: answers Postfix from memory and Redis, asks the scout, never
 * waits.
 */

#ifndef HOPSEAL_FRONT_H
#define HOPSEAL_FRONT_H

#include <stddef.h>

/* Descriptors of the listeners are the front's; the exit status. */
int	front_main(int parent_fd, const int *map_fds, size_t map_count,
	    const int *access_fds, size_t access_count);

#endif
