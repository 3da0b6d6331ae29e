/*
 * When it must be us: hosts that turn bad together, and policy hosts that
 * agree on another time.
 */

#include "policyd/front/breaker.h"

#include "tests/unit/check.h"

#define NOW	1800000000
#define UP	5000		/* the clock that nobody sets */

static bool
is(const struct breaker *b, enum breaker_state state, const char *words)
{
	bool has_advice = breaker_advice(b)[0] != '\0';

	return breaker_state(b) == state &&
	    strcmp(breaker_words(b), words) == 0 &&
	    has_advice == (state != BREAKER_CLOSED);
}

/* Looks at count hosts, of which the first bad were good and are bad. */
static void
note_hosts(struct breaker *b, int count, int bad, int64_t at)
{
	char name[32];
	int i;

	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "mx%d.test", i);
		breaker_note_host(b, name, FINDING_OK, i < bad ?
		    FINDING_CERT_EXPIRED : FINDING_OK, at);
	}
	breaker_judge(b, at, UP + at - NOW);
}

static void
test_hosts(void)
{
	static const struct {
		const char	*label;
		int		 count, bad;
		enum breaker_state want;
	} rows[] = {
		{ "nineteen hosts open nothing", 19, 19, BREAKER_CLOSED },
		{ "a fifth opens nothing", 20, 4, BREAKER_CLOSED },
		{ "more than a fifth opens", 20, 5, BREAKER_HOSTS },
		{ "a fifth of many", 200, 40, BREAKER_CLOSED },
		{ "more than a fifth of many", 200, 41, BREAKER_HOSTS },
		{ "more than are remembered", 400, 400, BREAKER_HOSTS },
	};
	struct breaker *b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b = breaker_new();
		note_hosts(b, rows[i].count, rows[i].bad, NOW);
		check_int(rows[i].label, breaker_state(b), rows[i].want);
		breaker_free(b);
	}
	b = breaker_new();
	note_hosts(b, 20, 5, NOW);
	check_bool("its words", is(b, BREAKER_HOSTS,
	    "5 of 20 hosts turned bad within an hour"), true);
	breaker_judge(b, NOW + BREAKER_SPAN_S + 1, UP + BREAKER_SPAN_S + 1);
	check_bool("an hour later it is over", is(b, BREAKER_CLOSED, ""),
	    true);
	note_hosts(b, 20, 5, NOW + 4000);
	breaker_note_host(b, "mx0.test", FINDING_CERT_EXPIRED, FINDING_OK,
	    NOW + 4001);
	check_bool("one recovers: change", breaker_judge(b, NOW + 4001,
	    UP + 4001), true);
	check_bool("one recovers: closed", is(b, BREAKER_CLOSED, ""), true);
	check_bool("no second change", breaker_judge(b, NOW + 4001, UP + 4001),
	    false);
	breaker_free(b);
}

static void
test_bad_before(void)
{
	struct breaker *b = breaker_new();
	char name[32];
	int i;

	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "mx%d.test", i);
		breaker_note_host(b, name, FINDING_CERT_EXPIRED,
		    FINDING_CERT_UNTRUSTED, NOW);
		breaker_note_host(b, name, FINDING_OK, FINDING_UNREACHABLE,
		    NOW);
	}
	check_bool("bad before and unreachable have not turned bad",
	    breaker_judge(b, NOW, UP), false);
	note_hosts(b, 30, 30, NOW);
	check_int("turned bad", breaker_state(b), BREAKER_HOSTS);
	breaker_reset(b);
	check_bool("reset closes", is(b, BREAKER_CLOSED, ""), true);
	breaker_judge(b, NOW + 1, UP + 1);
	check_bool("the same notes do not open it again",
	    is(b, BREAKER_CLOSED, ""), true);
	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "mx%d.test", i);
		breaker_note_host(b, name, FINDING_CERT_EXPIRED,
		    FINDING_CERT_EXPIRED, NOW + 2);
	}
	breaker_judge(b, NOW + 2, UP + 2);
	check_bool("nor the same hosts, still bad", is(b, BREAKER_CLOSED, ""),
	    true);
	breaker_free(b);
}

/* -------------------------------------------------------------- the clock */

