/*
 * The parent's three children: starting, watching, ending, and telling each
 * of the others.  A child that died or whose tick is older than 2 s is
 * replaced; from the fourth crash within 3 s on with a pause.
 */

#ifndef HOPSEAL_CHILDREN_H
#define HOPSEAL_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>

#include "policyd/privileges.h"
#include "policyd/process/message.h"
#include "policyd/process/settings.h"

struct event_base;
struct frame;
struct children;

#define CHILDREN_FDS_MAX 64

/* What a child is made of. */
struct child_recipe {
	struct account	account;
	int		program_fd;		/* opened O_PATH or O_RDONLY */
	const char	*arguments[8];		/* argv, NULL at the end */
	int		fds[CHILDREN_FDS_MAX];	/* become 4, 5, ... there */
	size_t		fd_count;
	bool		may_know_secrets;	/* the password of Redis */
};

struct children_callbacks {
	/* A frame of a child that is not a tick. */
	void	(*on_frame)(enum role role, const struct frame *frame,
		    void *arg);
	/* All children have ended after children_leave. */
	void	(*on_all_gone)(void *arg);
};

struct children *children_new(struct event_base *base,
	    const struct children_callbacks *callbacks, void *arg);
void	children_free(struct children *children);
/* Starts a child and keeps it running; recipe is copied. */
void	children_start(struct children *children, enum role role,
	    const struct child_recipe *recipe,
	    const struct settings *settings);
/* To all of them; settings live at least until the next call. */
void	children_tell_settings(struct children *children,
	    const struct settings *settings);
/* To the clerk, also to the next one; "": the settings on disk are in force. */
void	children_tell_refusal(struct children *children, const char *refusal);
/* A frame for one child, with a descriptor or -1; fd stays the caller's. */
void	children_send(struct children *children, enum role role, uint8_t type,
	    uint64_t number, const char *payload, int fd);
/* Reaps; for SIGCHLD. */
void	children_reap(struct children *children);
/* The front answers what is in hand, then the others; at most some seconds. */
void	children_leave(struct children *children);
/* At once. */
void	children_kill(struct children *children);

#endif
