/*
 * When reports leave: a day each, retries, and a simulated month.
 */

#include "policyd/clerk/report/report_plan.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define DUE	1000000
#define DAY_S	86400

static const struct {
	const char	*label;
	const char	*marks[6];	/* begin, end, begin, ... */
	int64_t		 now;
	enum report_step want;
	int64_t		 at;		/* of WAIT */
} rows[] = {
	{ "before it is due", { NULL }, DUE - 1, REPORT_STEP_WAIT, DUE },
	{ "due", { NULL }, DUE, REPORT_STEP_SEND, 0 },
	{ "a day late, never tried", { NULL }, DUE + DAY_S,
	    REPORT_STEP_GIVEN_UP, 0 },
	{ "sent", { "begun 1000000", "sent 1000001" }, DUE + 5,
	    REPORT_STEP_SENT, 0 },
	{ "on its way", { "begun 1000000" }, DUE + 5, REPORT_STEP_WAIT,
	    DUE + REPORT_DOUBT_S },
	{ "killed between sending and noting", { "begun 1000000" },
	    DUE + REPORT_DOUBT_S, REPORT_STEP_DOUBTFUL, 0 },
	{ "doubtful", { "begun 1000000", "doubtful 1000060 reset" },
	    DUE + 4000, REPORT_STEP_DOUBTFUL, 0 },
	{ "failed: five minutes", { "begun 1000000",
	    "failed 1000010 status 503" }, DUE + 309, REPORT_STEP_WAIT,
	    DUE + 310 },
	{ "and once more", { "begun 1000000", "failed 1000010" }, DUE + 310,
	    REPORT_STEP_SEND, 0 },
	{ "failed twice: fifteen", { "begun 1000000", "failed 1000000",
	    "begun 1000300", "failed 1000300" }, DUE + 1199,
	    REPORT_STEP_WAIT, DUE + 1200 },
	{ "failed for a day", { "begun 1000000", "failed 1086399" },
	    DUE + DAY_S, REPORT_STEP_GIVEN_UP, 0 },
	{ "sent by another host meanwhile", { "begun 1000000",
	    "failed 1000000", "begun 1000300", "sent 1000301" }, DUE + 302,
	    REPORT_STEP_SENT, 0 },
	{ "a later try's end is missing", { "begun 1000000",
	    "failed 1000000", "begun 1000300" }, DUE + 301,
	    REPORT_STEP_WAIT, DUE + 300 + REPORT_DOUBT_S },
	{ "an earlier try's end is missing", { "begun 1000000", NULL,
	    "begun 1000300", "failed 1000301" }, DUE + 100000,
	    REPORT_STEP_DOUBTFUL, 0 },
};

static const struct {
	const char	*label;
	unsigned	 n;
	enum report_mark mark;
	const char	*value;
	bool		 want;
} marks[] = {
	{ "a begin", 1, REPORT_MARK_BEGIN, "begun 5", true },
	{ "an end with words", 16, REPORT_MARK_END, "failed 5 a b", true },
	{ "try 0", 0, REPORT_MARK_BEGIN, "begun 5", false },
	{ "a try too many", 17, REPORT_MARK_BEGIN, "begun 5", false },
	{ "an end that is a begin", 1, REPORT_MARK_END, "begun 5", false },
	{ "a begin that is an end", 1, REPORT_MARK_BEGIN, "sent 5", false },
	{ "another word", 1, REPORT_MARK_END, "lost 5", false },
	{ "no time", 1, REPORT_MARK_END, "sent", false },
	{ "a time that is none", 1, REPORT_MARK_END, "sent x", false },
	{ "empty", 1, REPORT_MARK_END, "", false },
};

