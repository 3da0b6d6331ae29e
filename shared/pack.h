/*
 * Values in a message's payload: fixed-width integers in network order and
 * byte strings with a 32-bit length; and for what is kept in memory integers of
 * as many octets as they need.  Reading goes through a cursor whose error is
 * sticky: read all fields, then test once.
 */

#ifndef HOPSEAL_PACK_H
#define HOPSEAL_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

struct unpack {
	const unsigned char	*data;
	size_t			 left;
	bool			 is_bad;	/* something was missing */
};

void	pack_u8(struct buffer *b, uint8_t value);
void	pack_u16(struct buffer *b, uint16_t value);
void	pack_u32(struct buffer *b, uint32_t value);
void	pack_u64(struct buffer *b, uint64_t value);
void	pack_text(struct buffer *b, struct text value);
void	pack_string(struct buffer *b, const char *value);
/* Seven bits an octet, the lowest first; the last octet lacks the eighth bit. */
void	pack_varint(struct buffer *b, uint64_t value);
/* Behind its length as a varint. */
void	pack_brief(struct buffer *b, struct text value);

void		unpack_init(struct unpack *u, const void *data, size_t len);
/* Zero and empty after an error. */
uint8_t		unpack_u8(struct unpack *u);
uint16_t	unpack_u16(struct unpack *u);
uint32_t	unpack_u32(struct unpack *u);
uint64_t	unpack_u64(struct unpack *u);
/* A slice of the message. */
struct text	unpack_text(struct unpack *u);
uint64_t	unpack_varint(struct unpack *u);
struct text	unpack_brief(struct unpack *u);
/* The next len octets. */
struct text	unpack_octets(struct unpack *u, size_t len);
/* True when all was there and nothing is left. */
bool		unpack_is_done(const struct unpack *u);

#endif
