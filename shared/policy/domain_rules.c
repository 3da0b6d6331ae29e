/*
 * The operator's table (hopseal-rules(5)): one rule a line, each word checked
 * against the tables below, all mistakes told at once.  A hash of pattern and
 * direction then finds the rule for a domain with one probe for each label.
 */

#include "shared/policy/domain_rules.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/host_name.h"
#include "shared/xalloc.h"

#define DAY_S			86400
#define QUOTED_SIZE		68	/* of an outside word in a message */
#define SUGGESTION_MAX		2	/* edits; more is no misspelling */
#define PATTERN_SIZE		(HOST_NAME_SIZE + 1)

enum { OUT = 1 << RULE_OUT, IN = 1 << RULE_IN, BOTH = OUT | IN };

/* A word of the table, what it means, and in which rules it may stand. */
struct word {
	const char	*name;
	int		 value;
	unsigned	 directions;
};

static const struct word directions[] = {
	{ "out",		RULE_OUT,			BOTH },
	{ "in",			RULE_IN,			BOTH },
	{ NULL, 0, 0 }
};
static const struct word actions[] = {
	{ "off",		RULE_ACTION_OFF,		BOTH },
	{ "log",		RULE_ACTION_LOG,		BOTH },
	{ "tag",		RULE_ACTION_TAG,		BOTH },
	{ "hold",		RULE_ACTION_HOLD,		BOTH },
	{ "defer",		RULE_ACTION_DEFER,		BOTH },
	{ "reject",		RULE_ACTION_REJECT,		IN },
	{ NULL, 0, 0 }
};
static const struct word requirements[] = {
	{ "encrypt",		RULE_REQUIRE_ENCRYPT,		BOTH },
	{ "verify",		RULE_REQUIRE_VERIFY,		OUT },
	{ "clientcert",		RULE_REQUIRE_CLIENTCERT,	IN },
	{ NULL, 0, 0 }
};
static const struct word tls_versions[] = {
	{ "1.0", 10, BOTH }, { "1.1", 11, BOTH }, { "1.2", 12, BOTH },
	{ "1.3", 13, BOTH }, { NULL, 0, 0 }
};
static const struct word answers[] = {
	{ "yes", true, BOTH }, { "no", false, BOTH }, { NULL, 0, 0 }
};
static const struct word client_sets[] = {
	{ "authenticated",	RULE_CLIENTS_AUTHENTICATED,	BOTH },
	{ "all",		RULE_CLIENTS_ALL,		BOTH },
	{ NULL, 0, 0 }
};
static const struct word levels[] = {
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

enum option_id {
	OPTION_ACTION, OPTION_REQUIRE, OPTION_MIN_TLS, OPTION_STRICT,
	OPTION_CLIENTS, OPTION_LEVEL, OPTION_MATCH, OPTION_PROTOCOLS,
	OPTION_CIPHERS, OPTION_SERVERNAME, OPTION_UNTIL, OPTION_REASON,
	OPTION_COUNT
};

static const struct option {
	const char		*name;
	unsigned		 directions;
	const struct word	*words;		/* NULL: any text */
} options[OPTION_COUNT] = {
	[OPTION_ACTION] =	{ "action",	BOTH,	actions },
	[OPTION_REQUIRE] =	{ "require",	BOTH,	requirements },
	[OPTION_MIN_TLS] =	{ "min_tls",	BOTH,	tls_versions },
	[OPTION_STRICT] =	{ "strict",	OUT,	answers },
	[OPTION_CLIENTS] =	{ "clients",	OUT,	client_sets },
	[OPTION_LEVEL] =	{ "level",	OUT,	levels },
	[OPTION_MATCH] =	{ "match",	OUT,	NULL },
	[OPTION_PROTOCOLS] =	{ "protocols",	OUT,	NULL },
	[OPTION_CIPHERS] =	{ "ciphers",	OUT,	NULL },
	[OPTION_SERVERNAME] =	{ "servername",	OUT,	NULL },
	[OPTION_UNTIL] =	{ "until",	BOTH,	NULL },
	[OPTION_REASON] =	{ "reason",	BOTH,	NULL }
};

struct domain_rules {
	struct domain_rule	*rules;		/* in the file's order */
	char			**blocks;	/* the strings of each rule */
	size_t			 count;
	/* Open addressing: an index into rules plus one, 0 is free. */
	uint32_t		*slots;
	size_t			 slot_count;	/* a power of two */
};

/* One line on its way to a rule. */
struct rule_parser {
	const char		*file;
	unsigned		 line;
	struct buffer		*errors;
	size_t			 error_count;
	struct domain_rule	 rule;
	unsigned		 directions;	/* BOTH while not known */
	unsigned		 seen;		/* options, 1 << option_id */
	char			*block;		/* holds the rule's strings */
	char			*block_end;	/* of what is used of it */
};

/* ------------------------------------------------------------- messages */

static void	rule_complain(struct rule_parser *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));

