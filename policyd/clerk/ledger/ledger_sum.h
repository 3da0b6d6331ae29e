/*
 * The sums of some days, over all hosts that share a Redis, or of this one
 * where Redis cannot say: for reports, never for counting.
 */

#ifndef HOPSEAL_LEDGER_SUM_H
#define HOPSEAL_LEDGER_SUM_H

#include <stdint.h>

#include "shared/text.h"

struct event_base;
struct ledger;
struct ledger_share;
struct ledger_sum;
struct tally;

/* why: these are this host's totals alone, because of that; NULL: all hosts'.
   Takes tally. */
typedef void ledger_sum_cb(struct tally *tally, const char *why, void *arg);

/*
 * Adds up the days from first to last, of one domain or with an empty one of
 * all, a little each turn of the loop.  The callback comes later, once, unless
 * cancelled.  Cancelled before
 * share's connection is replaced.
 */
struct ledger_sum *ledger_sum_start(struct event_base *base,
		    struct ledger *ledger, struct ledger_share *share,
		    int64_t first, int64_t last, struct text domain,
		    ledger_sum_cb *callback, void *arg);
void		 ledger_sum_cancel(struct ledger_sum *sum);

#endif
