/*
 * How long things took, in a few classes: what a histogram of the metrics is
 * made of.  What was done at once is counted without looking at a clock.
 */

#ifndef HOPSEAL_LATENCY_H
#define HOPSEAL_LATENCY_H

#include <stddef.h>
#include <stdint.h>

#define LATENCY_BUCKETS	10	/* the last has no limit */

struct latency {
	uint64_t	counts[LATENCY_BUCKETS];
	uint64_t	took_ms;	/* the sum */
};

void		 latency_add(struct latency *l, int64_t took_ms);
/* The longest of a class; not of the last. */
double		 latency_limit_ms(unsigned bucket);
/* "map_within_10ms", "map_longer": the name of a counter; returns out. */
char		*latency_name(const char *prefix, unsigned bucket, char *out,
		    size_t size);

#endif
