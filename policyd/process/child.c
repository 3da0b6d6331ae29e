/*
 * What front, scout and clerk have in common.  The parent is the only one who
 * starts and ends them: a child whose parent is gone leaves too.
 */

#include "policyd/process/child.h"

#include <sys/prctl.h>

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/log.h"
#include "shared/pack.h"
#include "shared/xalloc.h"

#define TICK_MS		500
#define LOG_KEPT_MAX	(64 * 1024)	/* lines that wait for the clerk */

struct child_state {
	struct child			 child;		/* first: see state_of */
	const struct child_callbacks	*callbacks;
	struct channel			*parent;
	struct channel			*peers[ROLE_COUNT];
	struct settings			*settings;
	struct event			*tick;
	struct buffer			 kept_log;	/* frames for the clerk */
	unsigned			 lost_log_count;
	int				 status;
};

static struct child_state *
state_of(struct child *child)
{
	return (struct child_state *)child;
}

static void
child_flush_log(struct child_state *state)
{
	struct channel *clerk = state->peers[ROLE_CLERK];
	struct frame frame;
	const char *why;
	size_t used, done = 0;

	while (done < state->kept_log.len && frame_parse(state->kept_log.data +
	    done, state->kept_log.len - done, &frame, &used, &why) ==
	    FRAME_DONE) {
		channel_send(clerk, frame.type, frame.number, frame.payload);
		done += used;
	}
	buffer_reset(&state->kept_log);
	if (state->lost_log_count > 0) {
		unsigned lost = state->lost_log_count;

		state->lost_log_count = 0;
		log_warn("log lines lost while the clerk was away: count=%u",
		    lost);
	}
}

/* Lines go to the clerk; while it is away, up to a bound, they wait. */
static void
child_log(enum config_log_level level, const char *line, void *arg)
{
	struct child_state *state = arg;
	struct buffer payload;
	struct text t;

	buffer_init(&payload, LOG_LINE_MAX + 64);
	pack_u8(&payload, (uint8_t)level);
	pack_u32(&payload, (uint32_t)getpid());
	pack_string(&payload, line);
	t = (struct text){ buffer_text(&payload), payload.len };
	if (payload.is_overfull)
		state->lost_log_count++;
	else if (state->peers[ROLE_CLERK] != NULL) {
		if (!channel_send(state->peers[ROLE_CLERK], MESSAGE_LOG, 0, t))
			state->lost_log_count++;
	} else if (state->kept_log.len + FRAME_HEADER_BYTES + t.len <=
	    LOG_KEPT_MAX)
		frame_format(&state->kept_log, MESSAGE_LOG, 0, t);
	else
		state->lost_log_count++;
	buffer_clear(&payload);
}

static void
child_on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct child_state *state = arg;

	(void)fd;
	(void)events;
	channel_send(state->parent, MESSAGE_TICK, 0, text_of(""));
}

static void
peer_on_frame(struct channel *channel, const struct frame *frame, int fd,
    void *arg)
{
	struct child_state *state = arg;
	enum role peer;

	for (peer = 0; peer < ROLE_COUNT; peer++)
		if (state->peers[peer] == channel)
			break;
	assert(peer < ROLE_COUNT);
	if (fd != -1 && state->callbacks->on_frame_fd != NULL) {
		state->callbacks->on_frame_fd(&state->child, peer, frame, fd);
		return;
	}
	if (fd != -1)
		close(fd);
	state->callbacks->on_frame(&state->child, peer, frame);
}

static void
child_drop_peer(struct child_state *state, enum role peer)
{
	channel_free(state->peers[peer]);
	state->peers[peer] = NULL;
	state->callbacks->on_peer(&state->child, peer);
}

static void
peer_on_closed(struct channel *channel, const char *why, void *arg)
{
	struct child_state *state = arg;
	enum role peer;

	for (peer = 0; peer < ROLE_COUNT; peer++)
		if (state->peers[peer] == channel)
			break;
	assert(peer < ROLE_COUNT);
	log_debug("peer gone: role=%s, reason=%s", role_name(peer), why);
	child_drop_peer(state, peer);
}

