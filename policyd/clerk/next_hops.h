/*
 * The way of a mail, asked of Postfix's tables for those who may not wait for
 * them: the front, and the control socket.
 */

#ifndef HOPSEAL_NEXT_HOPS_H
#define HOPSEAL_NEXT_HOPS_H

#include <stdint.h>

#include "shared/postfix/route.h"

struct event_base;
struct next_hops;
struct settings;

#define NEXT_HOPS_WAIT_MS	4000	/* for an answer; then it is unknown */
#define NEXT_HOPS_WAITING_MAX	500	/* more are unknown at once */

/* route is never PENDING; number is the asker's. */
typedef void next_hops_cb(const struct route *route, uint64_t number,
    void *arg);

struct next_hops *next_hops_new(struct event_base *base);
/* Those who wait are not told. */
void		 next_hops_free(struct next_hops *hops);
/* Other settings, borrowed until the next: all is asked anew. */
void		 next_hops_set_settings(struct next_hops *hops,
		    const struct settings *settings);
/* The callback comes later, once. */
void		 next_hops_ask(struct next_hops *hops,
		    const struct route_question *q, next_hops_cb *callback,
		    uint64_t number, void *arg);
/* A table of Postfix that cannot be asked, or NULL; until the next call. */
const char	*next_hops_failing_table(const struct next_hops *hops);
/* Drops what was asked with this callback, untold. */
void		 next_hops_forget(struct next_hops *hops,
		    next_hops_cb *callback);

#endif
