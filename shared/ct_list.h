/*
 * What a monitor of certificate transparency lists, as JSON: certspotter's API
 * ("issuances") or crt.sh's form.  Reads it; whether a certificate is one of
 * ours is for the caller to find.
 */

#ifndef HOPSEAL_CT_LIST_H
#define HOPSEAL_CT_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "shared/policy/cert_check_identity.h"
#include "shared/text.h"

#define CT_LIST_MAX_BYTES	(16 * 1024 * 1024)
#define CT_LIST_VALUES_MAX	1000000	/* of JSON, about 25,000 certificates */
#define CT_LIST_DEPTH_MAX	8
#define CT_LIST_STRING_MAX	(256 * 1024)	/* a whole certificate */
#define CT_NAMES_MAX		2000	/* of a certificate; more are left out */

struct ct_entry {
	/* Strangers' octets: perhaps "*.example.org", perhaps no name at all. */
	struct text		*names;
	size_t			 name_count;	/* at least 1 */
	struct cert_identity	 id;
	int64_t			 not_before, not_after;
};

struct ct_list {
	struct ct_entry		*entries;
	size_t			 count;
	/* Those without a name, or without both times. */
	size_t			 skipped_count;
	const char		*skipped_why;	/* of the first; or NULL */
	struct json_t		*json;		/* behind the names */
};

/*
 * 0, and *out is the caller's until ct_list_clear; -1 with *why for what is no
 * list, beyond a limit, or not empty and without a single certificate.
 */
int	ct_list_parse(struct text json, struct ct_list *out, const char **why);
void	ct_list_clear(struct ct_list *list);

#endif
