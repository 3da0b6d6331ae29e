/*
 * Mails that carry TLS reports (RFC 8460, 5.3): finding the reports in one,
 * in every shape that senders use, and writing one.  What a report says is
 * report's; whether a mail is to be believed, the caller's.
 */

#ifndef HOPSEAL_TLSRPT_REPORT_MAIL_H
#define HOPSEAL_TLSRPT_REPORT_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define REPORT_MAIL_MAX_BYTES		(16 * 1024 * 1024)
#define REPORT_MAIL_DEPTH_MAX		8	/* of multiparts */
#define REPORT_MAIL_PARTS_MAX		100
#define REPORT_MAIL_DOCUMENTS_MAX	4
#define REPORT_MAIL_HEADER_MAX		998	/* octets of a value kept */

struct report;

/* What was found in a mail. */
struct report_mail {
	char		*domain;	/* TLS-Report-Domain; NULL if none */
	char		*submitter;	/* TLS-Report-Submitter; the same */
	struct buffer	 documents[REPORT_MAIL_DOCUMENTS_MAX];	/* plain JSON */
	size_t		 document_count;
	/* Why a part that should be a report was none, the first; or NULL. */
	const char	*remark;
};

/*
 * True when a mail with that header may carry a report, so that its body is
 * worth keeping: a TLS-Report header, or a Content-Type that is no text.  For
 * each header in turn; name without its colon, value unfolded or not.
 */
bool	report_mail_header_match(struct text name, struct text value);

/*
 * Finds the reports in a whole mail, headers and body, lines ending in LF or
 * CR LF; or takes a report as it stands in a file, JSON or gzip.  Returns 0
 * with at least one document, or -1 with *why and *out untouched: too long, or
 * nothing in it is a report.  *out is the caller's until
 * report_mail_clear.
 */
int	report_mail_parse(struct text mail, struct report_mail *out,
	    const char **why);
void	report_mail_clear(struct report_mail *mail);

/* A mail to be written. */
struct report_letter {
	const char	*from, *to;	/* mailboxes, printable ASCII */
	const char	*domain;	/* TLS-Report-Domain; normalised */
	const char	*submitter;	/* TLS-Report-Submitter */
	const char	*message_id;	/* without its angle brackets */
	int64_t		 date_s;
	const struct report *report;	/* for the words, id and file name */
	struct text	 gzip;		/* the report, packed */
};

/*
 * Appends the mail, lines ending in CR LF, all ASCII, none longer than 998
 * octets, ready for DATA but for its dots.  Returns 0, or -1 with *why when a
 * value would break a header (a control character, not ASCII, too long, a
 * domain that is no name) or out's limit is reached.
 */
int	report_mail_format(const struct report_letter *letter,
	    struct buffer *out, const char **why);

#endif
