/*
 * The framing of the messages between our processes: version, type, number,
 * length, payload.  A pure parser of a byte stream; sockets and descriptors
 * are the channel's (policyd/channel.h).
 *
 *	octet 0      version, FRAME_VERSION
 *	octet 1      type, the users' enum
 *	octet 2, 3   zero
 *	octet 4-7    payload length in network order, at most FRAME_PAYLOAD_MAX
 *	octet 8-15   number: pairs a question with its answer, 0 for neither
 */

#ifndef HOPSEAL_FRAME_H
#define HOPSEAL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define FRAME_VERSION		1
#define FRAME_HEADER_BYTES	16
#define FRAME_PAYLOAD_MAX	(8 * 1024 * 1024)

struct frame {
	uint8_t		type;
	uint64_t	number;
	struct text	payload;	/* a slice of the stream */
};

enum frame_result { FRAME_DONE, FRAME_MORE, FRAME_BAD };

/*
 * Looks for one frame at the begin of data.  FRAME_DONE: *out is set and *used
 * bytes belong to it.  FRAME_MORE: a proper prefix.  FRAME_BAD: wrong version,
 * reserved octets set, or too long; *why names it.
 */
enum frame_result frame_parse(const void *data, size_t len, struct frame *out,
		    size_t *used, const char **why);
/* Adds a whole frame; payload.len is at most FRAME_PAYLOAD_MAX. */
void		frame_format(struct buffer *b, uint8_t type, uint64_t number,
		    struct text payload);

#endif
