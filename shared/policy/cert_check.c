/*
 * Puts the judgement together from its parts: what the leaf says of itself
 * (cert_check_leaf), the path (cert_check_path), the TLSA records
 * (cert_check_dane), the staple (cert_check_staple).  Here stand what counts
 * as a name, when a chain is incomplete, and which of several findings is
 * first.
 */

#include "shared/policy/cert_check.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "shared/policy/cert_check_dane.h"
#include "shared/policy/cert_check_leaf.h"
#include "shared/policy/cert_check_path.h"
#include "shared/policy/cert_check_staple.h"
#include "shared/policy/cert_check_store.h"
#include "shared/xalloc.h"

static const char *const warning_names[CERT_WARNING_COUNT] = {
	[CERT_WARNING_KEY_SMALL] = "key-small",
	[CERT_WARNING_NAME_IN_CN] = "name-in-cn",
	[CERT_WARNING_NAME_OF_OTHER_HOST] = "name-of-other-host",
	[CERT_WARNING_NAME_MALFORMED] = "name-malformed",
	[CERT_WARNING_CHAIN_CUT] = "chain-cut",
	[CERT_WARNING_CHAIN_MALFORMED] = "chain-malformed",
	[CERT_WARNING_CHAIN_DISORDERED] = "chain-disordered",
	[CERT_WARNING_CHAIN_UNUSED] = "chain-unused",
	[CERT_WARNING_CRL_UNUSABLE] = "crl-unusable",
	[CERT_WARNING_STAPLE_UNUSABLE] = "staple-unusable",
};

static const char *const staple_names[] = {
	[CERT_STAPLE_NONE] = "none",
	[CERT_STAPLE_UNUSABLE] = "unusable",
	[CERT_STAPLE_UNKNOWN] = "unknown",
	[CERT_STAPLE_GOOD] = "good",
	[CERT_STAPLE_REVOKED] = "revoked",
};

/* What stays in hand while one question is answered. */
struct work {
	const struct cert_question	*q;
	struct cert_result		*out;
	X509				*leaf;
	STACK_OF(X509)			*sent;	/* the leaf first */
	struct cert_names		 names;
	struct cert_path		 path;	/* to the operator's anchors */
};

static void
add_finding(struct cert_verdict *verdict, enum finding f)
{
	verdict->findings |= CERT_FINDING(f);
}

static void
add_warning(struct work *w, enum cert_warning warning)
{
	w->out->warnings |= CERT_WARNING(warning);
}

/* ---------------------------------------------------------------- chain */

/* -1 with *why when the first is no certificate; others are skipped. */
static int
read_chain(struct work *w, const char **why)
{
	const struct cert_chain *chain = w->q->chain;
	struct cert_result *out = w->out;
	X509 *cert;
	size_t i;

	w->sent = sk_X509_new_null();
	assert(w->sent != NULL);
	out->certs = xcalloc(chain->count, sizeof(out->certs[0]));
	for (i = 0; i < chain->count; i++) {
		cert = chain->certs[i].decoded;
		if (cert == NULL || !X509_up_ref(cert))
			cert = cert_decode((struct text){
			    chain->certs[i].data, chain->certs[i].len });
		if (cert == NULL && i == 0)
			break;
		if (cert == NULL) {
			add_warning(w, CERT_WARNING_CHAIN_MALFORMED);
			continue;
		}
		if (!sk_X509_push(w->sent, cert))
			assert(!"out of memory");
		cert_info_read(cert, &out->certs[out->cert_count++]);
	}
	if (out->cert_count == 0) {
		*why = chain->is_cut ? "the certificate is too long" :
		    "no certificate";
		return -1;
	}
	w->leaf = sk_X509_value(w->sent, 0);
	if (chain->is_cut)
		add_warning(w, CERT_WARNING_CHAIN_CUT);
	return 0;
}

/* Where each that was sent stands on the path, once. */
static void
place_on_path(struct work *w)
{
	struct cert_info *info;
	int depth, last = -1, i;
	X509 *cert;

	for (depth = 0; depth < sk_X509_num(w->path.certs); depth++) {
		cert = sk_X509_value(w->path.certs, depth);
		for (i = 0; i < sk_X509_num(w->sent); i++)
			if (X509_cmp(sk_X509_value(w->sent, i), cert) == 0) {
				w->out->certs[i].depth = depth;
				break;
			}
	}
	for (i = 0; i < sk_X509_num(w->sent); i++) {
		info = &w->out->certs[i];
		if (info->depth == -1)
			add_warning(w, CERT_WARNING_CHAIN_UNUSED);
		else if (info->depth < last)
			add_warning(w, CERT_WARNING_CHAIN_DISORDERED);
		else
			last = info->depth;
		if (info->depth != -1 &&
		    cert_key_is_small(sk_X509_value(w->sent, i)))
			add_warning(w, CERT_WARNING_KEY_SMALL);
	}
}

