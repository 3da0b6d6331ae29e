/*
 * Certificates from one look to the next.  A renewal with a new key is what
 * most authorities' clients do, so a change is odd only long before the end;
 * hosts that never had the same certificate renew when they please.
 */

#include "shared/policy/cert_history.h"

#include <stdio.h>
#include <string.h>

#include "shared/probe_message.h"
#include "shared/siphash.h"

/* The first digits of a digest; false when there are not as many. */
static bool
read_id(struct text hex, char out[FACTS_CERT_ID_SIZE])
{
	if (hex.len < FACTS_CERT_ID_SIZE - 1)
		return false;
	memcpy(out, hex.data, FACTS_CERT_ID_SIZE - 1);
	out[FACTS_CERT_ID_SIZE - 1] = '\0';
	return true;
}

/* Of texts in any order. */
static void
hash_texts(const struct text *texts, size_t count,
    char out[FACTS_CERT_ID_SIZE])
{
	static const struct siphash_key key = { 0, 0 };
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < count; i++)
		sum += siphash(&key, texts[i].data, texts[i].len);
	snprintf(out, FACTS_CERT_ID_SIZE, "%016llx", (unsigned long long)sum);
}

bool
cert_history_read(const struct observation *o, struct facts_cert *out)
{
	/* "3 1 1 HEX" is about the leaf's key. */
	struct text key = o->tlsa_text;
	struct facts_cert cert;

	if (o->cert_count == 0 || !text_starts_with(key, "3 1 1 "))
		return false;
	key.data += sizeof("3 1 1 ") - 1;
	key.len -= sizeof("3 1 1 ") - 1;
	if (!read_id(o->certs[0].sha256, cert.id) || !read_id(key, cert.key))
		return false;
	hash_texts(o->names, o->name_count, cert.names);
	hash_texts(&o->certs[0].issuer, 1, cert.issuer);
	/* Records hold no time before 1970. */
	cert.from = o->certs[0].not_before > 0 ? o->certs[0].not_before : 0;
	cert.to = o->certs[0].not_after > 0 ? o->certs[0].not_after : 0;
	*out = cert;
	return true;
}

bool
cert_history_differs(const struct facts_cert *a, const struct facts_cert *b)
{
	return strcmp(a->issuer, b->issuer) != 0 ||
	    strcmp(a->key, b->key) != 0 || strcmp(a->names, b->names) != 0;
}

bool
cert_history_note(struct facts_address *a, const struct facts_cert *seen,
    int64_t seen_at)
{
	const struct facts_cert *known = &a->cert;
	bool is_odd;

	if (strcmp(known->id, seen->id) == 0)
		return false;
	/* Back to the one before: two machines behind one address. */
	is_odd = known->id[0] != '\0' &&
	    strcmp(a->cert_before, seen->id) != 0 &&
	    cert_history_differs(known, seen) &&
	    known->to - seen_at > (known->to - known->from) / 2;
	memcpy(a->cert_before, known->id, sizeof(a->cert_before));
	a->cert = *seen;
	if (is_odd)
		a->cert_changed_at = seen_at;
	return is_odd;
}

bool
cert_history_is_changed(const struct facts_address *a, int64_t now)
{
	return a->cert_changed_at != 0 &&
	    now - a->cert_changed_at < CERT_HISTORY_SHOWN_S;
}

static bool
was_left_behind(const struct facts_cert *old, const struct facts_address *by,
    int64_t now)
{
	return by->cert.id[0] != '\0' && strcmp(by->cert.id, old->id) != 0 &&
	    strcmp(by->cert.names, old->names) == 0 &&
	    by->cert.from > old->from &&
	    (strcmp(by->cert_before, old->id) == 0 ||
	    old->to - now < (old->to - old->from) / 3);
}

const struct facts_host *
cert_history_renewed(const struct facts *f, const struct facts_address *a,
    int64_t now)
{
	size_t h, i;

	for (h = 0; h < f->host_count && a->cert.id[0] != '\0'; h++)
		for (i = 0; i < f->hosts[h].address_count; i++)
			if (was_left_behind(&a->cert,
			    &f->hosts[h].addresses[i], now))
				return &f->hosts[h];
	return NULL;
}
