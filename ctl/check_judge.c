/*
 * What follows from a full look.  First the domain's own promises, then its
 * hosts in the order of the mail, then one word for the whole.
 */

#include "ctl/check_judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/policy/cert_history.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define SOON_MAX_S	(30 * DAY_S)
#define SEEN_TWICE	2	/* asked for by hand: once is enough */
#define TTL_S		DAY_S	/* nothing here is older than a minute */

const char *
check_overall_name(enum check_overall overall)
{
	static const char *const names[] = {
		"good", "warnings", "broken", "unknown"
	};

	return names[overall];
}

/* ------------------------------------------------------------------- advice */

static const char *const finding_advice[FINDING_COUNT] = {
	[FINDING_STARTTLS_MISSING] = "switch TLS on at this host (Postfix: "
	    "smtpd_tls_security_level = may, with a certificate)",
	[FINDING_STARTTLS_REFUSED] = "read the host's log: most often its "
	    "certificate or key cannot be read",
	[FINDING_STARTTLS_INJECTION] = "update the server, or the firewall "
	    "that rewrites SMTP in front of it",
	[FINDING_CIPHER_WEAK] = "remove RC4, DES, export and anonymous "
	    "ciphers; offer AES-GCM or ChaCha20",
	[FINDING_STAPLE_MISSING] = "turn OCSP stapling on, or get a "
	    "certificate without must-staple",
	[FINDING_HANDSHAKE_FAILED] = "read the host's log for the failed "
	    "handshake; try openssl s_client -starttls smtp",
	[FINDING_PROTOCOL_OLD] = "offer TLS 1.2 and 1.3, and nothing older",
	[FINDING_CERT_SELF_SIGNED] = "get a certificate of a public "
	    "authority, or publish TLSA records (DANE)",
	[FINDING_CERT_UNTRUSTED] = "get a certificate of an authority that "
	    "senders trust for this name, or publish TLSA records (DANE)",
	[FINDING_CERT_CHAIN_INCOMPLETE] = "send the intermediate too: use "
	    "the full chain file, not the certificate alone",
	[FINDING_CERT_NOT_YET_VALID] = "correct the clock, or serve the old "
	    "certificate until then",
	[FINDING_CERT_EXPIRED] = "renew the certificate and reload the "
	    "server; a renewed file alone is not served",
	[FINDING_CERT_NAME_MISMATCH] = "get a certificate with this host's "
	    "name as a DNS name; the common name does not count",
	[FINDING_CERT_PURPOSE] = "get a certificate for TLS servers "
	    "(serverAuth)",
	[FINDING_CERT_REVOKED] = "replace the certificate: its authority "
	    "has revoked it",
	[FINDING_CERT_WEAK] = "get a certificate with RSA 2048 or P-256 and "
	    "SHA-256",
	[FINDING_MX_NOT_IN_POLICY] = "add the host to the MTA-STS policy and "
	    "change the record's id, or remove it from the MX records",
	[FINDING_POLICY_FETCH_FAILED] = "serve the policy at "
	    "https://mta-sts.DOMAIN/.well-known/mta-sts.txt with status 200",
	[FINDING_POLICY_INVALID] = "correct the policy or record; hopseal "
	    "lint sts-policy and sts-record judge them offline",
	[FINDING_POLICY_WEBPKI_INVALID] = "give the policy host a valid "
	    "certificate of a public authority",
	[FINDING_TLSA_MISMATCH] = "publish a TLSA record for the certificate "
	    "that is served, before the next renewal too",
	[FINDING_TLSA_INVALID] = "publish TLSA 3 1 1 or 2 1 1: others are "
	    "not usable for mail",
	[FINDING_DNSSEC_INVALID] = "repair the zone's signatures or the DS "
	    "record of its parent; dnsviz.net shows which",
	[FINDING_UNREACHABLE] = "let port and address be reached from "
	    "outside, or take the host out of the MX records",
	[FINDING_UNKNOWN] = "ask again later; the fault may be on this side",
};

