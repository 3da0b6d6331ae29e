/*
 * The names of the ledger's keys in Redis: dates that are dates, and shards
 * that every host computes alike.
 */

#include "shared/tlsrpt/tally_name.h"

#include "tests/unit/check.h"

static const struct {
	const char	*label, *date;
	int64_t		 day;		/* -1: refused */
} rows[] = {
	{ "the first day", "1970-01-01", 0 },
	{ "a day", "2026-11-22", 20779 },
	{ "a leap day", "2024-02-29", 19782 },
	{ "no leap day", "2026-02-29", -1 },
	{ "no 31st", "2026-11-31", -1 },
	{ "no month", "2026-13-01", -1 },
	{ "month 0", "2026-00-01", -1 },
	{ "day 0", "2026-01-00", -1 },
	{ "before 1970", "1969-12-31", -1 },
	{ "too short", "2026-1-01", -1 },
	{ "too long", "2026-01-011", -1 },
	{ "other signs", "2026/01/01", -1 },
	{ "letters", "2026-0a-01", -1 },
	{ "nothing", "", -1 },
};

int
main(void)
{
	char date[TALLY_DATE_SIZE], key[TALLY_NAME_SIZE], *exact;
	size_t i, len;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = strlen(rows[i].date);
		exact = check_exact(rows[i].date, len);
		check_int(rows[i].label, tally_date_parse((struct text){
		    exact, len }), rows[i].day);
		free(exact);
		if (rows[i].day != -1)
			check_text(rows[i].label, tally_date_format(
			    rows[i].day, date), rows[i].date);
	}
	check_text("a domain of a day", tally_domain_key("example.com", 20779,
	    key), "hopseal:tally:{example.com}:2026-11-22");
	check_text("a shard of a day", tally_shard_key(20779, 0x4f, key),
	    "hopseal:tally:domains:2026-11-22:4f");
	check_text("a writer", tally_writer_key("0123456789abcdef", key),
	    "hopseal:tally:writer:0123456789abcdef");
	/* FNV-1a of "" and "a", from its authors' test vectors. */
	check_int("the shard of nothing", tally_shard(""), 0xc5);
	check_int("the shard of a name", tally_shard("a"), 0x2c);
	return check_end();
}
