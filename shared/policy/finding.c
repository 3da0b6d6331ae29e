/*
 * The words for what is wrong with a host or a policy, in one table.  Which
 * of several findings comes first, and what follows from one, is decided
 * elsewhere (cert_check, tls_decision).
 */

#include "shared/policy/finding.h"

#include <assert.h>
#include <stddef.h>

struct finding_row {
	const char *name;
	const char *result_type;	/* RFC 8460, 4.3 */
	const char *words;
};

static const struct finding_row findings[FINDING_COUNT] = {
	[FINDING_UNKNOWN] = { "unknown", NULL, "not looked at yet" },
	[FINDING_OK] = { "ok", NULL, "verified" },
	[FINDING_STARTTLS_MISSING] = { "starttls-missing",
	    "starttls-not-supported", "STARTTLS not offered" },
	[FINDING_STARTTLS_REFUSED] = { "starttls-refused",
	    "starttls-not-supported", "STARTTLS offered, then refused" },
	[FINDING_STARTTLS_INJECTION] = { "starttls-injection",
	    "validation-failure", "data in clear after STARTTLS" },
	[FINDING_CIPHER_WEAK] = { "cipher-weak",
	    "validation-failure", "only weak ciphers" },
	[FINDING_STAPLE_MISSING] = { "staple-missing",
	    "validation-failure", "required OCSP staple missing" },
	[FINDING_HANDSHAKE_FAILED] = { "handshake-failed",
	    "validation-failure", "TLS handshake failed" },
	[FINDING_PROTOCOL_OLD] = { "protocol-old",
	    "validation-failure", "only old TLS versions" },
	[FINDING_CERT_SELF_SIGNED] = { "cert-self-signed",
	    "certificate-not-trusted", "certificate self-signed" },
	[FINDING_CERT_UNTRUSTED] = { "cert-untrusted",
	    "certificate-not-trusted", "certificate issuer not trusted" },
	[FINDING_CERT_CHAIN_INCOMPLETE] = { "cert-chain-incomplete",
	    "certificate-not-trusted", "intermediate certificate not sent" },
	[FINDING_CERT_NOT_YET_VALID] = { "cert-not-yet-valid",
	    "validation-failure", "certificate not yet valid" },
	[FINDING_CERT_EXPIRED] = { "cert-expired",
	    "certificate-expired", "certificate expired" },
	[FINDING_CERT_NAME_MISMATCH] = { "cert-name-mismatch",
	    "certificate-host-mismatch", "certificate is for other names" },
	[FINDING_CERT_PURPOSE] = { "cert-purpose",
	    "certificate-not-trusted", "certificate not for TLS servers" },
	[FINDING_CERT_REVOKED] = { "cert-revoked",
	    "certificate-not-trusted", "certificate revoked" },
	[FINDING_CERT_WEAK] = { "cert-weak",
	    "certificate-not-trusted", "certificate signature or key weak" },
	[FINDING_MX_NOT_IN_POLICY] = { "mx-not-in-policy",
	    "validation-failure", "host not in the MTA-STS policy" },
	[FINDING_POLICY_FETCH_FAILED] = { "policy-fetch-failed",
	    "sts-policy-fetch-error", "policy could not be fetched" },
	[FINDING_POLICY_INVALID] = { "policy-invalid",
	    "sts-policy-invalid", "policy invalid" },
	[FINDING_POLICY_WEBPKI_INVALID] = { "policy-webpki-invalid",
	    "sts-webpki-invalid", "policy host's certificate invalid" },
	[FINDING_TLSA_MISMATCH] = { "tlsa-mismatch",
	    "certificate-not-trusted", "no TLSA record matches the certificate" },
	[FINDING_TLSA_INVALID] = { "tlsa-invalid",
	    "tlsa-invalid", "no usable TLSA record" },
	[FINDING_DNSSEC_INVALID] = { "dnssec-invalid",
	    "dnssec-invalid", "DNSSEC validation failed" },
	[FINDING_UNREACHABLE] = { "unreachable", NULL, "not reachable" },
};

static const struct finding_row *
finding_row(enum finding f)
{
	assert((unsigned)f < FINDING_COUNT);
	return &findings[f];
}

const char *
finding_name(enum finding f)
{
	return finding_row(f)->name;
}

bool
finding_parse(struct text word, enum finding *out)
{
	unsigned i;

	for (i = 0; i < FINDING_COUNT; i++)
		if (text_equals(word, findings[i].name)) {
			*out = (enum finding)i;
			return true;
		}
	return false;
}

const char *
finding_result_type(enum finding f)
{
	return finding_row(f)->result_type;
}

const char *
finding_words(enum finding f)
{
	return finding_row(f)->words;
}
