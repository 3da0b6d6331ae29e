/*
 * Counts of TLS sessions.  A key is one printable line, its fields separated
 * by tabs, so that memory, journal and shared cache hold the same words.  A
 * policy's text is a line among them, kept once and never counted up.
 */

#include "shared/tlsrpt/tally.h"

#include <stdlib.h>
#include <string.h>

#include "shared/pack.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define FIELD_COUNT	16	/* and perhaps a helo */
#define FIELD_MAX	160		/* octets of one; the rest is cut */
#define KEY_SIZE	1500
#define MERGED_KEYS_MAX	2000		/* of a domain, by all writers */
#define BLOCK_BYTES	65536		/* of names and lines */
#define TABLE_MIN	64		/* a power of 2 */
#define VERSION_LINE	"hopseal-tally 1\n"

_Static_assert(KEY_SIZE <= TALLY_LINE_MAX_BYTES, "keys are lines");

/* What of an entry the journal has not seen. */
enum { CHANGED_ONCE = 1, CHANGED_REPEATABLE = 2 };

struct domain {
	const char	*name;
	uint32_t	 hash;
	uint32_t	 first;		/* its entries */
	uint16_t	 key_count, text_count;
	uint8_t		 marks;		/* 1 << enum tally_mark */
};

/* Memory that is freed all at once. */
struct block {
	struct block	*next;
	size_t		 used;
	char		 data[];
};

struct index_list {
	uint32_t	*items;
	uint32_t	 count, capacity;
};

struct tally {
	struct siphash_key	 key;
	int64_t			 day;
	uint32_t		 domain_max;
	struct domain		*domains;
	uint32_t		 domain_count, domain_capacity;
	struct tally_entry	*entries;
	uint32_t		 entry_count, entry_capacity;
	uint64_t		 total;
	uint32_t		*table;		/* domain number + 1, by hash */
	uint32_t		 table_size;
	struct index_list	 marked[TALLY_MARK_COUNT];
	struct block		*blocks;
	size_t			 block_bytes;
};

/* References are the same on all hosts. */
static const struct siphash_key digest_key = {
	UINT64_C(0x686f707365616c74), UINT64_C(0x616c6c7964617973)
};

static const char *const outcome_names[] = {
	[TALLY_UNKNOWN] = "unknown", [TALLY_SUCCESS] = "success",
	[TALLY_FAILURE] = "failure", [TALLY_CLEAR] = "clear"
};

/* ------------------------------------------------------------- storage */

struct tally *
tally_new(int64_t day, unsigned domain_max, const struct siphash_key *key)
{
	struct tally *t = xcalloc(1, sizeof(*t));

	t->key = *key;
	t->day = day;
	t->domain_max = domain_max;
	t->table_size = TABLE_MIN;
	t->table = xcalloc(t->table_size, sizeof(*t->table));
	return t;
}

void
tally_free(struct tally *t)
{
	struct block *block;
	int mark;

	if (t == NULL)
		return;
	while ((block = t->blocks) != NULL) {
		t->blocks = block->next;
		free(block);
	}
	for (mark = 0; mark < TALLY_MARK_COUNT; mark++)
		free(t->marked[mark].items);
	free(t->domains);
	free(t->entries);
	free(t->table);
	free(t);
}

int64_t
tally_day(const struct tally *t)
{
	return t->day;
}

static const char *
keep(struct tally *t, struct text text)
{
	struct block *block = t->blocks;
	size_t size = text.len + 1, room;
	char *copy;

	if (block == NULL || block->used + size > BLOCK_BYTES) {
		room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
		block = xcalloc(1, sizeof(*block) + room);
		t->block_bytes += sizeof(*block) + room;
		block->next = t->blocks;
		t->blocks = block;
	}
	copy = block->data + block->used;
	memcpy(copy, text.data, text.len);
	block->used += size;
	return copy;
}

/* One more of size octets at *items; the capacity grows by a half. */
static void *
grow(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity += *capacity / 2 + 16;
	return xreallocarray(items, *capacity, size);
}

