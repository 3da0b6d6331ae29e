/*
 * Record data of any kind: what is read must be a name in the one spelling, and
 * no more text than came in.
 */

#include "shared/dns_answer.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text rdata = { (const char *)data, size };
	struct address address;
	struct buffer joined;
	struct dns_mx mx;

	if (dns_mx_parse(rdata, &mx))
		assert(mx.host[0] == '\0' ||
		    host_name_is_normal(text_of(mx.host)));
	buffer_init(&joined, size + 1);
	dns_txt_parse(rdata, &joined);
	assert(!joined.is_overfull && joined.len <= size);
	buffer_clear(&joined);
	if (dns_address_parse(rdata, &address))
		assert(address.family == 4 || address.family == 6);
}
