/*
 * The HTTP answer that is to carry a policy (RFC 8461, 3.3): what of RFC 9110
 * and 9112 it may use, and which finding follows where it does not.  Takes
 * header lines and body as the HTTP library hands them on, because that lets
 * pass what could hide a truncated or altered policy.
 */

#ifndef HOPSEAL_POLICY_ANSWER_H
#define HOPSEAL_POLICY_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/policy/finding.h"
#include "shared/text.h"

#define POLICY_ANSWER_HEADER_MAX_BYTES	16384	/* trailers included */
#define POLICY_ANSWER_ERROR_MAX_BYTES	120

struct policy_answer {
	unsigned	status;
	bool		has_length, is_chunked, has_type;
	bool		is_body;	/* the final header is complete */
	uint64_t	length_bytes;
	bool		has_date;
	int64_t		date;		/* by the host's clock; 0: not said */
	uint64_t	age_s;		/* since then, in a cache between */
	size_t		header_bytes;
	struct buffer	body;
	/* why it was refused, printable ASCII */
	char		error[POLICY_ANSWER_ERROR_MAX_BYTES + 1];
};

void		policy_answer_init(struct policy_answer *a);
void		policy_answer_clear(struct policy_answer *a);

/*
 * Each of these returns FINDING_OK to go on, or the finding under which the
 * answer is refused, with its reason in error.  After a refusal only
 * policy_answer_clear may follow.
 */

/*
 * One line with or without its line end: status line, field, or the empty one.
 * Interim answers (1xx) may come before the final one.
 */
enum finding	policy_answer_line(struct policy_answer *a, struct text line);
enum finding	policy_answer_data(struct policy_answer *a, struct text data);
/* The connection said that all has come. */
enum finding	policy_answer_end(struct policy_answer *a);

#endif
