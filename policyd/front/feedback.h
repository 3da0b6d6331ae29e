/*
 * What front and clerk tell each other of sessions: what was promised for a
 * domain when Postfix asked for it, who comes to us, where no log can be read,
 * and how Postfix's own sessions ended.
 */

#ifndef HOPSEAL_FEEDBACK_H
#define HOPSEAL_FEEDBACK_H

#include "shared/text.h"

struct access_request;
struct facts;
struct front;
struct next_hop;
struct tls_decision;

/* A clerk has come: it hears of all promises that are known. */
void	feedback_start(struct front *front);
/* Postfix is about to deliver with these facts. */
void	feedback_tell_promise(struct front *front, const struct facts *facts);
/*
 * After each look at a domain: whether its mail is kept back, where that is
 * known.  Rules and time change it too, so it is told also when it is the same.
 */
void	feedback_tell_verdict(struct front *front, const struct next_hop *hop,
	    const struct tls_decision *decision);
/*
 * A request of smtpd, told once for each session and only with inbound_source =
 * access.
 */
void	feedback_tell_session(struct front *front,
	    const struct access_request *request);

/*
 * A MESSAGE_OUTCOME.  Anybody on this host may have forged it, so that it makes
 * no host bad: after a failure the host is looked at again at once, after a
 * verified session it is good for that domain, as long as it has its policy.
 */
void	feedback_take(struct front *front, struct text payload);

#endif