static void
rule_complain(struct rule_parser *p, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	buffer_addf(p->errors, "%s:%u: %s\n", p->file, p->line, message);
	p->error_count++;
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
    const struct word *words)
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
		rule_complain(p, "unknown %s \"%s\" (did you mean \"%s\"?)",
		    what, word, s.name);
	else
		rule_complain(p, "unknown %s \"%s\" (known here: %s)", what,
		    word, list);
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
		rule_complain(p, "unknown word \"%s=\" (did you mean \"%s=\"?)",
		    word, s.name);
	else
		rule_complain(p, "unknown word \"%s=\"", word);
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

static const struct word *
word_find(const struct word *words, struct text t)
{
	for (; words->name != NULL; words++)
		if (text_equals_nocase(t, words->name))
			return words;
	return NULL;
}

static const char *
word_name(const struct word *words, int value)
{
	for (; words->name != NULL; words++)
		if (words->value == value)
			return words->name;
	return "unset";
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

/* --------------------------------------- values; NULL, or what is wrong */

/* Takes the quotes away; one anywhere but at both ends is a mistake. */
static const char *
value_unquote(struct text *value)
{
	struct text rest = *value, before, within;

	text_next_field(&rest, '"', &before);
	if (rest.data != NULL) {
		if (before.len > 0)
			return "a quote within the value";
		text_next_field(&rest, '"', &within);
		if (rest.data == NULL)
			return "the quote is not closed";
		if (rest.len > 0)
			return "text behind the closing quote";
		*value = within;
	}
	if (value->len == 0)
		return "the value is empty";
	if (!text_is_printable(*value))
		return "only printable ASCII is allowed";
	return NULL;
}

/* "2026-12-01", UTC: *out is the first second after that day. */
static const char *
until_parse(struct text value, int64_t *out)
{
	uint64_t year, month, day;
	struct tm tm = { 0 };
	int64_t midnight;

	if (value.len != 10 || value.data[4] != '-' || value.data[7] != '-' ||
	    !text_parse_u64((struct text){ value.data, 4 }, 9999, &year) ||
	    !text_parse_u64((struct text){ value.data + 5, 2 }, 99, &month) ||
	    !text_parse_u64((struct text){ value.data + 8, 2 }, 99, &day))
		return "a date is written YYYY-MM-DD";
	if (year < 1970)
		return "no year before 1970";
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)month - 1;
	tm.tm_mday = (int)day;
	midnight = timegm(&tm);
	/* timegm makes 2 March of 30 February. */
	if (tm.tm_mon != (int)month - 1 || tm.tm_mday != (int)day)
		return "there is no such day";
	*out = midnight + DAY_S;
	return NULL;
}

/*
 * Postfix splits a policy at blanks and commas, an attribute at its "=", and
 * from 3.10 on gives braces a meaning.
 */
static const char *
attribute_check(struct text value)
{
	size_t i;

	for (i = 0; i < value.len; i++)
		if (strchr(" ,{}=", value.data[i]) != NULL)
			return "no blank, comma, brace or \"=\" may stand here";
	return NULL;
}

