/*
 * What the clerk hears anyway, as troubles that a person should know of: the
 * parts of its own status, and sessions in which a peer refuses our
 * certificate.  Which part is worth an alert is a table here.  No I/O.
 */

#ifndef HOPSEAL_ALERT_WATCH_H
#define HOPSEAL_ALERT_WATCH_H

#include "policyd/clerk/alert/alert_states.h"

#define ALERT_REFUSALS		3	/* within an hour */
#define ALERT_REFUSALS_SPAN_S	3600
#define ALERT_REFUSALS_OVER_S	86400	/* without another one */

struct tls_session;
struct alert_watch;

struct alert_watch_times {
	unsigned	after_s;	/* option alert_after */
	unsigned	silence_s;	/* option alert_silence */
};

struct alert_watch *alert_watch_new(void);
void		 alert_watch_free(struct alert_watch *w);
/* status: the answer to "status" (status_json). */
void		 alert_watch_status(struct alert_watch *w,
		    struct alert_states *states, const json_t *status,
		    const struct alert_watch_times *times, int64_t now);
/* A session with refuses_our_certificate. */
void		 alert_watch_refusal(struct alert_watch *w,
		    struct alert_states *states, const struct tls_session *s,
		    int64_t now);

#endif
