/*
 * Each of Postfix's texts for trouble with TLS, and what it means.
 */

#include "shared/postfix/log_meaning.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static const struct {
	const char *reason;
	enum finding want;
} certificates[] = {
	{ "certificate has expired", FINDING_CERT_EXPIRED },
	{ "certificate not yet valid", FINDING_CERT_NOT_YET_VALID },
	{ "self-signed certificate", FINDING_CERT_SELF_SIGNED },
	{ "untrusted issuer /CN=X", FINDING_CERT_UNTRUSTED },
	{ "not trusted by local or TLSA policy", FINDING_CERT_UNTRUSTED },
	{ "not designated for use as a server certificate",
	    FINDING_CERT_PURPOSE },
	{ "certificate chain longer than limit(9)", FINDING_CERT_UNTRUSTED },
	{ "num=18:self-signed certificate", FINDING_CERT_SELF_SIGNED },
	{ "num=23:certificate revoked", FINDING_CERT_REVOKED },
	{ "num=26:unsuitable certificate purpose", FINDING_CERT_PURPOSE },
	{ "num=62:hostname mismatch", FINDING_CERT_NAME_MISMATCH },
	{ "num=64:IP address mismatch", FINDING_CERT_NAME_MISMATCH },
	{ "num=65:no matching DANE TLSA records", FINDING_TLSA_MISMATCH },
	{ "num=66:EE certificate key too weak", FINDING_CERT_WEAK },
	{ "num=67:CA certificate key too weak", FINDING_CERT_WEAK },
	{ "num=68:CA signature digest algorithm too weak", FINDING_CERT_WEAK },
	{ "num=6:something else", FINDING_CERT_UNTRUSTED },
	{ "external policy failure (sts-policy-fetch-error)",
	    FINDING_POLICY_FETCH_FAILED },
	{ "external policy failure (sts-policy-invalid)",
	    FINDING_POLICY_INVALID },
	{ "external policy failure (sts-webpki-invalid)",
	    FINDING_POLICY_WEBPKI_INVALID },
	{ "", FINDING_CERT_UNTRUSTED }
}, handshakes[] = {
	{ "unsupported protocol", FINDING_PROTOCOL_OLD },
	{ "tlsv1 alert protocol version", FINDING_PROTOCOL_OLD },
	{ "version too low", FINDING_PROTOCOL_OLD },
	{ "wrong version number", FINDING_HANDSHAKE_FAILED },
	{ "sslv3 alert handshake failure", FINDING_HANDSHAKE_FAILED },
	{ "lost connection", FINDING_HANDSHAKE_FAILED },
	{ "", FINDING_HANDSHAKE_FAILED }
}, policies[] = {
	{ "non DNSSEC destination", FINDING_DNSSEC_INVALID },
	{ "Verification not possible, MX RRset is insecure",
	    FINDING_DNSSEC_INVALID },
	{ "no TLSA records found", FINDING_TLSA_INVALID },
	{ "TLSA records unusable", FINDING_TLSA_INVALID },
	{ "TLSA lookup error for mx.a.example:25", FINDING_UNKNOWN },
	{ "client TLS configuration problem", FINDING_UNKNOWN }
};

static const struct {
	const char *type, *reason;
	enum finding want;
} reports[] = {
	{ "starttls_not_supported", "", FINDING_STARTTLS_REFUSED },
	{ "certificate_host_mismatch", "", FINDING_CERT_NAME_MISMATCH },
	{ "certificate_not_trusted", "", FINDING_CERT_UNTRUSTED },
	{ "certificate_expired", "", FINDING_CERT_EXPIRED },
	{ "sts_policy_fetch_error", "", FINDING_POLICY_FETCH_FAILED },
	{ "sts_policy_invalid", "", FINDING_POLICY_INVALID },
	{ "sts_webpki_invalid", "", FINDING_POLICY_WEBPKI_INVALID },
	{ "tlsa_invalid", "", FINDING_TLSA_INVALID },
	{ "dane_required", "", FINDING_TLSA_INVALID },
	{ "dnssec_invalid", "", FINDING_DNSSEC_INVALID },
	{ "validation_failure", "self-signed_certificate",
	    FINDING_CERT_SELF_SIGNED },
	{ "validation_failure", "self-signed_certificate_in_certificate_chain",
	    FINDING_CERT_UNTRUSTED },
	{ "validation_failure", "unable_to_get_local_issuer_certificate",
	    FINDING_CERT_UNTRUSTED },
	{ "validation_failure", "certificate_is_not_yet_valid",
	    FINDING_CERT_NOT_YET_VALID },
	{ "validation_failure", "tls-handshake-failure",
	    FINDING_HANDSHAKE_FAILED },
	{ "validation_failure", "", FINDING_HANDSHAKE_FAILED },
	{ "(Null)", "", FINDING_UNKNOWN }
};

