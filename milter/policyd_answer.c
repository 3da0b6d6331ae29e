/*
 * policyd's answers.  It is our own program and may still be of another
 * version: what is not understood is refused as a whole.
 */

#include "milter/policyd_answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "shared/host_name.h"
#include "shared/xalloc.h"

/* The object, or NULL with *why; policyd's own error is one too. */
static json_t *
load_object(struct text line, const char **why)
{
	json_t *object = json_loadb(line.data, line.len,
	    JSON_REJECT_DUPLICATES, NULL);

	*why = "the answer is no JSON object";
	if (json_is_object(object) && json_object_get(object, "error") == NULL)
		return object;
	if (json_is_object(object))
		*why = "policyd cannot say";
	json_decref(object);
	return NULL;
}

/* ---------------------------------------------------------------- the site */

static bool
parse_state(const char *word, enum fact_state *out)
{
	enum fact_state state;

	for (state = FACT_UNKNOWN; state <= FACT_PRESENT; state++)
		if (strcmp(word, fact_state_name(state)) == 0) {
			*out = state;
			return true;
		}
	return false;
}

static bool
parse_times(const json_int_t times[4], struct tls_site *out)
{
	int i;

	for (i = 0; i < 4; i++)
		if (times[i] < 0 || times[i] > UINT32_MAX)
			return false;
	out->stale_ttl_s = (unsigned)times[0];
	out->good_ttl_s = (unsigned)times[1];
	out->bad_ttl_s = (unsigned)times[2];
	out->reprobe_after_s = (unsigned)times[3];
	return true;
}

static bool
parse_domains(json_t *array, struct site_answer *out)
{
	json_t *item;
	size_t i;

	out->own_domains = xcalloc(json_array_size(array) + 1,
	    sizeof(*out->own_domains));
	json_array_foreach(array, i, item) {
		if (!json_is_string(item) || !host_name_is_normal(
		    text_of(json_string_value(item))))
			return false;
		out->own_domains[out->own_domain_count++] =
		    xstrdup(json_string_value(item));
	}
	return true;
}

static bool
parse_networks(json_t *array, struct site_answer *out)
{
	struct network_list *list = &out->own_networks, one;
	const char *why;
	json_t *item;
	size_t i, skipped;

	list->networks = xcalloc(json_array_size(array) + 1,
	    sizeof(*list->networks));
	json_array_foreach(array, i, item) {
		if (!json_is_string(item) || network_list_parse(
		    text_of(json_string_value(item)), &one, &skipped,
		    &why) == -1)
			return false;
		if (one.count == 1)
			list->networks[list->count++] = one.networks[0];
		network_list_clear(&one);
	}
	return true;
}

/* An older policyd does not say. */
static bool
parse_ports(const json_t *array, struct site_answer *out)
{
	json_int_t port;
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item) {
		port = json_integer_value(item);
		if (port <= 0 || port > UINT16_MAX || i == SITE_PORTS_MAX)
			return false;
		out->expired_ports[out->expired_port_count++] =
		    (uint16_t)port;
	}
	return true;
}

static bool
parse_site(json_t *object, struct site_answer *out)
{
	int known, plain = 0, relay, strict, breaker, nobody;
	json_t *domains, *networks, *level;
	const char *dane, *authserv_id = NULL;
	json_int_t times[4];

	if (json_unpack(object, "{s:b, s?b, s:o, s:o, s:s, s:o, s:b, s:b, s:b,"
	    "s:b, s:I, s:I, s:I, s:I, s?s}", "known", &known, "plain", &plain,
	    "own_domains", &domains,
	    "own_networks", &networks, "dane", &dane, "level", &level,
	    "fallback_relay", &relay, "strict", &strict,
	    "breaker_open", &breaker, "answers_nobody", &nobody,
	    "stale_ttl", &times[0], "good_ttl", &times[1],
	    "bad_ttl", &times[2], "reprobe_after", &times[3],
	    "authserv_id", &authserv_id) == -1)
		return false;
	out->is_known = known;
	out->is_plain = plain;
	if (authserv_id != NULL)
		out->authserv_id = xstrdup(authserv_id);
	out->tls.has_fallback_relay = relay;
	out->tls.is_strict = strict;
	out->tls.breaker_is_open = breaker;
	out->tls.answers_nobody = nobody;
	return json_is_array(domains) && json_is_array(networks) &&
	    parse_state(dane, &out->tls.dane) &&
	    (json_is_null(level) || (json_is_string(level) &&
	    tls_level_parse(text_of(json_string_value(level)),
	    &out->tls.level))) &&
	    parse_times(times, &out->tls) && parse_domains(domains, out) &&
	    parse_ports(json_object_get(object, "expired_ports"), out) &&
	    parse_networks(networks, out);
}