static void
child_on_peer(struct child_state *state, uint64_t number, int fd)
{
	enum role peer = (enum role)number;

	if (fd == -1 || number >= ROLE_COUNT) {
		if (fd != -1)
			close(fd);
		return;
	}
	if (state->peers[peer] != NULL)
		child_drop_peer(state, peer);
	state->peers[peer] = channel_new(state->child.base, fd, peer_on_frame,
	    peer_on_closed, state);
	if (peer == ROLE_CLERK && state->child.role != ROLE_CLERK)
		child_flush_log(state);
	state->callbacks->on_peer(&state->child, peer);
}

static void
child_on_settings(struct child_state *state, struct text payload)
{
	struct settings *old = state->settings;
	struct settings *settings = settings_parse(payload);

	if (settings == NULL) {
		log_error("settings from the parent cannot be read");
		return;
	}
	/* The clerk writes for all; its target takes effect at the start. */
	if (old == NULL && state->child.role == ROLE_CLERK)
		log_open(role_name(ROLE_CLERK), settings->config->log_target,
		    settings->config->log_level);
	log_set_level(settings->config->log_level);
	state->settings = settings;
	state->child.settings = settings;
	state->callbacks->on_settings(&state->child, settings);
	settings_free(old);
	/* From the first one on the parent is strict. */
	if (old == NULL)
		child_on_tick(-1, 0, state);
}

static void
parent_on_frame(struct channel *channel, const struct frame *frame, int fd,
    void *arg)
{
	struct child_state *state = arg;

	(void)channel;
	if (frame->type == MESSAGE_PEER) {
		child_on_peer(state, frame->number, fd);
		return;
	}
	if (frame->type != MESSAGE_SETTINGS && frame->type != MESSAGE_LEAVE &&
	    state->callbacks->on_parent_frame != NULL) {
		state->callbacks->on_parent_frame(&state->child, frame, fd);
		return;
	}
	if (fd != -1)
		close(fd);
	if (frame->type == MESSAGE_SETTINGS)
		child_on_settings(state, frame->payload);
	else if (frame->type == MESSAGE_LEAVE)
		state->callbacks->on_leave(&state->child);
}

static void
parent_on_closed(struct channel *channel, const char *why, void *arg)
{
	struct child_state *state = arg;

	(void)channel;
	(void)why;
	child_exit(&state->child, 1);
}

/* Signals are the parent's; ^C reaches the whole group and must not. */
static void
child_ignore_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

int
child_run(enum role role, int parent_fd,
    const struct child_callbacks *callbacks, void *arg)
{
	struct child_state *state = xcalloc(1, sizeof(*state));
	struct timeval interval = { 0, TICK_MS * 1000 };
	char name[16];
	enum role peer;
	int status;

	snprintf(name, sizeof(name), "hopseal-%s", role_name(role));
	prctl(PR_SET_NAME, name);
	child_ignore_signals();
	state->callbacks = callbacks;
	state->child.role = role;
	state->child.arg = arg;
	state->child.base = event_base_new();
	assert(state->child.base != NULL);
	buffer_init(&state->kept_log, LOG_KEPT_MAX);
	if (role != ROLE_CLERK)
		log_set_sink(child_log, state);
	state->parent = channel_new(state->child.base, parent_fd,
	    parent_on_frame, parent_on_closed, state);
	state->tick = event_new(state->child.base, -1, EV_PERSIST,
	    child_on_tick, state);
	event_add(state->tick, &interval);

	event_base_dispatch(state->child.base);

	if (callbacks->on_stop != NULL)
		callbacks->on_stop(&state->child);
	log_set_sink(NULL, NULL);
	status = state->status;
	event_free(state->tick);
	for (peer = 0; peer < ROLE_COUNT; peer++)
		channel_free(state->peers[peer]);
	channel_free(state->parent);
	buffer_clear(&state->kept_log);
	settings_free(state->settings);
	event_base_free(state->child.base);
	free(state);
	return status;
}

struct channel *
child_peer(struct child *child, enum role peer)
{
	return state_of(child)->peers[peer];
}

struct channel *
child_parent(struct child *child)
{
	return state_of(child)->parent;
}

void
child_exit(struct child *child, int status)
{
	state_of(child)->status = status;
	event_base_loopbreak(child->base);
}
