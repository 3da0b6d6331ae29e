/*
 * The command line that our daemons have in common, in Postfix's manners: -c,
 * -n, -d, -o.
 */

#ifndef HOPSEAL_COMMAND_LINE_H
#define HOPSEAL_COMMAND_LINE_H

#include <stdbool.h>

#include "shared/buffer.h"
#include "shared/io/config.h"

#define COMMAND_LINE_GOES_ON	(-1)

struct command_line {
	const char	*program;	/* "hopseal-policyd" */
	const char	*note;		/* usage's last lines */
	const char	*config_path;
	bool		 config_may_be_missing;
	bool		 only_checks;	/* -n */
	struct buffer	 overrides;	/* "name=value" lines of -o */
};

/*
 * Reads into c, of which program and note are set: COMMAND_LINE_GOES_ON, or the
 * status to exit with, because all is said or the usage is wrong.  overrides is
 * the caller's to clear.
 */
int	command_line_read(struct command_line *c, int argc, char **argv);
/* -n: what differs from the defaults. */
void	command_line_print_changed(const struct config *config);

#endif
