/*
 * What the front knows in memory.  Entries that somebody keeps are never
 * evicted; all others are in the order of their last use.  Between two
 * additions that order is of no use to anybody: an entry moves once.
 */

#include "policyd/front/domain_book.h"

#include <sys/random.h>

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shared/policy/facts_pack.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define SLOTS_MIN	1024
#define BLOCK_HEAD	8	/* what malloc adds, and what it rounds to */
#define BLOCK_UNIT	16
#define ROOM_MIN	24	/* for a record behind the name */

/* What most domains are answered is kept once. */
static const char not_found[] = "9:NOTFOUND ,";
static struct book_replies not_found_only[] = {
	{ { NULL, not_found } }, { { not_found, NULL } },
	{ { not_found, not_found } }
};

struct domain_book {
	struct siphash_key	  key;
	struct book_entry	**slots;
	size_t			  slot_count;	/* a power of two */
	TAILQ_HEAD(book_entries, book_entry) used;	/* last: newest */
	size_t			  entries, bytes, entries_max, bytes_max;
	uint32_t		  additions;
	uint64_t		  evicted;
	struct buffer		  packed;	/* a record to be kept */
};

book_time
book_time_of(int64_t time)
{
	return time < 0 ? 0 : time > UINT32_MAX ? UINT32_MAX : (book_time)time;
}

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
	buffer_init(&book->packed, FACTS_RECORD_MAX_BYTES);
	domain_book_set_limits(book, entries_max, bytes_max);
	return book;
}

/*
 * The octets of an entry: its name, and room for a record of a domain about
 * which there is little to say.  A longer one is a block of its own.
 */
static size_t
block_bytes(size_t name_len)
{
	size_t bytes = offsetof(struct book_entry, name) + name_len + 1 +
	    ROOM_MIN + BLOCK_HEAD;

	return (bytes + BLOCK_UNIT - 1) / BLOCK_UNIT * BLOCK_UNIT - BLOCK_HEAD;
}

static char *
room(struct book_entry *e)
{
	return e->name + e->name_len + 1;
}

static size_t
room_bytes(const struct book_entry *e)
{
	return block_bytes(e->name_len) - offsetof(struct book_entry, name) -
	    e->name_len - 1;
}

static bool
replies_are_shared(const struct book_replies *replies)
{
	return replies == NULL || (replies >= not_found_only &&
	    replies < not_found_only + sizeof(not_found_only) /
	    sizeof(not_found_only[0]));
}

static size_t
replies_bytes(const struct book_replies *replies)
{
	size_t i, bytes = sizeof(*replies);

	if (replies_are_shared(replies))
		return 0;
	for (i = 0; i < MAP_NAME_COUNT; i++)
		if (replies->of[i] != NULL && replies->of[i] != not_found)
			bytes += strlen(replies->of[i]) + 1;
	return bytes;
}

