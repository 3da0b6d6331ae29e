/*
 * Hellos of TLS 1.2.  The suites stand in one table, the weakest last, so that
 * what a server takes of them is the best of what it should not.
 */

#include "shared/tls_hello.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shared/pack.h"

#define RECORD_ALERT		21
#define RECORD_HANDSHAKE	22
#define HANDSHAKE_CLIENT_HELLO	1
#define HANDSHAKE_SERVER_HELLO	2
#define VERSION_1_0		0x0301	/* of the record: old servers look */
#define VERSION_1_2		0x0303
#define RECORD_HEADER_BYTES	5
#define EXTENSION_SERVER_NAME	0
#define EXTENSION_GROUPS	10
#define EXTENSION_FORMATS	11
#define EXTENSION_SIGNATURES	13
#define SCSV_RENEGOTIATION	0x00ff	/* RFC 5746, 3.3 */

/* IANA's registry of TLS cipher suites. */
static const struct {
	uint16_t		number;
	enum tls_hello_offer	offer;
	const char		*name;
} suites[] = {
	{ 0xc012, TLS_HELLO_WEAK, "ECDHE-RSA-DES-CBC3-SHA" },
	{ 0xc008, TLS_HELLO_WEAK, "ECDHE-ECDSA-DES-CBC3-SHA" },
	{ 0x0016, TLS_HELLO_WEAK, "DHE-RSA-DES-CBC3-SHA" },
	{ 0x000a, TLS_HELLO_WEAK, "DES-CBC3-SHA" },
	{ 0xc011, TLS_HELLO_WEAK, "ECDHE-RSA-RC4-SHA" },
	{ 0xc007, TLS_HELLO_WEAK, "ECDHE-ECDSA-RC4-SHA" },
	{ 0x0005, TLS_HELLO_WEAK, "RC4-SHA" },
	{ 0x0004, TLS_HELLO_WEAK, "RC4-MD5" },
	{ 0x0015, TLS_HELLO_WEAK, "DHE-RSA-DES-CBC-SHA" },
	{ 0x0009, TLS_HELLO_WEAK, "DES-CBC-SHA" },
	{ 0x0014, TLS_HELLO_WEAK, "EXP-DHE-RSA-DES-CBC-SHA" },
	{ 0x0008, TLS_HELLO_WEAK, "EXP-DES-CBC-SHA" },
	{ 0x0006, TLS_HELLO_WEAK, "EXP-RC2-CBC-MD5" },
	{ 0x0003, TLS_HELLO_WEAK, "EXP-RC4-MD5" },
	{ 0x00a7, TLS_HELLO_ANONYMOUS, "ADH-AES256-GCM-SHA384" },
	{ 0x00a6, TLS_HELLO_ANONYMOUS, "ADH-AES128-GCM-SHA256" },
	{ 0x006d, TLS_HELLO_ANONYMOUS, "ADH-AES256-SHA256" },
	{ 0x006c, TLS_HELLO_ANONYMOUS, "ADH-AES128-SHA256" },
	{ 0xc019, TLS_HELLO_ANONYMOUS, "AECDH-AES256-SHA" },
	{ 0xc018, TLS_HELLO_ANONYMOUS, "AECDH-AES128-SHA" },
	{ 0x003a, TLS_HELLO_ANONYMOUS, "ADH-AES256-SHA" },
	{ 0x0034, TLS_HELLO_ANONYMOUS, "ADH-AES128-SHA" },
	{ 0xc017, TLS_HELLO_ANONYMOUS, "AECDH-DES-CBC3-SHA" },
	{ 0x001b, TLS_HELLO_ANONYMOUS, "ADH-DES-CBC3-SHA" },
	{ 0xc016, TLS_HELLO_ANONYMOUS, "AECDH-RC4-SHA" },
	{ 0x0018, TLS_HELLO_ANONYMOUS, "ADH-RC4-MD5" },
};
#define SUITE_COUNT (sizeof(suites) / sizeof(suites[0]))

/* P-256, P-384, P-521, X25519; uncompressed points; RSA, ECDSA, DSA. */
static const unsigned char fixed_extensions[] = {
	0, EXTENSION_GROUPS, 0, 10, 0, 8, 0, 23, 0, 24, 0, 25, 0, 29,
	0, EXTENSION_FORMATS, 0, 2, 1, 0,
	0, EXTENSION_SIGNATURES, 0, 18, 0, 16, 4, 1, 4, 3, 5, 1, 5, 3, 6, 1,
	6, 3, 2, 1, 2, 3
};

