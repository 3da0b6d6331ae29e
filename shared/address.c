/*
 * IP addresses and networks, values only.  Nothing here asks the system for
 * its addresses, and names are not resolved.
 */

#include "shared/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"

static size_t
address_bytes(const struct address *a)
{
	return a->family == 4 ? 4 : 16;
}

static struct text
without_brackets(struct text t)
{
	if (t.len < 2 || t.data[0] != '[' || t.data[t.len - 1] != ']')
		return t;
	return (struct text){ t.data + 1, t.len - 2 };
}

bool
address_parse(struct text t, struct address *out)
{
	struct text plain = without_brackets(t);
	char terminated[ADDRESS_TEXT_SIZE];
	struct address a = { 0 };

	if (plain.len == 0 || plain.len >= sizeof(terminated) ||
	    memchr(plain.data, '\0', plain.len) != NULL)
		return false;
	memcpy(terminated, plain.data, plain.len);
	terminated[plain.len] = '\0';
	if (inet_pton(AF_INET, terminated, a.octets) == 1)
		a.family = 4;
	else if (inet_pton(AF_INET6, terminated, a.octets) == 1)
		a.family = 6;
	else
		return false;
	*out = a;
	return true;
}

char *
address_format(const struct address *a, char out[ADDRESS_TEXT_SIZE])
{
	/* Cannot fail: the family is known and the room suffices. */
	inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->octets, out,
	    ADDRESS_TEXT_SIZE);
	return out;
}

bool
address_equals(const struct address *a, const struct address *b)
{
	return a->family == b->family &&
	    memcmp(a->octets, b->octets, address_bytes(a)) == 0;
}

bool
address_is_loopback(const struct address *a)
{
	static const struct address v6 = { 6, { [15] = 1 } };

	return (a->family == 4 && a->octets[0] == 127) ||
	    address_equals(a, &v6);
}

static bool
network_contains(const struct network *n, const struct address *a)
{
	size_t whole = n->prefix_bits / 8;
	unsigned mask = 0xff00 >> (n->prefix_bits % 8) & 0xff;

	return n->address.family == a->family &&
	    memcmp(n->address.octets, a->octets, whole) == 0 &&
	    (mask == 0 || (n->address.octets[whole] & mask) ==
	    (a->octets[whole] & mask));
}

/* From IANA's registries of special-purpose and multicast addresses. */
static const struct network special_v4[] = {
	{ { 4, { 0 } }, 8 },		/* this network, RFC 791 */
	{ { 4, { 10 } }, 8 },		/* private, RFC 1918 */
	{ { 4, { 100, 64 } }, 10 },	/* shared, RFC 6598 */
	{ { 4, { 127 } }, 8 },		/* loopback, RFC 1122 */
	{ { 4, { 169, 254 } }, 16 },	/* link-local, RFC 3927 */
	{ { 4, { 172, 16 } }, 12 },	/* private, RFC 1918 */
	{ { 4, { 192, 0, 0 } }, 24 },	/* protocol assignments, RFC 6890 */
	{ { 4, { 192, 0, 2 } }, 24 },	/* documentation, RFC 5737 */
	{ { 4, { 192, 88, 99 } }, 24 },	/* 6to4 relays, RFC 7526 */
	{ { 4, { 192, 168 } }, 16 },	/* private, RFC 1918 */
	{ { 4, { 198, 18 } }, 15 },	/* benchmarking, RFC 2544 */
	{ { 4, { 198, 51, 100 } }, 24 },/* documentation, RFC 5737 */
	{ { 4, { 203, 0, 113 } }, 24 },	/* documentation, RFC 5737 */
	{ { 4, { 224 } }, 4 },		/* multicast, RFC 1112 */
	{ { 4, { 240 } }, 4 },		/* reserved and broadcast, RFC 1112 */
};

/* IANA has given out no other space to hosts (RFC 4291, 2.4). */
static const struct network global_v6 = { { 6, { 0x20 } }, 3 };

static const struct network special_v6[] = {
	{ { 6, { 0x20, 0x01 } }, 23 },	/* protocol assignments, RFC 2928 */
	{ { 6, { 0x20, 0x01, 0x0d, 0xb8 } }, 32 },	/* RFC 3849 */
	{ { 6, { 0x3f, 0xff } }, 20 },	/* documentation, RFC 9637 */
};

