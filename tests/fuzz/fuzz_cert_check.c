/*
 * Certificates: the input is read as a PEM file and as certificates in DER, one
 * behind the other.  The last one is trusted, stands in TLSA records and is the
 * stapled response too, so that all parts see what strangers send.
 */

#include "shared/policy/cert_check.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define NOW INT64_C(2208988800)	/* 1 January 2040, as the zoo has it */

static void
check_verdict(const struct cert_verdict *v)
{
	assert((v->finding == FINDING_OK) == (v->findings == 0));
	assert(v->findings == 0 ||
	    (v->findings & CERT_FINDING(v->finding)) != 0);
	assert(v->postfix_finding == FINDING_OK ||
	    (v->findings & CERT_FINDING(v->postfix_finding)) != 0);
}

static void
check_result(const struct cert_result *r, const struct cert_chain *chain)
{
	const char *name;
	size_t i;

	assert(r->cert_count >= 1 && r->cert_count <= chain->count);
	assert(r->certs[0].depth == 0);
	for (i = 0; i < r->cert_count; i++)
		assert(text_is_printable(text_of(r->certs[i].subject)) &&
		    text_is_printable(text_of(r->certs[i].issuer)) &&
		    strlen(r->certs[i].sha256) == 64);
	assert(r->name_count <= CERT_NAMES_MAX);
	for (i = 0; i < r->name_count; i++) {
		name = r->names[i];
		assert(host_name_is_normal(
		    text_of(name[0] == '*' ? name + 2 : name)));
	}
	assert((r->matched[0] == '\0') == ((r->pkix.findings &
	    CERT_FINDING(FINDING_CERT_NAME_MISMATCH)) != 0));
	assert(text_is_printable(text_of(r->missing_issuer)) &&
	    text_is_printable(text_of(r->missing_issuer_url)));
	assert(strlen(r->tlsa_text) == 6 + 64);
	check_verdict(&r->pkix);
	if (r->dane.finding != FINDING_UNKNOWN)
		check_verdict(&r->dane);
}

static void
judge(const struct cert_chain *chain)
{
	static const char *const others[] = { "mx2.example.com",
	    "example.com" };
	const struct cert_der *last = &chain->certs[chain->count - 1];
	struct text blob = { last->data, last->len };
	struct tlsa records[] = {
		{ 2, 0, 0, blob }, { 2, 1, 0, blob }, { 3, 1, 0, blob },
		{ 3, 1, 1, { last->data, last->len < 32 ? last->len : 32 } },
	};
	struct cert_question q = { .chain = chain, .now = NOW,
	    .host = "mx.example.com", .other_hosts = others,
	    .other_host_count = 2, .tlsa = records,
	    .tlsa_count = sizeof(records) / sizeof(records[0]),
	    .dane_names = others, .dane_name_count = 2,
	    .is_staple_asked = true, .staple = blob };
	struct cert_result result;
	const char *why = NULL;

	q.store = cert_store_new();
	q.known = cert_store_new();
	cert_store_add_der(q.store, blob);
	cert_store_add_der(q.known, (struct text){ chain->certs[0].data,
	    chain->certs[0].len });
	if (cert_check(&q, &result, &why) == 0) {
		check_result(&result, chain);
		cert_result_clear(&result);
	} else
		assert(why != NULL);
	cert_store_free(q.store);
	cert_store_free(q.known);
}

/* Cuts at the outer lengths of two octets, which all but tiny ones have. */
static void
split_der(const uint8_t *data, size_t size, struct cert_chain *chain)
{
	size_t len;

	for (; size > 0; data += len, size -= len) {
		len = size;
		if (size > 4 && data[0] == 0x30 && data[1] == 0x82)
			len = 4 + ((size_t)data[2] << 8 | data[3]);
		if (len > size)
			len = size;
		cert_chain_add(chain, (struct text){ (const char *)data, len });
	}
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text input = { (const char *)data, size };
	struct cert_store *store = cert_store_new();
	struct cert_chain chain = { .count = 0 };
	const char *why = NULL;

	if (cert_store_add_pem(store, input, &why) == -1)
		assert(why != NULL);
	cert_store_free(store);
	if (cert_chain_parse_pem(input, &chain, &why) == 0 && chain.count > 0)
		judge(&chain);
	cert_chain_clear(&chain);
	split_der(data, size, &chain);
	if (chain.count > 0)
		judge(&chain);
	cert_chain_clear(&chain);
}
