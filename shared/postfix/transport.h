/*
 * Where one Postfix sends a mail: the next hop that trivial-rewrite(8) chooses
 * for sender and recipient, from its settings and what its tables say
 * (transport(5), virtual(5), canonical(5), ADDRESS_REWRITING_README).
 */

#ifndef HOPSEAL_TRANSPORT_H
#define HOPSEAL_TRANSPORT_H

#include "shared/postfix/instance.h"
#include "shared/postfix/next_hop.h"
#include "shared/postfix/table.h"

#define TRANSPORT_HOPS_MAX	16	/* and addresses behind one alias */
#define TRANSPORT_DEPTH_MAX	8	/* aliases of aliases */
#define TRANSPORT_PARENTS_MAX	32	/* keys of a domain */

enum transport_kind {
	TRANSPORT_UNKNOWN,	/* cannot be evaluated */
	TRANSPORT_NONE,		/* not over SMTP to others: nothing to judge */
	TRANSPORT_HOPS,		/* one, or several behind an alias */
	TRANSPORT_PENDING	/* a table has not answered yet: ask again */
};

struct transport {
	enum transport_kind	 kind;
	const char		*because;	/* constant words, for people */
	struct next_hop		 hops[TRANSPORT_HOPS_MAX];
	size_t			 hop_count;	/* when HOPS, at least 1 */
};

/*
 * Addresses are without brackets.  sender.data is NULL where nobody said who
 * sends: then what depends on it is UNKNOWN.  An empty one is the null sender.
 * own_domains, where not empty, is a list that stands in for Postfix's own.
 */
void	transport_find(const struct instance *instance,
	    const struct tables *tables, const char *own_domains,
	    struct text sender, struct text recipient, struct transport *out);
/* True when the one next hop is the domain itself. */
bool	transport_is_direct(const struct transport *t, const char *domain);
/* Whether name, in the one spelling, is a domain whose mail is ours. */
enum table_answer transport_owns_domain(const struct instance *instance,
	    const struct tables *tables, const char *name);

#endif
