/*
 * What clerk and scout say to each other about reports that go out (RFC 8460,
 * 5): the payloads of REPORT and REPORT_SENT frames.
 */

#ifndef HOPSEAL_REPORT_MESSAGE_H
#define HOPSEAL_REPORT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define REPORT_BODY_MAX		(4 * 1024 * 1024)
#define REPORT_MESSAGE_MAX	(REPORT_BODY_MAX + 65536)
#define REPORT_TARGET_MAX	4096	/* octets */

enum report_way { REPORT_BY_MAIL = 1, REPORT_BY_HTTPS };

/* REPORT: clerk to scout; answered by REPORT_SENT, same number. */
struct report_request {
	enum report_way	way;
	struct text	target;		/* a mailbox, or an https URL */
	struct text	relay, sender;	/* by mail: an endpoint; a mailbox */
	struct text	helo;		/* by mail: who says EHLO */
	struct text	body;		/* the whole mail; or gzip */
};

enum report_outcome {
	REPORT_SENT = 1,
	REPORT_FAILED,		/* surely not taken: may be sent again */
	REPORT_DOUBTFUL		/* all of it went out, and no answer came */
};

struct report_result {
	enum report_outcome outcome;
	struct text	    words;	/* for people: the last answer */
};

void	report_request_format(const struct report_request *m,
	    struct buffer *out);
/*
 * False when the payload is none: too long, or a text that would end a command
 * or is no printable ASCII.  *out points into payload.
 */
bool	report_request_parse(struct text payload, struct report_request *out);
void	report_result_format(const struct report_result *m,
	    struct buffer *out);
bool	report_result_parse(struct text payload, struct report_result *out);

#endif
