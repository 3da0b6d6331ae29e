/*
 * One conversation with a mail host, as far as TLS and QUIT: what it said, how
 * far it came, what it sent of certificates.  Behind this header stands
 * OpenSSL's handshake; what the certificates are worth is cert_check's.
 */

#ifndef HOPSEAL_SMTP_PROBE_H
#define HOPSEAL_SMTP_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/policy/cert_check.h"
#include "shared/policy/facts.h"
#include "shared/policy/finding.h"
#include "shared/probe_message.h"

#define SMTP_PROBE_TIMEOUT_S	60	/* beside each stage's own */

struct event_base;
struct smtp_probe;
struct smtp_prober;

struct smtp_seen {
	enum probe_stage	 stage;		/* where it ended */
	uint32_t		 stage_ms[PROBE_STAGE_COUNT];
	/* ok: there was a handshake.  unknown: it failed on our side. */
	enum finding		 finding;
	char			 words[FACTS_ERROR_MAX_BYTES + 1];
	char			 protocol[16], cipher[64], key_exchange[64];
	unsigned		 cipher_bits;
	struct cert_chain	 chain;		/* as sent */
	struct text		 staple;	/* DER; len 0: none came */
	/* TLS was spoken, and one side did not want what the other offers. */
	bool			 was_refused;
};

/* seen is borrowed for the call. */
typedef void smtp_probe_cb(const struct smtp_seen *seen, void *arg);

/* What all conversations share. */
struct smtp_prober *smtp_prober_new(struct event_base *base);
/* No probe may be under way. */
void		 smtp_prober_free(struct smtp_prober *prober);

struct smtp_probe_manner {
	const char	*helo;
	/* Of TLS, "TLSv1.2": what the site's protocols end with, or NULL. */
	const char	*newest;
	/*
	 * As Postfix shakes hands where it verifies (its levels dane-only,
	 * verify, secure), at OpenSSL's security level 1.  Else at level 0, as
	 * at its levels may and encrypt: what OpenSSL knows is taken.
	 */
	bool		 is_strict;
};

/*
 * Connects to the request's address, which the caller permits.  The answer
 * comes through the loop, never before the return, and after it the probe is
 * gone.  manner is borrowed for the call.
 */
struct smtp_probe *smtp_probe_start(struct smtp_prober *prober,
		    const struct probe_request *request,
		    const struct smtp_probe_manner *manner,
		    smtp_probe_cb *callback, void *arg);
void		 smtp_probe_cancel(struct smtp_probe *probe);

#endif
