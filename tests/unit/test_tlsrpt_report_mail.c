/*
 * Mails with TLS reports: each shape of tests/data/tlsrpt_report_mail, what is
 * no report, and the mail that is written (RFC 8460, 5.3).
 */

#include "shared/tlsrpt/report_mail.h"

#include <glob.h>

#include "shared/tlsrpt/gzip.h"
#include "shared/tlsrpt/report.h"
#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define FOLDER "tests/data/tlsrpt_report_mail/"

/* A block of the file's exact size. */
static char *
read_file(const char *path, size_t *len)
{
	static char data[1024 * 1024];
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		abort();
	*len = fread(data, 1, sizeof(data), file);
	fclose(file);
	return check_exact(data, *len);
}

static void
check_report(const struct buffer *json)
{
	struct report r;
	const char *why;

	if (report_parse((struct text){ json->data, json->len }, &r,
	    &why) == -1) {
		check_text("it parses", why, NULL);
		return;
	}
	check_text("it parses", r.id, "r1@x.example");
	report_clear(&r);
}

static void
test_shapes(void)
{
	struct report_mail mail;
	const char *why;
	size_t i, len;
	glob_t files;
	char *data;

	if (glob(FOLDER "*.ok", 0, NULL, &files) != 0)
		abort();
	for (i = 0; i < files.gl_pathc; i++) {
		data = read_file(files.gl_pathv[i], &len);
		if (report_mail_parse((struct text){ data, len }, &mail,
		    &why) == -1)
			check_text(files.gl_pathv[i], why, NULL);
		else {
			check_int(files.gl_pathv[i],
			    (int64_t)mail.document_count, 1);
			check_text("without a remark", mail.remark, NULL);
			check_report(&mail.documents[0]);
			report_mail_clear(&mail);
		}
		free(data);
	}
	globfree(&files);
}

static void
test_no_reports(void)
{
	static const struct {
		const char *file, *why;
	} rows[] = {
		{ "text-only", "is a report" },
		{ "octet-stream-without-a-name", "is a report" },
		{ "bounce-of-ours", "is a report" },
		{ "no-boundary", "without a boundary" },
		{ "nine-multiparts-deep", "too deep" },
		{ "bomb", "200 times" },
		{ "broken-gzip", "cut" },
		{ "unknown-encoding", "encoding" },
	};
	static char many[REPORT_MAIL_MAX_BYTES + 1];
	struct report_mail mail;
	char path[256], *data;
	const char *why;
	size_t i, len;

	for (i = 0; i < ROWS(rows); i++) {
		snprintf(path, sizeof(path), FOLDER "%s.bad", rows[i].file);
		data = read_file(path, &len);
		why = NULL;
		check_int(rows[i].file, report_mail_parse((struct text){ data,
		    len }, &mail, &why), -1);
		check_contains("its reason", why, rows[i].why);
		free(data);
	}
	check_int("nothing", report_mail_parse((struct text){ "", 0 }, &mail,
	    &why), -1);
	check_int("too long", report_mail_parse((struct text){ many,
	    sizeof(many) }, &mail, &why), -1);
	check_contains("its reason", why, "16 MiB");
}

