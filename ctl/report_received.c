/*
 * Reports of others for people: whose mail did not reach us over TLS, and why.
 * The texts are strangers'; policyd has quoted them.
 */

#include "ctl/report_received.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "ctl/screen.h"
#include "shared/io/clock.h"
#include "shared/io/file.h"
#include "shared/tlsrpt/received.h"

#define DOMAIN_WIDTH	32
#define NUMBER_WIDTH	10
#define POLICY_WIDTH	17

/* ------------------------------------------------------------------ showing */

static void
show_sums(const char *label, const json_t *sums)
{
	if (answer_number(sums, "reports") == 0)
		return;
	screen_label(label);
	screen_putf(TONE_PLAIN, 0, "%lld reports, %lld sessions succeeded, ",
	    (long long)answer_number(sums, "reports"),
	    (long long)answer_number(sums, "success"));
	screen_putf(answer_number(sums, "failure") > 0 ? TONE_BAD : TONE_GOOD,
	    0, "%lld failed", (long long)answer_number(sums, "failure"));
	screen_end_line();
}

static void
show_domains(const json_t *answer)
{
	const json_t *rows = json_object_get(answer, "domains"), *row;
	json_t *value;
	const char *name;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (i == 0) {
			screen_end_line();
			screen_put(TONE_PLAIN, DOMAIN_WIDTH, "OUR DOMAIN");
			screen_put(TONE_PLAIN, POLICY_WIDTH, "POLICY");
			screen_put(TONE_PLAIN, NUMBER_WIDTH, "FAILED");
			screen_put(TONE_PLAIN, NUMBER_WIDTH, "GOOD");
			screen_put(TONE_PLAIN, 0, "WHY");
			screen_end_line();
		}
		screen_putf(TONE_PLAIN, DOMAIN_WIDTH, "%s ",
		    answer_text(row, "domain"));
		screen_putf(TONE_PLAIN, POLICY_WIDTH, "%s ",
		    answer_text(row, "policy"));
		screen_putf(answer_number(row, "failure") > 0 ? TONE_BAD :
		    TONE_PLAIN, NUMBER_WIDTH, "%lld ",
		    (long long)answer_number(row, "failure"));
		screen_putf(TONE_PLAIN, NUMBER_WIDTH, "%lld ",
		    (long long)answer_number(row, "success"));
		json_object_foreach(json_object_get(row, "failures"), name,
		    value)
			screen_putf(TONE_PLAIN, 0, "%s ", name);
		screen_end_line();
	}
}

static void
show_failures(const json_t *report)
{
	const json_t *policies = json_object_get(report, "policies"), *policy;
	const json_t *failures, *f;
	size_t i, j;

	json_array_foreach(policies, i, policy) {
		failures = json_object_get(policy, "failures");
		json_array_foreach(failures, j, f) {
			screen_putf(TONE_PLAIN, 0, "    %lld %s at %s from %s "
			    "%s", (long long)answer_number(f, "count"),
			    answer_text(f, "result_type"),
			    answer_text(f, "host")[0] != '\0' ?
			    answer_text(f, "host") : "(no host)",
			    answer_text(f, "sending_address")[0] != '\0' ?
			    answer_text(f, "sending_address") : "(no address)",
			    answer_text(f, "reason"));
			screen_end_line();
		}
	}
}

/* By whom, and what failed for them; or those that nobody vouches for. */
static void
show_reports(const json_t *answer, bool verified, const char *title)
{
	const json_t *reports = json_object_get(answer, "reports"), *r;
	bool has_title = false;
	size_t i;

	json_array_foreach(reports, i, r) {
		if (answer_is_true(r, "verified") != verified)
			continue;
		if (!has_title) {
			screen_end_line();
			screen_put(verified ? TONE_PLAIN : TONE_DOUBT, 0,
			    title);
			screen_end_line();
			has_title = true;
		}
		screen_putf(TONE_PLAIN, 0, "  %s (%s), %.10s, %s",
		    answer_text(r, "organization"),
		    answer_text(r, "submitter")[0] != '\0' ?
		    answer_text(r, "submitter") : "submitter unknown",
		    answer_text(r, "start"), answer_text(r, "report_id"));
		screen_end_line();
		show_failures(r);
	}
}

