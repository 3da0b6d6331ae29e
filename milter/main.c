/*
 * hopseal-milter: where it begins, accounts and threads; the rest is
 * libmilter's.  It takes SIGHUP, SIGTERM and SIGINT for itself, and each of
 * them ends it.
 */

#include <sys/resource.h>

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/cache_wait.h"
#include "milter/callbacks.h"
#include "milter/policyd_line.h"
#include "milter/report_intake.h"
#include "milter/setup.h"
#include "milter/socket.h"
#include "milter/watch.h"
#include "shared/io/account.h"
#include "shared/io/command_line.h"
#include "shared/io/log.h"

#define ERRORS_MAX	65536

/* Lines of several threads: one at a time, and none of them waits (log.h). */
static void
write_line(enum config_log_level level, const char *line, void *arg)
{
	pthread_mutex_t *lock = arg;

	pthread_mutex_lock(lock);
	log_forward(level, "milter", getpid(), line);
	pthread_mutex_unlock(lock);
}

/* A descriptor a connection, and as many again for questions to policyd. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* In all threads: libmilter waits for these in one of its own. */
static void
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int
open_socket(const struct config *config, struct buffer *errors)
{
	struct account user, owner = { (uid_t)-1, (gid_t)-1 };

	if (geteuid() == 0 &&
	    (account_find("user", config->user, &user, errors) == -1 ||
	    (strncmp(config->milter_listen, "unix:", 5) == 0 &&
	    account_find("socket_owner", config->socket_owner, &owner,
	    errors) == -1)))
		return -1;
	if (socket_open(config->milter_listen, &owner, config->socket_mode,
	    errors) == -1)
		return -1;
	if (geteuid() == 0 && account_become(&user) == -1) {
		buffer_addf(errors, "cannot become %s: %s\n", config->user,
		    strerror(errno));
		return -1;
	}
	return 0;
}

static int
serve(struct setup_source *source, struct setup *setup, struct buffer *errors)
{
	static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
	const struct config *config = setup->config;

	raise_limit();
	block_signals();
	json_object_seed(0);	/* before there are threads */
	if (smfi_register(*callbacks_description()) != MI_SUCCESS) {
		buffer_add_text(errors, "libmilter takes no callbacks\n");
		return EX_SOFTWARE;
	}
	if (open_socket(config, errors) == -1)
		return EX_UNAVAILABLE;
	log_open("milter", config->log_target, config->log_level);
	log_set_sink(write_line, &log_lock);
	source->cache = cache_wait_new();
	source->policyd = policyd_line_new();
	source->reports = report_room_new();
	if (source->cache == NULL) {
		buffer_addf(errors, "no thread: %s\n", strerror(errno));
		return EX_OSERR;
	}
	cache_wait_set_redis(source->cache, config->redis, config->redis_user,
	    setup->redis_password);
	log_info("started: milter_listen=%s, version=%s",
	    config->milter_listen, HOPSEAL_VERSION);
	setup_replace(setup);
	if (watch_start() == -1) {
		buffer_addf(errors, "no thread: %s\n", strerror(errno));
		return EX_OSERR;
	}
	if (smfi_main() != MI_SUCCESS)
		return EX_UNAVAILABLE;
	log_info("ended");
	return 0;
}

int
main(int argc, char **argv)
{
	struct command_line line = { .program = "hopseal-milter",
	    .note = "It stays in the foreground and notices changed files by "
	    "itself; SIGHUP ends it." };
	struct setup_source source = { 0 };
	struct buffer errors;
	struct setup *setup;
	int status;

	status = command_line_read(&line, argc, argv);
	if (status != COMMAND_LINE_GOES_ON)
		return status;
	source.config_path = line.config_path;
	source.config_may_be_missing = line.config_may_be_missing;
	source.overrides = buffer_text(&line.overrides);
	buffer_init(&errors, ERRORS_MAX);
	setup = setup_load(&source, NULL, &errors);
	if (setup == NULL)
		status = EX_CONFIG;
	else if (line.only_checks) {
		command_line_print_changed(setup->config);
		setup_free(setup);
		status = EX_OK;
	} else
		status = serve(&source, setup, &errors);
	fputs(buffer_text(&errors), stderr);
	/* Threads may still use what main has, so it is left to the system. */
	fflush(NULL);
	_exit(status);
}
