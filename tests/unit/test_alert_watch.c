/*
 * What of a status is worth an alert, and when refusals are.
 */

#include "policyd/clerk/alert/alert_watch.h"

#include "policyd/clerk/status_json.h"
#include "shared/tlsrpt/session.h"
#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define DAY	86400

static const struct alert_watch_times times = { 300, 3600 };

/* A status of some parts, "NAME STATE" each, and two counters. */
struct look {
	const char	*label;
	int64_t		 at;
	const char	*parts;
	int		 lines, asked;	/* ledger_log_lines, memory_hits */
	const char	*want;		/* told then: "redis bad" */
};

#define WELL	"redis ok,cache ok,breaker ok,resolver ok,ledger ok"

static const struct look rows[] = {
	{ "all is well", 0, WELL, 10, 10, "" },
	{ "Redis is away", 10, "redis critical,cache ok,breaker ok,resolver "
	    "ok,ledger ok", 11, 10, "" },
	{ "the front is away and tells nothing", 100, "resolver ok,ledger ok",
	    12, 0, "" },
	{ "for minutes", 310, "redis critical,cache ok,breaker ok,resolver ok,"
	    "ledger ok", 13, 10, "redis bad" },
	{ "and back", 400, WELL, 14, 10, "" },
	{ "for minutes", 700, WELL, 15, 10, "redis good" },
	{ "the breaker is told at once", 1000, "redis ok,cache ok,breaker "
	    "critical,resolver ok,ledger ok", 16, 10, "breaker bad" },
	{ "and when it closes", 1010, WELL, 17, 10, "breaker good" },
	{ "nobody has looked at the resolver", 1100, "cache ok,resolver new,"
	    "ledger ok", 17, 10, "" },
	{ "nobody yet", 1900, "cache ok,resolver new,ledger ok", 17, 10, "" },
	{ "the resolver says nothing", 2000, "cache ok,resolver unknown,ledger "
	    "ok", 18, 10, "" },
	{ "nor do look-ups", 2200, "cache ok,lookups critical,resolver ok,"
	    "ledger ok", 19, 10, "" },
	{ "for minutes", 2300, "cache ok,lookups critical,resolver ok,ledger "
	    "ok", 20, 10, "resolver bad" },
	{ "one that does not validate is there", 2400, "cache ok,resolver "
	    "warning,ledger ok", 21, 10, "" },
	{ "so it is back", 2700, "cache ok,resolver warning,ledger ok", 22, 10,
	    "resolver good" },
	{ "the ledger is unknown", 10000, "cache ok,ledger unknown", 23, 10,
	    "" },
	{ "for long", 13600, "cache ok,ledger unknown", 24, 10, "ledger bad" },
	{ "it is well", 13700, "cache ok,ledger ok", 25, 10, "" },
	{ "and stays so", 14000, "cache ok,ledger ok", 26, 10, "ledger good" },
	{ "nobody asks, nothing is heard", 200000, WELL, 26, 12, "" },
	{ "that is a quiet night", 260000, WELL, 26, 19, "" },
	{ "Postfix asks", 260010, WELL, 26, 30, "" },
	{ "and asks, and nothing is heard", 263610, WELL, 26, 90,
	    "ledger bad" },
	{ "a new front counts anew", 263700, WELL, 26, 0, "" },
	{ "that is no news", 269999, WELL, 26, 1, "" },
	{ "a line", 270000, WELL, 27, 2, "" },
	{ "it is heard again", 270300, WELL, 28, 3, "ledger good" },
};

static json_t *
status_of(const struct look *l)
{
	struct text rest = text_of(l->parts), part, name;
	json_t *parts = json_array();

	while (text_next_field(&rest, ',', &part)) {
		text_next_word(&part, &name);
		part = text_trim(part);
		json_array_append_new(parts, json_pack("{s:s%, s:s%, s:s, "
		    "s:s}", "name", name.data, name.len, "state", part.data,
		    text_starts_with(part, "new") ? 0 : part.len, "detail",
		    text_starts_with(part, "new") ? STATUS_NOT_CHECKED :
		    "so it is", "advice", "do it"));
	}
	return json_pack("{s:o, s:{s:i, s:i}}", "parts", parts, "counters",
	    "ledger_log_lines", l->lines, "memory_hits", l->asked);
}

