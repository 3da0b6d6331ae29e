/*
 * What the front knows in memory: one entry a next hop, found by hash, the
 * least recently used leaves first when there is no more room.  Everything
 * here is O(1).
 */

#ifndef HOPSEAL_DOMAIN_BOOK_H
#define HOPSEAL_DOMAIN_BOOK_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "shared/policy/facts.h"
#include "shared/postfix/map_reply.h"

struct domain_lookup;

/* Seconds since 1970, enough until 2106: an entry has five of them. */
typedef uint32_t book_time;

/* The nearest one that there is. */
book_time	book_time_of(int64_t time);

/* Ready replies as terminated netstrings, or NULL: not made yet. */
struct book_replies {
	const char	*of[MAP_NAME_COUNT];
};

struct book_entry {
	TAILQ_ENTRY(book_entry)	 used;		/* the table's: by last use */
	struct domain_lookup	*lookup;	/* under way; keeps the entry */
	char			*record;	/* facts_pack, or NULL: nothing yet */
	book_time		 looked_at;
	book_time		 due_at;	/* it ends, or is to be fetched */
	uint32_t		 pins;		/* of those who keep it */
	/* What a request reads stands together, with the name. */
	uint32_t		 generation;	/* of the replies (state.h) */
	struct book_entry	*chain;		/* the table's */
	struct book_replies	*replies;	/* or NULL */
	book_time		 valid_until;	/* of the replies; 0: no end */
	book_time		 refresh_at;
	book_time		 synced_at;	/* last seen in the shared cache */
	uint32_t		 moved_at;	/* the table's: additions then */
	unsigned		 record_bytes:21, name_len:9;
	unsigned		 has_policy:1;
	unsigned		 lets_pass:1;	/* a ready DUNNO */
	char			 name[];	/* next_hop_format, terminated */
};

struct domain_book;

struct domain_book *domain_book_new(size_t entries_max, size_t bytes_max);
void	domain_book_free(struct domain_book *book);
void	domain_book_set_limits(struct domain_book *book, size_t entries_max,
	    size_t bytes_max);

/* NULL when it is not there.  Makes it the most recently used one. */
struct book_entry *domain_book_find(struct domain_book *book,
	    struct text name);
/* Finds it or makes an empty one. */
struct book_entry *domain_book_add(struct domain_book *book,
	    struct text name);
/* Puts facts into an entry; stale_ttl_s as for facts_end. */
void	domain_book_set(struct domain_book *book, struct book_entry *entry,
	    const struct facts *facts, unsigned stale_ttl_s);
/* What was put there, the caller's, or NULL; hop is the entry's. */
struct facts *domain_book_facts(const struct book_entry *entry,
	    const struct next_hop *hop);
/* True when nothing of it may be used any more (facts_end). */
bool	domain_book_is_over(const struct book_entry *entry,
	    const struct next_hop *hop, unsigned stale_ttl_s, int64_t now);
/* Back to knowing nothing. */
void	domain_book_clear(struct domain_book *book, struct book_entry *entry);
/* Keeps a ready reply beside the record. */
void	domain_book_set_reply(struct domain_book *book,
	    struct book_entry *entry, enum map_name name, const char *reply);
/* NULL: not made yet. */
const char *domain_book_reply(const struct book_entry *entry,
	    enum map_name name);
/* Drops the ready replies. */
void	domain_book_drop_replies(struct domain_book *book,
	    struct book_entry *entry);
/* True while nobody keeps it: it may be removed. */
bool	domain_book_is_free(const struct book_entry *entry);
/* Only a free one. */
void	domain_book_remove(struct domain_book *book,
	    struct book_entry *entry);
/* Removes one that knows nothing, unless somebody keeps it. */
void	domain_book_remove_empty(struct domain_book *book,
	    struct book_entry *entry);

/*
 * Calls visit for the entries of at most count slots behind *cursor, which then
 * stands behind them; visit may remove the entry that it is given.
 */
typedef void domain_book_visit(struct book_entry *entry, void *arg);
void	domain_book_sweep(struct domain_book *book, size_t *cursor,
	    size_t count, domain_book_visit *visit, void *arg);

size_t	domain_book_slots(const struct domain_book *book);

struct domain_book_counters {
	uint64_t	entries, bytes, evicted;
};
struct domain_book_counters domain_book_count(const struct domain_book *book);

#endif
