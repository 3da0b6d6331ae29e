/*
 * hopseal: the admin's command.  Finds the command and reads the options, which
 * may stand anywhere; the rest is the commands' own, one file each.
 */

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "shared/text.h"

static const struct ctl_command *const commands[] = {
	&explain_command, &check_command, &status_command, &refresh_command,
	&forget_command, &rules_command, &report_command, &certs_command,
	&setup_command, &lint_command, &completion_command
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* More letters than this apart, and it was not a slip. */
#define SLIP_MAX 2

#define USAGE_WIDTH 79

enum { OPTION_JSON = 256, OPTION_OWN };	/* then by enum ctl_option */

#define OWN(name, has_argument, option) \
	{ name, has_argument, NULL, OPTION_OWN + (option) }

static const struct option long_options[] = {
	OWN("policy", no_argument, CTL_POLICY),
	OWN("clear", no_argument, CTL_CLEAR),
	OWN("test-alert", no_argument, CTL_TEST_ALERT),
	OWN("host", required_argument, CTL_HOST),
	OWN("at", required_argument, CTL_AT),
	OWN("ca", required_argument, CTL_CA),
	OWN("warn", required_argument, CTL_WARN),
	OWN("publish", no_argument, CTL_PUBLISH),
	OWN("no-keys", no_argument, CTL_NO_KEYS),
	OWN("ct", required_argument, CTL_CT),
	OWN("group", no_argument, CTL_GROUP),
	OWN("day", required_argument, CTL_DAY),
	OWN("since", required_argument, CTL_SINCE),
	OWN("domain", required_argument, CTL_DOMAIN),
	OWN("in", no_argument, CTL_IN),
	OWN("out", no_argument, CTL_OUT),
	OWN("received", no_argument, CTL_RECEIVED),
	OWN("top", required_argument, CTL_TOP),
	OWN("import", required_argument, CTL_IMPORT),
	OWN("rfc8460", no_argument, CTL_RFC8460),
	OWN("apply", no_argument, CTL_APPLY),
	OWN("revert", no_argument, CTL_REVERT),
	OWN("lines", no_argument, CTL_LINES),
	OWN("force", no_argument, CTL_FORCE),
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

/* What an argument is, for usage; in the order of enum ctl_option. */
static const char *const arguments[CTL_OPTION_COUNT] = {
	[CTL_HOST] = "NAME", [CTL_AT] = "TIME", [CTL_CA] = "FILE",
	[CTL_WARN] = "DAYS", [CTL_DAY] = "DAY", [CTL_SINCE] = "DAY",
	[CTL_DOMAIN] = "DOMAIN", [CTL_TOP] = "NUMBER",
	[CTL_IMPORT] = "FILE", [CTL_CT] = "FILE"
};

static char no_argument_given[] = "";

const struct ctl_command *
ctl_command_at(size_t index)
{
	return index < COMMAND_COUNT ? commands[index] : NULL;
}

const char *
ctl_option_name(enum ctl_option option, const char **argument)
{
	size_t i;

	for (i = 0; long_options[i].val >= OPTION_OWN; i++)
		if (long_options[i].val == OPTION_OWN + (int)option) {
			*argument = arguments[option];
			return long_options[i].name;
		}
	return NULL;
}

static void
print_help(FILE *to)
{
	size_t i;

	fprintf(to, "usage: hopseal [-c FILE] [-o NAME=VALUE] [--json] "
	    "COMMAND [ARGUMENT ...]\n"
	    "       hopseal -V | --help | COMMAND --help\n\n");
	for (i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  %-10s %-19s %s\n", commands[i]->name,
		    commands[i]->operands, commands[i]->summary);
	fprintf(to, "\nExit codes: 0 fine, 1 warning, 2 critical or not "
	    "delivered, 3 unknown, 64 usage.\n");
}

static void print_word(FILE *, int *, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/* One word of a line of usage, on a new line where it would be too long. */
static void
print_word(FILE *to, int *column, const char *format, ...)
{
	char word[USAGE_WIDTH];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(word, sizeof(word), format, args);
	va_end(args);
	if (*column + 1 + len > USAGE_WIDTH) {
		fprintf(to, "\n   ");
		*column = 3;
	}
	*column += fprintf(to, " %s", word);
}

static void
print_usage(FILE *to, const struct ctl_command *command)
{
	enum ctl_option o;
	size_t i;
	int column;

	column = fprintf(to, "usage: hopseal %s [-c FILE] [-o NAME=VALUE] "
	    "[--json]", command->name);
	for (i = 0; long_options[i].val >= OPTION_OWN; i++) {
		o = (enum ctl_option)(long_options[i].val - OPTION_OWN);
		if ((command->takes & CTL_TAKES(o)) != 0)
			print_word(to, &column, "[--%s%s%s]",
			    long_options[i].name,
			    arguments[o] != NULL ? " " : "",
			    arguments[o] != NULL ? arguments[o] : "");
	}
	if (command->operands[0] != '\0')
		print_word(to, &column, "%s", command->operands);
	fprintf(to, "\n");
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

	while ((c = getopt_long(argc, argv, "c:o:w:hV", long_options,
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
		case 'w':
			options->values[CTL_WARN] = optarg;
			break;
		default:
			if (c >= OPTION_OWN)
				options->values[c - OPTION_OWN] =
				    optarg != NULL ? optarg : no_argument_given;
			else	/* getopt has said what */
				is_right = false;
		}
	return is_right;
}

static bool
usage_fits(const struct ctl_command *command,
    const struct ctl_options *options, int operand_count)
{
	enum ctl_option o;

	for (o = 0; o < CTL_OPTION_COUNT; o++)
		if (options->values[o] != NULL &&
		    (command->takes & CTL_TAKES(o)) == 0)
			return false;
	return operand_count >= command->operand_min &&
	    operand_count <= command->operand_max;
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
		printf("\n%c%s.\n%s",
		    toupper((unsigned char)command->summary[0]),
		    command->summary + 1, command->help);
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
	} else
		ctl_complain("wrong usage; see \"hopseal --help\"");
	if (options.is_json && status != CTL_FINE)
		ask_print_error(ctl_complaint());
	return (int)status;
}
