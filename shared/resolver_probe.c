/*
 * The question and its answer.  Only the header and the question are read:
 * an answer without records would be as good, since AD covers the denial too.
 */

#include "shared/resolver_probe.h"

#include <string.h>

#include "shared/pack.h"

#define HEADER_BYTES	12
#define FLAG_QR		0x8000
#define FLAG_RD		0x0100
#define FLAG_AD		0x0020
#define MASK_OPCODE	0x7800
#define MASK_RCODE	0x000f

/* One question: the root's name, type SOA, class IN. */
static const unsigned char root_soa[] = { 0, 0, 6, 0, 1 };

static void
conf_line_parse(struct text line, struct address *out, size_t *count)
{
	struct text word, server;

	if (*count < RESOLVER_SERVERS_MAX && text_next_word(&line, &word) &&
	    text_equals(word, "nameserver") && text_next_word(&line, &server) &&
	    address_parse(server, &out[*count]))
		(*count)++;
}

size_t
resolver_conf_parse(struct text resolv_conf,
    struct address out[RESOLVER_SERVERS_MAX])
{
	struct text rest = resolv_conf, line;
	size_t count = 0;

	while (text_next_line(&rest, &line))
		conf_line_parse(line, out, &count);
	if (count == 0 && address_parse(text_of("127.0.0.1"), &out[0]))
		count = 1;
	return count;
}

void
resolver_question_format(uint16_t id,
    unsigned char out[RESOLVER_QUESTION_BYTES])
{
	const unsigned char header[HEADER_BYTES] = {
		(unsigned char)(id >> 8), (unsigned char)id,
		FLAG_RD >> 8, FLAG_AD, 0, 1
	};

	memcpy(out, header, HEADER_BYTES);
	memcpy(out + HEADER_BYTES, root_soa, sizeof(root_soa));
}

enum resolver_reply
resolver_reply_judge(uint16_t id, struct text reply)
{
	struct unpack u;
	uint16_t reply_id, flags, questions;

	if (reply.len < RESOLVER_QUESTION_BYTES)
		return RESOLVER_STRANGE;
	unpack_init(&u, reply.data, reply.len);
	reply_id = unpack_u16(&u);
	flags = unpack_u16(&u);
	questions = unpack_u16(&u);
	if (reply_id != id || (flags & (FLAG_QR | MASK_OPCODE)) != FLAG_QR ||
	    questions != 1 || memcmp(reply.data + HEADER_BYTES, root_soa,
	    sizeof(root_soa)) != 0)
		return RESOLVER_STRANGE;
	if ((flags & MASK_RCODE) != 0)
		return RESOLVER_FAILED;
	return flags & FLAG_AD ? RESOLVER_VALIDATED : RESOLVER_UNSIGNED;
}
