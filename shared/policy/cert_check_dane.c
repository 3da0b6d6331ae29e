/*
 * DANE as OpenSSL does it for Postfix, in its own words because OpenSSL's part
 * lives in a TLS session.  In order:
 *
 *  1. Records that SMTP clients cannot use are skipped (RFC 7672, 3.1.3).
 *  2. Of a usage and selector the strongest digest counts, and full values
 *     always do (RFC 7671, 9).
 *  3. DANE-EE(3) is compared with the leaf alone; names, dates and issuers do
 *     not count (RFC 7672, 3.1.1).
 *  4. DANE-TA(2) names an anchor: an issuer that was sent, a certificate that
 *     stands in the record itself, or a key that signed the last one sent.
 *     The leaf is none (RFC 7672, 3.1.2).
 */

#include "shared/policy/cert_check_dane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "shared/policy/cert_check.h"
#include "shared/policy/cert_check_path.h"
#include "shared/policy/cert_check_store.h"
#include "shared/xalloc.h"

enum { DANE_TA = 2, DANE_EE = 3 };
enum { SELECTOR_CERT, SELECTOR_KEY, SELECTOR_COUNT };
enum { MATCH_FULL, MATCH_SHA256, MATCH_SHA512 };

/* ---------------------------------------------------------------- records */

/* The key of a "2 1 0" record; the caller frees it. */
static EVP_PKEY *
key_of(const struct tlsa *record)
{
	const unsigned char *at = (const unsigned char *)record->data.data;

	return d2i_PUBKEY(NULL, &at, (long)record->data.len);
}

/* A full value has to be what it says it is, else OpenSSL drops the record. */
static bool
is_sound(const struct tlsa *record)
{
	EVP_PKEY *key;
	X509 *cert;

	if (record->matching_type != MATCH_FULL)
		return true;
	if (record->selector == SELECTOR_CERT) {
		cert = cert_decode(record->data);
		X509_free(cert);
		return cert != NULL;
	}
	key = key_of(record);
	EVP_PKEY_free(key);
	return key != NULL;
}

/* Steps 1 and 2; returns how many there are in out, which has room for all. */
static size_t
choose_records(const struct cert_dane_question *q, struct tlsa *out)
{
	uint8_t strongest[DANE_EE + 1][SELECTOR_COUNT] = { { 0 } };
	size_t usable = 0, kept = 0, i;
	const struct tlsa *t;
	uint8_t *best;

	for (i = 0; i < q->count; i++) {
		t = &q->records[i];
		if (!tlsa_is_usable(t) || !is_sound(t))
			continue;
		out[usable++] = *t;
		best = &strongest[t->usage][t->selector];
		if (t->matching_type > *best)
			*best = t->matching_type;
	}
	for (i = 0; i < usable; i++)
		if (out[i].matching_type == MATCH_FULL ||
		    out[i].matching_type ==
		    strongest[out[i].usage][out[i].selector])
			out[kept++] = out[i];
	return kept;
}

/* What records of one selector can hold of a certificate. */
struct selected {
	unsigned char	*der, sha256[32], sha512[64];
	int		 len;
};

static void
selected_init(struct selected *s, X509 *cert, int selector)
{
	s->der = NULL;
	s->len = selector == SELECTOR_CERT ? i2d_X509(cert, &s->der) :
	    i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &s->der);
	if (s->len < 0 ||
	    !EVP_Digest(s->der, (size_t)s->len, s->sha256, NULL, EVP_sha256(),
	    NULL) ||
	    !EVP_Digest(s->der, (size_t)s->len, s->sha512, NULL, EVP_sha512(),
	    NULL))
		assert(!"out of memory");
}

static bool
selected_match(const struct selected *s, const struct tlsa *record)
{
	switch (record->matching_type) {
	case MATCH_FULL:
		return record->data.len == (size_t)s->len &&
		    memcmp(record->data.data, s->der, record->data.len) == 0;
	case MATCH_SHA256:
		return memcmp(record->data.data, s->sha256, 32) == 0;
	default:
		return memcmp(record->data.data, s->sha512, 64) == 0;
	}
}

/* The first record of that usage that cert matches, or NULL. */
static const struct tlsa *
match_cert(const struct tlsa *records, size_t count, int usage, X509 *cert)
{
	struct selected s[SELECTOR_COUNT];
	const struct tlsa *found = NULL;
	size_t i;

	selected_init(&s[SELECTOR_CERT], cert, SELECTOR_CERT);
	selected_init(&s[SELECTOR_KEY], cert, SELECTOR_KEY);
	for (i = 0; i < count && found == NULL; i++)
		if (records[i].usage == usage &&
		    selected_match(&s[records[i].selector], &records[i]))
			found = &records[i];
	OPENSSL_free(s[SELECTOR_CERT].der);
	OPENSSL_free(s[SELECTOR_KEY].der);
	return found;
}

