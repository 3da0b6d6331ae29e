/*
 * Messages about reports that go out: what parses can be said again.
 */

#include "shared/report_message.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text t = { (const char *)data, size };
	struct report_request request;
	struct report_result result;
	struct buffer again;

	if (report_request_parse(t, &request)) {
		assert(text_is_printable(request.target));
		if (request.way == REPORT_BY_MAIL)
			assert(text_is_printable(request.sender));
		buffer_init(&again, REPORT_MESSAGE_MAX);
		report_request_format(&request, &again);
		assert(again.len == size && memcmp(again.data, data, size) == 0);
		buffer_clear(&again);
	}
	if (report_result_parse(t, &result))
		assert(result.outcome >= REPORT_SENT);
}
