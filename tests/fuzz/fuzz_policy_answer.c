/*
 * An HTTP answer: header lines up to the first empty one of a final answer,
 * the rest as body.
 */

#include "shared/policy/policy_answer.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size }, line;
	struct policy_answer a;
	enum finding finding = FINDING_OK;

	policy_answer_init(&a);
	while (finding == FINDING_OK && !a.is_body &&
	    text_next_line(&rest, &line))
		finding = policy_answer_line(&a, line);
	if (finding == FINDING_OK && a.is_body)
		finding = policy_answer_data(&a, rest);
	if (finding == FINDING_OK)
		finding = policy_answer_end(&a);
	if (finding == FINDING_OK) {
		assert(a.status == 200 && a.has_type);
		assert(a.is_chunked || a.body.len == a.length_bytes);
	} else
		assert(a.error[0] != '\0' &&
		    text_is_printable(text_of(a.error)));
	policy_answer_clear(&a);
}
