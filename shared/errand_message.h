/*
 * Errands: what the clerk has the scout carry to others, a TLS report (RFC
 * 8460, 5) or an alert.  The payloads of ERRAND and ERRAND_DONE frames.
 */

#ifndef HOPSEAL_ERRAND_MESSAGE_H
#define HOPSEAL_ERRAND_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define ERRAND_BODY_MAX		(4 * 1024 * 1024)
#define ERRAND_MESSAGE_MAX	(ERRAND_BODY_MAX + 65536)
#define ERRAND_TARGET_MAX	4096	/* octets */
#define ERRAND_LIFE_S		1500	/* more than all waits of one */

enum errand_way {
	ERRAND_MAIL = 1,	/* to a mailbox, by report_relay */
	ERRAND_REPORT,		/* gzip to a stranger's https URL */
	ERRAND_WEBHOOK		/* JSON to the operator's own URL */
};

/* ERRAND: clerk to scout; answered by ERRAND_DONE, same number. */
struct errand {
	enum errand_way	way;
	struct text	target;		/* the mailbox, or the URL */
	struct text	relay, sender;	/* by mail: an endpoint; a mailbox */
	struct text	helo;		/* by mail: who says EHLO */
	struct text	body;		/* the whole mail, gzip, or JSON */
};

enum errand_outcome {
	ERRAND_DONE = 1,
	ERRAND_FAILED,		/* surely not taken: may be sent again */
	ERRAND_DOUBTFUL		/* all of it went out, and no answer came */
};

struct errand_result {
	enum errand_outcome outcome;
	struct text	    words;	/* for people: the last answer */
};

void	errand_format(const struct errand *m, struct buffer *out);
/*
 * False when the payload is none: too long, or a text that would end a command
 * or is no printable ASCII.  *out points into payload.
 */
bool	errand_parse(struct text payload, struct errand *out);
void	errand_result_format(const struct errand_result *m,
	    struct buffer *out);
bool	errand_result_parse(struct text payload, struct errand_result *out);

#endif
