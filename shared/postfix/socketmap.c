/*
 * socketmap_table(5): netstrings that hold "NAME KEY" one way and a status word
 * with data the other way.  Nothing of a payload is looked at before all of it
 * is there, so that a sender of single bytes costs no more than another.
 */

#include "shared/postfix/socketmap.h"

#include <assert.h>
#include <string.h>

/*
 * request   = length ":" map " " key ","
 * length    = decimal octets of what stands between ":" and ","
 *
 * It cannot begin with a zero: a request of no octets has no blank.
 */
enum socketmap_result
socketmap_parse(const char *data, size_t len, struct socketmap_request *out,
    size_t *used, const char **why)
{
	const char *payload, *blank;
	size_t i, size = 0;

	if (len > 0 && data[0] == '0') {
		*why = "netstring: the length begins with a zero";
		return SOCKETMAP_BAD;
	}
	for (i = 0; i < len && data[i] >= '0' && data[i] <= '9'; i++) {
		size = size * 10 + (size_t)(data[i] - '0');
		if (size > SOCKETMAP_REQUEST_MAX) {
			*why = "netstring: the request is too long";
			return SOCKETMAP_BAD;
		}
	}
	if (i == len)
		return SOCKETMAP_MORE;
	if (i == 0 || data[i] != ':') {
		*why = "netstring: the length is no number";
		return SOCKETMAP_BAD;
	}
	i++;
	if (len - i <= size)
		return SOCKETMAP_MORE;
	payload = data + i;
	if (payload[size] != ',') {
		*why = "netstring: no comma at the end";
		return SOCKETMAP_BAD;
	}
	if (memchr(payload, '\0', size) != NULL) {
		*why = "socketmap: a NUL in the request";
		return SOCKETMAP_BAD;
	}
	blank = memchr(payload, ' ', size);
	if (blank == NULL) {
		*why = "socketmap: no blank after the map's name";
		return SOCKETMAP_BAD;
	}
	out->map = (struct text){ payload, (size_t)(blank - payload) };
	out->key = (struct text){ blank + 1, size - out->map.len - 1 };
	*used = i + size + 1;
	return SOCKETMAP_DONE;
}

void
socketmap_format(struct buffer *b, struct text payload)
{
	assert(payload.len <= SOCKETMAP_REPLY_MAX);
	buffer_addf(b, "%zu:", payload.len);
	buffer_add(b, payload.data, payload.len);
	buffer_add(b, ",", 1);
}
