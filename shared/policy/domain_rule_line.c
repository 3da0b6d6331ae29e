/*
 * One line of the operator's table to a rule: each word checked against the
 * tables, all mistakes told at once.
 */

#include "shared/policy/domain_rule_line.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/host_name.h"
#include "shared/policy/domain_rule_value.h"
#include "shared/policy/domain_rule_words.h"
#include "shared/xalloc.h"

#define QUOTED_SIZE		68	/* of an outside word in a message */
#define SUGGESTION_MAX		2	/* edits; more is no misspelling */
#define PATTERN_SIZE		(HOST_NAME_SIZE + 1)

enum option_id {
	OPTION_ACTION, OPTION_REQUIRE, OPTION_MIN_TLS, OPTION_STRICT,
	OPTION_CLIENTS, OPTION_LEVEL, OPTION_MATCH, OPTION_PROTOCOLS,
	OPTION_CIPHERS, OPTION_SERVERNAME, OPTION_UNTIL, OPTION_REASON,
	OPTION_COUNT
};

static const struct option {
	const char		*name;
	unsigned		 directions;
	const struct rule_word	*words;		/* NULL: any text */
} options[OPTION_COUNT] = {
	[OPTION_ACTION] =	{ "action",	BOTH,	rule_actions },
	[OPTION_REQUIRE] =	{ "require",	BOTH,	rule_requirements },
	[OPTION_MIN_TLS] =	{ "min_tls",	BOTH,	rule_tls_versions },
	[OPTION_STRICT] =	{ "strict",	OUT,	rule_answers },
	[OPTION_CLIENTS] =	{ "clients",	OUT,	rule_client_sets },
	[OPTION_LEVEL] =	{ "level",	OUT,	rule_levels },
	[OPTION_MATCH] =	{ "match",	OUT,	NULL },
	[OPTION_PROTOCOLS] =	{ "protocols",	OUT,	NULL },
	[OPTION_CIPHERS] =	{ "ciphers",	OUT,	NULL },
	[OPTION_SERVERNAME] =	{ "servername",	OUT,	NULL },
	[OPTION_UNTIL] =	{ "until",	BOTH,	NULL },
	[OPTION_REASON] =	{ "reason",	BOTH,	NULL }
};

/* One line on its way to a rule. */
struct rule_parser {
	struct rule_errors	*errors;
	struct domain_rule	 rule;
	unsigned		 directions;	/* BOTH while not known */
	unsigned		 seen;		/* options, 1 << option_id */
	char			*block;		/* holds the rule's strings */
	char			*block_end;	/* of what is used of it */
};

/* ------------------------------------------------------------- messages */

void
rule_complain(struct rule_errors *e, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	buffer_addf(e->text, "%s:%u: %s\n", e->file, e->line, message);
	e->count++;
}

/* What a word was meant to be; of two that are as near it is neither. */
struct suggestion {
	const char	*name;		/* NULL: no idea */
	unsigned	 distance;
};

static void
suggestion_consider(struct suggestion *s, const char *word, const char *name)
{
	unsigned distance = text_distance(word, name);

	if (distance > SUGGESTION_MAX || distance >= strlen(name))
		return;
	if (s->distance == 0 || distance < s->distance)
		*s = (struct suggestion){ name, distance };
	else if (distance == s->distance)
		s->name = NULL;
}

static void
complain_word(struct rule_parser *p, const char *what, struct text given,
    const struct rule_word *words)
{
	struct suggestion s = { NULL, 0 };
	char word[QUOTED_SIZE], list[128] = "";
	size_t used = 0;

	text_quote(word, sizeof(word), given);
	for (; words->name != NULL; words++) {
		if ((words->directions & p->directions) == 0)
			continue;
		suggestion_consider(&s, word, words->name);
		used += (size_t)snprintf(list + used, sizeof(list) - used,
		    "%s%s", used > 0 ? ", " : "", words->name);
		assert(used < sizeof(list));
	}
	if (s.name != NULL)
		rule_complain(p->errors, "unknown %s \"%s\" (did you mean "
		    "\"%s\"?)", what, word, s.name);
	else
		rule_complain(p->errors, "unknown %s \"%s\" (known here: %s)",
		    what, word, list);
}

static void
complain_option(struct rule_parser *p, struct text given)
{
	struct suggestion s = { NULL, 0 };
	char word[QUOTED_SIZE];
	size_t id;

	text_quote(word, sizeof(word), given);
	for (id = 0; id < OPTION_COUNT; id++)
		suggestion_consider(&s, word, options[id].name);
	if (s.name != NULL)
		rule_complain(p->errors, "unknown word \"%s=\" (did you mean "
		    "\"%s=\"?)", word, s.name);
	else
		rule_complain(p->errors, "unknown word \"%s=\"", word);
}

/* ---------------------------------------------------------------- words */

/*
 * Cuts the next word: up to a blank that stands outside of double quotes.
 * False when nothing is left.
 */