static void
index_list_add(struct index_list *list, uint32_t item)
{
	list->items = grow(list->items, list->count, &list->capacity,
	    sizeof(*list->items));
	list->items[list->count++] = item;
}

static uint32_t
hash_of(const struct tally *t, struct text text)
{
	return (uint32_t)siphash(&t->key, text.data, text.len);
}

static bool
is_same(const char *kept, struct text text)
{
	return strncmp(kept, text.data, text.len) == 0 &&
	    kept[text.len] == '\0';
}

/* Where a domain's number stands in the table, or the free place for it. */
static uint32_t *
table_place(const struct tally *t, uint32_t hash, struct text name)
{
	uint32_t i = hash & (t->table_size - 1);
	const struct domain *d;

	for (; t->table[i] != 0; i = (i + 1) & (t->table_size - 1)) {
		d = &t->domains[t->table[i] - 1];
		if (d->hash == hash && is_same(d->name, name))
			break;
	}
	return &t->table[i];
}

static void
table_double(struct tally *t)
{
	uint32_t i;

	free(t->table);
	t->table_size *= 2;
	t->table = xcalloc(t->table_size, sizeof(*t->table));
	for (i = 0; i < t->domain_count; i++)
		*table_place(t, t->domains[i].hash,
		    text_of(t->domains[i].name)) = i + 1;
}

/* A name as it is kept: printable, one word, not too long. */
static struct text
clean_name(struct text name, char out[TALLY_DOMAIN_MAX + 1])
{
	size_t i;

	if (name.len == 0 || name.len > TALLY_DOMAIN_MAX)
		return text_of(TALLY_OTHER);
	for (i = 0; i < name.len; i++)
		out[i] = name.data[i] > ' ' && name.data[i] < 0x7f ?
		    name.data[i] : '?';
	return (struct text){ out, name.len };
}

/* "(other)" when there are domain_max others. */
static uint32_t
domain_of(struct tally *t, struct text wanted, uint32_t domain_max)
{
	char clean[TALLY_DOMAIN_MAX + 1];
	struct text name = clean_name(wanted, clean);
	uint32_t hash = hash_of(t, name), *place = table_place(t, hash, name);

	if (*place != 0)
		return *place - 1;
	if (t->domain_count >= domain_max && !text_equals(name, TALLY_OTHER))
		return domain_of(t, text_of(TALLY_OTHER), domain_max);
	if (t->domain_count + 1 > t->table_size / 4 * 3) {
		table_double(t);
		place = table_place(t, hash, name);
	}
	t->domains = grow(t->domains, t->domain_count, &t->domain_capacity,
	    sizeof(*t->domains));
	t->domains[t->domain_count] = (struct domain){ .hash = hash,
	    .name = keep(t, name), .first = TALLY_NONE };
	*place = ++t->domain_count;
	return t->domain_count - 1;
}

static struct tally_entry *
find_entry(const struct tally *t, uint32_t domain, struct text line,
    uint32_t hash)
{
	struct tally_entry *e;
	uint32_t i;

	for (i = t->domains[domain].first; i != TALLY_NONE; i = e->next) {
		e = &t->entries[i];
		if (e->hash == hash && is_same(e->line, line))
			return e;
	}
	return NULL;
}

static struct tally_entry *
add_entry(struct tally *t, uint32_t domain, struct text line, uint32_t hash)
{
	struct domain *d = &t->domains[domain];
	struct tally_entry *e;

	t->entries = grow(t->entries, t->entry_count, &t->entry_capacity,
	    sizeof(*t->entries));
	e = &t->entries[t->entry_count];
	*e = (struct tally_entry){ .line = keep(t, line), .hash = hash,
	    .next = d->first };
	d->first = t->entry_count++;
	if (tally_line_is_text(line))
		d->text_count++;
	else
		d->key_count++;
	return e;
}

void
tally_mark(struct tally *t, enum tally_mark mark, uint32_t domain)
{
	struct domain *d = &t->domains[domain];

	if ((d->marks & 1 << mark) != 0)
		return;
	d->marks |= (uint8_t)(1 << mark);
	index_list_add(&t->marked[mark], domain);
}