static void
check_told(const char *label, struct alert_states *states, int64_t now,
    const char *want)
{
	struct alert_state *state;
	char got[200] = "";

	while ((state = alert_states_next(states, NULL, now)) != NULL) {
		snprintf(got + strlen(got), sizeof(got) - strlen(got),
		    "%s%.15s%s%.40s %s", got[0] != '\0' ? ", " : "",
		    state->kind, state->subject[0] != '\0' ? " " : "",
		    state->subject, state->is_bad ? "bad" : "good");
		alert_states_told(states, state, now);
	}
	check_text(label, got, want);
}

static void
test_status(void)
{
	struct alert_states *states = alert_states_new();
	struct alert_watch *w = alert_watch_new();
	json_t *status;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		status = status_of(&rows[i]);
		alert_watch_status(w, states, status, &times, rows[i].at);
		check_told(rows[i].label, states, rows[i].at, rows[i].want);
		json_decref(status);
	}
	alert_watch_status(w, states, NULL, &times, 99999);
	check_told("no status", states, 99999, "");
	alert_watch_free(w);
	alert_states_free(states);
}

static void
test_words(void)
{
	static const struct look look = { "", 0, "cache ok,redis critical,"
	    "ledger unknown", 1, 1, "" };
	struct alert_states *states = alert_states_new();
	struct alert_watch *w = alert_watch_new();
	json_t *status = status_of(&look);

	alert_watch_status(w, states, status, &times, 1);
	check_text("a part's words", alert_states_find(states, "redis",
	    "")->words, "so it is -> do it");
	check_text("the ledger's", alert_states_find(states, "ledger",
	    "")->words, "mail flows and no TLS session is recorded; so it is "
	    "-> do it");
	json_decref(status);
	alert_watch_free(w);
	alert_states_free(states);
}

static const struct {
	const char	*label;
	int64_t		 at;		/* now, and of the session */
	int		 age;
	const char	*service;	/* NULL: only a look */
	const char	*want;
} refusals[] = {
	{ "one", 10000, 0, "smtp", "" },
	{ "another service", 10001, 0, "submission", "" },
	{ "two", 10002, 0, "smtp", "" },
	{ "three", 10003, 0, "smtp", "refusal smtp bad" },
	{ "more are no news", 10004, 0, "smtp", "" },
	{ "history counts not", 13000, 3601, "submission", "" },
	{ "nor does it", 13000, 9999, "submission", "" },
	{ "the second there", 13001, 0, "submission", "" },
	{ "the third, an hour later than the first", 13602, 0, "submission",
	    "" },
	{ "within an hour", 14000, 0, "submission",
	    "refusal submission bad" },
	{ "almost a day later", 10003 + DAY, 0, NULL, "" },
	{ "one a day keeps it", 10003 + DAY, 0, "smtp", "" },
	{ "as nobody has stopped", 10004 + DAY, 0, NULL, "" },
	{ "a day without", 14000 + DAY, 0, NULL, "refusal submission good" },
	{ "one alone is none after that", 14001 + DAY, 0, "submission", "" },
	{ "and the other", 10003 + 2 * DAY, 0, NULL, "refusal smtp good" },
};

static void
test_refusals(void)
{
	struct alert_states *states = alert_states_new();
	struct alert_watch *w = alert_watch_new();
	struct tls_session s = { .alert = { "unknown ca", 10 },
	    .host = { "h.example", 9 }, .address = { "192.0.2.1", 9 } };
	size_t i;

	for (i = 0; i < ROWS(refusals); i++) {
		if (refusals[i].service != NULL) {
			s.at = refusals[i].at - refusals[i].age;
			s.service = text_of(refusals[i].service);
			alert_watch_refusal(w, states, &s, refusals[i].at);
		}
		alert_watch_status(w, states, NULL, &times, refusals[i].at);
		check_told(refusals[i].label, states, refusals[i].at,
		    refusals[i].want);
		if (i == 3)
			check_text("says who and why", alert_states_find(
			    states, "refusal", "smtp")->words, "3 sessions "
			    "within an hour ended as the other side refused "
			    "our certificate, the last with \"unknown ca\" by "
			    "h.example[192.0.2.1] -> hopseal certs tells what "
			    "is wrong with it");
	}
	alert_watch_free(w);
	alert_states_free(states);
}

int
main(void)
{
	test_status();
	test_words();
	test_refusals();
	return check_end();
}
