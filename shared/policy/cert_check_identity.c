/*
 * Digests and names of one certificate, as logs of certificate transparency
 * have them.
 */

#include "shared/policy/cert_check_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "shared/policy/cert_check_leaf.h"

/* ------------------------------------------------------------------ reading */

static void
digest_text(const void *data, size_t len, char out[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0, i;

	out[0] = '\0';
	if (EVP_Digest(data, len, digest, &digest_len, EVP_sha256(),
	    NULL) != 1)
		return;
	for (i = 0; i < digest_len; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void
remove_extension(X509 *cert, int nid)
{
	int index = X509_get_ext_by_NID(cert, nid, -1);

	if (index >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, index));
}

/* What precertificate and certificate have in common; changes cert. */
static void
read_tbs(X509 *cert, char out[65])
{
	unsigned char *der = NULL;
	int len;

	remove_extension(cert, NID_ct_precert_scts);
	remove_extension(cert, NID_ct_precert_poison);
	len = i2d_re_X509_tbs(cert, &der);
	if (len > 0)
		digest_text(der, (size_t)len, out);
	OPENSSL_free(der);
}

static void
read_serial(const X509 *cert, char out[CERT_SERIAL_SIZE])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert),
	    NULL);
	char *hex = number != NULL ? BN_bn2hex(number) : NULL;

	if (hex != NULL)
		cert_identity_hex(text_of(hex), true, out, CERT_SERIAL_SIZE);
	OPENSSL_free(hex);
	BN_free(number);
}

bool
cert_identity_read(struct text der, struct cert_identity *out)
{
	const unsigned char *at = (const unsigned char *)der.data;
	X509 *cert = d2i_X509(NULL, &at, (long)der.len);

	ERR_clear_error();
	if (cert == NULL)
		return false;
	*out = (struct cert_identity){ .sha256 = "" };
	digest_text(der.data, (size_t)(at - (const unsigned char *)der.data),
	    out->sha256);
	cert_text_of_name(X509_get_issuer_name(cert), out->issuer);
	read_serial(cert, out->serial);
	read_tbs(cert, out->tbs_sha256);
	X509_free(cert);
	ERR_clear_error();
	return true;
}

bool
cert_identity_hex(struct text t, bool is_number, char *out, size_t size)
{
	const char digits[] = "0123456789abcdef";
	const char *digit;
	size_t len = 0, i;

	for (i = 0; i < t.len; i++) {
		if (t.data[i] == ':' ||
		    (is_number && len == 0 && t.data[i] == '0'))
			continue;
		digit = t.data[i] == '\0' ? NULL : strchr(digits,
		    t.data[i] >= 'A' && t.data[i] <= 'F' ?
		    t.data[i] - 'A' + 'a' : t.data[i]);
		if (digit == NULL || len + 1 == size) {
			out[0] = '\0';
			return false;
		}
		out[len++] = *digit;
	}
	out[len] = '\0';
	return len > 0;
}

/* ---------------------------------------------------------------- comparing */

static bool
is_same(const char *a, const char *b)
{
	return a[0] != '\0' && strcmp(a, b) == 0;
}

static const char *
next_alphanumeric(const char *s)
{
	while (*s != '\0' && !text_is_alphanumeric(*s))
		s++;
	return s;
}

static bool
is_same_issuer(const char *a, const char *b)
{
	for (;; a++, b++) {
		a = next_alphanumeric(a);
		b = next_alphanumeric(b);
		if (*a == '\0' || *b == '\0')
			return *a == *b;
		if (*a != *b)
			return false;
	}
}

bool
cert_identity_match(const struct cert_identity *a,
    const struct cert_identity *b)
{
	return is_same(a->sha256, b->sha256) ||
	    is_same(a->tbs_sha256, b->tbs_sha256) ||
	    (is_same(a->serial, b->serial) &&
	    a->issuer[0] != '\0' && b->issuer[0] != '\0' &&
	    is_same_issuer(a->issuer, b->issuer));
}