static void
note_time(struct tally_entry *e, uint32_t first_at, uint32_t last_at)
{
	if (e->first_at == 0 || first_at < e->first_at)
		e->first_at = first_at;
	if (last_at > e->last_at)
		e->last_at = last_at;
}

static void
count(struct tally *t, uint32_t domain, struct tally_entry *e, int64_t at,
    enum tally_source source)
{
	e->total++;
	t->total++;
	if (source == TALLY_REPEATABLE) {
		e->held++;
		e->changes |= CHANGED_REPEATABLE;
	} else
		e->changes |= CHANGED_ONCE;
	note_time(e, (uint32_t)at, (uint32_t)at);
	tally_mark(t, TALLY_MARK_JOURNAL, domain);
	tally_mark(t, TALLY_MARK_CACHE, domain);
}

/* ---------------------------------------------------------------- keys */

/* Fields of a line that is being written. */
struct writer {
	char	*out;
	size_t	 len, size;
};

static void
put_printable(struct writer *w, struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		w->out[w->len++] = t.data[i] >= ' ' && t.data[i] < 0x7f ?
		    t.data[i] : '?';
}

static void
put_field(struct writer *w, struct text field, size_t max)
{
	if (w->len > 0)
		w->out[w->len++] = '\t';
	if (field.len > max)
		field.len = max;
	put_printable(w, field);
}

static void
put_word(struct writer *w, const char *word)
{
	put_field(w, text_of(word), FIELD_MAX);
}

/* How much of a key is told; less when a domain has too many. */
enum detail { DETAIL_ALL, DETAIL_SOME, DETAIL_LEAST };

