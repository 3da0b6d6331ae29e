/*
 * The TLS policy map: smtp_tls_policy_maps by socketmap (socketmap_table(5)).
 */

#ifndef HOPSEAL_MAP_SERVICE_H
#define HOPSEAL_MAP_SERVICE_H

#include "policyd/front/client.h"
#include "shared/postfix/map_reply.h"

struct front;

/* The service for listener_new; front outlives it. */
const struct service *map_service(struct front *front);

/*
 * What Postfix is told of hop now, from what is known: adds the payload of the
 * reply, for the service and for "hopseal explain".  Returns the second from which on
 * it must be made anew, 0 for never.
 */
int64_t	map_service_answer(struct front *front, const struct next_hop *hop,
	    const struct facts *facts, enum map_name name, struct buffer *out);

#endif
