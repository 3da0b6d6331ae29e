/*
 * What Postfix makes of a TLS policy map's reply: the status word of
 * socketmap_table(5), then the grammar of smtp_tls_policy_maps (TLS_README,
 * "Client TLS security levels"; TLSRPT_README) as Postfix 3.4 to 3.12 apply it.
 * A reply that fails here would defer all mail to its destination.
 */

#ifndef HOPSEAL_MAP_REPLY_CHECK_H
#define HOPSEAL_MAP_REPLY_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/policy/domain_rules.h"
#include "shared/text.h"

enum map_reply_status {
	MAP_REPLY_OK, MAP_REPLY_NOTFOUND, MAP_REPLY_TEMP, MAP_REPLY_TIMEOUT,
	MAP_REPLY_PERM
};

struct map_reply_attribute {
	const char	*name;		/* lower case, a constant */
	const char	*value;		/* without braces; may be empty */
};

struct map_reply {
	enum map_reply_status		 status;
	enum tls_level			 level;	/* UNSET unless status is OK */
	struct map_reply_attribute	*attributes;	/* in their order */
	size_t				 attribute_count;
	size_t				 ignored_count;	/* behind level none */
	char				*block;	/* what the values point into */
};

/*
 * Reads a netstring's payload ("OK secure match=mx.example") as Postfix of
 * that version does: 307 is 3.7, 310 is 3.10.  0, or -1 with *why where Postfix
 * would call the reply or the policy invalid, and *out untouched.  What only
 * the delivery finds out (a cipher grade, a protocol's name, a tafile) is taken
 * as it stands.  The caller ends *out with map_reply_clear.
 */
int	map_reply_check(struct text payload, unsigned version,
	    struct map_reply *out, const char **why);
void	map_reply_clear(struct map_reply *reply);
/* "NOTFOUND". */
const char *map_reply_status_name(enum map_reply_status status);

/*
 * The number of "3.7", "3.10.13" or "3.12-20260821"; false for anything else,
 * *out untouched.
 */
bool	map_reply_version_parse(struct text t, unsigned *out);

#endif
