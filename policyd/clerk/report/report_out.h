/*
 * Reports that go out (RFC 8460): after each UTC day every domain that was
 * sent mail to is asked for its TLSRPT record, and its reports leave, once, to
 * each destination that the record names.
 */

#ifndef HOPSEAL_REPORT_OUT_H
#define HOPSEAL_REPORT_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "policyd/process/control_message.h"
#include "shared/text.h"

struct child;
struct ledger;
struct ledger_share;
struct report_out;
struct sources;

/* sources: a past day is reported once these are read. */
struct report_out *report_out_new(struct child *child, struct ledger *ledger,
		    struct ledger_share *share, const struct sources *sources);
void		 report_out_free(struct report_out *out);
/* Before the settings and the connection to Redis are replaced. */
void		 report_out_abort(struct report_out *out);
/* child->settings has others. */
void		 report_out_on_settings(struct report_out *out);

/* Frames of the scout: TXT_ANSWER, ERRAND_DONE; and that it is gone. */
void		 report_out_on_txt(struct report_out *out, uint64_t number,
		    struct text payload);
void		 report_out_on_sent(struct report_out *out, uint64_t number,
		    struct text payload);
void		 report_out_on_scout_gone(struct report_out *out);

/*
 * The milter's note {"command": "received", "own_is_signed": B} about a report
 * of ours that left; false when the request is another one.
 */
bool		 report_out_take_note(struct report_out *out,
		    struct text request);

/*
 * True for the queue id of a report of the last days in the mail log: a report
 * about its session would bring the next one about (RFC 8460, 5.3).
 */
bool		 report_out_is_own(const struct report_out *out,
		    struct text queue_id);

/* The part "reports" of the status. */
struct report_out_status {
	enum control_state	state;
	char			detail[256], advice[200];
	/* Since the start. */
	uint64_t		sent, failed, doubtful, given_up;
};
void		 report_out_status(const struct report_out *out,
		    struct report_out_status *status);

#endif
