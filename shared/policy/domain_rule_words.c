/*
 * The words of the operator's table, and the names of what they mean.
 */

#include "shared/policy/domain_rule_words.h"

#include <stddef.h>

const struct rule_word rule_directions[] = {
	{ "out",		RULE_OUT,			BOTH },
	{ "in",			RULE_IN,			BOTH },
	{ NULL, 0, 0 }
};
const struct rule_word rule_actions[] = {
	{ "off",		RULE_ACTION_OFF,		BOTH },
	{ "log",		RULE_ACTION_LOG,		BOTH },
	{ "tag",		RULE_ACTION_TAG,		BOTH },
	{ "hold",		RULE_ACTION_HOLD,		BOTH },
	{ "defer",		RULE_ACTION_DEFER,		BOTH },
	{ "reject",		RULE_ACTION_REJECT,		IN },
	{ NULL, 0, 0 }
};
const struct rule_word rule_requirements[] = {
	{ "encrypt",		RULE_REQUIRE_ENCRYPT,		BOTH },
	{ "verify",		RULE_REQUIRE_VERIFY,		OUT },
	{ "clientcert",		RULE_REQUIRE_CLIENTCERT,	IN },
	{ NULL, 0, 0 }
};
const struct rule_word rule_tls_versions[] = {
	{ "1.0", 10, BOTH }, { "1.1", 11, BOTH }, { "1.2", 12, BOTH },
	{ "1.3", 13, BOTH }, { NULL, 0, 0 }
};
const struct rule_word rule_answers[] = {
	{ "yes", true, BOTH }, { "no", false, BOTH }, { NULL, 0, 0 }
};
const struct rule_word rule_client_sets[] = {
	{ "authenticated",	RULE_CLIENTS_AUTHENTICATED,	BOTH },
	{ "all",		RULE_CLIENTS_ALL,		BOTH },
	{ NULL, 0, 0 }
};
const struct rule_word rule_levels[] = {
	{ "none",		TLS_LEVEL_NONE,			BOTH },
	{ "may",		TLS_LEVEL_MAY,			BOTH },
	{ "encrypt",		TLS_LEVEL_ENCRYPT,		BOTH },
	{ "fingerprint",	TLS_LEVEL_FINGERPRINT,		BOTH },
	{ "dane",		TLS_LEVEL_DANE,			BOTH },
	{ "dane-only",		TLS_LEVEL_DANE_ONLY,		BOTH },
	{ "verify",		TLS_LEVEL_VERIFY,		BOTH },
	{ "secure",		TLS_LEVEL_SECURE,		BOTH },
	{ NULL, 0, 0 }
};


const struct rule_word *
rule_word_find(const struct rule_word *words, struct text t)
{
	for (; words->name != NULL; words++)
		if (text_equals_nocase(t, words->name))
			return words;
	return NULL;
}

static const char *
name_of(const struct rule_word *words, int value)
{
	for (; words->name != NULL; words++)
		if (words->value == value)
			return words->name;
	return "unset";
}

const char *
tls_level_name(enum tls_level level)
{
	return name_of(rule_levels, (int)level);
}

bool
tls_level_parse(struct text word, enum tls_level *out)
{
	const struct rule_word *found = rule_word_find(rule_levels, word);

	if (found == NULL)
		return false;
	*out = (enum tls_level)found->value;
	return true;
}

const char *
rule_action_name(enum rule_action action)
{
	return name_of(rule_actions, (int)action);
}

const char *
rule_direction_name(enum rule_direction direction)
{
	return name_of(rule_directions, (int)direction);
}

const char *
rule_require_name(enum rule_require require)
{
	return name_of(rule_requirements, (int)require);
}