/* ------------------------------------------------------------- ClientHello */

static void
add_suites(enum tls_hello_offer offer, struct buffer *b)
{
	size_t i, count = 1;

	for (i = 0; i < SUITE_COUNT; i++)
		count += suites[i].offer == offer;
	pack_u16(b, (uint16_t)(2 * count));
	for (i = 0; i < SUITE_COUNT; i++)
		if (suites[i].offer == offer)
			pack_u16(b, suites[i].number);
	pack_u16(b, SCSV_RENEGOTIATION);
}

/* RFC 6066, 3. */
static void
add_server_name(const char *host, struct buffer *b)
{
	uint16_t len = (uint16_t)strlen(host);

	pack_u16(b, EXTENSION_SERVER_NAME);
	pack_u16(b, (uint16_t)(len + 5));
	pack_u16(b, (uint16_t)(len + 3));
	pack_u8(b, 0);			/* host_name */
	pack_u16(b, len);
	buffer_add(b, host, len);
}

void
tls_hello_format(enum tls_hello_offer offer, const char *host,
    const unsigned char random[TLS_HELLO_RANDOM_BYTES], struct buffer *out)
{
	struct buffer body;

	buffer_init(&body, 1024);
	pack_u16(&body, VERSION_1_2);
	buffer_add(&body, random, TLS_HELLO_RANDOM_BYTES);
	pack_u8(&body, 0);		/* no session */
	add_suites(offer, &body);
	pack_u8(&body, 1);		/* no compression */
	pack_u8(&body, 0);
	pack_u16(&body, (uint16_t)(9 + strlen(host) +
	    sizeof(fixed_extensions)));
	add_server_name(host, &body);
	buffer_add(&body, fixed_extensions, sizeof(fixed_extensions));

	pack_u8(out, RECORD_HANDSHAKE);
	pack_u16(out, VERSION_1_0);
	pack_u16(out, (uint16_t)(body.len + 4));
	pack_u8(out, HANDSHAKE_CLIENT_HELLO);
	pack_u8(out, 0);
	pack_u16(out, (uint16_t)body.len);
	buffer_add(out, body.data, body.len);
	buffer_clear(&body);
}

/* ------------------------------------------------------------- ServerHello */

static const char *
find_suite(enum tls_hello_offer offer, uint16_t number)
{
	size_t i;

	for (i = 0; i < SUITE_COUNT; i++)
		if (suites[i].offer == offer && suites[i].number == number)
			return suites[i].name;
	return NULL;
}

static void
skip(struct unpack *u, size_t count)
{
	while (count-- > 0 && !u->is_bad)
		unpack_u8(u);
}

/*
 * RFC 5246, 7.4.1.3:  type, 24-bit length, version, random, session id with
 * its length, cipher suite.
 */
static enum tls_hello_result
parse_server_hello(enum tls_hello_offer offer, struct unpack *u,
    const char **suite)
{
	const char *name;
	uint8_t type;
	uint16_t number;

	type = unpack_u8(u);
	skip(u, 3 + 2 + TLS_HELLO_RANDOM_BYTES);
	skip(u, unpack_u8(u));
	number = unpack_u16(u);
	if (u->is_bad || type != HANDSHAKE_SERVER_HELLO)
		return TLS_HELLO_BAD;
	name = find_suite(offer, number);
	if (name == NULL)
		return TLS_HELLO_BAD;
	*suite = name;
	return TLS_HELLO_TAKEN;
}

enum tls_hello_result
tls_hello_parse(enum tls_hello_offer offer, const void *data, size_t len,
    const char **suite)
{
	struct unpack u;
	uint8_t type, major;
	uint16_t body;

	if (len == 0)
		return TLS_HELLO_MORE;
	unpack_init(&u, data, len);
	type = unpack_u8(&u);
	if (type != RECORD_HANDSHAKE && type != RECORD_ALERT)
		return TLS_HELLO_BAD;
	major = unpack_u8(&u);
	unpack_u8(&u);
	body = unpack_u16(&u);
	if (u.is_bad)
		return TLS_HELLO_MORE;
	if (major != VERSION_1_2 >> 8)
		return TLS_HELLO_BAD;
	if (type == RECORD_ALERT)
		return TLS_HELLO_REFUSED;
	if (u.left < body)
		return TLS_HELLO_MORE;
	unpack_init(&u, (const char *)data + RECORD_HEADER_BYTES, body);
	return parse_server_hello(offer, &u, suite);
}