static size_t
entry_bytes(const struct book_entry *e)
{
	return block_bytes(e->name_len) + replies_bytes(e->replies) +
	    (e->record_bytes > room_bytes(e) ? e->record_bytes : 0);
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
free_record(struct book_entry *e)
{
	if (e->record != room(e))
		free(e->record);
	e->record = NULL;
	e->record_bytes = 0;
}

static void
free_replies(struct book_entry *e)
{
	if (!replies_are_shared(e->replies))
		free(e->replies);
	e->replies = NULL;
}

static void
free_entry(struct book_entry *e)
{
	free_replies(e);
	free_record(e);
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
	buffer_clear(&book->packed);
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
	e = xcalloc(1, block_bytes(name.len));
	e->name_len = (unsigned)name.len;
	assert(e->name_len == name.len);
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
	book->bytes -= entry_bytes(e);
	free_replies(e);
	book->bytes += entry_bytes(e);
	e->lets_pass = false;
}

static void
set_record(struct book_entry *e, const struct buffer *packed)
{
	char *record = room(e);

	free_record(e);
	if (packed->len > room_bytes(e))
		record = xcalloc(1, packed->len);
	memcpy(record, packed->data, packed->len);
	e->record = record;
	e->record_bytes = (unsigned)packed->len;
	assert(e->record_bytes == packed->len && !packed->is_overfull);
}

void
domain_book_set(struct domain_book *book, struct book_entry *e,
    const struct facts *facts, unsigned stale_ttl_s)
{
	int64_t due_at = facts_end(facts, stale_ttl_s);

	domain_book_drop_replies(book, e);
	book->bytes -= entry_bytes(e);
	buffer_reset(&book->packed);
	facts_pack(facts, &book->packed);
	set_record(e, &book->packed);
	book->bytes += entry_bytes(e);
	if (facts->has_policy && facts->refetch_at != 0 &&
	    facts->refetch_at < due_at)
		due_at = facts->refetch_at;
	e->looked_at = book_time_of(facts->looked_at);
	e->refresh_at = book_time_of(facts->refresh_at);
	e->due_at = book_time_of(due_at);
	e->has_policy = facts->has_policy;
	evict_others(book, e);
}

struct facts *
domain_book_facts(const struct book_entry *e, const struct next_hop *hop)
{
	return e->record == NULL ? NULL : facts_unpack((struct text){
	    e->record, e->record_bytes }, hop, e->looked_at, e->refresh_at);
}

bool
domain_book_is_over(const struct book_entry *e, const struct next_hop *hop,
    unsigned stale_ttl_s, int64_t now)
{
	struct facts *facts;
	bool is_over;

	if (e->record != NULL && now < e->due_at)
		return false;
	facts = domain_book_facts(e, hop);
	is_over = facts == NULL || now >= facts_end(facts, stale_ttl_s);
	facts_free(facts);
	return is_over;
}

void
domain_book_clear(struct domain_book *book, struct book_entry *e)
{
	domain_book_drop_replies(book, e);
	book->bytes -= entry_bytes(e);
	free_record(e);
	book->bytes += entry_bytes(e);
	e->looked_at = e->refresh_at = e->due_at = 0;
	e->has_policy = false;
}

/* A block with copies of texts; the shared one where nothing is to be copied. */
static struct book_replies *
make_replies(const char *const texts[MAP_NAME_COUNT])
{
	struct book_replies *replies;
	size_t i, bytes = 0, len;
	char *end;

	for (i = 0; i < MAP_NAME_COUNT; i++)
		if (texts[i] != NULL && texts[i] != not_found)
			bytes += strlen(texts[i]) + 1;
	if (bytes == 0)
		return texts[0] == NULL ? &not_found_only[0] :
		    texts[1] == NULL ? &not_found_only[1] : &not_found_only[2];
	replies = xcalloc(1, sizeof(*replies) + bytes);
	end = (char *)(replies + 1);
	for (i = 0; i < MAP_NAME_COUNT; i++) {
		replies->of[i] = texts[i];
		if (texts[i] == NULL || texts[i] == not_found)
			continue;
		len = strlen(texts[i]) + 1;
		replies->of[i] = memcpy(end, texts[i], len);
		end += len;
	}
	return replies;
}

void
domain_book_set_reply(struct domain_book *book, struct book_entry *e,
    enum map_name name, const char *reply)
{
	const char *texts[MAP_NAME_COUNT] = { NULL };
	struct book_replies *replies;

	if (e->replies != NULL)
		memcpy(texts, e->replies->of, sizeof(texts));
	texts[name] = strcmp(reply, not_found) == 0 ? not_found : reply;
	replies = make_replies(texts);
	book->bytes -= entry_bytes(e);
	free_replies(e);
	e->replies = replies;
	book->bytes += entry_bytes(e);
	evict_others(book, e);
}

const char *
domain_book_reply(const struct book_entry *e, enum map_name name)
{
	return e->replies != NULL ? e->replies->of[name] : NULL;
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