/* Many parts, many documents, and headers of their own kind. */
static void
test_several(void)
{
	static const char json[] = "--b\nContent-Type: application/tlsrpt+json"
	    "\n\n{}\n";
	struct report_mail mail;
	struct buffer text;
	const char *why;
	unsigned i;

	buffer_init(&text, 1024 * 1024);
	buffer_add_text(&text, "TLS-Report-Domain:  a.example\033[1m \n"
	    "TLS-Report-Submitter: x\n y\nTLS-Report-Submitter: z\n"
	    "Content-Type: multipart/mixed; boundary=b\n\n");
	for (i = 0; i < 5; i++)
		buffer_add_text(&text, json);
	buffer_add_text(&text, "--b\nContent-Type: application/tlsrpt+json\n\n"
	    "[]\n--b--\n");
	check_int("five reports", report_mail_parse((struct text){ text.data,
	    text.len }, &mail, &why), 0);
	check_int("four of them", (int64_t)mail.document_count, 4);
	check_contains("and a remark", mail.remark, "more than 4");
	check_text("no control characters", mail.domain, "a.example?[1m");
	check_text("the first, on one line", mail.submitter, "x? y");
	report_mail_clear(&mail);

	buffer_reset(&text);
	buffer_add_text(&text, "Content-Type: multipart/mixed; boundary=b\n\n");
	for (i = 0; i < 101; i++)
		buffer_add_text(&text, "--b\n\nx\n");
	check_int("101 parts", report_mail_parse((struct text){ text.data,
	    text.len }, &mail, &why), -1);
	check_contains("its reason", why, "100 parts");

	buffer_reset(&text);
	buffer_add_text(&text, "Content-Type: application/tlsrpt+json\n\n[]\n");
	check_int("an array", report_mail_parse((struct text){ text.data,
	    text.len }, &mail, &why), -1);
	check_contains("its reason", why, "neither gzip nor JSON");

	buffer_reset(&text);
	buffer_add_text(&text, "\357\273\277\r\n {}");
	check_int("JSON alone", report_mail_parse((struct text){ text.data,
	    text.len }, &mail, &why), 0);
	check_int("as it is", (int64_t)mail.documents[0].len, 8);
	check_text("from nobody", mail.submitter, NULL);
	report_mail_clear(&mail);
	buffer_clear(&text);
}

static void
test_header_match(void)
{
	static const struct {
		const char *name, *value;
		bool want;
	} rows[] = {
		{ "TLS-Report-Domain", "a.example", true },
		{ "tls-report-submitter", "x.example", true },
		{ "Content-Type", "multipart/report; report-type=tlsrpt",
		    true },
		{ "content-type", "Multipart/Mixed; boundary=b", true },
		{ "Content-Type", "application/tlsrpt+gzip", true },
		{ "Content-Type", "text/plain", false },
		{ "Content-Type", "message/rfc822", false },
		{ "Content-Type", "", false },
		{ "Subject", "multipart/report", false },
	};
	size_t i;

	for (i = 0; i < ROWS(rows); i++)
		check_bool(rows[i].value, report_mail_header_match(
		    text_of(rows[i].name), text_of(rows[i].value)),
		    rows[i].want);
}

/* ---------------------------------------------------------------- writing */

static const struct report_failure failures[] = {
	{ .result_type = "certificate-expired", .mx_host = "mx.a.example",
	  .session_count = 1 }
};
static const struct report_policy policies[] = {
	{ .type = "sts", .domain = "a.example", .success_count = 5,
	  .failure_count = 1, .details = failures, .detail_count = 1 }
};
static const struct report written = {
	.organization = "Ex\303\244mple\r\nBcc: y@y.example", .contact = "c",
	.id = "r1@x.example", .start_s = 1795132800, .end_s = 1795219199,
	.policies = policies, .policy_count = 1
};

static const char wanted_headers[] =
    "From: tls@x.example\r\n"
    "To: \"a,b\"@c.example\r\n"
    "Date: Sat, 21 Nov 2026 01:02:03 +0000\r\n"
    "Message-ID: <m1@x.example>\r\n"
    "Subject: Report Domain: a.example\r\n"
    " Submitter: x.example\r\n"
    " Report-ID: <r1@x.example>\r\n"
    "TLS-Report-Domain: a.example\r\n"
    "TLS-Report-Submitter: x.example\r\n"
    "TLS-Required: No\r\n"
    "Auto-Submitted: auto-generated\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
    "\tboundary=\"=_tls-report\"\r\n"
    "\r\n"
    "--=_tls-report\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n"
    "\r\n"
    "TLS report (RFC 8460) of Ex??mple??Bcc: y@y.example on mail to "
    "a.example,\r\n"
    "from 2026-11-20T00:00:00Z to 2026-11-20T23:59:59Z.\r\n"
    "\r\n"
    "Policy sts of a.example: 5 sessions succeeded, 1 failed.\r\n"
    "  1 certificate-expired at mx.a.example\r\n"
    "\r\n"
    "The attached file has all of it as JSON.  Contact: c\r\n"
    "--=_tls-report\r\n"
    "Content-Type: application/tlsrpt+gzip;\r\n"
    "\tname=\"x.example!a.example!1795132800!1795219199!r1xexample.json.gz\""
    "\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "Content-Disposition: attachment;\r\n"
    "\tfilename=\"x.example!a.example!1795132800!1795219199!r1xexample"
    ".json.gz\"\r\n"
    "\r\n";

