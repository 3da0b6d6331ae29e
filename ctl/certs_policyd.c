/*
 * What policyd alone knows of our certificates and promises: who refused them,
 * what others reported, since when we promise what.  Where it does not answer
 * nothing is said of it here; that it is away is "hopseal status"'s to say.
 */

#include "ctl/certs.h"

#include <stdint.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ask.h"
#include "shared/io/config.h"

#define DAY_S		86400
#define GROUPS_MAX	20

/* ----------------------------------------------------------------- refusals */

static bool
has_same(const json_t *a, const json_t *b, const char *member)
{
	return answer_is(a, member, answer_text(b, member));
}

static json_t *
group_of(json_t *groups, const json_t *refusal)
{
	json_t *group;
	size_t i;

	json_array_foreach(groups, i, group)
		if (has_same(group, refusal, "reason") &&
		    has_same(group, refusal, "service"))
			return group;
	if (json_array_size(groups) == GROUPS_MAX)
		return NULL;
	group = json_pack("{s:i, s:i}", "count", 0, "peers", 0);
	json_object_update_missing(group, (json_t *)(uintptr_t)refusal);
	json_array_append_new(groups, group);
	return group;
}

static bool
is_recent(const json_t *refusal, int64_t now)
{
	return answer_time(refusal, "last") >= now - DAY_S;
}

/* A peer has a row for each kind of session; index is that of one of them. */
static bool
is_known_peer(const json_t *refusals, size_t index, int64_t now)
{
	const json_t *refusal = json_array_get(refusals, index), *other;
	const char *member = answer_text(refusal, "address")[0] != '\0' ?
	    "address" : "host";
	size_t i;

	for (i = 0; i < index; i++) {
		other = json_array_get(refusals, i);
		if (has_same(other, refusal, member) &&
		    has_same(other, refusal, "reason") &&
		    has_same(other, refusal, "service") &&
		    is_recent(other, now))
			return true;
	}
	return false;
}

/* Times of RFC 3339 in UTC have the order of their texts. */
static void
group_add(json_t *group, const json_t *refusal, bool is_known)
{
	json_object_set_new(group, "count", json_integer(
	    answer_number(group, "count") + answer_number(refusal, "count")));
	json_object_set_new(group, "peers",
	    json_integer(answer_number(group, "peers") + !is_known));
	if (strcmp(answer_text(refusal, "since"), answer_text(group,
	    "since")) < 0)
		json_object_set(group, "since", json_object_get(refusal,
		    "since"));
	if (strcmp(answer_text(refusal, "last"), answer_text(group,
	    "last")) > 0)
		json_object_set(group, "last", json_object_get(refusal,
		    "last"));
}

/*
 * One row a reason and service, with one of the peers as an example.  A single
 * peer may be wrong by itself; several are not.
 */
static json_t *
group_refusals(const json_t *answer, int64_t now)
{
	const json_t *refusals = json_object_get(answer, "our_certificate"),
	    *refusal;
	json_t *groups = json_array(), *group;
	size_t i;

	json_array_foreach(refusals, i, refusal) {
		if (!is_recent(refusal, now))
			continue;
		group = group_of(groups, refusal);
		if (group != NULL)
			group_add(group, refusal, is_known_peer(refusals, i,
			    now));
	}
	json_array_foreach(groups, i, group)
		json_object_set_new(group, "severity", json_string(
		    answer_number(group, "peers") > 1 ? "warning" : "info"));
	return groups;
}

/* ------------------------------------------------------------------ asking */

void
certs_ask_policyd(struct certs *certs, const struct config *config)
{
	const char *where = config->control_listen;
	char since[TEXT_TIME_SIZE];
	json_t *answer;

	certs->promises = ask_quietly(where, json_pack("{s:s}", "command",
	    "own-promises"));
	if (certs->promises == NULL)
		return;
	answer = ask_quietly(where, json_pack("{s:s, s:s, s:s, s:i}",
	    "command", "report", "direction", "in", "since", "yesterday",
	    "top", 1));
	if (answer != NULL)
		certs->refused = group_refusals(answer, certs->now);
	json_decref(answer);
	certs->received = ask_quietly(where, json_pack("{s:s, s:s, s:s}",
	    "command", "report", "direction", "received", "since",
	    text_format_day(since, certs->now - CERTS_TESTING_S)));
}
