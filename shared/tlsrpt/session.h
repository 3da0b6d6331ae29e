/*
 * One TLS session as the ledger counts it: one connection to a mail host, or
 * one from a client, in the same words whichever source told of it: a log, a
 * datagram, an access request (RFC 8460, 4.2: sessions, not messages).
 */

#ifndef HOPSEAL_TLSRPT_SESSION_H
#define HOPSEAL_TLSRPT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/policy/finding.h"
#include "shared/text.h"

enum session_direction {
	SESSION_OUT,		/* we to a mail host */
	SESSION_IN,		/* a stranger to our port 25 */
	SESSION_SUBMISSION,	/* a user of ours, also by IMAP and POP */
	SESSION_LOCAL,		/* loopback, content filters; in no share */
	SESSION_DIRECTION_COUNT
};

/* What Postfix says of the peer's certificate. */
enum session_trust {
	SESSION_TRUST_UNKNOWN,	/* no handshake was finished */
	SESSION_TRUST_ANONYMOUS,
	SESSION_TRUST_UNTRUSTED,
	SESSION_TRUST_TRUSTED,
	SESSION_TRUST_VERIFIED
};

/*
 * Slices belong to the source and are empty where it did not tell.  A session
 * in clear has no protocol; its finding is unknown where nobody asked for TLS.
 */
struct tls_session {
	enum session_direction	direction;
	int64_t			at;		/* s since 1970 */
	struct text		domain;		/* next hop; A-labels */
	struct text		host, address;
	uint16_t		port;		/* 0 unknown */
	enum finding		finding;
	enum session_trust	trust;
	struct text		protocol, cipher;	/* "TLSv1.3" */
	unsigned		bits;
	struct text		reason;		/* the source's own words */
	struct text		queue_id, status;
	bool			had_handshake;	/* begun, be it in vain */
	struct text		service;	/* "smtpd", "submission", "imap" */
	struct text		alert;		/* the peer's: "unknown ca" */
	/*
	 * By that alert.  The clerk tells of each (sources_on_refusal), and
	 * "report" lists those of its days as our_certificate.
	 */
	bool			refuses_our_certificate;
	bool			has_datagram;	/* Postfix says so by "TLSRPT:" */
};

/*
 * True for the alerts by which a peer says that it does not take the
 * certificate it was shown (RFC 8446, 6.2): "certificate expired", "unknown ca".
 */
bool		session_alert_refuses_certificate(struct text alert);

/* "out"; "verified", NULL for unknown.  Constant strings. */
const char	*session_direction_name(enum session_direction d);
const char	*session_trust_name(enum session_trust t);

#endif