static void
test_steps(void)
{
	struct report_tries tries;
	enum report_step step;
	int64_t at;
	size_t i, j;

	for (i = 0; i < ROWS(rows); i++) {
		memset(&tries, 0, sizeof(tries));
		for (j = 0; j < ROWS(rows[i].marks); j++)
			if (rows[i].marks[j] != NULL)
				check_bool("noted", report_tries_note(&tries,
				    (unsigned)j / 2 + 1, j % 2 == 0 ?
				    REPORT_MARK_BEGIN : REPORT_MARK_END,
				    text_of(rows[i].marks[j])), true);
		at = 0;
		step = report_plan_next(&tries, DUE, rows[i].now, &at);
		check_int(rows[i].label, step, rows[i].want);
		if (rows[i].want == REPORT_STEP_WAIT)
			check_int("until", at, rows[i].at);
	}
	for (i = 0; i < ROWS(marks); i++) {
		memset(&tries, 0, sizeof(tries));
		check_bool(marks[i].label, report_tries_note(&tries,
		    marks[i].n, marks[i].mark, text_of(marks[i].value)),
		    marks[i].want);
		check_bool("counted", tries.count > 0, marks[i].want);
	}
}

static void
test_due(void)
{
	unsigned quarter[4] = { 0 }, i;
	int64_t due, day = 20778;
	char name[32];

	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		due = report_plan_due(name, day, 4 * 3600) -
		    (day + 1) * DAY_S - REPORT_SETTLE_S;
		if (due < 0 || due >= 4 * 3600) {
			check_int("due within the window", due, 0);
			return;
		}
		quarter[due / 3600]++;
	}
	for (i = 0; i < 4; i++)
		check_bool("spread", quarter[i] > 200 && quarter[i] < 300,
		    true);
	check_int("always the same", report_plan_due("a.example", day, 60),
	    report_plan_due("a.example", day, 60));
	check_int("no window", report_plan_due("a.example", day, 0),
	    (day + 1) * DAY_S + REPORT_SETTLE_S);
}

/*
 * A month, minute by minute, with a receiver that fails in turn: each domain
 * gets each day's report once, whoever asks and however often.
 */
static void
simulate(unsigned fails, bool is_killed, unsigned want_sent,
    const char *label)
{
	struct report_tries tries[3];	/* of three days under way */
	unsigned sent[30] = { 0 }, begun = 0, n, d;
	int64_t now, at, due, first = 20778;
	enum report_step step;
	char mark[200];

	memset(tries, 0, sizeof(tries));
	for (now = first * DAY_S; now < (first + 33) * DAY_S; now += 60)
		for (d = 0; d < 30; d++) {
			due = report_plan_due("a.example", first + d,
			    4 * 3600);
			if (now < (first + d + 1) * DAY_S || now >= due +
			    REPORT_RETRY_S + 7200)
				continue;
			if (now == (first + d + 1) * DAY_S)
				memset(&tries[d % 3], 0, sizeof(tries[0]));
			step = report_plan_next(&tries[d % 3], due, now, &at);
			if (step != REPORT_STEP_SEND)
				continue;
			n = tries[d % 3].count + 1;
			begun++;
			report_mark_format(REPORT_TRY_OPEN, now, "", mark,
			    sizeof(mark));
			report_tries_note(&tries[d % 3], n, REPORT_MARK_BEGIN,
			    text_of(mark));
			if (n > fails)
				sent[d]++;
			if (is_killed)
				continue;	/* before the end was noted */
			report_mark_format(n > fails ? REPORT_TRY_SENT :
			    REPORT_TRY_FAILED, now + 1, "words", mark,
			    sizeof(mark));
			report_tries_note(&tries[d % 3], n, REPORT_MARK_END,
			    text_of(mark));
		}
	for (d = 0; d < 30; d++)
		if (sent[d] != want_sent)
			check_int(label, sent[d], want_sent);
	check_note(true, label);
	check_bool("tries are few", begun <= 30 * REPORT_TRIES_MAX, true);
}

int
main(void)
{
	test_steps();
	test_due();
	simulate(0, false, 1, "a month without trouble");
	simulate(3, false, 1, "a month of three failures a report");
	simulate(100, false, 0, "a month of nothing but failures");
	simulate(0, true, 1, "a month of kills between sending and noting");
	return check_end();
}
