/*
 * Mails that carry TLS reports.  Reading: each part whose type or file name
 * says that it is a report is decoded and unpacked; a part of a general type
 * only in a mail whose own headers speak of a report.  Writing: RFC 8460, 5.3,
 * each value checked before it stands in a header.
 */

#include "shared/tlsrpt/report_mail.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/host_name.h"
#include "shared/tlsrpt/gzip.h"
#include "shared/tlsrpt/mime.h"
#include "shared/tlsrpt/report.h"
#include "shared/xalloc.h"

#define PARAMETER_SIZE	512
#define BOUNDARY	"=_tls-report"	/* no line of ours begins with "--=_" */
#define WORDS_SIZE	256		/* of a value in the part for people */
#define DETAILS_MAX	50		/* told there; the JSON has all */

/* ---------------------------------------------------------------- reading */

struct reader {
	struct report_mail	mail;
	unsigned		part_count;
	bool			is_about_report;	/* by its headers */
};

/* What the headers of an entity say; empty where they say nothing. */
struct entity {
	struct text	type, encoding;		/* without parameters */
	struct text	content_type, disposition, body;
};

static bool
begins_with(struct text t, const char *prefix)
{
	size_t len = strlen(prefix);

	return t.len >= len && strncasecmp(t.data, prefix, len) == 0;
}

static void
remark(struct reader *r, const char *words)
{
	if (r->mail.remark == NULL)
		r->mail.remark = words;
}

/* The first one counts; printable, and no longer than a line. */
static void
keep_value(char **kept, struct text value)
{
	char words[REPORT_MAIL_HEADER_MAX + 1];

	if (*kept == NULL)
		*kept = xstrdup(text_quote(words, sizeof(words), value));
}

static void
read_mail_header(struct reader *r, struct text name, struct text value)
{
	char type[PARAMETER_SIZE];

	if (text_equals_nocase(name, "TLS-Report-Domain"))
		keep_value(&r->mail.domain, value);
	else if (text_equals_nocase(name, "TLS-Report-Submitter"))
		keep_value(&r->mail.submitter, value);
	else if (text_equals_nocase(name, "Content-Type"))
		r->is_about_report |= mime_parameter(value, "report-type",
		    type, sizeof(type)) && strcasecmp(type, "tlsrpt") == 0;
	else if (text_equals_nocase(name, "Subject"))
		r->is_about_report |= begins_with(value, "Report Domain:");
}

static struct entity
read_entity(struct reader *r, struct text whole, bool is_mail)
{
	const struct text none = { "", 0 };
	struct entity e = { none, none, none, none, none };
	struct text headers, name, value;

	mime_split(whole, &headers, &e.body);
	while (mime_next_header(&headers, &name, &value)) {
		if (is_mail)
			read_mail_header(r, name, value);
		if (text_equals_nocase(name, "Content-Type")) {
			e.content_type = value;
			e.type = mime_token(value);
		} else if (text_equals_nocase(name,
		    "Content-Transfer-Encoding"))
			e.encoding = mime_token(value);
		else if (text_equals_nocase(name, "Content-Disposition"))
			e.disposition = value;
	}
	if (r->mail.domain != NULL || r->mail.submitter != NULL)
		r->is_about_report = true;
	return e;
}

/* True where the part's file has a report's name, or ends as one does. */
static bool
has_report_name(const struct entity *e, bool (*match)(struct text))
{
	char name[PARAMETER_SIZE];

	return (mime_parameter(e->disposition, "filename", name,
	    sizeof(name)) && match(text_of(name))) ||
	    (mime_parameter(e->content_type, "name", name, sizeof(name)) &&
	    match(text_of(name)));
}

static bool
is_json_file(struct text name)
{
	static const char *const suffixes[] = { ".json", ".json.gz", ".gz" };
	size_t i, len;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		len = strlen(suffixes[i]);
		if (name.len > len && text_equals_nocase((struct text){
		    name.data + name.len - len, len }, suffixes[i]))
			return true;
	}
	return false;
}

static bool
is_report(const struct reader *r, const struct entity *e)
{
	static const char *const general[] = { "application/gzip",
	    "application/x-gzip", "application/json" };
	size_t i;

	if (begins_with(e->type, "application/tlsrpt") ||
	    has_report_name(e, report_file_name_match))
		return true;
	if (!r->is_about_report)
		return false;
	for (i = 0; i < sizeof(general) / sizeof(general[0]); i++)
		if (text_equals_nocase(e->type, general[i]))
			return true;
	return has_report_name(e, is_json_file);
}

