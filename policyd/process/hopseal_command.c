/*
 * Runs the command hopseal: finds it, and hands it our own options.
 */

#include "policyd/process/hopseal_command.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/xalloc.h"

#define OVERRIDES_MAX	64
#define ARGUMENTS_MAX	(3 + 2 * OVERRIDES_MAX + HOPSEAL_COMMAND_WORDS_MAX)

char *
hopseal_command_path(void)
{
	char path[PATH_MAX + sizeof("/hopseal")];
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);

	if (len > 0) {
		path[len] = '\0';
		strcpy(strrchr(path, '/'), "/hopseal");
		if (access(path, X_OK) == 0)
			return xstrdup(path);
	}
	return xstrdup(HOPSEAL_BINDIR "/hopseal");
}

struct command *
hopseal_command_start(struct event_base *base,
    const struct hopseal_command *recipe, command_cb *callback, void *arg)
{
	const char *arguments[ARGUMENTS_MAX + 1];
	struct command_recipe run = { .arguments = arguments,
	    .input = text_of(""), .output_max = recipe->output_max,
	    .deadline_ms = recipe->deadline_ms };
	char *program = hopseal_command_path(), *line, *rest = NULL;
	char *overrides = xstrdup(recipe->overrides);
	struct command *command;
	size_t count = 0, i;

	arguments[count++] = program;
	if (recipe->config_path != NULL) {
		arguments[count++] = "-c";
		arguments[count++] = recipe->config_path;
	}
	for (line = strtok_r(overrides, "\n", &rest);
	    line != NULL && count < 3 + 2 * OVERRIDES_MAX;
	    line = strtok_r(NULL, "\n", &rest)) {
		arguments[count++] = "-o";
		arguments[count++] = line;
	}
	for (i = 0; recipe->words[i] != NULL; i++)
		arguments[count++] = recipe->words[i];
	arguments[count] = NULL;
	command = command_start(base, &run, callback, arg);
	free(overrides);
	free(program);
	return command;
}
