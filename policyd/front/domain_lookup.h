/*
 * Looking a next hop up: in Redis, then by the scout; once, however many wait
 * for it.  Those who wait have their own deadlines.
 */

#ifndef HOPSEAL_DOMAIN_LOOKUP_H
#define HOPSEAL_DOMAIN_LOOKUP_H

#include <sys/queue.h>

#include <stdbool.h>

#include "policyd/front/domain_book.h"
#include "shared/frame.h"
#include "shared/cache_entry.h"

struct domain_lookups;
struct domain_lookup;
struct event;
struct front;

struct domain_lookups *domain_lookups_new(struct front *front);
void	domain_lookups_free(struct domain_lookups *lookups);

enum domain_lookup_reason {
	DOMAIN_LOOKUP_ASKED,	/* Redis, then the scout when that is old */
	DOMAIN_LOOKUP_SYNC,	/* Redis only: does another host know more? */
	DOMAIN_LOOKUP_HOSTS,	/* what is due among its hosts is looked at */
	DOMAIN_LOOKUP_REFETCH,	/* ahead of expiry, one host of the group */
	DOMAIN_LOOKUP_REFRESH	/* the admin's wish: the scout, at once */
};

/*
 * Starts or joins the lookup of entry.  False when too many are under way, or no
 * host is due: then what is known must do.
 */
bool	domain_lookup_start(struct domain_lookups *lookups,
	    struct book_entry *entry, const struct next_hop *hop,
	    enum domain_lookup_reason reason);

/*
 * entry is what is known now, perhaps nothing (entry->record NULL); it may be gone
 * after the call.  is_late: the deadline came first.
 */
typedef void domain_wait_cb(struct book_entry *entry, bool is_late, void *arg);

/* The caller's, kept until the callback or domain_wait_cancel. */
struct domain_wait {
	LIST_ENTRY(domain_wait)	 next;
	struct domain_lookups	*lookups;
	struct book_entry	*entry;
	struct event		*deadline;
	domain_wait_cb		*callback;
	void			*arg;
};

/* Waits for the lookup under way of entry. */
void	domain_wait_start(struct domain_lookups *lookups,
	    struct domain_wait *wait, struct book_entry *entry, unsigned ms,
	    domain_wait_cb *callback, void *arg);
/* Waits until it is known what our Postfix can do (domain_lookups_on_site). */
void	domain_wait_for_site(struct domain_lookups *lookups,
	    struct domain_wait *wait, struct book_entry *entry, unsigned ms,
	    domain_wait_cb *callback, void *arg);
void	domain_wait_cancel(struct domain_wait *wait);

/* It is known now. */
void	domain_lookups_on_site(struct domain_lookups *lookups);
/* The scout came, went, or answered. */
void	domain_lookups_on_scout(struct domain_lookups *lookups);
/* What host_probes tell (host_probes_seen_cb). */
void	domain_lookups_on_seen(struct front *front, uint64_t number,
	    unsigned count);
void	domain_lookups_on_facts(struct domain_lookups *lookups,
	    uint64_t number, struct text record);
/* The connection to Redis is another: who waits for the old one goes on. */
void	domain_lookups_on_cache(struct domain_lookups *lookups);
/* News of other hosts; and Redis is to be filled again. */
void	domain_lookups_on_change(struct domain_lookups *lookups,
	    const struct cache_change *change);
void	domain_lookups_write_back(struct domain_lookups *lookups);

/* Drops what is known; an unexpired policy stays unless forgets_policy. */
void	domain_lookups_forget(struct domain_lookups *lookups,
	    const struct next_hop *hop, bool forgets_policy);

bool	domain_lookups_scout_is_here(const struct domain_lookups *lookups);
size_t	domain_lookups_count(const struct domain_lookups *lookups);

#endif
