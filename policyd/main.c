/*
 * hopseal-policyd: the command line.  Postfix's manners: -c, -n, -d, -o; the
 * children of the parent come in here too, by --front and --clerk.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "policyd/clerk/clerk.h"
#include "policyd/front/front.h"
#include "policyd/load.h"
#include "policyd/parent.h"
#include "shared/io/log.h"

#define DEFAULT_CONFIG	HOPSEAL_SYSCONFDIR "/hopseal.conf"
#define CHILD_FD	3	/* the channel to the parent */
#define LISTENER_FD	4	/* the first of a child's listeners */
#define ERRORS_MAX	65536

static void
usage(FILE *to)
{
	fputs("usage: hopseal-policyd [-c FILE] [-o NAME=VALUE]... "
	    "[-d | -n | -V]\n"
	    "  -c FILE        configuration (" DEFAULT_CONFIG ")\n"
	    "  -o NAME=VALUE  overrides an option of the file\n"
	    "  -d             prints the defaults and ends\n"
	    "  -n             checks all, prints what differs from the "
	    "defaults and ends\n"
	    "  -V             prints the version and ends\n"
	    "It stays in the foreground; SIGHUP reads configuration and "
	    "rules again.\n", to);
}

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
	size_t maps, accesses;

	log_open("policyd", CONFIG_LOG_AUTO, CONFIG_LOG_INFO);
	if (strcmp(argv[1], "--clerk") == 0)
		return clerk_main(CHILD_FD, LISTENER_FD);
	if (argc < 4)
		return EX_USAGE;
	maps = argument_number(argv[2]);
	accesses = argument_number(argv[3]);
	for (i = 0; i < 64; i++)
		fds[i] = LISTENER_FD + i;
	return front_main(CHILD_FD, fds, maps, fds + maps, accesses);
}

static void
print_defaults(void)
{
	struct buffer out;

	buffer_init(&out, 1024 * 1024);
	config_format_defaults(&out);
	fputs(buffer_text(&out), stdout);
	buffer_clear(&out);
}

static void
print_changed(const struct settings *settings)
{
	struct buffer out;

	buffer_init(&out, 1024 * 1024);
	config_format_changed(settings->config, &out);
	fputs(buffer_text(&out), stdout);
	buffer_clear(&out);
}

int
main(int argc, char **argv)
{
	struct load load = { .config_path = DEFAULT_CONFIG,
	    .config_may_be_missing = true };
	struct settings *settings;
	struct buffer overrides, errors;
	bool only_check = false;
	int option, status;

	if (argc > 1 && strncmp(argv[1], "--", 2) == 0 &&
	    (strcmp(argv[1], "--front") == 0 ||
	    strcmp(argv[1], "--clerk") == 0))
		return run_child(argc, argv);
	buffer_init(&overrides, 65536);
	while ((option = getopt(argc, argv, "c:dhno:V")) != -1) {
		switch (option) {
		case 'c':
			load.config_path = optarg;
			load.config_may_be_missing = false;
			break;
		case 'd':
			print_defaults();
			return 0;
		case 'n':
			only_check = true;
			break;
		case 'o':
			buffer_addf(&overrides, "%s\n", optarg);
			break;
		case 'V':
			puts("hopseal-policyd " HOPSEAL_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EX_USAGE;
	}
	load.overrides = buffer_text(&overrides);
	buffer_init(&errors, ERRORS_MAX);
	settings = load_settings(&load, "", &errors);
	fputs(buffer_text(&errors), stderr);
	buffer_clear(&errors);
	if (settings == NULL)
		status = EX_CONFIG;
	else if (only_check) {
		print_changed(settings);
		settings_free(settings);
		status = 0;
	} else
		status = parent_run(&load, settings);
	buffer_clear(&overrides);
	return status;
}
