/*
 * All that is known of a next hop: how it is judged for DANE (RFC 7672, 2.2),
 * merged with what was known before (RFC 8461, 3.3), and written down.
 */

#include "shared/policy/facts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"

#define RECORD_HEAD	"hopseal-facts"

/* ------------------------------------------------------------- building */

struct facts *
facts_new(const struct next_hop *hop)
{
	struct facts *f = xcalloc(1, sizeof(*f));

	f->hop = *hop;
	return f;
}

static void
facts_clear_hosts(struct facts *f)
{
	size_t i;

	for (i = 0; i < f->host_count; i++)
		free(f->hosts[i].addresses);
	free(f->hosts);
	f->hosts = NULL;
	f->host_count = 0;
}

void
facts_free(struct facts *f)
{
	if (f == NULL)
		return;
	facts_clear_hosts(f);
	if (f->has_policy)
		mtasts_policy_clear(&f->policy);
	free(f);
}

struct facts_host *
facts_add_host(struct facts *f, const char *name, uint16_t preference)
{
	struct facts_host *host;
	size_t at = f->host_count;

	assert(strlen(name) < HOST_NAME_SIZE);
	while (at > 0 && f->hosts[at - 1].preference > preference)
		at--;
	if (f->host_count == FACTS_HOSTS_MAX) {
		f->hosts_are_cut = true;
		if (at == f->host_count)
			return NULL;
		free(f->hosts[--f->host_count].addresses);
	}
	f->hosts = xreallocarray(f->hosts, f->host_count + 1,
	    sizeof(*f->hosts));
	memmove(f->hosts + at + 1, f->hosts + at,
	    (f->host_count - at) * sizeof(*f->hosts));
	f->host_count++;
	host = &f->hosts[at];
	*host = (struct facts_host){ .preference = preference };
	memcpy(host->name, name, strlen(name) + 1);
	return host;
}

void
facts_add_address(struct facts_host *host, const struct address *address)
{
	if (host->address_count == FACTS_ADDRESSES_MAX)
		return;
	host->addresses = xreallocarray(host->addresses,
	    host->address_count + 1, sizeof(*host->addresses));
	host->addresses[host->address_count++] =
	    (struct facts_address){ .address = *address };
}

void
facts_set_error(char field[FACTS_ERROR_MAX_BYTES + 1], const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_quote(field, FACTS_ERROR_MAX_BYTES + 1, text_of(text));
}

void
facts_set_policy(struct facts *f, struct mtasts_policy *policy,
    const char *id, int64_t now)
{
	if (f->has_policy)
		mtasts_policy_clear(&f->policy);
	f->has_policy = true;
	f->policy = *policy;
	*policy = (struct mtasts_policy){ 0 };
	snprintf(f->policy_id, sizeof(f->policy_id), "%s", id);
	f->fetched_at = now;
	f->expires_at = now + f->policy.max_age_s;
	f->fetch_failed_count = 0;
	f->fetch_failed_at = 0;
	f->fetch_failed_id[0] = '\0';
	f->fetch_finding = FINDING_UNKNOWN;
	f->fetch_error[0] = '\0';
}

/* -------------------------------------------------------------- judging */

enum dane_state
facts_judge_dane(const struct facts *f)
{
	size_t usable = 0, unusable = 0, i;

	if (f->mx_state == FACT_UNKNOWN)
		return DANE_UNKNOWN;
	for (i = 0; i < f->host_count; i++) {
		switch (f->hosts[i].tlsa) {
		case TLSA_UNKNOWN:
			return DANE_UNKNOWN;
		case TLSA_NONE:
			break;
		case TLSA_UNUSABLE:
			unusable++;
			break;
		case TLSA_USABLE:
			usable++;
			break;
		}
	}
	if (usable > 0)
		return usable == f->host_count ? DANE_USABLE_ALL :
		    DANE_USABLE_SOME;
	return unusable > 0 ? DANE_NONE_USABLE : DANE_NONE;
}

