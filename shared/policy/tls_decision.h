/*
 * The one place that decides: facts and now in, decision out.  Pure.  What
 * Postfix is told, what becomes of mail at intake, and why.
 */

#ifndef HOPSEAL_TLS_DECISION_H
#define HOPSEAL_TLS_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/policy/domain_rules.h"
#include "shared/policy/facts.h"

/* What this site can do, and what it asks for in general. */
struct tls_site {
	enum fact_state	dane;		/* absent: off here; unknown: not checked yet */
	enum tls_level	level;		/* smtp_tls_security_level; UNSET unknown */
	bool		has_fallback_relay;	/* at most tag */
	bool		next_hops_vary;	/* mail may go elsewhere: at most log */
	bool		is_strict;	/* strict = yes */
	bool		breaker_is_open;	/* something is wrong here: no deferral */
	bool		answers_nobody;	/* scout or resolver silent for long */
	unsigned	stale_ttl_s, good_ttl_s, bad_ttl_s, reprobe_after_s;
};

enum verdict { VERDICT_UNKNOWN, VERDICT_DELIVERABLE, VERDICT_UNDELIVERABLE };

/* Which promise governs the delivery. */
enum tls_policy_kind {
	TLS_POLICY_NONE, TLS_POLICY_RULE, TLS_POLICY_DANE, TLS_POLICY_STS
};

enum map_status { MAP_NOT_FOUND, MAP_TEMPORARY, MAP_LEVEL };

#define TLS_REASON_MAX_BYTES 400

struct tls_decision {
	/* the delivery */
	enum tls_policy_kind	 kind;
	enum map_status		 map;
	enum tls_level		 level;		/* for MAP_LEVEL */
	bool			 uses_sts_names;	/* match= is the policy's mx */
	bool			 reports_sts;	/* TLSRPT attributes describe it */
	/* MAP_NOT_FOUND and reports_sts (testing): under QUERYwithTLSRPT the
	   site's own level carries the policy's attributes */
	enum tls_level		 testing_level;
	const char		*protocols;	/* protocols= attribute, or NULL */
	/* the mail at intake */
	enum verdict		 verdict;
	bool			 is_degraded;
	bool			 asks_again;	/* undeliverable, but DNS and policy
						   were not asked since it was seen */
	enum rule_action	 action;	/* never UNSET or OFF below a verdict */
	enum finding		 finding;	/* of the worst host, for words */
	/* both */
	const struct domain_rule *rule;		/* borrowed, or NULL */
	int64_t			 valid_until;	/* decide again then */
	char			 reason[TLS_REASON_MAX_BYTES + 1];
	bool			 has_warning;	/* reason deserves a log line */
};

/*
 * facts may be NULL: nothing is known.  rule is the one that domain_rules_match
 * gave, or NULL, and lives as long as the decision.
 */
void		 tls_decision_make(const struct facts *facts,
		    const struct domain_rule *rule,
		    const struct tls_site *site, int64_t now,
		    struct tls_decision *out);
/*
 * The finding of one host by its addresses, and by the policy's names unless DANE
 * governs.  The decision counts it as far as its level asks for proof.
 */
enum finding	 tls_decision_host_finding(const struct facts *facts,
		    const struct facts_host *host, enum tls_policy_kind kind,
		    const struct tls_site *site, int64_t now);

/* True where what is seen at the hosts makes a difference to the mail. */
bool		 tls_decision_needs_hosts(const struct tls_decision *d);

const char	*verdict_name(enum verdict v);		/* "deliverable" */
const char	*tls_policy_kind_name(enum tls_policy_kind k);	/* "sts" */

#endif
