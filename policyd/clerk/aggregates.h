/*
 * The day's sums so far as JSON lines in the words of RFC 8460, 4.4, for those
 * who gather logs: one line for each domain with failures and one for the
 * whole, each aggregate_interval, and once more as the day's last word.
 */

#ifndef HOPSEAL_AGGREGATES_H
#define HOPSEAL_AGGREGATES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"

struct aggregates;
struct config;
struct ledger;
struct tally;

struct aggregates *aggregates_new(struct ledger *ledger);
void	aggregates_free(struct aggregates *a);
/* Once a second: writes what is due. */
void	aggregates_tick(struct aggregates *a, const struct config *config,
	    int64_t now);

/*
 * The lines of a day: end is the time up to which it was counted, is_final
 * that nothing follows.  host is this machine's name.
 */
void	aggregates_format(const struct tally *tally, const char *host,
	    int64_t end, bool is_final, struct buffer *out);

#endif
