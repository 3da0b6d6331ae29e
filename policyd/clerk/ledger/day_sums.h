/*
 * The sums of the last thirty days, day by day, for the page's shares and its
 * chart.  A day is counted once and then again from time to time, one after
 * another and only while somebody asks; what is not counted yet is null.
 */

#ifndef HOPSEAL_DAY_SUMS_H
#define HOPSEAL_DAY_SUMS_H

#include <stdint.h>

#include "shared/text.h"

#define DAY_SUMS_DAYS	30

struct day_sums;
struct event_base;

/* A question "report" of one day; day_sums_take brings its answer. */
typedef void day_sums_ask_cb(struct text line, void *arg);

struct day_sums	*day_sums_new(struct event_base *base, day_sums_ask_cb *ask,
		    void *arg);
void		 day_sums_free(struct day_sums *sums);
void		 day_sums_take(struct day_sums *sums, const char *line);
/*
 * {"days": [{"day", "directions"}, ...], "is_complete"}, today last; one line
 * without its end, which the caller frees.
 */
char		*day_sums_line(struct day_sums *sums, int64_t now);

#endif
