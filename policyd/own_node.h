/*
 * Sockets and files that this process made under a name, and takes away at its
 * end, unless somebody else made another one there since.
 */

#ifndef HOPSEAL_OWN_NODE_H
#define HOPSEAL_OWN_NODE_H

#include <sys/types.h>
#include <time.h>

struct own_node {
	char		*path;		/* NULL: none */
	dev_t		 device;
	ino_t		 number;
	struct timespec	 made_at;	/* numbers are used again */
};

/* Remembers what is at path now; none when nothing is. */
void	own_node_init(struct own_node *node, const char *path);
/* Removes it, as the owner of its folder when the caller may become that. */
void	own_node_remove(struct own_node *node);

#endif
