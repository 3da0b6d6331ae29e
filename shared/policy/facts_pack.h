/*
 * Facts in as few octets as they need, for whoever keeps those of many next
 * hops in memory.  Nothing is lost, but the form is nobody else's business: in
 * the shared cache and between processes facts are text (facts_format).  A new
 * field of struct facts or facts_host needs its place here, one of facts_address
 * does not.
 */

#ifndef HOPSEAL_FACTS_PACK_H
#define HOPSEAL_FACTS_PACK_H

#include <stdint.h>

#include "shared/buffer.h"
#include "shared/policy/facts.h"
#include "shared/text.h"

/* hop, looked_at and refresh_at are not in it: whoever keeps it knows them. */
void		 facts_pack(const struct facts *f, struct buffer *out);
/*
 * The facts that were packed, the caller's; looked_at as it was then.  Only
 * for what facts_pack made: anything else may end the program.
 */
struct facts	*facts_unpack(struct text packed, const struct next_hop *hop,
		    int64_t looked_at, int64_t refresh_at);

#endif
