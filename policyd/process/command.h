/*
 * Runs a program of others beside the loop: what it prints comes as one text,
 * and one that hangs, or prints without end, is ended.
 */

#ifndef HOPSEAL_COMMAND_H
#define HOPSEAL_COMMAND_H

#include <stddef.h>

#include "shared/text.h"

struct event_base;
struct command;

#define COMMAND_INPUT_MAX	32768	/* octets: what a pipe takes at once */
#define COMMAND_COMPLAINT_MAX	1024	/* of what it says on standard error */

struct command_recipe {
	const char	*const *arguments;	/* the name first, NULL last */
	struct text	 input;		/* its standard input */
	size_t		 output_max;
	unsigned	 deadline_ms;
};

enum command_end {
	COMMAND_EXITED,		/* by itself, with status */
	COMMAND_KILLED,		/* by somebody's signal */
	COMMAND_NOT_STARTED,	/* no pipe, no process, no such program */
	COMMAND_LATE,		/* ended at its deadline */
	COMMAND_LOUD,		/* ended for printing more than output_max */
	COMMAND_LINGERS		/* ended: it closed its output and stayed */
};

/* Borrowed for the call. */
struct command_result {
	enum command_end end;
	int		 status;	/* when EXITED */
	struct text	 output, complaint;
};

typedef void command_cb(const struct command_result *result, void *arg);

/*
 * Starts it; recipe is borrowed.  The callback comes once, never before return;
 * then the command is gone.
 */
struct command	*command_start(struct event_base *base,
		    const struct command_recipe *recipe, command_cb *callback,
		    void *arg);
/* NULL is fine. */
void		 command_cancel(struct command *command);

#endif
