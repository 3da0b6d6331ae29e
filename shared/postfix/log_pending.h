/*
 * A session that is being put together from the lines of a log, until its
 * last line is seen: what is known of it, its texts, and what follows from
 * them as its finding.
 */

#ifndef HOPSEAL_LOG_PENDING_H
#define HOPSEAL_LOG_PENDING_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/pack.h"
#include "shared/policy/finding.h"
#include "shared/postfix/log_line.h"
#include "shared/tlsrpt/session.h"

#define LOG_PENDING_TEXT_MAX	200	/* longer texts are cut */
#define LOG_PENDING_TEXTS	10

enum pending_progress {
	PENDING_BEGUN,		/* no handshake seen yet; perhaps in clear */
	PENDING_ESTABLISHED,
	PENDING_FAILED,		/* the handshake */
	PENDING_REUSED		/* an older connection: never told */
};

struct log_pending {
	TAILQ_ENTRY(log_pending) next;
	struct tls_session	session;	/* finding is set at the end */
	enum pending_progress	progress;
	enum finding	settled;	/* the finding, whatever follows */
	enum finding	trouble;	/* what the log's reason means */
	enum finding	reported;	/* what a "TLSRPT:" line means */
	bool		is_used;	/* mail went over it, or might have */
	bool		is_left;	/* Postfix went on without mail */
	bool		is_unverified;	/* for its certificate */
	bool		has_library_reason;
	uint32_t	pid;		/* of the process that told */
	/* where session's texts stand */
	char		bytes[LOG_PENDING_TEXTS][LOG_PENDING_TEXT_MAX];
};

TAILQ_HEAD(log_pending_list, log_pending);

/* The caller frees it with free. */
struct log_pending	*log_pending_new(enum session_direction direction,
			    const struct log_peer *peer, int64_t at);
/*
 * Sets *field, one of session's texts, to a copy of value: printable, cut at
 * LOG_PENDING_TEXT_MAX.
 */
void	log_pending_keep(struct log_pending *p, struct text *field,
	    struct text value);
/* The same host, address and port, as far as both know them. */
bool	log_pending_is_with(const struct log_pending *p,
	    const struct log_peer *peer);
/* Adds what peer tells and was not known yet. */
void	log_pending_complete(struct log_pending *p,
	    const struct log_peer *peer);
/* Takes over what another process knows of the same handshake. */
void	log_pending_merge(struct log_pending *p,
	    const struct log_pending *other);
/* What all that is known amounts to. */
enum finding	log_pending_finding(const struct log_pending *p);

void	log_pending_format(const struct log_pending *p, struct buffer *out);
/* NULL for a bad one; u's error is the caller's to test as well. */
struct log_pending	*log_pending_parse(struct unpack *u);

#endif
