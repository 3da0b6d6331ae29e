/*
 * The same octets as resolv.conf and as a reply to the question that has the
 * number of their first two.
 */

#include "shared/resolver_probe.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text text = { (const char *)data, size };
	struct address servers[RESOLVER_SERVERS_MAX];
	size_t count = resolver_conf_parse(text, servers);
	uint16_t id = size >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;

	assert(count >= 1 && count <= RESOLVER_SERVERS_MAX);
	resolver_reply_judge(id, text);
}
