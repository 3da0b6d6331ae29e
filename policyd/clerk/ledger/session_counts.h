/*
 * Sessions counted since the start, for metrics: the same keys as in tallies,
 * without the names that strangers choose, so that they stay as few.
 */

#ifndef HOPSEAL_SESSION_COUNTS_H
#define HOPSEAL_SESSION_COUNTS_H

#include <stdint.h>

#include "shared/tlsrpt/tally.h"

#define SESSION_OUTCOMES	(TALLY_CLEAR + 1)
#define SESSION_PROTOCOLS	5	/* the last is "other" */
#define SESSION_RESULTS		12	/* RFC 8460, 4.3; the last is "other" */

struct session_counts {
	uint64_t	outcomes[SESSION_DIRECTION_COUNT][SESSION_OUTCOMES];
	uint64_t	protocols[SESSION_DIRECTION_COUNT][SESSION_PROTOCOLS];
	/* Failures, and what was found beside one. */
	uint64_t	results[SESSION_DIRECTION_COUNT][SESSION_RESULTS];
	uint64_t	verified[SESSION_DIRECTION_COUNT];
	uint64_t	refusals;	/* of our certificate */
};

void		 session_counts_add(struct session_counts *counts,
		    const struct tally_key *key);
/* "TLSv1.3"; "certificate-expired".  Constant strings. */
const char	*session_protocol_name(unsigned protocol);
const char	*session_result_name(unsigned result);

#endif
