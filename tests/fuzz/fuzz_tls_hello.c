/*
 * The begin of what a server sends to a hello of ours, and every prefix of it.
 */

#include "shared/tls_hello.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	const char *suite = NULL;
	enum tls_hello_offer offer;

	for (offer = TLS_HELLO_WEAK; offer <= TLS_HELLO_ANONYMOUS; offer++)
		if (tls_hello_parse(offer, data, size, &suite) ==
		    TLS_HELLO_TAKEN)
			assert(suite != NULL);
}
