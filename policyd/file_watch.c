/*
 * A path is walked name by name.  A link in it is watched for being replaced,
 * and what it leads to is walked then; of what is missing, the first name is
 * watched for in the folder that there is.
 */

#include "policyd/file_watch.h"

#include <sys/inotify.h>

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/log.h"
#include "shared/xalloc.h"

#define EVENTS		(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | \
			IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | \
			IN_MOVE_SELF | IN_ONLYDIR)
#define LINKS_MAX	40	/* as the kernel's */
#define READS_MAX	16	/* at one time */
#define BLOCK_SIZE	16384

/* A name in a watched folder. */
struct entry {
	int	 folder;	/* inotify's number for it */
	char	*name;
};

struct file_watch {
	int		 fd;
	struct event	*readable;
	struct entry	*entries;	/* sorted */
	size_t		 entry_count;
	int		 folders[FILE_WATCH_FOLDERS_MAX];
	size_t		 folder_count;
	bool		 has_complained;
	file_watch_cb	*callback;
	void		*arg;
};

static int
entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->folder != y->folder ? (x->folder > y->folder) * 2 - 1 :
	    strcmp(x->name, y->name);
}

/* ------------------------------------------------------------------ events */

static bool
concerns(const struct file_watch *w, const struct inotify_event *e,
    char *name)
{
	struct entry wanted = { e->wd, name };

	if ((e->mask & IN_Q_OVERFLOW) != 0)
		return true;
	if (e->len == 0)
		return (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
	return bsearch(&wanted, w->entries, w->entry_count,
	    sizeof(*w->entries), entry_compare) != NULL;
}

static void
file_watch_on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct file_watch *w = arg;
	char block[BLOCK_SIZE], name[NAME_MAX + 1];
	struct inotify_event e;
	bool is_changed = false;
	ssize_t len, at;
	int reads;

	(void)events;
	for (reads = 0; reads < READS_MAX &&
	    (len = read(fd, block, sizeof(block))) > 0; reads++)
		for (at = 0; at < len; at += (ssize_t)(sizeof(e) + e.len)) {
			memcpy(&e, block + at, sizeof(e));
			snprintf(name, sizeof(name), "%s", e.len > 0 ?
			    block + at + sizeof(e) : "");
			is_changed |= concerns(w, &e, name);
		}
	if (is_changed)
		w->callback(w->arg);
}

/* ------------------------------------------------------------------- paths */

static bool
is_watched(const struct file_watch *w, int folder)
{
	size_t i;

	for (i = 0; i < w->folder_count; i++)
		if (w->folders[i] == folder)
			return true;
	return false;
}

static void
complain(struct file_watch *w, const char *path, const char *why)
{
	if (!w->has_complained)
		log_warn("changes of files are seen late: folder=%s, "
		    "reason=%s", path, why);
	w->has_complained = true;
}

static void
add_entry(struct file_watch *w, const char *folder, const char *name)
{
	int number = inotify_add_watch(w->fd, folder, EVENTS);

	if (number == -1) {
		if (errno == ENOSPC)
			complain(w, folder, "fs.inotify.max_user_watches");
		return;
	}
	if (!is_watched(w, number)) {
		if (w->folder_count == FILE_WATCH_FOLDERS_MAX) {
			inotify_rm_watch(w->fd, number);
			complain(w, folder, "too many folders");
			return;
		}
		w->folders[w->folder_count++] = number;
	}
	w->entries = xreallocarray(w->entries, w->entry_count + 1,
	    sizeof(*w->entries));
	w->entries[w->entry_count++] = (struct entry){ number,
	    xstrdup(name) };
}

/* folder becomes the one that name in it is; false where it is too long. */
static bool
enter(char folder[PATH_MAX], const char *name)
{
	size_t len = strlen(folder);
	char *slash = strrchr(folder, '/');

	if (strcmp(name, "..") == 0)
		slash[slash == folder] = '\0';
	else if (strcmp(name, ".") != 0)
		return snprintf(folder + len, PATH_MAX - len, "%s%s",
		    len > 1 ? "/" : "", name) < (int)(PATH_MAX - len);
	return true;
}

/* The first name of rest, which is cut from it; false when there is none. */
static bool
next_name(char *rest, char name[NAME_MAX + 1])
{
	size_t begin = strspn(rest, "/"), len = strcspn(rest + begin, "/");

	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(name, rest + begin, len);
	name[len] = '\0';
	memmove(rest, rest + begin + len, strlen(rest + begin + len) + 1);
	return true;
}

static void
add_path(struct file_watch *w, struct text path)
{
	char folder[PATH_MAX] = "/", here[PATH_MAX], name[NAME_MAX + 1];
	char rest[2 * PATH_MAX], target[PATH_MAX];
	unsigned links = 0;
	ssize_t len;

	if (path.len == 0 || path.data[0] != '/' || path.len >= PATH_MAX)
		return;
	snprintf(rest, sizeof(rest), "%.*s", (int)path.len, path.data);
	while (next_name(rest, name)) {
		memcpy(here, folder, sizeof(here));
		if (!enter(here, name))
			return;
		len = readlink(here, target, sizeof(target));
		if (len == -1 && errno == EINVAL && rest[0] != '\0') {
			memcpy(folder, here, sizeof(folder));
			continue;
		}
		add_entry(w, folder, name);
		if (len == -1 || ++links > LINKS_MAX ||
		    (size_t)len + strlen(rest) >= sizeof(rest))
			return;
		memmove(rest + len, rest, strlen(rest) + 1);
		memcpy(rest, target, (size_t)len);
		if (target[0] == '/')
			strcpy(folder, "/");
	}
}

static void
clear_entries(struct file_watch *w)
{
	while (w->entry_count > 0)
		free(w->entries[--w->entry_count].name);
}

void
file_watch_set(struct file_watch *w, struct text paths)
{
	int before[FILE_WATCH_FOLDERS_MAX];
	size_t before_count, i;
	struct text path;

	if (w == NULL)
		return;
	before_count = w->folder_count;
	memcpy(before, w->folders, sizeof(before));
	w->folder_count = 0;
	clear_entries(w);
	while (text_next_line(&paths, &path))
		add_path(w, path);
	if (w->entry_count > 0)
		qsort(w->entries, w->entry_count, sizeof(*w->entries),
		    entry_compare);
	for (i = 0; i < before_count; i++)
		if (!is_watched(w, before[i]))
			inotify_rm_watch(w->fd, before[i]);
}

/* ------------------------------------------------------------------- whole */

struct file_watch *
file_watch_new(struct event_base *base, file_watch_cb *callback, void *arg)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct file_watch *w;

	if (fd == -1) {
		log_warn("changes of files are seen late: reason=%s",
		    strerror(errno));
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	w->callback = callback;
	w->arg = arg;
	w->readable = event_new(base, fd, EV_READ | EV_PERSIST,
	    file_watch_on_readable, w);
	assert(w->readable != NULL);
	event_add(w->readable, NULL);
	return w;
}

void
file_watch_free(struct file_watch *w)
{
	if (w == NULL)
		return;
	event_free(w->readable);
	close(w->fd);
	clear_entries(w);
	free(w->entries);
	free(w);
}
