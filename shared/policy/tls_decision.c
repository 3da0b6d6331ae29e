/*
 * The one place that decides.
 *
 * The RFCs: DANE comes before MTA-STS, and a failing DANE look-up is never
 * overridden (RFC 8461, 2; RFC 7672, 2.1).  An unexpired policy holds
 * whatever became of its record (RFC 8461, 3.3).  testing never stops mail
 * and none is as if absent (5).  No failure is permanent before a newer
 * policy was looked for (5).
 *
 * Where we differ: with usable TLSA records at some hosts only and MTA-STS
 * enforce, only the DANE hosts are used, so that no host gets mail in clear.
 * A smart host or an explicit port whose DANE state is unknown is not held
 * back (its mail is all mail of the site): MTA-STS or the site's level apply,
 * with a warning.  So it is where nothing was learned and nobody answers us.
 *
 * The steps below carry the numbers of docs/decisions.md.
 */

#include "shared/policy/tls_decision.h"

#include "shared/policy/decision_words.h"

#define SEEN_TWICE 2

/* What is promised for the delivery, before the operator's rule raises it. */
struct promise {
	enum tls_policy_kind	kind;
	enum map_status		map;
	enum tls_level		level;
	bool			is_testing;
	bool			uses_sts_names;	/* for level secure */
};

/* What a delivery at some level asks of a host. */
enum demand {
	DEMAND_NOTHING,	/* goes out in clear if need be */
	DEMAND_TLS,	/* with whomever */
	DEMAND_PROOF	/* of who it is */
};

/* The decision holds until the earliest of its reasons ends. */
static void
ends_at(struct tls_decision *d, int64_t when)
{
	if (when != 0 && (d->valid_until == 0 || when < d->valid_until))
		d->valid_until = when;
}

static bool
policy_is_in_force(const struct facts *f, int64_t now)
{
	return f != NULL && f->has_policy && now < f->expires_at;
}

static bool
policy_has_mode(const struct facts *f, enum mtasts_mode mode, int64_t now)
{
	return policy_is_in_force(f, now) && f->policy.mode == mode;
}

static bool
is_lax_kind(const struct facts *f)
{
	return f != NULL && (f->hop.kind == NEXT_HOP_HOST ||
	    f->hop.kind == NEXT_HOP_DOMAIN_PORT);
}

/* ---------------------------------------------------- 2. DANE, 3. MTA-STS */

/*
 * The DANE state as far as it may be used: that there is none is known for
 * stale_ttl, or for as long as a policy is held beside it.
 */
static enum dane_state
dane_now(const struct facts *f, const struct tls_site *site, int64_t now,
    struct tls_decision *d)
{
	int64_t stale_at;

	if (f == NULL)
		return DANE_UNKNOWN;
	if (f->dane == DANE_NONE && !policy_is_in_force(f, now) &&
	    !is_lax_kind(f)) {
		stale_at = f->learned_at + site->stale_ttl_s;
		if (now >= stale_at)
			return DANE_UNKNOWN;
		ends_at(d, stale_at);
	}
	/* Records that Postfix has not been seen to be able to use. */
	if (site->dane == FACT_UNKNOWN && f->dane != DANE_NONE)
		return DANE_UNKNOWN;
	return f->dane;
}

static void
promise_sts(const struct facts *f, int64_t now, struct tls_decision *d,
    struct promise *p)
{
	if (!policy_is_in_force(f, now)) {
		decision_words_absent(d, f);
		return;
	}
	ends_at(d, f->expires_at);
	decision_words_set(d, "MTA-STS %s, policy id %s",
	    mtasts_mode_name(f->policy.mode), f->policy_id);
	switch (f->policy.mode) {
	case MTASTS_NONE:
		break;
	case MTASTS_TESTING:
		p->kind = TLS_POLICY_STS;
		p->is_testing = true;
		break;
	case MTASTS_ENFORCE:
		p->kind = TLS_POLICY_STS;
		p->map = MAP_LEVEL;
		p->level = TLS_LEVEL_SECURE;
		p->uses_sts_names = true;
		break;
	}
}

