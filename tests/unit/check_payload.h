/*
 * Checks of a payload's parser: it takes the whole, and neither a proper
 * prefix of it nor more than it.
 */

#ifndef HOPSEAL_TEST_CHECK_PAYLOAD_H
#define HOPSEAL_TEST_CHECK_PAYLOAD_H

#include "shared/buffer.h"
#include "shared/text.h"
#include "tests/unit/check.h"

static struct buffer payload;

static inline struct text
payload_text(void)
{
	return (struct text){ buffer_text(&payload), payload.len };
}

/* parse says whether the octets are a message; payload is empty afterwards. */
static inline void
check_only_whole(const char *label, bool (*parse)(struct text))
{
	struct text whole = payload_text();
	bool is_any = false;
	char *exact;
	size_t len;

	check_bool(label, parse(whole), true);
	for (len = 0; len < whole.len; len++) {
		exact = check_exact(whole.data, len);
		is_any |= parse((struct text){ exact, len });
		free(exact);
	}
	check_bool(" no proper prefix", is_any, false);
	buffer_add(&payload, "", 1);
	check_bool(" nothing behind it", parse(payload_text()), false);
	buffer_reset(&payload);
}

#endif
