/*
 * The way of a mail through this site: whether its client and its recipient's
 * domain are ours, and its next hops, from all instances of Postfix and the
 * options that stand in for them.
 */

#ifndef HOPSEAL_ROUTE_H
#define HOPSEAL_ROUTE_H

#include "shared/address.h"
#include "shared/policy/facts.h"
#include "shared/postfix/site.h"
#include "shared/postfix/transport.h"

/* The options own_domains, own_networks and next_hops: "" or NULL unset. */
struct route_options {
	const char			*own_domains;
	const struct network_list	*own_networks;
	const char			*next_hops;
};

struct route_question {
	struct text	client;		/* an address; empty: not asked for */
	struct text	sender;		/* data NULL: nobody said */
	struct text	recipient;	/* empty: not asked for */
};

struct route {
	enum fact_state		client_is_ours, domain_is_ours;
	struct transport	transport;	/* PENDING: as a whole */
};

/*
 * False while a table's answer is awaited; then what is known so far stands in
 * *out, the rest is UNKNOWN, and transport.kind is PENDING where it is awaited.
 */
bool	route_find(const struct site *site, const struct route_options *options,
	    const struct route_question *q, table_lookup_cb *lookup, void *arg,
	    struct route *out);

#endif
