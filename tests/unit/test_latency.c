/*
 * latency: which class a duration falls into, and the classes' names.
 */

#include "shared/latency.h"

#include "tests/unit/check.h"

static const struct {
	const char	*label;
	int64_t		 took_ms;
	const char	*name;
} rows[] = {
	{ "at once",			0,	"map_within_1ms" },
	{ "a clock that went back",	-5,	"map_within_1ms" },
	{ "the limit belongs to it",	1,	"map_within_1ms" },
	{ "a millisecond more",		2,	"map_within_5ms" },
	{ "a round trip",		19,	"map_within_20ms" },
	{ "a look-up",			480,	"map_within_500ms" },
	{ "the last limit",		10000,	"map_within_10000ms" },
	{ "longer",			10001,	"map_longer" },
	{ "for ever",			INT64_MAX, "map_longer" },
};

/* The name of the one class that took it. */
static char *
class_of(int64_t took_ms, char name[32])
{
	struct latency l = { .took_ms = 0 };
	unsigned i;

	latency_add(&l, took_ms);
	for (i = 0; l.counts[i] == 0; i++)
		;
	return latency_name("map", i, name, 32);
}

int
main(void)
{
	struct latency l = { .took_ms = 0 };
	char name[32];
	unsigned i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_text(rows[i].label, class_of(rows[i].took_ms, name),
		    rows[i].name);
	latency_add(&l, 7);
	latency_add(&l, -7);
	latency_add(&l, 3000);
	check_int("the sum", (int64_t)l.took_ms, 3007);
	for (i = 1; i < LATENCY_BUCKETS - 1; i++)
		check_bool("limits grow",
		    latency_limit_ms(i) > latency_limit_ms(i - 1), true);
	return check_end();
}
