/*
 * Whether a change of a domain is ours to tell: only of domains that were sent
 * mail to lately, and of all hosts that share a Redis by one (docs/cache.md).
 */

#ifndef HOPSEAL_ALERT_CLAIM_H
#define HOPSEAL_ALERT_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#define ALERT_CLAIM_DAYS	7	/* that mail counts */
#define ALERT_CLAIM_LIFE_S	(7 * 86400)	/* in Redis */

struct alert_claim;
struct event_base;
struct ledger;
struct ledger_share;

enum alert_claim_end {
	ALERT_CLAIM_OURS,	/* also where Redis cannot say whose */
	ALERT_CLAIM_OTHERS,	/* another host tells it */
	ALERT_CLAIM_NO_MAIL	/* by what is known now */
};
typedef void alert_claim_cb(enum alert_claim_end end, void *arg);

/* The callback comes later, once, unless cancelled. */
struct alert_claim *alert_claim_start(struct event_base *base,
		    struct ledger *ledger, struct ledger_share *share,
		    const char *domain, bool is_bad, int64_t now,
		    alert_claim_cb *callback, void *arg);
/* Before the connection to Redis is replaced; NULL is fine. */
void		 alert_claim_cancel(struct alert_claim *claim);

#endif