static void
promise_dane(enum tls_level level, const char *words, struct tls_decision *d,
    struct promise *p)
{
	p->kind = TLS_POLICY_DANE;
	p->map = MAP_LEVEL;
	p->level = level;
	decision_words_set(d, "%s", words);
}

/* Nothing was ever told, or so long ago that it counts no more. */
static bool
is_unlearned(const struct facts *f)
{
	return f == NULL || f->mx_state == FACT_UNKNOWN ||
	    f->dane == DANE_NONE;
}

/*
 * DANE could not be learned.  Our own silence, unlike a failure of the
 * domain's, must not stop mail for long: the last known policy is then all
 * there is.
 */
static void
promise_unknown(const struct facts *f, const struct tls_site *site,
    int64_t now, struct tls_decision *d, struct promise *p)
{
	bool is_alone = site->answers_nobody && is_unlearned(f);

	if (!is_lax_kind(f) && !is_alone) {
		p->map = MAP_TEMPORARY;
		decision_words_unknown(d, f, site);
		return;
	}
	promise_sts(f, now, d, p);
	d->has_warning = true;
	if (p->kind != TLS_POLICY_NONE)
		return;
	if (is_alone)
		decision_words_set(d,
		    "nothing is known and nobody answers");
	else
		decision_words_unknown(d, f, site);
}

static void
promise_find(const struct facts *f, const struct tls_site *site, int64_t now,
    struct tls_decision *d, struct promise *p)
{
	bool is_enforced = policy_has_mode(f, MTASTS_ENFORCE, now);
	bool mx_is_signed;

	if (site->dane == FACT_ABSENT) {
		promise_sts(f, now, d, p);
		return;
	}
	if (is_enforced)
		ends_at(d, f->expires_at);
	mx_is_signed = f != NULL &&
	    (f->mx_is_secure || f->hop.kind == NEXT_HOP_HOST);
	switch (dane_now(f, site, now, d)) {
	case DANE_UNKNOWN:
		promise_unknown(f, site, now, d, p);
		return;
	case DANE_NONE:
		promise_sts(f, now, d, p);
		return;
	case DANE_NONE_USABLE:
		if (is_enforced)
			promise_sts(f, now, d, p);
		else
			promise_dane(TLS_LEVEL_DANE, "DANE without a usable "
			    "TLSA record, TLS without authentication", d, p);
		return;
	case DANE_USABLE_SOME:
	case DANE_USABLE_ALL:
		break;
	}
	if (!mx_is_signed) {
		if (is_enforced)
			promise_sts(f, now, d, p);
		else
			promise_dane(TLS_LEVEL_DANE, "DANE at signed hosts "
			    "of an unsigned domain", d, p);
	} else if (f->dane == DANE_USABLE_ALL)
		promise_dane(TLS_LEVEL_DANE_ONLY, "DANE at every host", d, p);
	else if (is_enforced)
		promise_dane(TLS_LEVEL_DANE_ONLY, "DANE at some hosts, "
		    "MTA-STS enforce", d, p);
	else
		promise_dane(TLS_LEVEL_DANE, "DANE at some hosts", d, p);
}

/* ------------------------------------------- the rule and the delivery */

/* Every host has signed TLSA records: "dane" never goes out in clear. */
static bool
dane_always_encrypts(const struct facts *f)
{
	size_t i;

	if (f == NULL || f->host_count == 0)
		return false;
	for (i = 0; i < f->host_count; i++)
		if (f->hosts[i].tlsa != TLSA_USABLE &&
		    f->hosts[i].tlsa != TLSA_UNUSABLE)
			return false;
	return true;
}

static const char *
min_tls_protocols(unsigned min_tls)
{
	switch (min_tls) {
	case 10:
		return "!SSLv2:!SSLv3";
	case 11:
		return "!SSLv2:!SSLv3:!TLSv1";
	case 12:
		return "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1";
	case 13:
		return "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.2";
	default:
		return NULL;
	}
}

