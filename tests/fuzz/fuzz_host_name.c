/*
 * Names: what is accepted is in the one spelling, and stays as it is.
 */

#include "shared/host_name.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text name = { (const char *)data, size };
	char normal[HOST_NAME_SIZE], again[HOST_NAME_SIZE];
	const char *why = NULL;

	if (host_name_normalize(name, normal, &why) == -1) {
		assert(why != NULL);
		assert(!host_name_is_normal(name));
		return;
	}
	assert(strlen(normal) <= HOST_NAME_MAX_BYTES);
	assert(text_is_printable(text_of(normal)));
	assert(host_name_is_normal(text_of(normal)));
	assert(host_name_is_normal(name) == text_equals(name, normal));
	assert(host_name_normalize(text_of(normal), again, &why) == 0);
	assert(strcmp(normal, again) == 0);
	assert(host_name_is_below(normal, normal));
	host_name_is_private(normal);
}
