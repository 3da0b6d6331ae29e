/*
 * Reports of others.  They are strangers' words: what is kept of one is bounded
 * whatever it says, in steps that each leave out more of its details.
 */

#include "shared/tlsrpt/received.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/siphash.h"
#include "shared/tlsrpt/auth_results.h"
#include "shared/xalloc.h"

#define VERSION		"1"
#define NAME_MAX_BYTES	500	/* of organization-name, contact, id */

/* The details of each policy that stay, and octets of each text in them. */
static const struct step {
	size_t	details, text;
} steps[] = { { 100, 300 }, { 30, 200 }, { 10, 100 }, { 2, 60 }, { 0, 60 } };
#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

/* ---------------------------------------------------------------- writing */

/* Constant: all hosts give a report the same id. */
static void
set_id(const struct received *r, char id[RECEIVED_ID_SIZE])
{
	static const struct siphash_key key = { 'r', 'i' };
	struct buffer names;

	buffer_init(&names, 4 * NAME_MAX_BYTES);
	buffer_addf(&names, "%s\n%s\n%s", r->submitter,
	    r->report.organization, r->report.id);
	snprintf(id, RECEIVED_ID_SIZE, "%016" PRIx64,
	    siphash(&key, names.data, names.len));
	buffer_clear(&names);
}

/* Pieces of texts that end earlier than theirs, freed together. */
struct cuts {
	char	**texts;
	size_t	 count;
};

static const char *
cut(struct cuts *cuts, const char *text, size_t max)
{
	if (text == NULL || strnlen(text, max + 1) <= max)
		return text;
	cuts->texts = xreallocarray(cuts->texts, cuts->count + 1,
	    sizeof(*cuts->texts));
	return cuts->texts[cuts->count++] = xstrndup(text, max);
}

static struct report_failure *
shorten_details(const struct report_policy *p, const struct step *step,
    struct cuts *cuts, size_t *count)
{
	struct report_failure *details, *d;
	size_t i;

	*count = p->detail_count < step->details ? p->detail_count :
	    step->details;
	details = xcalloc(*count + 1, sizeof(*details));
	for (i = 0; i < *count; i++) {
		d = &details[i];
		*d = p->details[i];
		d->result_type = cut(cuts, d->result_type, step->text);
		d->sending_ip = cut(cuts, d->sending_ip, step->text);
		d->mx_host = cut(cuts, d->mx_host, step->text);
		d->mx_helo = cut(cuts, d->mx_helo, step->text);
		d->receiving_ip = cut(cuts, d->receiving_ip, step->text);
		d->additional = cut(cuts, d->additional, step->text);
		d->reason = cut(cuts, d->reason, step->text);
	}
	return details;
}

/* The report without policy texts and with as many details as step leaves. */
static int
format_report(const struct report *full, const struct step *step,
    struct buffer *out)
{
	struct report_policy policies[RECEIVED_POLICIES_MAX];
	struct report_failure *details[RECEIVED_POLICIES_MAX];
	struct report report = *full;
	struct cuts cuts = { NULL, 0 };
	size_t i;
	int result;

	for (i = 0; i < full->policy_count; i++) {
		policies[i] = full->policies[i];
		policies[i].type = cut(&cuts, policies[i].type, step->text);
		policies[i].domain = cut(&cuts, policies[i].domain,
		    HOST_NAME_MAX_BYTES);
		policies[i].string_count = policies[i].mx_count = 0;
		policies[i].details = details[i] = shorten_details(
		    &full->policies[i], step, &cuts,
		    &policies[i].detail_count);
	}
	report.policies = policies;
	result = report_format(&report, out);
	for (i = 0; i < full->policy_count; i++)
		free(details[i]);
	while (cuts.count > 0)
		free(cuts.texts[--cuts.count]);
	free(cuts.texts);
	return result;
}

static bool
is_too_long(const char *name)
{
	return name != NULL && strlen(name) > NAME_MAX_BYTES;
}

