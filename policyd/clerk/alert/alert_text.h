/*
 * What an alert's message looks like: lines for a command, a mail (RFC 5322),
 * a JSON document (docs/alerts.md).  No I/O.
 */

#ifndef HOPSEAL_ALERT_TEXT_H
#define HOPSEAL_ALERT_TEXT_H

#include "policyd/clerk/alert/alert_queue.h"
#include "shared/buffer.h"

#define ALERT_SUMMARY_SIZE	300

/* Who tells, and when.  Checked here, as they go into headers. */
struct alert_sender {
	const char	*origin;	/* of this state_dir, random */
	const char	*host;		/* our name */
	const char	*mailbox;	/* From, and of the envelope */
	int64_t		 now;
};

/* The worst, and how many more: one line of printable ASCII. */
char	*alert_text_summary(const struct alert_message *m,
	    char out[ALERT_SUMMARY_SIZE]);
/*
 * A line for each, as many as out's limit has room for, and how many more:
 * "critical certificate postfix smtp: finding=..."; with is_dated a time
 * before.  end is the line's.
 */
void	alert_text_lines(const struct alert_message *m, bool is_dated,
	    const char *end, struct buffer *out);
/* The whole mail; -1 when a value would break a header, or it is too long. */
int	alert_text_mail(const struct alert_message *m,
	    const struct alert_sender *from, const char *to,
	    struct buffer *out);
json_t	*alert_text_json(const struct alert_message *m,
	    const struct alert_sender *from);

#endif
