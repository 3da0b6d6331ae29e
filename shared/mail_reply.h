/*
 * What a mail server says: replies of SMTP (RFC 5321, 4.2), IMAP (RFC 9051, 7)
 * and POP3 (RFC 1939, 3), as far as it takes to begin TLS.  As lenient as
 * Postfix is, or a host that it reaches would be called dead.
 */

#ifndef HOPSEAL_MAIL_REPLY_H
#define HOPSEAL_MAIL_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/text.h"

#define MAIL_REPLY_MAX_BYTES	16384
#define MAIL_REPLY_TAG		"a"	/* of the commands that IMAP answers */

enum mail_dialect {
	MAIL_SMTP,
	MAIL_IMAP_GREETING,	/* one untagged line */
	MAIL_IMAP,		/* up to the line with MAIL_REPLY_TAG */
	MAIL_POP3
};

enum mail_verdict { MAIL_YES, MAIL_NOT_NOW, MAIL_NO };

struct mail_reply {
	enum mail_verdict verdict;
	struct text	 text;	/* all lines */
	struct text	 last;	/* the last one, without its end */
};

enum mail_reply_result { MAIL_REPLY_DONE, MAIL_REPLY_MORE, MAIL_REPLY_BAD };

/*
 * Looks for one reply at the begin of data.  MAIL_REPLY_DONE: *out is set and
 * *used octets belong to it.  MAIL_REPLY_MORE: its last line is still missing.
 * MAIL_REPLY_BAD: longer than MAIL_REPLY_MAX_BYTES, or a NUL; *why names it.
 * Lines that no reply has are passed over.
 */
enum mail_reply_result mail_reply_parse(enum mail_dialect dialect,
		    const void *data, size_t len, struct mail_reply *out,
		    size_t *used, const char **why);
/*
 * True when a line of an EHLO reply behind the first names that keyword (RFC
 * 5321, 4.1.1.1); letter case does not matter.
 */
bool		 mail_reply_offers(const struct mail_reply *reply,
		    const char *keyword);
/*
 * "4Wz1" of "250 2.0.0 Ok: queued as 4Wz1", as Postfix answers the final dot;
 * false when it says no such thing.
 */
#define MAIL_QUEUE_ID_SIZE	64
bool		 mail_reply_queue_id(const char *words,
		    char out[MAIL_QUEUE_ID_SIZE]);

#endif
