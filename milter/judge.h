/*
 * What becomes of a recipient: facts from the shared cache or from policyd, the
 * operator's rules, and the one decision there is.
 */

#ifndef HOPSEAL_JUDGE_H
#define HOPSEAL_JUDGE_H

#include <stdbool.h>

#include "milter/judgement.h"
#include "milter/setup.h"
#include "shared/postfix/next_hop.h"
#include "shared/text.h"

/* Postfix waits 5 s for an answer (command_timeout in the sample line). */
#define JUDGE_WAIT_MAX_MS	4000

/* How long one message may still wait; judge_patience_init begins it. */
struct judge_patience {
	unsigned	left_ms;	/* for policyd */
	bool		cache_is_silent; /* it kept us waiting once */
};
void	judge_patience_init(struct judge_patience *patience,
	    const struct setup *setup);

/* The way that policyd knows; UNKNOWN when it does not say in time. */
void	judge_route(const struct setup *setup, const struct route_question *q,
	    struct judge_patience *patience, struct route *out);
/*
 * Judges hop.  For clients that are not our own nothing is looked up, and only
 * rules that say clients=all apply.  What cannot be known in time is
 * VERDICT_UNKNOWN and RULE_ACTION_LOG.
 */
void	judge_hop(const struct setup *setup, const struct next_hop *hop,
	    bool is_own_client, struct judge_patience *patience,
	    struct judgement *out);

#endif
