/*
 * The answer to "report", from the sums of some days, in RFC 8460's
 * result-types and our findings.
 */

#ifndef HOPSEAL_REPORT_JSON_H
#define HOPSEAL_REPORT_JSON_H

#include "policyd/clerk/report_question.h"

/*
 * The answer, one line without its end, which the caller frees.  note says
 * what is missing in the sums, or is NULL.
 */
char	*report_line(const struct report_question *q,
	    const struct tally *tally, const char *note);

#endif
