/*
 * Facts in few octets.  First a word with the states and a bit for each field
 * that has a value, then those fields, the policy's lines, and the hosts.
 * Times are told by their distance from looked_at, and the end of a host's
 * name by what it has in common with the domain or the host before.  Where
 * hosts were looked at there is too much to say for this: the word is followed
 * by the record as text.
 */

#include "shared/policy/facts_pack.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "shared/pack.h"
#include "shared/xalloc.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

/* The fields that mostly have no value, the more frequent ones first. */
static const size_t times[] = {
	offsetof(struct facts, learned_at), offsetof(struct facts, fetched_at),
	offsetof(struct facts, expires_at), offsetof(struct facts, refetch_at),
	offsetof(struct facts, fetch_failed_at)
};
static const size_t flags[] = {
	offsetof(struct facts, mx_is_secure),
	offsetof(struct facts, mx_is_implicit),
	offsetof(struct facts, has_policy), offsetof(struct facts, mx_is_null),
	offsetof(struct facts, hosts_are_cut)
};
#define WORD(field) { offsetof(struct facts, field), \
	sizeof(((struct facts *)0)->field) }
static const struct {
	size_t offset, size;
} words[] = {
	WORD(record_id), WORD(policy_id), WORD(record_error), WORD(mx_error),
	WORD(dane_error), WORD(fetch_failed_id), WORD(fetch_error)
};

/* Where they stand in the first word. */
enum {
	TEXT_AT = 0, MX_AT = 1, DANE_AT = 3, RECORD_AT = 6, TIMES_AT = 8,
	FLAGS_AT = TIMES_AT + ROWS(times), WORDS_AT = FLAGS_AT + ROWS(flags),
	FAILED_AT = WORDS_AT + ROWS(words)
};

/* The same for a host. */
enum {
	HOST_ADDRESSES_AT = 0, HOST_TLSA_AT = 2, HOST_SECURE_AT = 4,
	HOST_OF_DOMAIN_AT = 5, HOST_LIKE_LAST_AT = 6, HOST_ERROR_AT = 7
};

static bool
has_bit(uint64_t word, unsigned at)
{
	return word >> at & 1;
}

/* Both signs in few octets: 0, -1, 1, -2 ... are 0, 1, 2, 3 ... */
static void
pack_time(struct buffer *out, int64_t time, int64_t base)
{
	int64_t distance = time - base;

	pack_varint(out, distance < 0 ? ~((uint64_t)distance << 1) :
	    (uint64_t)distance << 1);
}

static int64_t
unpack_time(struct unpack *u, int64_t base)
{
	uint64_t value = unpack_varint(u);

	return base + (int64_t)((value & 1) != 0 ? ~(value >> 1) : value >> 1);
}

static void
pack_word(struct buffer *out, const char *word)
{
	pack_brief(out, text_of(word));
}

static void
unpack_word(struct unpack *u, char *out, size_t size)
{
	struct text word = unpack_brief(u);

	assert(word.len < size);
	memcpy(out, word.data, word.len);
	out[word.len] = '\0';
}

/* ------------------------------------------------------------------ hosts */

static void
pack_address(const struct address *address, struct buffer *out)
{
	pack_u8(out, address->family);
	buffer_add(out, address->octets, address->family == 6 ? 16 : 4);
}

static void
unpack_address(struct unpack *u, struct address *address)
{
	struct text octets;

	address->family = unpack_u8(u);
	octets = unpack_octets(u, address->family == 6 ? 16 : 4);
	memcpy(address->octets, octets.data, octets.len);
}

/* Octets at the end of both. */
static size_t
common_tail(struct text a, struct text b)
{
	size_t len = 0;

	while (len < a.len && len < b.len &&
	    a.data[a.len - 1 - len] == b.data[b.len - 1 - len])
		len++;
	return len;
}

