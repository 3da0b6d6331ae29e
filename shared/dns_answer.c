/*
 * Record data in wire form, as strangers published it and a resolver passed it
 * on: uncompressed, but otherwise anything.
 */

#include "shared/dns_answer.h"

#include <string.h>

#include "shared/pack.h"

#define LABEL_MAX_BYTES 63

const char *
dns_result_name(enum dns_result result)
{
	static const char *const names[] = {
		"failed", "bogus", "absent", "present"
	};

	return names[result];
}

/*
 * name = *( length 1*63OCTET ) 0 (RFC 1035, 3.1).  An octet that is a dot
 * would turn one label into two, one above 0x7e into something else.
 */
static bool
unpack_name(struct unpack *u, char out[HOST_NAME_SIZE])
{
	char dotted[HOST_NAME_MAX_BYTES + 1];
	const char *why;
	size_t at = 0;
	uint8_t len, octet;

	while ((len = unpack_u8(u)) != 0) {
		if (len > LABEL_MAX_BYTES || at + len + 1 > sizeof(dotted))
			return false;
		for (; len > 0; len--) {
			octet = unpack_u8(u);
			if (octet == '.' || octet > 0x7e)
				return false;
			dotted[at++] = (char)octet;
		}
		dotted[at++] = '.';
	}
	if (!unpack_is_done(u))
		return false;
	if (at == 0) {
		out[0] = '\0';
		return true;
	}
	return host_name_normalize((struct text){ dotted, at }, out,
	    &why) == 0;
}

/* RFC 1035, 3.3.9. */
bool
dns_mx_parse(struct text rdata, struct dns_mx *out)
{
	struct dns_mx mx;
	struct unpack u;

	unpack_init(&u, rdata.data, rdata.len);
	mx.preference = unpack_u16(&u);
	if (!unpack_name(&u, mx.host))
		return false;
	*out = mx;
	return true;
}

/* RFC 1035, 3.3.14: 1*( length *255OCTET ). */
bool
dns_txt_parse(struct text rdata, struct buffer *out)
{
	size_t at = 0, len;

	while (at < rdata.len) {
		len = (unsigned char)rdata.data[at++];
		if (len > rdata.len - at)
			return false;
		buffer_add(out, rdata.data + at, len);
		at += len;
	}
	return true;
}

bool
dns_address_parse(struct text rdata, struct address *out)
{
	if (rdata.len != 4 && rdata.len != 16)
		return false;
	*out = (struct address){ .family = rdata.len == 4 ? 4 : 6 };
	memcpy(out->octets, rdata.data, rdata.len);
	return true;
}
