/*
 * One mail: a conversation with the site's own mail server, without TLS, which
 * it does for us from there on (RFC 5321).
 */

#ifndef HOPSEAL_MAIL_RELAY_H
#define HOPSEAL_MAIL_RELAY_H

#include "shared/errand_message.h"
#include "shared/io/endpoint.h"

struct event_base;
struct mail_relay;

/* words are borrowed for the call. */
typedef void errand_done_cb(enum errand_outcome outcome, const char *words,
    void *arg);

/*
 * errand is borrowed until the callback, which comes through the loop, never
 * before the return; afterwards the conversation is gone.
 */
struct mail_relay *mail_relay_start(struct event_base *base,
		    const struct endpoint_address *where,
		    const struct errand *errand,
		    errand_done_cb *callback, void *arg);
/* Before the callback. */
void		 mail_relay_cancel(struct mail_relay *relay);

#endif
