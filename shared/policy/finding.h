/*
 * The words for what is wrong with one host or one policy, the same in code,
 * log, JSON, metrics and manual, and RFC 8460's result-type for each
 * (RFC 8460, 4.3).
 */

#ifndef HOPSEAL_FINDING_H
#define HOPSEAL_FINDING_H

#include <stdbool.h>

#include "shared/text.h"

enum finding {
	FINDING_UNKNOWN,	/* not looked at; zero claims nothing */
	FINDING_OK,
	FINDING_STARTTLS_MISSING,
	FINDING_STARTTLS_REFUSED,
	FINDING_STARTTLS_INJECTION,
	FINDING_CIPHER_WEAK,
	FINDING_STAPLE_MISSING,
	FINDING_HANDSHAKE_FAILED,
	FINDING_PROTOCOL_OLD,
	FINDING_CERT_SELF_SIGNED,	/* the certificate findings stand */
	FINDING_CERT_UNTRUSTED,		/* in their order of precedence */
	FINDING_CERT_CHAIN_INCOMPLETE,
	FINDING_CERT_NOT_YET_VALID,
	FINDING_CERT_EXPIRED,
	FINDING_CERT_NAME_MISMATCH,
	FINDING_CERT_PURPOSE,
	FINDING_CERT_REVOKED,
	FINDING_CERT_WEAK,
	FINDING_MX_NOT_IN_POLICY,
	FINDING_POLICY_FETCH_FAILED,
	FINDING_POLICY_INVALID,
	FINDING_POLICY_WEBPKI_INVALID,
	FINDING_TLSA_MISMATCH,
	FINDING_TLSA_INVALID,
	FINDING_DNSSEC_INVALID,
	FINDING_UNREACHABLE,
	FINDING_COUNT
};

/* "cert-expired"; a constant string. */
const char	*finding_name(enum finding f);
/* False when word is no finding; *out untouched then. */
bool		 finding_parse(struct text word, enum finding *out);
/*
 * RFC 8460's result-type, "certificate-expired"; NULL where nothing is
 * reported: ok, unknown, unreachable.
 */
const char	*finding_result_type(enum finding f);
/* What it means in a few words, for a reason or a report: "certificate expired". */
const char	*finding_words(enum finding f);

#endif
