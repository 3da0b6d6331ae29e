/*
 * The dry run: the reports of a domain and a day as they would be sent.
 */

#ifndef HOPSEAL_REPORT_PREVIEW_H
#define HOPSEAL_REPORT_PREVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"

struct child;
struct ledger;
struct ledger_share;
struct report_previews;

/* line is the answer, without its end, and the callee's to free. */
typedef void report_preview_cb(uint64_t connection, char *line, void *arg);

struct report_previews *report_previews_new(struct child *child,
		    struct ledger *ledger, struct ledger_share *share,
		    report_preview_cb *on_answer, void *arg);
void		 report_previews_free(struct report_previews *previews);
/*
 * The request {"command": "report", "rfc8460": true, "domain": X, "day": D};
 * false when it is another one, else it is answered, perhaps at once.
 */
bool		 report_previews_ask(struct report_previews *previews,
		    uint64_t connection, struct text request);
/* Before the settings and the connection to Redis are replaced. */
void		 report_previews_abort(struct report_previews *previews);

#endif
