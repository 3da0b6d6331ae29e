/*
 * Reads one certificate.  Names are bounded and in the one spelling before
 * anything compares them: a NUL, a blank or a byte beyond ASCII makes a dNSName
 * malformed, never a shorter name (RFC 9525, 6.3; RFC 5280, 4.2.1.6).
 */

#include "shared/policy/cert_check_leaf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ct.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define RSA_SMALL_BELOW	2048
#define EC_SMALL_BELOW	224
#define FEATURE_STATUS_REQUEST 5	/* RFC 7633, 4.2.2 */

/* ---------------------------------------------------------------- facts */

int64_t
cert_time(const ASN1_TIME *t)
{
	struct tm tm;

	if (t == NULL || !ASN1_TIME_to_tm(t, &tm))
		return 0;
	return (int64_t)timegm(&tm);
}

void
cert_text_of_name(const X509_NAME *name, char out[CERT_TEXT_SIZE])
{
	unsigned long flags = XN_FLAG_ONELINE &
	    ~(XN_FLAG_SPC_EQ | ASN1_STRFLGS_ESC_QUOTE);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	assert(bio != NULL);
	X509_NAME_print_ex(bio, name, 0, flags);
	len = BIO_get_mem_data(bio, &data);
	text_quote(out, CERT_TEXT_SIZE,
	    (struct text){ data, len > 0 ? (size_t)len : 0 });
	BIO_free(bio);
}

static void
read_key(X509 *cert, struct cert_info *out)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const char *type;
	char group[24];

	snprintf(out->key, sizeof(out->key), "unknown");
	if (key == NULL)
		return;
	out->key_bits = (unsigned)EVP_PKEY_get_bits(key);
	type = EVP_PKEY_get0_type_name(key);
	if (type == NULL)
		return;
	/* Only of EC does the group say more than the type. */
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
		snprintf(out->key, sizeof(out->key), "%.7s %s", type, group);
	else
		snprintf(out->key, sizeof(out->key), "%.31s", type);
}

bool
cert_key_is_small(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (key == NULL)
		return false;
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
	case EVP_PKEY_DSA:
		return EVP_PKEY_get_bits(key) < RSA_SMALL_BELOW;
	case EVP_PKEY_EC:
		return EVP_PKEY_get_bits(key) < EC_SMALL_BELOW;
	default:
		return false;
	}
}

void
cert_info_read(X509 *cert, struct cert_info *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0, i;

	*out = (struct cert_info){ .depth = -1 };
	cert_text_of_name(X509_get_subject_name(cert), out->subject);
	cert_text_of_name(X509_get_issuer_name(cert), out->issuer);
	out->not_before = cert_time(X509_get0_notBefore(cert));
	out->not_after = cert_time(X509_get0_notAfter(cert));
	read_key(cert, out);
	snprintf(out->signature, sizeof(out->signature), "%s",
	    OBJ_nid2ln(X509_get_signature_nid(cert)));
	X509_digest(cert, EVP_sha256(), digest, &len);
	for (i = 0; i < len; i++)
		snprintf(out->sha256 + 2 * i, 3, "%02x", digest[i]);
}

/* -------------------------------------------------------- extensions */

void
cert_issuer_url(X509 *cert, char out[CERT_TEXT_SIZE])
{
	AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(cert, NID_info_access,
	    NULL, NULL);
	const ACCESS_DESCRIPTION *way;
	const ASN1_IA5STRING *url;
	int i;

	out[0] = '\0';
	for (i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++) {
		way = sk_ACCESS_DESCRIPTION_value(access, i);
		if (OBJ_obj2nid(way->method) != NID_ad_ca_issuers ||
		    way->location->type != GEN_URI)
			continue;
		url = way->location->d.uniformResourceIdentifier;
		text_quote(out, CERT_TEXT_SIZE,
		    (struct text){ (const char *)ASN1_STRING_get0_data(url),
		    (size_t)ASN1_STRING_length(url) });
		break;
	}
	AUTHORITY_INFO_ACCESS_free(access);
}