static void
facts_take_hosts(struct facts *to, const struct facts *from)
{
	size_t i;

	facts_clear_hosts(to);
	to->learned_at = from->learned_at;
	to->mx_state = from->mx_state;
	to->mx_is_secure = from->mx_is_secure;
	to->mx_is_implicit = from->mx_is_implicit;
	to->mx_is_null = from->mx_is_null;
	to->hosts_are_cut = from->hosts_are_cut;
	to->host_count = from->host_count;
	to->hosts = xcalloc(from->host_count, sizeof(*to->hosts));
	for (i = 0; i < from->host_count; i++) {
		to->hosts[i] = from->hosts[i];
		to->hosts[i].addresses = xmemdup(from->hosts[i].addresses,
		    from->hosts[i].address_count *
		    sizeof(*from->hosts[i].addresses));
	}
}

static struct facts_address *
find_address(const struct facts_host *host, const struct address *address)
{
	size_t i;

	for (i = 0; i < host->address_count; i++)
		if (address_equals(&host->addresses[i].address, address))
			return &host->addresses[i];
	return NULL;
}

static struct facts_host *
find_host(const struct facts *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->host_count; i++)
		if (strcmp(f->hosts[i].name, name) == 0)
			return &f->hosts[i];
	return NULL;
}

/* What was seen at an address does not change with a new look at DNS. */
void
facts_take_observations(struct facts *to, const struct facts *from)
{
	const struct facts_host *host;
	struct facts_address *now, *seen;
	size_t h, i;

	for (h = 0; h < to->host_count; h++) {
		host = find_host(from, to->hosts[h].name);
		for (i = 0; host != NULL && i < to->hosts[h].address_count;
		    i++) {
			now = &to->hosts[h].addresses[i];
			seen = find_address(host, &now->address);
			if (seen != NULL && seen->seen_at > now->seen_at)
				*now = *seen;
		}
	}
}

bool
facts_add_observations(struct facts *to, const struct facts *from)
{
	const struct facts_host *theirs = find_host(from, from->hop.name);
	struct facts_host *ours = find_host(to, to->hop.name);
	struct facts_address *a;
	bool is_newer = false;
	size_t i;

	for (i = 0; theirs != NULL && i < theirs->address_count; i++) {
		if (ours == NULL)
			ours = facts_add_host(to, to->hop.name, 0);
		if (find_address(ours, &theirs->addresses[i].address) == NULL)
			facts_add_address(ours, &theirs->addresses[i].address);
		a = find_address(ours, &theirs->addresses[i].address);
		if (a != NULL && theirs->addresses[i].seen_at > a->seen_at) {
			*a = theirs->addresses[i];
			is_newer = true;
		}
	}
	return is_newer;
}

struct facts_address *
facts_find_address(struct facts *f, const struct address *address)
{
	const struct facts_host *host = find_host(f, f->hop.name);

	return host != NULL ? find_address(host, address) : NULL;
}

void
facts_observe(struct facts *f, const struct facts_observation *seen,
    unsigned reprobe_after_s)
{
	struct facts_host *host = find_host(f, f->hop.name);
	struct facts_address *a;

	if (host == NULL)
		host = facts_add_host(f, f->hop.name, 0);
	if (find_address(host, &seen->address) == NULL)
		facts_add_address(host, &seen->address);
	a = find_address(host, &seen->address);
	if (a == NULL)
		return;		/* FACTS_ADDRESSES_MAX others are known */
	if (a->finding != seen->finding)
		a->seen_count = 1;
	else if (seen->finding != FINDING_OK &&
	    seen->seen_at - a->seen_at < reprobe_after_s)
		return;		/* the same trouble, not a second one */
	else
		a->seen_count++;
	a->finding = seen->finding;
	a->dane_finding = seen->dane_finding;
	a->postfix_finding = seen->postfix_finding;
	a->seen_at = seen->seen_at;
	/* Records hold no time before 1970, and 0 says that there is none. */
	a->not_after = seen->not_after >= 0 ? seen->not_after : 1;
	text_quote(a->detail, sizeof(a->detail), text_of(seen->detail));
	text_quote(a->words, sizeof(a->words), text_of(seen->words));
}

