/*
 * Having mail hosts looked at: which of a domain's hosts are due, and what the
 * scout saw.  The observations of a host are kept in the entry of "[host]:25",
 * for all domains that it serves.
 */

#ifndef HOPSEAL_HOST_PROBE_H
#define HOPSEAL_HOST_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/frame.h"
#include "shared/policy/facts.h"
#include "shared/policy/tls_decision.h"

struct front;
struct host_probes;

/* So many of the looks that the lookup of that number waits for are over. */
typedef void host_probes_seen_cb(struct front *front, uint64_t number,
	    unsigned count);

struct host_probes *host_probes_new(struct front *front,
	    host_probes_seen_cb *on_seen);
void	host_probes_free(struct host_probes *probes);

/*
 * Takes what is known of the hosts from other domains' looks into facts, and
 * tells whether some address is due for a look.
 */
bool	host_probes_are_due(struct host_probes *probes, struct facts *facts);
/*
 * Has those looked at, by us or by another host of the group; how many, perhaps
 * none when the scout is away.  on_seen is told of each.
 */
unsigned host_probes_send(struct host_probes *probes,
	    const struct facts *facts, uint64_t number);
/* The scout's answer. */
void	host_probes_take(struct host_probes *probes,
	    const struct frame *frame);
/* Copies what was seen into facts. */
void	host_probes_apply(struct host_probes *probes, struct facts *facts);

#endif
