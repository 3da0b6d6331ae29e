/*
 * The answer to "rules".  Which rule applies is domain_rules' own; here it is
 * put into words, with a rule that would apply had its date not passed.
 */

#include "policyd/clerk/rules_json.h"

#include <string.h>

#include "policyd/clerk/value_json.h"

static const char *
why_it_applies(const struct domain_rule *rule)
{
	if (strcmp(rule->pattern, "*") == 0)
		return "no other pattern matches";
	if (rule->pattern[0] == '.')
		return "the nearest parent with a rule";
	return "the domain itself";
}

/* NULL when neither is there; past is a more specific rule beyond its date. */
static json_t *
rule_object(const struct domain_rule *rule, const struct domain_rule *past,
    const char *warning)
{
	if (rule == NULL && past == NULL)
		return NULL;
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "pattern", json_words(rule != NULL ? rule->pattern : NULL),
	    "direction", rule_direction_name(rule != NULL ? rule->direction :
	    past->direction),
	    "line", rule != NULL ? json_integer(rule->line) : json_null(),
	    "rule", json_words(rule != NULL ? rule->text : NULL),
	    "reason", json_words(rule != NULL ? rule->reason : NULL),
	    "until", json_time(rule != NULL ? rule->until : 0),
	    "why", json_words(rule != NULL ? why_it_applies(rule) : NULL),
	    "warning", json_words(warning),
	    "past_line", past != NULL ? json_integer(past->line) :
	    json_null());
}

static json_t *
find_rule(const struct domain_rules *rules, const char *domain,
    enum rule_direction direction, int64_t now)
{
	const struct domain_rule *rule, *past;
	const char *warning = NULL;
	char words[RULE_WARNING_SIZE];

	rule = domain_rules_match(rules, domain, direction, now);
	/* At the begin of time no rule was past its date. */
	past = domain_rules_match(rules, domain, direction, 0);
	if (rule != NULL)
		warning = domain_rules_warn(rules, rule, now, words);
	return rule_object(rule, past != rule ? past : NULL, warning);
}

char *
rules_line(const struct domain_rules *rules, const struct next_hop *hop,
    int64_t now)
{
	json_t *out = find_rule(rules, hop->name, RULE_OUT, now);
	json_t *in = find_rule(rules, hop->name, RULE_IN, now);
	bool out_leads = in == NULL || domain_rules_match(rules, hop->name,
	    RULE_OUT, now) != NULL;
	json_t *object = json_pack("{s:s, s:n, s:n, s:n, s:n, s:n}",
	    "domain", hop->name, "pattern", "direction", "line", "rule",
	    "also");

	/* A missing one is NULL, which jansson leaves out. */
	json_object_update_new(object, out_leads ? out : in);
	json_object_set_new(object, "also", out_leads ? in : out);
	return json_line(object);
}
