/*
 * Which host of the group sends the reports: the one that holds a lock in
 * Redis.  It only saves work: what keeps a report from going out twice are the
 * claims of report_book, which hold also when a lock is lost unnoticed.
 */

#ifndef HOPSEAL_REPORT_LOCK_H
#define HOPSEAL_REPORT_LOCK_H

#include <stdbool.h>

struct event_base;
struct ledger_share;
struct report_lock;

#define REPORT_LOCK_KEY		"hopseal:report:lock"
#define REPORT_LOCK_LIFE_S	60	/* in Redis, renewed each: */
#define REPORT_LOCK_RENEW_S	10
/* Who held it before has until then to write what Redis may have lost. */
#define REPORT_LOCK_SETTLE_S	30

/* writer is the host's own name, borrowed. */
struct report_lock *report_lock_new(struct event_base *base,
		    struct ledger_share *share, const char *writer);
void		 report_lock_free(struct report_lock *lock);
/* Before the connection to Redis is replaced. */
void		 report_lock_abort(struct report_lock *lock);
/* Whether to try to hold it. */
void		 report_lock_want(struct report_lock *lock, bool is_wanted);
/* Ours, and settled.  Without a Redis it always is. */
bool		 report_lock_is_ours(const struct report_lock *lock);

#endif
