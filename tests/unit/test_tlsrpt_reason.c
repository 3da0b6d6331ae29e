/*
 * Why a certificate failed verification, in OpenSSL's and Postfix's words.
 */

#include "shared/tlsrpt/reason.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static const struct {
	const char *words, *want;	/* the finding, or NULL */
} rows[] = {
	{ "self-signed certificate", "cert-self-signed" },
	{ "self-signed_certificate", "cert-self-signed" },
	{ "self_signed_certificate", "cert-self-signed" },
	{ "self-signed_certificate_in_certificate_chain", "cert-untrusted" },
	{ "unable_to_get_local_issuer_certificate", "cert-untrusted" },
	{ "certificate is not yet valid", "cert-not-yet-valid" },
	{ "certificate not yet valid", "cert-not-yet-valid" },
	{ "certificate_has_expired", "cert-expired" },
	{ "hostname mismatch", "cert-name-mismatch" },
	{ "unsuitable_certificate_purpose", "cert-purpose" },
	{ "certificate_revoked", "cert-revoked" },
	{ "CA_signature_digest_algorithm_too_weak", "cert-weak" },
	{ "EE certificate key too weak", "cert-weak" },
	{ "no matching DANE TLSA records", "tlsa-mismatch" },
	{ "all-TLSA-records-unusable", "tlsa-invalid" },
	{ "tls-handshake-failure", "handshake-failed" },
	{ "all-fingerprints-unusable", NULL },
	{ "self-signed", NULL },
	{ "self-signed certificate ", NULL },
	{ "Self-Signed Certificate", NULL },
	{ "", NULL },
};

int
main(void)
{
	enum finding f;
	bool is_known;
	char *exact;
	size_t i, len;

	for (i = 0; i < ROWS(rows); i++) {
		len = strlen(rows[i].words);
		exact = check_exact(rows[i].words, len);
		f = FINDING_COUNT;
		is_known = reason_parse((struct text){ exact, len }, &f);
		check_text(rows[i].words, is_known ? finding_name(f) : NULL,
		    rows[i].want);
		check_bool("untouched unless known", f != FINDING_COUNT,
		    is_known);
		free(exact);
	}
	return check_end();
}
