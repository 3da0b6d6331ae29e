/*
 * The metrics, in Prometheus' text format 0.0.4: names hopseal_*, labels from
 * fixed sets.  Domains are no labels: a scrape costs the same however many
 * there are.
 */

#ifndef HOPSEAL_METRICS_H
#define HOPSEAL_METRICS_H

#include <jansson.h>

#include "shared/buffer.h"

struct session_counts;

/*
 * status is the answer to "status"; what it lacks, as while the front is away,
 * is left out, never 0.
 */
void	metrics_format(const json_t *status,
	    const struct session_counts *counts, struct buffer *out);

#endif
