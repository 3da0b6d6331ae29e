/*
 * A question on the control socket: one JSON object a line,
 * {"version": 1, "command": "explain", "domain": "example.com"}.
 */

#ifndef HOPSEAL_REQUEST_JSON_H
#define HOPSEAL_REQUEST_JSON_H

#include "policyd/process/control_message.h"

#define REQUEST_VERSION 1

/*
 * 0, or -1 with *why: no object, a name twice, another version, no or an
 * unknown command, no domain or one that has no policy, a member of the wrong
 * type.  Members of other names are ignored.
 */
int	request_parse(struct text line, struct control_question *out,
	    const char **why);

#endif
