/*
 * Asks Postfix for its settings by running postconf.  A postconf that hangs is
 * ended, one that prints without end is cut: Postfix's settings are ours to
 * know, never to wait for.
 */

#include "policyd/site_query.h"

#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/buffer.h"
#include "shared/postfix/site.h"
#include "shared/xalloc.h"

#define OUTPUT_MAX	(256 * 1024)
#define DEADLINE_MS	10000
#define REAP_MS		10
#define REAP_TRIES	500
#define ARGUMENTS_MAX	64
#define COMPLAINT_MAX	256	/* of postconf's first line of complaint */

struct site_query {
	struct event_base	*base;
	char			*dirs, *next_dir;	/* strtok_r's */
	bool			 has_asked;	/* the default, when no dirs */
	const char		*dir;		/* asked now; or NULL */
	pid_t			 pid;
	int			 fd, error_fd;
	struct event		*readable, *timer;	/* see the callbacks */
	unsigned		 reap_tries;
	struct buffer		 output;
	site_query_cb		*callback;
	void			*arg;
};

static void	site_query_advance(struct site_query *q);

static void
site_query_close_errors(struct site_query *q)
{
	if (q->error_fd != -1)
		close(q->error_fd);
	q->error_fd = -1;
}

static void
site_query_stop(struct site_query *q)
{
	if (q->readable != NULL) {
		event_free(q->readable);
		close(q->fd);
		q->readable = NULL;
	}
	if (q->timer != NULL) {
		event_free(q->timer);
		q->timer = NULL;
	}
	if (q->pid > 0) {
		kill(q->pid, SIGKILL);
		waitpid(q->pid, NULL, 0);
		q->pid = 0;
	}
}

static void
site_query_set_timer(struct site_query *q, unsigned ms,
    event_callback_fn callback)
{
	struct timeval delay = { ms / 1000, ms % 1000 * 1000 };

	if (q->timer != NULL)
		event_free(q->timer);
	q->timer = event_new(q->base, -1, 0, callback, q);
	event_add(q->timer, &delay);
}

static void
site_query_free(struct site_query *q)
{
	site_query_stop(q);
	site_query_close_errors(q);
	buffer_clear(&q->output);
	free(q->dirs);
	free(q);
}

void
site_query_cancel(struct site_query *q)
{
	if (q != NULL)
		site_query_free(q);
}

/* Settings without a version are none, whatever the program was. */
static bool
is_postfix(const struct buffer *output)
{
	struct site *site = site_parse(text_of(buffer_text(output)));
	bool is_known = site->is_known;

	site_free(site);
	return is_known;
}

static void
site_query_finish(struct site_query *q, const char *failure)
{
	struct buffer words;

	buffer_init(&words, OUTPUT_MAX);
	if (failure == NULL && !is_postfix(&q->output))
		failure = "postconf printed no mail_version";
	if (failure != NULL)
		buffer_addf(&words, "# %s\n", failure);
	q->callback(failure != NULL ? buffer_text(&words) :
	    buffer_text(&q->output), q->arg);
	buffer_clear(&words);
	site_query_free(q);
}

/* With its own words, as far as it had some. */
static void
site_query_finish_failed(struct site_query *q)
{
	char block[COMPLAINT_MAX], words[COMPLAINT_MAX];
	struct text rest = { block, 0 }, line;
	struct buffer failure;
	ssize_t len = read(q->error_fd, block, sizeof(block));

	buffer_init(&failure, OUTPUT_MAX);
	rest.len = len > 0 ? (size_t)len : 0;
	if (text_next_line(&rest, &line) && line.len > 0)
		buffer_addf(&failure, "postconf failed (%s)",
		    text_quote(words, sizeof(words), line));
	else
		buffer_add_text(&failure, "postconf failed without a word");
	if (q->dir != NULL)
		buffer_addf(&failure, "; run it by hand with -c %s", q->dir);
	else
		buffer_add_text(&failure, "; run it by hand, without -c");
	site_query_finish(q, buffer_text(&failure));
	buffer_clear(&failure);
}

