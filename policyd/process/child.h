/*
 * What front, scout and clerk have in common: an event loop, the channel to
 * the parent with its ticks, settings that come at start and at each reload,
 * channels to the other children that come and go, and a log that the clerk
 * writes.
 */

#ifndef HOPSEAL_CHILD_H
#define HOPSEAL_CHILD_H

#include <event2/event.h>

#include "policyd/process/channel.h"
#include "policyd/process/message.h"
#include "policyd/process/settings.h"

struct child;

struct child_callbacks {
	/* Settings came; the first time before all else.  The old ones are freed
	   after the call. */
	void	(*on_settings)(struct child *child,
		    const struct settings *settings);
	/* A peer is there (child_peer), or gone and NULL. */
	void	(*on_peer)(struct child *child, enum role peer);
	/* A frame of a peer. */
	void	(*on_frame)(struct child *child, enum role peer,
		    const struct frame *frame);
	/* One that a descriptor came with, which is taken; may be NULL. */
	void	(*on_frame_fd)(struct child *child, enum role peer,
		    const struct frame *frame, int fd);
	/* Finish what is in hand; then call child_exit. */
	void	(*on_leave)(struct child *child);
	/* The loop has ended: release what is the owner's; may be NULL. */
	void	(*on_stop)(struct child *child);
	/* The parent sent something that is not for every child; may be NULL.
	   fd came with it and is taken, or -1. */
	void	(*on_parent_frame)(struct child *child,
		    const struct frame *frame, int fd);
};

struct child {
	enum role		 role;
	struct event_base	*base;
	const struct settings	*settings;	/* NULL until the first came */
	void			*arg;		/* the owner's */
};

/*
 * Runs the loop on the parent's channel at parent_fd until child_exit, or
 * until the parent is gone.  Returns the exit status.
 */
int		 child_run(enum role role, int parent_fd,
		    const struct child_callbacks *callbacks, void *arg);
/* The channel to another child, or NULL while it is away. */
struct channel	*child_peer(struct child *child, enum role peer);
struct channel	*child_parent(struct child *child);
void		 child_exit(struct child *child, int status);

#endif
