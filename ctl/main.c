/*
 * hopseal: the admin's command.  Finds the command and reads the options, which
 * may stand anywhere; the rest is the commands' own, one file each.
 */

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "shared/text.h"

static const struct ctl_command *const commands[] = {
	&explain_command, &check_command, &status_command, &refresh_command,
	&forget_command, &rules_command, &lint_command
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* More letters than this apart, and it was not a slip. */
#define SLIP_MAX 2

#define COMPLAINT_SIZE 4096

enum {
	OPTION_JSON = 256, OPTION_POLICY, OPTION_CLEAR, OPTION_HOST, OPTION_AT,
	OPTION_CA
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "policy", no_argument, NULL, OPTION_POLICY },
	{ "clear", no_argument, NULL, OPTION_CLEAR },
	{ "host", required_argument, NULL, OPTION_HOST },
	{ "at", required_argument, NULL, OPTION_AT },
	{ "ca", required_argument, NULL, OPTION_CA },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

/* The latest; until then it is getopt's or a line of usage. */
static char complaint[COMPLAINT_SIZE] = "wrong usage; see --help";

void
ctl_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(complaint, sizeof(complaint), format, args);
	va_end(args);
	fprintf(stderr, "hopseal: %s\n", complaint);
}

static void
print_help(FILE *to)
{
	size_t i;

	fprintf(to, "usage: hopseal [-c FILE] [-o NAME=VALUE] [--json] "
	    "COMMAND [ARGUMENT ...]\n"
	    "       hopseal -V | --help | COMMAND --help\n\n");
	for (i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  %-8s %-19s %s\n", commands[i]->name,
		    commands[i]->operands, commands[i]->summary);
	fprintf(to, "\nExit codes: 0 fine, 1 warning, 2 critical or not "
	    "delivered, 3 unknown, 64 usage.\n");
}

static void
print_usage(FILE *to, const struct ctl_command *command)
{
	fprintf(to, "usage: hopseal %s [-c FILE] [-o NAME=VALUE] [--json]%s"
	    "%s%s%s\n", command->name,
	    command->takes_policy ? " [--policy]" : "",
	    command->takes_clear ? " [--clear]" : "",
	    command->operands[0] != '\0' ? " " : "", command->operands);
}

static const struct ctl_command *
find_command(const char *name)
{
	const char *nearest = NULL;
	unsigned distance, least = SLIP_MAX + 1;
	size_t i;

	for (i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
		distance = text_distance(name, commands[i]->name);
		if (distance < least) {
			least = distance;
			nearest = commands[i]->name;
		}
	}
	if (nearest != NULL)
		ctl_complain("no command \"%s\"; did you mean \"%s\"?", name,
		    nearest);
	else
		ctl_complain("no command \"%s\"; \"hopseal --help\" names "
		    "those that there are", name);
	return NULL;
}

/* False when an option is wrong; that is said, and the others are read. */
static bool
read_options(int argc, char **argv, struct ctl_options *options,
    bool *wants_help, bool *wants_version)
{
	bool is_right = true;
	int c;

	while ((c = getopt_long(argc, argv, "c:o:hV", long_options,
	    NULL)) != -1)
		switch (c) {
		case 'c':
			options->config_path = optarg;
			break;
		case 'o':
			if (options->override_count == CTL_OVERRIDES_MAX) {
				ctl_complain("too many -o");
				is_right = false;
				break;
			}
			options->overrides[options->override_count++] = optarg;
			break;
		case 'h':
			*wants_help = true;
			break;
		case 'V':
			*wants_version = true;
			break;
		case OPTION_JSON:
			options->is_json = true;
			break;
		case OPTION_POLICY:
			options->forgets_policy = true;
			break;
		case OPTION_CLEAR:
			options->clears = true;
			break;
		case OPTION_HOST:
			options->host = optarg;
			break;
		case OPTION_AT:
			options->at = optarg;
			break;
		case OPTION_CA:
			options->ca_file = optarg;
			break;
		default:	/* getopt has said what */
			is_right = false;
		}
	return is_right;
}

static bool
usage_fits(const struct ctl_command *command,
    const struct ctl_options *options, int operand_count)
{
	bool has_trust = options->host != NULL || options->at != NULL ||
	    options->ca_file != NULL;

	return operand_count >= command->operand_min &&
	    operand_count <= command->operand_max &&
	    (command->takes_policy || !options->forgets_policy) &&
	    (command->takes_clear || !options->clears) &&
	    (command->takes_host || !has_trust);
}

/* words are what follows the options: the command and its operands. */
static enum ctl_exit
run(const struct ctl_options *options, int word_count, char *const *words,
    bool wants_help)
{
	const struct ctl_command *command;

	if (word_count == 0) {
		print_help(wants_help ? stdout : stderr);
		return wants_help ? CTL_FINE : CTL_USAGE;
	}
	command = find_command(words[0]);
	if (command == NULL)
		return CTL_USAGE;
	if (wants_help) {
		print_usage(stdout, command);
		printf("\n%s.\n%s", command->summary, command->help);
		return CTL_FINE;
	}
	if (!usage_fits(command, options, word_count - 1)) {
		print_usage(stderr, command);
		return CTL_USAGE;
	}
	return command->run(options, word_count - 1, words + 1);
}

int
main(int argc, char **argv)
{
	struct ctl_options options = { 0 };
	bool wants_help = false, wants_version = false;
	enum ctl_exit status = CTL_USAGE;

	if (read_options(argc, argv, &options, &wants_help, &wants_version)) {
		if (wants_version) {
			printf("hopseal %s\n", HOPSEAL_VERSION);
			return CTL_FINE;
		}
		status = run(&options, argc - optind, argv + optind,
		    wants_help);
	}
	if (options.is_json && status != CTL_FINE)
		ask_print_error(complaint);
	return (int)status;
}
