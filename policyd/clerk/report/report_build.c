/*
 * Building reports.  First the texts of records and policies, then the counts
 * under them; all lists are put in order at the end, as hosts see entries in
 * different ones.
 */

#include "policyd/clerk/report/report_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/io/config.h"
#include "shared/siphash.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define NO_POLICY	"no-policy-found"
#define WORDS_SIZE	1200

/* Memory that is freed together. */
struct report_blocks {
	void	**items;
	size_t	  count, capacity;
};

/* A policy while it is counted; its lists are not yet blocks. */
struct counted_policy {
	struct text		 ref;		/* or its type */
	const char		*type, *domain;
	const char		**strings, **mx;
	size_t			 string_count, mx_count;
	uint64_t		 success_count, failure_count;
	struct report_failure	*details;
	size_t			 detail_count;
};

struct group {
	struct text		 record;	/* its reference, or empty */
	uint32_t		 last_at;
	struct counted_policy	*policies;
	size_t			 count;
};

struct builder {
	const struct tally	*tally;
	uint32_t		 domain;
	struct report_blocks	*blocks;
	struct group		*groups;
	size_t			 count;
};

/* ----------------------------------------------------------------- memory */

/* Takes block. */
static void *
keep_block(struct builder *b, void *block)
{
	struct report_blocks *blocks = b->blocks;

	if (blocks->count == blocks->capacity) {
		blocks->capacity = blocks->capacity * 2 + 64;
		blocks->items = xreallocarray(blocks->items, blocks->capacity,
		    sizeof(*blocks->items));
	}
	return blocks->items[blocks->count++] = block;
}

static const char *
keep(struct builder *b, struct text t)
{
	return keep_block(b, xstrndup(t.data, t.len));
}

/* NULL for what is not known, or was one of too many. */
static const char *
keep_if_any(struct builder *b, struct text t)
{
	return t.len > 0 && !text_equals(t, TALLY_OTHER) ? keep(b, t) : NULL;
}

