/*
 * Runs the command hopseal beside the loop, with the configuration that policyd
 * itself was started with.
 */

#ifndef HOPSEAL_HOPSEAL_COMMAND_H
#define HOPSEAL_HOPSEAL_COMMAND_H

#include "policyd/process/command.h"

#define HOPSEAL_COMMAND_WORDS_MAX	8

struct hopseal_command {
	/* NULL behind the last. */
	const char	*words[HOPSEAL_COMMAND_WORDS_MAX];
	const char	*config_path;	/* NULL: the default, even if missing */
	const char	*overrides;	/* "name=value" lines */
	size_t		 output_max;
	unsigned	 deadline_ms;
};

/* "/usr/bin/hopseal": beside this program, as in a folder of builds, or where
   it is installed; the caller's. */
char		*hopseal_command_path(void);
/* As command_start, of which it is one; the recipe is borrowed. */
struct command	*hopseal_command_start(struct event_base *base,
		    const struct hopseal_command *recipe, command_cb *callback,
		    void *arg);

#endif
