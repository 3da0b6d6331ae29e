/*
 * hopseal-policyd: where it begins.  The children of the parent come in here
 * too, by --front and --clerk.
 */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "policyd/clerk/clerk.h"
#include "policyd/front/front.h"
#include "policyd/load.h"
#include "policyd/parent.h"
#include "shared/io/command_line.h"
#include "shared/io/log.h"

#define CHILD_FD	3	/* the channel to the parent */
#define LISTENER_FD	4	/* the first of a child's listeners */
#define ERRORS_MAX	65536

static unsigned
argument_number(const char *argument)
{
	uint64_t number = 0;

	text_parse_u64(text_of(argument), 64, &number);
	return (unsigned)number;
}

/* A child of the parent: descriptors are at their agreed numbers. */
static int
run_child(int argc, char **argv)
{
	int fds[64], i;
	size_t first, second;	/* how many of each kind */

	log_open(argv[1] + strlen("--"), CONFIG_LOG_AUTO, CONFIG_LOG_INFO);
	if (argc < 4)
		return EX_USAGE;
	first = argument_number(argv[2]);
	second = argument_number(argv[3]);
	for (i = 0; i < 64; i++)
		fds[i] = LISTENER_FD + i;
	if (strcmp(argv[1], "--clerk") == 0)
		return clerk_main(CHILD_FD, first > 0 ? fds[0] : -1,
		    fds + first, second);
	return front_main(CHILD_FD, fds, first, fds + first, second);
}

int
main(int argc, char **argv)
{
	struct command_line line = { .program = "hopseal-policyd",
	    .note = "It stays in the foreground; SIGHUP reads configuration "
	    "and rules again." };
	struct settings *settings;
	struct buffer errors;
	struct load load;
	int status;

	if (argc > 1 && (strcmp(argv[1], "--front") == 0 ||
	    strcmp(argv[1], "--clerk") == 0))
		return run_child(argc, argv);
	status = command_line_read(&line, argc, argv);
	if (status != COMMAND_LINE_GOES_ON)
		return status;
	load = (struct load){ line.config_path, line.config_may_be_missing,
	    buffer_text(&line.overrides) };
	buffer_init(&errors, ERRORS_MAX);
	settings = load_settings(&load, "", &errors);
	fputs(buffer_text(&errors), stderr);
	buffer_clear(&errors);
	if (settings == NULL)
		status = EX_CONFIG;
	else if (line.only_checks) {
		command_line_print_changed(settings->config);
		settings_free(settings);
		status = EX_OK;
	} else
		status = parent_run(&load, settings);
	buffer_clear(&line.overrides);
	return status;
}
