/*
 * The answer to "explain".  Decides with the same module, site and rules as the
 * front, so that the words and the answers to Postfix belong together; judges
 * nothing itself.  Members beyond those that are promised serve people.
 */

#include "policyd/clerk/explain_json.h"

#include "policyd/clerk/value_json.h"
#include "shared/policy/cert_history.h"

struct explanation {
	const struct facts	*facts;		/* NULL: nothing is known */
	const struct tls_site	*site;
	int64_t			 now;
	bool			 has_policy;	/* and it has not expired */
	enum tls_policy_kind	 kind;		/* what governs */
	const struct domain_rules *rules;
	const struct domain_rule *rule;		/* the one that applies */
	const struct transport	*way;		/* or NULL */
	bool			 goes_elsewhere; /* or nobody knows where */
};

static const char *
site_dane_word(enum fact_state dane)
{
	switch (dane) {
	case FACT_PRESENT:
		return "on";
	case FACT_ABSENT:
		return "off";
	case FACT_UNKNOWN:
		break;
	}
	return "unknown";
}

static json_t *
dane_object(const struct explanation *x)
{
	const struct facts *f = x->facts;
	bool is_known = f != NULL && f->dane != DANE_UNKNOWN;
	const char *state = dane_state_name(f != NULL ? f->dane :
	    DANE_UNKNOWN);

	if (x->site->dane == FACT_ABSENT)
		state = "off";
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "state", state,
	    "site", site_dane_word(x->site->dane),
	    "learned", json_time(is_known ? f->learned_at : 0),
	    "refresh", json_time(f != NULL ? f->refresh_at : 0),
	    "error", json_words(f != NULL ? f->dane_error : ""));
}

static json_t *
mx_object(const struct facts *f)
{
	return json_pack("{s:s, s:b, s:b, s:b, s:b, s:o, s:o, s:o}",
	    "state", fact_state_name(f->mx_state), "secure", f->mx_is_secure,
	    "implicit", f->mx_is_implicit, "null", f->mx_is_null,
	    "cut", f->hosts_are_cut, "learned", json_time(f->learned_at),
	    "refresh", json_time(f->refresh_at),
	    "error", json_words(f->mx_error));
}

static json_t *
pattern_array(const struct mtasts_policy *policy)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < policy->mx_count; i++)
		json_array_append_new(array, json_string(policy->mx[i]));
	return array;
}

static void
add_policy(json_t *object, const struct facts *f)
{
	json_object_set_new(object, "id", json_words(f->policy_id));
	json_object_set_new(object, "mode",
	    json_string(mtasts_mode_name(f->policy.mode)));
	json_object_set_new(object, "mx", pattern_array(&f->policy));
	json_object_set_new(object, "max_age",
	    json_integer(f->policy.max_age_s));
	json_object_set_new(object, "fetched", json_time(f->fetched_at));
	json_object_set_new(object, "expires", json_time(f->expires_at));
	json_object_set_new(object, "refetch", json_time(f->refetch_at));
}

/* A record whose policy cannot be had: it is there, and nobody knows it. */
static const char *
sts_state(const struct explanation *x)
{
	if (x->has_policy)
		return fact_state_name(FACT_PRESENT);
	if (x->facts == NULL || x->facts->record_state == FACT_PRESENT)
		return fact_state_name(FACT_UNKNOWN);
	return fact_state_name(x->facts->record_state);
}

static json_t *
sts_error(const struct facts *f)
{
	if (f->record_error[0] != '\0')
		return json_sprintf("MTA-STS record %s: %s",
		    fact_state_name(f->record_state), f->record_error);
	if (f->fetch_failed_count == 0)
		return json_null();
	return json_sprintf("%s: %s", finding_name(f->fetch_finding),
	    f->fetch_error);
}

/* id is that of the policy in force, or else that of the record. */
static json_t *
mta_sts_object(const struct explanation *x)
{
	const struct facts *f = x->facts;
	json_t *object;

	object = json_pack("{s:s, s:s, s:n, s:n, s:n, s:n, s:n, s:n, s:n}",
	    "state", sts_state(x), "record", fact_state_name(f != NULL ?
	    f->record_state : FACT_UNKNOWN), "id", "mode", "mx", "max_age",
	    "fetched", "expires", "error");
	if (f == NULL)
		return object;
	json_object_set_new(object, "id", json_words(f->record_id));
	json_object_set_new(object, "record_id", json_words(f->record_id));
	/* Each look asks for the record, and keeps no older one. */
	json_object_set_new(object, "record_learned",
	    json_time(f->record_state != FACT_UNKNOWN ? f->looked_at : 0));
	json_object_set_new(object, "record_refresh",
	    json_time(f->refresh_at));
	json_object_set_new(object, "error", sts_error(f));
	if (x->has_policy)
		add_policy(object, f);
	if (f->fetch_failed_count > 0)
		json_object_set_new(object, "fetch_failed",
		    json_pack("{s:s, s:o, s:o, s:i}",
		    "finding", finding_name(f->fetch_finding),
		    "id", json_words(f->fetch_failed_id),
		    "time", json_time(f->fetch_failed_at),
		    "count", (int)f->fetch_failed_count));
	return object;
}