static struct report_letter
letter(const struct buffer *gzip)
{
	return (struct report_letter){ .from = "tls@x.example",
	    .to = "\"a,b\"@c.example", .domain = "a.example",
	    .submitter = "x.example", .message_id = "m1@x.example",
	    .date_s = 1795222923, .report = &written,
	    .gzip = { buffer_text(gzip), gzip->len } };
}

static void
test_gzip_alone(const struct buffer *gzip)
{
	struct report_mail mail;
	const char *why;

	check_int("gzip alone", report_mail_parse((struct text){ gzip->data,
	    gzip->len }, &mail, &why), 0);
	check_report(&mail.documents[0]);
	report_mail_clear(&mail);
	check_int("cut", report_mail_parse((struct text){ gzip->data,
	    gzip->len - 1 }, &mail, &why), -1);
	check_text("its reason", why, "gzip: cut");
}

static void
test_format(const struct buffer *gzip)
{
	struct report_letter l = letter(gzip);
	struct report_mail mail;
	struct buffer out, small;
	const char *why;

	buffer_init(&out, 1024 * 1024);
	buffer_init(&small, 1000);
	check_int("a mail is written", report_mail_format(&l, &out, &why), 0);
	check_bool("no line end stands alone", out.len > 2 &&
	    strcmp(out.data + out.len - 2, "\r\n") == 0, true);
	check_int("and read", report_mail_parse((struct text){ out.data,
	    out.len }, &mail, &why), 0);
	check_text("its domain", mail.domain, "a.example");
	check_text("its submitter", mail.submitter, "x.example");
	check_report(&mail.documents[0]);
	report_mail_clear(&mail);
	out.data[sizeof(wanted_headers) - 1] = '\0';
	check_text("all but the file", out.data, wanted_headers);
	check_int("no room", report_mail_format(&l, &small, &why), -1);
	check_contains("its reason", why, "too long");
	buffer_clear(&out);
	buffer_clear(&small);
}

/* No value of a header ends it. */
static void
test_injection(const struct buffer *gzip)
{
	static const char evil[] = "a@b.example\r\nBcc: y@y.example";
	struct report evil_report = written;
	struct report_letter letters[] = { letter(gzip), letter(gzip),
	    letter(gzip), letter(gzip), letter(gzip), letter(gzip),
	    letter(gzip), letter(gzip) };
	struct buffer out;
	const char *why;
	size_t i;

	evil_report.id = "1>\n\nx";
	letters[0].from = evil;
	letters[1].to = evil;
	letters[2].domain = "a.example\r\nBcc: y@y.example";
	letters[3].submitter = "x.example\n";
	letters[4].message_id = "m\r1";
	letters[5].report = &evil_report;
	letters[6].to = "\303\274@b.example";
	letters[7].from = "";
	buffer_init(&out, 1024 * 1024);
	for (i = 0; i < ROWS(letters); i++) {
		why = NULL;
		check_int("refused", report_mail_format(&letters[i], &out,
		    &why), -1);
		check_contains("its reason", why, "of the report's mail");
		check_int("nothing is written", (int64_t)out.len, 0);
	}
	buffer_clear(&out);
}

int
main(void)
{
	struct buffer json, gzip;

	buffer_init(&json, REPORT_MAX_BYTES);
	buffer_init(&gzip, REPORT_MAX_BYTES);
	report_format(&written, &json);
	gzip_compress((struct text){ json.data, json.len }, &gzip);
	test_shapes();
	test_no_reports();
	test_several();
	test_header_match();
	test_gzip_alone(&gzip);
	test_format(&gzip);
	test_injection(&gzip);
	buffer_clear(&json);
	buffer_clear(&gzip);
	return check_end();
}
