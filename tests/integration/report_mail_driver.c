/*
 * Reads a TLS report from standard input and writes the mail that carries it:
 * FROM TO DOMAIN SUBMITTER.  For test_tlsrpt.py, whose readers are Python's.
 */

#include <stdio.h>

#include "shared/tlsrpt/gzip.h"
#include "shared/tlsrpt/report.h"
#include "shared/tlsrpt/report_mail.h"

#define INPUT_MAX (1024 * 1024)
#define DATE_S 1795222923	/* Sat, 21 Nov 2026 01:02:03 */

int
main(int argc, char **argv)
{
	static char input[INPUT_MAX];
	struct buffer json, gzip, mail;
	struct report report;
	struct report_letter letter;
	const char *why = "four arguments are wanted";
	size_t len;
	int status = 1;

	len = fread(input, 1, sizeof(input), stdin);
	buffer_init(&json, REPORT_MAX_BYTES);
	buffer_init(&gzip, REPORT_MAX_BYTES);
	buffer_init(&mail, REPORT_MAIL_MAX_BYTES);
	if (argc != 5 || report_parse((struct text){ input, len }, &report,
	    &why) == -1) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	report_format(&report, &json);
	gzip_compress((struct text){ json.data, json.len }, &gzip);
	letter = (struct report_letter){ .from = argv[1], .to = argv[2],
	    .domain = argv[3], .submitter = argv[4],
	    .message_id = "m1@x.example", .date_s = DATE_S,
	    .report = &report, .gzip = { gzip.data, gzip.len } };
	if (report_mail_format(&letter, &mail, &why) == 0) {
		fwrite(mail.data, 1, mail.len, stdout);
		status = 0;
	} else
		fprintf(stderr, "%s\n", why);
	report_clear(&report);
	buffer_clear(&json);
	buffer_clear(&gzip);
	buffer_clear(&mail);
	return status;
}