/* finding is the one by the light of what governs; the others stand beside. */
static json_t *
address_object(const struct explanation *x, const struct facts_address *a)
{
	bool is_seen = a->finding != FINDING_UNKNOWN ||
	    a->dane_finding != FINDING_UNKNOWN;
	bool by_dane = x->kind == TLS_POLICY_DANE &&
	    a->dane_finding != FINDING_UNKNOWN;
	char text[ADDRESS_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s?, s:o, s:o, s:s, s:s, s:o, s:o, "
	    "s:i}",
	    "address", address_format(&a->address, text),
	    "finding", finding_name(by_dane ? a->dane_finding : a->finding),
	    "source", is_seen ? "probe" : NULL,
	    "time", json_time(is_seen ? a->seen_at : 0),
	    "not_after", json_time(is_seen ? a->not_after : 0),
	    "webpki_finding", finding_name(a->finding),
	    "dane_finding", finding_name(a->dane_finding),
	    "issuer", json_words(is_seen ? a->detail : NULL),
	    "reason", json_words(is_seen ? a->words : NULL),
	    "count", (int)a->seen_count);
}

static json_t *
host_object(const struct explanation *x, const struct facts_host *host)
{
	bool has_patterns = x->has_policy &&
	    x->facts->policy.mode != MTASTS_NONE;
	json_t *addresses = json_array();
	size_t i;

	for (i = 0; i < host->address_count; i++)
		json_array_append_new(addresses,
		    address_object(x, &host->addresses[i]));
	return json_pack("{s:s, s:i, s:o, s:s, s:o, s:s, s:s, s:b, s:o}",
	    "host", host->name, "preference", (int)host->preference,
	    "in_policy", has_patterns ? json_boolean(mtasts_policy_permits(
	    &x->facts->policy, host->name)) : json_null(),
	    "finding", finding_name(tls_decision_host_finding(x->facts, host,
	    x->kind, x->site, x->now)), "addresses", addresses,
	    "address_state", fact_state_name(host->address_state),
	    "tlsa", tlsa_state_name(host->tlsa), "secure", host->is_secure,
	    "error", json_words(host->error));
}

static json_t *
host_array(const struct explanation *x)
{
	json_t *hosts = json_array();
	size_t i;

	for (i = 0; x->facts != NULL && i < x->facts->host_count; i++)
		json_array_append_new(hosts,
		    host_object(x, &x->facts->hosts[i]));
	return hosts;
}

/* What is odd about the certificates, yet keeps no mail back. */
static void
add_cert_warnings(json_t *warnings, const struct explanation *x,
    const struct facts_host *host)
{
	const struct facts_host *renewed;
	const struct facts_address *a;
	char words[FACTS_ERROR_MAX_BYTES + 1], address[ADDRESS_TEXT_SIZE];
	size_t i;

	for (i = 0; i < host->address_count; i++) {
		a = &host->addresses[i];
		address_format(&a->address, address);
		renewed = cert_history_renewed(x->facts, a, x->now);
		if (renewed != NULL) {
			facts_set_error(words, "cert-inactive: %s[%s] has an "
			    "older certificate than %s for the same names",
			    host->name, address, renewed->name);
			json_array_append_new(warnings, json_words(words));
		}
		if (cert_history_is_changed(a, x->now)) {
			facts_set_error(words, "cert-changed: %s[%s] has one "
			    "of another issuer, key or names, long before the "
			    "end of the one before", host->name, address);
			json_array_append_new(warnings, json_words(words));
		}
	}
}

/* What is odd about the rule and the hosts, and what keeps it from acting. */
static json_t *
warning_array(const struct explanation *x, struct text breaker)
{
	char words[RULE_WARNING_SIZE];
	json_t *warnings = json_array();
	size_t i;

	if (breaker.len > 0)
		json_array_append_new(warnings, json_sprintf("the breaker is "
		    "open, nothing is deferred or held: %s",
		    text_quote(words, sizeof(words), breaker)));
	if (x->rule != NULL && domain_rules_warn(x->rules, x->rule, x->now,
	    words) != NULL)
		json_array_append_new(warnings, json_words(words));
	for (i = 0; x->facts != NULL && i < x->facts->host_count; i++)
		add_cert_warnings(warnings, x, &x->facts->hosts[i]);
	return warnings;
}

