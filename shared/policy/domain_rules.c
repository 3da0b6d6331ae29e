/*
 * The operator's table (hopseal-rules(5)).  A hash of pattern and direction
 * finds the rule for a domain with one probe for each label.
 */

#include "shared/policy/domain_rules.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/policy/domain_rule_line.h"
#include "shared/xalloc.h"

struct domain_rules {
	struct domain_rule	*rules;		/* in the file's order */
	char			**blocks;	/* the strings of each rule */
	size_t			 count;
	/* Open addressing: an index into rules plus one, 0 is free. */
	uint32_t		*slots;
	size_t			 slot_count;	/* a power of two */
};

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
rules_add(struct domain_rules *r, const struct domain_rule *rule, char *block,
    struct rule_errors *errors)
{
	uint32_t *slot = rules_slot(r, rule->pattern, rule->direction);

	if (*slot != 0)
		rule_complain(errors, "a second rule for \"%s\" %s; the first "
		    "is in line %u", rule->pattern,
		    rule_direction_name(rule->direction),
		    r->rules[*slot - 1].line);
	r->rules[r->count] = *rule;
	r->blocks[r->count] = block;
	r->count++;
	if (*slot == 0)
		*slot = (uint32_t)r->count;
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
	struct rule_errors mistakes = { .file = name, .text = errors };
	struct domain_rules *r = rules_new(table);
	struct text rest = table, line;
	struct domain_rule rule;
	char *block;

	while (text_next_line(&rest, &line)) {
		mistakes.line++;
		line = text_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		/* A line with a mistake may not have meant to be a second. */
		if (rule_line_parse(line, &mistakes, &rule, &block))
			rules_add(r, &rule, block, &mistakes);
	}
	if (mistakes.count > 0) {
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
		return "level";
	if (rule->require != RULE_REQUIRE_UNSET)
		return "require";
	return rule->min_tls != 0 ? "min_tls" : NULL;
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
