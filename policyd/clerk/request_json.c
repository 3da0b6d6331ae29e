/*
 * A question on the control socket.  jansson refuses broken UTF-8, U+0000, deep
 * nesting and what follows the object.
 */

#include "policyd/clerk/request_json.h"

#include <jansson.h>

static bool
has_domain(enum control_command command)
{
	return command != CONTROL_STATUS && command != CONTROL_SITE &&
	    command != CONTROL_CLEAR && command != CONTROL_RELOAD &&
	    command != CONTROL_REPORT && command != CONTROL_ROUTE &&
	    command != CONTROL_RECEIVED && command != CONTROL_OWN_PROMISES &&
	    command != CONTROL_TEST_ALERT && command != CONTROL_CERTIFICATES;
}

static int
read_members(json_t *request, struct control_question *out, const char **why)
{
	const char *command = NULL, *domain = NULL;
	size_t command_len = 0, domain_len = 0;
	int version = REQUEST_VERSION, with_policy = 0, is_next_hop = 0;

	if (json_unpack(request, "{s?i, s?s%, s?s%, s?b, s?b}", "version",
	    &version, "command", &command, &command_len, "domain", &domain,
	    &domain_len, "policy", &with_policy, "next_hop",
	    &is_next_hop) == -1) {
		*why = "the request is no object, or a member has a type that "
		    "it may not have";
		return -1;
	}
	if (version != REQUEST_VERSION) {
		*why = "the request is of another version than 1";
		return -1;
	}
	if (command == NULL) {
		*why = "the request has no command";
		return -1;
	}
	if (!control_command_parse((struct text){ command, command_len },
	    &out->command)) {
		*why = "unknown command";
		return -1;
	}
	if (has_domain(out->command)) {
		if (domain == NULL) {
			*why = "the request has no domain";
			return -1;
		}
		next_hop_parse((struct text){ domain, domain_len }, &out->hop,
		    why);
		if (out->hop.kind == NEXT_HOP_NONE)
			return -1;
	}
	out->is_next_hop = is_next_hop;
	out->forgets_policy = out->command == CONTROL_FORGET && with_policy;
	return 0;
}

int
request_parse(struct text line, struct control_question *out, const char **why)
{
	struct control_question q = { .hop = { .kind = NEXT_HOP_NONE } };
	json_t *request;
	int result;

	request = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
	if (request == NULL) {
		*why = "the line is not one JSON object";
		return -1;
	}
	result = read_members(request, &q, why);
	json_decref(request);
	if (result == 0)
		*out = q;
	return result;
}
