/*
 * One message to one destination, once: by the command, or as an errand of the
 * scout, by mail or POST.  Whether to try again is the caller's.
 */

#ifndef HOPSEAL_ALERT_SEND_H
#define HOPSEAL_ALERT_SEND_H

#include "policyd/clerk/alert/alert_queue.h"
#include "shared/text.h"

struct alert_sends;
struct child;

/*
 * How it ended: once for each, perhaps before alert_send_start returns.  words,
 * the other side's, are borrowed for the call.
 */
typedef void alert_sent_cb(struct alert_destination *to, bool is_test,
    bool is_taken, const char *words, void *arg);

/* origin goes into message ids; borrowed. */
struct alert_sends *alert_sends_new(struct child *child, const char *origin,
		    alert_sent_cb *callback, void *arg);
/* What is under way is cut off; nobody is told. */
void		 alert_sends_free(struct alert_sends *sends);

/* to stays until it ended; m is borrowed for the call. */
void		 alert_send_start(struct alert_sends *sends,
		    struct alert_destination *to,
		    const struct alert_message *m, bool is_test);
/* An ERRAND_DONE of the scout; false when it is of nobody here. */
bool		 alert_sends_on_errand(struct alert_sends *sends,
		    uint64_t number, struct text payload);
void		 alert_sends_on_scout_gone(struct alert_sends *sends);
/* Ends what takes too long; now and then. */
void		 alert_sends_check(struct alert_sends *sends);
/* Ends all. */
void		 alert_sends_abort(struct alert_sends *sends,
		    const char *words);

#endif
