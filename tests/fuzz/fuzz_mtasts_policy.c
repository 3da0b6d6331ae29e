/*
 * MTA-STS policies: what is accepted may stand in an answer to Postfix, and
 * its kept lines are a policy that says the same.
 */

#include "shared/policy/mtasts_policy.h"

#include <assert.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/host_name.h"
#include "tests/fuzz/fuzz.h"

static void
check_mx(const char *mx)
{
	struct text name = text_of(mx);

	if (text_starts_with(name, "*.")) {
		name.data += 2;
		name.len -= 2;
	}
	assert(host_name_is_normal(name));
}

static void
check_same(const struct mtasts_policy *a, const struct mtasts_policy *b)
{
	size_t i;

	assert(a->mode == b->mode && a->max_age_s == b->max_age_s);
	assert(a->mx_count == b->mx_count && a->line_count == b->line_count);
	for (i = 0; i < a->mx_count; i++)
		assert(strcmp(a->mx[i], b->mx[i]) == 0);
	for (i = 0; i < a->line_count; i++)
		assert(strcmp(a->lines[i], b->lines[i]) == 0);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct mtasts_policy policy, again;
	struct buffer lines;
	const char *why = NULL;
	size_t i;

	if (mtasts_policy_parse((const char *)data, size, &policy, &why) ==
	    -1) {
		assert(strncmp(why, "RFC 8461 3.2: ", 14) == 0);
		return;
	}
	assert(policy.max_age_s <= MTASTS_MAX_AGE_MAX_S);
	assert(policy.mx_count <= MTASTS_MX_MAX);
	assert(policy.mx_count > 0 || policy.mode == MTASTS_NONE);
	for (i = 0; i < policy.mx_count; i++)
		check_mx(policy.mx[i]);
	buffer_init(&lines, MTASTS_POLICY_MAX_BYTES);
	for (i = 0; i < policy.line_count; i++) {
		assert(text_is_printable(text_of(policy.lines[i])));
		buffer_addf(&lines, "%s%s", i > 0 ? "\n" : "",
		    policy.lines[i]);
	}
	assert(!lines.is_overfull);
	assert(mtasts_policy_parse(lines.data, lines.len, &again, &why) == 0);
	check_same(&policy, &again);
	mtasts_policy_clear(&again);
	mtasts_policy_clear(&policy);
	buffer_clear(&lines);
}
