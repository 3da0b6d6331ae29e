/*
 * One end of a stream socket pair between two of our processes, carrying
 * frames (shared/frame.h) and now and then a descriptor.  Never blocks: what
 * the other side does not read waits here, up to a bound.
 */

#ifndef HOPSEAL_CHANNEL_H
#define HOPSEAL_CHANNEL_H

#include <stdbool.h>

#include "shared/frame.h"

struct event_base;
struct channel;

#define CHANNEL_QUEUE_MAX (16 * 1024 * 1024)	/* octets not yet sent */

/*
 * One frame came; fd is the descriptor that came with it or -1, the callee's
 * from then on.  The callback may free the channel.
 */
typedef void channel_frame_cb(struct channel *channel,
    const struct frame *frame, int fd, void *arg);
/* The other side is gone or talks nonsense (why); free the channel. */
typedef void channel_closed_cb(struct channel *channel, const char *why,
    void *arg);

/* Makes a non-blocking, close-on-exec pair; -1 with errno. */
int	channel_pair(int fds[2]);

/* Takes fd. */
struct channel *channel_new(struct event_base *base, int fd,
	    channel_frame_cb *on_frame, channel_closed_cb *on_closed,
	    void *arg);
void	channel_free(struct channel *channel);

/*
 * False, and nothing sent, when CHANNEL_QUEUE_MAX is reached or the payload is too
 * long.
 */
bool	channel_send(struct channel *channel, uint8_t type, uint64_t number,
	    struct text payload);
/* The same, together with whatever else is sent in this turn of the loop. */
bool	channel_send_soon(struct channel *channel, uint8_t type,
	    uint64_t number, struct text payload);
/* The same with a descriptor, which stays the caller's. */
bool	channel_send_fd(struct channel *channel, uint8_t type, uint64_t number,
	    struct text payload, int fd);
/* Octets that wait for the other side. */
size_t	channel_queued(const struct channel *channel);

#endif
