/*
 * The parent's three children.  Time here is the monotonic clock's; a parent
 * that was itself held up does not blame its children for it.
 */

#include "policyd/children.h"

#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/process/channel.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define CHECK_MS	250
#define TICK_MAX_MS	2000
#define FIRST_TICK_MS	10000	/* a child that is still starting */
#define CRASHES_KEPT	3	/* the fourth within CRASH_SPAN_MS waits */
#define CRASH_SPAN_MS	3000
#define PAUSE_MIN_S	1
#define PAUSE_MAX_S	30
#define LEAVE_MS	6000
#define FIRST_FD	3	/* of a child: the channel to its parent */

struct process {
	struct children		*children;
	enum role		 role;
	bool			 is_wanted;	/* restarted when it ends */
	bool			 is_blamed;	/* killed for its old tick */
	struct child_recipe	 recipe;
	pid_t			 pid;		/* 0: not running */
	struct channel		*channel;
	int64_t			 started_ms;
	int64_t			 tick_ms;	/* latest, or the start */
	bool			 has_ticked;
	int64_t			 started_at;	/* UTC */
	int64_t			 crashes_ms[CRASHES_KEPT];
	unsigned		 pause_s;
	struct event		*restart;
	unsigned		 restart_count;
};

struct children {
	struct event_base		*base;
	struct children_callbacks	 callbacks;
	void				*arg;
	const struct settings		*settings;
	char				*refusal;	/* of those on disk */
	struct process			 processes[ROLE_COUNT];
	struct event			*check;
	int64_t				 checked_ms;
	bool				 is_leaving;
	int64_t				 leave_ms;
};

/* ------------------------------------------------------------- starting */

/*
 * In the child: its descriptors move to 3, 4, ... and everything else is
 * closed by the execve.
 */
static _Noreturn void
process_exec(const struct child_recipe *recipe, int channel_fd)
{
	int moved[CHILDREN_FDS_MAX + 1], program;
	size_t i, count = 0;

	moved[count++] = fcntl(channel_fd, F_DUPFD_CLOEXEC, 256);
	for (i = 0; i < recipe->fd_count; i++)
		moved[count++] = fcntl(recipe->fds[i], F_DUPFD_CLOEXEC, 256);
	program = fcntl(recipe->program_fd, F_DUPFD_CLOEXEC, 256);
	for (i = 0; i < count; i++)
		if (moved[i] == -1 || dup2(moved[i], FIRST_FD + (int)i) == -1)
			_exit(126);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	if (account_become(&recipe->account) == -1)
		_exit(126);
	fexecve(program, (char *const *)(uintptr_t)recipe->arguments, environ);
	_exit(127);
}

static void	process_end(struct process *p);
static void	process_start(struct process *p);

static void
children_tell_clerk(struct children *c)
{
	struct process *clerk = &c->processes[ROLE_CLERK], *p;
	struct buffer json;
	char since[TEXT_TIME_SIZE];
	enum role role;

	if (clerk->channel == NULL)
		return;
	buffer_init(&json, 4096);
	buffer_add_text(&json, "{\"children\":[");
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++) {
		p = &c->processes[role];
		buffer_addf(&json, "%s{\"name\":\"%s\",\"pid\":%d,"
		    "\"restarts\":%u,\"up_since\":\"%s\"}",
		    role == ROLE_FRONT ? "" : ",", role_name(role),
		    (int)p->pid, p->restart_count,
		    text_format_time(since, p->started_at));
	}
	buffer_add_text(&json, "]}");
	channel_send(clerk->channel, MESSAGE_CHILDREN, 0,
	    text_of(buffer_text(&json)));
	channel_send(clerk->channel, MESSAGE_REFUSAL, 0, text_of(c->refusal));
	buffer_clear(&json);
}

static void
process_on_frame(struct channel *channel, const struct frame *frame, int fd,
    void *arg)
{
	struct process *p = arg;

	(void)channel;
	if (fd != -1)
		close(fd);
	if (frame->type == MESSAGE_TICK) {
		p->tick_ms = clock_monotonic_ms();
		p->has_ticked = true;
	} else
		p->children->callbacks.on_frame(p->role, frame,
		    p->children->arg);
}

/* Its end of the channel closed: it ends, or is of no more use. */
static void
process_on_closed(struct channel *channel, const char *why, void *arg)
{
	struct process *p = arg;

	(void)channel;
	(void)why;
	channel_free(p->channel);
	p->channel = NULL;
	if (p->pid > 0 && !p->children->is_leaving)
		privileges_kill(p->pid, &p->recipe.account, SIGKILL);
}

