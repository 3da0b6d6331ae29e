/*
 * The two clocks of the milter.
 */

#ifndef HOPSEAL_MILTER_CLOCK_H
#define HOPSEAL_MILTER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* UTC seconds, as facts and rules count. */
static inline int64_t
clock_now(void)
{
	return (int64_t)time(NULL);
}

/* For deadlines. */
static inline int64_t
clock_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
