/*
 * What becomes of one recipient of a message: its next hops, as policyd knows
 * Postfix's choice, and what is found about each.
 */

#ifndef HOPSEAL_RECIPIENT_H
#define HOPSEAL_RECIPIENT_H

#include "milter/mail.h"

/* Without its brackets. */
struct text recipient_address(struct text argument);
/*
 * recipient is "<user@example.com>", with or without the brackets.  False where
 * nothing is judged: our own domains, no next hop, or one that is not known.
 * Several next hops come to an action only when it is the same for all.  hop is
 * the first, for the log.
 */
bool	recipient_judge(struct mail *mail, struct text recipient,
	    struct next_hop *hop, struct judgement *out);

#endif
