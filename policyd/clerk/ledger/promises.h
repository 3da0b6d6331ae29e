/*
 * What was promised for the domains that mail goes to, as the front last said,
 * and what follows from it for a session where Postfix cannot see it: which
 * policy it was under, and a failure that testing mode hides (evidence=probe).
 */

#ifndef HOPSEAL_PROMISES_H
#define HOPSEAL_PROMISES_H

#include <stdbool.h>

#include "shared/tlsrpt/tally.h"

#define PROMISES_MAX	50000	/* domains; the oldest leaves */

struct promise;
struct promises;

struct promises	*promises_new(void);
void		 promises_free(struct promises *p);
/* A MESSAGE_PROMISE of the front; false when it cannot be read. */
bool		 promises_take(struct promises *p, struct text payload);
/* What was said of a domain, or NULL; valid until the next promises_take. */
const struct promise *promises_find(struct promises *p, struct text domain);

/*
 * Completes the key of a session: its policy, whose text goes to the tally,
 * and where that was in testing mode, or Postfix compares no names with
 * patterns, the failure that our own looks know of.  ref keeps the reference
 * that the key then points to.
 */
void		 promise_complete(const struct promise *promise,
		    struct tally *tally, const struct tls_session *s,
		    enum tally_source source, struct tally_key *key,
		    char ref[TALLY_REF_SIZE]);
/*
 * True when a failure detail stands beside each session of the domain: its
 * policy is announced and cannot be had.
 */
bool		 promise_detail(const struct promise *promise,
		    struct tally_key *out);

#endif
