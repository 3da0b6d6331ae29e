/*
 * Mails that bring TLS reports of others (RFC 8460, 5.3) to one of
 * report_addresses: kept while they pass, within bounds, read at their end and
 * told to policyd.  And our own that leave: whether the site's signer has
 * signed them.  The mail goes on as it is, whatever becomes of that.
 */

#ifndef HOPSEAL_REPORT_INTAKE_H
#define HOPSEAL_REPORT_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/buffer.h"
#include "shared/text.h"

/* Octets of all such mails that pass at one time. */
#define REPORT_ROOM_BYTES	(64 * 1024 * 1024)

struct report_room;
struct setup;

struct report_intake {
	bool		 is_wanted;	/* a recipient is for reports */
	bool		 may_be_report;	/* a header says so */
	bool		 has_body;
	const char	*own_sender;	/* we send it: report_sender, or NULL */
	bool		 is_own_report, is_signed;	/* then, by headers */
	struct buffer	 mail;
	struct report_room *room;
	size_t		 taken;		/* of room */
};

/* Lives as long as the program. */
struct report_room *report_room_new(void);

/* True when some mail could bring reports, so that bodies are asked for. */
bool	report_intake_is_on(const struct setup *setup);
/* Of a message that begins, all zero, and comes from a client of ours. */
void	report_intake_note_sender(struct report_intake *intake,
	    const struct setup *setup, const char *address);
/* Address without brackets. */
void	report_intake_note_recipient(struct report_intake *intake,
	    const struct setup *setup, struct text address);
void	report_intake_add_header(struct report_intake *intake,
	    const char *name, const char *value);
/* False when no more of the body is wanted. */
bool	report_intake_add_body(struct report_intake *intake,
	    const void *data, size_t len);
/* All of the mail was seen. */
void	report_intake_finish(struct report_intake *intake,
	    const struct setup *setup, const char *queue_id);
/* All zero may be cleared too. */
void	report_intake_clear(struct report_intake *intake);

#endif
