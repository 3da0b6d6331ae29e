/*
 * The question "route" on the control socket and its answer: the way of a mail.
 */

#ifndef HOPSEAL_ROUTE_JSON_H
#define HOPSEAL_ROUTE_JSON_H

#include "shared/postfix/route.h"

struct route_request {
	struct route_question	 q;
	struct json_t		*json;	/* q's texts are in it */
};

/*
 * {"client": ADDRESS, "sender": ADDRESS, "recipient": ADDRESS}, each of which
 * may be missing.  0, or -1 with *why: a member is no text.
 */
int	route_request_parse(struct text line, struct route_request *out,
	    const char **why);
void	route_request_clear(struct route_request *request);

/*
 * {"client", "domain": present, absent or unknown (ours); "state": known, none
 * or unknown; "next_hops": array; "because"}.  The caller frees it.
 */
char	*route_line(const struct route *route);

#endif
