/*
 * When a host looks at its own certificates: in its own place of each interval,
 * which is not that of other hosts.
 */

#include "policyd/cert_watch.h"

#include <stdio.h>

#include "tests/unit/check.h"

#define HOSTS	60
#define TENTHS	10

static const unsigned intervals[] = { 1, 2, 3, 300, 3600, 86400 };

/* Never soon after the last look nor long after it, then always the same. */
static void
test_delay(unsigned interval)
{
	char label[64];
	int64_t now = 1767225600, next;
	unsigned i, delay, wrong = 0;

	snprintf(label, sizeof(label), "each %u s", interval);
	for (i = 0; i < 1000; i++, now += 7 + interval / 13) {
		delay = cert_watch_delay_s("mail1.example", interval, now);
		wrong += delay <= interval / 2 ||
		    delay > interval / 2 + interval;
		next = now + delay;
		wrong += cert_watch_delay_s("mail1.example", interval,
		    next) != interval;
	}
	check_int(label, wrong, 0);
}

/* Sixty hosts that started together: each tenth of the hour has its share. */
static void
test_spread(void)
{
	unsigned counts[TENTHS] = { 0 }, i;
	char host[32];
	int64_t at;

	for (i = 0; i < HOSTS; i++) {
		snprintf(host, sizeof(host), "mail%u.example", i);
		at = 1767225600 + cert_watch_delay_s(host, 3600, 1767225600);
		counts[at % 3600 / 360]++;
	}
	for (i = 0; i < TENTHS; i++)
		check_bool("spread", counts[i] >= 1 && counts[i] <= 15, true);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++)
		test_delay(intervals[i]);
	test_spread();
	return check_end();
}