static bool
is_host_name(struct text t)
{
	char scratch[HOST_NAME_SIZE];
	const char *why;

	/* Postfix knows no final dot. */
	return t.len > 0 && t.data[t.len - 1] != '.' &&
	    host_name_normalize(t, scratch, &why) == 0;
}

static bool
is_one_of(struct text t, const char *const *names)
{
	for (; *names != NULL; names++)
		if (text_equals_nocase(t, *names))
			return true;
	return false;
}

static bool
is_hexadecimal(struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if (!((t.data[i] >= '0' && t.data[i] <= '9') ||
		    (t.data[i] >= 'a' && t.data[i] <= 'f') ||
		    (t.data[i] >= 'A' && t.data[i] <= 'F')))
			return false;
	return true;
}

/* For verify and secure: "nexthop:mx.example.com:.example.com". */
static const char *
match_names_check(struct text value)
{
	struct text name;

	while (text_next_field(&value, ':', &name)) {
		if (text_starts_with(name, ".")) {
			name.data++;
			name.len--;
		}
		if (!is_host_name(name))
			return "names are wanted, with colons between";
	}
	return NULL;
}

/* For fingerprint: "AB:CD:...|01:23:...", colons at will. */
static const char *
match_fingerprints_check(struct text value)
{
	struct text digest, octets;

	while (text_next_field(&value, '|', &digest))
		while (text_next_field(&digest, ':', &octets))
			if (octets.len == 0 || octets.len % 2 != 0 ||
			    !is_hexadecimal(octets))
				return "hexadecimal fingerprints are wanted, "
				    "with \"|\" between";
	return NULL;
}

static const char *
protocols_check(struct text value)
{
	static const char *const names[] = { "SSLv2", "SSLv3", "TLSv1",
	    "TLSv1.1", "TLSv1.2", "TLSv1.3", NULL };
	struct text name;

	while (text_next_field(&value, ':', &name)) {
		if (text_starts_with(name, "!")) {
			name.data++;
			name.len--;
		}
		if (!is_one_of(name, names))
			return "SSLv2, SSLv3, TLSv1, TLSv1.1, TLSv1.2, TLSv1.3 "
			    "are known, with colons between and perhaps \"!\" "
			    "before";
	}
	return NULL;
}

static const char *
ciphers_check(struct text value)
{
	static const char *const grades[] = { "high", "medium", "low",
	    "export", "null", NULL };

	return is_one_of(value, grades) ? NULL :
	    "the grades are high, medium, low, export, null";
}

static const char *
servername_check(struct text value)
{
	return is_host_name(value) ? NULL :
	    "a host name, hostname or nexthop is wanted";
}

/* -------------------------------------------------------------- options */

static const char *
attribute_keep(struct rule_parser *p, struct text value,
    const char *(*check)(struct text), const char **out)
{
	const char *wrong = attribute_check(value);

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
		return attribute_keep(p, value, protocols_check,
		    &rule->protocols);
	case OPTION_CIPHERS:
		return attribute_keep(p, value, ciphers_check, &rule->ciphers);
	case OPTION_SERVERNAME:
		return attribute_keep(p, value, servername_check,
		    &rule->servername);
	case OPTION_UNTIL:
		return until_parse(value, &rule->until);
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
	const struct word *word = NULL;
	const struct option *o;
	const char *wrong;
	char quoted[QUOTED_SIZE];
	size_t id;

	text_next_field(&value, '=', &name);
	if (value.data == NULL) {
		rule_complain(p, "\"%s\" has no \"=\"; text with blanks needs "
		    "double quotes", text_quote(quoted, sizeof(quoted), given));
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
		rule_complain(p, "%s= stands only in rules for \"out\"",
		    o->name);
		return;
	}
	if ((p->seen & 1U << id) != 0) {
		rule_complain(p, "%s= is given twice", o->name);
		return;
	}
	p->seen |= 1U << id;
	wrong = value_unquote(&value);
	/* A word of Postfix's, but of no rule: may does all that is wanted. */
	if (wrong == NULL && id == OPTION_LEVEL &&
	    text_equals_nocase(value, "none"))
		wrong = "would send mail in clear without a word; use "
		    "level=may";
	if (wrong == NULL && o->words != NULL) {
		word = word_find(o->words, value);
		if (word == NULL || (word->directions & p->directions) == 0) {
			complain_word(p, o->name, value, o->words);
			return;
		}
	}
	if (wrong == NULL)
		wrong = option_set(p, (enum option_id)id,
		    word != NULL ? word->value : 0, value);
	if (wrong != NULL)
		rule_complain(p, "%s=%s: %s", o->name,
		    text_quote(quoted, sizeof(quoted), value), wrong);
}

