/*
 * One line of the operator's table (hopseal-rules(5)), on its own: what else is
 * in the table, and which rule applies, is domain_rules'.
 */

#ifndef HOPSEAL_DOMAIN_RULE_LINE_H
#define HOPSEAL_DOMAIN_RULE_LINE_H

#include "shared/policy/domain_rules.h"

/* Where the mistakes go, "FILE:LINE: what is wrong". */
struct rule_errors {
	const char	*file;
	unsigned	 line;		/* that is being read */
	struct buffer	*text;
	size_t		 count;
};
void	rule_complain(struct rule_errors *errors, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/*
 * line is neither empty nor a comment.  False with at least one more mistake;
 * else *block, the caller's to free, holds the strings of *out.
 */
bool	rule_line_parse(struct text line, struct rule_errors *errors,
	    struct domain_rule *out, char **block);

#endif
