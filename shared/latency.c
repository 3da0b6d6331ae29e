/*
 * How long things took.  The classes are those that matter here: at once, a
 * round trip to Redis, a look-up, and the deadlines of Postfix' questions.
 */

#include "shared/latency.h"

#include <stdio.h>

static const unsigned limits_ms[LATENCY_BUCKETS - 1] = {
	1, 5, 20, 100, 500, 1000, 2000, 5000, 10000
};

void
latency_add(struct latency *l, int64_t took_ms)
{
	unsigned i = 0;

	while (i < LATENCY_BUCKETS - 1 && took_ms > (int64_t)limits_ms[i])
		i++;
	l->counts[i]++;
	if (took_ms > 0)
		l->took_ms += (uint64_t)took_ms;
}

double
latency_limit_ms(unsigned bucket)
{
	return limits_ms[bucket];
}

char *
latency_name(const char *prefix, unsigned bucket, char *out, size_t size)
{
	if (bucket < LATENCY_BUCKETS - 1)
		snprintf(out, size, "%s_within_%ums", prefix,
		    limits_ms[bucket]);
	else
		snprintf(out, size, "%s_longer", prefix);
	return out;
}
