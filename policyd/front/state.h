/*
 * What the front's modules share: settings, the site as decisions need it,
 * time, and counters.
 */

#ifndef HOPSEAL_FRONT_STATE_H
#define HOPSEAL_FRONT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "policyd/process/cert_ends.h"
#include "policyd/process/settings.h"
#include "shared/latency.h"
#include "shared/policy/facts.h"
#include "shared/policy/tls_decision.h"
#include "shared/scout_message.h"

struct breaker;
struct cache_async;
struct child;
struct clients;
struct domain_book;
struct domain_lookups;
struct host_probes;
struct route_asks;

struct front_counters {
	uint64_t	map_requests, map_found, map_not_found, map_temporary,
			map_permanent;
	uint64_t	access_requests, access_dunno, access_deferred,
			access_held, access_rejected;
	uint64_t	memory_hits, cache_hits, lookups, lookups_answered,
			lookups_failed;
	uint64_t	bad_requests;
	uint64_t	probes[FINDING_COUNT];
	struct latency	map_latency, access_latency, lookup_latency;
};

struct front {
	struct child		*child;
	const struct settings	*settings;	/* of the child */
	struct domain_book	*book;
	struct cache_async	*cache;
	struct domain_lookups	*lookups;
	struct host_probes	*probes;
	struct route_asks	*routes;
	struct breaker		*breaker;
	struct clients		*clients;
	struct tls_site		 site;
	struct cert_ends	 cert_ends;	/* of our ports */
	/* Grows with all that changes decisions but facts and time. */
	uint32_t		 generation;
	enum scout_check	 validates, postfix_ad;
	char			 resolver_detail[256];
	struct front_counters	 counters;
	/* Complaints in the second that began then. */
	int64_t			 complained_at;
	unsigned		 complaint_count;
};

/* After a change of what front->site is made of: true when DANE changed. */
bool	front_judge_site(struct front *front);
/* Now and then, and after each note: what the breaker means for the site. */
void	front_check_breaker(struct front *front);
/* By hand, also when it is closed: what was noted so far opens it no more. */
void	front_clear_breaker(struct front *front);
/* True for names that are looked up nowhere: private ones, private_zones. */
bool	front_is_private(const struct front *front, const char *name);

/*
 * Facts of an entry's record, or facts that say that nothing is known of hop;
 * never NULL, the caller's.
 */
struct book_entry;
struct facts *front_facts(const struct book_entry *entry,
	    const struct next_hop *hop);
/* Whether the ready replies of an entry are what would be answered now. */
bool	front_replies_hold(const struct front *front,
	    const struct book_entry *entry, int64_t now);
/* Before one is kept that holds until then: those of other times go. */
void	front_date_replies(struct front *front, struct book_entry *entry,
	    int64_t valid_until);
/* Counts and logs what closes a connection; not more than a few a second. */
void	front_note_bad_request(struct front *front, const char *service,
	    const char *why);
/* The decision for outgoing mail, with the rule that applies. */
void	front_decide(const struct front *front, const struct facts *facts,
	    struct tls_decision *out);

#endif