void
report_received_show(const json_t *answer)
{
	const char *day = answer_text(answer, "day");
	const char *until = answer_text(answer, "until");

	screen_putf(TONE_PLAIN, 0, "TLS reports of others on %s%s%s (UTC)",
	    day, strcmp(day, until) != 0 ? " to " : "",
	    strcmp(day, until) != 0 ? until : "");
	screen_end_line();
	if (answer_text(answer, "note")[0] != '\0') {
		screen_putf(TONE_DOUBT, 0, "%s", answer_text(answer, "note"));
		screen_end_line();
	}
	show_sums("verified", json_object_get(answer, "totals"));
	show_sums("not verified", json_object_get(answer, "unverified"));
	show_domains(answer);
	show_reports(answer, true, "Reports");
	show_reports(answer, false, "Not verified, and in no sum");
}

/* --------------------------------------------------------------- taking in */

/* False, and said, when policyd does not take it. */
static bool
take_in(const struct ctl_options *options, struct text line, json_t *taken,
    enum ctl_exit *status)
{
	struct received r;
	json_t *answer;

	if (!received_parse(line, &r))
		return false;
	answer = ask_policyd(options, json_pack("{s:s, s:s%}", "command",
	    "received", "record", line.data, line.len), status);
	if (answer != NULL)
		json_array_append_new(taken, json_pack("{s:s, s:s, s:s, s:b}",
		    "organization", r.report.organization, "submitter",
		    r.submitter, "report_id", r.report.id, "verified",
		    r.is_verified));
	received_clear(&r);
	json_decref(answer);
	return answer != NULL;
}

static void
show_taken(const json_t *taken)
{
	const json_t *r;
	size_t i;

	json_array_foreach(taken, i, r) {
		screen_putf(TONE_PLAIN, 0, "taken in, %s: %s, %s",
		    answer_is_true(r, "verified") ? "verified" :
		    "not verified", answer_text(r, "organization"),
		    answer_text(r, "report_id"));
		screen_end_line();
	}
}

static enum ctl_exit
import_mail(const struct ctl_options *options, struct text mail,
    const char *path)
{
	enum ctl_exit status = CTL_FINE;
	struct received_lines lines;
	json_t *site, *taken, *answer;
	const char *why;
	bool is_done;
	size_t i;

	site = ask_policyd(options, json_pack("{s:s}", "command", "site"),
	    &status);
	if (site == NULL)
		return status;
	if (received_read_mail(mail, answer_text(site, "authserv_id"),
	    clock_now_s(), &lines, &why) == -1) {
		ctl_complain("%s: %s", path, why);
		json_decref(site);
		return CTL_CRITICAL;
	}
	taken = json_array();
	for (i = 0; i < lines.count; i++)
		if (!take_in(options, (struct text){ lines.lines[i].data,
		    lines.lines[i].len }, taken, &status))
			break;
	is_done = i == lines.count;
	if (options->is_json) {
		answer = json_pack("{s:b, s:O}", "done", is_done,
		    "reports", taken);
		ask_print(answer);
		json_decref(answer);
	} else
		show_taken(taken);
	received_lines_clear(&lines);
	json_decref(taken);
	json_decref(site);
	return is_done ? CTL_FINE : status;
}

enum ctl_exit
report_received_import(const struct ctl_options *options, const char *path)
{
	struct buffer mail;
	enum ctl_exit status = CTL_USAGE;

	buffer_init(&mail, REPORT_MAIL_MAX_BYTES);
	if (file_read(path, &mail) == -1)
		ctl_complain("%s: %s", path, strerror(errno));
	else
		status = import_mail(options, (struct text){
		    buffer_text(&mail), mail.len }, path);
	buffer_clear(&mail);
	return status;
}
