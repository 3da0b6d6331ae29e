/*
 * The options of the daemons.  What -n checks beyond the configuration is
 * theirs.
 */

#include "shared/io/command_line.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#define DEFAULT_CONFIG	HOPSEAL_SYSCONFDIR "/hopseal.conf"
#define OVERRIDES_MAX	65536
#define OUTPUT_MAX	(1024 * 1024)

static void
usage(const struct command_line *c, FILE *to)
{
	fprintf(to, "usage: %s [-c FILE] [-o NAME=VALUE]... "
	    "[-d | -h | -n | -V]\n"
	    "  -c FILE        configuration (" DEFAULT_CONFIG ")\n"
	    "  -o NAME=VALUE  overrides an option of the file\n"
	    "  -d             prints the defaults and ends\n"
	    "  -n             checks configuration and rules, prints what "
	    "differs from\n"
	    "                 the defaults and ends\n"
	    "  -V, --version  prints the version and ends\n"
	    "  -h, --help     prints this\n"
	    "%s\n", c->program, c->note);
}

static void
print_defaults(void)
{
	struct buffer out;

	buffer_init(&out, OUTPUT_MAX);
	config_format_defaults(&out);
	fputs(buffer_text(&out), stdout);
	buffer_clear(&out);
}

void
command_line_print_changed(const struct config *config)
{
	struct buffer out;

	buffer_init(&out, OUTPUT_MAX);
	config_format_changed(config, &out);
	fputs(buffer_text(&out), stdout);
	buffer_clear(&out);
}

int
command_line_read(struct command_line *c, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	c->config_path = DEFAULT_CONFIG;
	c->config_may_be_missing = true;
	c->only_checks = false;
	buffer_init(&c->overrides, OVERRIDES_MAX);
	while ((option = getopt_long(argc, argv, "c:dhno:V", long_options,
	    NULL)) != -1) {
		switch (option) {
		case 'c':
			c->config_path = optarg;
			c->config_may_be_missing = false;
			break;
		case 'd':
			print_defaults();
			return EX_OK;
		case 'n':
			c->only_checks = true;
			break;
		case 'o':
			buffer_addf(&c->overrides, "%s\n", optarg);
			break;
		case 'V':
			printf("%s " HOPSEAL_VERSION "\n", c->program);
			return EX_OK;
		case 'h':
			usage(c, stdout);
			return EX_OK;
		default:
			usage(c, stderr);
			return EX_USAGE;
		}
	}
	if (optind == argc)
		return COMMAND_LINE_GOES_ON;
	usage(c, stderr);
	return EX_USAGE;
}
