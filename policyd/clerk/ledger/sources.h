/*
 * What the ledger is filled from: the mail log and the TLSRPT socket, as
 * outbound_source and inbound_source say, so that each session is counted
 * once; and the moments at which it is written down.
 */

#ifndef HOPSEAL_SOURCES_H
#define HOPSEAL_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/tlsrpt/session.h"

struct child;
struct ledger;
struct ledger_share;
struct sources;

/* What "hopseal status" tells of them. */
struct sources_state {
	bool		 wants_log, has_log;
	bool		 has_journal;	/* systemd's, in place of a file */
	bool		 is_read;	/* all that the log says is counted */
	const char	*log_trouble;	/* why it has none; for people */
	uint64_t	 lag_bytes, line_count, gap_count;
	uint64_t	 old_count;	/* sessions of days that are not kept */
	bool		 wants_datagrams, has_datagrams;
	uint64_t	 datagrams, datagrams_refused, datagrams_lost;
	unsigned	 queue_length;
	int64_t		 counted_at;	/* the latest session's time; or 0 */
	uint64_t	 deliveries;	/* seen in the log since the start */
	uint64_t	 sessions[SESSION_DIRECTION_COUNT];	/* the same */
};

struct sources	*sources_new(struct child *child, struct ledger *ledger,
		    struct ledger_share *share);
/* Writes down what was counted. */
void		 sources_free(struct sources *s);
/* Mails of ours whose sessions are in no count, by their queue id. */
typedef bool sources_is_own_cb(struct text queue_id, void *arg);
void		 sources_set_own_mails(struct sources *s,
		    sources_is_own_cb *is_own, void *arg);
/* A MESSAGE_OPENED of the parent; fd is taken. */
void		 sources_on_opened(struct sources *s, uint64_t number,
		    const char *why, int fd);
/* A MESSAGE_PROMISE or MESSAGE_SESSION of the front. */
void		 sources_on_front(struct sources *s, uint8_t type,
		    struct text payload);
/* Hears of each session in which the peer refuses our certificate. */
typedef void	 sources_refusal_cb(const struct tls_session *session,
		    void *arg);
void		 sources_on_refusal(struct sources *s,
		    sources_refusal_cb *callback, void *arg);
/*
 * All that there is of past days is counted; also when the log could not be
 * read to its end for an hour, and nobody shall wait for it any longer.
 */
bool		 sources_are_read(const struct sources *s);
void		 sources_state(const struct sources *s,
		    struct sources_state *out);

#endif
