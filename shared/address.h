/*
 * IP addresses and networks: text form, special-use ranges (RFC 6890 and its
 * registry), and the lists that options hold.
 */

#ifndef HOPSEAL_ADDRESS_H
#define HOPSEAL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/text.h"

struct address {
	uint8_t	family;		/* 4 or 6 */
	uint8_t	octets[16];	/* network order; 4 used for family 4 */
};

#define ADDRESS_TEXT_SIZE 46

struct network {
	struct address	address;	/* host bits are zero */
	uint8_t		prefix_bits;	/* 0-32, 0-128 */
};

struct network_list {
	struct network	*networks;
	size_t		 count;
};

/* "192.0.2.1", "2001:db8::1", also with Postfix's brackets: "[::1]". */
bool	address_parse(struct text t, struct address *out);
char	*address_format(const struct address *a, char out[ADDRESS_TEXT_SIZE]);
bool	address_equals(const struct address *a, const struct address *b);
bool	address_is_loopback(const struct address *a);

/*
 * True for addresses that a host of the public Internet cannot have (IANA's
 * special-purpose and multicast registries).  IPv4: this network, loopback,
 * private, shared (CGNAT), link-local, protocol assignments, documentation,
 * 6to4 relays, benchmarking, multicast, reserved, broadcast.  IPv6: all
 * outside 2000::/3 (so ::, ::1, v4-mapped, ULA, link-local, multicast),
 * protocol assignments, documentation, and 6to4 or NAT64 of a special v4
 * address.
 */
bool	address_is_special(const struct address *a);

/*
 * Postfix's mynetworks form: "127.0.0.0/8 [::1]/128, 10.0.0.1", blanks, line
 * ends or commas between.  Entries that need a table ("/file", "type:name",
 * "!net") are skipped and counted in *skipped.  Returns -1 with *why at an
 * entry that is neither, or a network whose host bits are not zero (Postfix
 * refuses it too).  *out is the caller's until network_list_clear.
 */
int	network_list_parse(struct text t, struct network_list *out,
	    size_t *skipped, const char **why);
bool	network_list_contains(const struct network_list *list,
	    const struct address *a);
void	network_list_clear(struct network_list *list);

#endif
