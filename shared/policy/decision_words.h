/*
 * The words of a decision, for the reply to RCPT, Postfix's log and explain:
 * why nothing is promised, why nothing is known, and what keeps mail from a
 * domain.  Printable ASCII on one line, short enough for a line of SMTP.  Which
 * of it is said is decided elsewhere (tls_decision).
 */

#ifndef HOPSEAL_DECISION_WORDS_H
#define HOPSEAL_DECISION_WORDS_H

#include "shared/policy/tls_decision.h"

/* Each sets d->reason. */

/* What cannot be printed is quoted, what is too long ends in "...". */
void	decision_words_set(struct tls_decision *d, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/* Why there is no policy, where that is a trouble; else nothing. */
void	decision_words_absent(struct tls_decision *d,
	    const struct facts *facts);
/* Why DANE is unknown; facts may be NULL. */
void	decision_words_unknown(struct tls_decision *d,
	    const struct facts *facts, const struct tls_site *site);

/* One bad host, whose finding is d's, and how many are bad beside it. */
struct bad_host {
	const struct facts_host		*host;
	const struct facts_address	*address;	/* or NULL: its name */
	size_t				 other_count;
};
/*
 * "no usable mail host for example.com: mx.example.com: certificate expired
 * 2026-11-01 (issuer R3, MTA-STS enforce, policy id 1)", where the reason
 * before, in parentheses then, was the promise.
 */
void	decision_words_bad(struct tls_decision *d, const struct facts *facts,
	    const struct bad_host *bad);

#endif
