/*
 * The answer to "report" with direction "received": what others report of their
 * sessions with us.  Verified reports are summed up; the others are shown and
 * are in no sum.
 */

#ifndef HOPSEAL_RECEIVED_JSON_H
#define HOPSEAL_RECEIVED_JSON_H

#include "policyd/clerk/report/report_json.h"
#include "shared/text.h"

#define RECEIVED_ROWS_MAX	4000	/* reports in an answer's sums */

struct received_rows;

struct received_rows *received_rows_new(const struct report_question *q);
void		 received_rows_free(struct received_rows *rows);
/* A line as it is kept (received_parse); the same report only once. */
void		 received_rows_add(struct received_rows *rows,
		    struct text line);
bool		 received_rows_have(const struct received_rows *rows,
		    struct text id);
/*
 * The answer, one line without its end, which the caller frees.  note says
 * what may be missing, or is NULL.
 */
char		*received_line(struct received_rows *rows, const char *note);

#endif
