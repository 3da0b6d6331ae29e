/*
 * When reports leave, and whether one leaves again: from the tries that are
 * written down, each before it begins and after it ends (RFC 8460, 4.1, 5.5).
 * A try without an end may have come through, and is never repeated.  No I/O.
 */

#ifndef HOPSEAL_REPORT_PLAN_H
#define HOPSEAL_REPORT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"

#define REPORT_SETTLE_S	600	/* after midnight: hosts write their last sums */
#define REPORT_RETRY_S	86400	/* from then on it is given up */
#define REPORT_DOUBT_S	1800	/* no try takes as long */
#define REPORT_TRIES_MAX 16

enum report_try_end {
	REPORT_TRY_OPEN,	/* begun, and its end is not known */
	REPORT_TRY_SENT,
	REPORT_TRY_FAILED,	/* surely not taken */
	REPORT_TRY_DOUBTFUL	/* all of it went out, no answer came */
};

struct report_try {
	int64_t			begun_at;	/* s; 0: not begun */
	int64_t			ended_at;
	enum report_try_end	end;
};

/* One report to one destination. */
struct report_tries {
	struct report_try	tries[REPORT_TRIES_MAX];
	unsigned		count;		/* the highest that began */
};

enum report_step {
	REPORT_STEP_SEND,	/* try count + 1, now */
	REPORT_STEP_WAIT,	/* until then */
	REPORT_STEP_SENT,	/* and nothing more to do; nor with these: */
	REPORT_STEP_GIVEN_UP,
	REPORT_STEP_DOUBTFUL
};

/*
 * When a domain's reports of that day, counted from 1970, are due: spread
 * over window_s, and the same on every host and after every restart.
 */
int64_t		 report_plan_due(const char *domain, int64_t day,
		    unsigned window_s);

/*
 * What is written of try n, from 1: "begun 1763800000", "sent 1763800001",
 * "failed 1763800001 words", "doubtful ..."; words are printable.
 */
enum report_mark { REPORT_MARK_BEGIN, REPORT_MARK_END };
void		 report_mark_format(enum report_try_end end, int64_t at,
		    const char *words, char *out, size_t size);
/* False, and nothing noted, for what is no such text or no such try. */
bool		 report_tries_note(struct report_tries *tries, unsigned n,
		    enum report_mark mark, struct text value);

/* For WAIT *at is when to ask again. */
enum report_step report_plan_next(const struct report_tries *tries,
		    int64_t due_at, int64_t now, int64_t *at);

#endif
