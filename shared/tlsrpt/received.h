/*
 * A TLS report that somebody sent us, as it is kept: one line, short, with who
 * sent it and whether that is verified.  Of the report stay its names, its
 * counts and the failures that fit; policies are our own and are left out.
 */

#ifndef HOPSEAL_TLSRPT_RECEIVED_H
#define HOPSEAL_TLSRPT_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/host_name.h"
#include "shared/tlsrpt/report.h"
#include "shared/tlsrpt/report_mail.h"

#define RECEIVED_MAX_BYTES	24576	/* of a line; a request twice that */
#define RECEIVED_POLICIES_MAX	100	/* of a report; more are refused */
#define RECEIVED_ID_SIZE	17	/* 16 hexadecimal digits */

struct received {
	/* Of submitter, organization-name and report-id: the same report again
	   has the same. */
	char		 id[RECEIVED_ID_SIZE];
	bool		 is_verified;	/* DKIM: the submitter has sent it */
	char		 submitter[HOST_NAME_SIZE];	/* "" unknown */
	int64_t		 received_at;
	struct report	 report;
};

/*
 * "1", id, "verified" or "unverified", submitter, time, JSON (report_format),
 * with tabs between.  r has id not set.  Returns 0, or -1 with *why: too many
 * policies, names too long to be kept.
 */
int	received_format(const struct received *r, struct buffer *out,
	    const char **why);
/* False for what is no such line; else *out is the caller's. */
bool	received_parse(struct text line, struct received *out);
void	received_clear(struct received *r);

/* The lines of a mail's reports. */
struct received_lines {
	struct buffer	 lines[REPORT_MAIL_DOCUMENTS_MAX];
	size_t		 count;
	bool		 is_verified;
	const char	*remark;	/* why one of them is missing, or NULL */
};
/*
 * Reads a mail, or a report as it stands in a file.  The submitter is that of
 * TLS-Report-Submitter, else the domain of contact-info.  Returns 0 with at
 * least one line, or -1 with *why and nothing to clear.
 */
int	received_read_mail(struct text mail, const char *authserv_id,
	    int64_t now, struct received_lines *out, const char **why);
void	received_lines_clear(struct received_lines *lines);

#endif
