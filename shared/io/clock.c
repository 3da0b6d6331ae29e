/*
 * The two clocks.  Read for every request: the coarse ones of the kernel cost
 * no system call and are a few milliseconds behind at most.
 */

#include "shared/io/clock.h"

#include <time.h>

int64_t
clock_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (int64_t)now.tv_sec;
}

int64_t
clock_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int32_t
clock_zone_s(int64_t local_s)
{
	time_t t = (time_t)local_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	tm.tm_isdst = -1;
	return (int32_t)(local_s - (int64_t)mktime(&tm));
}
