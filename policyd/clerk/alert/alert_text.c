/*
 * The texts of an alert's message.  Those of the alerts themselves were quoted
 * when they were taken: printable ASCII, so that none ends a line or a header.
 */

#include "policyd/clerk/alert/alert_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policyd/clerk/value_json.h"
#include "shared/text.h"
#include "shared/tlsrpt/mime.h"

#define MORE_SIZE	64	/* "and N more" */
#define LINE_SIZE	(TEXT_TIME_SIZE + ALERT_KIND_SIZE + \
			    ALERT_SUBJECT_SIZE + ALERT_WORDS_SIZE + 32)
#define SUMMARY_WORDS	100
#define SUBJECT_WORDS	150	/* of the mail's header */
#define ID_SIZE		400

/* One that is about this program itself has no subject. */
static const char *
separator(const struct alert *a)
{
	return a->subject[0] != '\0' ? " " : "";
}

static const struct alert *
worst_of(const struct alert_message *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->alerts[i]->severity == m->worst)
			return m->alerts[i];
	return NULL;
}

char *
alert_text_summary(const struct alert_message *m, char out[ALERT_SUMMARY_SIZE])
{
	const struct alert *a = worst_of(m);
	char text[LINE_SIZE], more[MORE_SIZE] = "";

	if (a == NULL) {
		snprintf(out, ALERT_SUMMARY_SIZE, "%zu changes, told in the "
		    "log", m->total);
		return out;
	}
	snprintf(text, sizeof(text), "%s%s%s: %.*s", a->kind, separator(a),
	    a->subject, SUMMARY_WORDS, a->words);
	if (m->total > 1)
		snprintf(more, sizeof(more), ", and %zu more", m->total - 1);
	text_quote(out, ALERT_SUMMARY_SIZE - sizeof(more), text_of(text));
	strcat(out, more);
	return out;
}

void
alert_text_lines(const struct alert_message *m, bool is_dated,
    const char *end, struct buffer *out)
{
	char line[LINE_SIZE], at[TEXT_TIME_SIZE];
	const struct alert *a;
	size_t i;
	int len;

	for (i = 0; i < m->count; i++) {
		a = m->alerts[i];
		len = snprintf(line, sizeof(line), "%s%s%s %s%s%s: %s%s",
		    is_dated ? text_format_time(at, a->at) : "",
		    is_dated ? " " : "", alert_severity_name(a->severity),
		    a->kind, separator(a), a->subject, a->words, end);
		if (out->len + (size_t)len + MORE_SIZE > out->limit)
			break;
		buffer_add(out, line, (size_t)len);
	}
	if (i < m->total)
		buffer_addf(out, "and %zu more, told in the log%s",
		    m->total - i, end);
}

/* -------------------------------------------------------------------- mail */

/* As text, whatever a mail program takes for an encoded word (RFC 2047). */
static void
spoil_encoded_words(char *text)
{
	while ((text = strstr(text, "=?")) != NULL)
		*text = '_';
}

static void
format_id(const struct alert_message *m, const struct alert_sender *from,
    char out[ID_SIZE])
{
	snprintf(out, ID_SIZE, "alert.%s.%" PRIu64 "@%s", from->origin,
	    m->number, from->host);
}

int
alert_text_mail(const struct alert_message *m, const struct alert_sender *from,
    const char *to, struct buffer *out)
{
	char summary[ALERT_SUMMARY_SIZE], subject[SUBJECT_WORDS];
	char id[ID_SIZE];

	format_id(m, from, id);
	if (!mime_is_header_value(from->mailbox) ||
	    !mime_is_header_value(from->host) || !mime_is_header_value(to) ||
	    !mime_is_header_value(id))
		return -1;
	alert_text_summary(m, summary);
	text_quote(subject, sizeof(subject), text_of(summary));
	spoil_encoded_words(subject);
	buffer_addf(out, "From: Hopseal <%s>\r\nTo: <%s>\r\n", from->mailbox,
	    to);
	mime_add_date(from->now, out);
	buffer_addf(out, "Message-ID: <%s>\r\n", id);
	buffer_addf(out, "Subject: [%s] %s:\r\n %s\r\n", from->host,
	    alert_severity_name(m->worst), subject);
	/* It has to arrive also when it is TLS that fails (RFC 8689). */
	buffer_add_text(out, "TLS-Required: No\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
	alert_text_lines(m, true, "\r\n\r\n", out);
	buffer_addf(out, "-- \r\nHopseal on %s; \"hopseal status\" tells what "
	    "is wrong now.\r\n", from->host);
	return out->is_overfull ? -1 : 0;
}

/* -------------------------------------------------------------------- JSON */

static json_t *
alert_value(const struct alert *a)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:s}", "time",
	    json_time(a->at), "severity", alert_severity_name(a->severity),
	    "kind", a->kind, "subject", json_words(a->subject), "text",
	    a->words);
}

json_t *
alert_text_json(const struct alert_message *m, const struct alert_sender *from)
{
	char summary[ALERT_SUMMARY_SIZE], id[ID_SIZE];
	json_t *alerts = json_array();
	size_t i;

	format_id(m, from, id);
	for (i = 0; i < m->count; i++)
		json_array_append_new(alerts, alert_value(m->alerts[i]));
	return json_pack("{s:i, s:o, s:o, s:o, s:s, s:s, s:I, s:o}",
	    "version", 1, "id", json_text(text_of(id)), "host",
	    json_text(text_of(from->host)), "time", json_time(from->now),
	    "severity", alert_severity_name(m->worst), "summary",
	    alert_text_summary(m, summary), "count", (json_int_t)m->total,
	    "alerts", alerts);
}
