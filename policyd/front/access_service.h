/*
 * The access policy service: check_policy_service (SMTPD_POLICY_README).  It
 * judges recipients at RCPT; everything else is none of its business.
 */

#ifndef HOPSEAL_ACCESS_SERVICE_H
#define HOPSEAL_ACCESS_SERVICE_H

#include "policyd/front/client.h"
#include "shared/policy/facts.h"

struct front;

/* The service for listener_new; front outlives it. */
const struct service *access_service(struct front *front);

/*
 * Adds what an authenticated client is told of a recipient at hop: "DUNNO",
 * "DEFER_IF_PERMIT 4.7.5 ...", "HOLD ...".  For "hopseal explain" too.  Returns
 * the second from which on it must be judged anew, 0 for never.
 */
int64_t	access_service_answer(struct front *front, const struct facts *facts,
	    struct buffer *out);

#endif
