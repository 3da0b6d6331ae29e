/*
 * The operator's table (hopseal-rules(5)): what is asked of mail to or from a
 * domain.  Parsing, and which rule applies; what follows is tls_decision's.
 */

#ifndef HOPSEAL_DOMAIN_RULES_H
#define HOPSEAL_DOMAIN_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

enum rule_direction { RULE_OUT, RULE_IN };

/* What we do about a verdict; ordered by weight apart from off. */
enum rule_action {
	RULE_ACTION_UNSET,	/* not given: log */
	RULE_ACTION_OFF, RULE_ACTION_LOG, RULE_ACTION_TAG, RULE_ACTION_HOLD,
	RULE_ACTION_DEFER,
	RULE_ACTION_REJECT	/* in only */
};

enum rule_require {
	RULE_REQUIRE_UNSET, RULE_REQUIRE_ENCRYPT, RULE_REQUIRE_VERIFY,
	RULE_REQUIRE_CLIENTCERT	/* in only */
};

enum rule_clients { RULE_CLIENTS_UNSET, RULE_CLIENTS_AUTHENTICATED,
    RULE_CLIENTS_ALL };

/* Postfix's own levels, in their order. */
enum tls_level {
	TLS_LEVEL_UNSET, TLS_LEVEL_NONE, TLS_LEVEL_MAY, TLS_LEVEL_ENCRYPT,
	TLS_LEVEL_FINGERPRINT, TLS_LEVEL_DANE, TLS_LEVEL_DANE_ONLY,
	TLS_LEVEL_VERIFY, TLS_LEVEL_SECURE
};
const char	*tls_level_name(enum tls_level level);
bool		 tls_level_parse(struct text word, enum tls_level *out);

struct domain_rule {
	const char		*pattern;	/* "example.com", ".example.com", "*" */
	enum rule_direction	 direction;
	enum rule_action	 action;
	enum rule_require	 require;
	enum rule_clients	 clients;
	enum tls_level		 level;
	unsigned		 min_tls;	/* 10, 11, 12, 13; 0: not given */
	bool			 is_strict;
	/* Postfix's attributes for level=, verbatim and checked, or NULL. */
	const char		*match, *protocols, *ciphers, *servername;
	const char		*reason;	/* ASCII, or NULL */
	int64_t			 until;		/* first second after it; 0: for ever */
	unsigned		 line;		/* in the file, from 1 */
	const char		*text;		/* the line as written, for people */
};

struct domain_rules;

/*
 * Parses the whole table.  0, or -1: then *errors holds a line for each
 * mistake, "NAME:LINE: what is wrong", and *out is untouched.  name is how the
 * file is called in messages.  *out is the caller's until domain_rules_free.
 * Mistakes: unknown word or value (with "did you mean"), a bad pattern, a second
 * rule for the same pattern and direction, an option that does not fit the
 * direction or the level, level=none, an action of an in rule that asks for
 * nothing, unquoted or non-ASCII text, a date that is none.
 */
int	 domain_rules_parse(const char *name, struct text table,
	    struct domain_rules **out, struct buffer *errors);
void	 domain_rules_free(struct domain_rules *rules);

/*
 * The rule for a domain: exact, then ".parent" longest first, then "*"; those
 * past their date are skipped as if they were not there.  NULL when none.
 * domain is in the one spelling.
 */
const struct domain_rule *domain_rules_match(const struct domain_rules *rules,
	    const char *domain, enum rule_direction direction, int64_t now);

/*
 * Where an out rule does less at intake than it seems: it raises what the map
 * says, but lets in what a less specific rule would stop, or its action has no
 * effect.  out, in words, or NULL; nothing of rules that are over.
 */
#define RULE_WARNING_SIZE 160
const char *domain_rules_warn(const struct domain_rules *rules,
	    const struct domain_rule *rule, int64_t now,
	    char out[RULE_WARNING_SIZE]);

size_t	 domain_rules_count(const struct domain_rules *rules);
/* All rules in the file's order, for warnings and listings. */
const struct domain_rule *domain_rules_at(const struct domain_rules *rules,
	    size_t index);
/* When the next rule ends, as seen at now; 0 for never. */
int64_t	 domain_rules_next_end(const struct domain_rules *rules, int64_t now);

const char *rule_action_name(enum rule_action action);
const char *rule_direction_name(enum rule_direction direction);
const char *rule_require_name(enum rule_require require);

#endif
