/*
 * A question to a socket of ours and its answer, in the thread of the caller,
 * who waits in poll(2) and never beyond a deadline (clock_monotonic_ms).
 */

#ifndef HOPSEAL_EXCHANGE_H
#define HOPSEAL_EXCHANGE_H

#include <stdint.h>

#include "shared/buffer.h"
#include "shared/io/endpoint.h"
#include "shared/text.h"

/*
 * Connects to where, an endpoint: the descriptor, or -1.  error is then
 * "WHERE: reason" where that names no address, or "" and errno tells.
 */
int	exchange_connect(const char *where, int64_t deadline_ms,
	    char error[ENDPOINT_ERROR_SIZE]);
int	exchange_send(int fd, struct text data, int64_t deadline_ms);

/*
 * Adds what comes next, at least an octet; -1 when time, room in in or the
 * other side is at its end.
 */
int	exchange_receive(int fd, struct buffer *in, int64_t deadline_ms);

/* A line there, given without its end, and one back, added without it. */
int	exchange_line(int fd, const char *line, struct buffer *answer,
	    int64_t deadline_ms);

#endif
