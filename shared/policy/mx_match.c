/*
 * MX patterns of an MTA-STS policy (RFC 8461, 4.1).  The certificate's names
 * are matched by cert_check and by Postfix, not here.
 */

#include "shared/policy/mx_match.h"

#include <string.h>
#include <strings.h>

/* No empty label and no star; MX records from strangers may hold both. */
static bool
is_host(const char *name)
{
	return name[0] != '\0' && name[0] != '.' &&
	    name[strlen(name) - 1] != '.' && strstr(name, "..") == NULL &&
	    strchr(name, '*') == NULL;
}

bool
mx_match(const char *pattern, const char *host)
{
	if (!is_host(host))
		return false;
	if (strncmp(pattern, "*.", 2) == 0) {
		pattern += 1;
		host = strchr(host, '.');
	}
	return host != NULL && strcasecmp(pattern, host) == 0;
}