/* Where nothing is found, the site's own level applies: more than encrypt? */
static bool
site_asks_for_more(const struct tls_site *site)
{
	return site->level > TLS_LEVEL_ENCRYPT && site->level != TLS_LEVEL_DANE;
}

/* require= only raises what was found. */
static void
rule_raise(const struct facts *f, const struct domain_rule *rule,
    const struct tls_site *site, int64_t now, struct tls_decision *d,
    struct promise *p)
{
	bool some_dane = p->level == TLS_LEVEL_DANE && f != NULL &&
	    f->dane == DANE_USABLE_SOME && f->mx_is_secure;

	if (p->map == MAP_TEMPORARY || p->level == TLS_LEVEL_DANE_ONLY ||
	    p->level == TLS_LEVEL_SECURE)
		return;
	switch (rule->require) {
	case RULE_REQUIRE_ENCRYPT:
		if ((p->level == TLS_LEVEL_DANE && dane_always_encrypts(f)) ||
		    (p->map == MAP_NOT_FOUND && site_asks_for_more(site)))
			return;
		p->level = some_dane ? TLS_LEVEL_DANE_ONLY :
		    TLS_LEVEL_ENCRYPT;
		break;
	case RULE_REQUIRE_VERIFY:
		p->level = some_dane ? TLS_LEVEL_DANE_ONLY : TLS_LEVEL_SECURE;
		p->is_testing = false;
		if (!some_dane && policy_is_in_force(f, now) &&
		    f->policy.mode != MTASTS_NONE) {
			p->uses_sts_names = true;
			ends_at(d, f->expires_at);
		}
		break;
	case RULE_REQUIRE_UNSET:
	case RULE_REQUIRE_CLIENTCERT:
		return;
	}
	p->map = MAP_LEVEL;
	if (!some_dane)
		p->kind = TLS_POLICY_RULE;
	decision_words_set(d, "rule %s, line %u: require=%s",
	    rule->pattern, rule->line, rule_require_name(rule->require));
}

/* A minimum needs a level to stand on: the site's own, or may. */
static void
rule_limit_protocols(const struct domain_rule *rule,
    const struct tls_site *site, struct tls_decision *d, struct promise *p)
{
	if (rule->min_tls == 0 || p->map == MAP_TEMPORARY)
		return;
	if (p->map == MAP_NOT_FOUND) {
		if (site->level == TLS_LEVEL_FINGERPRINT)
			return;
		p->level = site->level > TLS_LEVEL_MAY ? site->level :
		    TLS_LEVEL_MAY;
		p->map = MAP_LEVEL;
		/* Not known: it may be higher than may. */
		if (site->level == TLS_LEVEL_UNSET)
			d->has_warning = true;
		if (p->kind == TLS_POLICY_NONE) {
			p->kind = TLS_POLICY_RULE;
			decision_words_set(d, "rule %s, line %u: min_tls",
			    rule->pattern, rule->line);
		}
	}
	d->protocols = min_tls_protocols(rule->min_tls);
}

/*
 * A testing policy's attributes go with none that would start to enforce the
 * policy's names, and dane takes none.
 */
static bool
level_carries_testing(enum tls_level level)
{
	return level == TLS_LEVEL_MAY || level == TLS_LEVEL_ENCRYPT;
}

static void
decide_delivery(const struct facts *f, const struct domain_rule *rule,
    const struct tls_site *site, int64_t now, struct tls_decision *d,
    struct promise *p)
{
	bool is_sts;

	promise_find(f, site, now, d, p);
	is_sts = p->kind == TLS_POLICY_STS;
	if (rule != NULL) {
		rule_raise(f, rule, site, now, d, p);
		rule_limit_protocols(rule, site, d, p);
	}
	d->kind = p->kind;
	d->map = p->map;
	d->level = p->level;
	d->uses_sts_names = p->uses_sts_names;
	/* Also where a rule raised it: what was promised is reported. */
	d->reports_sts = is_sts && (p->map == MAP_NOT_FOUND ||
	    p->uses_sts_names || level_carries_testing(p->level));
	/* Never below the site's own. */
	if (p->is_testing && p->map == MAP_NOT_FOUND &&
	    level_carries_testing(site->level))
		d->testing_level = site->level;
}

