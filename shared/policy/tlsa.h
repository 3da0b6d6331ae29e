/*
 * TLSA records (RFC 6698, 2) and which of them an SMTP client may use
 * (RFC 7672, 3.1).
 */

#ifndef HOPSEAL_TLSA_H
#define HOPSEAL_TLSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/text.h"

#define TLSA_DATA_MAX_BYTES 4096	/* a full certificate fits; longer: unusable */

struct tlsa {
	uint8_t		usage, selector, matching_type;
	struct text	data;	/* a slice of the record data */
};

/* From the wire form of the record data; false when shorter than 4 octets. */
bool	tlsa_parse(struct text rdata, struct tlsa *out);
/* From "3 1 1 HEX", blanks within HEX allowed; data is decoded into storage. */
bool	tlsa_parse_text(struct text t, unsigned char storage[TLSA_DATA_MAX_BYTES],
	    struct tlsa *out);
/*
 * Usable for SMTP: usage DANE-TA(2) or DANE-EE(3) (RFC 7672, 3.1.3), selector
 * 0 or 1, matching type 0 with data, 1 with 32 or 2 with 64 octets.
 */
bool	tlsa_is_usable(const struct tlsa *record);
/* "3 1 1 AABB..." in upper case hex, as Postfix writes it; always terminated. */
char	*tlsa_format(char *out, size_t size, const struct tlsa *record);

#endif
