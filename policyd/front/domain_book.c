/*
 * What the front knows in memory.  Entries that somebody keeps are never
 * evicted; all others are in the order of their last use.  Between two
 * additions that order is of no use to anybody: an entry moves once.
 */

#include "policyd/front/domain_book.h"

#include <sys/random.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/siphash.h"
#include "shared/xalloc.h"

#define SLOTS_MIN 1024

/* What most domains are answered is kept once. */
static char not_found[] = "9:NOTFOUND ,";

struct domain_book {
	struct siphash_key	  key;
	struct book_entry	**slots;
	size_t			  slot_count;	/* a power of two */
	TAILQ_HEAD(book_entries, book_entry) used;	/* last: newest */
	size_t			  entries, bytes, entries_max, bytes_max;
	uint32_t		  additions;
	uint64_t		  evicted;
};

struct domain_book *
domain_book_new(size_t entries_max, size_t bytes_max)
{
	struct domain_book *book = xcalloc(1, sizeof(*book));

	if (getrandom(&book->key, sizeof(book->key), 0) !=
	    (ssize_t)sizeof(book->key))
		abort();
	book->slot_count = SLOTS_MIN;
	book->slots = xcalloc(book->slot_count, sizeof(*book->slots));
	TAILQ_INIT(&book->used);
	domain_book_set_limits(book, entries_max, bytes_max);
	return book;
}

static size_t
reply_bytes(const char *reply)
{
	return reply == NULL || reply == not_found ? 0 : strlen(reply) + 1;
}

static void
free_reply(char *reply)
{
	if (reply != not_found)
		free(reply);
}

static size_t
entry_bytes(const struct book_entry *e)
{
	size_t i, bytes = sizeof(*e) + e->name_len + 1 + e->record_bytes;

	for (i = 0; i < MAP_NAME_COUNT; i++)
		bytes += reply_bytes(e->replies[i]);
	return bytes;
}

static struct book_entry **
find_link(struct domain_book *book, struct text name)
{
	uint64_t hash = siphash(&book->key, name.data, name.len);
	struct book_entry **link =
	    &book->slots[hash & (book->slot_count - 1)];

	while (*link != NULL && ((*link)->name_len != name.len ||
	    memcmp((*link)->name, name.data, name.len) != 0))
		link = &(*link)->chain;
	return link;
}

static void
free_entry(struct book_entry *e)
{
	size_t i;

	for (i = 0; i < MAP_NAME_COUNT; i++)
		free_reply(e->replies[i]);
	free(e->record);
	free(e);
}

bool
domain_book_is_free(const struct book_entry *e)
{
	return e->lookup == NULL && e->pins == 0;
}

void
domain_book_remove(struct domain_book *book, struct book_entry *e)
{
	struct book_entry **link = find_link(book,
	    (struct text){ e->name, e->name_len });

	assert(*link == e && domain_book_is_free(e));
	*link = e->chain;
	TAILQ_REMOVE(&book->used, e, used);
	book->entries--;
	book->bytes -= entry_bytes(e);
	free_entry(e);
}

void
domain_book_remove_empty(struct domain_book *book, struct book_entry *e)
{
	if (e->record == NULL && domain_book_is_free(e))
		domain_book_remove(book, e);
}

/* Makes room; entries that somebody keeps go to the end of the queue. */
static void
evict(struct domain_book *book)
{
	struct book_entry *oldest;
	size_t tries = book->entries;

	while ((book->entries > book->entries_max ||
	    book->bytes > book->bytes_max) && tries-- > 0) {
		oldest = TAILQ_FIRST(&book->used);
		if (!domain_book_is_free(oldest)) {
			TAILQ_REMOVE(&book->used, oldest, used);
			TAILQ_INSERT_TAIL(&book->used, oldest, used);
			continue;
		}
		domain_book_remove(book, oldest);
		book->evicted++;
	}
}

/* The same for the sake of an entry in the caller's hands. */
static void
evict_others(struct domain_book *book, struct book_entry *e)
{
	e->pins++;
	evict(book);
	e->pins--;
}

void
domain_book_set_limits(struct domain_book *book, size_t entries_max,
    size_t bytes_max)
{
	book->entries_max = entries_max;
	book->bytes_max = bytes_max;
	evict(book);
}