/* ---------------------------------------------------------------- anchors */

static void
add_anchor(X509_STORE *anchors, X509 *cert)
{
	if (!X509_STORE_add_cert(anchors, cert))
		assert(!"out of memory");
}

static void
add_anchors(const struct cert_dane_question *q, const struct tlsa *records,
    size_t count, X509_STORE *anchors)
{
	X509 *cert;
	size_t i;
	int at;

	for (at = 1; at < sk_X509_num(q->sent); at++) {
		cert = sk_X509_value(q->sent, at);
		if (X509_cmp(cert, q->leaf) != 0 &&
		    match_cert(records, count, DANE_TA, cert) != NULL)
			add_anchor(anchors, cert);
	}
	for (i = 0; i < count; i++) {
		if (records[i].usage != DANE_TA ||
		    records[i].selector != SELECTOR_CERT ||
		    records[i].matching_type != MATCH_FULL)
			continue;
		cert = cert_decode(records[i].data);
		if (X509_cmp(cert, q->leaf) != 0)
			add_anchor(anchors, cert);
		X509_free(cert);
	}
}

/* The record whose key alone, without a certificate, signed cert; or NULL. */
static const struct tlsa *
match_bare_key(const struct tlsa *records, size_t count, X509 *cert)
{
	const struct tlsa *found = NULL;
	EVP_PKEY *key;
	size_t i;

	for (i = 0; i < count && found == NULL; i++) {
		if (records[i].usage != DANE_TA ||
		    records[i].selector != SELECTOR_KEY ||
		    records[i].matching_type != MATCH_FULL)
			continue;
		key = key_of(&records[i]);
		if (X509_verify(cert, key) == 1)
			found = &records[i];
		EVP_PKEY_free(key);
	}
	return found;
}

static bool
is_anchored(const struct cert_path *path)
{
	return !path->is_unanchored && (path->findings &
	    (CERT_FINDING(FINDING_CERT_SELF_SIGNED) |
	    CERT_FINDING(FINDING_CERT_UNTRUSTED))) == 0;
}

/* Step 4. */
static void
check_anchors(const struct cert_dane_question *q, const struct tlsa *records,
    size_t count, struct cert_dane *out)
{
	X509_STORE *anchors = X509_STORE_new();
	struct cert_path_options options = { .anchors = anchors,
	    .sent = q->sent, .now = q->now, .takes_any_anchor = true };
	const struct tlsa *found;
	struct cert_path path;

	assert(anchors != NULL);
	add_anchors(q, records, count, anchors);
	cert_path_build(q->leaf, &options, &path);
	if (is_anchored(&path))
		found = match_cert(records, count, DANE_TA,
		    cert_path_end(&path));
	else {
		found = match_bare_key(records, count, cert_path_end(&path));
		if (found != NULL) {
			add_anchor(anchors, cert_path_end(&path));
			cert_path_clear(&path);
			cert_path_build(q->leaf, &options, &path);
		}
	}
	if (found != NULL && is_anchored(&path)) {
		out->state = CERT_DANE_TA;
		out->findings = path.findings;
		out->depth = (unsigned)sk_X509_num(path.certs) - 1;
		out->matched = *found;
	}
	cert_path_clear(&path);
	X509_STORE_free(anchors);
}

void
cert_dane_check(const struct cert_dane_question *q, struct cert_dane *out)
{
	struct tlsa *records = xcalloc(q->count, sizeof(records[0]));
	size_t count = choose_records(q, records);
	EVP_PKEY *key = X509_get0_pubkey(q->leaf);
	const struct tlsa *ee;

	*out = (struct cert_dane){ .state = CERT_DANE_UNUSABLE };
	if (count == 0)
		goto out;
	out->state = CERT_DANE_MISMATCH;
	ee = match_cert(records, count, DANE_EE, q->leaf);
	if (ee != NULL) {
		out->state = CERT_DANE_EE;
		out->matched = *ee;
		/* All that OpenSSL asks before it looks at records. */
		if (key == NULL ||
		    EVP_PKEY_get_security_bits(key) < CERT_SECURITY_BITS)
			out->findings = CERT_FINDING(FINDING_CERT_WEAK);
	} else
		check_anchors(q, records, count, out);
out:
	free(records);
}
