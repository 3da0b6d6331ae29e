/*
 * The day's sums so far as JSON lines in the words of RFC 8460, 4.4, for those
 * who gather logs: one line for each domain with failures and one for the
 * whole, each aggregate_interval, and once more as the day's last word.
 */

#ifndef HOPSEAL_AGGREGATES_H
#define HOPSEAL_AGGREGATES_H

#include <stdbool.h>
#include <stdint.h>

struct aggregates;
struct config;
struct event_base;
struct ledger;

struct aggregates *aggregates_new(struct event_base *base,
		    struct ledger *ledger);
void		 aggregates_free(struct aggregates *a);
/*
 * Once a second: begins what is due.  A day's last word waits until the sources
 * are read.
 */
void		 aggregates_tick(struct aggregates *a,
		    const struct config *config, int64_t now, bool is_read);

#endif
