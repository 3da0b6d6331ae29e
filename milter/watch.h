/*
 * Keeps the setup up to date: notices changed files, and asks policyd about the
 * site, at start and every few seconds.
 */

#ifndef HOPSEAL_WATCH_H
#define HOPSEAL_WATCH_H

#include "milter/setup.h"

#define WATCH_FILES_S	1
#define WATCH_SITE_S	10	/* 1 s until policyd has answered once */

/*
 * Starts the thread; the present setup and its source are set before.  0, or
 * -1 with errno.
 */
int	watch_start(void);

#endif
