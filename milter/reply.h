/*
 * Carries out what was found: replies, headers and quarantine, by libmilter's
 * calls.  Each function returns what the callback returns.
 */

#ifndef HOPSEAL_REPLY_H
#define HOPSEAL_REPLY_H

#include <libmilter/mfapi.h>

#include "milter/mail.h"

/* More of our headers than this in a stranger's mail are no accident: 4xx. */
#define REPLY_REMOVE_MAX	1000

/* The one verdict on a failure of our own: the mail goes on as it is. */
sfsistat	reply_own_failure(void);

/* A recipient's judgement; domain is for the log. */
sfsistat	reply_recipient(SMFICTX *ctx, struct mail *mail,
		    const char *domain, const struct judgement *judgement);
/* End of message: headers and hold; queue_id is for the log. */
sfsistat	reply_message(SMFICTX *ctx, struct mail *mail,
		    const char *queue_id);

#endif
