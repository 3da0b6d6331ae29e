/*
 * The MTA-STS TXT record at _mta-sts.DOMAIN (RFC 8461, 3.1).  Which of several
 * records counts, and what it must look like.  Knows nothing of DNS: the
 * strings come in joined (RFC 7208, 3.3 style: without blanks).
 */

#ifndef HOPSEAL_MTASTS_RECORD_H
#define HOPSEAL_MTASTS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/text.h"

#define MTASTS_ID_MAX_BYTES 32

enum mtasts_record_result {
	MTASTS_RECORD_PRESENT,	/* exactly one, and it parses */
	MTASTS_RECORD_ABSENT,	/* none begins with the version */
	MTASTS_RECORD_INVALID	/* several, or one that does not parse */
};

struct mtasts_record {
	char	id[MTASTS_ID_MAX_BYTES + 1];
};

/*
 * records are the TXT records of one name, each joined from its
 * character-strings.  Those that do not begin with "v=STSv1;" are discarded
 * first (RFC 8461, 3.1), "v=STSv1" alone among them; blanks may stand before
 * the semicolon, as in the record's grammar.  *out is set only for PRESENT,
 * *why only for INVALID.
 */
enum mtasts_record_result mtasts_record_choose(const struct text *records,
		    size_t record_count, struct mtasts_record *out,
		    const char **why);

/*
 * True for the name of a field, in the record as in the policy: a letter or
 * digit, then at most 31 of these, "_", "-" and ".".
 */
bool		mtasts_is_field_name(struct text t);

#endif