static void
process_tell_settings(struct process *p)
{
	struct buffer payload;

	if (p->channel == NULL)
		return;
	buffer_init(&payload, FRAME_PAYLOAD_MAX);
	settings_format(p->children->settings, p->recipe.may_know_secrets,
	    &payload);
	if (payload.is_overfull || !channel_send(p->channel, MESSAGE_SETTINGS,
	    0, (struct text){ payload.data, payload.len }))
		log_error("settings do not reach a child: role=%s",
		    role_name(p->role));
	buffer_clear(&payload);
}

/* A channel between two children; each gets its end through its parent. */
static void
children_connect(struct process *a, struct process *b)
{
	int fds[2];

	if (a->channel == NULL || b->channel == NULL)
		return;
	if (channel_pair(fds) == -1) {
		log_error("no channel between children: %s", strerror(errno));
		return;
	}
	channel_send_fd(a->channel, MESSAGE_PEER, b->role, text_of(""),
	    fds[0]);
	channel_send_fd(b->channel, MESSAGE_PEER, a->role, text_of(""),
	    fds[1]);
	close(fds[0]);
	close(fds[1]);
}

static void
process_start(struct process *p)
{
	struct children *c = p->children;
	enum role role;
	int fds[2];

	p->started_ms = p->tick_ms = clock_monotonic_ms();
	if (channel_pair(fds) == -1) {
		log_error("child not started: role=%s, reason=%s",
		    role_name(p->role), strerror(errno));
		process_end(p);
		return;
	}
	p->pid = fork();
	if (p->pid == 0)
		process_exec(&p->recipe, fds[1]);
	close(fds[1]);
	if (p->pid == -1) {
		log_error("child not started: role=%s, reason=%s",
		    role_name(p->role), strerror(errno));
		p->pid = 0;
		close(fds[0]);
		process_end(p);
		return;
	}
	p->channel = channel_new(c->base, fds[0], process_on_frame,
	    process_on_closed, p);
	p->has_ticked = p->is_blamed = false;
	p->started_at = clock_now_s();
	process_tell_settings(p);
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		if (role != p->role)
			children_connect(p, &c->processes[role]);
	children_tell_clerk(c);
}

/* ------------------------------------------------------------- restarting */

static void
process_on_restart(evutil_socket_t fd, short events, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)events;
	if (p->is_wanted && p->pid == 0)
		process_start(p);
}

/* At once, or from the fourth crash within 3 s on after a growing pause. */
static unsigned
process_pause(struct process *p)
{
	int64_t now = clock_monotonic_ms(), oldest = p->crashes_ms[0];

	memmove(p->crashes_ms, p->crashes_ms + 1,
	    (CRASHES_KEPT - 1) * sizeof(p->crashes_ms[0]));
	p->crashes_ms[CRASHES_KEPT - 1] = now;
	if (p->pause_s > 0 && now - p->started_ms < CRASH_SPAN_MS)
		p->pause_s *= 2;
	else if (oldest != 0 && now - oldest < CRASH_SPAN_MS)
		p->pause_s = PAUSE_MIN_S;
	else
		p->pause_s = 0;
	if (p->pause_s > PAUSE_MAX_S)
		p->pause_s = PAUSE_MAX_S;
	return p->pause_s;
}

/* It has ended, or could not begin. */
static void
process_end(struct process *p)
{
	struct timeval pause = { 0, 0 };

	channel_free(p->channel);
	p->channel = NULL;
	if (!p->is_wanted)
		return;
	p->restart_count++;
	pause.tv_sec = (time_t)process_pause(p);
	if (pause.tv_sec > 0)
		log_error("child crashes again and again: role=%s, "
		    "restart_in=%us", role_name(p->role), p->pause_s);
	event_add(p->restart, &pause);
}

static void
process_log_end(const struct process *p, int status)
{
	if (p->is_blamed)
		return;
	if (WIFSIGNALED(status))
		log_error("child killed: role=%s, pid=%d, signal=%d",
		    role_name(p->role), (int)p->pid, WTERMSIG(status));
	else
		log_error("child ended: role=%s, pid=%d, status=%d%s",
		    role_name(p->role), (int)p->pid, WEXITSTATUS(status),
		    WEXITSTATUS(status) == 127 ? " (program not found)" : "");
}

static bool
children_are_gone(const struct children *c)
{
	enum role role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		if (c->processes[role].pid > 0)
			return false;
	return true;
}

static void
children_send_leave(struct process *p)
{
	if (p->channel != NULL)
		channel_send(p->channel, MESSAGE_LEAVE, 0, text_of(""));
}

