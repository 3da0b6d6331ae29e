/*
 * Members of policyd's answers.  One that is missing or of another type reads
 * as absent, so that command and daemon may differ in version.
 */

#ifndef HOPSEAL_ANSWER_H
#define HOPSEAL_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"

/* "" when absent; borrowed. */
const char	*answer_text(const json_t *object, const char *name);
bool		 answer_is(const json_t *object, const char *name,
		    const char *text);
bool		 answer_is_true(const json_t *object, const char *name);
/* 0 when absent. */
int64_t		 answer_number(const json_t *object, const char *name);
/* Of an RFC 3339 time; 0 when absent. */
int64_t		 answer_time(const json_t *object, const char *name);
/* From the harmless to the worst, as policyd orders them. */
enum part_state { PART_OK, PART_WARNING, PART_UNKNOWN, PART_CRITICAL };
/*
 * Adds a part to the answer to "status", whose "state" and "ok" follow the worst
 * one.  advice is left out of what is well.
 */
void		 answer_add_part(json_t *answer, const char *name,
		    enum part_state state, const char *detail,
		    const char *advice);

/* "3m 2s" between two times. */
char		*answer_span(char out[TEXT_TIME_SIZE], int64_t from,
		    int64_t to);

#endif