static const struct {
	const char *word, *words, *advice;
} warnings[] = {
	{ "key-small", "its key is small",
	    "get a certificate with RSA 2048 or P-256" },
	{ "name-in-cn", "the name stands in the common name alone",
	    "get a certificate with it as a DNS name too" },
	{ "name-malformed", "it has a name that is none",
	    "get a certificate with proper names" },
	{ "chain-cut", "its chain is longer than anybody reads",
	    "send the certificate and its intermediates, nothing else" },
	{ "chain-malformed", "what it sends behind its certificate is none",
	    "repair the chain file" },
	{ "staple-unusable", "its OCSP staple is not current, or another's",
	    "let the server fetch a new one; see its log" },
	{ "chain-disordered", "its chain is not in order",
	    "send each certificate before its issuer's" },
	{ "chain-unused", "it sends certificates that nobody needs",
	    "leave out of the chain file what is not needed" },
};

/* ----------------------------------------------------------------- problems */

static struct check_problem * __attribute__((format(printf, 4, 0)))
add_problem_args(struct check *c, const char *word, const char *advice,
    const char *format, va_list args)
{
	struct check_problem *p;
	char text[CHECK_WORDS_SIZE];

	c->problems = xreallocarray(c->problems, c->problem_count + 1,
	    sizeof(*c->problems));
	p = &c->problems[c->problem_count++];
	*p = (struct check_problem){ .word = word, .host = "" };
	vsnprintf(text, sizeof(text), format, args);
	text_quote(p->words, sizeof(p->words), text_of(text));
	snprintf(p->advice, sizeof(p->advice), "%s", advice);
	return p;
}

/* The last one is the new one. */
static struct check_problem * __attribute__((format(printf, 4, 5)))
add_problem(struct check *c, const char *word, const char *advice,
    const char *format, ...)
{
	struct check_problem *p;
	va_list args;

	va_start(args, format);
	p = add_problem_args(c, word, advice, format, args);
	va_end(args);
	return p;
}

struct check_problem *
check_warn(struct check *c, const char *word, const char *advice,
    const char *format, ...)
{
	struct check_problem *p;
	va_list args;

	va_start(args, format);
	p = add_problem_args(c, word, advice, format, args);
	va_end(args);
	p->is_warning = true;
	if (c->overall == CHECK_GOOD)
		c->overall = CHECK_WARNINGS;
	return p;
}

static struct check_problem *
add_finding(struct check *c, enum finding finding, const char *words)
{
	return add_problem(c, finding_name(finding), finding_advice[finding] !=
	    NULL ? finding_advice[finding] : "", "%s", words[0] != '\0' ?
	    words : finding_words(finding));
}

static const struct facts_host *
host_of(const struct check *c, const struct look_address *a)
{
	return &c->look->facts->hosts[a->host];
}

/* Says whom the newest problem concerns. */
static void
at_address(struct check_problem *p, const struct check *c,
    const struct look_address *a)
{
	const struct facts_host *host = host_of(c, a);

	p->host = host->name;
	address_format(&host->addresses[a->address].address, p->address);
}

/* ------------------------------------------------------------------- domain */

/* The only word that facts keep of it. */
static bool
is_bogus(const char *error)
{
	return strstr(error, "bogus") != NULL;
}

static void
judge_mx(struct check *c)
{
	const struct facts *f = c->look->facts;

	if (f->mx_state == FACT_UNKNOWN)
		add_finding(c, is_bogus(f->mx_error) ?
		    FINDING_DNSSEC_INVALID : FINDING_UNKNOWN, f->mx_error);
	else if (f->mx_state == FACT_ABSENT && !f->mx_is_null)
		add_finding(c, FINDING_UNREACHABLE, f->mx_error[0] != '\0' ?
		    f->mx_error : "it has no mail host");
	else if (f->dane == DANE_UNKNOWN && is_bogus(f->dane_error))
		add_finding(c, FINDING_DNSSEC_INVALID, f->dane_error);
}

static void
judge_policy(struct check *c)
{
	const struct facts *f = c->look->facts;

	if (f->record_state != FACT_PRESENT && f->record_error[0] != '\0')
		add_finding(c, is_bogus(f->record_error) ?
		    FINDING_DNSSEC_INVALID : f->record_state == FACT_UNKNOWN ?
		    FINDING_UNKNOWN : FINDING_POLICY_INVALID,
		    f->record_error);
	else if (f->fetch_failed_count > 0)
		add_finding(c, f->fetch_finding, f->fetch_error);
}

/* -------------------------------------------------------------------- hosts */

