/*
 * The operator's table: it is refused with a message or each of its rules is
 * found; a rule's line alone is a table with the same rule.
 */

#include "shared/policy/domain_rules.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* At time 0 no rule is over. */
static void
fuzz_rule(const struct domain_rules *rules, const struct domain_rule *rule)
{
	const struct domain_rule *found;
	char words[RULE_WARNING_SIZE];
	const char *warning;
	char name[300] = "x";

	if (rule->pattern[0] == '.') {
		strcat(name, rule->pattern);
		found = domain_rules_match(rules, name, rule->direction, 0);
		assert(found != NULL);
	} else {
		found = domain_rules_match(rules, rule->pattern,
		    rule->direction, 0);
		assert(found == rule);
	}
	warning = domain_rules_warn(rules, rule, 0, words);
	/* Neither cut off by its size nor given for incoming mail. */
	assert(warning == NULL || strlen(warning) < RULE_WARNING_SIZE - 1);
	assert(warning == NULL || rule->direction == RULE_OUT);
}

static void
fuzz_again(const struct domain_rule *rule)
{
	struct domain_rules *rules;
	struct buffer errors;

	buffer_init(&errors, 1024);
	assert(domain_rules_parse("again", text_of(rule->text), &rules,
	    &errors) == 0);
	assert(domain_rules_count(rules) == 1);
	assert(strcmp(domain_rules_at(rules, 0)->pattern, rule->pattern) ==
	    0);
	domain_rules_free(rules);
	buffer_clear(&errors);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct domain_rules *rules;
	struct buffer errors;
	size_t i;

	buffer_init(&errors, 65536);
	if (domain_rules_parse("fuzz", (struct text){ (const char *)data,
	    size }, &rules, &errors) == -1)
		assert(errors.len > 0 || errors.is_overfull);
	else {
		assert(errors.len == 0);
		for (i = 0; i < domain_rules_count(rules); i++) {
			fuzz_rule(rules, domain_rules_at(rules, i));
			fuzz_again(domain_rules_at(rules, i));
		}
		domain_rules_free(rules);
	}
	buffer_clear(&errors);
}