static struct text
known_protocol(struct text protocol)
{
	static const char *const known[] = {
		"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1", "SSLv3"
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (protocol.len == 0 || text_equals(protocol, known[i]))
			return protocol;
	return text_of(TALLY_OTHER);
}

static struct text
format_key(const struct tally_key *key, enum detail detail,
    char out[KEY_SIZE])
{
	struct writer w = { out, 0, KEY_SIZE };
	struct text other = text_of(detail == DETAIL_ALL ? "" : TALLY_OTHER);
	const char *trust = session_trust_name(key->trust);
	bool has_all = detail == DETAIL_ALL;

	if (detail == DETAIL_LEAST)
		trust = NULL;
	put_word(&w, key->is_detail ? "d" : "s");
	put_word(&w, session_direction_name(key->direction));
	put_word(&w, outcome_names[key->outcome]);
	put_word(&w, finding_name(key->finding));
	put_word(&w, trust != NULL ? trust : "");
	put_word(&w, key->is_let_pass ? "let-pass" : key->is_probe ? "probe" :
	    key->refuses_our_certificate ? "our-certificate" : "");
	put_field(&w, has_all ? key->policy : detail == DETAIL_SOME ?
	    tally_policy_type(key->policy) : other, TALLY_REF_SIZE);
	put_field(&w, has_all ? key->record : text_of(""), TALLY_REF_SIZE);
	put_field(&w, detail == DETAIL_LEAST && key->protocol.len > 0 ? other :
	    known_protocol(key->protocol), 16);
	put_field(&w, has_all ? key->cipher : other, 64);
	put_field(&w, has_all ? key->host : other, FIELD_MAX);
	put_field(&w, has_all ? key->address : other, 64);
	put_field(&w, has_all ? key->sender : other, 64);
	put_field(&w, has_all ? key->service : other, 32);
	put_field(&w, has_all ? key->result : text_of(""), 64);
	put_field(&w, has_all ? key->reason : other, FIELD_MAX);
	if (has_all && key->helo.len > 0)
		put_field(&w, key->helo, FIELD_MAX);
	return (struct text){ out, w.len };
}

struct text
tally_policy_type(struct text policy)
{
	struct text type = policy;

	text_next_field(&policy, ':', &type);
	return type;
}

bool
tally_line_is_text(struct text line)
{
	return text_starts_with(line, "p\t") || text_starts_with(line, "r\t");
}

static bool
parse_direction(struct text word, enum session_direction *out)
{
	int i;

	for (i = 0; i < SESSION_DIRECTION_COUNT; i++)
		if (text_equals(word, session_direction_name(i))) {
			*out = (enum session_direction)i;
			return true;
		}
	return false;
}

static bool
parse_outcome(struct text word, enum tally_outcome *out)
{
	int i;

	for (i = TALLY_UNKNOWN; i <= TALLY_CLEAR; i++)
		if (text_equals(word, outcome_names[i])) {
			*out = (enum tally_outcome)i;
			return true;
		}
	return false;
}

static bool
parse_trust(struct text word, enum session_trust *out)
{
	int i;

	*out = SESSION_TRUST_UNKNOWN;
	for (i = SESSION_TRUST_ANONYMOUS; i <= SESSION_TRUST_VERIFIED; i++)
		if (text_equals(word, session_trust_name(i)))
			*out = (enum session_trust)i;
	return word.len == 0 || *out != SESSION_TRUST_UNKNOWN;
}

bool
tally_key_parse(struct text line, struct tally_key *out)
{
	struct text fields[FIELD_COUNT];
	struct tally_key key = { 0 };
	size_t i;

	for (i = 0; i < FIELD_COUNT; i++)
		if (!text_next_field(&line, '\t', &fields[i]))
			return false;
	if (line.data != NULL && !text_next_field(&line, '\t', &key.helo))
		return false;
	if (line.data != NULL ||
	    (!text_equals(fields[0], "s") && !text_equals(fields[0], "d")) ||
	    !parse_direction(fields[1], &key.direction) ||
	    !parse_outcome(fields[2], &key.outcome) ||
	    !finding_parse(fields[3], &key.finding) ||
	    !parse_trust(fields[4], &key.trust))
		return false;
	key.is_detail = text_equals(fields[0], "d");
	key.is_let_pass = text_equals(fields[5], "let-pass");
	key.is_probe = key.is_let_pass || text_equals(fields[5], "probe");
	key.refuses_our_certificate = text_equals(fields[5],
	    "our-certificate");
	key.policy = fields[6];
	key.record = fields[7];
	key.protocol = fields[8];
	key.cipher = fields[9];
	key.host = fields[10];
	key.address = fields[11];
	key.sender = fields[12];
	key.service = fields[13];
	key.result = fields[14];
	key.reason = fields[15];
	*out = key;
	return true;
}

const char *
tally_outcome_name(enum tally_outcome outcome)
{
	return outcome_names[outcome];
}

/* ------------------------------------------------------------- counting */

void
tally_add(struct tally *t, struct text domain_name,
    const struct tally_key *key, int64_t at, enum tally_source source)
{
	/* Our users choose whom we send to, strangers who comes: half at most
	   of the names is theirs. */
	uint32_t domain = domain_of(t, domain_name,
	    key->direction == SESSION_OUT ? t->domain_max : t->domain_max / 2);
	uint32_t hash;
	struct tally_entry *e;
	enum detail detail;
	char out[KEY_SIZE];
	struct text line;

	for (detail = DETAIL_ALL;; detail++) {
		line = format_key(key, detail, out);
		hash = hash_of(t, line);
		e = find_entry(t, domain, line, hash);
		/* The least detailed are few enough to need no bound. */
		if (e == NULL && (detail == DETAIL_LEAST ||
		    t->domains[domain].key_count <
		    TALLY_KEYS_MAX * (1 + (int)detail)))
			e = add_entry(t, domain, line, hash);
		if (e != NULL)
			break;
	}
	count(t, domain, e, at, source);
}

/* False when there is no room for another text. */
static bool
keep_line(struct tally *t, struct text domain_name, struct text line,
    int64_t at, enum tally_source source)
{
	uint32_t domain = domain_of(t, domain_name, t->domain_max);
	uint32_t hash = hash_of(t, line);
	struct tally_entry *e = find_entry(t, domain, line, hash);

	if (e != NULL)
		return true;
	if (t->domains[domain].text_count >= TALLY_TEXTS_MAX)
		return false;
	count(t, domain, add_entry(t, domain, line, hash), at, source);
	return true;
}

/* "p", a place for the reference, then what it is a digest of. */
static struct text
set_digest(char *line, size_t len, const char *type, char ref[TALLY_REF_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t digest = siphash(&digest_key, line, len);
	size_t i, type_len = strlen(type);
	char *at = ref;

	if (type_len > 0) {
		memcpy(at, type, type_len);
		at += type_len;
		*at++ = ':';
	}
	for (i = 0; i < 16; i++)
		*at++ = digits[digest >> (60 - 4 * i) & 15];
	*at = '\0';
	memcpy(line + 2, ref, strlen(ref));
	return (struct text){ line, len };
}

/* Starts a text's line with its letter and room for the reference. */
static void
begin_line(struct writer *w, const char *letter, const char *type)
{
	char blank[TALLY_REF_SIZE];
	size_t len = (type[0] != '\0' ? strlen(type) + 1 : 0) + 16;

	memset(blank, '-', len);
	put_word(w, letter);
	put_field(w, (struct text){ blank, len }, len);
}

/* A field of any length; false when the line has no room for it. */
static bool
put_long(struct writer *w, const char *prefix, const char *string)
{
	struct text field = text_of(string);

	if (w->len + 1 + strlen(prefix) + field.len > w->size)
		return false;
	put_word(w, prefix);
	put_printable(w, field);
	return true;
}

void
tally_add_policy(struct tally *t, struct text domain,
    const struct tally_policy *policy, int64_t at, enum tally_source source,
    char ref[TALLY_REF_SIZE])
{
	char out[TALLY_LINE_MAX_BYTES];
	struct writer w = { out, 0, TALLY_TEXT_MAX_BYTES };
	const char *type = policy->type;
	struct text line;
	size_t i;

	begin_line(&w, "p", type);
	put_field(&w, text_of(policy->domain), TALLY_DOMAIN_MAX);
	for (i = 0; i < policy->string_count; i++)
		if (!put_long(&w, "s", policy->strings[i]))
			break;
	for (i = 0; i < policy->mx_count; i++)
		if (!put_long(&w, "m", policy->mx[i]))
			break;
	line = set_digest(w.out, w.len, type, ref);
	if (!keep_line(t, domain, line, at, source))
		strcpy(ref, type);
}

void
tally_add_record(struct tally *t, struct text domain, struct text record,
    int64_t at, enum tally_source source, char ref[TALLY_REF_SIZE])
{
	char out[TALLY_LINE_MAX_BYTES];
	struct writer w = { out, 0, TALLY_TEXT_MAX_BYTES };
	struct text line;

	begin_line(&w, "r", "");
	put_field(&w, record, TALLY_TEXT_MAX_BYTES - w.len);
	line = set_digest(w.out, w.len, "", ref);
	if (!keep_line(t, domain, line, at, source))
		ref[0] = '\0';
}

static bool
is_line(struct text line)
{
	struct tally_key key;
	size_t i;

	if (line.len > TALLY_LINE_MAX_BYTES)
		return false;
	for (i = 0; i < line.len; i++)
		if (line.data[i] != '\t' &&
		    (line.data[i] < ' ' || line.data[i] > '~'))
			return false;
	return tally_line_is_text(line) || tally_key_parse(line, &key);
}

bool
tally_merge(struct tally *t, struct text domain_name, struct text line,
    uint64_t total, uint32_t first_at, uint32_t last_at, enum tally_merge how)
{
	uint32_t domain, hash;
	struct tally_entry *e;
	struct tally_key key;
	char out[KEY_SIZE];

	if (!is_line(line))
		return false;
	domain = domain_of(t, domain_name, t->domain_max);
	if (t->domains[domain].key_count >= MERGED_KEYS_MAX &&
	    tally_key_parse(line, &key))
		line = format_key(&key, DETAIL_LEAST, out);
	hash = hash_of(t, line);
	e = find_entry(t, domain, line, hash);
	if (e == NULL)
		e = add_entry(t, domain, line, hash);
	if (how == TALLY_SUM)
		total += e->total;
	if (total > e->total) {
		t->total += total - e->total;
		e->total = total;
	}
	note_time(e, first_at, last_at);
	tally_mark(t, TALLY_MARK_CACHE, domain);
	return true;
}

/* -------------------------------------------------------------- reading */

uint32_t
tally_domain_count(const struct tally *t)
{
	return t->domain_count;
}

const char *
tally_domain_name(const struct tally *t, uint32_t domain)
{
	return t->domains[domain].name;
}

uint32_t
tally_find(const struct tally *t, struct text wanted)
{
	char clean[TALLY_DOMAIN_MAX + 1];
	struct text name = clean_name(wanted, clean);
	uint32_t *place = table_place(t, hash_of(t, name), name);

	return *place == 0 ? TALLY_NONE : *place - 1;
}

uint32_t
tally_first(const struct tally *t, uint32_t domain)
{
	return t->domains[domain].first;
}

const struct tally_entry *
tally_entry(const struct tally *t, uint32_t entry)
{
	return &t->entries[entry];
}

size_t
tally_entry_count(const struct tally *t)
{
	return t->entry_count;
}

uint64_t
tally_total(const struct tally *t)
{
	return t->total;
}

size_t
tally_bytes(const struct tally *t)
{
	return t->block_bytes +
	    t->domain_capacity * sizeof(*t->domains) +
	    t->entry_capacity * sizeof(*t->entries) +
	    t->table_size * sizeof(*t->table);
}

bool
tally_take_marked(struct tally *t, enum tally_mark mark, uint32_t *domain)
{
	struct index_list *list = &t->marked[mark];

	if (list->count == 0)
		return false;
	*domain = list->items[--list->count];
	t->domains[*domain].marks &= (uint8_t)~(1 << mark);
	return true;
}

bool
tally_has_marked(const struct tally *t, enum tally_mark mark)
{
	return t->marked[mark].count > 0;
}

void
tally_mark_all(struct tally *t, enum tally_mark mark)
{
	uint32_t domain;

	for (domain = 0; domain < t->domain_count; domain++)
		tally_mark(t, mark, domain);
}

void
tally_unmark_all(struct tally *t, enum tally_mark mark)
{
	uint32_t domain;

	while (tally_take_marked(t, mark, &domain))
		;
}

/* ---------------------------------------------------------- the journal */

/*
 * An item: the domain, the number of lines; for each its total, first and last
 * time, and the line.
 */
static void
pack_entry(const struct tally_entry *e, uint64_t total, struct buffer *out)
{
	pack_u64(out, total);
	pack_u32(out, e->first_at);
	pack_u32(out, e->last_at);
	pack_text(out, text_of(e->line));
}

static uint8_t
wanted_changes(bool with_held)
{
	return with_held ? CHANGED_ONCE | CHANGED_REPEATABLE : CHANGED_ONCE;
}

static void
format_changed_domain(const struct tally *t, const struct domain *d,
    bool with_held, struct buffer *out)
{
	const struct tally_entry *e;
	uint32_t i, changed = 0;

	for (i = d->first; i != TALLY_NONE; i = t->entries[i].next)
		if ((t->entries[i].changes & wanted_changes(with_held)) != 0)
			changed++;
	if (changed == 0)
		return;
	pack_string(out, d->name);
	pack_u32(out, changed);
	for (i = d->first; i != TALLY_NONE; i = e->next) {
		e = &t->entries[i];
		if ((e->changes & wanted_changes(with_held)) != 0)
			pack_entry(e, with_held ? e->total :
			    e->total - e->held, out);
	}
}

void
tally_format_changes(const struct tally *t, bool with_held,
    struct buffer *out)
{
	const struct index_list *list = &t->marked[TALLY_MARK_JOURNAL];
	uint32_t i;

	for (i = 0; i < list->count; i++)
		format_changed_domain(t, &t->domains[list->items[i]],
		    with_held, out);
}

/* True when something is still to be written. */
static bool
commit_domain(struct tally *t, const struct domain *d, bool with_held)
{
	struct tally_entry *e;
	bool has_more = false;
	uint32_t i;

	for (i = d->first; i != TALLY_NONE; i = e->next) {
		e = &t->entries[i];
		e->changes &= (uint8_t)~wanted_changes(with_held);
		if (with_held)
			e->held = 0;
		has_more |= e->changes != 0;
	}
	return has_more;
}

void
tally_commit(struct tally *t, bool with_held)
{
	struct index_list *list = &t->marked[TALLY_MARK_JOURNAL];
	uint32_t i, kept = 0, domain;

	for (i = 0; i < list->count; i++) {
		domain = list->items[i];
		if (commit_domain(t, &t->domains[domain], with_held))
			list->items[kept++] = domain;
		else
			t->domains[domain].marks &=
			    (uint8_t)~(1 << TALLY_MARK_JOURNAL);
	}
	list->count = kept;
}

void
tally_format_all(const struct tally *t, uint32_t *domain, size_t limit,
    struct buffer *out)
{
	const struct domain *d;
	uint32_t i;

	for (; *domain < t->domain_count && out->len < limit; (*domain)++) {
		d = &t->domains[*domain];
		pack_string(out, d->name);
		pack_u32(out, (uint32_t)d->key_count + d->text_count);
		for (i = d->first; i != TALLY_NONE; i = t->entries[i].next)
			pack_entry(&t->entries[i], t->entries[i].total, out);
	}
}

static bool
replay_domain(struct tally *t, struct unpack *u)
{
	struct text domain = unpack_text(u), line;
	uint32_t n = unpack_u32(u), first_at, last_at;
	uint64_t total;

	for (; n > 0 && !u->is_bad; n--) {
		total = unpack_u64(u);
		first_at = unpack_u32(u);
		last_at = unpack_u32(u);
		line = unpack_text(u);
		if (u->is_bad || !tally_merge(t, domain, line, total, first_at,
		    last_at, TALLY_RAISE))
			return false;
	}
	return !u->is_bad;
}

bool
tally_replay(struct tally *t, struct text items)
{
	struct unpack u;

	unpack_init(&u, items.data, items.len);
	while (u.left > 0)
		if (!replay_domain(t, &u))
			return false;
	return true;
}

/* ----------------------------------------------------- the shared cache */

void
tally_format_domain(const struct tally *t, uint32_t domain,
    struct buffer *out)
{
	const struct tally_entry *e;
	uint32_t i;

	buffer_add_text(out, VERSION_LINE);
	for (i = t->domains[domain].first; i != TALLY_NONE; i = e->next) {
		e = &t->entries[i];
		buffer_addf(out, "%llu %u %u ", (unsigned long long)e->total,
		    e->first_at, e->last_at);
		buffer_add_text(out, e->line);
		buffer_add(out, "\n", 1);
	}
}

static bool
next_number(struct text *line, uint64_t max, uint64_t *out)
{
	struct text word;

	return text_next_field(line, ' ', &word) &&
	    text_parse_u64(word, max, out);
}

bool
tally_merge_domain(struct tally *t, struct text domain, struct text value)
{
	uint64_t total, first_at, last_at;
	struct text line;

	if (!text_starts_with(value, VERSION_LINE))
		return false;
	text_next_line(&value, &line);
	while (text_next_line(&value, &line))
		if (next_number(&line, UINT64_MAX / 1024, &total) &&
		    next_number(&line, UINT32_MAX, &first_at) &&
		    next_number(&line, UINT32_MAX, &last_at) &&
		    line.data != NULL)
			tally_merge(t, domain, line, total, (uint32_t)first_at,
			    (uint32_t)last_at, TALLY_SUM);
	return true;
}
