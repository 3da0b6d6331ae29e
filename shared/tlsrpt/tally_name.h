/*
 * The names of the ledger's keys in the shared cache (docs/cache.md).
 */

#ifndef HOPSEAL_TLSRPT_TALLY_NAME_H
#define HOPSEAL_TLSRPT_TALLY_NAME_H

#include <stdint.h>

#include "shared/text.h"

#define TALLY_NAME_SIZE		320
#define TALLY_DATE_SIZE		32	/* "2026-11-22" */
#define TALLY_SHARDS		256	/* of the domains of a day */
#define TALLY_WRITERS_KEY	"hopseal:tally:writers"

/* "2026-11-22"; day counts from 1970. */
char	*tally_date_format(int64_t day, char out[TALLY_DATE_SIZE]);
/* -1 for anything else. */
int64_t	 tally_date_parse(struct text date);

/* "hopseal:tally:{example.com}:2026-11-22" */
char	*tally_domain_key(const char *domain, int64_t day,
	    char out[TALLY_NAME_SIZE]);
/* "hopseal:tally:domains:2026-11-22:4f" */
char	*tally_shard_key(int64_t day, unsigned shard,
	    char out[TALLY_NAME_SIZE]);
/* By FNV-1a, 32 bits, the lowest octet. */
unsigned tally_shard(const char *domain);
/* "hopseal:tally:writer:0123456789abcdef" */
char	*tally_writer_key(const char *writer, char out[TALLY_NAME_SIZE]);

#endif
