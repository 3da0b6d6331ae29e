/*
 * Notices that one of some files is another one, by inotify(7) on the folders
 * where they stand, and where the links on the way to them stand.
 */

#ifndef HOPSEAL_FILE_WATCH_H
#define HOPSEAL_FILE_WATCH_H

#include "shared/text.h"

#define FILE_WATCH_FOLDERS_MAX	4096	/* files in others are not noticed */

struct event_base;
struct file_watch;

typedef void file_watch_cb(void *arg);

/* NULL, which all functions here take, where the system has no inotify. */
struct file_watch *file_watch_new(struct event_base *base,
		    file_watch_cb *callback, void *arg);
void		 file_watch_free(struct file_watch *watch);
/*
 * From now on these files, absolute paths, a line each; they need not exist.
 * To be called again after a change: a link may lead elsewhere now, and a
 * folder may be another one.
 */
void		 file_watch_set(struct file_watch *watch, struct text paths);

#endif
