/*
 * The names and messages of the shared cache (docs/cache.md): keys of Redis,
 * the channel on which hosts tell each other of changes, and what is said
 * there.  The record itself is facts_format's.
 */

#ifndef HOPSEAL_CACHE_ENTRY_H
#define HOPSEAL_CACHE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/postfix/next_hop.h"

#define CACHE_KEY_SIZE		(NEXT_HOP_TEXT_SIZE + 32)
#define CACHE_CHANNEL		"hopseal:changes"
/* Is there as long as nobody flushed the cache. */
#define CACHE_EPOCH_KEY		"hopseal:epoch"
#define CACHE_EPOCH_TTL_S	(30 * 86400)

/*
 * "hopseal:facts:{example.com}", with a port "hopseal:facts:{example.com}:587",
 * of a host "hopseal:facts:{mx.example.com}:host:25".
 */
char	*cache_facts_key(const struct next_hop *hop, char out[CACHE_KEY_SIZE]);
/* The same with "hopseal:lock:". */
char	*cache_lock_key(const struct next_hop *hop, char out[CACHE_KEY_SIZE]);

enum cache_change_kind {
	CACHE_CHANGED,		/* a newer record is in the cache */
	CACHE_FORGOTTEN,	/* drop all but an unexpired policy */
	CACHE_FORGOTTEN_POLICY	/* drop all */
};

struct cache_change {
	enum cache_change_kind	kind;
	uint64_t		origin;	/* who says it; one's own are ignored */
	struct next_hop		hop;
};

/* "changed 0123456789abcdef example.com" */
void	cache_change_format(const struct cache_change *change,
	    struct buffer *out);
/* False for anything else, also from a newer version. */
bool	cache_change_parse(struct text message, struct cache_change *out);

#endif