static bool
next_word(struct text *rest, struct text *word)
{
	bool is_quoted = false;
	size_t i;

	*rest = text_trim(*rest);
	for (i = 0; i < rest->len; i++) {
		if (rest->data[i] == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted &&
		    (rest->data[i] == ' ' || rest->data[i] == '\t'))
			break;
	}
	*word = (struct text){ rest->data, i };
	rest->data += i;
	rest->len -= i;
	return i > 0;
}

/* A terminated copy in the rule's own block, which has room for its line. */
static const char *
rule_keep(struct rule_parser *p, struct text t)
{
	char *copy = p->block_end;

	memcpy(copy, t.data, t.len);
	copy[t.len] = '\0';
	p->block_end += t.len + 1;
	return copy;
}

/* -------------------------------------------------------------- options */

static const char *
attribute_keep(struct rule_parser *p, struct text value,
    const char *(*check)(struct text), const char **out)
{
	const char *wrong = rule_value_check_attribute(value);

	if (wrong == NULL && check != NULL)
		wrong = check(value);
	if (wrong == NULL)
		*out = rule_keep(p, value);
	return wrong;
}

/* word is what value means where the option takes words. */
static const char *
option_set(struct rule_parser *p, enum option_id id, int word,
    struct text value)
{
	struct domain_rule *rule = &p->rule;

	switch (id) {
	case OPTION_ACTION:
		rule->action = (enum rule_action)word;
		break;
	case OPTION_REQUIRE:
		rule->require = (enum rule_require)word;
		break;
	case OPTION_MIN_TLS:
		rule->min_tls = (unsigned)word;
		break;
	case OPTION_STRICT:
		rule->is_strict = word != 0;
		break;
	case OPTION_CLIENTS:
		rule->clients = (enum rule_clients)word;
		break;
	case OPTION_LEVEL:
		rule->level = (enum tls_level)word;
		break;
	case OPTION_MATCH:	/* its check waits for the level */
		return attribute_keep(p, value, NULL, &rule->match);
	case OPTION_PROTOCOLS:
		return attribute_keep(p, value, rule_value_check_protocols,
		    &rule->protocols);
	case OPTION_CIPHERS:
		return attribute_keep(p, value, rule_value_check_ciphers,
		    &rule->ciphers);
	case OPTION_SERVERNAME:
		return attribute_keep(p, value, rule_value_check_servername,
		    &rule->servername);
	case OPTION_UNTIL:
		return rule_value_parse_until(value, &rule->until);
	case OPTION_REASON:
		rule->reason = rule_keep(p, value);
		break;
	case OPTION_COUNT:
		break;
	}
	return NULL;
}

static void
option_parse(struct rule_parser *p, struct text given)
{
	struct text value = given, name;
	const struct rule_word *word = NULL;
	const struct option *o;
	const char *wrong;
	char quoted[QUOTED_SIZE];
	size_t id;

	text_next_field(&value, '=', &name);
	if (value.data == NULL) {
		rule_complain(p->errors, "\"%s\" has no \"=\"; text with "
		    "blanks needs double quotes",
		    text_quote(quoted, sizeof(quoted), given));
		return;
	}
	for (id = 0; id < OPTION_COUNT; id++)
		if (text_equals_nocase(name, options[id].name))
			break;
	if (id == OPTION_COUNT) {
		complain_option(p, name);
		return;
	}
	o = &options[id];
	if ((o->directions & p->directions) == 0) {
		rule_complain(p->errors, "%s= stands only in rules for \"out\"",
		    o->name);
		return;
	}
	if ((p->seen & 1U << id) != 0) {
		rule_complain(p->errors, "%s= is given twice", o->name);
		return;
	}
	p->seen |= 1U << id;
	wrong = rule_value_unquote(&value);
	/* A word of Postfix's, but of no rule: may does all that is wanted. */
	if (wrong == NULL && id == OPTION_LEVEL &&
	    text_equals_nocase(value, "none"))
		wrong = "would send mail in clear without a word; use "
		    "level=may";
	if (wrong == NULL && o->words != NULL) {
		word = rule_word_find(o->words, value);
		if (word == NULL || (word->directions & p->directions) == 0) {
			complain_word(p, o->name, value, o->words);
			return;
		}
	}
	if (wrong == NULL)
		wrong = option_set(p, (enum option_id)id,
		    word != NULL ? word->value : 0, value);
	if (wrong != NULL)
		rule_complain(p->errors, "%s=%s: %s", o->name,
		    text_quote(quoted, sizeof(quoted), value), wrong);
}

/* ----------------------------------------------------------------- rule */

