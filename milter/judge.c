/*
 * What becomes of a recipient.  Without a rule that could do something about
 * it nothing is asked; facts that are due for a new look are asked of policyd,
 * which looks, and the cached ones count if it is away or takes too long.
 */

#include "milter/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/cache_wait.h"
#include "milter/policyd_line.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"

void
judge_patience_init(struct judge_patience *patience, const struct setup *setup)
{
	unsigned wait_ms = setup->config->first_contact_wait_ms;

	patience->left_ms = wait_ms < JUDGE_WAIT_MAX_MS ? wait_ms :
	    JUDGE_WAIT_MAX_MS;
	patience->cache_is_silent = false;
}

/*
 * Whether facts could make a difference to this recipient: where the access
 * service judges, all that is left for us is a tag.
 */
static bool
rule_matters(const struct setup *setup, const struct domain_rule *rule,
    bool is_own_client)
{
	if (rule == NULL || rule->action < RULE_ACTION_TAG)
		return false;
	/* Without own domains known a stranger's mail may be to ourselves. */
	if (!is_own_client && (rule->clients != RULE_CLIENTS_ALL ||
	    !setup->site.is_known))
		return false;
	return rule->action == RULE_ACTION_TAG ||
	    setup->config->recipient_judge == CONFIG_JUDGE_MILTER ||
	    setup->site.tls.has_fallback_relay;
}

static struct facts *
cached_facts(const struct setup *setup, const struct next_hop *hop,
    struct judge_patience *patience)
{
	struct facts *facts = NULL;
	struct buffer record;
	const char *why;

	if (setup->config->redis[0] == '\0' || patience->cache_is_silent)
		return NULL;
	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	switch (cache_wait_get(setup->source->cache, hop, &record)) {
	case CACHE_SILENT:
		patience->cache_is_silent = true;
		break;
	case CACHE_NOTHING:
		break;
	case CACHE_FOUND:
		facts = facts_parse((struct text){ record.data, record.len },
		    &why);
		if (facts == NULL)
			log_warn("cache record cannot be read: domain=%s, "
			    "reason=%s", hop->name, why);
		break;
	}
	buffer_clear(&record);
	return facts;
}

/* Asks within what is left of the patience; adds the answer's line. */
static int
ask_policyd(const struct setup *setup, const char *request,
    struct judge_patience *patience, struct buffer *answer, const char **why)
{
	int64_t since_ms = clock_monotonic_ms(), waited_ms;
	int result;

	*why = "no time is left for this message";
	if (patience->left_ms == 0)
		return -1;
	result = policyd_line_ask(setup->source->policyd,
	    setup->config->control_listen, request, patience->left_ms, answer,
	    why);
	waited_ms = clock_monotonic_ms() - since_ms;
	patience->left_ms -= waited_ms < patience->left_ms ?
	    (unsigned)waited_ms : patience->left_ms;
	return result;
}

static int
ask_judgement(const struct setup *setup, const struct next_hop *hop,
    struct judge_patience *patience, struct judgement *out)
{
	char request[NEXT_HOP_TEXT_SIZE + 100], text[NEXT_HOP_TEXT_SIZE];
	struct buffer answer;
	const char *why;
	int result;

	/* A next hop's name holds nothing that JSON quotes. */
	snprintf(request, sizeof(request), "{\"version\": 1, \"command\": "
	    "\"explain\", \"next_hop\": true, \"domain\": \"%s\"}",
	    next_hop_format(hop, text));
	buffer_init(&answer, POLICYD_ANSWER_MAX);
	result = ask_policyd(setup, request, patience, &answer, &why);
	if (result == 0)
		result = judgement_parse((struct text){ buffer_text(&answer),
		    answer.len }, out, &why);
	buffer_clear(&answer);
	if (result == -1)
		log_debug("policyd did not judge: domain=%s, reason=%s",
		    hop->name, why);
	return result;
}

void
judge_route(const struct setup *setup, const struct route_question *q,
    struct judge_patience *patience, struct route *out)
{
	char *request = route_request_format(q);
	struct buffer answer;
	const char *why = "an address that is no text";

	memset(out, 0, sizeof(*out));
	buffer_init(&answer, POLICYD_ANSWER_MAX);
	if (request == NULL || ask_policyd(setup, request, patience, &answer,
	    &why) == -1 || route_answer_parse((struct text){
	    buffer_text(&answer), answer.len }, out, &why) == -1)
		log_debug("policyd did not tell the way: reason=%s", why);
	buffer_clear(&answer);
	free(request);
}

/* facts may be NULL: nothing is known. */
static void
decide(const struct setup *setup, const struct facts *facts,
    const struct domain_rule *rule, int64_t now, struct judgement *out)
{
	struct tls_decision d;

	tls_decision_make(facts, rule, &setup->site.tls, now, &d);
	out->action = d.action;
	out->policy = d.kind;
	out->verdict = d.verdict;
	out->finding = d.finding;
	memcpy(out->reason, d.reason, sizeof(out->reason));
}

void
judge_hop(const struct setup *setup, const struct next_hop *hop,
    bool is_own_client, struct judge_patience *patience,
    struct judgement *out)
{
	int64_t now = clock_now_s();
	const struct domain_rule *rule = domain_rules_match(setup->rules,
	    hop->name, RULE_OUT, now);
	struct facts *facts;

	*out = (struct judgement){ .action = RULE_ACTION_LOG };
	if (!rule_matters(setup, rule, is_own_client))
		return;
	facts = cached_facts(setup, hop, patience);
	/* Strangers cannot make us look anything up. */
	if (!is_own_client || (facts != NULL && now < facts->refresh_at) ||
	    ask_judgement(setup, hop, patience, out) == -1)
		decide(setup, facts, rule, now, out);
	facts_free(facts);
}
