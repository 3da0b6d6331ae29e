/*
 * The client's side of our sockets, for those who may wait: the admin's
 * command and the milter's threads.
 */

#include "shared/io/exchange.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/clock.h"

#define BLOCK_BYTES	16384

/* True when events can happen on fd before the deadline. */
static bool
wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left_ms;
	int ready;

	do {
		left_ms = deadline_ms - clock_monotonic_ms();
		ready = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
	} while (ready == -1 && errno == EINTR);
	return ready == 1;
}

/* The descriptor, or -1 with errno. */
static int
connect_one(const struct endpoint_address *address, int64_t deadline_ms)
{
	int fd = endpoint_connect(address, SOCK_STREAM), trouble = ETIMEDOUT;
	socklen_t len = sizeof(trouble);

	if (fd == -1)
		return -1;
	if (wait_for(fd, POLLOUT, deadline_ms) && getsockopt(fd, SOL_SOCKET,
	    SO_ERROR, &trouble, &len) == 0 && trouble == 0)
		return fd;
	close(fd);
	errno = trouble;
	return -1;
}

int
exchange_connect(const char *where, int64_t deadline_ms,
    char error[ENDPOINT_ERROR_SIZE])
{
	struct endpoint_address addresses[ENDPOINT_ADDRESS_MAX];
	struct endpoint endpoint;
	const char *why;
	size_t count, i;
	int fd = -1;

	if (endpoint_parse(text_of(where), &endpoint, &why) == -1) {
		snprintf(error, ENDPOINT_ERROR_SIZE, "%.200s: %s", where, why);
		return -1;
	}
	if (endpoint_resolve(&endpoint, ENDPOINT_TO_CONNECT, addresses,
	    &count, error) == -1)
		return -1;
	error[0] = '\0';
	for (i = 0; i < count && fd == -1; i++)
		fd = connect_one(&addresses[i], deadline_ms);
	return fd;
}

int
exchange_send(int fd, struct text data, int64_t deadline_ms)
{
	ssize_t sent;

	while (data.len > 0) {
		if (!wait_for(fd, POLLOUT, deadline_ms))
			return -1;
		sent = send(fd, data.data, data.len, MSG_NOSIGNAL);
		if (sent == -1 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (sent > 0) {
			data.data += sent;
			data.len -= (size_t)sent;
		}
	}
	return 0;
}

int
exchange_receive(int fd, struct buffer *in, int64_t deadline_ms)
{
	char block[BLOCK_BYTES];
	ssize_t len;

	do {
		if (!wait_for(fd, POLLIN, deadline_ms))
			return -1;
		len = recv(fd, block, sizeof(block), 0);
	} while (len == -1 && (errno == EAGAIN || errno == EINTR));
	if (len <= 0)
		return -1;
	buffer_add(in, block, (size_t)len);
	return in->is_overfull ? -1 : 0;
}

int
exchange_line(int fd, const char *line, struct buffer *answer,
    int64_t deadline_ms)
{
	if (exchange_send(fd, text_of(line), deadline_ms) == -1 ||
	    exchange_send(fd, text_of("\n"), deadline_ms) == -1)
		return -1;
	do
		if (exchange_receive(fd, answer, deadline_ms) == -1)
			return -1;
	while (answer->data[answer->len - 1] != '\n');
	answer->data[--answer->len] = '\0';
	return 0;
}
