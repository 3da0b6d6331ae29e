/*
 * Is the ledger well: its disk, its sources, and whether they say anything.
 */

#ifndef HOPSEAL_LEDGER_STATUS_H
#define HOPSEAL_LEDGER_STATUS_H

#include <stddef.h>

#include "policyd/process/control_message.h"

#define LEDGER_STATUS_COUNTERS	16

struct ledger;
struct settings;
struct sources_state;

struct ledger_status {
	struct control_part	part;		/* points to what follows */
	char			detail[512], advice[256];
	struct control_counter	counters[LEDGER_STATUS_COUNTERS];
	size_t			counter_count;
};

void	ledger_status_make(struct ledger_status *out, struct ledger *ledger,
	    const struct sources_state *sources,
	    const struct settings *settings, int64_t now);

#endif
