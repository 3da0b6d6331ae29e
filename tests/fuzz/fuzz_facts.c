/*
 * Records of facts: what is accepted, written down again, is accepted and
 * stays as it is, also when it was packed in between; and it can be merged with
 * itself and decided on at any time.
 */

#include "shared/policy/facts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/policy/facts_pack.h"
#include "shared/policy/tls_decision.h"
#include "tests/fuzz/fuzz.h"

/* The record that f becomes, which the caller clears. */
static void
format(const struct facts *f, struct buffer *out)
{
	buffer_init(out, 2 * FACTS_RECORD_MAX_BYTES);
	facts_format(f, out);
	assert(!out->is_overfull);
}

static void
fuzz_pack(const struct facts *f, const struct buffer *record)
{
	struct buffer packed, again;
	struct facts *unpacked;

	buffer_init(&packed, FACTS_RECORD_MAX_BYTES);
	facts_pack(f, &packed);
	assert(!packed.is_overfull);
	unpacked = facts_unpack((struct text){ packed.data, packed.len },
	    &f->hop, f->looked_at, f->refresh_at);
	format(unpacked, &again);
	assert(again.len == record->len &&
	    memcmp(again.data, record->data, again.len) == 0);
	facts_free(unpacked);
	buffer_clear(&again);
	buffer_clear(&packed);
}

static void
fuzz_use(struct facts *f, const struct facts *known)
{
	struct tls_site site = { .dane = FACT_PRESENT,
	    .level = TLS_LEVEL_MAY, .stale_ttl_s = UINT32_MAX,
	    .good_ttl_s = UINT32_MAX, .bad_ttl_s = UINT32_MAX };
	struct tls_decision d;

	assert(facts_end(f, UINT32_MAX) >= f->looked_at);
	tls_decision_make(f, NULL, &site, f->looked_at, &d);
	assert(d.map != MAP_TEMPORARY || d.reason[0] != '\0');
	assert(d.verdict != VERDICT_UNDELIVERABLE || f->host_count > 0);
	facts_judge_dane(f);
	facts_merge(f, known, known->expires_at);
	facts_merge(f, known, 0);
	assert(f->has_policy == known->has_policy);
	facts_keep_policy(f);
	assert(f->has_policy == known->has_policy);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct buffer first, second;
	struct facts *f, *again;
	const char *why = NULL;

	f = facts_parse((struct text){ (const char *)data, size }, &why);
	if (f == NULL) {
		assert(why != NULL);
		return;
	}
	assert(f->hop.kind != NEXT_HOP_NONE);
	assert(!f->has_policy || f->expires_at >= f->fetched_at);
	format(f, &first);
	again = facts_parse((struct text){ first.data, first.len }, &why);
	assert(again != NULL);
	format(again, &second);
	assert(first.len == second.len &&
	    memcmp(first.data, second.data, first.len) == 0);
	fuzz_pack(f, &first);
	fuzz_use(f, again);
	buffer_clear(&first);
	buffer_clear(&second);
	facts_free(f);
	facts_free(again);
}
