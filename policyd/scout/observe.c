/*
 * From a conversation to an observation.  What kept TLS from standing comes
 * before what its certificates are like; words for people name the finding
 * that comes first.
 */

#include "policyd/scout/observe.h"

#include <stdio.h>
#include <string.h>

#include "shared/postfix/tls_protocols.h"

#define TLSA_TEXT_SIZE	160
#define MATCH_SIZE	48
/* OpenSSL speaks no older ones at the security level of who verifies. */
#define VERIFIED_PROTOCOLS ">=TLSv1.2"

static struct observed_verdict
copy_verdict(const struct cert_verdict *v)
{
	return (struct observed_verdict){ v->findings, v->finding,
	    v->postfix_finding };
}

static void
copy_certs(const struct cert_result *r, struct observation *o)
{
	const struct cert_info *c;
	size_t i;

	for (i = 0; i < r->cert_count && i < OBSERVED_CERTS_MAX; i++) {
		c = &r->certs[i];
		o->certs[i] = (struct observed_cert){
			.subject = text_of(c->subject),
			.issuer = text_of(c->issuer),
			.not_before = c->not_before,
			.not_after = c->not_after,
			.key = text_of(c->key), .key_bits = c->key_bits,
			.signature = text_of(c->signature),
			.sha256 = text_of(c->sha256), .is_used = c->depth >= 0
		};
	}
	o->cert_count = i;
	o->certs_dropped = (uint32_t)(r->cert_count - i);
	for (i = 0; i < r->name_count && i < OBSERVED_NAMES_MAX; i++)
		o->names[i] = text_of(r->names[i]);
	o->name_count = i;
	o->names_dropped = (uint32_t)(r->name_count - i + r->names_dropped);
}

static void
copy_warnings(const struct cert_result *r, struct observation *o)
{
	unsigned w;

	for (w = 0; w < CERT_WARNING_COUNT; w++)
		if (r->warnings & CERT_WARNING(w) &&
		    o->warning_count < OBSERVED_WARNINGS_MAX)
			o->warnings[o->warning_count++] =
			    text_of(cert_warning_name((enum cert_warning)w));
}

static void
copy_result(const struct cert_result *r, struct observation *o)
{
	o->pkix = copy_verdict(&r->pkix);
	o->dane = copy_verdict(&r->dane);
	o->not_before = r->not_before;
	o->not_after = r->not_after;
	if (r->verify_code != 0)
		o->verify_words = text_of(r->verify_words);
	o->matched = text_of(r->matched);
	o->missing_issuer = text_of(r->missing_issuer);
	o->missing_issuer_url = text_of(r->missing_issuer_url);
	o->staple = text_of(cert_staple_name(r->staple));
	o->sct_count = r->sct_count;
	o->must_staple = r->must_staple;
	o->tlsa_text = text_of(r->tlsa_text);
	copy_warnings(r, o);
	copy_certs(r, o);
}

/* "3 1 1 at depth 0". */
static void
judge_dane(const struct cert_result *r, struct observation *o,
    char match[MATCH_SIZE])
{
	if (o->dane_state != OBSERVED_DANE_MATCH)
		return;
	if (r->has_dane_match) {
		snprintf(match, MATCH_SIZE, "%u %u %u at depth %u",
		    r->dane_usage, r->dane_selector, r->dane_matching_type,
		    r->dane_depth);
		o->dane_match = text_of(match);
	} else if (r->dane.findings & CERT_FINDING(FINDING_TLSA_INVALID))
		o->dane_state = OBSERVED_DANE_UNUSABLE;
	else
		o->dane_state = OBSERVED_DANE_MISMATCH;
}

