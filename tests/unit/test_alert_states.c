/*
 * Troubles: told when they have lasted, once, also over a restart; what flaps
 * waits longer each time; what is unknown stays as it was told.
 */

#include "policyd/clerk/alert/alert_states.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define DAY	86400

enum op {
	BAD, GOOD,	/* arg: "kind:subject", held for 300 s */
	NOW,		/* the same, for no time */
	NEXT,		/* want: what is due, and is told then */
	HELD,		/* the same, of no domain */
	RESTART, FORGET
};

struct step {
	const char	*label;
	int64_t		 at;
	enum op		 op;
	const char	*arg, *want;
};

static const struct step lasting[] = {
	{ "good is no news", 0, GOOD, "redis:", NULL },
	{ "none", 999, NEXT, NULL, "" },
	{ "bad", 1000, BAD, "redis:", NULL },
	{ "still bad", 1200, BAD, "redis:", NULL },
	{ "not yet", 1299, NEXT, NULL, "" },
	{ "it has lasted", 1300, NEXT, NULL, "redis: bad" },
	{ "once", 1300, NEXT, NULL, "" },
	{ "still bad is no news", 5000, BAD, "redis:", NULL },
	{ "nor later", 9000, NEXT, NULL, "" },
	{ "good", 9000, GOOD, "redis:", NULL },
	{ "has to last, too", 9299, NEXT, NULL, "" },
	{ "recovered", 9300, NEXT, NULL, "redis: good" },
	{ "once", 9999, NEXT, NULL, "" },
	{ "at once", 20000, NOW, "breaker:", NULL },
	{ "is told at once", 20000, NEXT, NULL, "breaker: bad" },
};

static const struct step passing[] = {
	{ "bad", 1000, BAD, "domain:a.example", NULL },
	{ "and good before it counts", 1290, GOOD, "domain:a.example", NULL },
	{ "nothing", 9999, NEXT, NULL, "" },
	{ "two", 10000, BAD, "domain:a.example", NULL },
	{ "of them", 10000, BAD, "domain:b.example", NULL },
	{ "the one", 10300, NEXT, NULL, "domain:a.example bad" },
	{ "the other", 10300, NEXT, NULL, "domain:b.example bad" },
	{ "one is good for a moment", 10400, GOOD, "domain:a.example", NULL },
	{ "and bad again", 10500, BAD, "domain:a.example", NULL },
	{ "is no news", 99999, NEXT, NULL, "" },
};

/* Told at 300, 600: there and back; then it takes 600 s, then 1200 s. */
static const struct step flapping[] = {
	{ "bad", 0, BAD, "domain:a", NULL },
	{ "told", 300, NEXT, NULL, "domain:a bad" },
	{ "good", 300, GOOD, "domain:a", NULL },
	{ "told", 600, NEXT, NULL, "domain:a good" },
	{ "bad", 700, BAD, "domain:a", NULL },
	{ "not after 300 s", 1299, NEXT, NULL, "" },
	{ "after 600 s", 1300, NEXT, NULL, "domain:a bad" },
	{ "good", 1400, GOOD, "domain:a", NULL },
	{ "so much that is", 2000, NEXT, NULL, "domain:a good" },
	{ "bad", 2100, BAD, "domain:a", NULL },
	{ "not after 600 s", 2700, NEXT, NULL, "" },
	{ "restart", 2800, RESTART, NULL, NULL },
	{ "after 1200 s, also over a restart", 3299, NEXT, NULL, "" },
	{ "then", 3300, NEXT, NULL, "domain:a bad" },
	{ "a quiet day is enough", 3300 + DAY, GOOD, "domain:a", NULL },
	{ "for 300 s to count again", 3600 + DAY, NEXT, NULL,
	    "domain:a good" },
};

static const struct step restarting[] = {
	{ "bad", 0, BAD, "domain:a", NULL },
	{ "restart before it counts", 200, RESTART, NULL, NULL },
	{ "it counts from its begin", 299, NEXT, NULL, "" },
	{ "told", 300, NEXT, NULL, "domain:a bad" },
	{ "restart", 301, RESTART, NULL, NULL },
	{ "bad as before", 302, BAD, "domain:a", NULL },
	{ "is no news", 9999, NEXT, NULL, "" },
	{ "good", 10000, GOOD, "domain:a", NULL },
	{ "restart", 10001, RESTART, NULL, NULL },
	{ "recovered", 10300, NEXT, NULL, "domain:a good" },
	{ "restart", 10301, RESTART, NULL, NULL },
	{ "once", 99999, NEXT, NULL, "" },
};

static const struct step waiting[] = {
	{ "bad", 0, BAD, "domain:a", NULL },
	{ "bad", 0, BAD, "redis:", NULL },
	{ "while the breaker is open domains wait", 300, HELD, NULL,
	    "redis: bad" },
	{ "all of them", 9000, HELD, NULL, "" },
	{ "then they are told", 9060, NEXT, NULL, "domain:a bad" },
	{ "switched off", 9100, FORGET, "redis:", NULL },
	{ "no recovery then", 9101, GOOD, "redis:", NULL },
	{ "none", 9999, NEXT, NULL, "" },
	{ "without news for a month it is forgotten", 9999 + 31 * DAY, NEXT,
	    NULL, "" },
	{ "good is no news then", 10000 + 31 * DAY, GOOD, "domain:a", NULL },
	{ "none", 10300 + 31 * DAY, NEXT, NULL, "" },
};