/* ---------------------------------------------------------------- rules */

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
		rule_complain(p, "a rule without options; action=log exempts "
		    "from less specific ones");
	for (i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++)
		if (has_level && (p->seen & 1U << replaced[i]) != 0)
			rule_complain(p, "level= replaces everything, so %s= "
			    "has no place beside it",
			    options[replaced[i]].name);
	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (!has_level && (p->seen & 1U << attributes[i]) != 0)
			rule_complain(p, "%s= needs level=",
			    options[attributes[i]].name);
	if (rule->direction == RULE_IN && rule->action > RULE_ACTION_TAG &&
	    rule->require == RULE_REQUIRE_UNSET && rule->min_tls == 0)
		rule_complain(p, "action=%s without require= or min_tls=: "
		    "nothing is asked, so it never applies",
		    rule_action_name(rule->action));
	if (rule->level == TLS_LEVEL_FINGERPRINT &&
	    (p->seen & 1U << OPTION_MATCH) == 0)
		rule_complain(p, "level=fingerprint needs match=");
	if (rule->match == NULL || !has_level)
		return;
	if (rule->level == TLS_LEVEL_FINGERPRINT)
		wrong = match_fingerprints_check(text_of(rule->match));
	else if (rule->level >= TLS_LEVEL_VERIFY)
		wrong = match_names_check(text_of(rule->match));
	else
		wrong = "only for level=fingerprint, verify and secure";
	if (wrong != NULL)
		rule_complain(p, "match=: %s", wrong);
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

/* The slot of the rule for pattern, or the free one where it would be. */
static uint32_t *
rules_slot(const struct domain_rules *r, const char *pattern,
    enum rule_direction direction)
{
	uint32_t hash = 2166136261U + (uint32_t)direction;	/* FNV-1a */
	const struct domain_rule *rule;
	const char *c;
	size_t i;

