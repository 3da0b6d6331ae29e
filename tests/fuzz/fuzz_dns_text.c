/*
 * TXT records in dig's quoting: records lie in their block, and quoted again
 * they are read as the same.
 */

#include "shared/dns_text.h"

#include <assert.h>
#include <string.h>

#include "shared/buffer.h"
#include "tests/fuzz/fuzz.h"

static void
add_quoted(struct buffer *b, struct text record)
{
	size_t i;

	buffer_add_text(b, "\"");
	for (i = 0; i < record.len; i++)
		buffer_addf(b, "\\%03u", (unsigned char)record.data[i]);
	buffer_add_text(b, "\"\n");
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct dns_text d, again;
	struct buffer quoted;
	const char *why = NULL;
	size_t total = 0, i;

	if (dns_text_parse((struct text){ (const char *)data, size }, &d,
	    &why) == -1) {
		assert(strncmp(why, "TXT record: ", 12) == 0);
		return;
	}
	buffer_init(&quoted, 8 * size + 64);
	for (i = 0; i < d.count; i++) {
		total += d.records[i].len;
		add_quoted(&quoted, d.records[i]);
	}
	assert(total <= size);
	assert(dns_text_parse((struct text){ quoted.data, quoted.len },
	    &again, &why) == 0);
	assert(again.count == d.count);
	for (i = 0; i < d.count; i++)
		assert(again.records[i].len == d.records[i].len &&
		    memcmp(again.records[i].data, d.records[i].data,
		    d.records[i].len) == 0);
	dns_text_clear(&again);
	dns_text_clear(&d);
	buffer_clear(&quoted);
}