static void
note_date(struct breaker *b, uint8_t host, int64_t ahead_s, int64_t at)
{
	struct address address = { 4, { 192, 0, 2, host } };

	breaker_note_date(b, &address, ahead_s, at);
	breaker_judge(b, at, UP + at - NOW);
}

/* Notes of hosts 1, 2, ... one a second. */
static struct breaker *
noted(const int64_t *ahead_s, int count)
{
	struct breaker *b = breaker_new();
	int i;

	for (i = 0; i < count; i++)
		note_date(b, (uint8_t)(i + 1), ahead_s[i], NOW + i);
	return b;
}

static void
test_dates(void)
{
	static const struct {
		const char	*label;
		int64_t		 ahead_s[7];
		int		 count;
		enum breaker_state want;
	} rows[] = {
		{ "four are too few", { 3600, 3600, 3600, 3600 }, 4,
		    BREAKER_CLOSED },
		{ "five agree", { 3600, 3601, 3602, 3600, 3600 }, 5,
		    BREAKER_CLOCK },
		{ "five minutes are no trouble", { 300, 300, 300, 300, 300 },
		    5, BREAKER_CLOSED },
		{ "a second more is", { 301, 301, 301, 301, 301 }, 5,
		    BREAKER_CLOCK },
		{ "behind", { -301, -301, -301, -301, -301 }, 5,
		    BREAKER_CLOCK },
		{ "two liars of five", { 86400, 0, 1, 86400, 0 }, 5,
		    BREAKER_CLOSED },
		{ "two are right of five", { 86400, 0, 86400, 86400, 0 }, 5,
		    BREAKER_CLOCK },
		{ "liars on both sides", { -9999, 9999, 1, 9999, -9999 }, 5,
		    BREAKER_CLOSED },
		{ "the last five count", { 0, 0, 0, 900, 900, 900, 0 }, 7,
		    BREAKER_CLOCK },
		{ "and close it again", { 900, 900, 900, 900, 0, 0, 0 }, 7,
		    BREAKER_CLOSED },
	};
	struct breaker *b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b = noted(rows[i].ahead_s, rows[i].count);
		check_int(rows[i].label, breaker_state(b), rows[i].want);
		breaker_free(b);
	}
}

static void
test_date_notes(void)
{
	static const int64_t ahead[] = { 900, 900, 900, 900, 900 };
	static const int64_t behind[] = { -3700, -3700, -3700, -3700, -3700 };
	struct breaker *b = breaker_new();
	uint8_t i;

	for (i = 0; i < 20; i++)
		note_date(b, 1, 900, NOW + i);
	check_int("one host twenty times", breaker_state(b), BREAKER_CLOSED);
	for (i = 2; i < 6; i++)
		note_date(b, i, 0, NOW + 20);
	check_int("which is one of five", breaker_state(b), BREAKER_CLOSED);
	breaker_free(b);

	b = noted(ahead, 4);
	note_date(b, 5, 900, NOW + BREAKER_SPAN_S + 1);
	check_int("not within an hour", breaker_state(b), BREAKER_CLOSED);
	breaker_free(b);

	b = noted(ahead, 5);
	check_bool("words", is(b, BREAKER_CLOCK,
	    "our clock is 15m 0s ahead of the dates of 5 policy hosts"), true);
	breaker_judge(b, NOW + 86400, UP + 86400);
	check_int("what is open stays so without news", breaker_state(b),
	    BREAKER_CLOCK);
	note_hosts(b, 20, 20, NOW + 86400);
	check_int("and explains hosts that turn bad", breaker_state(b),
	    BREAKER_CLOCK);
	breaker_reset(b);
	breaker_judge(b, NOW + 86401, UP + 86401);
	check_bool("reset forgets both", is(b, BREAKER_CLOSED, ""), true);
	breaker_free(b);

	b = noted(behind, 5);
	check_bool("words of a clock that is late", is(b, BREAKER_CLOCK,
	    "our clock is 1h 1m behind the dates of 5 policy hosts"), true);
	breaker_judge(b, NOW + 3710, UP + 10);
	check_bool("a clock that is set closes at once",
	    is(b, BREAKER_CLOSED, ""), true);
	breaker_free(b);
}

int
main(void)
{
	test_hosts();
	test_bad_before();
	test_dates();
	test_date_notes();
	return check_end();
}
