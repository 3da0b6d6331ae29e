/*
 * Messages about errands: what parses can be said again.
 */

#include "shared/errand_message.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text t = { (const char *)data, size };
	struct errand request;
	struct errand_result result;
	struct buffer again;

	if (errand_parse(t, &request)) {
		assert(text_is_printable(request.target));
		if (request.way == ERRAND_MAIL)
			assert(text_is_printable(request.sender));
		buffer_init(&again, ERRAND_MESSAGE_MAX);
		errand_format(&request, &again);
		assert(again.len == size && memcmp(again.data, data, size) == 0);
		buffer_clear(&again);
	}
	if (errand_result_parse(t, &result))
		assert(result.outcome >= ERRAND_DONE);
}
