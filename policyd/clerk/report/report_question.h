/*
 * What is asked by the command "report" on the control socket.
 */

#ifndef HOPSEAL_REPORT_QUESTION_H
#define HOPSEAL_REPORT_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"
#include "shared/tlsrpt/tally.h"

#define REPORT_TOP_DEFAULT	1000
#define REPORT_TOP_MAX		5000	/* domains in an answer */

struct report_question {
	int64_t			first, last;	/* days from 1970 */
	enum session_direction	direction;	/* OUT or IN */
	bool			is_received;	/* what others report of us */
	unsigned		top;
	char			domain[TALLY_DOMAIN_MAX + 1];	/* "": all */
};

/*
 * {"command": "report", "day": D, "since": D, "domain": X, "direction": "out"
 * or "in" or "received", "top": N}, all but the command optional; D is a
 * date, "today" or "yesterday".  Without day and since it is since yesterday.
 * 0, or -1 with *why: a member of the wrong type, no date, both dates, a day
 * that is to come, a since longer ago than days are kept, no such direction,
 * no name, no number from 1 to REPORT_TOP_MAX.
 */
int	report_question_parse(struct text line, int64_t now,
	    struct report_question *out, const char **why);

#endif