unsigned
cert_sct_count(X509 *cert)
{
	STACK_OF(SCT) *scts = X509_get_ext_d2i(cert, NID_ct_precert_scts,
	    NULL, NULL);
	int count = sk_SCT_num(scts);

	SCT_LIST_free(scts);
	return count > 0 ? (unsigned)count : 0;
}

bool
cert_must_staple(X509 *cert)
{
	TLS_FEATURE *features = X509_get_ext_d2i(cert, NID_tlsfeature, NULL,
	    NULL);
	bool is_wanted = false;
	int i;

	for (i = 0; i < sk_ASN1_INTEGER_num(features); i++)
		if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
		    FEATURE_STATUS_REQUEST)
			is_wanted = true;
	TLS_FEATURE_free(features);
	return is_wanted;
}

/* ---------------------------------------------------------------- names */

/*
 * Adds a name as a certificate presents it; false for what is no name, with or
 * without "*." in front.
 */
static bool
add_presented(struct buffer *names, struct text t)
{
	char name[CERT_DNS_NAME_SIZE];
	struct text rest;
	size_t i;

	if (t.len >= sizeof(name))
		return false;
	for (i = 0; i < t.len; i++)
		name[i] = t.data[i] >= 'A' && t.data[i] <= 'Z' ?
		    (char)(t.data[i] - 'A' + 'a') : t.data[i];
	name[t.len] = '\0';
	rest = (struct text){ name, t.len };
	if (text_starts_with(rest, "*."))
		rest = (struct text){ name + 2, t.len - 2 };
	if (!host_name_is_normal(rest))
		return false;
	buffer_add(names, name, t.len + 1);
	return true;
}

static void
read_dns_names(X509 *leaf, struct cert_names *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name,
	    NULL, NULL);
	const GENERAL_NAME *name;
	struct text t;
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		out->has_dns = true;
		t.data = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
		t.len = (size_t)ASN1_STRING_length(name->d.dNSName);
		if (add_presented(&out->dns, t))
			out->dns_count++;
		else
			out->has_malformed = true;
	}
	GENERAL_NAMES_free(names);
}

static void
read_common_names(X509 *leaf, struct cert_names *out)
{
	const X509_NAME *subject = X509_get_subject_name(leaf);
	const X509_NAME_ENTRY *entry;
	unsigned char *utf8;
	int at = -1, len;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName,
	    at)) >= 0) {
		entry = X509_NAME_get_entry(subject, at);
		len = ASN1_STRING_to_UTF8(&utf8,
		    X509_NAME_ENTRY_get_data(entry));
		if (len < 0)
			continue;
		add_presented(&out->common,
		    (struct text){ (char *)utf8, (size_t)len });
		OPENSSL_free(utf8);
	}
}

void
cert_names_read(X509 *leaf, struct cert_names *out)
{
	*out = (struct cert_names){ .dns_count = 0 };
	buffer_init(&out->dns, CERT_CHAIN_MAX_BYTES);
	buffer_init(&out->common, CERT_CHAIN_MAX_BYTES);
	read_dns_names(leaf, out);
	read_common_names(leaf, out);
}

void
cert_names_clear(struct cert_names *names)
{
	buffer_clear(&names->dns);
	buffer_clear(&names->common);
}

const char *
cert_names_next(const struct buffer *names, const char *name)
{
	const char *next = name == NULL ? names->data : name + strlen(name) + 1;

	return names->len > 0 && next < names->data + names->len ? next : NULL;
}

/*
 * Octet for octet, as both are in the one spelling; "*" stands for the whole
 * leftmost label.  As OpenSSL, and so Postfix, has it, not below a top-level
 * domain.
 */
static bool
name_match(const char *presented, const char *host)
{
	if (presented[0] == '*') {
		presented++;
		host = strchr(host, '.');
		if (host == NULL || strchr(presented + 1, '.') == NULL)
			return false;
	}
	return strcmp(presented, host) == 0;
}

const char *
cert_names_match(const struct buffer *names, const char *host)
{
	const char *name = NULL;

	if (!host_name_is_normal(text_of(host)))
		return NULL;
	while ((name = cert_names_next(names, name)) != NULL)
		if (name_match(name, host))
			break;
	return name;
}
