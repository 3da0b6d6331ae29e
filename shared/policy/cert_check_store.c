/*
 * Certificates on their way in: PEM and DER, into the store of those that are
 * trusted, and into a chain that is to be judged.  Chains are bounded here;
 * trust comes from the operator.
 */

#include "shared/policy/cert_check_store.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "shared/policy/cert_check.h"
#include "shared/xalloc.h"

enum pem_kind { PEM_CERT, PEM_CERT_WITH_TRUST, PEM_CRL, PEM_OTHER };

/* ---------------------------------------------------------------- PEM */

static enum pem_kind
pem_kind(const char *label)
{
	static const struct {
		const char	*label;
		enum pem_kind	 kind;
	} kinds[] = {
		{ PEM_STRING_X509,		PEM_CERT },
		{ PEM_STRING_X509_OLD,		PEM_CERT },
		{ PEM_STRING_X509_TRUSTED,	PEM_CERT_WITH_TRUST },
		{ PEM_STRING_X509_CRL,		PEM_CRL },
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(label, kinds[i].label) == 0)
			return kinds[i].kind;
	return PEM_OTHER;
}

/* Called for each block that is not PEM_OTHER; false when it is broken. */
typedef bool pem_taker(void *to, enum pem_kind kind, struct text der);

/* 0, or -1 with *why: no block that is wanted, or one that cannot be read. */
static int
pem_read(struct text pem, pem_taker *take, void *to, const char **why)
{
	unsigned char *der;
	char *label, *header;
	enum pem_kind kind;
	size_t taken = 0;
	bool is_broken = false;
	long len;
	BIO *bio;

	if (pem.len > INT_MAX) {
		*why = "the file is too long";
		return -1;
	}
	ERR_clear_error();
	bio = BIO_new_mem_buf(pem.data != NULL ? pem.data : "", (int)pem.len);
	assert(bio != NULL);
	while (!is_broken &&
	    PEM_read_bio(bio, &label, &header, &der, &len) == 1) {
		kind = pem_kind(label);
		if (kind != PEM_OTHER) {
			is_broken = !take(to, kind,
			    (struct text){ (char *)der, (size_t)len });
			taken++;
		}
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)len);
	}
	BIO_free(bio);
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		is_broken = true;
	ERR_clear_error();
	if (is_broken)
		*why = "a PEM block cannot be read";
	else if (taken == 0)
		*why = "no certificate in it";
	return is_broken || taken == 0 ? -1 : 0;
}

X509 *
cert_decode(struct text der)
{
	const unsigned char *at = (const unsigned char *)der.data;
	X509 *cert;

	if (der.len == 0 || der.len > CERT_CHAIN_MAX_BYTES)
		return NULL;
	cert = d2i_X509(NULL, &at, (long)der.len);
	if (cert != NULL && at != (const unsigned char *)der.data + der.len) {
		X509_free(cert);
		cert = NULL;
	}
	return cert;
}

/* ---------------------------------------------------------------- store */

struct cert_store *
cert_store_new(void)
{
	struct cert_store *store = xcalloc(1, sizeof(*store));

	store->x509 = X509_STORE_new();
	assert(store->x509 != NULL);
	return store;
}

void
cert_store_free(struct cert_store *store)
{
	if (store == NULL)
		return;
	X509_STORE_free(store->x509);
	free(store);
}

/* The store keeps its own reference; a certificate that it has is no error. */
static bool
store_add_cert(struct cert_store *store, X509 *cert)
{
	bool is_added = cert != NULL && X509_STORE_add_cert(store->x509, cert);

	X509_free(cert);
	return is_added;
}

bool
cert_store_add_der(struct cert_store *store, struct text der)
{
	bool is_added = store_add_cert(store, cert_decode(der));

	ERR_clear_error();
	return is_added;
}

static bool
store_add_crl(struct cert_store *store, struct text der)
{
	const unsigned char *at = (const unsigned char *)der.data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
	bool is_added = crl != NULL && X509_STORE_add_crl(store->x509, crl);

	X509_CRL_free(crl);
	if (is_added)
		store->has_crls = true;
	return is_added;
}

static bool
store_take(void *to, enum pem_kind kind, struct text der)
{
	const unsigned char *at = (const unsigned char *)der.data;
	struct cert_store *store = to;

	switch (kind) {
	case PEM_CRL:
		return store_add_crl(store, der);
	case PEM_CERT_WITH_TRUST:
		return store_add_cert(store,
		    d2i_X509_AUX(NULL, &at, (long)der.len));
	default:
		return store_add_cert(store, cert_decode(der));
	}
}

int
cert_store_add_pem(struct cert_store *store, struct text pem, const char **why)
{
	return pem_read(pem, store_take, store, why);
}

/* ---------------------------------------------------------------- chain */

void
cert_chain_add(struct cert_chain *chain, struct text der)
{
	if (chain->count == CERT_CHAIN_MAX ||
	    der.len > CERT_CHAIN_MAX_BYTES - chain->bytes)
		chain->is_cut = true;
	if (chain->is_cut)
		return;
	chain->certs[chain->count++] = (struct cert_der){
	    .data = xmemdup(der.data, der.len), .len = der.len };
	chain->bytes += der.len;
}

void
cert_chain_add_decoded(struct cert_chain *chain, X509 *cert)
{
	size_t count = chain->count;
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	if (len > 0)
		cert_chain_add(chain,
		    (struct text){ (const char *)der, (size_t)len });
	OPENSSL_free(der);
	if (chain->count > count && X509_up_ref(cert))
		chain->certs[count].decoded = cert;
}

/* What they hold is looked at by cert_check. */
static bool
chain_take(void *to, enum pem_kind kind, struct text der)
{
	struct cert_chain *chain = to;

	if (kind != PEM_CRL)
		cert_chain_add(chain, der);
	return true;
}

int
cert_chain_parse_pem(struct text pem, struct cert_chain *out, const char **why)
{
	struct cert_chain chain = { .count = 0 };
	int result = pem_read(pem, chain_take, &chain, why);

	if (result == 0 && chain.count == 0 && !chain.is_cut) {
		*why = "no certificate in it";
		result = -1;
	}
	if (result == 0)
		*out = chain;
	else
		cert_chain_clear(&chain);
	return result;
}

void
cert_chain_clear(struct cert_chain *chain)
{
	size_t i;

	for (i = 0; i < chain->count; i++) {
		free(chain->certs[i].data);
		X509_free(chain->certs[i].decoded);
	}
	*chain = (struct cert_chain){ .count = 0 };
}