static void
pack_host(const struct facts *f, size_t at, struct buffer *out)
{
	const struct facts_host *host = &f->hosts[at];
	struct text name = text_of(host->name), domain = text_of(f->hop.name);
	size_t i, like_last = at == 0 ? 0 :
	    common_tail(name, text_of(host[-1].name));
	bool is_of_domain = domain.len + 1 >= like_last &&
	    host_name_is_below(host->name, f->hop.name);

	pack_varint(out, (uint64_t)host->address_state << HOST_ADDRESSES_AT |
	    (uint64_t)host->tlsa << HOST_TLSA_AT |
	    (uint64_t)host->is_secure << HOST_SECURE_AT |
	    (uint64_t)is_of_domain << HOST_OF_DOMAIN_AT |
	    (uint64_t)(!is_of_domain && like_last > 0) << HOST_LIKE_LAST_AT |
	    (uint64_t)(host->error[0] != '\0') << HOST_ERROR_AT);
	if (is_of_domain)	/* without the dot between */
		name.len -= domain.len + (name.len > domain.len);
	else if (like_last > 0) {
		name.len -= like_last;
		pack_varint(out, like_last);
	}
	pack_brief(out, name);
	pack_varint(out, host->preference);
	if (host->error[0] != '\0')
		pack_word(out, host->error);
	pack_varint(out, host->address_count);
	for (i = 0; i < host->address_count; i++)
		pack_address(&host->addresses[i].address, out);
}

/* The end of what was added. */
static char *
add_octets(char *out, struct text octets)
{
	memcpy(out, octets.data, octets.len);
	return out + octets.len;
}

static void
unpack_host(struct unpack *u, struct facts *f, size_t at)
{
	struct facts_host *host = &f->hosts[at];
	uint64_t bits = unpack_varint(u);
	struct text tail = { "", 0 }, head;
	size_t i, len;
	char *end = host->name;

	host->address_state = (enum fact_state)(bits >> HOST_ADDRESSES_AT & 3);
	host->tlsa = (enum tlsa_state)(bits >> HOST_TLSA_AT & 3);
	host->is_secure = has_bit(bits, HOST_SECURE_AT);
	if (has_bit(bits, HOST_OF_DOMAIN_AT))
		tail = text_of(f->hop.name);
	else if (has_bit(bits, HOST_LIKE_LAST_AT)) {
		tail = text_of(host[-1].name);
		len = unpack_varint(u);
		tail.data += tail.len - len;
		tail.len = len;
	}
	head = unpack_brief(u);
	assert(head.len + 1 + tail.len < sizeof(host->name));
	end = add_octets(end, head);
	if (has_bit(bits, HOST_OF_DOMAIN_AT) && head.len > 0)
		*end++ = '.';
	add_octets(end, tail);
	host->preference = (uint16_t)unpack_varint(u);
	if (has_bit(bits, HOST_ERROR_AT))
		unpack_word(u, host->error, sizeof(host->error));
	host->address_count = unpack_varint(u);
	host->addresses = xcalloc(host->address_count,
	    sizeof(*host->addresses));
	for (i = 0; i < host->address_count; i++)
		unpack_address(u, &host->addresses[i].address);
}

/* ------------------------------------------------------------- the policy */

static void
pack_policy(const struct mtasts_policy *policy, struct buffer *out)
{
	size_t i;

	pack_varint(out, policy->line_count);
	for (i = 0; i < policy->line_count; i++)
		pack_word(out, policy->lines[i]);
}

static void
unpack_policy(struct unpack *u, struct mtasts_policy *policy)
{
	size_t left = unpack_varint(u);
	struct buffer text;
	struct text line;
	const char *why;
	int result;

	buffer_init(&text, MTASTS_POLICY_MAX_BYTES + 1);
	for (; left > 0; left--) {
		line = unpack_brief(u);
		buffer_add(&text, line.data, line.len);
		buffer_add_text(&text, left > 1 ? "\n" : "");
	}
	result = mtasts_policy_parse(buffer_text(&text), text.len, policy,
	    &why);
	assert(result == 0);
	buffer_clear(&text);
}

/* --------------------------------------------------------------- all of it */

static bool
was_looked_at(const struct facts *f)
{
	size_t h, i;

	for (h = 0; h < f->host_count; h++)
		for (i = 0; i < f->hosts[h].address_count; i++)
			if (f->hosts[h].addresses[i].finding !=
			    FINDING_UNKNOWN)
				return true;
	return false;
}

