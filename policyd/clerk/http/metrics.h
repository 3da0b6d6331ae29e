/*
 * The metrics, in Prometheus' text format 0.0.4: names hopseal_*, labels from
 * fixed sets, or of our own configuration.  Domains are no labels: a scrape
 * costs the same however many there are.
 */

#ifndef HOPSEAL_METRICS_H
#define HOPSEAL_METRICS_H

#include <jansson.h>

#include "shared/buffer.h"

struct session_counts;

/*
 * status is the answer to "status"; what it lacks, as while the front is away,
 * is left out, never 0.  certificates is the array of "hopseal certs", or NULL.
 */
void	metrics_format(const json_t *status,
	    const struct session_counts *counts, const json_t *certificates,
	    struct buffer *out);

#endif