/* JSON is an object, perhaps behind a byte order mark. */
static bool
looks_like_json(struct text t)
{
	if (text_starts_with(t, "\357\273\277")) {
		t.data += 3;
		t.len -= 3;
	}
	while (t.len > 0 && memchr(" \t\r\n", t.data[0], 4) != NULL) {
		t.data++;
		t.len--;
	}
	return t.len > 0 && t.data[0] == '{';
}

static void
take_document(struct reader *r, struct text encoding, struct text body)
{
	struct buffer plain, json;
	const char *why = NULL;
	struct text t;

	if (r->mail.document_count == REPORT_MAIL_DOCUMENTS_MAX) {
		remark(r, "more than 4 reports in one mail");
		return;
	}
	buffer_init(&plain, REPORT_MAX_BYTES);
	buffer_init(&json, REPORT_MAX_BYTES);
	if (!mime_decode(encoding, body, &plain))
		why = "a report is longer than 10 MiB, or in an unknown "
		    "transfer encoding";
	t = (struct text){ buffer_text(&plain), plain.len };
	if (why == NULL && gzip_match(t))
		gzip_expand(t, &json, &why);
	else if (why == NULL && looks_like_json(t)) {
		json = plain;
		buffer_init(&plain, 0);
	} else if (why == NULL)
		why = "a report is neither gzip nor JSON";
	if (why == NULL)
		r->mail.documents[r->mail.document_count++] = json;
	else {
		remark(r, why);
		buffer_clear(&json);
	}
	buffer_clear(&plain);
}

/*
 * message/rfc822 is not looked into: what a bounce or a forward brings back is
 * not addressed to us, and may be a report of our own.
 */
static void
read_parts(struct reader *r, struct text whole, unsigned depth)
{
	struct entity e = read_entity(r, whole, depth == 0);
	char boundary[PARAMETER_SIZE];
	struct text part;

	if (!begins_with(e.type, "multipart/")) {
		if (is_report(r, &e))
			take_document(r, e.encoding, e.body);
		return;
	}
	if (!mime_parameter(e.content_type, "boundary", boundary,
	    sizeof(boundary)) || boundary[0] == '\0') {
		remark(r, "RFC 2046 5.1.1: a multipart without a boundary");
		return;
	}
	if (depth == REPORT_MAIL_DEPTH_MAX) {
		remark(r, "multiparts are nested too deep");
		return;
	}
	while (mime_next_part(&e.body, boundary, &part)) {
		if (r->part_count++ == REPORT_MAIL_PARTS_MAX) {
			remark(r, "more than 100 parts");
			return;
		}
		read_parts(r, part, depth + 1);
	}
}

bool
report_mail_header_match(struct text name, struct text value)
{
	struct text type;

	if (text_equals_nocase(name, "TLS-Report-Domain") ||
	    text_equals_nocase(name, "TLS-Report-Submitter"))
		return true;
	if (!text_equals_nocase(name, "Content-Type"))
		return false;
	type = mime_token(value);
	return begins_with(type, "multipart/") ||
	    begins_with(type, "application/");
}

int
report_mail_parse(struct text mail, struct report_mail *out, const char **why)
{
	struct reader r = { .part_count = 0 };

	if (mail.len > REPORT_MAIL_MAX_BYTES) {
		*why = "the mail is longer than 16 MiB";
		return -1;
	}
	if (gzip_match(mail) || looks_like_json(mail))
		take_document(&r, (struct text){ "binary", 6 }, mail);
	else
		read_parts(&r, mail, 0);
	if (r.mail.document_count == 0) {
		*why = r.mail.remark != NULL ? r.mail.remark :
		    "nothing in it is a report";
		report_mail_clear(&r.mail);
		return -1;
	}
	*out = r.mail;
	return 0;
}

void
report_mail_clear(struct report_mail *mail)
{
	size_t i;

	for (i = 0; i < mail->document_count; i++)
		buffer_clear(&mail->documents[i]);
	free(mail->domain);
	free(mail->submitter);
	*mail = (struct report_mail){ .domain = NULL };
}

/* ---------------------------------------------------------------- writing */

/*
 *	tlsrpt-subject	= "Report" FWS "Domain:" FWS domain-name FWS
 *			  "Submitter:" FWS domain-name FWS
 *			  "Report-ID:" FWS msg-id	(RFC 8460, 5.3)
 */
