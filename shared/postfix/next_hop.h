/*
 * What a key of smtp_tls_policy_maps names: a domain with MX hosts, one host,
 * or nothing that Hopseal looks up (postfix's TLS_README, "Client TLS
 * security levels": the next-hop forms of transport(5)).
 */

#ifndef HOPSEAL_NEXT_HOP_H
#define HOPSEAL_NEXT_HOP_H

#include <stdint.h>

#include "shared/host_name.h"
#include "shared/text.h"

#define NEXT_HOP_KEY_MAX	10000	/* octets of a query; longer: NONE */
#define NEXT_HOP_SMTP_PORT	25

enum next_hop_kind {
	NEXT_HOP_NONE,		/* ".parent", literal, user@domain, binary, path */
	NEXT_HOP_DOMAIN,	/* "example.com": MX lookup, port 25 */
	NEXT_HOP_DOMAIN_PORT,	/* "example.com:587": MX lookup, that port */
	NEXT_HOP_HOST		/* "[mx.example.com]" or "[mx.example.com]:587" */
};

struct next_hop {
	enum next_hop_kind	kind;
	char			name[HOST_NAME_SIZE];	/* the policy domain */
	uint16_t		port;
};

/* "example.com", "example.com:587", "[mx.example.com]:25" and a NUL. */
#define NEXT_HOP_TEXT_SIZE	(HOST_NAME_SIZE + 8)

/*
 * Reads a key.  Whatever is no name that could have a policy is
 * NEXT_HOP_NONE; *why then tells a person the reason.  "domain:25" is the same as
 * "domain", "[host]" the same as "[host]:25"; ":smtp" and ":submission" are ports
 * 25 and 587.
 */
void	next_hop_parse(struct text key, struct next_hop *out, const char **why);
/*
 * The one spelling of a next hop, which is also its name in the cache: "domain",
 * "domain:587", "[host]:25".
 */
char	*next_hop_format(const struct next_hop *hop,
	    char out[NEXT_HOP_TEXT_SIZE]);

#endif