/* Whom it is for instead. */
static void
describe_names(const struct cert_result *r,
    char words[FACTS_ERROR_MAX_BYTES + 1])
{
	bool is_in_cn = r->warnings & CERT_WARNING(CERT_WARNING_NAME_IN_CN);
	size_t count = r->name_count + r->names_dropped;
	const char *more = is_in_cn ? "; this host is in its common name only" :
	    "";
	char others[48] = "";

	if (count > 1)
		snprintf(others, sizeof(others), " and %zu other name%s",
		    count - 1, count > 2 ? "s" : "");
	if (r->other_host[0] != '\0')
		facts_set_error(words, "certificate is for %s, another MX of "
		    "the domain", r->other_host);
	else if (r->name_count == 0)
		facts_set_error(words, "certificate has no DNS names%s", more);
	else
		facts_set_error(words, "certificate is for %s%s%s",
		    r->names[0], others, more);
}

/* "certificate", or whose it is when it is not the host's own. */
static const char *
name_cert(const struct cert_info *c, char out[CERT_TEXT_SIZE + 16])
{
	if (c->depth == 0)
		return "certificate";
	snprintf(out, CERT_TEXT_SIZE + 16, "intermediate %s", c->subject);
	return out;
}

/* The first certificate on the path that is out of its time, or NULL. */
static const struct cert_info *
find_untimely(const struct cert_result *r, int64_t now)
{
	size_t i;

	for (i = 0; i < r->cert_count; i++)
		if (r->certs[i].depth >= 0 && (now > r->certs[i].not_after ||
		    now < r->certs[i].not_before))
			return &r->certs[i];
	return NULL;
}

/* The path's own dates are those of the worst on it, sent or not. */
static void
describe_dates(const struct cert_result *r, enum finding finding, int64_t now,
    char words[FACTS_ERROR_MAX_BYTES + 1])
{
	const struct cert_info *c = find_untimely(r, now);
	char name[CERT_TEXT_SIZE + 16], day[TEXT_TIME_SIZE];
	const char *whose = c != NULL ? name_cert(c, name) :
	    "certificate of an issuer";

	if (finding == FINDING_CERT_EXPIRED)
		facts_set_error(words, "%s expired %s", whose,
		    text_format_day(day, r->not_after));
	else
		facts_set_error(words, "%s not valid before %s", whose,
		    text_format_day(day, r->not_before));
}

/* The last certificate on the path that was sent. */
static const struct cert_info *
find_last(const struct cert_result *r)
{
	const struct cert_info *last = &r->certs[0];
	size_t i;

	for (i = 1; i < r->cert_count; i++)
		if (r->certs[i].depth > last->depth)
			last = &r->certs[i];
	return last;
}

/* Nobody trusts whom the path ends with, or it is one that must not be. */
static void
describe_untrusted(const struct cert_result *r,
    char words[FACTS_ERROR_MAX_BYTES + 1])
{
	if (r->broken_rule != NULL)
		facts_set_error(words, "certificate chain not valid: %s",
		    r->broken_rule);
	else
		facts_set_error(words, "%s: %s",
		    finding_words(FINDING_CERT_UNTRUSTED),
		    find_last(r)->issuer);
}

/* What a person needs to know of a certificate that does not do. */
static void
describe(const struct cert_result *r, enum finding finding, int64_t now,
    char words[FACTS_ERROR_MAX_BYTES + 1])
{
	const struct cert_info *leaf = &r->certs[0];

	switch (finding) {
	case FINDING_OK:
		words[0] = '\0';
		break;
	case FINDING_CERT_EXPIRED:
	case FINDING_CERT_NOT_YET_VALID:
		describe_dates(r, finding, now, words);
		break;
	case FINDING_CERT_NAME_MISMATCH:
		describe_names(r, words);
		break;
	case FINDING_CERT_CHAIN_INCOMPLETE:
		facts_set_error(words, "%s: %s", finding_words(finding),
		    r->missing_issuer);
		break;
	case FINDING_CERT_UNTRUSTED:
		describe_untrusted(r, words);
		break;
	case FINDING_CERT_WEAK:
		facts_set_error(words, "%s: key %s %u bits, signature %s",
		    finding_words(finding), leaf->key, leaf->key_bits,
		    leaf->signature);
		break;
	default:
		facts_set_error(words, "%s", finding_words(finding));
		break;
	}
}

