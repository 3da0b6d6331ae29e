/*
 * The words that may stand in the operator's table, each with what it means.
 * The names of the meanings are domain_rules.h's.
 */

#ifndef HOPSEAL_DOMAIN_RULE_WORDS_H
#define HOPSEAL_DOMAIN_RULE_WORDS_H

#include "shared/policy/domain_rules.h"

/* In the rules of which directions something may stand. */
enum { OUT = 1 << RULE_OUT, IN = 1 << RULE_IN, BOTH = OUT | IN };

struct rule_word {
	const char	*name;
	int		 value;
	unsigned	 directions;
};

/* Each ends with a word without a name. */
extern const struct rule_word rule_directions[], rule_actions[],
    rule_requirements[], rule_tls_versions[], rule_answers[],
    rule_client_sets[], rule_levels[];

/* NULL when t is none of words; letter case does not matter. */
const struct rule_word *rule_word_find(const struct rule_word *words,
	    struct text t);

#endif
