/*
 * What front and clerk tell each other of sessions: what was promised for a
 * domain, so that the clerk can complete what Postfix does not see, and what a
 * request of smtpd says of a client.  Texts in parsed values are slices of the
 * payload.
 */

#ifndef HOPSEAL_SESSION_MESSAGE_H
#define HOPSEAL_SESSION_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/buffer.h"
#include "shared/policy/finding.h"
#include "shared/policy/mtasts_policy.h"
#include "shared/policy/tls_decision.h"
#include "shared/text.h"
#include "shared/tlsrpt/session.h"

#define SESSION_MESSAGE_MAX	(256 * 1024)
#define PROMISE_HOSTS_MAX	64

/*
 * MESSAGE_PROMISE: what governs deliveries to a domain from now on; an empty
 * payload says to a new clerk that it has heard of all that is known.
 */
struct promise {
	struct text		domain;
	enum tls_policy_kind	kind;
	enum mtasts_mode	mode;		/* of an MTA-STS policy */
	/* its lines and patterns, each ended by LF; empty without one */
	struct text		lines, mx;
	/* why a policy that is announced cannot be had; or UNKNOWN */
	enum finding		fetch_finding;
	size_t			host_count;
	struct {
		struct text	name;
		enum finding	finding;	/* by our own looks */
	} hosts[PROMISE_HOSTS_MAX];
};
void	promise_format(const struct promise *p, struct buffer *out);
bool	promise_parse(struct text payload, struct promise *out);

/* MESSAGE_OUTCOME: of one session of Postfix with a mail host. */
struct session_outcome {
	struct text	domain, host, address;
	bool		is_verified;	/* else it failed */
};
void	session_outcome_format(const struct session_outcome *o,
	    struct buffer *out);
bool	session_outcome_parse(struct text payload,
	    struct session_outcome *out);

/* MESSAGE_VERDICT: of a domain, whenever something was learned of it. */
struct verdict_note {
	struct text	domain;
	bool		is_bad;		/* its mail is kept back */
	struct text	words;		/* for people */
};
void	verdict_note_format(const struct verdict_note *v, struct buffer *out);
bool	verdict_note_parse(struct text payload, struct verdict_note *out);

/* MESSAGE_SESSION: of a client; times are the reader's. */
void	session_note_format(const struct tls_session *s, struct buffer *out);
bool	session_note_parse(struct text payload, struct tls_session *out);

#endif
