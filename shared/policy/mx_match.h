/*
 * Does a host satisfy an mx pattern of an MTA-STS policy (RFC 8461, 4.1)?
 */

#ifndef HOPSEAL_MX_MATCH_H
#define HOPSEAL_MX_MATCH_H

#include <stdbool.h>

/*
 * True when host satisfies pattern: the same name, or "*.rest" whose star stands
 * for exactly one leftmost label (RFC 8461, 4.1).  Both are A-labels without a
 * final dot; letter case does not matter.
 */
bool	mx_match(const char *pattern, const char *host);

#endif