/* The latest of all observations, 0 when there is none. */
static int64_t
last_seen(const struct facts *f)
{
	int64_t last = 0;
	size_t h, i;

	for (h = 0; h < f->host_count; h++)
		for (i = 0; i < f->hosts[h].address_count; i++)
			if (f->hosts[h].addresses[i].seen_at > last)
				last = f->hosts[h].addresses[i].seen_at;
	return last;
}

int64_t
facts_newest(const struct facts *f)
{
	int64_t seen_at = last_seen(f);

	return seen_at > f->looked_at ? seen_at : f->looked_at;
}

static void
facts_take_policy(struct facts *to, const struct facts *from)
{
	struct buffer text;
	const char *why;
	size_t i;

	buffer_init(&text, FACTS_RECORD_MAX_BYTES);
	for (i = 0; i < from->policy.line_count; i++)
		buffer_addf(&text, "%s%s", i > 0 ? "\n" : "",
		    from->policy.lines[i]);
	to->has_policy = mtasts_policy_parse(buffer_text(&text), text.len,
	    &to->policy, &why) == 0;
	buffer_clear(&text);
	memcpy(to->policy_id, from->policy_id, sizeof(to->policy_id));
	to->fetched_at = from->fetched_at;
	to->expires_at = from->expires_at;
	to->refetch_at = from->refetch_at;
}

static void
facts_take_failure(struct facts *to, const struct facts *from)
{
	memcpy(to->fetch_failed_id, from->fetch_failed_id,
	    sizeof(to->fetch_failed_id));
	to->fetch_failed_at = from->fetch_failed_at;
	to->fetch_failed_count = from->fetch_failed_count;
	to->fetch_finding = from->fetch_finding;
	memcpy(to->fetch_error, from->fetch_error, sizeof(to->fetch_error));
}

static bool
dane_is_lax(const struct facts *f)
{
	return f->hop.kind == NEXT_HOP_HOST ||
	    f->hop.kind == NEXT_HOP_DOMAIN_PORT;
}

void
facts_merge(struct facts *fresh, const struct facts *known, int64_t now)
{
	if (known == NULL)
		return;
	if (fresh->mx_state != FACT_UNKNOWN)
		facts_take_observations(fresh, known);
	if (fresh->mx_state == FACT_UNKNOWN &&
	    known->mx_state != FACT_UNKNOWN) {
		facts_take_hosts(fresh, known);
		/* A bogus answer came with words; silence keeps what was. */
		if (fresh->dane_error[0] == '\0')
			fresh->dane = known->dane;
	}
	if (fresh->dane == DANE_UNKNOWN && dane_is_lax(fresh))
		fresh->dane = known->dane;
	/* Still as it was, though this time no host could be looked up. */
	if (fresh->learned_at == 0 && fresh->dane == DANE_NONE &&
	    known->dane == DANE_NONE)
		fresh->learned_at = known->learned_at;
	if (!fresh->has_policy && fresh->fetch_failed_count == 0)
		facts_take_failure(fresh, known);
	if (!fresh->has_policy && known->has_policy &&
	    now < known->expires_at)
		facts_take_policy(fresh, known);
}

void
facts_keep_policy(struct facts *f)
{
	struct facts kept = { .hop = f->hop, .has_policy = f->has_policy,
	    .fetched_at = f->fetched_at, .expires_at = f->expires_at,
	    .refetch_at = f->refetch_at, .policy = f->policy };

	memcpy(kept.policy_id, f->policy_id, sizeof(kept.policy_id));
	facts_clear_hosts(f);
	*f = kept;
}

int64_t
facts_end(const struct facts *f, unsigned stale_ttl_s)
{
	int64_t end = facts_newest(f) + stale_ttl_s;

	if (f->has_policy && f->expires_at > end)
		end = f->expires_at;
	if (f->refresh_at > end)
		end = f->refresh_at;
	return end;
}

