/*
 * hopseal report: how mail went and came, over TLS or not; for which domains it
 * failed, how often, why and since when; and for which it would fail if what
 * they promise were enforced.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/report_preview.h"
#include "ctl/report_received.h"
#include "ctl/screen.h"
#include "shared/text.h"

#define TOP_DEFAULT	"20"	/* lines of a screen */
#define WOULD_FAIL_SHOWN 5	/* the same, unless a number is asked for */
#define DOMAIN_WIDTH_MAX 36
#define NUMBER_WIDTH	9
#define POLICY_WIDTH	7
#define WHEN_WIDTH	13
#define WHEN_SIZE	20
#define HOSTS_SHOWN	3	/* of a domain; all are in the JSON */

/* ------------------------------------------------------------- the request */

static json_t *
text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : NULL;
}

/* NULL when the options contradict each other or mean nothing. */
static json_t *
request_of(const struct ctl_options *options)
{
	char *const *given = options->values;
	const char *top = given[CTL_TOP], *direction = "out";
	bool is_in = given[CTL_IN] != NULL, is_out = given[CTL_OUT] != NULL;
	bool is_received = given[CTL_RECEIVED] != NULL;
	json_t *request;
	uint64_t count;

	if (is_in + is_out + is_received > 1) {
		ctl_complain("--in, --out and --received exclude each other");
		return NULL;
	}
	if (top == NULL && !options->is_json)
		top = TOP_DEFAULT;
	if (top != NULL && !text_parse_u64(text_of(top), 5000, &count)) {
		ctl_complain("--top %s: a number from 1 to 5000", top);
		return NULL;
	}
	if (is_in || is_received)
		direction = is_in ? "in" : "received";
	request = json_pack("{s:s, s:s}", "command", "report", "direction",
	    direction);
	json_object_set_new(request, "day", text_or_null(given[CTL_DAY]));
	json_object_set_new(request, "since", text_or_null(given[CTL_SINCE]));
	json_object_set_new(request, "domain",
	    text_or_null(given[CTL_DOMAIN]));
	if (top != NULL)
		json_object_set_new(request, "top",
		    json_integer((json_int_t)count));
	return request;
}

/* ---------------------------------------------------------- for people */

