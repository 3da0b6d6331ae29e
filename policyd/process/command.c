/*
 * Runs a program of others.  It gets a process group of its own, so that what
 * it starts ends with it, and ends when we do.
 */

#include "policyd/process/command.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/buffer.h"
#include "shared/xalloc.h"

#define REAP_MS		2
#define REAP_TRIES	2500
#define NOT_FOUND	127	/* exit status, as the shell's */
#define PATH_DEFAULT	"/usr/sbin:/usr/bin:/sbin:/bin"

enum end { END_READ, END_WRITE };

struct command {
	struct event_base	*base;
	pid_t			 pid;	/* 0: none, or reaped */
	int			 output_fd, error_fd;
	struct event		*readable, *timer;	/* see the callbacks */
	unsigned		 reap_tries;
	struct buffer		 output;
	command_cb		*callback;
	void			*arg;
};

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void
command_free(struct command *c)
{
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->timer != NULL)
		event_free(c->timer);
	close_fd(&c->output_fd);
	close_fd(&c->error_fd);
	if (c->pid > 0) {
		/* Itself too: it may not have its own group yet. */
		kill(-c->pid, SIGKILL);
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	buffer_clear(&c->output);
	free(c);
}

void
command_cancel(struct command *command)
{
	if (command != NULL)
		command_free(command);
}

static void
command_finish(struct command *c, enum command_end end, int status)
{
	struct command_result result = { .end = end, .status = status,
	    .output = { buffer_text(&c->output), c->output.len } };
	char complaint[COMMAND_COMPLAINT_MAX];
	ssize_t len = c->error_fd == -1 ? -1 : read(c->error_fd, complaint,
	    sizeof(complaint));

	result.complaint = (struct text){ complaint, len > 0 ? (size_t)len :
	    0 };
	c->callback(&result, c->arg);
	command_free(c);
}

static void
command_set_timer(struct command *c, unsigned ms, event_callback_fn callback)
{
	struct timeval delay = { ms / 1000, ms % 1000 * 1000 };

	if (c->timer != NULL)
		event_free(c->timer);
	c->timer = event_new(c->base, -1, 0, callback, c);
	event_add(c->timer, &delay);
}

static void
command_on_failure(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	command_finish(arg, COMMAND_NOT_STARTED, 0);
}

/* Its output is closed, so it is about to end. */
static void
command_on_end(evutil_socket_t fd, short events, void *arg)
{
	struct command *c = arg;
	int status;

	(void)fd;
	(void)events;
	if (waitpid(c->pid, &status, WNOHANG) == 0) {
		if (c->reap_tries++ < REAP_TRIES)
			command_set_timer(c, REAP_MS, command_on_end);
		else
			command_finish(c, COMMAND_LINGERS, 0);
		return;
	}
	c->pid = 0;
	if (!WIFEXITED(status))
		command_finish(c, COMMAND_KILLED, 0);
	else if (WEXITSTATUS(status) == NOT_FOUND)
		command_finish(c, COMMAND_NOT_STARTED, 0);
	else
		command_finish(c, COMMAND_EXITED, WEXITSTATUS(status));
}

static void
command_on_deadline(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	command_finish(arg, COMMAND_LATE, 0);
}

static void
command_on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct command *c = arg;
	char block[8192];
	ssize_t len;

	(void)events;
	len = read(fd, block, sizeof(block));
	if (len == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		event_free(c->readable);
		c->readable = NULL;
		close_fd(&c->output_fd);
		command_set_timer(c, 0, command_on_end);
		return;
	}
	buffer_add(&c->output, block, (size_t)len);
	if (c->output.is_overfull)
		command_finish(c, COMMAND_LOUD, 0);
}

/* In the child: everything but these three is close-on-exec. */
static _Noreturn void
command_exec(const char *const *arguments, int in, int out, int errors)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL);
	if (getenv("PATH") == NULL)
		setenv("PATH", PATH_DEFAULT, 1);
	execvp(arguments[0], (char *const *)(uintptr_t)arguments);
	_exit(NOT_FOUND);
}

/* All of the input fits into the pipe, so nobody waits for its reader. */
static bool
fill(int fd, struct text input)
{
	return input.len == 0 || (input.len <= COMMAND_INPUT_MAX &&
	    write(fd, input.data, input.len) == (ssize_t)input.len);
}

static bool
command_run(struct command *c, const struct command_recipe *recipe)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, errors[2] = { -1, -1 };
	bool is_running = false;

	/* Errors are read at the end: what does not fit until then is lost. */
	if (pipe2(in, O_CLOEXEC | O_NONBLOCK) == -1 ||
	    pipe2(out, O_CLOEXEC) == -1 ||
	    pipe2(errors, O_CLOEXEC | O_NONBLOCK) == -1 ||
	    !fill(in[END_WRITE], recipe->input))
		goto out;
	fcntl(in[END_READ], F_SETFL, 0);
	fcntl(out[END_READ], F_SETFL, O_NONBLOCK);
	close_fd(&in[END_WRITE]);
	c->pid = fork();
	if (c->pid == 0)
		command_exec(recipe->arguments, in[END_READ], out[END_WRITE],
		    errors[END_WRITE]);
	is_running = c->pid > 0;
out:
	if (is_running) {
		c->output_fd = out[END_READ];
		c->error_fd = errors[END_READ];
		out[END_READ] = errors[END_READ] = -1;
	}
	close_fd(&in[END_READ]);
	close_fd(&in[END_WRITE]);
	close_fd(&out[END_READ]);
	close_fd(&out[END_WRITE]);
	close_fd(&errors[END_READ]);
	close_fd(&errors[END_WRITE]);
	return is_running;
}

struct command *
command_start(struct event_base *base, const struct command_recipe *recipe,
    command_cb *callback, void *arg)
{
	struct command *c = xcalloc(1, sizeof(*c));

	c->base = base;
	c->callback = callback;
	c->arg = arg;
	c->output_fd = c->error_fd = -1;
	buffer_init(&c->output, recipe->output_max);
	if (!command_run(c, recipe)) {
		c->pid = 0;
		command_set_timer(c, 0, command_on_failure);
		return c;
	}
	c->readable = event_new(base, c->output_fd, EV_READ | EV_PERSIST,
	    command_on_readable, c);
	event_add(c->readable, NULL);
	command_set_timer(c, recipe->deadline_ms, command_on_deadline);
	return c;
}