/* ------------------------------------------- 4. hosts, 5. the verdict */

/* What a delivery as decided asks of this host. */
static enum demand
host_demand(const struct tls_decision *d, const struct promise *p,
    const struct facts_host *host)
{
	switch (d->level) {
	case TLS_LEVEL_UNSET:
	case TLS_LEVEL_NONE:
	case TLS_LEVEL_MAY:
		/* What would be if the policy were enforced. */
		return p->is_testing ? DEMAND_PROOF : DEMAND_NOTHING;
	case TLS_LEVEL_ENCRYPT:
		return p->is_testing ? DEMAND_PROOF : DEMAND_TLS;
	case TLS_LEVEL_DANE:
		if (host->tlsa == TLSA_USABLE)
			return DEMAND_PROOF;
		return host->tlsa == TLSA_UNUSABLE ? DEMAND_TLS :
		    DEMAND_NOTHING;
	case TLS_LEVEL_FINGERPRINT:
	case TLS_LEVEL_DANE_ONLY:
	case TLS_LEVEL_VERIFY:
	case TLS_LEVEL_SECURE:
		break;
	}
	return DEMAND_PROOF;
}

/* Under dane-only Postfix passes over hosts without usable records. */
static bool
host_is_permitted(const struct tls_decision *d, const struct facts_host *host)
{
	return d->level != TLS_LEVEL_DANE_ONLY ||
	    (host->tlsa != TLSA_NONE && host->tlsa != TLSA_UNUSABLE);
}

/* What was seen by the light of what governs. */
static enum finding
seen_finding(const struct facts_address *a, enum tls_policy_kind kind,
    const struct tls_site *site)
{
	if (kind == TLS_POLICY_DANE && a->dane_finding != FINDING_UNKNOWN)
		return a->dane_finding;
	/* Postfix itself lets pass: revoked, the name only in the CN. */
	if (!site->is_strict && a->postfix_finding != FINDING_UNKNOWN)
		return a->postfix_finding;
	return a->finding;
}

/* What an observation says of the delivery, while it is fresh. */
static enum finding
believed(const struct facts_address *a, enum tls_policy_kind kind,
    enum demand demand, const struct tls_site *site)
{
	enum finding finding = seen_finding(a, kind, site);

	switch (finding) {
	case FINDING_UNKNOWN:
	case FINDING_UNREACHABLE:
		return FINDING_UNKNOWN;
	case FINDING_OK:
		return FINDING_OK;
	case FINDING_STARTTLS_INJECTION:
		/* Postfix drops what was injected; of TLS nothing was seen. */
		if (!site->is_strict)
			return FINDING_UNKNOWN;
		break;
	case FINDING_CERT_REVOKED:
	case FINDING_STAPLE_MISSING:
		/* In a record that does not tell what Postfix lets pass. */
		if (!site->is_strict)
			return FINDING_OK;
		break;
	default:
		break;
	}
	if (demand == DEMAND_NOTHING)
		return FINDING_UNKNOWN;
	/* With a certificate TLS stood, though not as Postfix verifies. */
	if (demand == DEMAND_TLS && finding == FINDING_HANDSHAKE_FAILED &&
	    a->not_after != 0)
		return FINDING_OK;
	switch (finding) {
	case FINDING_STARTTLS_MISSING:
	case FINDING_STARTTLS_REFUSED:
	case FINDING_STARTTLS_INJECTION:
	case FINDING_HANDSHAKE_FAILED:
	case FINDING_PROTOCOL_OLD:
		/* May be a passing trouble: believed when seen twice. */
		return a->seen_count >= SEEN_TWICE ? finding :
		    FINDING_UNKNOWN;
	case FINDING_CIPHER_WEAK:
	case FINDING_STAPLE_MISSING:
		return finding;
	default:
		/* Of a finished handshake: about the peer, not about TLS. */
		return demand == DEMAND_PROOF ? finding : FINDING_OK;
	}
}

