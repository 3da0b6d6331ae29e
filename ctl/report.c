/*
 * hopseal report: how mail went and came, over TLS or not, and for which
 * domains it failed, how often, why and since when.
 */

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
#define DOMAIN_WIDTH	32
#define NUMBER_WIDTH	9
#define POLICY_WIDTH	8
#define WHEN_WIDTH	18
#define WHEN_SIZE	20

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
	int64_t whole = 0;
	const char *name;

	json_object_foreach(protocols, name, value)
		whole += json_integer_value(value);
	if (whole == 0)
		return;
	screen_label("");
	json_object_foreach(protocols, name, value)
		screen_putf(TONE_PLAIN, 0, "%s %.1f %%   ", name,
		    share(json_integer_value(value), whole));
	screen_end_line();
}

/* What went one way in sum; nothing where nothing did. */
static void
show_sums(const char *label, const json_t *sums)
{
	int64_t sessions = answer_number(sums, "sessions");
	int64_t failure = answer_number(sums, "failure");

	if (sessions == 0)
		return;
	screen_label(label);
	screen_putf(TONE_PLAIN, 0, "%lld sessions, %.1f %% encrypted, "
	    "%.1f %% verified, ", (long long)sessions,
	    share(answer_number(sums, "encrypted"), sessions),
	    share(answer_number(sums, "verified"), sessions));
	screen_putf(failure > 0 ? TONE_BAD : TONE_GOOD, 0, "%lld failed",
	    (long long)failure);
	screen_end_line();
	show_protocols(sums);
}

/* "2026-11-21 03:12" */
static char *
when(const json_t *row, const char *name, char out[WHEN_SIZE])
{
	snprintf(out, WHEN_SIZE, "%.16s", answer_text(row, name));
	if (strlen(out) == 16)
		out[10] = ' ';
	return out;
}

static void
show_hosts(const json_t *row)
{
	const json_t *hosts = json_object_get(row, "hosts"), *host;
	size_t i;

	json_array_foreach(hosts, i, host)
		if (answer_number(host, "failure") > 0)
			screen_putf(TONE_PLAIN, 0, " %s",
			    answer_text(host, "host"));
}

static void
show_row(const json_t *row)
{
	int64_t failure = answer_number(row, "failure");
	json_t *findings = json_object_get(row, "findings"), *value;
	const char *policy = answer_text(row, "policy"), *name;
	char since[WHEN_SIZE];

	screen_putf(TONE_PLAIN, DOMAIN_WIDTH, "%s ",
	    answer_text(row, "domain"));
	screen_putf(failure > 0 ? TONE_BAD : TONE_PLAIN, NUMBER_WIDTH, "%lld",
	    (long long)failure);
	screen_putf(TONE_PLAIN, NUMBER_WIDTH, "%lld", (long long)(failure +
	    answer_number(row, "success") + answer_number(row, "clear") +
	    answer_number(row, "unknown")));
	screen_put(TONE_PLAIN, POLICY_WIDTH, policy[0] == '\0' ? "-" :
	    strcmp(policy, "no-policy-found") == 0 ? "none" : policy);
	screen_putf(TONE_PLAIN, WHEN_WIDTH, "%s",
	    when(row, "since", since)[0] != '\0' ? since : "-");
	json_object_foreach(findings, name, value)
		screen_putf(TONE_PLAIN, 0, "%s ", name);
	show_hosts(row);
	screen_end_line();
}

/* Those that failed, and with a domain asked for also the others. */
static void
show_rows(const json_t *answer, bool has_domain)
{
	const json_t *rows = json_object_get(answer, "domains"), *row;
	size_t shown = 0, i;

	json_array_foreach(rows, i, row) {
		if (answer_text(row, "since")[0] == '\0' && !has_domain)
			continue;
		if (shown++ == 0) {
			screen_end_line();
			screen_putf(TONE_PLAIN, DOMAIN_WIDTH, "DOMAIN");
			screen_putf(TONE_PLAIN, NUMBER_WIDTH, "FAILED");
			screen_putf(TONE_PLAIN, NUMBER_WIDTH, "OF");
			screen_putf(TONE_PLAIN, POLICY_WIDTH, "POLICY");
			screen_putf(TONE_PLAIN, WHEN_WIDTH, "SINCE (UTC)");
			screen_put(TONE_PLAIN, 0, "WHY, WHERE");
			screen_end_line();
		}
		show_row(row);
	}
}

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
		    "since %s", answer_text(refusal, "host"),
		    answer_text(refusal, "address"),
		    answer_text(refusal, "service"),
		    answer_text(refusal, "reason"),
		    (long long)answer_number(refusal, "count"),
		    when(refusal, "since", since));
		screen_end_line();
	}
}

static void
show(const json_t *answer, bool has_domain)
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
	show_rows(answer, has_domain);
	show_refusals(answer);
}

/* ------------------------------------------------------------- the command */

/* No session is no news, and never good news. */
static enum ctl_exit
exit_of(const json_t *answer, bool is_json)
{
	const json_t *totals = json_object_get(answer, "totals");

	if (answer_number(totals, "failure") > 0)
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
		show(answer, options->values[CTL_DOMAIN] != NULL);
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
	    "Exit 0 no failure, 1 failures, 3 nothing was recorded.\n",
	.run = report_run
};
