/*
 * What the front tells the clerk of sessions: what was promised for a domain
 * when Postfix asked for it, and who comes to us, where no log can be read.
 */

#ifndef HOPSEAL_FEEDBACK_H
#define HOPSEAL_FEEDBACK_H

struct access_request;
struct facts;
struct front;

/* Postfix is about to deliver with these facts. */
void	feedback_tell_promise(struct front *front, const struct facts *facts);
/*
 * A request of smtpd, told once for each session and only with inbound_source =
 * access.
 */
void	feedback_tell_session(struct front *front,
	    const struct access_request *request);

#endif