static enum finding
address_finding(const struct facts_address *a, enum tls_policy_kind kind,
    enum demand demand, const struct tls_site *site, int64_t now,
    struct tls_decision *d)
{
	enum finding finding = believed(a, kind, demand, site);
	int64_t end = a->seen_at + site->bad_ttl_s;

	if (finding == FINDING_UNKNOWN)
		return finding;
	if (finding == FINDING_OK) {
		end = a->seen_at + site->good_ttl_s;
		/* Good although it had ended: DANE-EE, dates do not count. */
		if (demand == DEMAND_PROOF && a->not_after >= a->seen_at &&
		    a->not_after < end)
			end = a->not_after;
	}
	if (now >= end)
		return FINDING_UNKNOWN;
	ends_at(d, end);
	return finding;
}

static enum finding
host_finding(const struct facts *f, const struct facts_host *host,
    enum tls_policy_kind kind, enum demand demand, const struct tls_site *site,
    int64_t now, struct tls_decision *d)
{
	enum finding worst = FINDING_UNKNOWN, finding;
	bool is_ok = false, all_bad = host->address_count > 0;
	size_t i;

	if (kind != TLS_POLICY_DANE && demand == DEMAND_PROOF &&
	    policy_is_in_force(f, now) && f->policy.mode != MTASTS_NONE &&
	    !mtasts_policy_permits(&f->policy, host->name))
		return FINDING_MX_NOT_IN_POLICY;
	for (i = 0; i < host->address_count; i++) {
		finding = address_finding(&host->addresses[i], kind, demand,
		    site, now, d);
		if (finding == FINDING_OK)
			is_ok = true;
		else if (finding == FINDING_UNKNOWN)
			all_bad = false;
		else if (worst == FINDING_UNKNOWN)
			worst = finding;
	}
	if (is_ok)
		return FINDING_OK;
	return all_bad ? worst : FINDING_UNKNOWN;
}

enum finding
tls_decision_host_finding(const struct facts *f, const struct facts_host *host,
    enum tls_policy_kind kind, const struct tls_site *site, int64_t now)
{
	struct tls_decision unused = { 0 };

	return host_finding(f, host, kind, DEMAND_PROOF, site, now, &unused);
}

/* What keeps mail from the domain, by the first of its hosts. */
static void
explain_bad(const struct facts *f, const struct facts_host *host, size_t count,
    const struct tls_site *site, struct tls_decision *d)
{
	struct bad_host bad = { .host = host, .other_count = count - 1 };
	size_t i;

	for (i = 0; i < host->address_count && bad.address == NULL; i++)
		if (seen_finding(&host->addresses[i], d->kind, site) ==
		    d->finding)
			bad.address = &host->addresses[i];
	decision_words_bad(d, f, &bad);
}

static void
decide_verdict(const struct facts *f, const struct tls_site *site, int64_t now,
    const struct promise *p, struct tls_decision *d)
{
	size_t permitted = 0, bad = 0, ok = 0, i;
	const struct facts_host *host, *first_bad = NULL;
	enum finding finding;

	if (f == NULL || d->map == MAP_TEMPORARY)
		return;
	for (i = 0; i < f->host_count; i++) {
		host = &f->hosts[i];
		if (!host_is_permitted(d, host))
			continue;
		permitted++;
		finding = host_finding(f, host, d->kind,
		    host_demand(d, p, host), site, now, d);
		if (finding == FINDING_OK)
			ok++;
		else if (finding != FINDING_UNKNOWN) {
			bad++;
			if (first_bad == NULL) {
				first_bad = host;
				d->finding = finding;
			}
		}
	}
	d->is_degraded = ok > 0 && bad > 0;
	if (ok > 0)
		d->verdict = VERDICT_DELIVERABLE;
	/* Of hosts that were cut off nothing is known. */
	else if (first_bad == NULL || bad < permitted || f->hosts_are_cut)
		d->verdict = VERDICT_UNKNOWN;
	else if (facts_newest(f) > f->looked_at) {
		/* RFC 8461, 5: first look for a newer policy. */
		d->verdict = VERDICT_UNKNOWN;
		d->asks_again = true;
	} else {
		d->verdict = VERDICT_UNDELIVERABLE;
		explain_bad(f, first_bad, bad, site, d);
	}
}

