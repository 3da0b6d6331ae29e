/*
 * One mail: a conversation with the site's own mail server (RFC 5321).  Over a
 * network by TLS where the server offers it and it works (RFC 3207); whose
 * certificate that is is not asked, as the mail goes in clear else.
 */

#ifndef HOPSEAL_MAIL_RELAY_H
#define HOPSEAL_MAIL_RELAY_H

#include <stdbool.h>

#include "shared/errand_message.h"
#include "shared/io/endpoint.h"

struct event_base;
struct mail_relay;

/* words are borrowed for the call. */
typedef void errand_done_cb(enum errand_outcome outcome, const char *words,
    void *arg);

struct mail_relay_way {
	struct endpoint_address	 where;
	int			 fd;	/* a connection there, taken; or -1 */
	bool			 may_use_tls;
};

/*
 * errand is borrowed until the callback, which comes through the loop, never
 * before the return; afterwards the conversation is gone.
 */
struct mail_relay *mail_relay_start(struct event_base *base,
		    const struct mail_relay_way *way,
		    const struct errand *errand,
		    errand_done_cb *callback, void *arg);
/* Before the callback. */
void		 mail_relay_cancel(struct mail_relay *relay);

#endif