void
domain_book_free(struct domain_book *book)
{
	struct book_entry *e;

	if (book == NULL)
		return;
	while ((e = TAILQ_FIRST(&book->used)) != NULL) {
		TAILQ_REMOVE(&book->used, e, used);
		free_entry(e);
	}
	free(book->slots);
	free(book);
}

struct book_entry *
domain_book_find(struct domain_book *book, struct text name)
{
	struct book_entry *e = *find_link(book, name);

	if (e != NULL && e->moved_at != book->additions) {
		e->moved_at = book->additions;
		TAILQ_REMOVE(&book->used, e, used);
		TAILQ_INSERT_TAIL(&book->used, e, used);
	}
	return e;
}

static void
grow(struct domain_book *book)
{
	struct book_entry **old = book->slots, *e, **link;
	size_t old_count = book->slot_count, i;

	book->slot_count *= 2;
	book->slots = xcalloc(book->slot_count, sizeof(*book->slots));
	for (i = 0; i < old_count; i++)
		while ((e = old[i]) != NULL) {
			old[i] = e->chain;
			link = find_link(book,
			    (struct text){ e->name, e->name_len });
			e->chain = NULL;
			*link = e;
		}
	free(old);
}

struct book_entry *
domain_book_add(struct domain_book *book, struct text name)
{
	struct book_entry *e = domain_book_find(book, name);

	if (e != NULL)
		return e;
	if (book->entries >= book->slot_count)
		grow(book);
	e = xcalloc(1, sizeof(*e) + name.len + 1);
	e->name_len = (uint16_t)name.len;
	memcpy(e->name, name.data, name.len);
	*find_link(book, name) = e;
	e->moved_at = book->additions++;
	TAILQ_INSERT_TAIL(&book->used, e, used);
	book->entries++;
	book->bytes += entry_bytes(e);
	evict_others(book, e);
	return e;
}

void
domain_book_drop_replies(struct domain_book *book, struct book_entry *e)
{
	size_t i;

	for (i = 0; i < MAP_NAME_COUNT; i++) {
		book->bytes -= reply_bytes(e->replies[i]);
		free_reply(e->replies[i]);
		e->replies[i] = NULL;
	}
	e->lets_pass = false;
}

void
domain_book_set(struct domain_book *book, struct book_entry *e,
    const struct facts *facts, struct text record, unsigned stale_ttl_s)
{
	domain_book_drop_replies(book, e);
	book->bytes -= e->record_bytes;
	free(e->record);
	e->record_bytes = (uint32_t)record.len;
	e->record = xmemdup(record.data, record.len);
	book->bytes += e->record_bytes;
	e->looked_at = facts->looked_at;
	e->refresh_at = facts->refresh_at;
	e->end_at = facts_end(facts, stale_ttl_s);
	e->refetch_at = facts->has_policy ? facts->refetch_at : 0;
	evict_others(book, e);
}

void
domain_book_clear(struct domain_book *book, struct book_entry *e)
{
	domain_book_drop_replies(book, e);
	book->bytes -= e->record_bytes;
	free(e->record);
	e->record = NULL;
	e->record_bytes = 0;
	e->looked_at = e->refresh_at = e->end_at = e->refetch_at = 0;
}

void
domain_book_set_reply(struct domain_book *book, struct book_entry *e,
    enum map_name name, const char *reply)
{
	book->bytes -= reply_bytes(e->replies[name]);
	free_reply(e->replies[name]);
	e->replies[name] = strcmp(reply, not_found) == 0 ? not_found :
	    xstrdup(reply);
	book->bytes += reply_bytes(e->replies[name]);
	evict_others(book, e);
}

void
domain_book_sweep(struct domain_book *book, size_t *cursor, size_t count,
    domain_book_visit *visit, void *arg)
{
	struct book_entry *e, *next;

	if (count > book->slot_count)
		count = book->slot_count;
	while (count-- > 0) {
		*cursor = (*cursor + 1) & (book->slot_count - 1);
		for (e = book->slots[*cursor]; e != NULL; e = next) {
			next = e->chain;
			visit(e, arg);
		}
	}
}

size_t
domain_book_slots(const struct domain_book *book)
{
	return book->slot_count;
}

struct domain_book_counters
domain_book_count(const struct domain_book *book)
{
	return (struct domain_book_counters){ book->entries, book->bytes,
	    book->evicted };
}