/* ------------------------------------------------------- 6. the action */

static enum rule_action
lower_of(enum rule_action a, enum rule_action b)
{
	return a < b ? a : b;
}

static void
decide_action(const struct domain_rule *rule, const struct tls_site *site,
    const struct promise *p, struct tls_decision *d)
{
	enum rule_action action = RULE_ACTION_LOG;

	if (rule != NULL && rule->action != RULE_ACTION_UNSET)
		action = rule->action;
	if (action == RULE_ACTION_OFF) {
		d->action = action;
		return;
	}
	if (d->verdict != VERDICT_UNDELIVERABLE)
		action = RULE_ACTION_LOG;
	if (p->is_testing && action != RULE_ACTION_TAG)
		action = RULE_ACTION_LOG;
	/* Transports, relays and aliases may lead away from these hosts. */
	if (site->next_hops_vary)
		action = RULE_ACTION_LOG;
	if (site->has_fallback_relay)
		action = lower_of(action, RULE_ACTION_TAG);
	/* 7. The breaker. */
	if (site->breaker_is_open && action >= RULE_ACTION_HOLD)
		action = RULE_ACTION_LOG;
	d->action = action;
}

void
tls_decision_make(const struct facts *facts, const struct domain_rule *rule,
    const struct tls_site *site, int64_t now, struct tls_decision *out)
{
	struct tls_decision d = { .rule = rule };
	struct tls_site own = *site;
	struct promise p = { 0 };

	if (rule != NULL) {
		ends_at(&d, rule->until);
		own.is_strict |= rule->is_strict;
	}
	if (rule != NULL && rule->level != TLS_LEVEL_UNSET) {
		/* 1. A level replaces everything, and asks for nothing more. */
		d.kind = TLS_POLICY_RULE;
		d.map = MAP_LEVEL;
		d.level = rule->level;
		d.protocols = rule->protocols;
		d.action = rule->action == RULE_ACTION_OFF ? RULE_ACTION_OFF :
		    RULE_ACTION_LOG;
		decision_words_set(&d, "rule %s, line %u: level=%s",
		    rule->pattern, rule->line, tls_level_name(rule->level));
	} else if (rule != NULL && rule->action == RULE_ACTION_OFF &&
	    rule->require == RULE_REQUIRE_UNSET && rule->min_tls == 0) {
		/* 1. No opinion. */
		d.kind = TLS_POLICY_RULE;
		d.action = RULE_ACTION_OFF;
		decision_words_set(&d, "rule %s, line %u: off",
		    rule->pattern, rule->line);
	} else {
		decide_delivery(facts, rule, &own, now, &d, &p);
		decide_verdict(facts, &own, now, &p, &d);
		decide_action(rule, &own, &p, &d);
	}
	*out = d;
}

bool
tls_decision_needs_hosts(const struct tls_decision *d)
{
	return d->map != MAP_TEMPORARY && (d->kind == TLS_POLICY_STS ||
	    d->kind == TLS_POLICY_DANE || (d->kind == TLS_POLICY_RULE &&
	    d->rule != NULL && d->rule->require != RULE_REQUIRE_UNSET));
}

const char *
verdict_name(enum verdict v)
{
	static const char *const names[] = {
		"unknown", "deliverable", "undeliverable"
	};

	return names[v];
}

const char *
tls_policy_kind_name(enum tls_policy_kind k)
{
	static const char *const names[] = { "none", "rule", "dane", "sts" };

	return names[k];
}
