/*
 * Runs postconf and waits for it, but not for long.
 */

#include "ctl/postconf.h"

#include <sys/wait.h>

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/io/clock.h"
#include "shared/postfix/site.h"
#include "shared/text.h"
#include "shared/xalloc.h"

#define ARGUMENTS_MAX	64

static _Noreturn void
postconf_exec(const char *dir, int out)
{
	const char *arguments[ARGUMENTS_MAX];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	size_t count = 0, i;

	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	arguments[count++] = "postconf";
	arguments[count++] = "-x";
	if (dir != NULL) {
		arguments[count++] = "-c";
		arguments[count++] = dir;
	}
	for (i = 0; site_parameters[i] != NULL; i++)
		arguments[count++] = site_parameters[i];
	arguments[count] = NULL;
	assert(count < ARGUMENTS_MAX);
	execvp("postconf", (char *const *)(uintptr_t)arguments);
	/* The folder that ordinary users do not search. */
	execv("/usr/sbin/postconf", (char *const *)(uintptr_t)arguments);
	_exit(127);
}

/* Reads to the end or the deadline. */
static void
read_output(int fd, struct buffer *out)
{
	int64_t deadline = clock_monotonic_ms() + POSTCONF_MS, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char block[8192];
	ssize_t len;

	for (;;) {
		left = deadline - clock_monotonic_ms();
		if (left <= 0 || poll(&p, 1, (int)left) != 1)
			return;
		len = read(fd, block, sizeof(block));
		if (len <= 0)
			return;
		buffer_add(out, block, (size_t)len);
	}
}

static void
postconf_run(const char *dir, struct buffer *out)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return;
	pid = fork();
	if (pid == 0)
		postconf_exec(dir, fds[1]);
	close(fds[1]);
	if (pid != -1) {
		read_output(fds[0], out);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(fds[0]);
}

void
postconf_read(const char *dirs, struct buffer *out)
{
	struct text rest = text_of(dirs), item;
	bool has_asked = false;
	char *dir;

	while (text_next_item(&rest, &item)) {
		dir = xstrndup(item.data, item.len);
		postconf_run(dir, out);
		free(dir);
		has_asked = true;
	}
	if (!has_asked)
		postconf_run(NULL, out);
}