/* ----------------------------------------------------------- the record */

const char *
fact_state_name(enum fact_state s)
{
	static const char *const names[] = { "unknown", "absent", "present" };

	return names[s];
}

const char *
tlsa_state_name(enum tlsa_state s)
{
	static const char *const names[] = {
		"unknown", "none", "unusable", "usable"
	};

	return names[s];
}

const char *
dane_state_name(enum dane_state s)
{
	static const char *const names[] = {
		"unknown", "none", "none-usable", "usable-some", "usable-all"
	};

	return names[s];
}

static void
add_time(struct buffer *out, const char *name, int64_t value)
{
	if (value != 0)
		buffer_addf(out, "%s=%lld\n", name, (long long)value);
}

static void
add_word(struct buffer *out, const char *name, const char *value)
{
	if (value[0] != '\0')
		buffer_addf(out, "%s=%s\n", name, value);
}

static void
add_flag(struct buffer *out, const char *name, bool value)
{
	if (value)
		buffer_addf(out, "%s=1\n", name);
}

static void
facts_format_cert(const struct facts_address *a, struct buffer *out)
{
	if (a->cert.id[0] == '\0')
		return;
	add_word(out, "cert", a->cert.id);
	add_word(out, "cert_issuer", a->cert.issuer);
	add_word(out, "cert_key", a->cert.key);
	add_word(out, "cert_names", a->cert.names);
	add_time(out, "cert_from", a->cert.from);
	add_time(out, "cert_to", a->cert.to);
	add_word(out, "cert_before", a->cert_before);
	add_time(out, "cert_changed_at", a->cert_changed_at);
}

static void
facts_format_host(const struct facts_host *host, struct buffer *out)
{
	const struct facts_address *a;
	char text[ADDRESS_TEXT_SIZE];
	size_t i;

	buffer_addf(out, "host=%s\n", host->name);
	buffer_addf(out, "preference=%u\n", (unsigned)host->preference);
	buffer_addf(out, "addresses=%s\n",
	    fact_state_name(host->address_state));
	add_flag(out, "host_is_secure", host->is_secure);
	buffer_addf(out, "tlsa=%s\n", tlsa_state_name(host->tlsa));
	add_word(out, "host_error", host->error);
	for (i = 0; i < host->address_count; i++) {
		a = &host->addresses[i];
		buffer_addf(out, "address=%s\n",
		    address_format(&a->address, text));
		if (a->finding == FINDING_UNKNOWN)
			continue;
		buffer_addf(out, "finding=%s\n", finding_name(a->finding));
		if (a->dane_finding != FINDING_UNKNOWN)
			buffer_addf(out, "dane_finding=%s\n",
			    finding_name(a->dane_finding));
		if (a->postfix_finding != FINDING_UNKNOWN)
			buffer_addf(out, "postfix_finding=%s\n",
			    finding_name(a->postfix_finding));
		add_time(out, "seen_at", a->seen_at);
		add_time(out, "not_after", a->not_after);
		add_time(out, "seen_count", a->seen_count);
		add_word(out, "detail", a->detail);
		add_word(out, "words", a->words);
		facts_format_cert(a, out);
	}
}

