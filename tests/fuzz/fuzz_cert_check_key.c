/*
 * A server's own files: PEM with keys and certificates in any order, as hopseal
 * certs reads it.  Whatever it holds, its groups are slices of it in their
 * order, and each is read as far as it can be.
 */

#include "shared/policy/cert_check_key.h"

#include <assert.h>

#include "shared/policy/cert_check.h"
#include "tests/fuzz/fuzz.h"

static void
check_slice(struct text t, struct text whole)
{
	assert(t.data >= whole.data &&
	    t.data + t.len <= whole.data + whole.len);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text whole = { (const char *)data, size };
	struct cert_key_group groups[CERT_FILE_KEYS_MAX];
	size_t count = cert_key_groups(whole, groups), i;
	struct cert_chain chain = { .count = 0 };
	const char *why = NULL;
	struct text leaf;

	assert(count >= 1 && count <= CERT_FILE_KEYS_MAX);
	for (i = 0; i < count; i++) {
		check_slice(groups[i].key, whole);
		check_slice(groups[i].certs, whole);
		assert(count == 1 || groups[i].certs.data ==
		    groups[i].key.data + groups[i].key.len);
		assert(i == 0 || groups[i].key.data >=
		    groups[i - 1].certs.data + groups[i - 1].certs.len);
		if (cert_chain_parse_pem(groups[i].certs, &chain, &why) ==
		    -1) {
			assert(why != NULL);
			leaf = groups[i].certs;
		} else
			leaf = (struct text){ chain.certs[0].data,
			    chain.certs[0].len };
		cert_key_compare(leaf, groups[i].key);
		cert_chain_clear(&chain);
	}
}
