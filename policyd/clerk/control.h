/*
 * The control socket: lines in, lines out, for people who may be slow, rude or
 * gone.  Knows connections and their bounds; what a line asks is the clerk's.
 */

#ifndef HOPSEAL_CONTROL_H
#define HOPSEAL_CONTROL_H

#include <stdint.h>

#include "shared/text.h"

struct control;
struct event_base;

#define CONTROL_CONNECTIONS_MAX	64	/* then the longest silent goes */
#define CONTROL_LINE_MAX_BYTES	65536	/* with its line end */
#define CONTROL_ANSWER_MAX_BYTES (2 * 1024 * 1024)
#define CONTROL_IDLE_S		60	/* between two questions */
#define CONTROL_LINE_S		10	/* for the rest of a line once begun */
#define CONTROL_WRITE_S		10	/* for the reader to take an answer */

/*
 * A line came, without its end.  It is answered once, now or later, and until
 * then no further line of that connection is read.
 */
typedef void control_line_cb(uint64_t connection, struct text line, void *arg);

/* Takes listen_fd, which listens and does not block. */
struct control	*control_new(struct event_base *base, int listen_fd,
		    control_line_cb *on_line, void *arg);
void		 control_free(struct control *control);
/* answer has no line end; a connection that is gone is ignored. */
void		 control_answer(struct control *control, uint64_t connection,
		    const char *answer);

#endif