void
facts_format(const struct facts *f, struct buffer *out)
{
	char hop[NEXT_HOP_TEXT_SIZE];
	size_t i;

	buffer_addf(out, RECORD_HEAD " %d\n", FACTS_VERSION);
	buffer_addf(out, "next_hop=%s\n", next_hop_format(&f->hop, hop));
	add_time(out, "looked_at", f->looked_at);
	add_time(out, "refresh_at", f->refresh_at);
	add_time(out, "learned_at", f->learned_at);
	buffer_addf(out, "mx=%s\n", fact_state_name(f->mx_state));
	add_flag(out, "mx_is_secure", f->mx_is_secure);
	add_flag(out, "mx_is_implicit", f->mx_is_implicit);
	add_flag(out, "mx_is_null", f->mx_is_null);
	add_word(out, "mx_error", f->mx_error);
	add_flag(out, "hosts_are_cut", f->hosts_are_cut);
	buffer_addf(out, "dane=%s\n", dane_state_name(f->dane));
	add_word(out, "dane_error", f->dane_error);
	buffer_addf(out, "record=%s\n", fact_state_name(f->record_state));
	add_word(out, "record_id", f->record_id);
	add_word(out, "record_error", f->record_error);
	if (f->fetch_failed_count > 0) {
		add_word(out, "fetch_failed_id", f->fetch_failed_id);
		add_time(out, "fetch_failed_at", f->fetch_failed_at);
		add_time(out, "fetch_failed_count", f->fetch_failed_count);
		add_word(out, "fetch_finding", finding_name(f->fetch_finding));
		add_word(out, "fetch_error", f->fetch_error);
	}
	for (i = 0; i < f->host_count; i++)
		facts_format_host(&f->hosts[i], out);
	if (!f->has_policy)
		return;
	add_word(out, "policy_id", f->policy_id);
	add_time(out, "fetched_at", f->fetched_at);
	add_time(out, "expires_at", f->expires_at);
	add_time(out, "refetch_at", f->refetch_at);
	for (i = 0; i < f->policy.line_count; i++)
		buffer_addf(out, "policy=%s\n", f->policy.lines[i]);
}

/* Reading: one pass over the lines; host and address lines open a new one. */
struct facts_reader {
	struct facts		*f;
	struct facts_host	*host;
	struct facts_address	*address;
	struct buffer		 policy;
	bool			 has_hop;
	const char		*why;
};

static int64_t
read_number(struct facts_reader *r, struct text value, uint64_t max)
{
	uint64_t number = 0;

	if (!text_parse_u64(value, max, &number))
		r->why = "facts record: bad number";
	return (int64_t)number;
}

/* Times stay far from the end of their type, so that sums do not wrap. */
static int64_t
read_time(struct facts_reader *r, struct text value)
{
	return read_number(r, value, UINT64_C(1) << 40);
}

static bool
read_flag(struct facts_reader *r, struct text value)
{
	return read_number(r, value, 1) == 1;
}

static int
read_name(struct facts_reader *r, struct text value,
    const char *(*name_of)(int), int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (text_equals(value, name_of(i)))
			return i;
	r->why = "facts record: unknown word";
	return 0;
}

static const char *
fact_name_of(int i)
{
	return fact_state_name((enum fact_state)i);
}

static const char *
tlsa_name_of(int i)
{
	return tlsa_state_name((enum tlsa_state)i);
}

static const char *
dane_name_of(int i)
{
	return dane_state_name((enum dane_state)i);
}

static enum fact_state
read_fact(struct facts_reader *r, struct text value)
{
	return (enum fact_state)read_name(r, value, fact_name_of,
	    FACT_PRESENT + 1);
}

static void
read_words(struct facts_reader *r, struct text value, char *field, size_t size)
{
	if (value.len >= size || !text_is_printable(value)) {
		r->why = "facts record: bad text";
		return;
	}
	memcpy(field, value.data, value.len);
	field[value.len] = '\0';
}

#define READ_WORDS(r, value, field) read_words(r, value, field, sizeof(field))

static void
read_host(struct facts_reader *r, struct text value)
{
	char name[HOST_NAME_SIZE];

	if (!host_name_is_normal(value) ||
	    r->f->host_count == FACTS_HOSTS_MAX) {
		r->why = "facts record: bad host";
		return;
	}
	READ_WORDS(r, value, name);
	/* They come in order: the highest preference keeps them so. */
	r->host = facts_add_host(r->f, name, UINT16_MAX);
	r->address = NULL;
}

