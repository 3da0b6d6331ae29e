/*
 * Frames over a stream socket pair.  Descriptors travel by SCM_RIGHTS with the
 * first octet of their frame; they are queued on arrival and given out to the
 * frames that announce one, in order.
 */

#include "policyd/process/channel.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/buffer.h"
#include "shared/message.h"
#include "shared/xalloc.h"

#define READ_BYTES	65536
#define FDS_MAX		16

/* A frame with a descriptor, from its first octet on. */
struct outgoing_fd {
	STAILQ_ENTRY(outgoing_fd) next;
	size_t	offset;		/* of its frame's first octet in out */
	int	fd;
};

struct channel {
	int			 fd;
	struct event		*readable, *writable;
	struct buffer		 in, out;
	STAILQ_HEAD(, outgoing_fd) outgoing;
	int			 incoming[FDS_MAX];
	size_t			 incoming_count;
	channel_frame_cb	*on_frame;
	channel_closed_cb	*on_closed;
	void			*arg;
	bool			*was_freed;	/* set while callbacks run */
};

int
channel_pair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, fds);
}

/* Takes the descriptors of one message. */
static void
channel_take_fds(struct channel *c, struct msghdr *message)
{
	struct cmsghdr *header;
	size_t count, i;
	int fd;

	for (header = CMSG_FIRSTHDR(message); header != NULL;
	    header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET ||
		    header->cmsg_type != SCM_RIGHTS)
			continue;
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd),
			    sizeof(fd));
			if (c->incoming_count < FDS_MAX)
				c->incoming[c->incoming_count++] = fd;
			else
				close(fd);
		}
	}
}

static int
channel_next_fd(struct channel *c)
{
	int fd;

	if (c->incoming_count == 0)
		return -1;
	fd = c->incoming[0];
	c->incoming_count--;
	memmove(c->incoming, c->incoming + 1,
	    c->incoming_count * sizeof(c->incoming[0]));
	return fd;
}

/* Gives out all whole frames; false when the channel was freed or closed. */
static bool
channel_deliver(struct channel *c)
{
	struct frame frame;
	const char *why;
	size_t used, done = 0;
	bool was_freed = false;
	int fd;

	c->was_freed = &was_freed;
	for (;;) {
		switch (frame_parse(c->in.data + done, c->in.len - done,
		    &frame, &used, &why)) {
		case FRAME_MORE:
			buffer_drain(&c->in, done);
			c->was_freed = NULL;
			return true;
		case FRAME_BAD:
			c->was_freed = NULL;
			c->on_closed(c, why, c->arg);
			return false;
		case FRAME_DONE:
			break;
		}
		fd = -1;
		if (frame.type & MESSAGE_HAS_FD) {
			fd = channel_next_fd(c);
			frame.type &= (uint8_t)~MESSAGE_HAS_FD;
		}
		c->on_frame(c, &frame, fd, c->arg);
		if (was_freed)
			return false;
		done += used;
	}
}

static void
channel_on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct channel *c = arg;
	char block[READ_BYTES];
	char control[CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct iovec piece = { block, sizeof(block) };
	struct msghdr message = {
		.msg_iov = &piece, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t len;

	(void)events;
	len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (len == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		c->on_closed(c, len == 0 ? "closed" : strerror(errno), c->arg);
		return;
	}
	channel_take_fds(c, &message);
	buffer_add(&c->in, block, (size_t)len);
	channel_deliver(c);
}

/* One sendmsg of what waits, up to the next frame with a descriptor. */
static ssize_t
channel_send_piece(struct channel *c)
{
	struct outgoing_fd *next = STAILQ_FIRST(&c->outgoing);
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec piece = { c->out.data, c->out.len };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (next != NULL && next->offset > 0)
		piece.iov_len = next->offset;
	else if (next != NULL) {
		memset(control, 0, sizeof(control));
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &next->fd, sizeof(int));
		if (STAILQ_NEXT(next, next) != NULL)
			piece.iov_len = STAILQ_NEXT(next, next)->offset;
	}
	return sendmsg(c->fd, &message, MSG_NOSIGNAL);
}

