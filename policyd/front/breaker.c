/*
 * The breaker: hosts that turn bad are counted once each, dates once an
 * address, and of dates the median counts, so that a few policy hosts whose
 * clocks are wrong open nothing.
 */

#include "policyd/front/breaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/host_name.h"
#include "shared/text.h"
#include "shared/xalloc.h"

#define HOSTS_MAX	256

struct host_note {			/* what became of a host lately */
	char	name[HOST_NAME_SIZE];
	int64_t	at;
	bool	turned_bad;
};

struct date_note {
	struct address	host;
	int64_t		at, ahead_s;
};

struct breaker {
	enum breaker_state	state;
	char			words[BREAKER_WORDS_SIZE];
	struct host_note	hosts[HOSTS_MAX];	/* the oldest goes */
	size_t			host_count;
	struct date_note	dates[BREAKER_DATES];	/* the first goes */
	size_t			date_count;
	int64_t			epoch;	/* the time of monotonic zero */
	bool			has_epoch;
};

struct breaker *
breaker_new(void)
{
	return xcalloc(1, sizeof(struct breaker));
}

void
breaker_free(struct breaker *b)
{
	free(b);
}

void
breaker_reset(struct breaker *b)
{
	b->state = BREAKER_CLOSED;
	b->words[0] = '\0';
	b->host_count = b->date_count = 0;
}

/* ----------------------------------------------------------------- hosts */

static bool
is_bad(enum finding finding)
{
	return finding != FINDING_OK && finding != FINDING_UNKNOWN &&
	    finding != FINDING_UNREACHABLE;
}

/* The place of a host, or a new one in the place of the oldest. */
static struct host_note *
host_note_of(struct breaker *b, const char *name)
{
	struct host_note *oldest = &b->hosts[0];
	size_t i;

	for (i = 0; i < b->host_count; i++) {
		if (strcmp(b->hosts[i].name, name) == 0)
			return &b->hosts[i];
		if (b->hosts[i].at < oldest->at)
			oldest = &b->hosts[i];
	}
	if (b->host_count < HOSTS_MAX)
		oldest = &b->hosts[b->host_count++];
	*oldest = (struct host_note){ .at = 0 };
	memcpy(oldest->name, name, strlen(name) + 1);
	return oldest;
}

void
breaker_note_host(struct breaker *b, const char *name, enum finding before,
    enum finding found, int64_t now)
{
	struct host_note *note = host_note_of(b, name);

	note->at = now;
	if (!is_bad(found))
		note->turned_bad = false;
	else if (!is_bad(before))
		note->turned_bad = true;
}

static bool
hosts_open(struct breaker *b, int64_t now)
{
	size_t hosts = 0, bad = 0, i;

	for (i = 0; i < b->host_count; i++)
		if (b->hosts[i].at >= now - BREAKER_SPAN_S) {
			hosts++;
			bad += b->hosts[i].turned_bad;
		}
	if (hosts < BREAKER_HOSTS_MIN || bad * BREAKER_HOSTS_PART <= hosts)
		return false;
	snprintf(b->words, sizeof(b->words),
	    "%zu of %zu hosts turned bad within an hour", bad, hosts);
	return true;
}

/* ----------------------------------------------------------------- dates */

void
breaker_note_date(struct breaker *b, const struct address *host,
    int64_t ahead_s, int64_t now)
{
	size_t i;

	for (i = 0; i < b->date_count; i++)
		if (address_equals(&b->dates[i].host, host))
			break;
	if (i == BREAKER_DATES)
		i = 0;
	/* The latest stands last. */
	if (i < b->date_count) {
		b->date_count--;
		memmove(&b->dates[i], &b->dates[i + 1],
		    (b->date_count - i) * sizeof(b->dates[0]));
	}
	b->dates[b->date_count++] = (struct date_note){ *host, now, ahead_s };
}

/* What was noted by a clock that has been set since is void. */
static void
forget_other_clock(struct breaker *b, int64_t now, int64_t monotonic_s)
{
	int64_t step = now - monotonic_s - b->epoch;

	if (b->has_epoch && (step > BREAKER_STEP_S || step < -BREAKER_STEP_S))
		b->date_count = 0;
	b->epoch = now - monotonic_s;
	b->has_epoch = true;
}

static int
compare_dates(const void *a, const void *b)
{
	const struct date_note *x = a, *y = b;

	return (x->ahead_s > y->ahead_s) - (x->ahead_s < y->ahead_s);
}

/* Old dates open nothing, but only newer ones close what they have opened. */
static bool
clock_opens(struct breaker *b, int64_t now)
{
	struct date_note sorted[BREAKER_DATES];
	char off[TEXT_TIME_SIZE];
	int64_t median;

	if (b->date_count < BREAKER_DATES || (b->state != BREAKER_CLOCK &&
	    b->dates[0].at < now - BREAKER_SPAN_S))
		return false;
	memcpy(sorted, b->dates, sizeof(sorted));
	qsort(sorted, BREAKER_DATES, sizeof(sorted[0]), compare_dates);
	median = sorted[BREAKER_DATES / 2].ahead_s;
	if (median <= BREAKER_OFF_S && median >= -BREAKER_OFF_S)
		return false;
	snprintf(b->words, sizeof(b->words), "our clock is %s %s the dates of "
	    "%d policy hosts", text_format_age(off, median < 0 ? -median :
	    median), median < 0 ? "behind" : "ahead of", BREAKER_DATES);
	return true;
}

/* --------------------------------------------------------------- judging */

bool
breaker_judge(struct breaker *b, int64_t now, int64_t monotonic_s)
{
	enum breaker_state before = b->state;

	forget_other_clock(b, now, monotonic_s);
	b->words[0] = '\0';
	/* A wrong clock also explains hosts that turn bad. */
	if (clock_opens(b, now))
		b->state = BREAKER_CLOCK;
	else
		b->state = hosts_open(b, now) ? BREAKER_HOSTS :
		    BREAKER_CLOSED;
	return b->state != before;
}

enum breaker_state
breaker_state(const struct breaker *b)
{
	return b->state;
}

const char *
breaker_words(const struct breaker *b)
{
	return b->words;
}

const char *
breaker_advice(const struct breaker *b)
{
	switch (b->state) {
	case BREAKER_CLOSED:
		return "";
	case BREAKER_HOSTS:
		return "look at the time and at the CA store; it closes when "
		    "that passes, or with hopseal status --clear";
	case BREAKER_CLOCK:
		return "set the time of this host; it closes when the dates "
		    "agree again, or with hopseal status --clear";
	}
	return "";
}