/* Mistakes that only the whole line shows. */
static void
rule_check(struct rule_parser *p)
{
	static const enum option_id attributes[] = { OPTION_MATCH,
	    OPTION_PROTOCOLS, OPTION_CIPHERS, OPTION_SERVERNAME };
	static const enum option_id replaced[] = { OPTION_REQUIRE,
	    OPTION_MIN_TLS };
	const struct domain_rule *rule = &p->rule;
	bool has_level = (p->seen & 1U << OPTION_LEVEL) != 0;
	const char *wrong;
	size_t i;

	if (p->seen == 0)
		rule_complain(p->errors, "a rule without options; action=log "
		    "exempts from less specific ones");
	for (i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++)
		if (has_level && (p->seen & 1U << replaced[i]) != 0)
			rule_complain(p->errors, "level= replaces everything, "
			    "so %s= has no place beside it",
			    options[replaced[i]].name);
	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (!has_level && (p->seen & 1U << attributes[i]) != 0)
			rule_complain(p->errors, "%s= needs level=",
			    options[attributes[i]].name);
	if (rule->direction == RULE_IN && rule->action > RULE_ACTION_TAG &&
	    rule->require == RULE_REQUIRE_UNSET && rule->min_tls == 0)
		rule_complain(p->errors, "action=%s without require= or "
		    "min_tls=: nothing is asked, so it never applies",
		    rule_action_name(rule->action));
	if (rule->level == TLS_LEVEL_FINGERPRINT &&
	    (p->seen & 1U << OPTION_MATCH) == 0)
		rule_complain(p->errors, "level=fingerprint needs match=");
	if (rule->match == NULL || !has_level)
		return;
	if (rule->level == TLS_LEVEL_FINGERPRINT)
		wrong = rule_value_check_fingerprints(text_of(rule->match));
	else if (rule->level >= TLS_LEVEL_VERIFY)
		wrong = rule_value_check_names(text_of(rule->match));
	else
		wrong = "only for level=fingerprint, verify and secure";
	if (wrong != NULL)
		rule_complain(p->errors, "match=: %s", wrong);
}

/* "*", ".parent" or a name, in the one spelling. */
static int
pattern_parse(struct text t, char out[PATTERN_SIZE], const char **why)
{
	size_t dot = text_starts_with(t, ".") ? 1 : 0;

	out[0] = t.data[0];
	out[1] = '\0';
	if (text_equals(t, "*"))
		return 0;
	if (text_starts_with(t, "*.")) {
		*why = "what lies below a domain is written \".example.com\"";
		return -1;
	}
	return host_name_normalize((struct text){ t.data + dot, t.len - dot },
	    out + dot, why);
}

/* The second word of a line; an option there means that it is missing. */
static void
direction_parse(struct rule_parser *p, struct text *rest)
{
	const struct rule_word *word;
	struct text before = *rest, given;

	if (!next_word(rest, &given) ||
	    memchr(given.data, '=', given.len) != NULL) {
		rule_complain(p->errors, "\"in\" or \"out\" is missing "
		    "after the pattern");
		*rest = before;
		return;
	}
	word = rule_word_find(rule_directions, given);
	if (word == NULL) {
		complain_word(p, "direction", given, rule_directions);
		return;
	}
	p->rule.direction = (enum rule_direction)word->value;
	p->directions = 1U << word->value;
}

static bool
has_control(struct text line)
{
	size_t i;

	for (i = 0; i < line.len; i++)
		if (((unsigned char)line.data[i] < ' ' &&
		    line.data[i] != '\t') || line.data[i] == 0x7f)
			return true;
	return false;
}

/*
 * line      = pattern direction 1*option
 * pattern   = "*" / name / "." name
 * option    = name "=" ( value / DQUOTE value DQUOTE )
 */
static void
rule_parse(struct rule_parser *p, struct text line)
{
	struct text rest = line, word;
	char pattern[PATTERN_SIZE], quoted[QUOTED_SIZE];
	const char *why;

	next_word(&rest, &word);
	if (pattern_parse(word, pattern, &why) == -1)
		rule_complain(p->errors, "bad pattern \"%s\": %s",
		    text_quote(quoted, sizeof(quoted), word), why);
	/* The line, its values, which are shorter, and the pattern. */
	p->block = xcalloc(2 * (line.len + 1) + strlen(pattern) + 1, 1);
	p->block_end = p->block;
	p->rule.text = rule_keep(p, line);
	p->rule.pattern = rule_keep(p, text_of(pattern));
	direction_parse(p, &rest);
	while (next_word(&rest, &word)) {
		if (word.data[0] == '#') {
			rule_complain(p->errors, "a comment needs a line of "
			    "its own");
			break;
		}
		option_parse(p, word);
	}
}

bool
rule_line_parse(struct text line, struct rule_errors *errors,
    struct domain_rule *out, char **block)
{
	struct rule_parser p = { .errors = errors, .directions = BOTH,
	    .rule = { .line = errors->line } };
	size_t errors_before = errors->count;

	if (has_control(line)) {
		rule_complain(errors, "a control character in the line");
		return false;
	}
	rule_parse(&p, line);
	if (errors->count == errors_before)
		rule_check(&p);
	if (errors->count > errors_before) {
		free(p.block);
		return false;
	}
	*out = p.rule;
	*block = p.block;
	return true;
}