static bool
read_host_line(struct facts_reader *r, struct text name, struct text value)
{
	struct facts_host *host = r->host;
	struct address address;

	if (text_equals(name, "preference"))
		host->preference = (uint16_t)read_number(r, value, UINT16_MAX);
	else if (text_equals(name, "addresses"))
		host->address_state = read_fact(r, value);
	else if (text_equals(name, "host_is_secure"))
		host->is_secure = read_flag(r, value);
	else if (text_equals(name, "tlsa"))
		host->tlsa = (enum tlsa_state)read_name(r, value,
		    tlsa_name_of, TLSA_USABLE + 1);
	else if (text_equals(name, "host_error"))
		READ_WORDS(r, value, host->error);
	else if (text_equals(name, "address")) {
		if (!address_parse(value, &address) ||
		    host->address_count == FACTS_ADDRESSES_MAX) {
			r->why = "facts record: bad address";
			return true;
		}
		facts_add_address(host, &address);
		r->address = &host->addresses[host->address_count - 1];
	} else
		return false;
	return true;
}

static bool
read_cert_line(struct facts_reader *r, struct text name, struct text value)
{
	struct facts_address *a = r->address;

	if (text_equals(name, "cert"))
		READ_WORDS(r, value, a->cert.id);
	else if (text_equals(name, "cert_issuer"))
		READ_WORDS(r, value, a->cert.issuer);
	else if (text_equals(name, "cert_key"))
		READ_WORDS(r, value, a->cert.key);
	else if (text_equals(name, "cert_names"))
		READ_WORDS(r, value, a->cert.names);
	else if (text_equals(name, "cert_from"))
		a->cert.from = read_time(r, value);
	else if (text_equals(name, "cert_to"))
		a->cert.to = read_time(r, value);
	else if (text_equals(name, "cert_before"))
		READ_WORDS(r, value, a->cert_before);
	else if (text_equals(name, "cert_changed_at"))
		a->cert_changed_at = read_time(r, value);
	else
		return false;
	return true;
}

static bool
read_address_line(struct facts_reader *r, struct text name, struct text value)
{
	struct facts_address *a = r->address;

	if (text_equals(name, "finding")) {
		/* a word of a newer version is not looked at */
		finding_parse(value, &a->finding);
	} else if (text_equals(name, "dane_finding"))
		finding_parse(value, &a->dane_finding);
	else if (text_equals(name, "postfix_finding"))
		finding_parse(value, &a->postfix_finding);
	else if (text_equals(name, "seen_at"))
		a->seen_at = read_time(r, value);
	else if (text_equals(name, "not_after"))
		a->not_after = read_time(r, value);
	else if (text_equals(name, "seen_count"))
		a->seen_count = (unsigned)read_number(r, value, 1000000);
	else if (text_equals(name, "detail"))
		READ_WORDS(r, value, a->detail);
	else if (text_equals(name, "words"))
		READ_WORDS(r, value, a->words);
	else
		return read_cert_line(r, name, value);
	return true;
}

static bool
read_policy_line(struct facts_reader *r, struct text name, struct text value)
{
	struct facts *f = r->f;

	if (text_equals(name, "policy")) {
		if (r->policy.len > 0)
			buffer_add_text(&r->policy, "\n");
		buffer_add(&r->policy, value.data, value.len);
	} else if (text_equals(name, "policy_id"))
		READ_WORDS(r, value, f->policy_id);
	else if (text_equals(name, "fetched_at"))
		f->fetched_at = read_time(r, value);
	else if (text_equals(name, "expires_at"))
		f->expires_at = read_time(r, value);
	else if (text_equals(name, "refetch_at"))
		f->refetch_at = read_time(r, value);
	else if (text_equals(name, "fetch_failed_id"))
		READ_WORDS(r, value, f->fetch_failed_id);
	else if (text_equals(name, "fetch_failed_at"))
		f->fetch_failed_at = read_time(r, value);
	else if (text_equals(name, "fetch_failed_count"))
		f->fetch_failed_count = (unsigned)read_number(r, value,
		    1000000);
	else if (text_equals(name, "fetch_finding"))
		finding_parse(value, &f->fetch_finding);
	else if (text_equals(name, "fetch_error"))
		READ_WORDS(r, value, f->fetch_error);
	else
		return false;
	return true;
}