static void
note_dates(struct work *w)
{
	int64_t from, to;
	X509 *cert;
	int i;

	for (i = 0; i < sk_X509_num(w->path.certs); i++) {
		cert = sk_X509_value(w->path.certs, i);
		from = cert_time(X509_get0_notBefore(cert));
		to = cert_time(X509_get0_notAfter(cert));
		if (i == 0 || from > w->out->not_before)
			w->out->not_before = from;
		if (i == 0 || to < w->out->not_after)
			w->out->not_after = to;
	}
}

static bool
is_known_elsewhere(const struct work *w, const X509_NAME *issuer)
{
	return w->q->known != NULL && X509_OBJECT_retrieve_by_subject(
	    X509_STORE_get0_objects(w->q->known->x509), X509_LU_X509,
	    issuer) != NULL;
}

/*
 * The path ends below an issuer that nobody has here.  When that issuer can be
 * had elsewhere, the server should have sent it; else nobody trusts it.  What
 * was sent and leads nowhere does not count.
 */
static void
judge_end(struct work *w)
{
	X509 *last = cert_path_end(&w->path);
	const X509_NAME *issuer = X509_get_issuer_name(last);
	char url[CERT_TEXT_SIZE];

	cert_issuer_url(last, url);
	if (url[0] == '\0' && !is_known_elsewhere(w, issuer)) {
		add_finding(&w->out->pkix, FINDING_CERT_UNTRUSTED);
		return;
	}
	add_finding(&w->out->pkix, FINDING_CERT_CHAIN_INCOMPLETE);
	cert_text_of_name(issuer, w->out->missing_issuer);
	memcpy(w->out->missing_issuer_url, url, sizeof(url));
}

static void
judge_path(struct work *w)
{
	X509_STORE *nobody = w->q->store == NULL ? X509_STORE_new() : NULL;
	struct cert_path_options options = { .sent = w->sent,
	    .now = w->q->now };

	assert(w->q->store != NULL || nobody != NULL);
	options.anchors = nobody;
	if (w->q->store != NULL) {
		options.anchors = w->q->store->x509;
		options.checks_crls = w->q->store->has_crls;
	}
	cert_path_build(w->leaf, &options, &w->path);
	w->out->pkix.findings = w->path.findings;
	w->out->verify_code = w->path.code;
	if (w->path.is_unanchored)
		judge_end(w);
	else
		w->out->broken_rule = w->path.broken_rule;
	if (w->path.has_bad_crl)
		add_warning(w, CERT_WARNING_CRL_UNUSABLE);
	place_on_path(w);
	note_dates(w);
	X509_STORE_free(nobody);
}

/* ---------------------------------------------------------------- names */

static void
keep_names(struct work *w)
{
	struct cert_result *out = w->out;
	const char *name = NULL;
	size_t i;

	out->name_count = w->names.dns_count < CERT_NAMES_MAX ?
	    w->names.dns_count : CERT_NAMES_MAX;
	out->names_dropped = w->names.dns_count - out->name_count;
	out->names = xcalloc(out->name_count, sizeof(out->names[0]));
	for (i = 0; i < out->name_count; i++) {
		name = cert_names_next(&w->names.dns, name);
		snprintf(out->names[i], sizeof(out->names[i]), "%s", name);
	}
}

/* For MTA-STS only DNS-IDs count (RFC 8461, 4.2; RFC 9525, 6.3). */
static void
judge_names(struct work *w)
{
	const char *matched = cert_names_match(&w->names.dns, w->q->host);
	size_t i;

	keep_names(w);
	if (w->names.has_malformed)
		add_warning(w, CERT_WARNING_NAME_MALFORMED);
	if (matched != NULL) {
		snprintf(w->out->matched, sizeof(w->out->matched), "%s",
		    matched);
		return;
	}
	add_finding(&w->out->pkix, FINDING_CERT_NAME_MISMATCH);
	if (cert_names_match(&w->names.common, w->q->host) != NULL)
		add_warning(w, CERT_WARNING_NAME_IN_CN);
	for (i = 0; i < w->q->other_host_count; i++)
		if (cert_names_match(&w->names.dns, w->q->other_hosts[i]) !=
		    NULL) {
			add_warning(w, CERT_WARNING_NAME_OF_OTHER_HOST);
			snprintf(w->out->other_host,
			    sizeof(w->out->other_host), "%s",
			    w->q->other_hosts[i]);
			break;
		}
}

/* The CN counts where there is no dNSName (RFC 7672, 3.2.3), to Postfix too. */
static bool
matches_with_cn(const struct work *w, const char *host)
{
	return cert_names_match(w->names.has_dns ? &w->names.dns :
	    &w->names.common, host) != NULL;
}

static bool
matches_dane_names(const struct work *w)
{
	size_t i;

	for (i = 0; i < w->q->dane_name_count; i++)
		if (matches_with_cn(w, w->q->dane_names[i]))
			return true;
	return matches_with_cn(w, w->q->host);
}

/* ---------------------------------------------------------------- the rest */

