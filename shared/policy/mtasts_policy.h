/*
 * The MTA-STS policy file (RFC 8461, 3.2), grammar and bounds.  Transport
 * (status, media type, certificate) is the fetcher's.
 */

#ifndef HOPSEAL_MTASTS_POLICY_H
#define HOPSEAL_MTASTS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/text.h"

#define MTASTS_POLICY_MAX_BYTES	65536
#define MTASTS_MX_MAX		1000		/* more: invalid */
#define MTASTS_MAX_AGE_MAX_S	31557600	/* RFC 8461, 3.2; above: capped */

enum mtasts_mode { MTASTS_NONE, MTASTS_TESTING, MTASTS_ENFORCE };

struct mtasts_policy {
	enum mtasts_mode  mode;
	uint32_t	  max_age_s;	/* capped at MTASTS_MAX_AGE_MAX_S */
	/* Lower case A-labels, "*." kept, in the file's order, no duplicates. */
	const char	**mx;
	size_t		  mx_count;
	/*
	 * The file's lines in order, without line ends and empty lines, only
	 * those of printable ASCII: what may be stored, shown and reported.
	 * Parsing them again, joined by LF, gives the same policy.
	 */
	const char	**lines;
	size_t		  line_count;
	char		 *block;	/* what the strings above point into */
};

/*
 * Parses a whole file.  0, or -1 with *why ("RFC 8461 3.2: max_age is
 * missing") and *out untouched.  The caller ends it with mtasts_policy_clear.
 */
int		 mtasts_policy_parse(const char *text, size_t len,
		    struct mtasts_policy *out, const char **why);
void		 mtasts_policy_clear(struct mtasts_policy *policy);
/* True when some pattern of the policy matches host (mx_match). */
bool		 mtasts_policy_permits(const struct mtasts_policy *policy,
		    const char *host);
/* "none", "testing", "enforce". */
const char	*mtasts_mode_name(enum mtasts_mode mode);

#endif
