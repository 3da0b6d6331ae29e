/*
 * hopseal: the admin's command.  Finds the command and reads the options, which
 * may stand anywhere; the rest is the commands' own, one file each.
 */

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "shared/text.h"

static const struct ctl_command *const commands[] = {
	&explain_command, &check_command, &status_command, &refresh_command,
	&forget_command, &rules_command, &lint_command
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* More letters than this apart, and it was not a slip. */
#define SLIP_MAX 2

enum { OPTION_JSON = 256, OPTION_POLICY, OPTION_HOST, OPTION_AT, OPTION_CA };

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "policy", no_argument, NULL, OPTION_POLICY },
	{ "host", required_argument, NULL, OPTION_HOST },
	{ "at", required_argument, NULL, OPTION_AT },
	{ "ca", required_argument, NULL, OPTION_CA },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

static char complaint[COMPLAINT_SIZE] = "wrong usage";	/* the last one */

void
ctl_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(complaint, sizeof(complaint), format, args);
	va_end(args);
	complaint[strcspn(complaint, "\n")]
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
	    "%s%s\n", command->name,
	    command->takes_policy ? " [--policy]" : "",
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

/* False when an option is wrong; getopt has said so. */
static bool
read_options(int argc, char **argv, struct ctl_options *options,
    bool *wants_help, bool *wants_version)
{
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
				return false;
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
		case OPTION_HOST:
			options->host = optarg;
			break;
		case OPTION_AT:
			options->at = optarg;
			break;
		case OPTION_CA:
			options->ca_file = optarg;
			break;
		default:
			return false;
		}
	return true;
}

int
main(int argc, char **argv)
{
	struct ctl_options options = { 0 };
	const struct ctl_command *command;
	bool wants_help = false, wants_version = false;
	int operand_count;

	if (!read_options(argc, argv, &options, &wants_help, &wants_version))
		return CTL_USAGE;
	if (wants_version) {
		printf("hopseal %s\n", HOPSEAL_VERSION);
		return CTL_FINE;
	}
	if (optind == argc) {
		print_help(wants_help ? stdout : stderr);
		return wants_help ? CTL_FINE : CTL_USAGE;
	}
	command = find_command(argv[optind]);
	if (command == NULL)
		return CTL_USAGE;
	if (wants_help) {
		print_usage(stdout, command);
		printf("\n%s.\n%s", command->summary, command->help);
		return CTL_FINE;
	}
	operand_count = argc - optind - 1;
	if (operand_count < command->operand_min ||
	    operand_count > command->operand_max ||
	    (options.forgets_policy && !command->takes_policy) ||
	    ((options.host != NULL || options.at != NULL ||
	    options.ca_file != NULL) && !command->takes_host)) {
		print_usage(stderr, command);
		return CTL_USAGE;
	}
	return (int)command->run(&options, operand_count, argv + optind + 1);
}
