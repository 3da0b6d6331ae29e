/*
 * socketmap_table(5): netstrings that hold "NAME KEY" one way and a status word
 * with data the other way.  A pure parser of a byte stream.
 */

#ifndef HOPSEAL_SOCKETMAP_H
#define HOPSEAL_SOCKETMAP_H

#include <stddef.h>

#include "shared/buffer.h"
#include "shared/text.h"

/* Postfix 3.12 sends at most 10,000 octets of key; a name and a blank more. */
#define SOCKETMAP_REQUEST_MAX	10240
#define SOCKETMAP_REPLY_MAX	100000

struct socketmap_request {
	struct text	map;	/* what stands before the first blank */
	struct text	key;	/* the rest; may be empty, may hold blanks */
};

enum socketmap_result { SOCKETMAP_DONE, SOCKETMAP_MORE, SOCKETMAP_BAD };

/*
 * Looks for one request at the begin of data.  DONE: slices of data and *used.
 * MORE: a proper prefix of a request.  BAD: letters, sign, blank or leading zero in
 * the length, more than SOCKETMAP_REQUEST_MAX, no comma, no blank after the
 * map's name, NUL in the payload; *why says it.
 */
enum socketmap_result socketmap_parse(const char *data, size_t len,
		    struct socketmap_request *out, size_t *used,
		    const char **why);
/* Adds payload as one netstring; at most SOCKETMAP_REPLY_MAX octets. */
void		socketmap_format(struct buffer *b, struct text payload);

#endif
