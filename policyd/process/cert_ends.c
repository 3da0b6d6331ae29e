/*
 * Ends of certificates by port: a short list.
 */

#include "policyd/process/cert_ends.h"

#include "shared/pack.h"

void
cert_ends_add(struct cert_ends *ends, uint16_t port, int64_t at)
{
	size_t i;

	for (i = 0; i < ends->count; i++)
		if (ends->ends[i].port == port) {
			if (at < ends->ends[i].at)
				ends->ends[i].at = at;
			return;
		}
	if (ends->count == CERT_ENDS_MAX)
		return;
	ends->ends[ends->count].port = port;
	ends->ends[ends->count++].at = at;
}

bool
cert_ends_is_past(const struct cert_ends *ends, uint64_t port, int64_t now)
{
	size_t i;

	for (i = 0; i < ends->count; i++)
		if (ends->ends[i].port == port)
			return ends->ends[i].at < now;
	return false;
}

void
cert_ends_format(const struct cert_ends *ends, struct buffer *out)
{
	size_t i;

	for (i = 0; i < ends->count; i++) {
		pack_u16(out, ends->ends[i].port);
		pack_u64(out, (uint64_t)ends->ends[i].at);
	}
}

bool
cert_ends_parse(struct text payload, struct cert_ends *out)
{
	struct cert_ends ends = { .count = 0 };
	struct unpack u;
	uint16_t port;

	unpack_init(&u, payload.data, payload.len);
	while (u.left > 0 && !u.is_bad) {
		port = unpack_u16(&u);
		cert_ends_add(&ends, port, (int64_t)unpack_u64(&u));
	}
	if (u.is_bad)
		return false;
	*out = ends;
	return true;
}
