/*
 * The MTA-STS TXT record: its grammar and the choice among several (RFC 8461,
 * 3.1).
 */

#include "shared/policy/mtasts_record.h"

#include "tests/unit/check_records.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define LETTERS_32 "abcdefghijklmnopqrstuvwxyz012345"

enum {
	PRESENT = MTASTS_RECORD_PRESENT,
	ABSENT = MTASTS_RECORD_ABSENT,
	INVALID = MTASTS_RECORD_INVALID
};

static const struct {
	const char *label;
	const char *records[RECORDS_MAX];
	int want;
	const char *detail;	/* the id, or part of the reason */
} rows[] = {
	{ "as in the RFC", { "v=STSv1; id=20160831085700Z;" }, PRESENT,
	    "20160831085700Z" },
	{ "no final delimiter", { "v=STSv1; id=1" }, PRESENT, "1" },
	{ "no blanks", { "v=STSv1;id=1;" }, PRESENT, "1" },
	{ "blanks and tabs around semicolons",
	    { "v=STSv1 \t; \tid=1 \t;\t " }, PRESENT, "1" },
	{ "32 characters", { "v=STSv1; id=" LETTERS_32 }, PRESENT,
	    LETTERS_32 },
	{ "32 digits", { "v=STSv1; id=00000000000000000000000000000001" },
	    PRESENT, "00000000000000000000000000000001" },
	{ "leading zero stays", { "v=STSv1; id=01" }, PRESENT, "01" },
	{ "letter case stays", { "v=STSv1; id=aBc" }, PRESENT, "aBc" },
	{ "unknown field behind", { "v=STSv1; id=1; x-y.z_1=a:b<c>!" },
	    PRESENT, "1" },
	{ "unknown field before", { "v=STSv1; x=y; id=1" }, PRESENT, "1" },
	{ "field name of 32 characters",
	    { "v=STSv1; id=1; " LETTERS_32 "=x" }, PRESENT, "1" },
	{ "ID is another field", { "v=STSv1; ID=2; id=1" }, PRESENT, "1" },
	{ "version again is another field", { "v=STSv1; v=STSv2; id=1" },
	    PRESENT, "1" },
	{ "first id counts", { "v=STSv1; id=1; id=2" }, PRESENT, "1" },
	{ "second id may hold anything", { "v=STSv1; id=1; id=a b; id=" },
	    PRESENT, "1" },

	{ "nothing", { NULL }, ABSENT, NULL },
	{ "empty record", { "" }, ABSENT, NULL },
	{ "something else", { "v=spf1 -all" }, ABSENT, NULL },
	{ "version in lower case", { "v=stsv1; id=1" }, ABSENT, NULL },
	{ "version in upper case", { "V=STSV1; id=1" }, ABSENT, NULL },
	{ "other version", { "v=STSv2; id=1" }, ABSENT, NULL },
	{ "longer version", { "v=STSv12; id=1" }, ABSENT, NULL },
	{ "version not first", { "id=1; v=STSv1" }, ABSENT, NULL },
	{ "blanks first", { " v=STSv1; id=1" }, ABSENT, NULL },
	{ "blanks around =", { "v = STSv1; id=1" }, ABSENT, NULL },
	{ "no semicolon", { "v=STSv1 id=1" }, ABSENT, NULL },
	{ "a quote first", { "\"v=STSv1; id=1\"" }, ABSENT, NULL },
	{ "version alone", { "v=STSv1" }, ABSENT, NULL },
	{ "version and blanks", { "v=STSv1 " }, ABSENT, NULL },

	{ "version and delimiter", { "v=STSv1;" }, INVALID, "id is missing" },
	{ "version, delimiter, blanks", { "v=STSv1 ; " }, INVALID,
	    "id is missing" },
	{ "no id", { "v=STSv1; x=y" }, INVALID, "id is missing" },
	{ "id is empty", { "v=STSv1; id=;" }, INVALID, "id is not" },
	{ "id of 33 characters", { "v=STSv1; id=" LETTERS_32 "6" }, INVALID,
	    "id is not" },
	{ "id with hyphens", { "v=STSv1; id=2024-01-01" }, INVALID,
	    "id is not" },
	{ "id with a blank", { "v=STSv1; id=1 2" }, INVALID, "id is not" },
	{ "blank behind =", { "v=STSv1; id= 1" }, INVALID, "id is not" },
	{ "id with 8 bit", { "v=STSv1; id=\303\274" }, INVALID, "id is not" },
	{ "id in quotes", { "v=STSv1; id=\"1\"" }, INVALID, "id is not" },
	{ "bad id before a good one", { "v=STSv1; id=a-b; id=1" }, INVALID,
	    "id is not" },
	{ "blank before =", { "v=STSv1; id =1" }, INVALID, "name=value" },
	{ "colon for =", { "v=STSv1; id:1" }, INVALID, "name=value" },
	{ "field without a name", { "v=STSv1; id=1; =x" }, INVALID,
	    "name=value" },
	{ "field without =", { "v=STSv1; id=1; x" }, INVALID, "name=value" },
	{ "empty field", { "v=STSv1; ; id=1" }, INVALID, "name=value" },
	{ "two final delimiters", { "v=STSv1; id=1;;" }, INVALID,
	    "name=value" },
	{ "name begins with a hyphen", { "v=STSv1; id=1; -x=y" }, INVALID,
	    "name=value" },
	{ "name with a slash", { "v=STSv1; id=1; a/b=y" }, INVALID,
	    "name=value" },
	{ "name of 33 characters", { "v=STSv1; id=1; " LETTERS_32 "6=y" },
	    INVALID, "name=value" },
	{ "value is empty", { "v=STSv1; id=1; x=" }, INVALID, "value" },
	{ "value with =", { "v=STSv1; id=1; x=a=b" }, INVALID, "value" },
	{ "value with a blank", { "v=STSv1; id=1; x=a b" }, INVALID,
	    "value" },
	{ "value with a control character", { "v=STSv1; id=1; x=a\nb" },
	    INVALID, "value" },
	{ "value with 8 bit", { "v=STSv1; id=1; x=\303\274" }, INVALID,
	    "value" },
	{ "blank at the end", { "v=STSv1; id=1 " }, INVALID, "blanks" },
	{ "line end at the end", { "v=STSv1; id=1\n" }, INVALID,
	    "id is not" },

	{ "others are discarded", { "v=spf1 -all", "v=STSv12; id=2",
	    "v=STSv1; id=1", "v=STSv1x" }, PRESENT, "1" },
	{ "two", { "v=STSv1; id=1", "v=STSv1; id=2" }, INVALID, "more than" },
	{ "two that are equal", { "v=STSv1; id=1", "v=STSv1; id=1" },
	    INVALID, "more than" },
	{ "a broken one beside a good one", { "v=STSv1; id=1", "v=STSv1;" },
	    INVALID, "more than" },
	{ "a bare version beside a good one", { "v=STSv1", "v=STSv1; id=1" },
	    PRESENT, "1" },
	{ "blanks before the semicolon count as a begin",
	    { "v=STSv1 ; id=1", "v=STSv1; id=2" }, INVALID, "more than" },
};

static int
choose(const char *const *strings, struct mtasts_record *out,
    const char **why)
{
	struct check_records r;
	int result;

	check_records_copy(&r, strings);
	result = (int)mtasts_record_choose(r.records, r.count, out, why);
	check_records_free(&r);
	return result;
}

int
main(void)
{
	static const char with_nul[] = "v=STSv1; id=1\0;";
	struct text record = { with_nul, sizeof(with_nul) - 1 };
	struct mtasts_record out;
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		strcpy(out.id, "untouched");
		why = NULL;
		check_int(rows[i].label, choose(rows[i].records, &out, &why),
		    rows[i].want);
		check_text("its id", out.id, rows[i].want == PRESENT ?
		    rows[i].detail : "untouched");
		if (rows[i].want != INVALID) {
			check_text("no reason", why, NULL);
			continue;
		}
		check_contains("names the section", why, "RFC 8461 3.1: ");
		check_contains("names the rule", why, rows[i].detail);
	}
	check_int("NUL", (int)mtasts_record_choose(&record, 1, &out, &why),
	    INVALID);
	return check_end();
}
