/*
 * Questions to policyd on its control socket: one JSON line each way, with a
 * deadline, in the thread of the caller.
 */

#ifndef HOPSEAL_POLICYD_LINE_H
#define HOPSEAL_POLICYD_LINE_H

#include "shared/buffer.h"

#define POLICYD_ASKING_MAX	32	/* at one time; policyd takes 64 */
#define POLICYD_ANSWER_MAX	(2 * 1024 * 1024)

struct policyd_line;

/* Lives as long as the program. */
struct policyd_line *policyd_line_new(void);

/*
 * Asks at the endpoint where (the option control_listen) and waits at most
 * wait_ms.  request is a JSON object without a line end; 0 with the answer's
 * line added to answer, or -1 with *why: no endpoint, nobody there, no time,
 * too many ask.
 */
int	policyd_line_ask(struct policyd_line *line, const char *where,
	    const char *request, unsigned wait_ms, struct buffer *answer,
	    const char **why);

#endif
