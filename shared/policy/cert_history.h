/*
 * What becomes of a host's certificate from one look to the next: whether it
 * was replaced by one that nobody would expect, and whether it was left behind
 * when others of the domain renewed theirs.  Warnings; nothing follows from
 * them for mail.
 */

#ifndef HOPSEAL_CERT_HISTORY_H
#define HOPSEAL_CERT_HISTORY_H

#include "shared/policy/facts.h"

struct observation;

/* How long a change is spoken of. */
#define CERT_HISTORY_SHOWN_S	(7 * 86400)

/* False, and *out untouched, when no certificate was seen. */
bool	cert_history_read(const struct observation *o,
	    struct facts_cert *out);
/* In issuer, key or names: more than a renewal with the same key. */
bool	cert_history_differs(const struct facts_cert *a,
	    const struct facts_cert *b);
/*
 * Notes what was seen at the address.  True when it differs from the one before
 * in issuer, key or names, and the one before had more than half of its life to
 * go: cert-changed.
 */
bool	cert_history_note(struct facts_address *address,
	    const struct facts_cert *seen, int64_t seen_at);
/* True while that is worth telling. */
bool	cert_history_is_changed(const struct facts_address *address,
	    int64_t now);
/*
 * The host that has, for the same names, a newer certificate than this address
 * of f's hosts, after it had the same as this one or when this one's end is
 * near: cert-inactive.  NULL when there is none.
 */
const struct facts_host *cert_history_renewed(const struct facts *f,
	    const struct facts_address *address, int64_t now);

#endif
