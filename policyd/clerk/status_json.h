/*
 * The answer to "status": is each part well, and what to do where it is not.
 */

#ifndef HOPSEAL_STATUS_JSON_H
#define HOPSEAL_STATUS_JSON_H

#include "policyd/process/control_message.h"
#include "policyd/process/message.h"
#include "policyd/process/settings.h"
#include "shared/scout_message.h"

struct cert_group;
struct cert_states;
struct ledger_status;
struct report_out_status;
struct alerts_status;

struct status {
	const struct settings		*settings;
	/* the parent's JSON, or NULL */
	const char			*children;
	/* why the settings on disk are not in force; "": they are */
	const char			*refusal;
	bool				 is_there[ROLE_COUNT];
	const struct scout_resolver	*resolver;	/* NULL: not told yet */
	/* the front's parts and counters; NULL: it did not answer */
	const struct text		*front;
	/* a table of Postfix that cannot be asked, or NULL */
	const char			*failing_table;
	const struct ledger_status	*ledger;
	const struct cert_states	*certs;
	const struct cert_group		*group;
	const struct report_out_status	*reports;
	const struct alerts_status	*alerts;
	/* Reports of others since the start. */
	uint64_t			 received_verified,
					 received_unverified;
	int64_t				 now;
};

/* The resolver's detail while nobody has looked at it; that is no trouble. */
#define STATUS_NOT_CHECKED	"not checked yet"

/* One line without its end, which the caller frees. */
char	*status_line(const struct status *status);

#endif
