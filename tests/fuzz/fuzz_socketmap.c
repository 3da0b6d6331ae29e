/*
 * Socketmap requests: what is accepted is read the same again, wants more for
 * each proper prefix, and lies within what is used.
 */

#include "shared/postfix/socketmap.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *why = NULL;
	struct socketmap_request request, again;
	size_t used, used_again, len;

	switch (socketmap_parse(text, size, &request, &used, &why)) {
	case SOCKETMAP_MORE:
		break;
	case SOCKETMAP_BAD:
		assert(why != NULL);
		break;
	case SOCKETMAP_DONE:
		assert(used <= size && request.map.data > text &&
		    request.key.data + request.key.len == text + used - 1);
		assert(socketmap_parse(text, used, &again, &used_again,
		    &why) == SOCKETMAP_DONE && used_again == used);
		for (len = 0; len < used; len++)
			assert(socketmap_parse(text, len, &again, &used_again,
			    &why) == SOCKETMAP_MORE);
		break;
	}
}
