/*
 * Words to findings.  The first row that fits counts.
 */

#include "shared/postfix/log_meaning.h"

#include <stddef.h>
#include <string.h>

#include "shared/tlsrpt/reason.h"

struct row {
	const char	*prefix;
	enum finding	 finding;
};

/* Numbers are X509_V_ERR_* of OpenSSL's x509_vfy.h. */
static const struct row certificate_rows[] = {
	{ "certificate has expired",		FINDING_CERT_EXPIRED },
	{ "certificate not yet valid",		FINDING_CERT_NOT_YET_VALID },
	{ "self-signed certificate",		FINDING_CERT_SELF_SIGNED },
	{ "not designated for use",		FINDING_CERT_PURPOSE },
	{ "num=18:",				FINDING_CERT_SELF_SIGNED },
	{ "num=23:",				FINDING_CERT_REVOKED },
	{ "num=26:",				FINDING_CERT_PURPOSE },
	{ "num=62:",				FINDING_CERT_NAME_MISMATCH },
	{ "num=64:",				FINDING_CERT_NAME_MISMATCH },
	{ "num=65:",				FINDING_TLSA_MISMATCH },
	{ "num=66:",				FINDING_CERT_WEAK },
	{ "num=67:",				FINDING_CERT_WEAK },
	{ "num=68:",				FINDING_CERT_WEAK },
	{ "external policy failure (sts-policy-fetch-error",
	    FINDING_POLICY_FETCH_FAILED },
	{ "external policy failure (sts-webpki-invalid",
	    FINDING_POLICY_WEBPKI_INVALID },
	{ "external policy failure",		FINDING_POLICY_INVALID },
	/* untrusted issuer, not trusted by local or TLSA policy, too long */
	{ "",					FINDING_CERT_UNTRUSTED }
};

static const struct row report_type_rows[] = {
	{ "starttls_not_supported",		FINDING_STARTTLS_REFUSED },
	{ "certificate_host_mismatch",		FINDING_CERT_NAME_MISMATCH },
	{ "certificate_not_trusted",		FINDING_CERT_UNTRUSTED },
	{ "certificate_expired",		FINDING_CERT_EXPIRED },
	{ "sts_policy_fetch_error",		FINDING_POLICY_FETCH_FAILED },
	{ "sts_policy_invalid",			FINDING_POLICY_INVALID },
	{ "sts_webpki_invalid",			FINDING_POLICY_WEBPKI_INVALID },
	{ "tlsa_invalid",			FINDING_TLSA_INVALID },
	{ "dane_required",			FINDING_TLSA_INVALID },
	{ "dnssec_invalid",			FINDING_DNSSEC_INVALID },
	{ "",					FINDING_UNKNOWN }
};

/* A failed look-up of TLSA records proves nothing, and is unknown. */
static const struct row policy_rows[] = {
	{ "non DNSSEC destination",		FINDING_DNSSEC_INVALID },
	{ "Verification not possible, MX RRset is insecure",
	    FINDING_DNSSEC_INVALID },
	{ "no TLSA records found",		FINDING_TLSA_INVALID },
	{ "TLSA records unusable",		FINDING_TLSA_INVALID },
	{ "",					FINDING_UNKNOWN }
};

static enum finding
find_row(const struct row *row, struct text t)
{
	while (!text_starts_with(t, row->prefix))
		row++;
	return row->finding;
}

enum finding
log_meaning_certificate(struct text reason)
{
	return find_row(certificate_rows, reason);
}

/* "wrong version number" is not a version: the peer did not speak TLS. */
enum finding
log_meaning_handshake(struct text reason)
{
	static const char *const old[] = { "unsupported protocol",
	    "alert protocol version", "version too low",
	    "unsupported ssl version" };
	size_t i;

	for (i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		if (text_contains(reason, old[i]))
			return FINDING_PROTOCOL_OLD;
	return FINDING_HANDSHAKE_FAILED;
}

/* A failure of validation has its cause in OpenSSL's words. */
enum finding
log_meaning_report(struct text type, struct text reason)
{
	enum finding finding = FINDING_HANDSHAKE_FAILED;

	if (!text_equals(type, "validation_failure"))
		return find_row(report_type_rows, type);
	reason_parse(reason, &finding);
	return finding;
}

enum finding
log_meaning_policy(struct text reason)
{
	return find_row(policy_rows, reason);
}

/*
 * A row fits by how the text begins and by what Postfix says after the host's
 * name; what the server said comes last, and decides nothing.
 */
enum log_trouble
log_meaning_delivery(struct text reason)
{
	static const struct {
		const char *prefix, *part;
		enum log_trouble trouble;
	} rows[] = {
		{ "Server certificate not ", "", TROUBLE_UNVERIFIED },
		{ "Cannot start TLS: ", "", TROUBLE_HANDSHAKE },
		{ "TLS is required, but was not offered", "",
		    TROUBLE_NOT_OFFERED },
		{ "TLS is required, but host ", " refused to start TLS",
		    TROUBLE_REFUSED },
		{ "TLS is required, ", "", TROUBLE_EARLIER },
		{ "Sender requested REQUIRETLS, but ", "certificate",
		    TROUBLE_UNVERIFIED },
		{ "Sender requested REQUIRETLS, but ", "refused to start TLS",
		    TROUBLE_REFUSED },
		{ "Sender requested REQUIRETLS, but ", "TLS was not offered",
		    TROUBLE_NOT_OFFERED },
		{ "client TLS configuration problem", "", TROUBLE_EARLIER },
		{ "TLSA ", "", TROUBLE_EARLIER },
		{ "non DNSSEC destination", "", TROUBLE_EARLIER },
		{ "no TLSA records found", "", TROUBLE_EARLIER },
		{ "Verification not possible", "", TROUBLE_EARLIER },
		{ "connect to ", "", TROUBLE_EARLIER },
		{ "host ", "] refused to talk to me: ", TROUBLE_EARLIER },
		{ "lost connection with ", " initial server greeting",
		    TROUBLE_EARLIER },
		{ "lost connection with ", "LO handshake", TROUBLE_EARLIER },
		{ "conversation with ", " initial server greeting",
		    TROUBLE_EARLIER },
		{ "conversation with ", "LO handshake", TROUBLE_EARLIER },
	};
	const char *said;
	size_t i;

	if (reason.len == 0)
		return TROUBLE_NONE;
	said = memmem(reason.data, reason.len, "] said: ", 8);
	if (said != NULL)
		reason.len = (size_t)(said - reason.data);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (text_starts_with(reason, rows[i].prefix) &&
		    (rows[i].part[0] == '\0' ||
		    text_contains(reason, rows[i].part)))
			return rows[i].trouble;
	return TROUBLE_NONE;
}