int
received_format(const struct received *r, struct buffer *out,
    const char **why)
{
	struct report report = r->report;
	char id[RECEIVED_ID_SIZE];
	struct buffer line;
	size_t i;

	if (report.contact == NULL)
		report.contact = "";
	*why = "more policies than are kept of a report";
	if (report.policy_count > RECEIVED_POLICIES_MAX)
		return -1;
	*why = "organization-name, contact-info or report-id is too long";
	if (is_too_long(report.organization) || is_too_long(report.contact) ||
	    is_too_long(report.id))
		return -1;
	*why = "the report is too long to be kept";
	set_id(r, id);
	for (i = 0; i < STEP_COUNT; i++) {
		buffer_init(&line, RECEIVED_MAX_BYTES);
		buffer_addf(&line, VERSION "\t%s\t%s\t%s\t%" PRId64 "\t", id,
		    r->is_verified ? "verified" : "unverified", r->submitter,
		    r->received_at);
		if (format_report(&report, &steps[i], &line) == 0)
			break;
		buffer_clear(&line);
	}
	if (i == STEP_COUNT)
		return -1;
	buffer_add(out, line.data, line.len);
	buffer_clear(&line);
	return 0;
}

/* ---------------------------------------------------------------- reading */

static bool
parse_id(struct text t, char out[RECEIVED_ID_SIZE])
{
	size_t i;

	if (t.len != RECEIVED_ID_SIZE - 1)
		return false;
	for (i = 0; i < t.len; i++)
		if (strchr("0123456789abcdef", t.data[i]) == NULL ||
		    t.data[i] == '\0')
			return false;
	memcpy(out, t.data, t.len);
	out[t.len] = '\0';
	return true;
}

bool
received_parse(struct text line, struct received *out)
{
	struct received r = { .received_at = 0 };
	struct text field, verified, submitter;
	const char *why;
	uint64_t at;

	if (line.len > RECEIVED_MAX_BYTES ||
	    !text_next_field(&line, '\t', &field) ||
	    !text_equals(field, VERSION) ||
	    !text_next_field(&line, '\t', &field) || !parse_id(field, r.id) ||
	    !text_next_field(&line, '\t', &verified) ||
	    !text_next_field(&line, '\t', &submitter) ||
	    !text_next_field(&line, '\t', &field) ||
	    !text_parse_u64(field, INT64_MAX, &at))
		return false;
	r.is_verified = text_equals(verified, "verified");
	if ((!r.is_verified && !text_equals(verified, "unverified")) ||
	    (submitter.len > 0 && !host_name_is_normal(submitter)))
		return false;
	memcpy(r.submitter, submitter.data, submitter.len);
	r.received_at = (int64_t)at;
	if (report_parse(line, &r.report, &why) == -1)
		return false;
	if (r.report.policy_count > RECEIVED_POLICIES_MAX ||
	    is_too_long(r.report.organization) ||
	    is_too_long(r.report.contact) || is_too_long(r.report.id)) {
		report_clear(&r.report);
		return false;
	}
	*out = r;
	return true;
}

void
received_clear(struct received *r)
{
	report_clear(&r->report);
}

/* ------------------------------------------------------------------ a mail */

/* Of the mail's header, else of the report's contact; "" without either. */
static void
find_submitter(const struct report_mail *mail, const struct report *report,
    char out[HOST_NAME_SIZE])
{
	const char *name = mail->submitter, *why;

	if (name == NULL && report->contact != NULL &&
	    (name = strrchr(report->contact, '@')) != NULL)
		name++;
	if (name == NULL || host_name_normalize(text_trim(text_of(name)), out,
	    &why) == -1)
		out[0] = '\0';
}

int
received_read_mail(struct text text, const char *authserv_id, int64_t now,
    struct received_lines *out, const char **why)
{
	struct received_lines lines = { .count = 0 };
	struct received r = { .received_at = now };
	struct report_mail mail;
	struct buffer *line;
	size_t i;

	if (report_mail_parse(text, &mail, why) == -1)
		return -1;
	lines.remark = mail.remark;
	for (i = 0; i < mail.document_count; i++) {
		if (report_parse((struct text){
		    buffer_text(&mail.documents[i]), mail.documents[i].len },
		    &r.report, &lines.remark) == -1)
			continue;
		find_submitter(&mail, &r.report, r.submitter);
		r.is_verified = r.submitter[0] != '\0' &&
		    auth_results_pass(text, authserv_id, r.submitter);
		line = &lines.lines[lines.count];
		buffer_init(line, RECEIVED_MAX_BYTES);
		if (received_format(&r, line, &lines.remark) == 0) {
			lines.count++;
			lines.is_verified = r.is_verified;
		} else
			buffer_clear(line);
		report_clear(&r.report);
	}
	report_mail_clear(&mail);
	*why = lines.remark;
	if (lines.count == 0)
		return -1;
	*out = lines;
	return 0;
}

void
received_lines_clear(struct received_lines *lines)
{
	while (lines->count > 0)
		buffer_clear(&lines->lines[--lines->count]);
}