static void
add_headers(const struct report_letter *l, struct buffer *out)
{
	buffer_addf(out, "From: %s\r\nTo: %s\r\n", l->from, l->to);
	mime_add_date(l->date_s, out);
	buffer_addf(out, "Message-ID: <%s>\r\n", l->message_id);
	buffer_addf(out, "Subject: Report Domain: %s\r\n Submitter: %s\r\n"
	    " Report-ID: <%s>\r\n", l->domain, l->submitter, l->report->id);
	buffer_addf(out, "TLS-Report-Domain: %s\r\n"
	    "TLS-Report-Submitter: %s\r\n", l->domain, l->submitter);
	buffer_add_text(out, "TLS-Required: No\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
	    "\tboundary=\"" BOUNDARY "\"\r\n\r\n");
}

static const char *
quoted(char out[WORDS_SIZE], const char *words)
{
	return text_quote(out, WORDS_SIZE, text_of(words != NULL ? words :
	    "-"));
}

static void
add_policy_words(const struct report_policy *p, struct buffer *out)
{
	char type[WORDS_SIZE], host[WORDS_SIZE];
	size_t i;

	buffer_addf(out, "\r\nPolicy %s of %s: %llu sessions succeeded, "
	    "%llu failed.\r\n", quoted(type, p->type),
	    quoted(host, p->domain), (unsigned long long)p->success_count,
	    (unsigned long long)p->failure_count);
	for (i = 0; i < p->detail_count && i < DETAILS_MAX; i++)
		buffer_addf(out, "  %llu %s at %s\r\n",
		    (unsigned long long)p->details[i].session_count,
		    quoted(type, p->details[i].result_type),
		    quoted(host, p->details[i].mx_host));
	if (p->detail_count > DETAILS_MAX)
		buffer_add_text(out, "  and more\r\n");
}

/* For people; a report's reader takes no notice of it. */
static void
add_words(const struct report *r, const char *domain, struct buffer *out)
{
	char start[TEXT_TIME_SIZE], end[TEXT_TIME_SIZE];
	char organization[WORDS_SIZE], contact[WORDS_SIZE];
	size_t i;

	buffer_addf(out, "--" BOUNDARY "\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
	    "TLS report (RFC 8460) of %s on mail to %s,\r\n"
	    "from %s to %s.\r\n", quoted(organization, r->organization),
	    domain, text_format_time(start, r->start_s),
	    text_format_time(end, r->end_s));
	for (i = 0; i < r->policy_count && i < DETAILS_MAX; i++)
		add_policy_words(&r->policies[i], out);
	if (r->policy_count > DETAILS_MAX)
		buffer_add_text(out, "\r\nMore policies are in the file.\r\n");
	buffer_addf(out, "\r\nThe attached file has all of it as JSON.  "
	    "Contact: %s\r\n", quoted(contact, r->contact));
}

static void
add_file(const struct report_letter *l, struct buffer *out)
{
	struct buffer name;

	buffer_init(&name, 998);
	report_file_name_format(l->report, l->submitter, l->domain, &name);
	buffer_addf(out, "--" BOUNDARY "\r\n"
	    "Content-Type: application/tlsrpt+gzip;\r\n"
	    "\tname=\"%s\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment;\r\n"
	    "\tfilename=\"%s\"\r\n\r\n", buffer_text(&name),
	    buffer_text(&name));
	mime_add_base64(l->gzip, out);
	buffer_add_text(out, "--" BOUNDARY "--\r\n");
	buffer_clear(&name);
}

int
report_mail_format(const struct report_letter *letter, struct buffer *out,
    const char **why)
{
	if (!mime_is_header_value(letter->from) || !mime_is_header_value(letter->to) ||
	    !mime_is_header_value(letter->message_id) ||
	    !mime_is_header_value(letter->report->id)) {
		*why = "a header of the report's mail is empty, too long or "
		    "not printable ASCII";
		return -1;
	}
	if (!host_name_is_normal(text_of(letter->domain)) ||
	    !host_name_is_normal(text_of(letter->submitter))) {
		*why = "the domain or the submitter of the report's mail is "
		    "no name";
		return -1;
	}
	add_headers(letter, out);
	add_words(letter->report, letter->domain, out);
	add_file(letter, out);
	if (out->is_overfull) {
		*why = "the report's mail is too long";
		return -1;
	}
	return 0;
}