static void
judge_staple(struct work *w)
{
	struct cert_result *out = w->out;
	/* Without an issuer there is nobody who could have signed it. */
	X509 *issuer = sk_X509_value(w->path.certs,
	    sk_X509_num(w->path.certs) > 1 ? 1 : 0);

	out->must_staple = cert_must_staple(w->leaf);
	out->staple = cert_staple_read(w->q->staple, w->leaf, issuer,
	    w->q->now, &out->staple_next_update);
	if (out->staple == CERT_STAPLE_UNUSABLE)
		add_warning(w, CERT_WARNING_STAPLE_UNUSABLE);
	if (out->staple == CERT_STAPLE_REVOKED)
		add_finding(&out->pkix, FINDING_CERT_REVOKED);
	else if (out->must_staple && w->q->is_staple_asked &&
	    out->staple != CERT_STAPLE_GOOD)
		add_finding(&out->pkix, FINDING_STAPLE_MISSING);
}

static void
judge_dane(struct work *w)
{
	struct cert_dane_question question = { .leaf = w->leaf,
	    .sent = w->sent, .records = w->q->tlsa, .count = w->q->tlsa_count,
	    .now = w->q->now };
	struct cert_result *out = w->out;
	struct cert_dane dane;

	cert_dane_check(&question, &dane);
	out->dane.findings = dane.findings;
	switch (dane.state) {
	case CERT_DANE_UNUSABLE:
		add_finding(&out->dane, FINDING_TLSA_INVALID);
		return;
	case CERT_DANE_MISMATCH:
		add_finding(&out->dane, FINDING_TLSA_MISMATCH);
		return;
	case CERT_DANE_TA:
		if (!matches_dane_names(w))
			add_finding(&out->dane, FINDING_CERT_NAME_MISMATCH);
		break;
	case CERT_DANE_EE:
		break;
	}
	out->has_dane_match = true;
	out->dane_usage = dane.matched.usage;
	out->dane_selector = dane.matched.selector;
	out->dane_matching_type = dane.matched.matching_type;
	out->dane_depth = dane.depth;
}

/* What an operator would publish for this leaf. */
static void
note_tlsa(struct work *w)
{
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(w->leaf), &der);
	struct tlsa record = { .usage = 3, .selector = 1, .matching_type = 1 };
	unsigned digest_len = 0;

	if (len < 0 || !EVP_Digest(der, (size_t)len, digest, &digest_len,
	    EVP_sha256(), NULL))
		assert(!"out of memory");
	record.data = (struct text){ (char *)digest, digest_len };
	tlsa_format(w->out->tlsa_text, sizeof(w->out->tlsa_text), &record);
	OPENSSL_free(der);
}

/* ---------------------------------------------------------------- verdict */

/* The order of enum finding; what concerns the staple stands behind it. */
static enum finding
first_of(uint32_t findings)
{
	int f;

	for (f = FINDING_CERT_SELF_SIGNED; f < FINDING_COUNT; f++)
		if ((findings & CERT_FINDING(f)) != 0)
			return (enum finding)f;
	return (findings & CERT_FINDING(FINDING_STAPLE_MISSING)) != 0 ?
	    FINDING_STAPLE_MISSING : FINDING_OK;
}

static void
close_verdict(const struct work *w, struct cert_verdict *verdict)
{
	uint32_t passed = CERT_FINDING(FINDING_CERT_REVOKED) |
	    CERT_FINDING(FINDING_STAPLE_MISSING);

	if (matches_with_cn(w, w->q->host))
		passed |= CERT_FINDING(FINDING_CERT_NAME_MISMATCH);
	verdict->finding = first_of(verdict->findings);
	verdict->postfix_finding = first_of(verdict->findings & ~passed);
}

int
cert_check(const struct cert_question *q, struct cert_result *out,
    const char **why)
{
	struct cert_result result = { .verify_words = NULL };
	struct work w = { .q = q, .out = &result };
	int status = -1;

	if (read_chain(&w, why) == -1)
		goto out;
	cert_names_read(w.leaf, &w.names);
	judge_path(&w);
	judge_names(&w);
	judge_staple(&w);
	close_verdict(&w, &result.pkix);
	if (q->tlsa_count > 0) {
		judge_dane(&w);
		close_verdict(&w, &result.dane);
	}
	note_tlsa(&w);
	result.sct_count = cert_sct_count(w.leaf);
	result.verify_words = X509_verify_cert_error_string(result.verify_code);
	*out = result;
	status = 0;
out:
	if (status == -1)
		cert_result_clear(&result);
	cert_path_clear(&w.path);
	cert_names_clear(&w.names);
	sk_X509_pop_free(w.sent, X509_free);
	/* A session of the caller must not find our errors in the queue. */
	ERR_clear_error();
	return status;
}

void
cert_result_clear(struct cert_result *result)
{
	free(result->certs);
	free(result->names);
	*result = (struct cert_result){ .certs = NULL };
}

const char *
cert_warning_name(enum cert_warning w)
{
	assert((unsigned)w < CERT_WARNING_COUNT);
	return warning_names[w];
}

const char *
cert_staple_name(enum cert_staple s)
{
	assert((unsigned)s < sizeof(staple_names) / sizeof(staple_names[0]));
	return staple_names[s];
}