bool
check_dane_governs(const struct check *c, const struct facts_host *host)
{
	return (c->decision.kind == TLS_POLICY_DANE ||
	    c->look->hop.kind == NEXT_HOP_HOST) && host->tlsa == TLSA_USABLE;
}

static bool
takes(const struct look_address *a, enum probe_manner manner)
{
	const struct observation *o = look_seen(a, manner);

	return o != NULL && o->finding == FINDING_OK;
}

enum finding
check_address_finding(const struct check *c, const struct look_address *a)
{
	const struct observation *o = look_seen(a, PROBE_AS_POSTFIX);

	return o != NULL ? observation_finding(o, check_dane_governs(c,
	    host_of(c, a))) : FINDING_UNKNOWN;
}

/* An eighth and less come later: this is the first warning. */
static void
judge_expiry(struct check *c, const struct look_address *a,
    const struct observation *o)
{
	int64_t life = o->not_after - o->not_before, left, soon = life / 4;
	char span[TEXT_TIME_SIZE];

	left = o->not_after - c->now;
	if (soon > SOON_MAX_S)
		soon = SOON_MAX_S;
	if (o->not_after == 0 || left < 0 || left > soon)
		return;
	at_address(add_problem(c, "cert-expires-soon", "renew the certificate "
	    "now and see why that has not happened by itself",
	    "its certificates end in %s", text_format_age(span, left)), c, a);
	c->problems[c->problem_count - 1].is_warning = true;
}

static void
judge_warnings(struct check *c, const struct look_address *a,
    const struct observation *o)
{
	struct check_problem *p;
	size_t i, w;

	for (i = 0; i < o->warning_count; i++)
		for (w = 0; w < sizeof(warnings) / sizeof(warnings[0]); w++)
			if (text_equals(o->warnings[i], warnings[w].word)) {
				p = add_problem(c, warnings[w].word,
				    warnings[w].advice, "%s",
				    warnings[w].words);
				p->is_warning = true;
				at_address(p, c, a);
			}
}

/* Another MX has renewed the certificate, and this one has not noticed. */
static void
judge_renewal(struct check *c, const struct look_address *a)
{
	const struct facts_host *renewed = cert_history_renewed(c->look->facts,
	    &host_of(c, a)->addresses[a->address], c->now);
	struct check_problem *p;

	if (renewed == NULL)
		return;
	p = add_problem(c, "cert-inactive", "bring the new certificate to "
	    "this host too, and reload its server", "%s has a newer "
	    "certificate for the same names", renewed->name);
	p->is_warning = true;
	at_address(p, c, a);
}

static bool
is_old_version(struct text protocol)
{
	return text_equals(protocol, "TLSv1") ||
	    text_equals(protocol, "TLSv1.1");
}

/* What works, and should not be offered beside what is good. */
static void
judge_offers(struct check *c, const struct look_address *a)
{
	const struct observation *plain = look_seen(a, PROBE_WITHOUT_SNI);
	enum finding finding;
	struct check_problem *p;

	if (takes(a, PROBE_TLS_1_0) || takes(a, PROBE_TLS_1_1) ||
	    is_old_version(look_seen(a, PROBE_AS_POSTFIX)->protocol)) {
		p = add_finding(c, FINDING_PROTOCOL_OLD, "it still offers "
		    "TLS 1.1 or older");
		p->is_warning = true;
		at_address(p, c, a);
	}
	if (takes(a, PROBE_WEAK_CIPHERS)) {
		p = add_problem(c, finding_name(FINDING_CIPHER_WEAK),
		    finding_advice[FINDING_CIPHER_WEAK], "it takes %.*s",
		    (int)look_seen(a, PROBE_WEAK_CIPHERS)->cipher.len,
		    look_seen(a, PROBE_WEAK_CIPHERS)->cipher.data);
		p->is_warning = true;
		at_address(p, c, a);
	}
	finding = plain != NULL && !check_dane_governs(c, host_of(c, a)) ?
	    observation_finding(plain, false) : FINDING_OK;
	if (finding != FINDING_OK && finding != FINDING_UNKNOWN &&
	    finding != FINDING_UNREACHABLE) {
		p = add_problem(c, finding_name(finding), "serve the right "
		    "certificate by default: not every sender says whom it "
		    "wants (SNI)", "without SNI: %.*s", (int)plain->words.len,
		    plain->words.data);
		p->is_warning = true;
		at_address(p, c, a);
	}
}

