/*
 * Keys of the TLS policy map: what names something has one spelling, which
 * names the same.
 */

#include "shared/postfix/next_hop.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	char spelling[NEXT_HOP_TEXT_SIZE];
	struct next_hop hop, again;
	const char *why = NULL;

	next_hop_parse((struct text){ (const char *)data, size }, &hop, &why);
	if (hop.kind == NEXT_HOP_NONE) {
		assert(why != NULL && hop.name[0] == '\0');
		return;
	}
	assert(why == NULL && hop.port > 0);
	assert((hop.kind == NEXT_HOP_DOMAIN_PORT) <=
	    (hop.port != NEXT_HOP_SMTP_PORT));
	assert(host_name_is_normal(text_of(hop.name)));
	next_hop_format(&hop, spelling);
	next_hop_parse(text_of(spelling), &again, &why);
	assert(again.kind == hop.kind && again.port == hop.port &&
	    strcmp(again.name, hop.name) == 0);
}
