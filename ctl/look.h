/*
 * A full look from outside, by a scout of our own: facts of the next hop, what
 * was seen at its mail hosts in several manners, and the TLS-RPT record.
 */

#ifndef HOPSEAL_LOOK_H
#define HOPSEAL_LOOK_H

#include "shared/policy/facts.h"
#include "shared/probe_message.h"

#define LOOK_SECONDS	90	/* what has not come by then stays unknown */
#define LOOK_HOSTS_MAX	16	/* of a domain, the most preferred */

struct scout_client;

/* One address of one host. */
struct look_address {
	size_t			 host, address;	/* in facts */
	/* By manner; has_seen tells which were looked at. */
	bool			 has_seen[PROBE_MANNER_COUNT];
	struct observation	*seen[PROBE_MANNER_COUNT];
	char			*payloads[PROBE_MANNER_COUNT];	/* theirs */
};

struct look {
	struct next_hop		 hop;
	enum probe_service	 service;
	struct facts		*facts;		/* NULL: nothing came */
	struct look_address	*addresses;
	size_t			 address_count;
	bool			 is_validating;	/* our resolver does DNSSEC */
	/* Before the look: TLSA records are asked for, signed or not. */
	bool			 asks_tlsa;
	/* By host: there are some where they do not count. */
	bool			 has_vain_tlsa[LOOK_HOSTS_MAX];
	struct txt_answer	 tlsrpt;	/* of a domain */
	char			*tlsrpt_payload;
	unsigned		 open_count;	/* questions not yet answered */
	uint64_t		 base;		/* of their numbers */
};

/* Asks and waits; false when the scout has ended by itself. */
bool	look_run(struct look *look, struct scout_client *scout);
void	look_clear(struct look *look);

/* What was seen in that manner, or NULL. */
const struct observation *look_seen(const struct look_address *address,
	    enum probe_manner manner);

#endif
