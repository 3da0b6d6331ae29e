/*
 * The ledger of all hosts in Redis (docs/cache.md): each host writes its own
 * absolute totals, which may be written twice, and readers add up.  A Redis
 * that was away or flushed gets again what it lacks.
 */

#ifndef HOPSEAL_LEDGER_SHARE_H
#define HOPSEAL_LEDGER_SHARE_H

#include <stdbool.h>

struct event_base;
struct ledger;
struct ledger_share;
struct redis_link;
struct settings;

struct ledger_share *ledger_share_new(struct event_base *base,
		    struct ledger *ledger, const struct settings *settings);
void		 ledger_share_free(struct ledger_share *share);
/* A new connection only where its options changed. */
void		 ledger_share_set_settings(struct ledger_share *share,
		    const struct settings *settings);
/* Redis is named in the configuration, and answers. */
bool		 ledger_share_is_up(const struct ledger_share *share);
/* Writes what was counted since; once a second. */
void		 ledger_share_tick(struct ledger_share *share);
/* For ledger_sum: NULL when there is no Redis. */
struct redis_link *ledger_share_link(struct ledger_share *share);

#endif
