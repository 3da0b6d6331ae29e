/*
 * Does the resolver that Postfix uses validate?  The servers of resolv.conf, a
 * question for the root's signed SOA record, and what the answer says about
 * it: the AD bit (RFC 4035, 3.2.3; RFC 6840, 5.7).  Sockets are the scout's.
 */

#ifndef HOPSEAL_RESOLVER_PROBE_H
#define HOPSEAL_RESOLVER_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/address.h"
#include "shared/text.h"

#define RESOLVER_SERVERS_MAX	3	/* MAXNS of resolv.conf(5) */
#define RESOLVER_QUESTION_BYTES	17

enum resolver_reply {
	RESOLVER_STRANGE,	/* not the answer to our question */
	RESOLVER_FAILED,	/* the server could not or would not */
	RESOLVER_UNSIGNED,	/* answered without AD */
	RESOLVER_VALIDATED	/* answered with AD */
};

/*
 * The first addresses of "nameserver" lines, 127.0.0.1 when there are none;
 * returns their count.  Lines that name no address (also those with a zone,
 * "fe80::1%eth0") are left out.
 */
size_t	resolver_conf_parse(struct text resolv_conf,
	    struct address out[RESOLVER_SERVERS_MAX]);

/* ". IN SOA", recursion desired, AD set. */
void	resolver_question_format(uint16_t id,
	    unsigned char out[RESOLVER_QUESTION_BYTES]);
enum resolver_reply resolver_reply_judge(uint16_t id, struct text reply);

#endif
