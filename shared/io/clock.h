/*
 * The two clocks: the time of day, as facts and rules count it, and one that
 * only goes forward, for deadlines.  Pure modules get their time handed in.
 */

#ifndef HOPSEAL_CLOCK_H
#define HOPSEAL_CLOCK_H

#include <stdint.h>

/* Seconds since 1970, UTC. */
int64_t	clock_now_s(void);
/* Milliseconds, of no particular begin; exact to a few of them. */
int64_t	clock_monotonic_ms(void);
/*
 * How far local time is ahead of UTC at a local time, counted as if UTC.  In
 * the hour that comes twice it is one of the two.
 */
int32_t	clock_zone_s(int64_t local_s);

#endif
