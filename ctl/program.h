/*
 * Runs another program for its output, and waits for it, but not for long.
 */

#ifndef HOPSEAL_PROGRAM_H
#define HOPSEAL_PROGRAM_H

#include <stdbool.h>

#include "shared/buffer.h"

#define PROGRAM_MS	5000

enum program_end {
	PROGRAM_DONE,
	PROGRAM_FAILED,		/* also at the deadline */
	PROGRAM_ABSENT		/* it is not installed */
};

/*
 * argv ends in NULL; argv[0] is searched in PATH and /usr/sbin.  Adds what it
 * prints on standard output until it ends or PROGRAM_MS are over.
 */
enum program_end program_run(const char *const *argv, struct buffer *out);
/* The same, true for PROGRAM_DONE. */
bool	program_read(const char *const *argv, struct buffer *out);

#endif
