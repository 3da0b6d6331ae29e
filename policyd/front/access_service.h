/*
 * The access policy service: check_policy_service (SMTPD_POLICY_README).  It
 * judges recipients at RCPT; everything else is none of its business.
 */

#ifndef HOPSEAL_ACCESS_SERVICE_H
#define HOPSEAL_ACCESS_SERVICE_H

#include "policyd/front/client.h"

struct front;
struct tls_decision;

/* The service for listener_new; front outlives it. */
const struct service *access_service(struct front *front);

/*
 * Adds what an authenticated client is told of a recipient at hop: "DUNNO",
 * "DEFER_IF_PERMIT 4.7.5 ...", "HOLD ...".  For "hopseal explain" too.
 */
void	access_service_answer(const struct tls_decision *decision,
	    struct buffer *out);

#endif
