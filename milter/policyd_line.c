/*
 * Questions to policyd.  Callers wait in poll(2), each on a connection of its
 * own; all that they share is how many they are.
 */

#include "milter/policyd_line.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/clock.h"
#include "shared/io/endpoint.h"
#include "shared/xalloc.h"

struct policyd_line {
	pthread_mutex_t	lock;
	unsigned	asking_count;	/* guarded by lock */
};

struct policyd_line *
policyd_line_new(void)
{
	struct policyd_line *line = xcalloc(1, sizeof(*line));

	pthread_mutex_init(&line->lock, NULL);
	return line;
}

static bool
begin_asking(struct policyd_line *line)
{
	bool may_ask;

	pthread_mutex_lock(&line->lock);
	may_ask = line->asking_count < POLICYD_ASKING_MAX;
	if (may_ask)
		line->asking_count++;
	pthread_mutex_unlock(&line->lock);
	return may_ask;
}

static void
end_asking(struct policyd_line *line)
{
	pthread_mutex_lock(&line->lock);
	line->asking_count--;
	pthread_mutex_unlock(&line->lock);
}

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

/* The first address that takes the connection, or -1. */
static int
connect_to(const struct endpoint *endpoint, int64_t deadline_ms)
{
	struct endpoint_address addresses[ENDPOINT_ADDRESS_MAX];
	char error[ENDPOINT_ERROR_SIZE];
	int fd, trouble;
	socklen_t len = sizeof(trouble);
	size_t count, i;

	if (endpoint_resolve(endpoint, ENDPOINT_TO_CONNECT, addresses, &count,
	    error) == -1)
		return -1;
	for (i = 0; i < count; i++) {
		fd = endpoint_connect(&addresses[i], SOCK_STREAM);
		if (fd == -1)
			continue;
		if (wait_for(fd, POLLOUT, deadline_ms) && getsockopt(fd,
		    SOL_SOCKET, SO_ERROR, &trouble, &len) == 0 && trouble == 0)
			return fd;
		close(fd);
	}
	return -1;
}

static int
send_all(int fd, const char *data, size_t len, int64_t deadline_ms)
{
	ssize_t sent;

	while (len > 0) {
		if (!wait_for(fd, POLLOUT, deadline_ms))
			return -1;
		sent = send(fd, data, len, MSG_NOSIGNAL);
		if (sent == -1 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (sent > 0) {
			data += sent;
			len -= (size_t)sent;
		}
	}
	return 0;
}

/* Reads up to a line end, which is not kept. */
static int
receive_line(int fd, struct buffer *line, int64_t deadline_ms)
{
	char block[16384];
	ssize_t len;

	for (;;) {
		if (!wait_for(fd, POLLIN, deadline_ms))
			return -1;
		len = recv(fd, block, sizeof(block), 0);
		if (len == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (len <= 0)
			return -1;
		if (block[len - 1] == '\n') {
			buffer_add(line, block, (size_t)len - 1);
			return line->is_overfull ? -1 : 0;
		}
		buffer_add(line, block, (size_t)len);
		if (line->is_overfull)
			return -1;
	}
}

int
policyd_line_ask(struct policyd_line *line, const char *where,
    const char *request, unsigned wait_ms, struct buffer *answer,
    const char **why)
{
	int64_t deadline_ms = clock_monotonic_ms() + wait_ms;
	struct endpoint endpoint;
	int fd, result = -1;

	*why = "control_listen is empty";
	if (where[0] == '\0' || endpoint_parse(text_of(where), &endpoint,
	    why) == -1)
		return -1;
	*why = "too many ask policyd";
	if (!begin_asking(line))
		return -1;
	*why = "policyd is away";
	fd = connect_to(&endpoint, deadline_ms);
	if (fd != -1) {
		*why = "policyd gave no answer in time";
		if (send_all(fd, request, strlen(request), deadline_ms) == 0 &&
		    send_all(fd, "\n", 1, deadline_ms) == 0)
			result = receive_line(fd, answer, deadline_ms);
		close(fd);
	}
	end_asking(line);
	return result;
}
