/*
 * When a certificate's end is warned of.
 */

#include "shared/policy/cert_stages.h"

#include "tests/unit/check.h"

#define HOUR	3600
#define DAY	86400

static const struct {
	const char	*label;
	int64_t		 life_s, left_s;
	unsigned	 want;
} rows[] = {
	{ "90 days: renewed at 60, nothing", 90 * DAY, 30 * DAY, 0 },
	{ "a quarter of 90 days", 90 * DAY, 90 * DAY / 4, 1 },
	{ "a second before", 90 * DAY, 90 * DAY / 4 + 1, 0 },
	{ "an eighth", 90 * DAY, 90 * DAY / 8, 2 },
	{ "a sixteenth", 90 * DAY, 90 * DAY / 16, 3 },
	{ "a day", 90 * DAY, DAY, 4 },
	{ "an hour", 90 * DAY, HOUR, 5 },
	{ "past its end", 90 * DAY, -1, 5 },
	{ "a year: an eighth is before the first", 398 * DAY, 45 * DAY, 0 },
	{ "a year: 30 days, and the eighth with them", 398 * DAY, 30 * DAY, 2 },
	{ "a year: a sixteenth", 398 * DAY, 24 * DAY, 3 },
	{ "a day: a day is before the first", DAY, 23 * HOUR, 0 },
	{ "a day: a quarter, and the day with it", DAY, 6 * HOUR, 2 },
	{ "a day: an hour", DAY, HOUR, 5 },
	{ "no life at all", 0, 0, 5 },
};

int
main(void)
{
	struct cert_stages stages, fixed = { { 30 * DAY, DAY }, 2 };
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cert_stages_of_life(rows[i].life_s, &stages);
		check_int(rows[i].label, cert_stages_passed(&stages,
		    rows[i].left_s), rows[i].want);
	}
	check_int("as the option fixes them", cert_stages_passed(&fixed, DAY),
	    2);
	check_int("before the first of them", cert_stages_passed(&fixed,
	    31 * DAY), 0);
	return check_end();
}
