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

static const char *
list_names(const struct cert_result *r, char *out, size_t size)
{
	size_t i, at = 0;

	out[0] = '\0';
	for (i = 0; i < r->name_count && i < 3 && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s",
		    i > 0 ? ", " : "", r->names[i]);
	return out[0] != '\0' ? out : "none";
}

/* Whom it is for instead. */
static void
describe_names(const struct cert_result *r,
    char words[FACTS_ERROR_MAX_BYTES + 1])
{
	char names[80];

	if (r->other_host[0] != '\0')
		facts_set_error(words, "certificate is for %s, another MX of "
		    "the domain", r->other_host);
	else if (r->warnings & CERT_WARNING(CERT_WARNING_NAME_IN_CN))
		facts_set_error(words, "certificate matches only by its "
		    "common name, its DNS names are %s",
		    list_names(r, names, sizeof(names)));
	else
		facts_set_error(words, "certificate names %s",
		    list_names(r, names, sizeof(names)));
}

/* The first certificate on the path that is out of its time. */
static const struct cert_info *
find_untimely(const struct cert_result *r, int64_t now)
{
	size_t i;

	for (i = 0; i < r->cert_count; i++)
		if (r->certs[i].depth >= 0 && (now > r->certs[i].not_after ||
		    now < r->certs[i].not_before))
			return &r->certs[i];
	return &r->certs[0];
}

/* What a person needs to know of a certificate that does not do. */
static void
describe(const struct cert_result *r, enum finding finding, int64_t now,
    char words[FACTS_ERROR_MAX_BYTES + 1])
{
	const struct cert_info *leaf = &r->certs[0];
	const struct cert_info *untimely = find_untimely(r, now);
	char date[TEXT_TIME_SIZE];

	switch (finding) {
	case FINDING_OK:
		words[0] = '\0';
		break;
	case FINDING_CERT_EXPIRED:
		facts_set_error(words, "certificate of %s expired %s "
		    "(issuer %s)", untimely->subject,
		    text_format_time(date, untimely->not_after),
		    untimely->issuer);
		break;
	case FINDING_CERT_NOT_YET_VALID:
		facts_set_error(words, "certificate of %s is not valid "
		    "before %s", untimely->subject,
		    text_format_time(date, untimely->not_before));
		break;
	case FINDING_CERT_NAME_MISMATCH:
		describe_names(r, words);
		break;
	case FINDING_CERT_CHAIN_INCOMPLETE:
		facts_set_error(words, "not sent: %s", r->missing_issuer);
		break;
	case FINDING_CERT_UNTRUSTED:
		facts_set_error(words, "issuer %s is not trusted",
		    r->certs[r->cert_count - 1].issuer);
		break;
	case FINDING_CERT_REVOKED:
		facts_set_error(words, "certificate of %s is revoked by %s",
		    leaf->subject, leaf->issuer);
		break;
	case FINDING_TLSA_MISMATCH:
		facts_set_error(words, "no TLSA record matches the "
		    "certificate, %s", r->tlsa_text);
		break;
	case FINDING_CERT_WEAK:
		facts_set_error(words, "key %s %u bits, signature %s",
		    leaf->key, leaf->key_bits, leaf->signature);
		break;
	default:
		facts_set_error(words, "%s%s%s", finding_words(finding),
		    r->verify_code != 0 ? ": " : "",
		    r->verify_code != 0 ? r->verify_words : "");
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
		facts_set_error(words, "%s is the best that it has, "
		    "smtp_tls_mandatory_protocols = %s", seen->protocol,
		    with->mandatory_protocols);
	} else if (with->refusal != NULL) {
		o->finding = FINDING_HANDSHAKE_FAILED;
		facts_set_error(words, "%s; %s stands only where Postfix does "
		    "not verify", with->refusal, seen->protocol);
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
