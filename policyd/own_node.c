/*
 * What we leave in the file system and take away.  The parent has no right to
 * write everywhere, even as root (privileges.c), but may become the owner of a
 * folder, who can.
 */

#include "policyd/own_node.h"

#include <sys/stat.h>

#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/xalloc.h"

void
own_node_init(struct own_node *node, const char *path)
{
	struct stat status;

	node->path = NULL;
	if (lstat(path, &status) == -1)
		return;
	node->path = xstrdup(path);
	node->device = status.st_dev;
	node->number = status.st_ino;
	node->made_at = status.st_mtim;
}

static bool
is_still_ours(const struct own_node *node)
{
	struct stat status;

	return lstat(node->path, &status) == 0 &&
	    status.st_dev == node->device && status.st_ino == node->number &&
	    status.st_mtim.tv_sec == node->made_at.tv_sec &&
	    status.st_mtim.tv_nsec == node->made_at.tv_nsec;
}

static void
remove_as_owner(const char *path)
{
	char *copy = xstrdup(path);
	struct stat folder;
	bool is_root = geteuid() == 0;

	if (stat(dirname(copy), &folder) == 0) {
		if (!is_root || seteuid(folder.st_uid) == 0)
			unlink(path);
		if (is_root && seteuid(0) == -1)
			abort();
	}
	free(copy);
}

void
own_node_remove(struct own_node *node)
{
	if (node->path == NULL)
		return;
	if (is_still_ours(node))
		remove_as_owner(node->path);
	free(node->path);
	node->path = NULL;
}
