/*
 * What libtlsrpt sends for one TLS session: a JSON object in a datagram, with
 * the TLSRPT record of the domain and the policies that were applied.  Anything
 * local may write to that socket, so all is bounded and judged here.  What the
 * sessions add up to is the ledger's.
 */

#ifndef HOPSEAL_TLSRPT_DATAGRAM_H
#define HOPSEAL_TLSRPT_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/host_name.h"
#include "shared/policy/finding.h"

#define DATAGRAM_MAX_BYTES	(256 * 1024)
#define DATAGRAM_DEPTH_MAX	8
#define DATAGRAM_VALUES_MAX	4096	/* of JSON, in all */
#define DATAGRAM_STRING_MAX	16384	/* octets as sent */

struct json_t;

/* Strings are NULL where the sender gave none; printable or not. */
struct datagram_failure {
	unsigned	 code;		/* as sent: 203 */
	/*
	 * The finest finding that code, policy and reason allow; UNKNOWN for
	 * dane-required, which no finding of ours is.
	 */
	enum finding	 finding;
	const char	*result_type;	/* RFC 8460; a constant, never NULL */
	const char	*sending_ip;
	const char	*mx_host;	/* receiving-mx-hostname */
	const char	*mx_helo;	/* the EHLO reply, lines joined by CR LF */
	const char	*receiving_ip;
	const char	*additional;
	const char	*reason;	/* "code 999: ..." for an unknown code */
};

struct datagram_policy {
	const char	*type;		/* "tlsa", "sts", "no-policy-found" */
	char		 domain[HOST_NAME_SIZE];	/* d where absent */
	const char	**strings;
	size_t		 string_count;
	const char	**mx;		/* patterns */
	size_t		 mx_count;
	bool		 is_failed;	/* the final result, whatever failures say */
	struct datagram_failure *failures;
	size_t		 failure_count;
};

struct datagram {
	char		 domain[HOST_NAME_SIZE];	/* d, normalised */
	const char	*record;	/* pr: the text of the TLSRPT record */
	struct datagram_policy *policies;	/* at least one */
	size_t		 policy_count;
	size_t		 repaired_count;	/* octets that were no UTF-8 */
	bool		 has_wrong_count;	/* t is not what was sent */
	struct json_t	*json;		/* what the strings point into */
};

/* The name in the first line of mx_helo, as receiving-mx-helo; or empty. */
struct text	datagram_helo_name(const struct datagram_failure *f);

/*
 * Reads one datagram.  Octets that are no UTF-8 become '?' and are counted.
 * Returns 0, or -1 with *why and *out untouched for: empty or too long; no
 * JSON object; too deep, too many values, too long a string; a version other
 * than "1" (none is fine); a member that must be there and is not, or is of
 * another type; a policy-type that is unknown; no policy; a domain that is no
 * name.  *out is the caller's until datagram_clear.
 */
int	datagram_parse(const char *data, size_t len, struct datagram *out,
	    const char **why);
void	datagram_clear(struct datagram *d);

#endif
