/*
 * Paths by OpenSSL, with what Postfix sets for its levels verify and secure:
 * purpose TLS server, security level 1, depth 9.  OpenSSL stops at the first
 * error; here it goes on, so that all that is wrong with the path is known.
 */

#include "shared/policy/cert_check_path.h"

#include <assert.h>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "shared/policy/cert_check.h"

#define SECURITY_LEVEL 1
/* smtp_tls_scert_verifydepth is 9: ten certificates, eight between the ends. */
#define BETWEEN_MAX 8

/* What is not here makes a path untrusted. */
static const struct {
	int		code;
	enum finding	finding;
} meanings[] = {
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, FINDING_CERT_SELF_SIGNED },
	{ X509_V_ERR_CERT_NOT_YET_VALID,	FINDING_CERT_NOT_YET_VALID },
	{ X509_V_ERR_CERT_HAS_EXPIRED,		FINDING_CERT_EXPIRED },
	{ X509_V_ERR_INVALID_PURPOSE,		FINDING_CERT_PURPOSE },
	{ X509_V_ERR_CERT_REVOKED,		FINDING_CERT_REVOKED },
	{ X509_V_ERR_EE_KEY_TOO_SMALL,		FINDING_CERT_WEAK },
	{ X509_V_ERR_CA_KEY_TOO_SMALL,		FINDING_CERT_WEAK },
	{ X509_V_ERR_CA_MD_TOO_WEAK,		FINDING_CERT_WEAK },
};

static enum finding
meaning_of(int code)
{
	size_t i;

	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].code == code)
			return meanings[i].finding;
	return FINDING_CERT_UNTRUSTED;
}

/* That its end is trusted by nobody is no rule of RFC 5280, section 6. */
static const char *
rule_of(int code)
{
	switch (code) {
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return NULL;
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
		return "outside an issuer's name constraints";
	default:
		return X509_verify_cert_error_string(code);
	}
}

static void
note_error(struct cert_path *path, int code)
{
	enum finding finding;

	switch (code) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		return;		/* not every CA has one here */
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		path->has_bad_crl = true;
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		path->is_unanchored = true;
		break;
	default:
		finding = meaning_of(code);
		path->findings |= CERT_FINDING(finding);
		if (finding == FINDING_CERT_UNTRUSTED &&
		    path->broken_rule == NULL)
			path->broken_rule = rule_of(code);
		break;
	}
	if (path->code == X509_V_OK)
		path->code = code;
}

/* OpenSSL ends a certificate a second before RFC 5280, 4.1.2.5 does. */
static bool
is_last_second(X509_STORE_CTX *context, X509 *cert)
{
	time_t now = X509_VERIFY_PARAM_get_time(
	    X509_STORE_CTX_get0_param(context));

	return ASN1_TIME_cmp_time_t(X509_get0_notAfter(cert), now) == 0;
}

/* That an issuer is no CA has been said; that it suits nobody follows. */
static bool
is_said(X509_STORE_CTX *context, X509 *cert)
{
	return X509_STORE_CTX_get_error_depth(context) > 0 &&
	    X509_check_ca(cert) == 0;
}

/* OpenSSL calls it for each error, and with is_ok for each good certificate. */
static int
on_judged(int is_ok, X509_STORE_CTX *context)
{
	int code = X509_STORE_CTX_get_error(context);
	X509 *cert = X509_STORE_CTX_get_current_cert(context);

	if (is_ok)
		return 1;
	if (!(code == X509_V_ERR_CERT_HAS_EXPIRED &&
	    is_last_second(context, cert)) &&
	    !(code == X509_V_ERR_INVALID_PURPOSE && is_said(context, cert)))
		note_error(X509_STORE_CTX_get_app_data(context), code);
	/* Left standing, a leaf's small key would hide that an issuer lacks. */
	X509_STORE_CTX_set_error(context, X509_V_OK);
	return 1;
}

/* OpenSSL judges a signature only where it has the issuer's key. */
static void
judge_last_signature(struct cert_path *path)
{
	int bits;

	if (path->is_unanchored && X509_get_signature_info(cert_path_end(path),
	    NULL, NULL, &bits, NULL) == 1 && bits < CERT_SECURITY_BITS)
		path->findings |= CERT_FINDING(FINDING_CERT_WEAK);
}

void
cert_path_build(X509 *leaf, const struct cert_path_options *options,
    struct cert_path *path)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	unsigned long flags = 0;

	*path = (struct cert_path){ .code = X509_V_OK };
	if (options->checks_crls)
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	if (options->takes_any_anchor)
		flags |= X509_V_FLAG_PARTIAL_CHAIN;
	if (context == NULL || !X509_STORE_CTX_init(context, options->anchors,
	    leaf, options->sent) ||
	    !X509_STORE_CTX_set_default(context, "ssl_server"))
		assert(!"out of memory");
	param = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_time(param, (time_t)options->now);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, BETWEEN_MAX);
	X509_VERIFY_PARAM_set_flags(param, flags);
	X509_STORE_CTX_set_app_data(context, path);
	X509_STORE_CTX_set_verify_cb(context, on_judged);
	/* As all errors are let pass, one that stops it leaves no path. */
	if (X509_verify_cert(context) != 1) {
		note_error(path, X509_STORE_CTX_get_error(context));
		path->findings |= CERT_FINDING(FINDING_CERT_UNTRUSTED);
	}
	path->certs = X509_STORE_CTX_get1_chain(context);
	if (path->certs == NULL || sk_X509_num(path->certs) == 0) {
		sk_X509_free(path->certs);
		path->certs = sk_X509_new_null();
		if (path->certs == NULL ||
		    !X509_add_cert(path->certs, leaf, X509_ADD_FLAG_UP_REF))
			assert(!"out of memory");
	}
	judge_last_signature(path);
	X509_STORE_CTX_free(context);
}

void
cert_path_clear(struct cert_path *path)
{
	sk_X509_pop_free(path->certs, X509_free);
	path->certs = NULL;
}

X509 *
cert_path_end(const struct cert_path *path)
{
	return sk_X509_value(path->certs, sk_X509_num(path->certs) - 1);
}