int
site_answer_parse(struct text line, struct site_answer *out, const char **why)
{
	struct site_answer site = { 0 };
	json_t *object = load_object(line, why);
	int result = -1;

	if (object == NULL)
		return -1;
	if (parse_site(object, &site)) {
		*out = site;
		result = 0;
	} else {
		*why = "the site has a member that is missing or cannot be";
		site_answer_clear(&site);
	}
	json_decref(object);
	return result;
}

void
site_answer_clear(struct site_answer *site)
{
	size_t i;

	for (i = 0; i < site->own_domain_count; i++)
		free(site->own_domains[i]);
	free(site->own_domains);
	free(site->authserv_id);
	network_list_clear(&site->own_networks);
	*site = (struct site_answer){ 0 };
}

/* ----------------------------------------------------------------- the way */

char *
route_request_format(const struct route_question *q)
{
	json_t *object = json_pack("{s:i, s:s, s:s%, s:s%, s:s%}", "version",
	    1, "command", "route", "client", q->client.data, q->client.len,
	    "sender", q->sender.data, q->sender.len,
	    "recipient", q->recipient.data, q->recipient.len);
	char *line = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	return line;
}

static bool
parse_kind(const char *word, enum transport_kind *out)
{
	static const char *const words[] = {
		[TRANSPORT_UNKNOWN] = "unknown",
		[TRANSPORT_NONE] = "none",
		[TRANSPORT_HOPS] = "known"
	};
	int i;

	for (i = TRANSPORT_UNKNOWN; i <= TRANSPORT_HOPS; i++)
		if (strcmp(word, words[i]) == 0) {
			*out = (enum transport_kind)i;
			return true;
		}
	return false;
}

static bool
parse_hops(json_t *array, struct transport *out)
{
	struct next_hop *hop;
	const char *why;
	json_t *item;
	size_t i;

	if (json_array_size(array) > TRANSPORT_HOPS_MAX ||
	    (json_array_size(array) > 0) != (out->kind == TRANSPORT_HOPS))
		return false;
	json_array_foreach(array, i, item) {
		hop = &out->hops[out->hop_count++];
		if (!json_is_string(item))
			return false;
		next_hop_parse(text_of(json_string_value(item)), hop, &why);
		if (hop->kind == NEXT_HOP_NONE)
			return false;
	}
	return true;
}

int
route_answer_parse(struct text line, struct route *out, const char **why)
{
	struct route route = { .transport = { .because = "" } };
	json_t *object = load_object(line, why), *hops;
	const char *client, *domain, *state;
	int result = -1;

	if (object == NULL)
		return -1;
	if (json_unpack(object, "{s:s, s:s, s:s, s:o}", "client", &client,
	    "domain", &domain, "state", &state, "next_hops", &hops) == 0 &&
	    json_is_array(hops) && parse_state(client, &route.client_is_ours) &&
	    parse_state(domain, &route.domain_is_ours) &&
	    parse_kind(state, &route.transport.kind) &&
	    parse_hops(hops, &route.transport)) {
		*out = route;
		result = 0;
	} else
		*why = "the way has a member that is missing or cannot be";
	json_decref(object);
	return result;
}

/* ------------------------------------------------------------- a judgement */

static bool
parse_action(const char *word, enum rule_action *out)
{
	enum rule_action action;

	for (action = RULE_ACTION_OFF; action <= RULE_ACTION_DEFER; action++)
		if (strcmp(word, rule_action_name(action)) == 0) {
			*out = action;
			return true;
		}
	return false;
}

static bool
parse_policy(const char *word, enum tls_policy_kind *out)
{
	enum tls_policy_kind kind;

	for (kind = TLS_POLICY_NONE; kind <= TLS_POLICY_STS; kind++)
		if (strcmp(word, tls_policy_kind_name(kind)) == 0) {
			*out = kind;
			return true;
		}
	return false;
}

static bool
parse_verdict(const char *word, enum verdict *out)
{
	enum verdict verdict;

	for (verdict = VERDICT_UNKNOWN; verdict <= VERDICT_UNDELIVERABLE;
	    verdict++)
		if (strcmp(word, verdict_name(verdict)) == 0) {
			*out = verdict;
			return true;
		}
	return false;
}

int
judgement_parse(struct text line, struct judgement *out, const char **why)
{
	const char *action, *policy, *verdict, *finding, *reason = "";
	json_t *object = load_object(line, why);
	struct judgement j;
	int result = -1;

	if (object == NULL)
		return -1;
	if (json_unpack(object, "{s:s, s:s, s:s, s:s}", "action", &action,
	    "policy", &policy, "verdict", &verdict, "finding",
	    &finding) == 0 && parse_action(action, &j.action) &&
	    parse_policy(policy, &j.policy) &&
	    parse_verdict(verdict, &j.verdict) &&
	    finding_parse(text_of(finding), &j.finding)) {
		json_unpack(object, "{s:s}", "reason", &reason);
		text_quote(j.reason, sizeof(j.reason), text_of(reason));
		*out = j;
		result = 0;
	} else
		*why = "the judgement has a member that is missing or "
		    "cannot be";
	json_decref(object);
	return result;
}