/* What to do, where more is known than the finding. */
static void
refine_advice(const struct observation *o, enum finding finding,
    char advice[CHECK_WORDS_SIZE])
{
	if (finding == FINDING_HANDSHAKE_FAILED && is_old_version(o->protocol))
		snprintf(advice, CHECK_WORDS_SIZE, "%s",
		    finding_advice[FINDING_PROTOCOL_OLD]);
	else if (finding == FINDING_CERT_EXPIRED && o->cert_count > 0 &&
	    o->certs[0].not_after > o->not_after)
		snprintf(advice, CHECK_WORDS_SIZE, "replace the expired "
		    "intermediate by the authority's present one; the "
		    "certificate itself is good");
	else if (finding == FINDING_TLSA_MISMATCH && o->tlsa_text.len > 0)
		snprintf(advice, CHECK_WORDS_SIZE, "publish TLSA %.*s for the "
		    "certificate that is served, before the next renewal too",
		    (int)o->tlsa_text.len, o->tlsa_text.data);
	else if (finding == FINDING_CERT_CHAIN_INCOMPLETE &&
	    o->missing_issuer_url.len > 0)
		snprintf(advice, CHECK_WORDS_SIZE, "send the intermediate "
		    "too; it lies at %.*s", (int)o->missing_issuer_url.len,
		    o->missing_issuer_url.data);
}

/* Every finding that holds; the first has the words of the scout. */
static void
judge_findings(struct check *c, const struct look_address *a,
    const struct observation *o, enum finding first)
{
	uint32_t findings = observation_findings(o, check_dane_governs(c,
	    host_of(c, a)));
	struct check_problem *p;
	char words[CHECK_WORDS_SIZE];
	unsigned f;

	findings |= OBSERVED(first);
	for (f = 0; f < FINDING_COUNT; f++) {
		if (f == FINDING_OK || !(findings & OBSERVED(f)))
			continue;
		words[0] = '\0';
		if (f == (unsigned)first)
			text_quote(words, sizeof(words), o->words);
		p = add_finding(c, (enum finding)f, words);
		refine_advice(o, (enum finding)f, p->advice);
		at_address(p, c, a);
	}
}

static void
judge_address(struct check *c, const struct look_address *a)
{
	const struct observation *o = look_seen(a, PROBE_AS_POSTFIX);
	enum finding finding = check_address_finding(c, a);

	if (o == NULL) {
		at_address(add_finding(c, FINDING_UNKNOWN,
		    "it was not looked at in time"), c, a);
		return;
	}
	if (finding != FINDING_OK) {
		judge_findings(c, a, o, finding);
		return;
	}
	judge_expiry(c, a, o);
	judge_renewal(c, a);
	judge_warnings(c, a, o);
	judge_offers(c, a);
}

static void
judge_host(struct check *c, const struct facts_host *host)
{
	const struct facts *f = c->look->facts;

	if (f->has_policy && f->policy.mode != MTASTS_NONE &&
	    c->decision.kind != TLS_POLICY_DANE &&
	    !mtasts_policy_permits(&f->policy, host->name))
		add_finding(c, FINDING_MX_NOT_IN_POLICY, "")->host =
		    host->name;
	if (host->tlsa == TLSA_UNUSABLE)
		add_finding(c, FINDING_TLSA_INVALID, "")->host = host->name;
	if (host->address_state != FACT_PRESENT)
		add_finding(c, host->address_state == FACT_ABSENT ?
		    FINDING_UNREACHABLE : FINDING_UNKNOWN, host->error[0] !=
		    '\0' ? host->error : "it has no address")->host =
		    host->name;
}

/* -------------------------------------------------------------------- whole */

