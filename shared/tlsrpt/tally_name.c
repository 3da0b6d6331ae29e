/*
 * The names of the ledger's keys.  All that concerns one domain is on one slot
 * of a cluster: its name stands in braces.
 */

#include "shared/tlsrpt/tally_name.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400

char *
tally_date_format(int64_t day, char out[TALLY_DATE_SIZE])
{
	return text_format_day(out, day * DAY_S);
}

int64_t
tally_date_parse(struct text date)
{
	uint64_t year, month, day;
	struct tm tm = { 0 }, read;
	time_t at;

	if (date.len != 10 || date.data[4] != '-' || date.data[7] != '-' ||
	    !text_parse_u64((struct text){ date.data, 4 }, 9999, &year) ||
	    !text_parse_u64((struct text){ date.data + 5, 2 }, 12, &month) ||
	    !text_parse_u64((struct text){ date.data + 8, 2 }, 31, &day) ||
	    year < 1970 || month < 1 || day < 1)
		return -1;
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)month - 1;
	tm.tm_mday = (int)day;
	at = timegm(&tm);
	/* The 31st of November is not the 1st of December. */
	if (gmtime_r(&at, &read) == NULL || read.tm_mday != (int)day)
		return -1;
	return at / DAY_S;
}

char *
tally_domain_key(const char *domain, int64_t day, char out[TALLY_NAME_SIZE])
{
	char date[TALLY_DATE_SIZE];

	snprintf(out, TALLY_NAME_SIZE, "hopseal:tally:{%s}:%s", domain,
	    tally_date_format(day, date));
	return out;
}

char *
tally_shard_key(int64_t day, unsigned shard, char out[TALLY_NAME_SIZE])
{
	char date[TALLY_DATE_SIZE];

	snprintf(out, TALLY_NAME_SIZE, "hopseal:tally:domains:%s:%02x",
	    tally_date_format(day, date), shard % TALLY_SHARDS);
	return out;
}

unsigned
tally_shard(const char *domain)
{
	uint32_t hash = UINT32_C(2166136261);

	for (; *domain != '\0'; domain++)
		hash = (hash ^ (unsigned char)*domain) * UINT32_C(16777619);
	return hash % TALLY_SHARDS;
}

char *
tally_writer_key(const char *writer, char out[TALLY_NAME_SIZE])
{
	snprintf(out, TALLY_NAME_SIZE, "hopseal:tally:writer:%s", writer);
	return out;
}
