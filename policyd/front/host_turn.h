/*
 * Whose turn it is to look at a mail host: one front of the group at a time
 * (docs/cache.md, hopseal:lock).  Before its turn, and while another has it,
 * the host's record in the shared cache is shown to the one who wants to look:
 * perhaps there is nothing left to look at.
 */

#ifndef HOPSEAL_HOST_TURN_H
#define HOPSEAL_HOST_TURN_H

#include <stdbool.h>

#include "shared/postfix/next_hop.h"
#include "shared/text.h"

struct front;
struct host_turns;

struct host_turns *host_turns_new(struct front *front);
/* Those under way are dropped and nobody is called. */
void	host_turns_free(struct host_turns *turns);

/* False when with this record there is nothing left to look at. */
typedef bool host_turn_record_cb(struct text record, void *arg);
/* True: look.  False: another did, or has not told in time. */
typedef void host_turn_end_cb(bool is_ours, void *arg);

/*
 * Calls back later, on_end last and once.  False, and no callback, when there
 * is no cache to ask: then it is ours.
 */
bool	host_turn_start(struct host_turns *turns, const struct next_hop *hop,
	    host_turn_record_cb *on_record, host_turn_end_cb *on_end,
	    void *arg);

#endif
