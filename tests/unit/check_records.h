/*
 * TXT records for a test, each of exactly its own octets, so that a sanitizer
 * sees one too far.
 */

#ifndef HOPSEAL_TEST_CHECK_RECORDS_H
#define HOPSEAL_TEST_CHECK_RECORDS_H

#include "shared/text.h"
#include "tests/unit/check.h"

#define RECORDS_MAX	4

struct check_records {
	struct text	 records[RECORDS_MAX];
	char		*copies[RECORDS_MAX];
	size_t		 count;
};

/* Of strings up to the first NULL. */
static inline void
check_records_copy(struct check_records *r,
    const char *const strings[RECORDS_MAX])
{
	size_t len;

	for (r->count = 0; r->count < RECORDS_MAX &&
	    strings[r->count] != NULL; r->count++) {
		len = strlen(strings[r->count]);
		r->copies[r->count] = check_exact(strings[r->count], len);
		r->records[r->count] =
		    (struct text){ r->copies[r->count], len };
	}
}

static inline void
check_records_free(struct check_records *r)
{
	while (r->count > 0)
		free(r->copies[--r->count]);
}

#endif
