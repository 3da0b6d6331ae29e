/*
 * What Postfix's words for trouble with TLS mean, as findings: the texts of
 * its log and of its delivery status, 3.4 to 3.12, in tables.
 */

#ifndef HOPSEAL_LOG_MEANING_H
#define HOPSEAL_LOG_MEANING_H

#include "shared/policy/finding.h"
#include "shared/text.h"

/* Why a certificate did not verify: "certificate has expired", "num=62:...". */
enum finding	log_meaning_certificate(struct text reason);
/* Why a handshake failed, in OpenSSL's words: "unsupported protocol". */
enum finding	log_meaning_handshake(struct text reason);
/* A "TLSRPT:" line's failure_type and failure_reason. */
enum finding	log_meaning_report(struct text type, struct text reason);
/* Why a host was not even asked, at a DANE level; unknown for our trouble. */
enum finding	log_meaning_policy(struct text reason);

enum log_trouble {
	TROUBLE_NONE,		/* nothing about TLS: mail could go */
	TROUBLE_EARLIER,	/* no connection, or none that came to TLS */
	TROUBLE_NOT_OFFERED, TROUBLE_REFUSED, TROUBLE_HANDSHAKE,
	TROUBLE_UNVERIFIED
};

/* The text of a delivery status, or of why one host was left. */
enum log_trouble	log_meaning_delivery(struct text reason);

#endif
