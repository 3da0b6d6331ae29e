/*
 * The answer to "rules": which lines of the operator's table apply to a domain,
 * and why these.
 */

#ifndef HOPSEAL_RULES_JSON_H
#define HOPSEAL_RULES_JSON_H

#include <stdint.h>

#include "shared/policy/domain_rules.h"
#include "shared/postfix/next_hop.h"

/*
 * One line without its end, which the caller frees.  The members describe the
 * "out" rule, or where there is none the "in" rule; "also" the other one.
 */
char	*rules_line(const struct domain_rules *rules,
	    const struct next_hop *hop, int64_t now);

#endif