/* A v4 address travels inside: 6to4 (RFC 3056), NAT64 (RFC 6052). */
static const struct network six_to_four = { { 6, { 0x20, 0x02 } }, 16 };
static const struct network nat64 = {
	{ 6, { 0x00, 0x64, 0xff, 0x9b } }, 96
};

static bool
is_in(const struct network *networks, size_t count, const struct address *a)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (network_contains(&networks[i], a))
			return true;
	return false;
}

static bool
is_special_inside(const struct address *a, size_t at)
{
	struct address inner = { .family = 4 };

	memcpy(inner.octets, a->octets + at, 4);
	return address_is_special(&inner);
}

bool
address_is_special(const struct address *a)
{
	if (a->family == 4)
		return is_in(special_v4,
		    sizeof(special_v4) / sizeof(special_v4[0]), a);
	if (network_contains(&six_to_four, a))
		return is_special_inside(a, 2);
	if (network_contains(&nat64, a))
		return is_special_inside(a, 12);
	return !network_contains(&global_v6, a) || is_in(special_v6,
	    sizeof(special_v6) / sizeof(special_v6[0]), a);
}

static bool
is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* Cuts the next entry; those of "inline:{ ... }" hold separators in braces. */
static bool
next_entry(struct text *rest, struct text *entry)
{
	size_t depth = 0, i = 0;

	while (rest->len > 0 && is_separator(rest->data[0])) {
		rest->data++;
		rest->len--;
	}
	for (; i < rest->len; i++) {
		if (rest->data[i] == '{')
			depth++;
		else if (rest->data[i] == '}' && depth > 0)
			depth--;
		else if (depth == 0 && is_separator(rest->data[i]))
			break;
	}
	*entry = (struct text){ rest->data, i };
	rest->data += i;
	rest->len -= i;
	return i > 0;
}

/* "/file", "!net", or "type:name", which an IPv6 address may look like. */
static bool
needs_table(struct text entry)
{
	struct text rest = entry, part;
	struct address address;

	if (entry.data[0] == '/' || entry.data[0] == '!')
		return true;
	text_next_field(&rest, '/', &part);
	if (address_parse(part, &address))
		return false;
	rest = entry;
	text_next_field(&rest, ':', &part);
	return rest.data != NULL && part.len > 0 &&
	    ((part.data[0] >= 'a' && part.data[0] <= 'z') ||
	    (part.data[0] >= 'A' && part.data[0] <= 'Z'));
}

static bool
has_host_bits(const struct network *n)
{
	size_t i;

	for (i = n->prefix_bits; i < 8 * address_bytes(&n->address); i++)
		if (n->address.octets[i / 8] & 0x80 >> i % 8)
			return true;
	return false;
}

/* "ADDRESS" or "ADDRESS/BITS". */
static int
parse_network(struct text entry, struct network *out, const char **why)
{
	struct text rest = entry, address;
	struct network n;
	uint64_t max_bits, bits;

	text_next_field(&rest, '/', &address);
	if (!address_parse(address, &n.address)) {
		*why = "neither an address, a network nor a table";
		return -1;
	}
	bits = max_bits = 8 * address_bytes(&n.address);
	if (rest.data != NULL && !text_parse_u64(rest, max_bits, &bits)) {
		*why = "bad prefix length of a network";
		return -1;
	}
	n.prefix_bits = (uint8_t)bits;
	if (has_host_bits(&n)) {
		*why = "network with host bits that are not zero";
		return -1;
	}
	*out = n;
	return 0;
}

int
network_list_parse(struct text t, struct network_list *out, size_t *skipped,
    const char **why)
{
	struct network_list list = { 0 };
	struct network network;
	struct text entry;
	size_t table_count = 0;

	while (next_entry(&t, &entry)) {
		if (needs_table(entry)) {
			table_count++;
			continue;
		}
		if (parse_network(entry, &network, why) == -1) {
			network_list_clear(&list);
			return -1;
		}
		list.networks = xreallocarray(list.networks, list.count + 1,
		    sizeof(*list.networks));
		list.networks[list.count++] = network;
	}
	*out = list;
	*skipped = table_count;
	return 0;
}

bool
network_list_contains(const struct network_list *list,
    const struct address *a)
{
	return is_in(list->networks, list->count, a);
}

void
network_list_clear(struct network_list *list)
{
	free(list->networks);
	*list = (struct network_list){ 0 };
}
