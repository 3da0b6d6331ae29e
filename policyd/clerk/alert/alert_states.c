/*
 * A list: only troubles are on it, and those that were told to be over a short
 * while ago.  When it is full the one without news for longest leaves.
 */

#include "policyd/clerk/alert/alert_states.h"

#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "shared/xalloc.h"

#define LATELY_S	86400
#define NOTED_S		3600	/* as exact as the file is */
#define TURNS_MAX	12	/* 2^6 times as long */

struct alert_states {
	struct alert_state	*list[ALERT_STATES_MAX];
	size_t			 count;
	bool			 has_changed;
};

struct alert_states *
alert_states_new(void)
{
	return xcalloc(1, sizeof(struct alert_states));
}

void
alert_states_free(struct alert_states *s)
{
	if (s == NULL)
		return;
	while (s->count > 0)
		free(s->list[--s->count]);
	free(s);
}

static size_t
find(const struct alert_states *s, const char *kind, const char *subject)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (strcmp(s->list[i]->subject, subject) == 0 &&
		    strcmp(s->list[i]->kind, kind) == 0)
			break;
	return i;
}

static void
drop(struct alert_states *s, size_t i)
{
	free(s->list[i]);
	s->list[i] = s->list[--s->count];
	s->has_changed = true;
}

static void
drop_oldest(struct alert_states *s)
{
	size_t i, oldest = 0;

	for (i = 1; i < s->count; i++)
		if (s->list[i]->noted_at < s->list[oldest]->noted_at)
			oldest = i;
	drop(s, oldest);
}

static struct alert_state *
add(struct alert_states *s)
{
	if (s->count == ALERT_STATES_MAX)
		drop_oldest(s);
	return s->list[s->count++] = xcalloc(1, sizeof(struct alert_state));
}

/* ------------------------------------------------------------------- notes */

void
alert_states_note(struct alert_states *s, const struct alert_note *note,
    int64_t now)
{
	char subject[ALERT_SUBJECT_SIZE];
	struct alert_state *state;
	size_t i = find(s, note->kind, text_quote(subject, sizeof(subject),
	    text_of(note->subject)));

	if (i == s->count) {
		if (!note->is_bad)
			return;
		state = add(s);
		text_quote(state->kind, sizeof(state->kind),
		    text_of(note->kind));
		memcpy(state->subject, subject, sizeof(subject));
	} else
		state = s->list[i];
	if (state->is_bad != note->is_bad) {
		state->is_bad = note->is_bad;
		state->since = now;
		s->has_changed = true;
	}
	if (note->is_bad)
		state->severity = note->severity;
	text_quote(state->words, sizeof(state->words), text_of(note->words));
	state->hold_s = note->hold_s;
	/* Over a restart it is news that it was seen lately. */
	if (now / NOTED_S != state->noted_at / NOTED_S)
		s->has_changed = true;
	state->noted_at = now;
}

void
alert_states_forget(struct alert_states *s, const char *kind,
    const char *subject)
{
	size_t i = find(s, kind, subject);

	if (i < s->count)
		drop(s, i);
}

const struct alert_state *
alert_states_find(const struct alert_states *s, const char *kind,
    const char *subject)
{
	return alert_states_at(s, find(s, kind, subject));
}

const struct alert_state *
alert_states_at(const struct alert_states *s, size_t i)
{
	return i < s->count ? s->list[i] : NULL;
}

/* -------------------------------------------------------------- what is due */

/* There and back is one turn to people, and each makes the next one wait. */
static int64_t
hold_s(const struct alert_state *state, int64_t now)
{
	if (now - state->told_at >= LATELY_S)
		return state->hold_s;
	return (int64_t)state->hold_s << state->turns / 2;
}

static bool
is_over(const struct alert_state *state, int64_t now)
{
	if (now - state->noted_at >= ALERT_STATE_KEPT_S)
		return true;
	return !state->is_bad && !state->is_told_bad &&
	    now - state->told_at >= LATELY_S;
}

