/*
 * zlib with bounds: the output grows in pieces, and after each of them the
 * limit and the ratio are looked at.
 */

#include "shared/tlsrpt/gzip.h"

#include <assert.h>
#include <limits.h>

#define ZLIB_CONST		/* next_in is not written to */
#include <zlib.h>

/* zlib's largest window, with gzip's header instead of its own. */
#define WINDOW_BITS	(15 + 16)
#define MEMORY_LEVEL	8	/* zlib's default */
#define PIECE_BYTES	16384

/* RFC 1952, 2.3.1 */
bool
gzip_match(struct text t)
{
	return text_starts_with(t, "\037\213\010");
}

/* Inflates z's input behind what out holds; NULL, or what is wrong. */
static const char *
expand(z_stream *z, struct buffer *out)
{
	size_t was_len = out->len, len = z->avail_in;
	unsigned char piece[PIECE_BYTES];
	int status;

	do {
		z->next_out = piece;
		z->avail_out = sizeof(piece);
		status = inflate(z, Z_NO_FLUSH);
		if (status != Z_OK && status != Z_STREAM_END)
			return status == Z_BUF_ERROR ? "gzip: cut" :
			    "gzip: broken";
		buffer_add(out, piece, sizeof(piece) - z->avail_out);
		if (out->is_overfull)
			return "gzip: unpacks to too much";
		if (out->len - was_len > len * GZIP_RATIO_MAX)
			return "gzip: unpacks to more than 200 times its size";
	} while (status != Z_STREAM_END);
	return NULL;
}

int
gzip_expand(struct text t, struct buffer *out, const char **why)
{
	z_stream z = { .next_in = (const unsigned char *)t.data };
	const char *refused;
	int status;

	if (!gzip_match(t) || t.len > UINT_MAX) {
		*why = "gzip: it is none";
		return -1;
	}
	z.avail_in = (unsigned)t.len;
	status = inflateInit2(&z, WINDOW_BITS);
	assert(status == Z_OK);
	refused = expand(&z, out);
	inflateEnd(&z);
	if (refused == NULL)
		return 0;
	*why = refused;
	return -1;
}

int
gzip_compress(struct text t, struct buffer *out)
{
	unsigned char piece[PIECE_BYTES];
	z_stream z = { .next_in = (const unsigned char *)t.data };
	int status;

	assert(t.len <= UINT_MAX);
	z.avail_in = (unsigned)t.len;
	status = deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_BITS,
	    MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
	assert(status == Z_OK);
	do {
		z.next_out = piece;
		z.avail_out = sizeof(piece);
		status = deflate(&z, Z_FINISH);
		buffer_add(out, piece, sizeof(piece) - z.avail_out);
	} while (status == Z_OK && !out->is_overfull);
	deflateEnd(&z);
	return out->is_overfull ? -1 : 0;
}
