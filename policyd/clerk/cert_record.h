/*
 * What a host tells the others of its own certificates: one JSON object in
 * Redis (docs/cache.md).  What is read there may be a stranger's.
 */

#ifndef HOPSEAL_CERT_RECORD_H
#define HOPSEAL_CERT_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/text.h"

#define CERT_RECORD_VERSION	1
#define CERT_RECORD_MAX_BYTES	(1024 * 1024)
#define CERT_RECORD_HOST_SIZE	256

struct cert_record {
	char	 host[CERT_RECORD_HOST_SIZE];
	int64_t	 seen_at;		/* its last look */
	unsigned interval_s;		/* until the next, when all is well */
	json_t	*report;		/* of cert_states, or what was read */
	json_t	*states;		/* what is kept there; or NULL */
};

/*
 * The object in one line, the caller's.  One that would be longer than
 * max_bytes goes without states, then without certificates that are well, then
 * with as many as fit; "left_out" counts them.
 */
char	*cert_record_format(const struct cert_record *record,
	    size_t max_bytes);
/*
 * Known members alone, texts printable, lists bounded.  0, or -1 with *why: no
 * object, another version, no host, no time, a time to come.  *out is the
 * caller's until cert_record_clear.
 */
int	 cert_record_parse(struct text text, int64_t now,
	    struct cert_record *out, const char **why);
void	 cert_record_clear(struct cert_record *record);

#endif