static uint64_t
first_word(const struct facts *f)
{
	const char *base = (const char *)f;
	uint64_t word = (uint64_t)f->mx_state << MX_AT |
	    (uint64_t)f->dane << DANE_AT |
	    (uint64_t)f->record_state << RECORD_AT |
	    (uint64_t)(f->fetch_failed_count > 0) << FAILED_AT;
	int64_t time;
	bool flag;
	size_t i;

	for (i = 0; i < ROWS(times); i++) {
		memcpy(&time, base + times[i], sizeof(time));
		word |= (uint64_t)(time != 0) << (TIMES_AT + i);
	}
	for (i = 0; i < ROWS(flags); i++) {
		memcpy(&flag, base + flags[i], sizeof(flag));
		word |= (uint64_t)flag << (FLAGS_AT + i);
	}
	for (i = 0; i < ROWS(words); i++)
		word |= (uint64_t)(base[words[i].offset] != '\0') <<
		    (WORDS_AT + i);
	return word;
}

void
facts_pack(const struct facts *f, struct buffer *out)
{
	const char *base = (const char *)f;
	uint64_t word = first_word(f);
	int64_t time;
	size_t i;

	if (was_looked_at(f)) {
		pack_varint(out, UINT64_C(1) << TEXT_AT);
		facts_format(f, out);
		return;
	}
	pack_varint(out, word);
	for (i = 0; i < ROWS(times); i++)
		if (has_bit(word, TIMES_AT + i)) {
			memcpy(&time, base + times[i], sizeof(time));
			pack_time(out, time, f->looked_at);
		}
	for (i = 0; i < ROWS(words); i++)
		if (has_bit(word, WORDS_AT + i))
			pack_word(out, base + words[i].offset);
	if (has_bit(word, FAILED_AT)) {
		pack_varint(out, f->fetch_failed_count);
		pack_varint(out, f->fetch_finding);
	}
	if (f->has_policy)
		pack_policy(&f->policy, out);
	pack_varint(out, f->host_count);
	for (i = 0; i < f->host_count; i++)
		pack_host(f, i, out);
}

static void
unpack_fields(struct unpack *u, uint64_t word, struct facts *f)
{
	char *base = (char *)f;
	int64_t time;
	bool flag;
	size_t i;

	f->mx_state = (enum fact_state)(word >> MX_AT & 3);
	f->dane = (enum dane_state)(word >> DANE_AT & 7);
	f->record_state = (enum fact_state)(word >> RECORD_AT & 3);
	for (i = 0; i < ROWS(times); i++)
		if (has_bit(word, TIMES_AT + i)) {
			time = unpack_time(u, f->looked_at);
			memcpy(base + times[i], &time, sizeof(time));
		}
	for (i = 0; i < ROWS(flags); i++) {
		flag = has_bit(word, FLAGS_AT + i);
		memcpy(base + flags[i], &flag, sizeof(flag));
	}
	for (i = 0; i < ROWS(words); i++)
		if (has_bit(word, WORDS_AT + i))
			unpack_word(u, base + words[i].offset, words[i].size);
	if (has_bit(word, FAILED_AT)) {
		f->fetch_failed_count = (unsigned)unpack_varint(u);
		f->fetch_finding = (enum finding)unpack_varint(u);
	}
}

struct facts *
facts_unpack(struct text packed, const struct next_hop *hop,
    int64_t looked_at, int64_t refresh_at)
{
	struct facts *f;
	struct unpack u;
	uint64_t word;
	const char *why;
	size_t i;

	unpack_init(&u, packed.data, packed.len);
	word = unpack_varint(&u);
	if (has_bit(word, TEXT_AT)) {
		f = facts_parse(unpack_octets(&u, u.left), &why);
		/* Unknown, as it is to those who read it from the cache. */
		return f != NULL ? f : facts_new(hop);
	}
	f = facts_new(hop);
	f->looked_at = looked_at;
	f->refresh_at = refresh_at;
	unpack_fields(&u, word, f);
	if (f->has_policy)
		unpack_policy(&u, &f->policy);
	f->host_count = unpack_varint(&u);
	f->hosts = xcalloc(f->host_count, sizeof(*f->hosts));
	for (i = 0; i < f->host_count; i++)
		unpack_host(&u, f, i);
	assert(unpack_is_done(&u));
	return f;
}