/* Its output is closed, so it is about to end. */
static void
site_query_on_end(evutil_socket_t fd, short events, void *arg)
{
	struct site_query *q = arg;
	bool is_running;
	int status = 0;

	(void)fd;
	(void)events;
	is_running = waitpid(q->pid, &status, WNOHANG) == 0;
	if (is_running && q->reap_tries++ < REAP_TRIES) {
		site_query_set_timer(q, REAP_MS, site_query_on_end);
		return;
	}
	if (!is_running)
		q->pid = 0;
	site_query_stop(q);
	if (is_running)
		site_query_finish(q, "postconf does not end");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		site_query_advance(q);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		site_query_finish(q, "postconf could not be run: is Postfix "
		    "installed?");
	else
		site_query_finish_failed(q);
}

static void
site_query_on_deadline(evutil_socket_t fd, short events, void *arg)
{
	struct site_query *q = arg;

	(void)fd;
	(void)events;
	site_query_stop(q);
	site_query_finish(q, "postconf did not end within 10 s");
}

static void
site_query_on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct site_query *q = arg;
	char block[8192];
	ssize_t len;

	(void)events;
	len = read(fd, block, sizeof(block));
	if (len == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		event_free(q->readable);
		q->readable = NULL;
		close(q->fd);
		q->reap_tries = 0;
		site_query_set_timer(q, 0, site_query_on_end);
		return;
	}
	buffer_add(&q->output, block, (size_t)len);
	if (q->output.is_overfull) {
		site_query_stop(q);
		site_query_finish(q, "postconf printed more than 256 KiB");
	}
}

/* In the child: everything but the pipe is close-on-exec. */
static _Noreturn void
site_query_exec(const char *dir, int out, int errors)
{
	const char *arguments[ARGUMENTS_MAX];
	size_t count = 0, i;
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL);
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
	if (getenv("PATH") == NULL)
		setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvp("postconf", (char *const *)(uintptr_t)arguments);
	_exit(127);
}

static void
site_query_run(struct site_query *q, const char *dir)
{
	int pipe_fds[2], errors[2];

	q->dir = dir;
	site_query_close_errors(q);
	if (pipe2(pipe_fds, O_CLOEXEC) == -1) {
		site_query_finish(q, "postconf could not be run: no pipe");
		return;
	}
	/* Read at its end: what does not fit until then is lost. */
	if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) == -1) {
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		site_query_finish(q, "postconf could not be run: no pipe");
		return;
	}
	q->pid = fork();
	if (q->pid == 0)
		site_query_exec(dir, pipe_fds[1], errors[1]);
	close(pipe_fds[1]);
	close(errors[1]);
	q->error_fd = errors[0];
	q->fd = pipe_fds[0];
	fcntl(q->fd, F_SETFL, O_NONBLOCK);
	if (q->pid == -1) {
		close(q->fd);
		site_query_finish(q, "postconf could not be run: no process");
		return;
	}
	q->readable = event_new(q->base, q->fd, EV_READ | EV_PERSIST,
	    site_query_on_readable, q);
	event_add(q->readable, NULL);
	site_query_set_timer(q, DEADLINE_MS, site_query_on_deadline);
}

/* The next instance of Postfix, or the end. */
static void
site_query_advance(struct site_query *q)
{
	char *dir = strtok_r(q->has_asked ? NULL : q->dirs, " \t,",
	    &q->next_dir);

	if (dir == NULL && q->has_asked) {
		site_query_finish(q, NULL);
		return;
	}
	q->has_asked = true;
	site_query_run(q, dir);
}

static void
site_query_on_start(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	site_query_advance(arg);
}

struct site_query *
site_query_start(struct event_base *base, const char *config_dirs,
    site_query_cb *callback, void *arg)
{
	struct site_query *q = xcalloc(1, sizeof(*q));

	q->base = base;
	q->error_fd = -1;
	q->dirs = xstrdup(config_dirs);
	q->callback = callback;
	q->arg = arg;
	buffer_init(&q->output, OUTPUT_MAX);
	site_query_set_timer(q, 0, site_query_on_start);
	return q;
}
