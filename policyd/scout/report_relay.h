/*
 * One report by mail: a conversation with the site's own mail server, without
 * TLS, which it does for us from there on (RFC 5321).
 */

#ifndef HOPSEAL_REPORT_RELAY_H
#define HOPSEAL_REPORT_RELAY_H

#include "shared/io/endpoint.h"
#include "shared/report_message.h"

struct event_base;
struct report_relay;

/* words are borrowed for the call. */
typedef void report_done_cb(enum report_outcome outcome, const char *words,
    void *arg);

/*
 * request is borrowed until the callback, which comes through the loop, never
 * before the return; afterwards the conversation is gone.
 */
struct report_relay *report_relay_start(struct event_base *base,
		    const struct endpoint_address *where,
		    const struct report_request *request,
		    report_done_cb *callback, void *arg);
/* Before the callback. */
void		 report_relay_cancel(struct report_relay *relay);

#endif
