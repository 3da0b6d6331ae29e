/*
 * OpenSSL's texts changed over time, and TLSRPT has underscores for their
 * blanks: all spellings stand in one table.
 */

#include "shared/tlsrpt/reason.h"

#include <stddef.h>

static const struct {
	enum finding	 finding;
	const char	*words;
} reasons[] = {
	{ FINDING_CERT_SELF_SIGNED, "self-signed certificate" },
	{ FINDING_CERT_SELF_SIGNED, "self signed certificate" },
	{ FINDING_CERT_UNTRUSTED,
	    "self-signed certificate in certificate chain" },
	{ FINDING_CERT_UNTRUSTED,
	    "self signed certificate in certificate chain" },
	{ FINDING_CERT_UNTRUSTED, "unable to get issuer certificate" },
	{ FINDING_CERT_UNTRUSTED, "unable to get local issuer certificate" },
	{ FINDING_CERT_UNTRUSTED, "unable to verify the first certificate" },
	{ FINDING_CERT_UNTRUSTED, "certificate not trusted" },
	{ FINDING_CERT_UNTRUSTED, "certificate rejected" },
	{ FINDING_CERT_UNTRUSTED, "certificate chain too long" },
	{ FINDING_CERT_UNTRUSTED, "invalid CA certificate" },
	{ FINDING_CERT_UNTRUSTED, "path length constraint exceeded" },
	{ FINDING_CERT_NOT_YET_VALID, "certificate is not yet valid" },
	{ FINDING_CERT_NOT_YET_VALID, "certificate not yet valid" },
	{ FINDING_CERT_EXPIRED, "certificate has expired" },
	{ FINDING_CERT_NAME_MISMATCH, "hostname mismatch" },
	{ FINDING_CERT_PURPOSE, "unsuitable certificate purpose" },
	{ FINDING_CERT_PURPOSE, "unsupported certificate purpose" },
	{ FINDING_CERT_PURPOSE,
	    "not designated for use as a server certificate" },
	{ FINDING_CERT_REVOKED, "certificate revoked" },
	{ FINDING_CERT_WEAK, "EE certificate key too weak" },
	{ FINDING_CERT_WEAK, "CA certificate key too weak" },
	{ FINDING_CERT_WEAK, "CA signature digest algorithm too weak" },
	{ FINDING_TLSA_MISMATCH, "no matching DANE TLSA records" },
	{ FINDING_TLSA_INVALID, "all-TLSA-records-unusable" },
	{ FINDING_HANDSHAKE_FAILED, "tls-handshake-failure" },
};

static bool
are_words(struct text t, const char *words)
{
	size_t i;
	char c;

	for (i = 0; i < t.len && words[i] != '\0'; i++) {
		c = t.data[i] == '_' ? ' ' : t.data[i];
		if (c != words[i])
			return false;
	}
	return i == t.len && words[i] == '\0';
}

bool
reason_parse(struct text words, enum finding *out)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (are_words(words, reasons[i].words)) {
			*out = reasons[i].finding;
			return true;
		}
	return false;
}
