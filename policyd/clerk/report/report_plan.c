/*
 * The plan of reports that go out.
 */

#include "policyd/clerk/report/report_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/siphash.h"

#define DAY_S		86400
#define FIRST_PAUSE_S	300	/* then three times as long, to: */
#define LONGEST_PAUSE_S	(4 * 3600)

static const char *const end_words[] = {
	[REPORT_TRY_OPEN] = "begun", [REPORT_TRY_SENT] = "sent",
	[REPORT_TRY_FAILED] = "failed", [REPORT_TRY_DOUBTFUL] = "doubtful"
};

int64_t
report_plan_due(const char *domain, int64_t day, unsigned window_s)
{
	struct siphash_key key = { 'd', (uint64_t)day };

	return (day + 1) * DAY_S + REPORT_SETTLE_S + (int64_t)(siphash(&key,
	    domain, strlen(domain)) % (window_s > 0 ? window_s : 1));
}

void
report_mark_format(enum report_try_end end, int64_t at, const char *words,
    char *out, size_t size)
{
	char quoted[160];

	text_quote(quoted, sizeof(quoted), text_of(words));
	snprintf(out, size, "%s %" PRId64 "%s%s", end_words[end], at,
	    quoted[0] != '\0' ? " " : "", quoted);
}

bool
report_tries_note(struct report_tries *tries, unsigned n,
    enum report_mark mark, struct text value)
{
	struct report_try *try;
	struct text word, number;
	int end;
	uint64_t at;

	if (n < 1 || n > REPORT_TRIES_MAX || !text_next_word(&value, &word) ||
	    !text_next_word(&value, &number) ||
	    !text_parse_u64(number, INT64_MAX / 2, &at))
		return false;
	for (end = REPORT_TRY_OPEN; end <= REPORT_TRY_DOUBTFUL; end++)
		if (text_equals(word, end_words[end]))
			break;
	if (end > REPORT_TRY_DOUBTFUL ||
	    (mark == REPORT_MARK_BEGIN) != (end == REPORT_TRY_OPEN))
		return false;
	try = &tries->tries[n - 1];
	if (mark == REPORT_MARK_BEGIN)
		try->begun_at = (int64_t)at;
	else {
		try->end = (enum report_try_end)end;
		try->ended_at = (int64_t)at;
	}
	if (n > tries->count)
		tries->count = n;
	return true;
}

static int64_t
pause_after(unsigned count)
{
	int64_t pause = FIRST_PAUSE_S;

	while (--count > 0 && pause < LONGEST_PAUSE_S)
		pause *= 3;
	return pause < LONGEST_PAUSE_S ? pause : LONGEST_PAUSE_S;
}

/* 1. Sent or doubtful, whichever try it was: never again. */
static bool
is_settled(const struct report_tries *tries, enum report_step *step)
{
	unsigned i;

	for (i = 0; i < tries->count; i++)
		if (tries->tries[i].end == REPORT_TRY_SENT) {
			*step = REPORT_STEP_SENT;
			return true;
		}
	for (i = 0; i < tries->count; i++)
		if (tries->tries[i].end == REPORT_TRY_DOUBTFUL) {
			*step = REPORT_STEP_DOUBTFUL;
			return true;
		}
	return false;
}

enum report_step
report_plan_next(const struct report_tries *tries, int64_t due_at,
    int64_t now, int64_t *at)
{
	const struct report_try *last;
	enum report_step step;
	unsigned i;

	if (is_settled(tries, &step))
		return step;
	/* 2. Begun, and the end is missing: wait for it, then doubt. */
	for (i = 0; i < tries->count; i++) {
		last = &tries->tries[i];
		if (last->end != REPORT_TRY_OPEN)
			continue;
		*at = last->begun_at + REPORT_DOUBT_S;
		return now < *at ? REPORT_STEP_WAIT : REPORT_STEP_DOUBTFUL;
	}
	/* 3. Too late, or tried too often. */
	if (now >= due_at + REPORT_RETRY_S ||
	    tries->count == REPORT_TRIES_MAX)
		return REPORT_STEP_GIVEN_UP;
	/* 4. Due, the first time or once more. */
	*at = tries->count == 0 ? due_at :
	    tries->tries[tries->count - 1].ended_at +
	    pause_after(tries->count);
	return now < *at ? REPORT_STEP_WAIT : REPORT_STEP_SEND;
}
