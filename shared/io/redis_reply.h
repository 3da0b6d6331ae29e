/*
 * What Redis answers (RESP2), as values of our own: hiredis' reader does the
 * parsing and stays behind this header, the limits are ours.  Bytes in; done,
 * more or bad out; no sockets.
 */

#ifndef HOPSEAL_REDIS_REPLY_H
#define HOPSEAL_REDIS_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "shared/text.h"

#define REDIS_REPLY_BYTES_MAX	(2 * 1024 * 1024)
#define REDIS_REPLY_VALUES_MAX	65536	/* in one reply, arrays included */

enum redis_reply_type {
	REDIS_NIL, REDIS_INTEGER, REDIS_TEXT, REDIS_STATUS, REDIS_ERROR,
	REDIS_ARRAY
};

struct redis_reply {
	enum redis_reply_type	  type;
	int64_t			  integer;	/* of REDIS_INTEGER */
	struct text		  text;		/* of TEXT, STATUS, ERROR */
	struct redis_reply	**elements;	/* of REDIS_ARRAY */
	size_t			  count;
};

struct redis_reader;

struct redis_reader *redis_reader_new(void);
void	redis_reader_free(struct redis_reader *r);
void	redis_reader_feed(struct redis_reader *r, const void *data, size_t len);
/*
 * The next reply of what was fed.  DONE: *out is the caller's until
 * redis_reply_free.  BAD with *why: no RESP2, or beyond the limits; the reader
 * is of no more use.
 */
enum redis_reader_result { REDIS_READER_DONE, REDIS_READER_MORE,
    REDIS_READER_BAD };
enum redis_reader_result redis_reader_next(struct redis_reader *r,
	    struct redis_reply **out, const char **why);

void	redis_reply_free(struct redis_reply *reply);

#endif
