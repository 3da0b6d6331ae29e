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

#define IMPORT_MAX_BYTES (256 * 1024 * 1024)
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
	screen_putf(TONE_PLAIN, 0, "%lld report%s, %lld sessions succeeded, ",
	    (long long)answer_number(sums, "reports"),
	    answer_number(sums, "reports") == 1 ? "" : "s",
	    (long long)answer_number(sums, "success"));
	screen_putf(answer_number(sums, "failure") > 0 ? TONE_BAD : TONE_GOOD,
	    0, "%lld failed", (long long)answer_number(sums, "failure"));
	screen_end_line();
}

static void
show_domains(const json_t *answer)
{
	const json_t *rows = json_object_get(answer, "domains"), *row;
	const char *name, *separator;
	json_t *value;
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
		separator = "";
		json_object_foreach(json_object_get(row, "failures"), name,
		    value) {
			screen_putf(TONE_PLAIN, 0, "%s%lld %s", separator,
			    (long long)json_integer_value(value), name);
			separator = ", ";
		}
		screen_end_line();
	}
}

/* How many sessions failed. */
static int64_t
failures_of(const json_t *report)
{
	const json_t *policies = json_object_get(report, "policies"), *policy;
	int64_t sum = 0;
	size_t i;

	json_array_foreach(policies, i, policy)
		sum += answer_number(policy, "failure");
	return sum;
}

static const char *
text_or(const json_t *object, const char *name, const char *instead)
{
	const char *text = answer_text(object, name);

	return text[0] != '\0' ? text : instead;
}

static void
show_failures(const json_t *report)
{
	const json_t *policies = json_object_get(report, "policies"), *policy;
	const json_t *failures, *f;
	const char *reason;
	size_t i, j;

	json_array_foreach(policies, i, policy) {
		failures = json_object_get(policy, "failures");
		json_array_foreach(failures, j, f) {
			reason = answer_text(f, "reason");
			screen_putf(TONE_PLAIN, 0, "    %lld %s at %s from "
			    "%s%s%s", (long long)answer_number(f, "count"),
			    answer_text(f, "result_type"),
			    text_or(f, "host", "(no host)"),
			    text_or(f, "sending_address", "(no address)"),
			    reason[0] != '\0' ? ": " : "", reason);
			screen_end_line();
		}
	}
}

