/*
 * A decision in the words of smtp_tls_policy_maps (postconf(5)): the payload
 * of a socketmap reply under our two map names.
 */

#ifndef HOPSEAL_MAP_REPLY_H
#define HOPSEAL_MAP_REPLY_H

#include <stdbool.h>

#include "shared/buffer.h"
#include "shared/policy/facts.h"
#include "shared/policy/tls_decision.h"

/* Under which name Postfix asks. */
enum map_name {
	MAP_QUERY,		/* "QUERY", "postfix": any Postfix from 3.4 */
	MAP_QUERY_TLSRPT,	/* "QUERYwithTLSRPT": Postfix 3.10 and later */
	MAP_NAME_COUNT
};

/* False for a name that is none of ours. */
bool	map_name_parse(struct text word, enum map_name *out);

/*
 * Adds "OK secure match=...", "NOTFOUND " or "TEMP reason".  What would exceed
 * SOCKETMAP_REPLY_MAX loses policy_string attributes from the end, but never version
 * and mode, then all attributes of TLSRPT.  facts is needed where the
 * decision uses the policy's names.
 */
void	map_reply_format(const struct tls_decision *decision,
	    const struct facts *facts, enum map_name name, struct buffer *out);

#endif