static void
copy_session(const struct smtp_seen *seen, const struct observe_with *with,
    struct observation *o, char words[FACTS_ERROR_MAX_BYTES + 1])
{
	o->has_tls = true;
	o->protocol = text_of(seen->protocol);
	o->cipher = text_of(seen->cipher);
	o->key_exchange = text_of(seen->key_exchange);
	o->cipher_bits = seen->cipher_bits;
	/* What was asked for alone is no wonder. */
	if (o->asked.manner != PROBE_AS_POSTFIX)
		return;
	if (!tls_protocols_permit(text_of(with->mandatory_protocols),
	    seen->protocol)) {
		o->finding = FINDING_PROTOCOL_OLD;
		facts_set_error(words, "%s: %s at best, "
		    "smtp_tls_mandatory_protocols = %s",
		    finding_words(o->finding), seen->protocol,
		    with->mandatory_protocols);
	} else if (with->refusal != NULL) {
		o->finding = FINDING_HANDSHAKE_FAILED;
		if (!tls_protocols_permit(text_of(VERIFIED_PROTOCOLS),
		    seen->protocol))
			facts_set_error(words, "%s: %s at best, Postfix "
			    "verifies from TLSv1.2 on",
			    finding_words(o->finding), seen->protocol);
		else
			facts_set_error(words, "%s, where Postfix verifies",
			    with->refusal);
	}
}

static void
copy_tlsa(const struct observe_tlsa *tlsa, struct observation *o,
    char texts[OBSERVED_TLSA_MAX][TLSA_TEXT_SIZE])
{
	size_t i;

	o->dane_state = tlsa->state;
	for (i = 0; i < tlsa->count; i++)
		o->tlsa[i] = text_of(tlsa_format(texts[i], TLSA_TEXT_SIZE,
		    &tlsa->records[i]));
	o->tlsa_count = tlsa->count;
}

enum finding
observe(const struct probe_request *asked, const struct smtp_seen *seen,
    const struct observe_tlsa *tlsa, const struct observe_with *with,
    struct buffer *out, char words[FACTS_ERROR_MAX_BYTES + 1])
{
	const char *dane_names[2], *others[PROBE_OTHERS_MAX];
	struct cert_question question = {
		.chain = &seen->chain, .now = with->now, .host = asked->host,
		.store = with->store, .known = with->known,
		.tlsa = tlsa->records, .tlsa_count = tlsa->count,
		.dane_names = dane_names,
		.other_hosts = others, .other_host_count = asked->other_count,
		.is_staple_asked = true, .staple = seen->staple
	};
	struct observation o = {
		.asked = *asked, .seen_at = with->now, .stage = seen->stage,
		.finding = seen->finding
	};
	char texts[OBSERVED_TLSA_MAX][TLSA_TEXT_SIZE], match[MATCH_SIZE];
	struct cert_result result = { 0 };
	enum finding finding;
	const char *why;
	size_t i;

	for (i = 0; i < asked->other_count; i++)
		others[i] = asked->others[i];
	if (tlsa->base[0] != '\0')
		dane_names[question.dane_name_count++] = tlsa->base;
	if (asked->domain[0] != '\0')
		dane_names[question.dane_name_count++] = asked->domain;
	memcpy(o.stage_ms, seen->stage_ms, sizeof(o.stage_ms));
	memcpy(words, seen->words, sizeof(seen->words));
	copy_tlsa(tlsa, &o, texts);
	if (seen->finding == FINDING_OK)
		copy_session(seen, with, &o, words);
	if (seen->chain.count > 0 && with->store == NULL) {
		o.finding = FINDING_UNKNOWN;
		facts_set_error(words, "there is no trust store");
	} else if (seen->chain.count > 0) {
		if (cert_check(&question, &result, &why) == -1) {
			o.finding = FINDING_HANDSHAKE_FAILED;
			facts_set_error(words, "certificate: %s", why);
		} else {
			copy_result(&result, &o);
			judge_dane(&result, &o, match);
		}
	}
	finding = observation_finding(&o, true);
	if (o.finding == FINDING_OK && result.certs != NULL)
		describe(&result, finding, with->now, words);
	o.words = text_of(words);
	observation_format(&o, out);
	cert_result_clear(&result);
	return finding;
}
