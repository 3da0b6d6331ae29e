/*
 * Replies of the map: whatever policy a stranger publishes and whatever the
 * operator writes, Postfix takes what is made of it.  The input is a rule, the
 * text behind "a.example out", an LF, and a policy file.
 */

#include "shared/postfix/map_reply.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/postfix/map_reply_check.h"
#include "shared/postfix/socketmap.h"
#include "tests/fuzz/fuzz.h"

#define NOW		1000000
#define RULE_MAX_BYTES	4096

/* NULL for a text that is no rule; the caller frees it. */
static struct domain_rules *
rules_of(struct text options)
{
	struct domain_rules *rules = NULL;
	struct buffer table, errors;

	if (options.len == 0 || options.len > RULE_MAX_BYTES)
		return NULL;
	buffer_init(&table, 2 * RULE_MAX_BYTES);
	buffer_init(&errors, 1024 * 1024);
	buffer_add_text(&table, "a.example out ");
	buffer_add(&table, options.data, options.len);
	domain_rules_parse("rules", (struct text){ table.data, table.len },
	    &rules, &errors);
	buffer_clear(&table);
	buffer_clear(&errors);
	return rules;
}

static void
check_reply(const struct facts *facts, const struct domain_rule *rule,
    const struct tls_site *site, enum map_name name)
{
	struct tls_decision d;
	struct map_reply reply;
	struct buffer b;
	const char *why;
	size_t i;

	tls_decision_make(facts, rule, site, NOW, &d);
	buffer_init(&b, SOCKETMAP_REPLY_MAX);
	map_reply_format(&d, facts, name, &b);
	assert(!b.is_overfull);
	assert(map_reply_check((struct text){ b.data, b.len },
	    name == MAP_QUERY ? 304 : 310, &reply, &why) == 0);
	assert(reply.ignored_count == 0);
	assert(reply.level != TLS_LEVEL_NONE);
	for (i = 0; i < reply.attribute_count; i++)
		assert(name == MAP_QUERY_TLSRPT || strncmp(
		    reply.attributes[i].name, "policy_", 7) != 0);
	map_reply_clear(&reply);
	buffer_clear(&b);
}

static void
check_replies(struct facts *facts, const struct domain_rule *rule)
{
	struct tls_site site = { .dane = FACT_PRESENT, .stale_ttl_s = 86400 };
	unsigned dane, level, name;

	for (dane = DANE_UNKNOWN; dane <= DANE_USABLE_ALL; dane++)
		for (level = 0; level <= TLS_LEVEL_SECURE; level++)
			for (name = 0; name < MAP_NAME_COUNT; name++) {
				facts->dane = (enum dane_state)dane;
				site.level = (enum tls_level)level;
				check_reply(facts, rule, &site,
				    (enum map_name)name);
			}
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size }, options;
	struct next_hop hop = { NEXT_HOP_DOMAIN, "a.example", 25 };
	struct mtasts_policy policy;
	struct domain_rules *rules;
	struct facts *facts;
	const char *why;

	if (!text_next_line(&rest, &options))
		return;
	rules = rules_of(options);
	facts = facts_new(&hop);
	facts->looked_at = facts->learned_at = NOW;
	facts->mx_state = FACT_PRESENT;
	if (mtasts_policy_parse(rest.data, rest.len, &policy, &why) == 0)
		facts_set_policy(facts, &policy, "7", NOW);
	if (rules != NULL || facts->has_policy)
		check_replies(facts, rules != NULL &&
		    domain_rules_count(rules) > 0 ?
		    domain_rules_at(rules, 0) : NULL);
	facts_free(facts);
	domain_rules_free(rules);
}