static double
share(int64_t part, int64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void
show_protocols(const json_t *sums)
{
	json_t *protocols = json_object_get(sums, "protocols"), *value;
	const char *name, *separator = "";
	int64_t whole = 0;

	json_object_foreach(protocols, name, value)
		whole += json_integer_value(value);
	if (whole == 0)
		return;
	screen_label("");
	json_object_foreach(protocols, name, value) {
		screen_putf(TONE_PLAIN, 0, "%s%s %.1f %%", separator, name,
		    share(json_integer_value(value), whole));
		separator = ", ";
	}
	screen_end_line();
}

/* What went one way in sum; nothing where nothing did. */
static void
show_sums(const char *label, const json_t *sums)
{
	int64_t sessions = answer_number(sums, "sessions");
	int64_t verified = answer_number(sums, "verified");
	int64_t let_pass = answer_number(sums, "by_probe");
	int64_t failed = answer_number(sums, "failure") - let_pass;

	if (sessions == 0)
		return;
	screen_label(label);
	screen_putf(TONE_PLAIN, 0, "%lld sessions, %.1f %% encrypted, ",
	    (long long)sessions, share(answer_number(sums, "encrypted"),
	    sessions));
	/* Of clients nobody asks for a certificate. */
	if (verified > 0 || strcmp(label, "out") == 0)
		screen_putf(TONE_PLAIN, 0, "%.1f %% verified, ",
		    share(verified, sessions));
	screen_putf(failed > 0 ? TONE_BAD : TONE_GOOD, 0, "%lld failed",
	    (long long)failed);
	if (let_pass > 0)
		screen_putf(TONE_DOUBT, 0, ", %lld let pass in testing mode",
		    (long long)let_pass);
	screen_end_line();
	show_protocols(sums);
}

/* "11-21 03:12"; days are kept for less than a year. */
static char *
when(const json_t *row, const char *name, char out[WHEN_SIZE])
{
	const char *time = answer_text(row, name);

	snprintf(out, WHEN_SIZE, "%.11s", strlen(time) > 16 ? time + 5 : "-");
	if (out[0] != '-')
		out[5] = ' ';
	return out;
}

/* "20 handshake-failed, 12 cert-expired", most first; 1 is not said. */
static void
show_findings(const json_t *row)
{
	json_t *findings = json_object_get(row, "findings"), *value;
	const char *name, *most, *separator = "";
	int64_t count, limit = INT64_MAX;
	size_t left = json_object_size(findings);

	while (left > 0) {
		/* The next lower count, then all that have it. */
		count = -1;
		json_object_foreach(findings, most, value)
			if (json_integer_value(value) < limit &&
			    json_integer_value(value) > count)
				count = json_integer_value(value);
		json_object_foreach(findings, name, value) {
			if (json_integer_value(value) != count)
				continue;
			if (json_object_size(findings) > 1)
				screen_putf(TONE_PLAIN, 0, "%s%lld %s",
				    separator, (long long)count, name);
			else
				screen_put(TONE_PLAIN, 0, name);
			separator = ", ";
			left--;
		}
		limit = count;
	}
}

static void
show_hosts(const json_t *row)
{
	const json_t *hosts = json_object_get(row, "hosts"), *host;
	size_t i, count = 0;

	json_array_foreach(hosts, i, host) {
		if (answer_number(host, "failure") == 0)
			continue;
		if (count++ < HOSTS_SHOWN)
			screen_putf(TONE_PLAIN, 0, "%s %s", count == 1 ?
			    " at" : ",", answer_text(host, "host"));
	}
	if (count > HOSTS_SHOWN)
		screen_putf(TONE_PLAIN, 0, " and %zu more", count -
		    HOSTS_SHOWN);
}

static const char *
policy_word(const json_t *row)
{
	const char *policy = answer_text(row, "policy");

	return policy[0] == '\0' ? "-" :
	    strcmp(policy, "no-policy-found") == 0 ? "none" : policy;
}

/* A table of domains: of those that failed, or that would fail. */
struct table {
	const char	*title, *column;
	const char	*rows, *count;	/* members of the answer */
	int64_t		(*number)(const json_t *row);
	enum tone	 tone;
	size_t		 shown_max;
};

static int64_t
failed_of(const json_t *row)
{
	return answer_number(row, "failure") - answer_number(row, "by_probe");
}

static int64_t
would_fail_of(const json_t *row)
{
	return answer_number(row, "would_fail");
}

static int64_t
sessions_of(const json_t *row)
{
	return json_object_get(row, "sessions") != NULL ?
	    answer_number(row, "sessions") : answer_number(row, "failure") +
	    answer_number(row, "success") + answer_number(row, "clear") +
	    answer_number(row, "unknown");
}

static void
show_row(const struct table *table, const json_t *row, int width)
{
	int64_t clear = answer_number(row, "clear");
	char since[WHEN_SIZE];

	screen_putf(TONE_PLAIN, width, "%s ", answer_text(row, "domain"));
	screen_putf(table->number(row) > 0 ? table->tone : TONE_PLAIN,
	    NUMBER_WIDTH, "%lld ", (long long)table->number(row));
	screen_putf(TONE_PLAIN, NUMBER_WIDTH, "%lld ",
	    (long long)sessions_of(row));
	screen_put(TONE_PLAIN, POLICY_WIDTH, policy_word(row));
	screen_put(TONE_PLAIN, WHEN_WIDTH, when(row, "since", since));
	if (table->number == would_fail_of && clear > 0)
		screen_putf(TONE_PLAIN, 0, "%lld without TLS%s",
		    (long long)clear, json_object_size(json_object_get(row,
		    "findings")) > 0 ? ", " : "");
	show_findings(row);
	show_hosts(row);
	if (table->number == failed_of && answer_number(row, "by_probe") > 0)
		screen_putf(TONE_DOUBT, 0, ", %lld let pass in testing mode",
		    (long long)answer_number(row, "by_probe"));
	screen_end_line();
}

/* Those that failed, and with a domain asked for also the others. */
static bool
is_shown(const struct table *table, const json_t *row, bool has_domain)
{
	return table->number(row) > 0 || (table->number == failed_of &&
	    (has_domain || (answer_text(row, "since")[0] != '\0' &&
	    answer_number(row, "by_probe") == 0)));
}

static void
show_heading(const struct table *table, const json_t *answer, int width)
{
	screen_end_line();
	if (table->title != NULL) {
		screen_put(TONE_PLAIN, 0, table->title);
		screen_end_line();
	}
	screen_put(TONE_PLAIN, width, answer_is(answer, "direction", "in") ?
	    "NETWORK" : "DOMAIN");
	screen_put(TONE_PLAIN, NUMBER_WIDTH, table->column);
	screen_put(TONE_PLAIN, NUMBER_WIDTH, "OF");
	screen_put(TONE_PLAIN, POLICY_WIDTH, "POLICY");
	screen_put(TONE_PLAIN, WHEN_WIDTH, "SINCE (UTC)");
	screen_put(TONE_PLAIN, 0, "WHY, WHERE");
	screen_end_line();
}

static void
show_table(const struct table *table, const json_t *answer,
    const struct ctl_options *options)
{
	bool has_domain = options->values[CTL_DOMAIN] != NULL;
	size_t shown_max = options->values[CTL_TOP] != NULL ? SIZE_MAX :
	    table->shown_max;
	const json_t *rows = json_object_get(answer, table->rows), *row;
	int width = (int)strlen("NETWORK ");
	size_t shown = 0, i, len;

	json_array_foreach(rows, i, row) {
		len = strlen(answer_text(row, "domain"));
		if (is_shown(table, row, has_domain) &&
		    len <= DOMAIN_WIDTH_MAX && (int)len >= width)
			width = (int)len + 1;
	}
	json_array_foreach(rows, i, row) {
		if (!is_shown(table, row, has_domain) || shown == shown_max)
			continue;
		if (shown++ == 0)
			show_heading(table, answer, width);
		show_row(table, row, width);
	}
	if (shown > 0 && answer_number(answer, table->count) >
	    (int64_t)shown && !has_domain) {
		screen_putf(TONE_PLAIN, 0, "and %lld more: --top N shows "
		    "them", (long long)(answer_number(answer, table->count) -
		    (int64_t)shown));
		screen_end_line();
	}
}

static const struct table failed = {
	NULL, "FAILED", "domains", "failing_count", failed_of, TONE_BAD,
	SIZE_MAX
};
static const struct table would_fail = {
	"Would fail if it were enforced", "SESSIONS", "if_enforced",
	"if_enforced_count", would_fail_of, TONE_DOUBT, WOULD_FAIL_SHOWN
};

static void
show_refusals(const json_t *answer)
{
	const json_t *refusals = json_object_get(answer, "our_certificate");
	const json_t *refusal;
	char since[WHEN_SIZE];
	size_t i;

	if (json_array_size(refusals) == 0)
		return;
	screen_end_line();
	screen_put(TONE_BAD, 0, "Our certificate was refused by");
	screen_end_line();
	json_array_foreach(refusals, i, refusal) {
		screen_putf(TONE_PLAIN, 0, "  %s[%s] on %s: %s, %lld times "
		    "since %s UTC", answer_text(refusal, "host"),
		    answer_text(refusal, "address"),
		    answer_text(refusal, "service"),
		    answer_text(refusal, "reason"),
		    (long long)answer_number(refusal, "count"),
		    when(refusal, "since", since));
		screen_end_line();
	}
}

static void
show(const json_t *answer, const struct ctl_options *options)
{
	static const char *const directions[] = {
		"out", "in", "submission", "local"
	};
	const json_t *sums = json_object_get(answer, "directions");
	const char *day = answer_text(answer, "day");
	const char *until = answer_text(answer, "until");
	size_t i;

	screen_putf(TONE_PLAIN, 0, "TLS sessions of %s%s%s (UTC)", day,
	    strcmp(day, until) != 0 ? " to " : "",
	    strcmp(day, until) != 0 ? until : "");
	screen_end_line();
	if (answer_text(answer, "note")[0] != '\0') {
		screen_putf(TONE_DOUBT, 0, "%s", answer_text(answer, "note"));
		screen_end_line();
	}
	for (i = 0; i < sizeof(directions) / sizeof(directions[0]); i++)
		show_sums(directions[i], json_object_get(sums,
		    directions[i]));
	show_table(&failed, answer, options);
	show_table(&would_fail, answer, options);
	show_refusals(answer);
}

/* ------------------------------------------------------------- the command */

/* What was let pass is a failure, too.  No session is never good news. */
static enum ctl_exit
exit_of(const json_t *answer, bool is_json)
{
	const json_t *totals = json_object_get(answer, "totals");

	if (answer_number(totals, "failure") > 0 ||
	    answer_number(answer, "failing_count") > 0)
		return CTL_WARNING;
	if (answer_number(totals, "sessions") > 0 ||
	    answer_number(totals, "reports") > 0)
		return CTL_FINE;
	if (!is_json)
		puts(answer_is(answer, "direction", "received") ?
		    "No verified report of others has come in." :
		    "No session was recorded: \"hopseal status\" says what "
		    "the ledger is filled from.");
	return CTL_UNKNOWN;
}

static enum ctl_exit
report_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	json_t *request, *answer;
	enum ctl_exit status;

	(void)operand_count;
	(void)operands;
	if (options->values[CTL_IMPORT] != NULL)
		return report_received_import(options,
		    options->values[CTL_IMPORT]);
	request = request_of(options);
	if (request == NULL)
		return CTL_USAGE;
	if (options->values[CTL_RFC8460] != NULL)
		return report_preview_run(options, request);
	answer = ask_policyd(options, request, &status);
	if (answer == NULL)
		return status;
	if (options->is_json)
		ask_print(answer);
	else if (answer_is(answer, "direction", "received"))
		report_received_show(answer);
	else
		show(answer, options);
	status = exit_of(answer, options->is_json);
	json_decref(answer);
	return status;
}

const struct ctl_command report_command = {
	.name = "report",
	.operands = "",
	.takes = CTL_TAKES(CTL_DAY) | CTL_TAKES(CTL_SINCE) |
	    CTL_TAKES(CTL_DOMAIN) | CTL_TAKES(CTL_IN) | CTL_TAKES(CTL_OUT) |
	    CTL_TAKES(CTL_RECEIVED) | CTL_TAKES(CTL_TOP) |
	    CTL_TAKES(CTL_IMPORT) | CTL_TAKES(CTL_RFC8460),
	.summary = "how mail went and came: TLS sessions, failures and why",
	.help = "Days are UTC, written as 2026-11-22, today or yesterday; "
	    "without one it is\nsince yesterday.\n"
	    "Exit 0 no failure, 1 failures, let pass or not, 3 nothing was "
	    "recorded.\n",
	.run = report_run
};
