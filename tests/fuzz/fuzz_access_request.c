/*
 * Policy requests and the reply: what is accepted ends with its empty line and
 * wants more before it; a reply is one line, whatever the action holds.
 */

#include "shared/postfix/access_request.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static void
fuzz_reply(struct text action)
{
	struct buffer b;

	buffer_init(&b, 4096);
	access_reply_format(&b, action);
	assert(b.len <= ACCESS_REPLY_LINE_MAX + 1);
	assert(strstr(b.data, "\n\n") == b.data + b.len - 2);
	assert(text_is_printable((struct text){ b.data, b.len - 2 }));
	buffer_clear(&b);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *why = NULL;
	struct access_request request;
	size_t used;

	switch (access_request_parse(text, size, &request, &used, &why)) {
	case ACCESS_REQUEST_MORE:
		assert(size < ACCESS_REQUEST_MAX_BYTES);
		break;
	case ACCESS_REQUEST_BAD:
		assert(why != NULL);
		break;
	case ACCESS_REQUEST_DONE:
		assert(used <= size && used <= ACCESS_REQUEST_MAX_BYTES);
		assert(memcmp(text + used - 2, "\n\n", 2) == 0);
		assert(memchr(request.sender.data, '\n',
		    request.sender.len) == NULL);
		assert(access_request_parse(text, used - 1, &request, &used,
		    &why) == ACCESS_REQUEST_MORE);
		break;
	}
	fuzz_reply((struct text){ text, size });
}
