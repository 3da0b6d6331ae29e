/*
 * What front and scout say to each other: the payloads of LOOKUP, FACTS,
 * RESOLVER and DATE frames (policyd/process/message.h has the types).
 */

#ifndef HOPSEAL_SCOUT_MESSAGE_H
#define HOPSEAL_SCOUT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/address.h"
#include "shared/buffer.h"
#include "shared/postfix/next_hop.h"
#include "shared/text.h"

/* LOOKUP, front to scout: look at a next hop.  Answered by FACTS, same number. */
struct scout_lookup {
	struct next_hop	hop;
	/* Ask and fetch again now, whatever TTL, back-off and id say. */
	bool		must_refresh;
	/* The facts record known so far (facts_format), or empty. */
	struct text	known;
};

/* Three-valued: what the check of a resolver said. */
enum scout_check { SCOUT_CHECK_UNKNOWN, SCOUT_CHECK_NO, SCOUT_CHECK_YES };

/* RESOLVER, scout to front and clerk: at start, at each change, hourly. */
struct scout_resolver {
	enum scout_check validates;	/* our own resolver, the signed root */
	enum scout_check postfix_ad;	/* resolv.conf's servers set AD on it */
	struct text	 detail;	/* for people, printable ASCII */
};

/* DATE, scout to front: a policy was fetched from a host that told its time. */
#define SCOUT_DATE_MAX_S (100LL * 365 * 86400)	/* more is no clock's error */

struct scout_date {
	struct address	host;
	int64_t		ahead_s;	/* our clock less the host's */
};

void	scout_lookup_format(const struct scout_lookup *m, struct buffer *out);
/* False when the payload is none; *out points into payload. */
bool	scout_lookup_parse(struct text payload, struct scout_lookup *out);
void	scout_resolver_format(const struct scout_resolver *m,
	    struct buffer *out);
bool	scout_resolver_parse(struct text payload, struct scout_resolver *out);
void	scout_date_format(const struct scout_date *m, struct buffer *out);
bool	scout_date_parse(struct text payload, struct scout_date *out);

#endif
