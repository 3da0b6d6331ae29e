/*
 * Questions "report" that wait for the ledger's sums.
 */

#ifndef HOPSEAL_REPORTS_H
#define HOPSEAL_REPORTS_H

#include <stdint.h>

#include "shared/text.h"

struct event_base;
struct ledger;
struct ledger_share;
struct reports;

/* line is the answer, without its end, and the callee's to free. */
typedef void reports_answer_cb(uint64_t connection, char *line, void *arg);

struct reports	*reports_new(struct event_base *base, struct ledger *ledger,
		    struct ledger_share *share, reports_answer_cb *on_answer,
		    void *arg);
void		 reports_free(struct reports *reports);
/* Answers a request, perhaps at once. */
void		 reports_ask(struct reports *reports, uint64_t connection,
		    struct text request);
/* Before the connection to Redis is replaced: those that wait get no sums. */
void		 reports_abort(struct reports *reports);

#endif