	for (c = pattern; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	for (i = hash;; i++) {
		i &= r->slot_count - 1;
		if (r->slots[i] == 0)
			return &r->slots[i];
		rule = &r->rules[r->slots[i] - 1];
		if (rule->direction == direction &&
		    strcmp(rule->pattern, pattern) == 0)
			return &r->slots[i];
	}
}

static void
rules_add(struct domain_rules *r, struct rule_parser *p)
{
	uint32_t *slot = rules_slot(r, p->rule.pattern, p->rule.direction);

	if (*slot != 0)
		rule_complain(p, "a second rule for \"%s\" %s; the first is in "
		    "line %u", p->rule.pattern,
		    rule_direction_name(p->rule.direction),
		    r->rules[*slot - 1].line);
	r->rules[r->count] = p->rule;
	r->blocks[r->count] = p->block;
	r->count++;
	if (*slot == 0)
		*slot = (uint32_t)r->count;
}

/* The second word of a line; an option there means that it is missing. */
static void
direction_parse(struct rule_parser *p, struct text *rest)
{
	const struct word *word;
	struct text before = *rest, given;

	if (!next_word(rest, &given) ||
	    memchr(given.data, '=', given.len) != NULL) {
		rule_complain(p, "\"in\" or \"out\" is missing after the "
		    "pattern");
		*rest = before;
		return;
	}
	word = word_find(directions, given);
	if (word == NULL) {
		complain_word(p, "direction", given, directions);
		return;
	}
	p->rule.direction = (enum rule_direction)word->value;
	p->directions = 1U << word->value;
}

/*
 * line      = pattern direction 1*option
 * pattern   = "*" / name / "." name
 * option    = name "=" ( value / DQUOTE value DQUOTE )
 */
static void
rule_parse(struct rule_parser *p, struct text line, struct domain_rules *r)
{
	struct text rest = line, word;
	char pattern[PATTERN_SIZE], quoted[QUOTED_SIZE];
	size_t errors_before = p->error_count;
	const char *why;

	next_word(&rest, &word);
	if (pattern_parse(word, pattern, &why) == -1)
		rule_complain(p, "bad pattern \"%s\": %s",
		    text_quote(quoted, sizeof(quoted), word), why);
	p->rule = (struct domain_rule){ .line = p->line };
	p->directions = BOTH;
	p->seen = 0;
	/* The line, its values, which are shorter, and the pattern. */
	p->block = xcalloc(2 * (line.len + 1) + strlen(pattern) + 1, 1);
	p->block_end = p->block;
	p->rule.text = rule_keep(p, line);
	p->rule.pattern = rule_keep(p, text_of(pattern));
	direction_parse(p, &rest);
	while (next_word(&rest, &word)) {
		if (word.data[0] == '#') {
			rule_complain(p, "a comment needs a line of its own");
			break;
		}
		option_parse(p, word);
	}
	if (p->error_count == errors_before)
		rule_check(p);
	/* A line with a mistake may not have meant to be a duplicate. */
	if (p->error_count == errors_before)
		rules_add(r, p);
	else
		free(p->block);
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

static struct domain_rules *
rules_new(struct text table)
{
	struct domain_rules *r = xcalloc(1, sizeof(*r));
	size_t i, line_count = 1;

	for (i = 0; i < table.len; i++)
		line_count += table.data[i] == '\n';
	r->rules = xcalloc(line_count, sizeof(*r->rules));
	r->blocks = xcalloc(line_count, sizeof(*r->blocks));
	for (r->slot_count = 4; r->slot_count < 2 * line_count;)
		r->slot_count *= 2;
	r->slots = xcalloc(r->slot_count, sizeof(*r->slots));
	return r;
}

int
domain_rules_parse(const char *name, struct text table,
    struct domain_rules **out, struct buffer *errors)
{
	struct rule_parser p = { .file = name, .errors = errors };
	struct domain_rules *r = rules_new(table);
	struct text rest = table, line;

	while (text_next_line(&rest, &line)) {
		p.line++;
		line = text_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (has_control(line))
			rule_complain(&p, "a control character in the line");
		else
			rule_parse(&p, line, r);
	}
	if (p.error_count > 0) {
		domain_rules_free(r);
		return -1;
	}
	*out = r;
	return 0;
}

void
domain_rules_free(struct domain_rules *rules)
{
	size_t i;

	if (rules == NULL)
		return;
	for (i = 0; i < rules->count; i++)
		free(rules->blocks[i]);
	free(rules->blocks);
	free(rules->rules);
	free(rules->slots);
	free(rules);
}

/* -------------------------------------------------------------- lookups */

static bool
rule_is_over(const struct domain_rule *rule, int64_t now)
{
	return rule->until != 0 && now >= rule->until;
}

static const struct domain_rule *
rules_find(const struct domain_rules *rules, const char *pattern,
    enum rule_direction direction, int64_t now)
{
	uint32_t slot = *rules_slot(rules, pattern, direction);

	if (slot == 0 || rule_is_over(&rules->rules[slot - 1], now))
		return NULL;
	return &rules->rules[slot - 1];
}

/* By the parents from the longest on, each with its dot, and then "*". */
static const struct domain_rule *
rules_find_parent(const struct domain_rules *rules, const char *dot,
    enum rule_direction direction, int64_t now)
{
	const struct domain_rule *rule;

	for (; dot != NULL; dot = strchr(dot + 1, '.')) {
		rule = rules_find(rules, dot, direction, now);
		if (rule != NULL)
			return rule;
	}
	return rules_find(rules, "*", direction, now);
}

const struct domain_rule *
domain_rules_match(const struct domain_rules *rules, const char *domain,
    enum rule_direction direction, int64_t now)
{
	const struct domain_rule *rule;

	rule = rules_find(rules, domain, direction, now);
	if (rule != NULL)
		return rule;
	return rules_find_parent(rules, strchr(domain, '.'), direction, now);
}

/* What the rule does at intake: beside level= no host is judged. */
static enum rule_action
action_at_intake(const struct domain_rule *rule)
{
	if (rule->action == RULE_ACTION_OFF)
		return RULE_ACTION_OFF;
	if (rule->action == RULE_ACTION_UNSET ||
	    rule->level != TLS_LEVEL_UNSET)
		return RULE_ACTION_LOG;
	return rule->action;
}

/* The option by which the delivery may wait for better TLS, or NULL. */
static const char *
option_that_raises(const struct domain_rule *rule)
{
	if (rule->level > TLS_LEVEL_MAY)
		return options[OPTION_LEVEL].name;
	if (rule->require != RULE_REQUIRE_UNSET)
		return options[OPTION_REQUIRE].name;
	return rule->min_tls != 0 ? options[OPTION_MIN_TLS].name : NULL;
}

const char *
domain_rules_warn(const struct domain_rules *rules,
    const struct domain_rule *rule, int64_t now, char out[RULE_WARNING_SIZE])
{
	enum rule_action action = action_at_intake(rule);
	const char *raising = option_that_raises(rule);
	enum rule_action asked = RULE_ACTION_LOG;
	const struct domain_rule *parent;

	if (rule->direction == RULE_IN || rule_is_over(rule, now))
		return NULL;
	parent = rules_find_parent(rules, strchr(rule->pattern + 1, '.'),
	    RULE_OUT, now);
	if (parent != NULL)
		asked = action_at_intake(parent);
	if (raising != NULL && asked > RULE_ACTION_LOG && action < asked)
		snprintf(out, RULE_WARNING_SIZE, "action=%s lets mail in that "
		    "%s= may keep in the queue; line %u, less specific, has "
		    "action=%s", rule_action_name(action), raising,
		    parent->line, rule_action_name(asked));
	else if (rule->level != TLS_LEVEL_UNSET &&
	    rule->action > RULE_ACTION_LOG)
		snprintf(out, RULE_WARNING_SIZE, "action=%s has no effect "
		    "beside level=", rule_action_name(rule->action));
	else
		return NULL;
	return out;
}

size_t
domain_rules_count(const struct domain_rules *rules)
{
	return rules->count;
}

const struct domain_rule *
domain_rules_at(const struct domain_rules *rules, size_t index)
{
	assert(index < rules->count);
	return &rules->rules[index];
}

int64_t
domain_rules_next_end(const struct domain_rules *rules, int64_t now)
{
	const struct domain_rule *rule;
	int64_t next = 0;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		rule = &rules->rules[i];
		if (rule->until != 0 && !rule_is_over(rule, now) &&
		    (next == 0 || rule->until < next))
			next = rule->until;
	}
	return next;
}

/* ---------------------------------------------------------------- names */

const char *
tls_level_name(enum tls_level level)
{
	return word_name(levels, (int)level);
}

bool
tls_level_parse(struct text word, enum tls_level *out)
{
	const struct word *found = word_find(levels, word);

	if (found == NULL)
		return false;
	*out = (enum tls_level)found->value;
	return true;
}

const char *
rule_action_name(enum rule_action action)
{
	return word_name(actions, (int)action);
}

const char *
rule_direction_name(enum rule_direction direction)
{
	return word_name(directions, (int)direction);
}

const char *
rule_require_name(enum rule_require require)
{
	return word_name(requirements, (int)require);
}
