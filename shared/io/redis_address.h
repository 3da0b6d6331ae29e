/*
 * Where Redis is: the option "redis".  Apart from redis_link, so that programs
 * which only read the configuration need neither libevent nor hiredis.
 */

#ifndef HOPSEAL_REDIS_ADDRESS_H
#define HOPSEAL_REDIS_ADDRESS_H

#include "shared/io/endpoint.h"

#define REDIS_ADDRESS_DATABASE_MAX	65535

struct redis_address {
	struct endpoint	endpoint;
	unsigned	database;	/* SELECTed when not 0 */
};

/*
 * "unix:PATH", "redis://HOST", "redis://HOST:PORT", each of the latter perhaps
 * with "/DATABASE"; HOST is a name, an address or "[v6]", PORT 6379 when not
 * given.  User and password are options of their own and refused here.  0, or
 * -1 with *why.
 */
int	redis_address_parse(struct text t, struct redis_address *out,
	    const char **why);

#endif