static int
compare_texts(struct text a, struct text b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* ---------------------------------------------------------------- policies */

static void
add_string(struct builder *b, const char ***list, size_t *count,
    struct text t)
{
	*list = xreallocarray(*list, *count + 1, sizeof(**list));
	(*list)[(*count)++] = keep(b, t);
}

/* The texts of a policy, from its line "p", reference, domain, ... */
static void
read_policy(struct builder *b, struct counted_policy *policy)
{
	struct text line, letter, field;
	uint32_t i;

	for (i = tally_first(b->tally, b->domain); i != TALLY_NONE;
	    i = tally_entry(b->tally, i)->next) {
		line = text_of(tally_entry(b->tally, i)->line);
		if (!text_next_field(&line, '\t', &letter) ||
		    !text_equals(letter, "p") ||
		    !text_next_field(&line, '\t', &field) ||
		    compare_texts(field, policy->ref) != 0)
			continue;
		if (text_next_field(&line, '\t', &field) && field.len > 0)
			policy->domain = keep(b, field);
		while (text_next_field(&line, '\t', &field)) {
			if (field.len == 0)
				continue;
			letter.data = field.data++;
			field.len--;
			if (letter.data[0] == 's')
				add_string(b, &policy->strings,
				    &policy->string_count, field);
			else
				add_string(b, &policy->mx, &policy->mx_count,
				    field);
		}
		return;
	}
}

/* "sts:REF" with its texts; "sts" and "" by their type alone. */
static struct counted_policy *
policy_of(struct builder *b, struct group *g, struct text ref)
{
	struct text type = tally_policy_type(ref);
	struct counted_policy *p;
	size_t i;

	/* Of one that was not found there are no texts to tell it by. */
	if (type.len == 0 || text_equals(type, NO_POLICY))
		ref = type = text_of(NO_POLICY);
	for (i = 0; i < g->count; i++)
		if (compare_texts(g->policies[i].ref, ref) == 0)
			return &g->policies[i];
	g->policies = xreallocarray(g->policies, g->count + 1,
	    sizeof(*g->policies));
	p = &g->policies[g->count++];
	*p = (struct counted_policy){ .ref = ref, .type = keep(b, type),
	    .domain = keep(b, text_of(tally_domain_name(b->tally,
	    b->domain))) };
	if (ref.len > type.len)
		read_policy(b, p);
	return p;
}

/* ---------------------------------------------------------------- failures */

static const char *
result_type(struct builder *b, const struct tally_key *key)
{
	const char *known = finding_result_type(key->finding);

	if (key->result.len > 0)
		return keep(b, key->result);
	return known != NULL ? known : "validation-failure";
}

/* What was seen in one word, then its source's own words. */
static const char *
reason_of(struct builder *b, const struct tally_key *key)
{
	char words[WORDS_SIZE];

	snprintf(words, sizeof(words), "%s%s%s%.*s",
	    key->finding != FINDING_UNKNOWN ? finding_name(key->finding) : "",
	    key->is_probe ? " (evidence=probe)" : "",
	    key->reason.len > 0 && key->finding != FINDING_UNKNOWN ? ": " : "",
	    (int)key->reason.len, key->reason.data);
	return words[0] != '\0' ? keep(b, text_of(words)) : NULL;
}

static bool
is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
add_detail(struct counted_policy *p, const struct report_failure *f)
{
	struct report_failure *d;
	size_t i;

	for (i = 0; i < p->detail_count; i++) {
		d = &p->details[i];
		if (is_same(d->result_type, f->result_type) &&
		    is_same(d->sending_ip, f->sending_ip) &&
		    is_same(d->mx_host, f->mx_host) &&
		    is_same(d->mx_helo, f->mx_helo) &&
		    is_same(d->receiving_ip, f->receiving_ip) &&
		    is_same(d->reason, f->reason)) {
			d->session_count += f->session_count;
			return;
		}
	}
	p->details = xreallocarray(p->details, p->detail_count + 1,
	    sizeof(*p->details));
	p->details[p->detail_count++] = *f;
}

static void
add_failure(struct builder *b, struct counted_policy *p,
    const struct tally_key *key, uint64_t count)
{
	struct report_failure f = {
		.result_type = result_type(b, key),
		.sending_ip = keep_if_any(b, key->sender),
		.mx_host = keep_if_any(b, key->host),
		.mx_helo = keep_if_any(b, key->helo),
		.receiving_ip = keep_if_any(b, key->address),
		.reason = reason_of(b, key),
		.session_count = count
	};

	add_detail(p, &f);
}

/* ---------------------------------------------------------------- counting */

static struct group *
group_of(struct builder *b, struct text record, uint32_t at)
{
	struct group *g;
	size_t i;

	for (i = 0; i < b->count; i++)
		if (compare_texts(b->groups[i].record, record) == 0)
			break;
	if (i == b->count) {
		b->groups = xreallocarray(b->groups, b->count + 1,
		    sizeof(*b->groups));
		b->groups[b->count++] = (struct group){ .record = record };
	}
	g = &b->groups[i];
	if (at > g->last_at)
		g->last_at = at;
	return g;
}

/* For sessions that were counted without one. */
static struct text
latest_record(const struct builder *b)
{
	struct text latest = { NULL, 0 };
	uint32_t at = 0;
	size_t i;

	for (i = 0; i < b->count; i++)
		if (b->groups[i].record.len > 0 && (b->groups[i].last_at > at ||
		    (b->groups[i].last_at == at &&
		    compare_texts(b->groups[i].record, latest) > 0))) {
			latest = b->groups[i].record;
			at = b->groups[i].last_at;
		}
	return latest;
}

static void
count(struct builder *b, const struct tally_entry *e, struct text record,
    const struct tally_key *key)
{
	struct counted_policy *p;

	if (key->outcome == TALLY_CLEAR)
		return;
	p = policy_of(b, group_of(b, record, e->last_at), key->policy);
	if (key->outcome == TALLY_FAILURE)
		add_failure(b, p, key, e->total);
	if (key->is_detail)
		return;
	if (key->outcome == TALLY_FAILURE)
		p->failure_count += e->total;
	else
		p->success_count += e->total;
}

/* First the counts with a record, then those without one. */
static void
count_all(struct builder *b, bool with_record)
{
	struct text latest = latest_record(b);
	const struct tally_entry *e;
	struct tally_key key;
	uint32_t i;

	for (i = tally_first(b->tally, b->domain); i != TALLY_NONE;
	    i = e->next) {
		e = tally_entry(b->tally, i);
		if (tally_key_parse(text_of(e->line), &key) &&
		    key.direction == SESSION_OUT &&
		    (key.record.len > 0) == with_record)
			count(b, e, with_record ? key.record : latest, &key);
	}
}

/* ---------------------------------------------------------------- in order */

static int
compare_strings(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int
compare_failures(const void *a, const void *b)
{
	const struct report_failure *x = a, *y = b;
	int order;

	if ((order = strcmp(x->result_type, y->result_type)) != 0 ||
	    (order = compare_strings(x->mx_host, y->mx_host)) != 0 ||
	    (order = compare_strings(x->receiving_ip, y->receiving_ip)) != 0 ||
	    (order = compare_strings(x->sending_ip, y->sending_ip)) != 0 ||
	    (order = compare_strings(x->reason, y->reason)) != 0)
		return order;
	return compare_strings(x->mx_helo, y->mx_helo);
}

static int
compare_policies(const void *a, const void *b)
{
	return compare_texts(((const struct counted_policy *)a)->ref,
	    ((const struct counted_policy *)b)->ref);
}

static int
compare_groups(const void *a, const void *b)
{
	return compare_texts(((const struct group *)a)->record,
	    ((const struct group *)b)->record);
}

/* The first of the same type that has texts, or NULL. */
static struct counted_policy *
full_policy(struct group *g, const struct counted_policy *p)
{
	size_t i;

	for (i = 0; i < g->count; i++)
		if (g->policies[i].string_count > 0 &&
		    strcmp(g->policies[i].type, p->type) == 0)
			return &g->policies[i];
	return NULL;
}

/*
 * What was counted by type alone, as there was no room for more.  The policies
 * are in order, so that each host gives it to the same one.
 */
static void
merge_policies(struct group *g)
{
	struct counted_policy *p, *full;
	size_t i, k, left = 0;

	for (i = 0; i < g->count; i++) {
		p = &g->policies[i];
		full = p->string_count == 0 ? full_policy(g, p) : NULL;
		if (full == NULL)
			continue;
		full->success_count += p->success_count;
		full->failure_count += p->failure_count;
		for (k = 0; k < p->detail_count; k++)
			add_detail(full, &p->details[k]);
		free(p->details);
		free(p->strings);
		free(p->mx);
		p->type = NULL;
	}
	for (i = 0; i < g->count; i++)
		if (g->policies[i].type != NULL)
			g->policies[left++] = g->policies[i];
	g->count = left;
}

/* Takes the group's policies. */
static const struct report_policy *
finish_policies(struct builder *b, struct group *g)
{
	struct report_policy *policies;
	struct counted_policy *p;
	size_t i;

	qsort(g->policies, g->count, sizeof(*g->policies), compare_policies);
	merge_policies(g);
	policies = keep_block(b, xcalloc(g->count, sizeof(*policies)));
	for (i = 0; i < g->count; i++) {
		p = &g->policies[i];
		if (p->detail_count > 0)
			qsort(p->details, p->detail_count,
			    sizeof(*p->details), compare_failures);
		policies[i] = (struct report_policy){
			.type = p->type, .domain = p->domain,
			.strings = keep_block(b, p->strings),
			.string_count = p->string_count,
			.mx = keep_block(b, p->mx), .mx_count = p->mx_count,
			.success_count = p->success_count,
			.failure_count = p->failure_count,
			.details = keep_block(b, p->details),
			.detail_count = p->detail_count
		};
	}
	free(g->policies);
	return policies;
}

/* ----------------------------------------------------------------- reports */

static void
set_ref(struct built_report *built, struct text domain, int64_t day,
    struct text record)
{
	static const struct siphash_key key = { 'r', 'o' };
	struct buffer words;

	buffer_init(&words, 4096);
	buffer_addf(&words, "%.*s %" PRId64 " %.*s", (int)domain.len,
	    domain.data, day, (int)record.len, record.data);
	snprintf(built->ref, sizeof(built->ref), "%016" PRIx64,
	    siphash(&key, words.data, words.len));
	buffer_clear(&words);
}

static void
finish(struct builder *b, int64_t day, const struct report_maker *maker,
    struct built_reports *out)
{
	struct text domain = text_of(tally_domain_name(b->tally, b->domain));
	char date[TALLY_DATE_SIZE], id[WORDS_SIZE];
	struct built_report *built;
	size_t i;

	if (b->count > 0)
		qsort(b->groups, b->count, sizeof(*b->groups), compare_groups);
	out->reports = xcalloc(b->count + 1, sizeof(*out->reports));
	out->count = b->count;
	for (i = 0; i < b->count; i++) {
		built = &out->reports[i];
		set_ref(built, domain, day, b->groups[i].record);
		snprintf(id, sizeof(id), "%s.%s@%s", tally_date_format(day,
		    date), built->ref, maker->submitter);
		built->report = (struct report){
			.organization = keep(b, text_of(maker->organization)),
			.contact = keep(b, text_of(maker->contact)),
			.id = keep(b, text_of(id)),
			.start_s = day * DAY_S,
			.end_s = day * DAY_S + DAY_S - 1,
			.policies = finish_policies(b, &b->groups[i]),
			.policy_count = b->groups[i].count
		};
	}
	free(b->groups);
}

struct report_maker
report_maker_of(const struct config *config)
{
	const char *at = strrchr(config->report_sender, '@');

	return (struct report_maker){ config->report_organization,
	    config->report_contact, at != NULL ? at + 1 :
	    config->report_sender };
}

void
report_build(const struct tally *tally, struct text domain, int64_t day,
    const struct report_maker *maker, struct built_reports *out)
{
	struct builder b = { .tally = tally };

	*out = (struct built_reports){ .reports = NULL };
	b.domain = tally_find(tally, domain);
	if (b.domain == TALLY_NONE)
		return;
	b.blocks = out->blocks = xcalloc(1, sizeof(*b.blocks));
	count_all(&b, true);
	count_all(&b, false);
	finish(&b, day, maker, out);
}

void
built_reports_clear(struct built_reports *built)
{
	struct report_blocks *blocks = built->blocks;

	free(built->reports);
	if (blocks != NULL) {
		while (blocks->count > 0)
			free(blocks->items[--blocks->count]);
		free(blocks->items);
		free(blocks);
	}
	*built = (struct built_reports){ .reports = NULL };
}