/* For the decision, an observation is what the front would have of it. */
static void
note_findings(struct check *c, struct look *look)
{
	const struct observation *o;
	struct facts_address *to;
	bool by_dane;
	size_t i;

	for (i = 0; i < look->address_count; i++) {
		o = look_seen(&look->addresses[i], PROBE_AS_POSTFIX);
		if (o == NULL)
			continue;
		to = &look->facts->hosts[look->addresses[i].host].addresses[
		    look->addresses[i].address];
		to->finding = check_address_finding(c, &look->addresses[i]);
		by_dane = check_dane_governs(c, host_of(c,
		    &look->addresses[i]));
		if (o->finding == FINDING_OK)
			to->postfix_finding = observation_postfix_finding(o,
			    by_dane);
		cert_history_read(o, &to->cert);
		to->seen_at = o->seen_at;
		/* All of one look: no newer policy is to be waited for. */
		if (o->seen_at > look->facts->looked_at)
			look->facts->looked_at = o->seen_at;
		to->not_after = o->not_after;
		to->seen_count = SEEN_TWICE;
	}
}

static struct tls_site
our_site(const struct look *look)
{
	return (struct tls_site){
		.dane = look->is_validating ? FACT_PRESENT : FACT_ABSENT,
		.stale_ttl_s = TTL_S, .good_ttl_s = TTL_S, .bad_ttl_s = TTL_S,
		.reprobe_after_s = TTL_S
	};
}

enum finding
check_host_finding(const struct check *c, const struct facts_host *host)
{
	struct tls_site site = our_site(c->look);

	/* Postfix sends to a host whose certificate is revoked; still it is. */
	site.is_strict = true;
	return tls_decision_host_finding(c->look->facts, host,
	    c->decision.kind, &site, c->now);
}

/* What could not be looked at from here (no IPv6, say) is nobody's problem. */
static bool
has_problem(const struct check *c, bool counts_warnings)
{
	size_t i;

	for (i = 0; i < c->problem_count; i++)
		if ((counts_warnings || !c->problems[i].is_warning) &&
		    strcmp(c->problems[i].word,
		    finding_name(FINDING_UNKNOWN)) != 0)
			return true;
	return false;
}

/* True when each address, and there is one, ended with that finding. */
static bool
all_are(const struct check *c, enum finding finding)
{
	size_t i;

	for (i = 0; i < c->look->address_count; i++)
		if (check_address_finding(c, &c->look->addresses[i]) !=
		    finding)
			return false;
	return c->look->address_count > 0;
}

/*
 * Broken: what the domain promises does not hold, or no mail comes through.
 * What only weakens it, or is wrong where nothing was promised, is a warning.
 */
static enum check_overall
judge_overall(const struct check *c)
{
	const struct facts *f = c->look->facts;
	bool is_enforced = c->decision.map == MAP_LEVEL;

	if (f->mx_state == FACT_UNKNOWN)
		return is_bogus(f->mx_error) ? CHECK_BROKEN : CHECK_UNKNOWN;
	if (all_are(c, FINDING_UNKNOWN))
		return CHECK_UNKNOWN;
	if (f->mx_is_null)
		return CHECK_GOOD;
	if (f->mx_state == FACT_ABSENT || c->look->address_count == 0 ||
	    all_are(c, FINDING_UNREACHABLE) ||
	    (f->dane == DANE_UNKNOWN && is_bogus(f->dane_error)) ||
	    (f->record_state == FACT_PRESENT && !f->has_policy &&
	    f->fetch_failed_count > 0) ||
	    (is_enforced && c->decision.verdict == VERDICT_UNDELIVERABLE) ||
	    (c->look->hop.kind == NEXT_HOP_HOST && has_problem(c, false)))
		return CHECK_BROKEN;
	return has_problem(c, true) ? CHECK_WARNINGS : CHECK_GOOD;
}

void
check_judge(struct look *look, int64_t now, struct check *out)
{
	struct tls_site site = our_site(look);
	struct check *c = out;
	size_t i;

	*c = (struct check){ .look = look, .now = now,
	    .overall = CHECK_UNKNOWN };
	if (look->facts == NULL)
		return;
	/* Which promise governs does not depend on what was seen. */
	tls_decision_make(look->facts, NULL, &site, now, &c->decision);
	note_findings(c, look);
	tls_decision_make(look->facts, NULL, &site, now, &c->decision);
	judge_mx(c);
	judge_policy(c);
	for (i = 0; i < look->facts->host_count; i++)
		judge_host(c, &look->facts->hosts[i]);
	for (i = 0; i < look->address_count; i++)
		judge_address(c, &look->addresses[i]);
	c->overall = judge_overall(c);
}

void
check_clear(struct check *c)
{
	free(c->problems);
}
