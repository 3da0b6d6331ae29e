/*
 * The answer to "explain": all that is known of a next hop and what follows
 * from it, as one JSON object.
 */

#ifndef HOPSEAL_EXPLAIN_JSON_H
#define HOPSEAL_EXPLAIN_JSON_H

#include "policyd/process/control_message.h"
#include "shared/postfix/transport.h"

/*
 * The line of the answer, without its end; the caller frees it.  What e holds
 * was checked by control_explanation_parse; facts that cannot be read give an
 * error line.  way is where mail to the domain goes, NULL where hop is the place.
 */
char	*explain_line(const struct next_hop *hop,
	    const struct control_explanation *e, const struct transport *way,
	    const struct domain_rules *rules, int64_t now);

#endif
