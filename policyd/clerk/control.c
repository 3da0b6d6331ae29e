/*
 * The control socket.  A connection is in one of four states: idle, in the
 * midst of a line, waiting for the answer to one, or being written to; each has
 * its own bound in time, and only the first two read.
 */

#include "policyd/clerk/control.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/buffer.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define ACCEPT_PAUSE_S	1	/* when the system has no descriptor left */
#define ACCEPT_BATCH	16	/* then others have their turn */

struct connection {
	TAILQ_ENTRY(connection)	 entry;
	struct control		*control;
	uint64_t		 number;
	int			 fd;
	struct event		*read, *write, *timer;
	struct buffer		 in, out;
	bool			 is_in_line;	/* the timer runs for a line */
	bool			 is_waiting;	/* for control_answer */
	bool			 has_ended;	/* nothing more will come */
};

struct control {
	struct event_base	*base;
	int			 listen_fd;
	struct event		*accept, *resume;
	control_line_cb		*on_line;
	void			*arg;
	uint64_t		 last_number;
	unsigned		 connection_count;
	/* the one silent for longest first */
	TAILQ_HEAD(, connection) connections;
};

static void
connection_free(struct connection *c)
{
	TAILQ_REMOVE(&c->control->connections, c, entry);
	c->control->connection_count--;
	event_free(c->read);
	event_free(c->write);
	event_free(c->timer);
	close(c->fd);
	buffer_clear(&c->in);
	buffer_clear(&c->out);
	free(c);
}

static void
connection_set_timer(struct connection *c, int seconds)
{
	struct timeval tv = { seconds, 0 };

	event_add(c->timer, &tv);
}

static void
connection_write(struct connection *c, const char *line)
{
	buffer_add_text(&c->out, line);
	buffer_add_text(&c->out, "\n");
	if (c->out.is_overfull) {
		buffer_reset(&c->out);
		buffer_add_text(&c->out, "{\"error\": \"the answer is too "
		    "long\"}\n");
	}
	event_del(c->read);
	event_add(c->write, NULL);
	connection_set_timer(c, CONTROL_WRITE_S);
}

/* The last line that it gets. */
static void
connection_refuse(struct connection *c, const char *line)
{
	c->has_ended = true;
	buffer_reset(&c->in);
	connection_write(c, line);
}

/* Nothing is being written, no answer awaited: what next?  May free c. */
static void
connection_advance(struct connection *c)
{
	struct text rest = { buffer_text(&c->in), c->in.len }, line;
	char *copy;

	if (c->in.len > 0 && memchr(rest.data, '\n', rest.len) != NULL) {
		text_next_line(&rest, &line);
		copy = xmemdup(line.data, line.len);
		buffer_drain(&c->in, c->in.len - rest.len);
		c->is_in_line = false;
		c->is_waiting = true;
		event_del(c->read);
		event_del(c->timer);
		c->control->on_line(c->number,
		    (struct text){ copy, line.len }, c->control->arg);
		free(copy);
	} else if (c->in.len == CONTROL_LINE_MAX_BYTES)
		connection_refuse(c, "{\"error\": \"the line is longer than "
		    "65536 octets\"}");
	else if (c->has_ended)
		connection_free(c);
	else {
		event_add(c->read, NULL);
		if (c->in.len == 0) {
			buffer_clear(&c->in);
			connection_set_timer(c, CONTROL_IDLE_S);
		} else if (!c->is_in_line) {
			c->is_in_line = true;
			connection_set_timer(c, CONTROL_LINE_S);
		}
	}
}

static void
connection_on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct connection *c = arg;
	char block[4096];
	size_t room = CONTROL_LINE_MAX_BYTES - c->in.len;
	ssize_t len;

	(void)events;
	len = recv(fd, block, room < sizeof(block) ? room : sizeof(block), 0);
	if (len == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len == -1) {
		connection_free(c);
		return;
	}
	/* Who only closed his side for writing still gets his answers. */
	c->has_ended = len == 0;
	buffer_add(&c->in, block, (size_t)len);
	TAILQ_REMOVE(&c->control->connections, c, entry);
	TAILQ_INSERT_TAIL(&c->control->connections, c, entry);
	connection_advance(c);
}

