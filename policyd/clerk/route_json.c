/*
 * The question "route" on the control socket and its answer.
 */

#include "policyd/clerk/route_json.h"

#include "policyd/clerk/value_json.h"

int
route_request_parse(struct text line, struct route_request *out,
    const char **why)
{
	struct route_request r = { 0 };

	r.json = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
	if (r.json != NULL && json_unpack(r.json, "{s?s%, s?s%, s?s%}",
	    "client", &r.q.client.data, &r.q.client.len,
	    "sender", &r.q.sender.data, &r.q.sender.len,
	    "recipient", &r.q.recipient.data, &r.q.recipient.len) == 0) {
		*out = r;
		return 0;
	}
	*why = "client, sender and recipient are texts";
	json_decref(r.json);
	return -1;
}

void
route_request_clear(struct route_request *request)
{
	json_decref(request->json);
}

static const char *
state_word(enum transport_kind kind)
{
	switch (kind) {
	case TRANSPORT_HOPS:
		return "known";
	case TRANSPORT_NONE:
		return "none";
	case TRANSPORT_UNKNOWN:
	case TRANSPORT_PENDING:
		break;
	}
	return "unknown";
}

char *
route_line(const struct route *route)
{
	const struct transport *t = &route->transport;
	char text[NEXT_HOP_TEXT_SIZE];
	json_t *hops = json_array();
	size_t i;

	for (i = 0; i < t->hop_count; i++)
		json_array_append_new(hops, json_string(next_hop_format(
		    &t->hops[i], text)));
	return json_line(json_pack("{s:s, s:s, s:s, s:o, s:o}",
	    "client", fact_state_name(route->client_is_ours),
	    "domain", fact_state_name(route->domain_is_ours),
	    "state", state_word(t->kind), "next_hops", hops,
	    "because", json_words(t->because)));
}
