/*
 * Reading datagrams, many with one call.  After some have been read, more are
 * left to gather for a moment where the queue has room for them: a batch is
 * one record of the journal, and what waits in the queue is safe from our end.
 * What is wrong with one is said at most once a minute: whoever writes here
 * could fill the log otherwise.
 */

#include "policyd/clerk/ledger/datagram_service.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/tlsrpt/datagram.h"
#include "shared/xalloc.h"

#define BATCH		32	/* of one call */
#define TURN_MS		100	/* then others have theirs */
#define GATHER_US	1000	/* at 20,000 a second 20 of 512 */
#define SAY_EVERY_MS	60000
#define QUEUE_LENGTH	"/proc/sys/net/unix/max_dgram_qlen"

struct datagram_service {
	int			 fd;
	struct event		*readable, *gathered;	/* one is added */
	struct timeval		 gather;
	struct datagram_service_callbacks callbacks;
	void			*arg;
	struct datagram_counts	 counts;
	int64_t			 say_ms;	/* not before */
	struct mmsghdr		 headers[BATCH];
	struct iovec		 blocks[BATCH];
	char			*memory;
};

static void
refuse(struct datagram_service *s, const char *why)
{
	int64_t now_ms = clock_monotonic_ms();

	s->counts.refused++;
	if (now_ms < s->say_ms)
		return;
	s->say_ms = now_ms + SAY_EVERY_MS;
	log_warn("tlsrpt socket: a datagram is not counted: reason=%s, "
	    "refused=%llu of %llu", why,
	    (unsigned long long)s->counts.refused,
	    (unsigned long long)s->counts.received);
}

static void
take(struct datagram_service *s, const struct mmsghdr *header)
{
	struct datagram datagram;
	const char *why;

	s->counts.received++;
	if ((header->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
		s->counts.cut++;
		refuse(s, "it is longer than 256 KiB");
		return;
	}
	if (datagram_parse(header->msg_hdr.msg_iov->iov_base,
	    header->msg_len, &datagram, &why) == -1) {
		refuse(s, why);
		return;
	}
	if (datagram.repaired_count > 0 || datagram.has_wrong_count)
		s->counts.repaired++;
	s->callbacks.on_datagram(&datagram, s->arg);
	datagram_clear(&datagram);
}

static void
read_some(evutil_socket_t fd, short events, void *arg)
{
	struct datagram_service *s = arg;
	int64_t end_ms = clock_monotonic_ms() + TURN_MS;
	bool has_read = false;
	int count, i;

	(void)fd;
	(void)events;
	do {
		count = recvmmsg(s->fd, s->headers, BATCH, MSG_DONTWAIT, NULL);
		for (i = 0; i < count; i++)
			take(s, &s->headers[i]);
		if (count > 0)
			s->callbacks.on_batch((unsigned)count, s->arg);
		has_read |= count > 0;
	} while (count == BATCH && clock_monotonic_ms() < end_ms);
	if (count == -1 && errno != EAGAIN && errno != EINTR)
		log_error("tlsrpt socket: cannot read: reason=%s",
		    strerror(errno));
	if (has_read)
		event_add(s->gathered, &s->gather);
	else
		event_add(s->readable, NULL);
}

struct datagram_service *
datagram_service_new(struct event_base *base, int fd,
    const struct datagram_service_callbacks *callbacks, void *arg)
{
	struct datagram_service *s = xcalloc(1, sizeof(*s));
	int i;

	s->fd = fd;
	s->callbacks = *callbacks;
	s->arg = arg;
	s->memory = xcalloc(BATCH, DATAGRAM_MAX_BYTES);
	for (i = 0; i < BATCH; i++) {
		s->blocks[i].iov_base = s->memory +
		    (size_t)i * DATAGRAM_MAX_BYTES;
		s->blocks[i].iov_len = DATAGRAM_MAX_BYTES;
		s->headers[i].msg_hdr.msg_iov = &s->blocks[i];
		s->headers[i].msg_hdr.msg_iovlen = 1;
	}
	s->gather.tv_usec = datagram_queue_length() >= DATAGRAM_QUEUE_MIN ?
	    GATHER_US : 0;
	s->readable = event_new(base, fd, EV_READ, read_some, s);
	s->gathered = evtimer_new(base, read_some, s);
	event_add(s->readable, NULL);
	return s;
}

void
datagram_service_free(struct datagram_service *s)
{
	if (s == NULL)
		return;
	event_free(s->readable);
	event_free(s->gathered);
	close(s->fd);
	free(s->memory);
	free(s);
}

const struct datagram_counts *
datagram_service_counts(const struct datagram_service *s)
{
	return &s->counts;
}

unsigned
datagram_queue_length(void)
{
	FILE *file = fopen(QUEUE_LENGTH, "re");
	unsigned length = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%u", &length) != 1)
		length = 0;
	fclose(file);
	return length;
}