static void
channel_drop_outgoing(struct channel *c)
{
	struct outgoing_fd *first = STAILQ_FIRST(&c->outgoing);

	STAILQ_REMOVE_HEAD(&c->outgoing, next);
	close(first->fd);
	free(first);
}

/* An error is left to the reading side, which sees the end as well. */
static void
channel_flush(struct channel *c)
{
	struct outgoing_fd *waiting;
	ssize_t len;

	while (c->out.len > 0) {
		len = channel_send_piece(c);
		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1)
			break;
		if (!STAILQ_EMPTY(&c->outgoing) &&
		    STAILQ_FIRST(&c->outgoing)->offset == 0)
			channel_drop_outgoing(c);
		buffer_drain(&c->out, (size_t)len);
		STAILQ_FOREACH(waiting, &c->outgoing, next)
			waiting->offset -= (size_t)len;
	}
	if (c->out.len > 0)
		event_add(c->writable, NULL);
	else
		event_del(c->writable);
}

static void
channel_on_writable(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	channel_flush(arg);
}

struct channel *
channel_new(struct event_base *base, int fd, channel_frame_cb *on_frame,
    channel_closed_cb *on_closed, void *arg)
{
	struct channel *c = xcalloc(1, sizeof(*c));

	c->fd = fd;
	c->on_frame = on_frame;
	c->on_closed = on_closed;
	c->arg = arg;
	buffer_init(&c->in, FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX +
	    READ_BYTES);
	buffer_init(&c->out, CHANNEL_QUEUE_MAX);
	STAILQ_INIT(&c->outgoing);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST,
	    channel_on_readable, c);
	c->writable = event_new(base, fd, EV_WRITE | EV_PERSIST,
	    channel_on_writable, c);
	assert(c->readable != NULL && c->writable != NULL);
	event_add(c->readable, NULL);
	return c;
}

void
channel_free(struct channel *c)
{
	int fd;

	if (c == NULL)
		return;
	if (c->was_freed != NULL)
		*c->was_freed = true;
	event_free(c->readable);
	event_free(c->writable);
	while (!STAILQ_EMPTY(&c->outgoing))
		channel_drop_outgoing(c);
	while ((fd = channel_next_fd(c)) != -1)
		close(fd);
	buffer_clear(&c->in);
	buffer_clear(&c->out);
	close(c->fd);
	free(c);
}

static bool
channel_queue(struct channel *c, uint8_t type, uint64_t number,
    struct text payload)
{
	if (payload.len > FRAME_PAYLOAD_MAX || c->out.len +
	    FRAME_HEADER_BYTES + payload.len > CHANNEL_QUEUE_MAX)
		return false;
	frame_format(&c->out, type, number, payload);
	return true;
}

bool
channel_send(struct channel *c, uint8_t type, uint64_t number,
    struct text payload)
{
	if (!channel_queue(c, type, number, payload))
		return false;
	channel_flush(c);
	return true;
}

bool
channel_send_soon(struct channel *c, uint8_t type, uint64_t number,
    struct text payload)
{
	if (!channel_queue(c, type, number, payload))
		return false;
	event_active(c->writable, EV_WRITE, 0);
	return true;
}

bool
channel_send_fd(struct channel *c, uint8_t type, uint64_t number,
    struct text payload, int fd)
{
	struct outgoing_fd *waiting;
	size_t offset = c->out.len;
	int copy = dup(fd);

	if (copy == -1)
		return false;
	if (!channel_queue(c, type | MESSAGE_HAS_FD, number, payload)) {
		close(copy);
		return false;
	}
	waiting = xcalloc(1, sizeof(*waiting));
	waiting->offset = offset;
	waiting->fd = copy;
	STAILQ_INSERT_TAIL(&c->outgoing, waiting, next);
	channel_flush(c);
	return true;
}

size_t
channel_queued(const struct channel *c)
{
	return c->out.len;
}