static void
connection_on_writable(evutil_socket_t fd, short events, void *arg)
{
	struct connection *c = arg;
	ssize_t len;

	(void)events;
	len = send(fd, c->out.data, c->out.len, MSG_NOSIGNAL);
	if (len == -1 && errno != EAGAIN && errno != EINTR) {
		connection_free(c);
		return;
	}
	if (len > 0)
		buffer_drain(&c->out, (size_t)len);
	if (c->out.len > 0) {
		event_add(c->write, NULL);
		return;
	}
	buffer_clear(&c->out);
	connection_advance(c);
}

static void
connection_on_timeout(evutil_socket_t fd, short events, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)events;
	if (c->is_in_line && c->out.len == 0)
		connection_refuse(c, "{\"error\": \"the line was not complete "
		    "within 10 s\"}");
	else
		connection_free(c);
}

static void
connection_new(struct control *control, int fd)
{
	struct connection *c = xcalloc(1, sizeof(*c));

	c->control = control;
	c->number = ++control->last_number;
	c->fd = fd;
	c->read = event_new(control->base, fd, EV_READ | EV_PERSIST,
	    connection_on_readable, c);
	c->write = event_new(control->base, fd, EV_WRITE,
	    connection_on_writable, c);
	c->timer = evtimer_new(control->base, connection_on_timeout, c);
	buffer_init(&c->in, CONTROL_LINE_MAX_BYTES);
	buffer_init(&c->out, CONTROL_ANSWER_MAX_BYTES);
	TAILQ_INSERT_TAIL(&control->connections, c, entry);
	control->connection_count++;
	connection_advance(c);
}

/* Makes room for one more; false when all others wait for an answer. */
static bool
control_make_room(struct control *control)
{
	struct connection *c;

	if (control->connection_count < CONTROL_CONNECTIONS_MAX)
		return true;
	TAILQ_FOREACH(c, &control->connections, entry)
		if (!c->is_waiting) {
			connection_free(c);
			return true;
		}
	return false;
}

static void
control_on_acceptable(evutil_socket_t listen_fd, short events, void *arg)
{
	struct timeval pause = { ACCEPT_PAUSE_S, 0 };
	struct control *control = arg;
	int fd, i;

	(void)events;
	for (i = 0; i < ACCEPT_BATCH; i++) {
		fd = accept4(listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1 && control_make_room(control))
			connection_new(control, fd);
		else if (fd != -1)
			close(fd);
		else if (errno != ECONNABORTED && errno != EINTR)
			break;
	}
	if (fd == -1 && errno != EAGAIN && errno != ECONNABORTED &&
	    errno != EINTR) {
		log_warn("control socket: cannot accept: reason=%s",
		    strerror(errno));
		event_del(control->accept);
		event_add(control->resume, &pause);
	}
}

static void
control_on_resume(evutil_socket_t fd, short events, void *arg)
{
	struct control *control = arg;

	(void)fd;
	(void)events;
	event_add(control->accept, NULL);
}

struct control *
control_new(struct event_base *base, int listen_fd, control_line_cb *on_line,
    void *arg)
{
	struct control *control = xcalloc(1, sizeof(*control));

	control->base = base;
	control->listen_fd = listen_fd;
	control->on_line = on_line;
	control->arg = arg;
	control->accept = event_new(base, listen_fd, EV_READ | EV_PERSIST,
	    control_on_acceptable, control);
	control->resume = evtimer_new(base, control_on_resume, control);
	TAILQ_INIT(&control->connections);
	event_add(control->accept, NULL);
	return control;
}

void
control_free(struct control *control)
{
	if (control == NULL)
		return;
	while (!TAILQ_EMPTY(&control->connections))
		connection_free(TAILQ_FIRST(&control->connections));
	event_free(control->accept);
	event_free(control->resume);
	close(control->listen_fd);
	free(control);
}

void
control_answer(struct control *control, uint64_t number, const char *answer)
{
	struct connection *c;

	TAILQ_FOREACH(c, &control->connections, entry)
		if (c->number == number && c->is_waiting) {
			c->is_waiting = false;
			connection_write(c, answer);
			return;
		}
}
