/*
 * Private keys beside certificates.  Nothing of a key leaves this file.
 */

#include "shared/policy/cert_check_key.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static const char begin_mark[] = "-----BEGIN ", end_mark[] = "-----END ",
    key_mark[] = "PRIVATE KEY-----";

/* The next PEM block of a private key; false when there is none. */
static bool
next_key(struct text *rest, struct text *key)
{
	const char *begin, *line_end, *end;

	for (;;) {
		begin = memmem(rest->data, rest->len, begin_mark,
		    sizeof(begin_mark) - 1);
		if (begin == NULL)
			return false;
		rest->len -= (size_t)(begin - rest->data);
		rest->data = begin;
		line_end = memchr(begin, '\n', rest->len);
		end = memmem(begin, rest->len, end_mark, sizeof(end_mark) - 1);
		if (line_end == NULL || end == NULL || end < line_end)
			return false;
		end = memchr(end, '\n', rest->len - (size_t)(end - begin));
		if (end == NULL)
			end = begin + rest->len - 1;
		*key = (struct text){ begin, (size_t)(end + 1 - begin) };
		rest->len -= key->len;
		rest->data += key->len;
		if (memmem(begin, (size_t)(line_end - begin), key_mark,
		    sizeof(key_mark) - 1) != NULL)
			return true;
	}
}

size_t
cert_key_groups(struct text pem, struct cert_key_group out[CERT_FILE_KEYS_MAX])
{
	struct text rest = pem, key;
	size_t count = 0, i;

	while (count < CERT_FILE_KEYS_MAX && next_key(&rest, &key))
		out[count++].key = key;
	if (count < 2) {
		if (count == 0)
			out[0].key = (struct text){ pem.data, 0 };
		out[0].certs = pem;
		return 1;
	}
	for (i = 0; i < count; i++) {
		out[i].certs.data = out[i].key.data + out[i].key.len;
		out[i].certs.len = (size_t)((i + 1 < count ?
		    out[i + 1].key.data : pem.data + pem.len) -
		    out[i].certs.data);
	}
	return count;
}

/* Nobody is asked for a passphrase. */
static int
no_passphrase(char *out, int size, int is_writing, void *arg)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)arg;
	return -1;
}

enum cert_key_match
cert_key_compare(struct text leaf_der, struct text key_pem)
{
	const unsigned char *der = (const unsigned char *)leaf_der.data;
	enum cert_key_match match = CERT_KEY_UNREADABLE;
	X509 *leaf = d2i_X509(NULL, &der, (long)leaf_der.len);
	BIO *bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.len);
	EVP_PKEY *key;

	assert(bio != NULL);
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (leaf != NULL && key != NULL)
		match = X509_check_private_key(leaf, key) == 1 ?
		    CERT_KEY_MATCHES : CERT_KEY_MISMATCH;
	EVP_PKEY_free(key);
	BIO_free(bio);
	X509_free(leaf);
	ERR_clear_error();
	return match;
}
