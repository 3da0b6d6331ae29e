/*
 * A child, a pipe and a deadline.
 */

#include "ctl/program.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/io/clock.h"

#define EXIT_ABSENT	127	/* as the shell's */

static _Noreturn void
program_exec(const char *const *argv, int out)
{
	char path[64];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	/* The folder that ordinary users do not search. */
	snprintf(path, sizeof(path), "/usr/sbin/%s", argv[0]);
	execv(path, (char *const *)(uintptr_t)argv);
	_exit(errno == ENOENT ? EXIT_ABSENT : EXIT_FAILURE);
}

/* Reads to the end; false at the deadline. */
static bool
read_output(int fd, struct buffer *out)
{
	int64_t deadline = clock_monotonic_ms() + PROGRAM_MS, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char block[8192];
	ssize_t len;

	for (;;) {
		left = deadline - clock_monotonic_ms();
		if (left <= 0 || poll(&p, 1, (int)left) != 1)
			return false;
		len = read(fd, block, sizeof(block));
		if (len <= 0)
			return len == 0;
		buffer_add(out, block, (size_t)len);
	}
}

enum program_end
program_run(const char *const *argv, struct buffer *out)
{
	int fds[2], status = -1;
	bool has_ended;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return PROGRAM_FAILED;
	pid = fork();
	if (pid == 0)
		program_exec(argv, fds[1]);
	close(fds[1]);
	if (pid != -1) {
		has_ended = read_output(fds[0], out);
		if (!has_ended)
			kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	close(fds[0]);
	if (pid == -1 || !WIFEXITED(status))
		return PROGRAM_FAILED;
	return WEXITSTATUS(status) == 0 ? PROGRAM_DONE :
	    WEXITSTATUS(status) == EXIT_ABSENT ? PROGRAM_ABSENT :
	    PROGRAM_FAILED;
}

bool
program_read(const char *const *argv, struct buffer *out)
{
	return program_run(argv, out) == PROGRAM_DONE;
}
