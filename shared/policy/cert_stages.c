/*
 * The times at which a certificate's end is warned of.
 */

#include "shared/policy/cert_stages.h"

#define HOUR_S		3600
#define DAY_S		86400
#define FIRST_MAX_S	(30 * DAY_S)

static int64_t
lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* An eighth of a long life and a day of a short one are before the first. */
void
cert_stages_of_life(int64_t life_s, struct cert_stages *out)
{
	int64_t first = lesser(life_s / 4, FIRST_MAX_S);

	*out = (struct cert_stages){ .left_s = { first,
	    lesser(life_s / 8, first), lesser(life_s / 16, first),
	    lesser(DAY_S, first), lesser(HOUR_S, first) }, .count = 5 };
}

unsigned
cert_stages_passed(const struct cert_stages *stages, int64_t left_s)
{
	unsigned passed = 0;
	size_t i;

	for (i = 0; i < stages->count; i++)
		passed += left_s <= stages->left_s[i];
	return passed;
}