static bool
is_due(struct alert_state *state, int64_t now)
{
	/* A clock that was set back. */
	if (state->since > now)
		state->since = now;
	return state->is_bad != state->is_told_bad &&
	    now - state->since >= hold_s(state, now);
}

struct alert_state *
alert_states_due(struct alert_states *s, const char *kind, const char *subject,
    int64_t now)
{
	size_t i = find(s, kind, subject);

	return i < s->count && is_due(s->list[i], now) ? s->list[i] : NULL;
}

struct alert_state *
alert_states_next(struct alert_states *s, const char *held, int64_t now)
{
	struct alert_state *state;
	size_t i = 0;

	while (i < s->count) {
		state = s->list[i];
		if (is_over(state, now)) {
			drop(s, i);
			continue;
		}
		i++;
		if ((held == NULL || strcmp(state->kind, held) != 0) &&
		    is_due(state, now))
			return state;
	}
	return NULL;
}

void
alert_states_told(struct alert_states *s, struct alert_state *state,
    int64_t now)
{
	if (now - state->told_at >= LATELY_S)
		state->turns = 0;
	if (state->turns < TURNS_MAX)
		state->turns++;
	state->is_told_bad = state->is_bad;
	state->told_at = now;
	s->has_changed = true;
}

bool
alert_states_have_changed(struct alert_states *s)
{
	bool has_changed = s->has_changed;

	s->has_changed = false;
	return has_changed;
}

/* -------------------------------------------------------------- the file */

json_t *
alert_states_format(const struct alert_states *s)
{
	json_t *list = json_array();
	const struct alert_state *state;
	size_t i;

	for (i = 0; i < s->count; i++) {
		state = s->list[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, "
		    "s:b, s:b, s:I, s:I, s:I, s:i, s:i}", "kind", state->kind,
		    "subject", state->subject, "words", state->words,
		    "severity", (int)state->severity, "bad", state->is_bad,
		    "told_bad", state->is_told_bad, "since",
		    (json_int_t)state->since, "noted_at",
		    (json_int_t)state->noted_at, "told_at",
		    (json_int_t)state->told_at, "hold", (int)state->hold_s,
		    "turns", (int)state->turns));
	}
	return list;
}

static bool
is_time(json_int_t value)
{
	return value >= 0 && value < (json_int_t)1 << 40;
}

static void
take_state(struct alert_states *s, const json_t *from)
{
	const char *kind, *subject, *words;
	json_int_t since, noted_at, told_at;
	int severity, is_bad, is_told_bad, hold, turns;
	struct alert_state *state;

	if (json_unpack((json_t *)(uintptr_t)from, "{s:s, s:s, s:s, s:i, s:b, "
	    "s:b, s:I, s:I, s:I, s:i, s:i}", "kind", &kind, "subject",
	    &subject, "words", &words, "severity", &severity, "bad", &is_bad,
	    "told_bad", &is_told_bad, "since", &since, "noted_at", &noted_at,
	    "told_at", &told_at, "hold", &hold, "turns", &turns) == -1 ||
	    severity < ALERT_OK || severity > ALERT_CRITICAL || hold < 0 ||
	    turns < 0 || turns > TURNS_MAX || !is_time(since) ||
	    !is_time(noted_at) || !is_time(told_at) ||
	    s->count == ALERT_STATES_MAX || find(s, kind, subject) < s->count)
		return;
	state = add(s);
	text_quote(state->kind, sizeof(state->kind), text_of(kind));
	text_quote(state->subject, sizeof(state->subject), text_of(subject));
	text_quote(state->words, sizeof(state->words), text_of(words));
	state->severity = (enum alert_severity)severity;
	state->is_bad = is_bad;
	state->is_told_bad = is_told_bad;
	state->since = since;
	state->noted_at = noted_at;
	state->told_at = told_at;
	state->hold_s = (unsigned)hold;
	state->turns = (unsigned)turns;
}

void
alert_states_parse(struct alert_states *s, const json_t *from)
{
	const json_t *state;
	size_t i;

	json_array_foreach(from, i, state)
		take_state(s, state);
}