#define H "mx.a.example[192.0.2.1]"

static const struct {
	const char *reason;
	enum log_trouble want;
} deliveries[] = {
	{ "250 2.0.0 ok", TROUBLE_NONE },
	{ "host " H " said: 550 Server certificate not verified",
	    TROUBLE_NONE },
	{ "Server certificate not verified", TROUBLE_UNVERIFIED },
	{ "Server certificate not trusted", TROUBLE_UNVERIFIED },
	{ "Cannot start TLS: handshake failure", TROUBLE_HANDSHAKE },
	{ "TLS is required, but was not offered by host " H,
	    TROUBLE_NOT_OFFERED },
	{ "TLS is required, but host " H " refused to start TLS: 454 no",
	    TROUBLE_REFUSED },
	{ "TLS is required, but our TLS engine is unavailable",
	    TROUBLE_EARLIER },
	{ "TLS is required, but unavailable", TROUBLE_EARLIER },
	{ "client TLS configuration problem", TROUBLE_EARLIER },
	{ "TLSA lookup error for mx.a.example:25", TROUBLE_EARLIER },
	{ "TLSA records unusable", TROUBLE_EARLIER },
	{ "non DNSSEC destination", TROUBLE_EARLIER },
	{ "no TLSA records found", TROUBLE_EARLIER },
	{ "Verification not possible, MX RRset is insecure",
	    TROUBLE_EARLIER },
	{ "Sender requested REQUIRETLS, but no trusted or matching "
	    "certificate", TROUBLE_UNVERIFIED },
	{ "Sender requested REQUIRETLS, but host " H " refused to start TLS: "
	    "454", TROUBLE_REFUSED },
	{ "Sender requested REQUIRETLS, but TLS was not offered by host " H,
	    TROUBLE_NOT_OFFERED },
	{ "connect to " H ":25: Connection refused", TROUBLE_EARLIER },
	{ "host " H " refused to talk to me: 554 no", TROUBLE_EARLIER },
	{ "host " H " said: 450 he refused to talk to me: x", TROUBLE_NONE },
	{ "lost connection with " H " while receiving the initial server "
	    "greeting", TROUBLE_EARLIER },
	{ "lost connection with " H " while performing the EHLO handshake",
	    TROUBLE_EARLIER },
	{ "lost connection with " H " while sending end of data",
	    TROUBLE_NONE },
	{ "conversation with " H " timed out while receiving the initial "
	    "server greeting", TROUBLE_EARLIER },
	{ "conversation with " H " timed out while performing the LHLO "
	    "handshake", TROUBLE_EARLIER },
	{ "conversation with " H " timed out while sending RCPT TO",
	    TROUBLE_NONE },
	{ "", TROUBLE_NONE }
};

int
main(void)
{
	size_t i;

	for (i = 0; i < ROWS(certificates); i++)
		check_text(certificates[i].reason,
		    finding_name(log_meaning_certificate(
		    text_of(certificates[i].reason))),
		    finding_name(certificates[i].want));
	for (i = 0; i < ROWS(handshakes); i++)
		check_text(handshakes[i].reason,
		    finding_name(log_meaning_handshake(
		    text_of(handshakes[i].reason))),
		    finding_name(handshakes[i].want));
	for (i = 0; i < ROWS(policies); i++)
		check_text(policies[i].reason,
		    finding_name(log_meaning_policy(
		    text_of(policies[i].reason))),
		    finding_name(policies[i].want));
	for (i = 0; i < ROWS(reports); i++)
		check_text(reports[i].type, finding_name(log_meaning_report(
		    text_of(reports[i].type), text_of(reports[i].reason))),
		    finding_name(reports[i].want));
	for (i = 0; i < ROWS(deliveries); i++)
		check_int(deliveries[i].reason,
		    log_meaning_delivery(text_of(deliveries[i].reason)),
		    deliveries[i].want);
	return check_end();
}
