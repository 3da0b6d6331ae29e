/*
 * Sums by day.  The present changes with each session, yesterday with what is
 * late, and older days when a host that was away writes down what it kept.
 */

#include "policyd/clerk/ledger/day_sums.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

#include "policyd/clerk/value_json.h"
#include "shared/io/clock.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define TODAY_MS	10000	/* after which a sum is made anew */
#define YESTERDAY_MS	600000
#define OLDER_MS	(6 * 3600000)
#define PAUSE_MS	20	/* between two days, for others */
#define WANTED_MS	60000	/* nobody asked since: rest */

struct day {
	int64_t		 day;		/* from 1970 */
	json_t		*directions;	/* NULL: not counted yet */
	int64_t		 due_ms;
};

struct day_sums {
	struct event	*next;
	day_sums_ask_cb	*ask;
	void		*arg;
	/* Each at the place of its number modulo their count. */
	struct day	 days[DAY_SUMS_DAYS];
	struct day	*asked;		/* or NULL */
	int64_t		 wanted_ms;
};

static struct day *
day_of(struct day_sums *s, int64_t number)
{
	struct day *day = &s->days[number % DAY_SUMS_DAYS];

	if (day->day != number && day != s->asked) {
		json_decref(day->directions);
		*day = (struct day){ .day = number };
	}
	return day;
}

static void
ask_next(evutil_socket_t fd, short events, void *arg)
{
	struct day_sums *s = arg;
	int64_t today = clock_now_s() / DAY_S, now_ms = clock_monotonic_ms();
	char date[TALLY_DATE_SIZE], *line;
	struct day *day;
	int i;

	(void)fd;
	(void)events;
	if (s->asked != NULL || now_ms > s->wanted_ms + WANTED_MS)
		return;
	for (i = 0; i < DAY_SUMS_DAYS; i++) {
		day = day_of(s, today - i);
		if (now_ms < day->due_ms)
			continue;
		s->asked = day;
		day->due_ms = now_ms + (i == 0 ? TODAY_MS :
		    i == 1 ? YESTERDAY_MS : OLDER_MS);
		line = json_line(json_pack("{s:s, s:s, s:i}", "command",
		    "report", "day", tally_date_format(day->day, date),
		    "top", 1));
		s->ask(text_of(line), s->arg);
		free(line);
		return;
	}
}

static void
ask_soon(struct day_sums *s)
{
	struct timeval pause = { 0, PAUSE_MS * 1000 };

	if (!evtimer_pending(s->next, NULL))
		event_add(s->next, &pause);
}

void
day_sums_take(struct day_sums *s, const char *line)
{
	json_t *report = json_loads(line, 0, NULL);
	json_t *directions = json_object_get(report, "directions");

	if (s->asked != NULL && directions != NULL) {
		json_decref(s->asked->directions);
		s->asked->directions = json_incref(directions);
	} else if (s->asked != NULL)
		s->asked->due_ms = clock_monotonic_ms() + TODAY_MS;
	s->asked = NULL;
	json_decref(report);
	ask_soon(s);
}

char *
day_sums_line(struct day_sums *s, int64_t now)
{
	char date[TALLY_DATE_SIZE];
	json_t *days = json_array();
	bool is_complete = true;
	const struct day *day;
	int64_t i;

	s->wanted_ms = clock_monotonic_ms();
	ask_soon(s);
	for (i = now / DAY_S - DAY_SUMS_DAYS + 1; i <= now / DAY_S; i++) {
		day = day_of(s, i);
		is_complete &= day->directions != NULL;
		json_array_append_new(days, json_pack("{s:s, s:O?}", "day",
		    tally_date_format(i, date), "directions",
		    day->directions));
	}
	return json_line(json_pack("{s:o, s:b}", "days", days, "is_complete",
	    is_complete));
}

struct day_sums *
day_sums_new(struct event_base *base, day_sums_ask_cb *ask, void *arg)
{
	struct day_sums *s = xcalloc(1, sizeof(*s));

	s->ask = ask;
	s->arg = arg;
	s->next = evtimer_new(base, ask_next, s);
	return s;
}

void
day_sums_free(struct day_sums *s)
{
	int i;

	if (s == NULL)
		return;
	event_free(s->next);
	for (i = 0; i < DAY_SUMS_DAYS; i++)
		json_decref(s->days[i].directions);
	free(s);
}