static const char *
way_word(const struct explanation *x)
{
	switch (x->way->kind) {
	case TRANSPORT_HOPS:
		return x->goes_elsewhere ? "elsewhere" : "direct";
	case TRANSPORT_NONE:
		return "none";
	case TRANSPORT_UNKNOWN:
	case TRANSPORT_PENDING:
		break;
	}
	return "unknown";
}

/* Where this site's Postfix sends mail for the domain, and what says so. */
static json_t *
way_object(const struct explanation *x)
{
	const struct transport *way = x->way;
	char text[NEXT_HOP_TEXT_SIZE];
	json_t *hops = json_array();
	size_t i;

	for (i = 0; i < way->hop_count; i++)
		json_array_append_new(hops, json_string(next_hop_format(
		    &way->hops[i], text)));
	return json_pack("{s:s, s:o, s:s}", "state", way_word(x),
	    "next_hops", hops, "because", way->because);
}

static json_t *
explain_object(const struct next_hop *hop, const struct explanation *x,
    const struct control_explanation *e, const struct tls_decision *d)
{
	const struct facts *f = x->facts;
	char text[NEXT_HOP_TEXT_SIZE];
	json_t *o;

	o = json_pack("{s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o,"
	    "s:{s:o, s:o}, s:o}",
	    "domain", hop->name, "verdict", verdict_name(d->verdict),
	    "degraded", d->is_degraded, "action", rule_action_name(d->action),
	    "reason", json_words(d->reason),
	    "rule", json_words(d->rule != NULL ? d->rule->text : NULL),
	    "dane", dane_object(x), "mta_sts", mta_sts_object(x),
	    "hosts", host_array(x),
	    "map", "QUERY", json_text(e->query),
	    "QUERYwithTLSRPT", json_text(e->query_with_tlsrpt),
	    /* Recipients are judged by where their mail goes. */
	    "access", x->goes_elsewhere && x->way->kind == TRANSPORT_HOPS ?
	    json_null() : json_text(x->goes_elsewhere ? text_of("DUNNO") :
	    e->access));
	json_object_update_new(o, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o,"
	    "s:o, s:o, s:o, s:o, s:o, s:o}",
	    "next_hop", next_hop_format(hop, text),
	    "policy", tls_policy_kind_name(d->kind),
	    "finding", finding_name(d->finding),
	    "rule_line", d->rule != NULL ? json_integer(d->rule->line) :
	    json_null(),
	    "warnings", warning_array(x, e->breaker),
	    /* A host by name has no MX records to look for. */
	    "mx", f != NULL && hop->kind != NEXT_HOP_HOST ? mx_object(f) :
	    json_null(),
	    "source", json_text(e->source),
	    "looked_at", json_time(f != NULL ? f->looked_at : 0),
	    "refresh_at", json_time(f != NULL ? f->refresh_at : 0),
	    "lookup_error", e->error.len > 0 ? json_text(e->error) :
	    json_null(),
	    "route", x->way != NULL ? way_object(x) : json_null(),
	    "time", json_time(x->now)));
	return o;
}

char *
explain_line(const struct next_hop *hop, const struct control_explanation *e,
    const struct transport *way, const struct domain_rules *rules,
    int64_t now)
{
	struct tls_site site = e->site;
	struct explanation x = { .site = &site, .now = now,
	    .rules = rules, .way = way };
	struct facts *f = NULL;
	struct tls_decision d;
	const char *why;
	json_t *object;

	if (e->facts.len > 0) {
		f = facts_parse(e->facts, &why);
		if (f == NULL)
			return json_error_line(why);
	}
	x.facts = f;
	x.has_policy = f != NULL && f->has_policy && now < f->expires_at;
	x.rule = domain_rules_match(rules, hop->name, RULE_OUT, now);
	x.goes_elsewhere = way != NULL && !transport_is_direct(way, hop->name);
	site.next_hops_vary = x.goes_elsewhere;
	tls_decision_make(f, x.rule, &site, now, &d);
	x.kind = d.kind;
	site.is_strict |= x.rule != NULL && x.rule->is_strict;
	object = explain_object(hop, &x, e, &d);
	facts_free(f);
	return json_line(object);
}
