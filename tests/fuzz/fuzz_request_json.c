/*
 * A line of the control socket.  What is accepted names a command, and a domain
 * where the command is about one.
 */

#include "policyd/clerk/request_json.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct control_question q;
	const char *why = NULL;
	bool has_domain;

	if (request_parse((struct text){ (const char *)data, size }, &q,
	    &why) == -1) {
		assert(why != NULL);
		return;
	}
	has_domain = q.command != CONTROL_STATUS && q.command != CONTROL_SITE &&
	    q.command != CONTROL_CLEAR && q.command != CONTROL_RELOAD &&
	    q.command != CONTROL_REPORT && q.command != CONTROL_ROUTE &&
	    q.command != CONTROL_RECEIVED &&
	    q.command != CONTROL_OWN_PROMISES &&
	    q.command != CONTROL_CERTIFICATES;
	assert((q.hop.kind != NEXT_HOP_NONE) == has_domain);
	assert(!q.forgets_policy || q.command == CONTROL_FORGET);
}
