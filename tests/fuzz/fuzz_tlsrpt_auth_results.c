/*
 * Authentication-Results, in a header and in a mail: an answer, whatever stands
 * there, and no pass without the words for it.
 */

#include "shared/tlsrpt/auth_results.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text t = { (const char *)data, size };

	if (auth_results_dkim(t, "a.example", "b.example") ==
	    AUTH_DKIM_PASSED || auth_results_pass(t, "a.example", "b.example"))
		assert(text_contains(t, "="));
}