static void
read_line(struct facts_reader *r, struct text name, struct text value)
{
	struct facts *f = r->f;

	if (text_equals(name, "next_hop")) {
		const char *why;

		next_hop_parse(value, &f->hop, &why);
		r->has_hop = f->hop.kind != NEXT_HOP_NONE;
	} else if (text_equals(name, "host"))
		read_host(r, value);
	else if (r->host != NULL && read_host_line(r, name, value))
		;
	else if (r->address != NULL && read_address_line(r, name, value))
		;
	else if (text_equals(name, "looked_at"))
		f->looked_at = read_time(r, value);
	else if (text_equals(name, "refresh_at"))
		f->refresh_at = read_time(r, value);
	else if (text_equals(name, "learned_at"))
		f->learned_at = read_time(r, value);
	else if (text_equals(name, "mx"))
		f->mx_state = read_fact(r, value);
	else if (text_equals(name, "mx_is_secure"))
		f->mx_is_secure = read_flag(r, value);
	else if (text_equals(name, "mx_is_implicit"))
		f->mx_is_implicit = read_flag(r, value);
	else if (text_equals(name, "mx_is_null"))
		f->mx_is_null = read_flag(r, value);
	else if (text_equals(name, "mx_error"))
		READ_WORDS(r, value, f->mx_error);
	else if (text_equals(name, "hosts_are_cut"))
		f->hosts_are_cut = read_flag(r, value);
	else if (text_equals(name, "dane"))
		f->dane = (enum dane_state)read_name(r, value, dane_name_of,
		    DANE_USABLE_ALL + 1);
	else if (text_equals(name, "dane_error"))
		READ_WORDS(r, value, f->dane_error);
	else if (text_equals(name, "record"))
		f->record_state = read_fact(r, value);
	else if (text_equals(name, "record_id"))
		READ_WORDS(r, value, f->record_id);
	else if (text_equals(name, "record_error"))
		READ_WORDS(r, value, f->record_error);
	else
		read_policy_line(r, name, value);
}

/* The policy is read by its own parser, and only its times come from here. */
static void
read_policy(struct facts_reader *r)
{
	struct facts *f = r->f;
	const char *why;

	if (r->policy.len == 0)
		return;
	if (r->policy.is_overfull || mtasts_policy_parse(r->policy.data,
	    r->policy.len, &f->policy, &why) == -1) {
		r->why = "facts record: bad policy";
		return;
	}
	f->has_policy = true;
	if (f->fetched_at == 0 || f->expires_at < f->fetched_at ||
	    f->expires_at - f->fetched_at > f->policy.max_age_s)
		r->why = "facts record: the policy's times do not fit";
}

struct facts *
facts_parse(struct text record, const char **why)
{
	struct facts_reader r = { 0 };
	struct text line, name, rest = record;
	uint64_t version;

	if (record.len > FACTS_RECORD_MAX_BYTES ||
	    !text_next_line(&rest, &line) ||
	    !text_starts_with(line, RECORD_HEAD " ")) {
		*why = "facts record: not one";
		return NULL;
	}
	line.data += sizeof(RECORD_HEAD);
	line.len -= sizeof(RECORD_HEAD);
	if (!text_parse_u64(line, FACTS_VERSION, &version) || version == 0) {
		*why = "facts record: of another version";
		return NULL;
	}
	r.f = xcalloc(1, sizeof(*r.f));
	buffer_init(&r.policy, MTASTS_POLICY_MAX_BYTES);
	while (r.why == NULL && text_next_line(&rest, &line)) {
		struct text value = line;

		text_next_field(&value, '=', &name);
		if (value.data == NULL)
			r.why = "facts record: a line without \"=\"";
		else
			read_line(&r, name, value);
	}
	if (r.why == NULL && !r.has_hop)
		r.why = "facts record: no next hop";
	if (r.why == NULL)
		read_policy(&r);
	buffer_clear(&r.policy);
	if (r.why != NULL) {
		*why = r.why;
		facts_free(r.f);
		return NULL;
	}
	return r.f;
}