void
children_reap(struct children *c)
{
	struct process *p;
	enum role role;
	int status;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++) {
		p = &c->processes[role];
		if (p->pid <= 0 || waitpid(p->pid, &status, WNOHANG) != p->pid)
			continue;
		if (!c->is_leaving)
			process_log_end(p, status);
		p->pid = 0;
		process_end(p);
		if (c->is_leaving && role == ROLE_FRONT) {
			children_send_leave(&c->processes[ROLE_SCOUT]);
			children_send_leave(&c->processes[ROLE_CLERK]);
		}
	}
	if (c->is_leaving && children_are_gone(c))
		c->callbacks.on_all_gone(c->arg);
}

static void
process_check_tick(struct process *p, int64_t now)
{
	int64_t limit = p->has_ticked ? TICK_MAX_MS : FIRST_TICK_MS;

	if (p->pid <= 0 || p->is_blamed || now - p->tick_ms <= limit)
		return;
	log_error("child hangs and is replaced: role=%s, pid=%d, "
	    "silent_for=%lldms", role_name(p->role), (int)p->pid,
	    (long long)(now - p->tick_ms));
	p->is_blamed = true;
	privileges_kill(p->pid, &p->recipe.account, SIGKILL);
}

static void
children_on_check(evutil_socket_t fd, short events, void *arg)
{
	struct children *c = arg;
	int64_t now = clock_monotonic_ms();
	enum role role;

	(void)fd;
	(void)events;
	/* Held up ourselves: their ticks wait in the channels, unread. */
	if (now - c->checked_ms > TICK_MAX_MS / 2)
		for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
			c->processes[role].tick_ms = now;
	c->checked_ms = now;
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		process_check_tick(&c->processes[role], now);
	if (c->is_leaving && now - c->leave_ms > LEAVE_MS)
		children_kill(c);
}

/* ---------------------------------------------------------------- public */

struct children *
children_new(struct event_base *base,
    const struct children_callbacks *callbacks, void *arg)
{
	struct children *c = xcalloc(1, sizeof(*c));
	struct timeval interval = { 0, CHECK_MS * 1000 };
	enum role role;

	c->base = base;
	c->callbacks = *callbacks;
	c->arg = arg;
	c->refusal = xstrdup("");
	c->checked_ms = clock_monotonic_ms();
	c->check = event_new(base, -1, EV_PERSIST, children_on_check, c);
	assert(c->check != NULL);
	event_add(c->check, &interval);
	for (role = 0; role < ROLE_COUNT; role++) {
		c->processes[role].children = c;
		c->processes[role].role = role;
		c->processes[role].restart = event_new(base, -1, 0,
		    process_on_restart, &c->processes[role]);
	}
	return c;
}

void
children_free(struct children *c)
{
	enum role role;

	if (c == NULL)
		return;
	children_kill(c);
	for (role = 0; role < ROLE_COUNT; role++) {
		if (c->processes[role].pid > 0)
			waitpid(c->processes[role].pid, NULL, 0);
		channel_free(c->processes[role].channel);
		event_free(c->processes[role].restart);
	}
	event_free(c->check);
	free(c->refusal);
	free(c);
}

void
children_start(struct children *c, enum role role,
    const struct child_recipe *recipe, const struct settings *settings)
{
	struct process *p = &c->processes[role];

	assert(recipe->fd_count <= CHILDREN_FDS_MAX);
	c->settings = settings;
	p->recipe = *recipe;
	p->is_wanted = true;
	process_start(p);
}

void
children_tell_settings(struct children *c, const struct settings *settings)
{
	enum role role;

	c->settings = settings;
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		process_tell_settings(&c->processes[role]);
}

void
children_tell_refusal(struct children *c, const char *refusal)
{
	free(c->refusal);
	c->refusal = xstrdup(refusal);
	children_tell_clerk(c);
}

void
children_send(struct children *c, enum role role, uint8_t type,
    uint64_t number, const char *payload, int fd)
{
	struct channel *channel = c->processes[role].channel;

	if (channel != NULL && fd != -1)
		channel_send_fd(channel, type, number, text_of(payload), fd);
	else if (channel != NULL)
		channel_send(channel, type, number, text_of(payload));
}

void
children_leave(struct children *c)
{
	enum role role;

	c->is_leaving = true;
	c->leave_ms = clock_monotonic_ms();
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		c->processes[role].is_wanted = false;
	if (c->processes[ROLE_FRONT].pid > 0)
		children_send_leave(&c->processes[ROLE_FRONT]);
	else {
		children_send_leave(&c->processes[ROLE_SCOUT]);
		children_send_leave(&c->processes[ROLE_CLERK]);
	}
	if (children_are_gone(c))
		c->callbacks.on_all_gone(c->arg);
}

void
children_kill(struct children *c)
{
	enum role role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		if (c->processes[role].pid > 0)
			privileges_kill(c->processes[role].pid,
			    &c->processes[role].recipe.account, SIGKILL);
}