static const struct step clocks[] = {
	{ "bad", 1000000, BAD, "redis:", NULL },
	{ "the clock is set back", 500000, BAD, "redis:", NULL },
	{ "looked at", 500000, NEXT, NULL, "" },
	{ "it waits no longer for that", 500300, NEXT, NULL, "redis: bad" },
};

static struct alert_states *states;

static void
note(const struct step *s)
{
	const char *colon = strchr(s->arg, ':');
	char kind[32];

	snprintf(kind, sizeof(kind), "%.*s", (int)(colon - s->arg), s->arg);
	if (s->op == FORGET) {
		alert_states_forget(states, kind, colon + 1);
		return;
	}
	alert_states_note(states, &(struct alert_note){ .kind = kind,
	    .subject = colon + 1, .is_bad = s->op != GOOD,
	    .severity = ALERT_WARNING, .hold_s = s->op == NOW ? 0 : 300,
	    .words = "x" }, s->at);
}

static void
check_next(const struct step *s)
{
	struct alert_state *state = alert_states_next(states,
	    s->op == HELD ? "domain" : NULL, s->at);
	char got[100] = "";

	if (state != NULL) {
		snprintf(got, sizeof(got), "%s:%.40s %s", state->kind,
		    state->subject, state->is_bad ? "bad" : "good");
		check_bool("due", alert_states_due(states, state->kind,
		    state->subject, s->at) == state, true);
		alert_states_told(states, state, s->at);
	}
	check_text(s->label, got, s->want);
}

static void
restart(void)
{
	json_t *value = alert_states_format(states);

	alert_states_free(states);
	states = alert_states_new();
	alert_states_parse(states, value);
	json_decref(value);
}

static void
run(const struct step *steps, size_t count)
{
	const struct step *s;

	states = alert_states_new();
	for (s = steps; s < steps + count; s++)
		switch (s->op) {
		case NEXT:
		case HELD:
			check_next(s);
			break;
		case RESTART:
			restart();
			break;
		default:
			note(s);
		}
	alert_states_free(states);
}

static void
test_bounds(void)
{
	struct alert_note bad = { "domain", NULL, true, ALERT_WARNING, 0,
	    "x" };
	char name[32];
	int i, told = 0;

	states = alert_states_new();
	for (i = 0; i < 2 * ALERT_STATES_MAX; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		bad.subject = name;
		alert_states_note(states, &bad, 1000 + i);
	}
	check_bool("the oldest left", alert_states_find(states, "domain",
	    "d0.example") == NULL, true);
	check_bool("the newest is there", alert_states_find(states, "domain",
	    name) != NULL, true);
	while (check_count < 100000) {
		struct alert_state *state = alert_states_next(states, NULL,
		    99999);

		if (state == NULL)
			break;
		alert_states_told(states, state, 99999);
		told++;
	}
	check_int("as many as there is room for", told, ALERT_STATES_MAX);
	check_bool("to be written", alert_states_have_changed(states), true);
	check_bool("once", alert_states_have_changed(states), false);
	alert_states_free(states);
}

/* What is seen again and again is written down, not each time. */
static void
test_news(void)
{
	struct alert_note bad = { "domain", "a.example", true, ALERT_WARNING,
	    0, "x" };
	static const struct {
		const char	*label;
		int64_t		 at;
		bool		 want;
	} notes[] = {
		{ "new", 7200, true },
		{ "seen again", 7500, false },
		{ "in the next hour", 10800, true },
		{ "once", 10801, false },
	};
	size_t i;

	states = alert_states_new();
	for (i = 0; i < ROWS(notes); i++) {
		alert_states_note(states, &bad, notes[i].at);
		check_bool(notes[i].label, alert_states_have_changed(states),
		    notes[i].want);
	}
	alert_states_free(states);
}

static void
test_files(void)
{
	static const char *const files[] = { "1", "{}", "[1, null, {}]",
	    "[{\"kind\": \"a\"}]", "[{\"kind\": \"a\", \"subject\": \"b\", "
	    "\"words\": \"c\", \"severity\": 9, \"bad\": true, \"told_bad\": "
	    "false, \"since\": 1, \"noted_at\": 1, \"told_at\": 1, \"hold\": "
	    "1, \"turns\": 1}]", "[{\"kind\": \"a\", \"subject\": \"b\", "
	    "\"words\": \"c\", \"severity\": 1, \"bad\": true, \"told_bad\": "
	    "false, \"since\": -9223372036854775807, \"noted_at\": 1, "
	    "\"told_at\": 1, \"hold\": 1, \"turns\": 1}]" };
	json_t *value;
	size_t i;

	for (i = 0; i < ROWS(files); i++) {
		states = alert_states_new();
		value = json_loads(files[i], JSON_DECODE_ANY, NULL);
		alert_states_parse(states, value);
		check_bool(files[i], alert_states_at(states, 0) == NULL, true);
		json_decref(value);
		alert_states_free(states);
	}
}

int
main(void)
{
	run(lasting, ROWS(lasting));
	run(passing, ROWS(passing));
	run(flapping, ROWS(flapping));
	run(restarting, ROWS(restarting));
	run(waiting, ROWS(waiting));
	run(clocks, ROWS(clocks));
	test_bounds();
	test_news();
	test_files();
	return check_end();
}
