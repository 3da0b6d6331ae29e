/*
 * Does DNSSEC work here?  Whether our own resolver validates, and whether the
 * servers of resolv.conf, which Postfix asks, say so too (AD).  Looked at when
 * asked to, hourly, and every 10 seconds while nobody answers.
 */

#ifndef HOPSEAL_RESOLVER_WATCH_H
#define HOPSEAL_RESOLVER_WATCH_H

#include "shared/scout_message.h"

struct event_base;
struct resolver_watch;

/* After each look.  state is borrowed for the call. */
typedef void resolver_watch_cb(const struct scout_resolver *state, void *arg);

struct resolver_watch *resolver_watch_new(struct event_base *base,
	    resolver_watch_cb *callback, void *arg);
void	resolver_watch_free(struct resolver_watch *watch);
/*
 * Looks now, in place of a look under way.  servers and trust_anchor are those
 * of dns_options; what Postfix asks is resolv.conf's all the same.
 */
void	resolver_watch_start(struct resolver_watch *watch, const char *servers,
	    const char *trust_anchor);

#endif
