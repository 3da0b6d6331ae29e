/*
 * The answer to "report", from the sums of some days, in RFC 8460's
 * result-types and our findings.
 */

#ifndef HOPSEAL_REPORT_JSON_H
#define HOPSEAL_REPORT_JSON_H

#include "policyd/clerk/report/report_question.h"

struct report_answer;

/* Takes tally; note says what is missing in it, or is NULL, and constant. */
struct report_answer *report_answer_new(const struct report_question *q,
		    struct tally *tally, const char *note);
void		 report_answer_free(struct report_answer *a);
/* The next part of the work, a few ms of it; true when all is done. */
bool		 report_answer_advance(struct report_answer *a);
/* Then: one line without its end, which the caller frees. */
char		*report_answer_line(const struct report_answer *a);

#endif
