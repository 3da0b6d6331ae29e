/*
 * Judges a stapled OCSP response by its signature, by which certificate it is
 * about, and by its times.  It stands apart from the trust in the chain: only
 * the leaf's own issuer can speak of the leaf.
 */

#include "shared/policy/cert_check_staple.h"

#include <assert.h>

#include <openssl/ocsp.h>

#include "shared/policy/cert_check_leaf.h"

/* Clocks differ; RFC 6960 leaves the allowance to us. */
#define CLOCK_SLACK_S 300

/* By the issuer, or by one whom the issuer lets sign (RFC 6960, 4.2.2.2). */
static bool
is_signed_for(OCSP_BASICRESP *basic, X509 *issuer, int64_t now)
{
	X509_STORE *anchors = X509_STORE_new();
	STACK_OF(X509) *signers = sk_X509_new_null();
	bool is_signed;

	if (anchors == NULL || signers == NULL ||
	    !X509_STORE_add_cert(anchors, issuer) ||
	    !sk_X509_push(signers, issuer))
		assert(!"out of memory");
	X509_STORE_set_flags(anchors, X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(anchors), (time_t)now);
	is_signed = OCSP_basic_verify(basic, signers, anchors,
	    OCSP_NOEXPLICIT) == 1;
	sk_X509_free(signers);
	X509_STORE_free(anchors);
	return is_signed;
}

/* Responders hash the issuer's name and key as they like. */
static bool
is_about(OCSP_SINGLERESP *single, X509 *leaf, X509 *issuer)
{
	OCSP_CERTID *id = OCSP_CERTID_dup(OCSP_SINGLERESP_get0_id(single));
	OCSP_CERTID *own = NULL;
	ASN1_OBJECT *algorithm;
	const EVP_MD *md;
	bool is_same;

	assert(id != NULL);
	OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, id);
	md = EVP_get_digestbyobj(algorithm);
	if (md != NULL)
		own = OCSP_cert_to_id(md, leaf, issuer);
	is_same = own != NULL && OCSP_id_cmp(own, id) == 0;
	OCSP_CERTID_free(own);
	OCSP_CERTID_free(id);
	return is_same;
}

static enum cert_staple
read_single(OCSP_SINGLERESP *single, int64_t now, int64_t *next_update)
{
	ASN1_GENERALIZEDTIME *this_time, *next_time;
	int status = OCSP_single_get0_status(single, NULL, NULL, &this_time,
	    &next_time);

	if (cert_time(this_time) > now + CLOCK_SLACK_S)
		return CERT_STAPLE_UNUSABLE;
	*next_update = cert_time(next_time);
	if (next_time != NULL && *next_update < now - CLOCK_SLACK_S)
		return CERT_STAPLE_UNUSABLE;
	switch (status) {
	case V_OCSP_CERTSTATUS_GOOD:
		return CERT_STAPLE_GOOD;
	case V_OCSP_CERTSTATUS_REVOKED:
		return CERT_STAPLE_REVOKED;
	default:
		return CERT_STAPLE_UNKNOWN;
	}
}

enum cert_staple
cert_staple_read(struct text der, X509 *leaf, X509 *issuer, int64_t now,
    int64_t *next_update)
{
	const unsigned char *at = (const unsigned char *)der.data;
	enum cert_staple staple = CERT_STAPLE_UNUSABLE;
	OCSP_RESPONSE *response = NULL;
	OCSP_BASICRESP *basic = NULL;
	OCSP_SINGLERESP *single;
	int i;

	*next_update = 0;
	if (der.len == 0)
		return CERT_STAPLE_NONE;
	if (der.len > CERT_CHAIN_MAX_BYTES)
		return CERT_STAPLE_UNUSABLE;
	response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
	if (response == NULL || OCSP_response_status(response) !=
	    OCSP_RESPONSE_STATUS_SUCCESSFUL)
		goto out;
	basic = OCSP_response_get1_basic(response);
	if (basic == NULL || !is_signed_for(basic, issuer, now))
		goto out;
	for (i = 0; i < OCSP_resp_count(basic); i++) {
		single = OCSP_resp_get0(basic, i);
		if (is_about(single, leaf, issuer)) {
			staple = read_single(single, now, next_update);
			break;
		}
	}
out:
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	return staple;
}
