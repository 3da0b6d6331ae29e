/*
 * TXT records as "dig +short TXT" prints them: one record a line, each of one
 * or more quoted character-strings (RFC 1035, 5.1).  For commands that judge a
 * record which somebody pastes; the scout reads DNS itself.  And which of a
 * name's records are meant.
 */

#ifndef HOPSEAL_DNS_TEXT_H
#define HOPSEAL_DNS_TEXT_H

#include <stddef.h>

#include "shared/text.h"

struct dns_text {
	struct text	*records;	/* each joined from its strings */
	size_t		 count;
	char		*block;		/* what the records point into */
};

/*
 * Reads all lines of t.  A line that begins with a quote holds strings, which
 * are joined without blanks (RFC 8461, 3.1), their \" \\ \DDD undone; any
 * other line is one string, literally.  Empty lines are no records.  Returns
 * 0, or -1 with *why and *out untouched.  *out is the caller's until
 * dns_text_clear.
 */
int	dns_text_parse(struct text t, struct dns_text *out, const char **why);
void	dns_text_clear(struct dns_text *d);

/*
 * How many of a name's records begin with the version as RFC 8461, 3.1, and
 * RFC 8460, 3, want it ("v=STSv1" and a semicolon, blanks between); the first
 * one is left in *first.  Any other record of that name is somebody else's.
 */
size_t	dns_text_versioned(const struct text *records, size_t count,
	    const char *version, const struct text **first);

#endif
