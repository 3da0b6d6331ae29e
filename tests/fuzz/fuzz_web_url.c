/*
 * URLs: what parses has a host and a port, and is ASCII without blanks.
 */

#include "shared/web_url.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text t = { (const char *)data, size };
	struct web_url url;
	const char *why = NULL;

	if (web_url_parse(t, &url, &why) == -1) {
		assert(why != NULL);
		return;
	}
	assert(url.host[0] != '\0' && url.port > 0 && url.port < 65536);
	assert(text_is_printable(text_of(url.host)));
	assert(memchr(data, '\n', size) == NULL);
}
