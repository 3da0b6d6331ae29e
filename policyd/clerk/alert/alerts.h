/*
 * Telling a person what changed: by a command, by mail and by a webhook, as
 * the options alert_* say.  What is worth telling is alert_watch's and
 * alert_states', how much at one time alert_queue's; here it is done, and
 * written down.
 */

#ifndef HOPSEAL_ALERTS_H
#define HOPSEAL_ALERTS_H

#include "policyd/clerk/alert/alert_queue.h"
#include "policyd/process/control_message.h"
#include "shared/text.h"

/* Of questions whose answer is for alerts_on_status; no connection's. */
#define ALERTS_ASKER		(UINT64_C(1) << 62)

struct alerts;
struct child;
struct ledger;
struct ledger_share;
struct tls_session;

struct alerts_callbacks {
	/* Put the question "status", as ALERTS_ASKER. */
	void	(*ask_status)(void *arg);
	/* The answer to alerts_test; line is the callee's to free. */
	void	(*on_tested)(uint64_t connection, char *line, void *arg);
	/*
	 * From now on somebody is told, of what was raised before, too.  May
	 * be called by alerts_new.
	 */
	void	(*on_begin)(void *arg);
};

/* callbacks are borrowed for as long as it lives. */
struct alerts	*alerts_new(struct child *child, struct ledger *ledger,
		    struct ledger_share *share,
		    const struct alerts_callbacks *callbacks, void *arg);
void		 alerts_free(struct alerts *alerts);	/* NULL is fine */
/* Before the settings and the connection to Redis are replaced. */
void		 alerts_abort(struct alerts *alerts);
/* child->settings has others. */
void		 alerts_on_settings(struct alerts *alerts);

/*
 * A change that is told at once.  kind is a word ("certificate"), subject what
 * it is about; words say what happened and what to do.  All are quoted.  It is
 * safe after alerts_keep.
 */
void		 alerts_raise(struct alerts *alerts,
		    enum alert_severity severity, const char *kind,
		    const char *subject, const char *words);
/* Writes down what has changed. */
void		 alerts_keep(struct alerts *alerts);
/* The status, as its JSON. */
void		 alerts_on_status(struct alerts *alerts, const char *line);
/* A MESSAGE_VERDICT of the front. */
void		 alerts_on_verdict(struct alerts *alerts, struct text payload);
/* A session in which the peer refuses our certificate. */
void		 alerts_on_refusal(struct alerts *alerts,
		    const struct tls_session *session);

/* An ERRAND_DONE, false when it is another's; and that the scout is gone. */
bool		 alerts_on_errand(struct alerts *alerts, uint64_t number,
		    struct text payload);
void		 alerts_on_scout_gone(struct alerts *alerts);

/* True for the queue id of one of our latest mails, as the relay answered. */
bool		 alerts_sent_mail(const struct alerts *alerts,
		    struct text queue_id);

/* Sends each destination a message that says it is a test. */
void		 alerts_test(struct alerts *alerts, uint64_t connection);

/* The part "alerts" of the status. */
struct alerts_status {
	enum control_state	  state;
	char			  detail[400], advice[200];
	struct alert_queue_counts counts[ALERT_WAY_COUNT];
};
void		 alerts_status(struct alerts *alerts,
		    struct alerts_status *out);

#endif
