/*
 * The words of findings and their result-types (RFC 8460, 4.3).
 */

#include "shared/policy/finding.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define WORDS_MAX_BYTES 40	/* leaves room in a reply for names and dates */

static const struct {
	enum finding finding;
	const char *name, *result_type;
} rows[] = {
	{ FINDING_UNKNOWN, "unknown", NULL },
	{ FINDING_OK, "ok", NULL },
	{ FINDING_STARTTLS_MISSING, "starttls-missing",
	    "starttls-not-supported" },
	{ FINDING_STARTTLS_REFUSED, "starttls-refused",
	    "starttls-not-supported" },
	{ FINDING_STARTTLS_INJECTION, "starttls-injection",
	    "validation-failure" },
	{ FINDING_CIPHER_WEAK, "cipher-weak", "validation-failure" },
	{ FINDING_STAPLE_MISSING, "staple-missing", "validation-failure" },
	{ FINDING_HANDSHAKE_FAILED, "handshake-failed", "validation-failure" },
	{ FINDING_PROTOCOL_OLD, "protocol-old", "validation-failure" },
	{ FINDING_CERT_SELF_SIGNED, "cert-self-signed",
	    "certificate-not-trusted" },
	{ FINDING_CERT_UNTRUSTED, "cert-untrusted",
	    "certificate-not-trusted" },
	{ FINDING_CERT_CHAIN_INCOMPLETE, "cert-chain-incomplete",
	    "certificate-not-trusted" },
	{ FINDING_CERT_NOT_YET_VALID, "cert-not-yet-valid",
	    "validation-failure" },
	{ FINDING_CERT_EXPIRED, "cert-expired", "certificate-expired" },
	{ FINDING_CERT_NAME_MISMATCH, "cert-name-mismatch",
	    "certificate-host-mismatch" },
	{ FINDING_CERT_PURPOSE, "cert-purpose", "certificate-not-trusted" },
	{ FINDING_CERT_REVOKED, "cert-revoked", "certificate-not-trusted" },
	{ FINDING_CERT_WEAK, "cert-weak", "certificate-not-trusted" },
	{ FINDING_MX_NOT_IN_POLICY, "mx-not-in-policy", "validation-failure" },
	{ FINDING_POLICY_FETCH_FAILED, "policy-fetch-failed",
	    "sts-policy-fetch-error" },
	{ FINDING_POLICY_INVALID, "policy-invalid", "sts-policy-invalid" },
	{ FINDING_POLICY_WEBPKI_INVALID, "policy-webpki-invalid",
	    "sts-webpki-invalid" },
	{ FINDING_TLSA_MISMATCH, "tlsa-mismatch", "certificate-not-trusted" },
	{ FINDING_TLSA_INVALID, "tlsa-invalid", "tlsa-invalid" },
	{ FINDING_DNSSEC_INVALID, "dnssec-invalid", "dnssec-invalid" },
	{ FINDING_UNREACHABLE, "unreachable", NULL },
};

int
main(void)
{
	enum finding f;
	struct text words;
	size_t i;

	check_int("each finding has a row", ROWS(rows), FINDING_COUNT);
	for (i = 0; i < ROWS(rows); i++) {
		check_text("name", finding_name(rows[i].finding),
		    rows[i].name);
		check_text("result-type",
		    finding_result_type(rows[i].finding),
		    rows[i].result_type);
		f = FINDING_COUNT;
		check_bool("parsed", finding_parse(text_of(rows[i].name), &f),
		    true);
		check_int("to itself", f, rows[i].finding);
		words = text_of(finding_words(rows[i].finding));
		check_bool("words are ASCII", text_is_printable(words), true);
		check_bool("words are few", words.len > 0 &&
		    words.len <= WORDS_MAX_BYTES, true);
	}
	f = FINDING_COUNT;
	check_bool("case counts", finding_parse(text_of("OK"), &f), false);
	check_bool("whole words only", finding_parse(text_of("cert-expire"),
	    &f), false);
	check_bool("empty word", finding_parse(text_of(""), &f), false);
	check_bool("a result-type is no finding",
	    finding_parse(text_of("certificate-expired"), &f), false);
	check_int("out is untouched", f, FINDING_COUNT);
	return check_end();
}
