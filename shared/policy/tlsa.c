/*
 * TLSA records: wire and text form, and which of them an SMTP client may use.
 * Comparing them with certificates is OpenSSL's (cert_check).
 */

#include "shared/policy/tlsa.h"

#include <assert.h>
#include <stdio.h>

#define SHA256_BYTES 32
#define SHA512_BYTES 64

/* RFC 6698, 2.1: usage, selector, matching type, then at least one octet. */
bool
tlsa_parse(struct text rdata, struct tlsa *out)
{
	if (rdata.len < 4)
		return false;
	out->usage = (uint8_t)rdata.data[0];
	out->selector = (uint8_t)rdata.data[1];
	out->matching_type = (uint8_t)rdata.data[2];
	out->data = (struct text){ rdata.data + 3, rdata.len - 3 };
	return true;
}

static bool
take_octet(struct text *rest, uint8_t *out)
{
	struct text word;
	uint64_t value;

	if (!text_next_word(rest, &word) ||
	    !text_parse_u64(word, UINT8_MAX, &value))
		return false;
	*out = (uint8_t)value;
	return true;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* RFC 6698, 2.2. */
bool
tlsa_parse_text(struct text t, unsigned char storage[TLSA_DATA_MAX_BYTES],
    struct tlsa *out)
{
	struct text rest = t, word;
	struct tlsa record;
	size_t digits = 0, i;
	int value;

	if (!take_octet(&rest, &record.usage) ||
	    !take_octet(&rest, &record.selector) ||
	    !take_octet(&rest, &record.matching_type))
		return false;
	while (text_next_word(&rest, &word))
		for (i = 0; i < word.len; i++, digits++) {
			value = hex_value(word.data[i]);
			if (value == -1 || digits / 2 == TLSA_DATA_MAX_BYTES)
				return false;
			if (digits % 2 == 0)
				storage[digits / 2] =
				    (unsigned char)(value << 4);
			else
				storage[digits / 2] |= (unsigned char)value;
		}
	if (digits == 0 || digits % 2 != 0)
		return false;
	record.data = (struct text){ (const char *)storage, digits / 2 };
	*out = record;
	return true;
}

bool
tlsa_is_usable(const struct tlsa *record)
{
	if (record->usage != 2 && record->usage != 3)
		return false;
	if (record->selector > 1)
		return false;
	switch (record->matching_type) {
	case 0:
		return record->data.len > 0 &&
		    record->data.len <= TLSA_DATA_MAX_BYTES;
	case 1:
		return record->data.len == SHA256_BYTES;
	case 2:
		return record->data.len == SHA512_BYTES;
	default:
		return false;
	}
}

char *
tlsa_format(char *out, size_t size, const struct tlsa *record)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t at, i;
	unsigned char octet;
	int len;

	assert(size > 0);
	len = snprintf(out, size, "%u %u %u ", record->usage,
	    record->selector, record->matching_type);
	at = (size_t)len;
	for (i = 0; i < record->data.len && at + 2 < size; i++, at += 2) {
		octet = (unsigned char)record->data.data[i];
		out[at] = digits[octet >> 4];
		out[at + 1] = digits[octet & 15];
	}
	if (at < size)
		out[at] = '\0';
	return out;
}