/* By whom, and what failed for them; or those that nobody vouches for. */
static void
show_reports(const json_t *answer, bool verified, const char *title)
{
	const json_t *reports = json_object_get(answer, "reports"), *r;
	size_t i, good_count = 0;
	bool has_title = false;

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
		if (failures_of(r) == 0) {
			good_count++;
			continue;
		}
		screen_putf(TONE_PLAIN, 0, "  %s (%s), %.10s, %s",
		    answer_text(r, "organization"),
		    text_or(r, "submitter", "submitter unknown"),
		    answer_text(r, "start"), answer_text(r, "report_id"));
		screen_end_line();
		show_failures(r);
	}
	if (good_count > 0) {
		screen_putf(TONE_PLAIN, 0, "  %zu without a failure",
		    good_count);
		screen_end_line();
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

struct import {
	const struct ctl_options *options;
	const char	*authserv_id;
	json_t		*taken;
	int		 skipped;	/* mails of an mbox without a report */
};

/* False, and said, when policyd does not take it. */
static bool
take_in(struct import *import, struct text line, enum ctl_exit *status)
{
	struct received r;
	json_t *answer;

	if (!received_parse(line, &r))
		return false;
	answer = ask_policyd(import->options, json_pack("{s:s, s:s%}",
	    "command", "received", "record", line.data, line.len), status);
	if (answer != NULL)
		json_array_append_new(import->taken, json_pack(
		    "{s:s, s:s, s:s, s:b}",
		    "organization", r.report.organization, "submitter",
		    r.submitter, "report_id", r.report.id, "verified",
		    r.is_verified));
	received_clear(&r);
	json_decref(answer);
	return answer != NULL;
}

/* CTL_CRITICAL with *why for what holds no report. */
static enum ctl_exit
import_mail(struct import *import, struct text mail, const char **why)
{
	enum ctl_exit status = CTL_FINE;
	struct received_lines lines;
	size_t i;

	if (received_read_mail(mail, import->authserv_id, clock_now_s(),
	    &lines, why) == -1)
		return CTL_CRITICAL;
	*why = NULL;
	for (i = 0; i < lines.count; i++)
		if (!take_in(import, (struct text){ lines.lines[i].data,
		    lines.lines[i].len }, &status))
			break;
	if (i == lines.count)
		status = CTL_FINE;
	received_lines_clear(&lines);
	return status;
}

/*
 * The next mail of an mbox (RFC 4155): behind a line "From ", up to the next
 * one that follows an empty line.
 */
static bool
mbox_next(struct text *rest, struct text *mail)
{
	struct text line, after;
	bool is_empty = false;

	if (!text_starts_with(*rest, "From ") || !text_next_line(rest, &line))
		return false;
	*mail = after = *rest;
	while (text_next_line(&after, &line)) {
		if (is_empty && text_starts_with(line, "From ")) {
			mail->len = (size_t)(line.data - mail->data);
			rest->data += mail->len;
			rest->len -= mail->len;
			return true;
		}
		is_empty = line.len == 0;
	}
	*rest = (struct text){ NULL, 0 };
	return true;
}

static enum ctl_exit
import_mbox(struct import *import, struct text rest, const char **why)
{
	enum ctl_exit status;
	const char *reason;
	struct text mail;

	while (mbox_next(&rest, &mail)) {
		status = import_mail(import, mail, &reason);
		if (status != CTL_FINE && reason == NULL)
			return status;
		import->skipped += status != CTL_FINE;
	}
	*why = "no mail in it holds a report";
	return json_array_size(import->taken) > 0 ? CTL_FINE : CTL_CRITICAL;
}

static void
show_taken(const struct import *import)
{
	const json_t *r;
	size_t i;

	json_array_foreach(import->taken, i, r) {
		screen_putf(TONE_PLAIN, 0, "taken in, %s: %s, %s",
		    answer_is_true(r, "verified") ? "verified" :
		    "not verified", answer_text(r, "organization"),
		    answer_text(r, "report_id"));
		screen_end_line();
	}
	if (import->skipped > 0) {
		screen_putf(TONE_PLAIN, 0, "%d mails without a report",
		    import->skipped);
		screen_end_line();
	}
}

static enum ctl_exit
import_file(const struct ctl_options *options, struct text file,
    const char *path)
{
	struct import import = { .options = options };
	enum ctl_exit status = CTL_FINE;
	const char *why = NULL;
	json_t *site, *answer;

	site = ask_policyd(options, json_pack("{s:s}", "command", "site"),
	    &status);
	if (site == NULL)
		return status;
	import.authserv_id = answer_text(site, "authserv_id");
	import.taken = json_array();
	status = text_starts_with(file, "From ") ?
	    import_mbox(&import, file, &why) :
	    import_mail(&import, file, &why);
	if (status == CTL_CRITICAL && why != NULL)
		ctl_complain("%s: %s", path, why);
	else if (options->is_json) {
		answer = json_pack("{s:b, s:O, s:i}", "done",
		    status == CTL_FINE, "reports", import.taken, "skipped",
		    import.skipped);
		ask_print(answer);
		json_decref(answer);
	} else
		show_taken(&import);
	json_decref(import.taken);
	json_decref(site);
	return status;
}

enum ctl_exit
report_received_import(const struct ctl_options *options, const char *path)
{
	struct buffer file;
	enum ctl_exit status = CTL_USAGE;

	buffer_init(&file, IMPORT_MAX_BYTES);
	if (file_read(path, &file) == -1)
		ctl_complain("%s: %s", path, strerror(errno));
	else
		status = import_file(options, (struct text){
		    buffer_text(&file), file.len }, path);
	buffer_clear(&file);
	return status;
}
