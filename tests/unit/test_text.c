/*
 * Slices, numbers, quoting and times of shared/text.
 */

#include "shared/text.h"

#include "tests/unit/check.h"

#define TEXT(literal) ((struct text){ literal, sizeof(literal) - 1 })
#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static void
test_compare(void)
{
	struct text none = { NULL, 0 };

	check_bool("equal", text_equals(text_of("mode"), "mode"), true);
	check_bool("case differs", text_equals(text_of("Mode"), "mode"), false);
	check_bool("longer", text_equals(text_of("modes"), "mode"), false);
	check_bool("shorter", text_equals(text_of("mod"), "mode"), false);
	check_bool("NUL inside", text_equals(TEXT("mo\0e"), "mo"), false);
	check_bool("nothing equals the empty word", text_equals(none, ""),
	    true);
	check_bool("case ignored", text_equals_nocase(text_of("MoDe"), "mode"),
	    true);
	check_bool("case ignored, nothing", text_equals_nocase(none, ""),
	    true);
	check_bool("case ignored, longer",
	    text_equals_nocase(text_of("MODES"), "mode"), false);
	check_bool("prefix", text_starts_with(text_of("v=STSv1;"), "v=STSv1"),
	    true);
	check_bool("prefix longer than the text",
	    text_starts_with(text_of("v="), "v=STSv1"), false);
	check_bool("a part", text_contains(text_of("may:none"), ":none"), true);
	check_bool("no part", text_contains(text_of("may"), ":none"), false);
	check_bool("a part of nothing", text_contains((struct text){ NULL, 0 },
	    ":none"), false);
}

/* Joins what next_* cuts as "[one][two]". */
static const char *
cut_all(struct text rest, bool (*next)(struct text *, struct text *))
{
	static char out[128];
	struct text part;
	size_t at = 0;

	out[0] = '\0';
	while (next(&rest, &part))
		at += (size_t)snprintf(out + at, sizeof(out) - at, "[%.*s]",
		    (int)part.len, part.data);
	return out;
}

static bool
next_by_comma(struct text *rest, struct text *field)
{
	return text_next_field(rest, ',', field);
}

static void
test_cut(void)
{
	static const struct {
		const char *label, *text, *want;
		bool (*next)(struct text *, struct text *);
	} rows[] = {
		{ "lines: LF and CRLF", "a\nb\r\nc", "[a][b][c]",
		    text_next_line },
		{ "lines: empty ones count", "\n\na\n", "[][][a]",
		    text_next_line },
		{ "lines: nothing", "", "", text_next_line },
		{ "lines: one CR belongs to the end", "a\r\r\n", "[a\r]",
		    text_next_line },
		{ "lines: CR alone is no end", "a\rb", "[a\rb]",
		    text_next_line },
		{ "lines: CR without LF stays", "a\r", "[a\r]",
		    text_next_line },
		{ "words: blanks and tabs", " \ta  b\tc ", "[a][b][c]",
		    text_next_word },
		{ "words: only blanks", " \t ", "", text_next_word },
		{ "fields: empty ones count", ",a,,b,", "[][a][][b][]",
		    next_by_comma },
		{ "fields: none is one empty field", "", "[]",
		    next_by_comma },
		{ "fields: blanks stay", " a , b", "[ a ][ b]",
		    next_by_comma },
	};
	size_t i;

	for (i = 0; i < ROWS(rows); i++)
		check_text(rows[i].label,
		    cut_all(text_of(rows[i].text), rows[i].next),
		    rows[i].want);
	check_int("trim both ends", (int64_t)text_trim(TEXT("\t a b \t")).len,
	    3);
	check_int("trim leaves line ends", (int64_t)text_trim(TEXT("a\n")).len,
	    2);
	check_int("trim all", (int64_t)text_trim(TEXT("  ")).len, 0);
}

static void
test_numbers(void)
{
	static const struct {
		const char *label, *text;
		uint64_t max;
		bool is_number;
		uint64_t want;
	} rows[] = {
		{ "zero", "0", 9, true, 0 },
		{ "leading zeros", "007", 9, true, 7 },
		{ "at most max", "255", 255, true, 255 },
		{ "more than max", "256", 255, false, 0 },
		{ "2^64-1", "18446744073709551615", UINT64_MAX, true,
		    UINT64_MAX },
		{ "2^64 does not wrap", "18446744073709551616", UINT64_MAX,
		    false, 0 },
		{ "2^64+23 does not wrap", "18446744073709551639", UINT64_MAX,
		    false, 0 },
		{ "ten times too much", "99999999999999999999999", UINT64_MAX,
		    false, 0 },
		{ "nothing", "", 9, false, 0 },
		{ "plus", "+5", 9, false, 0 },
		{ "minus", "-5", 9, false, 0 },
		{ "blank before", " 5", 9, false, 0 },
		{ "blank behind", "5 ", 9, false, 0 },
		{ "hex", "0x5", 9, false, 0 },
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		value = 0;
		check_bool(rows[i].label, text_parse_u64(text_of(rows[i].text),
		    rows[i].max, &value), rows[i].is_number);
		check_bool("its value", value == rows[i].want, true);
	}
}

static void
test_quote(void)
{
	char out[8];

	check_text("fits", text_quote(out, sizeof(out), TEXT("abcdefg")),
	    "abcdefg");
	check_text("too long", text_quote(out, sizeof(out), TEXT("abcdefgh")),
	    "abcd...");
	check_text("control, NUL, DEL and 8 bit",
	    text_quote(out, sizeof(out), TEXT("a\n\0\177\303\274")), "a?????");
	check_text("nothing", text_quote(out, sizeof(out),
	    (struct text){ NULL, 0 }), "");
	check_text("smallest size", text_quote(out, 4, TEXT("abcd")), "...");
	check_bool("printable", text_is_printable(TEXT(" az~")), true);
	check_bool("tab is not printable", text_is_printable(TEXT("a\tb")),
	    false);
	check_bool("DEL is not printable", text_is_printable(TEXT("\177")),
	    false);
	check_bool("8 bit is not printable", text_is_printable(TEXT("\377")),
	    false);
}

static void
test_time(void)
{
	static const struct {
		int64_t time_s;
		const char *want;
	} times[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 1795335300, "2026-11-22T08:15:00Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ -62135596800, "0001-01-01T00:00:00Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" },
		{ 253402300800, "9999-12-31T23:59:59Z" },
		{ INT64_MAX, "9999-12-31T23:59:59Z" },
		{ INT64_MIN, "0000-01-01T00:00:00Z" },
	}, ages[] = {
		{ -5, "0s" }, { 0, "0s" }, { 59, "59s" }, { 60, "1m 0s" },
		{ 3599, "59m 59s" }, { 3600, "1h 0m" }, { 11100, "3h 5m" },
		{ 86399, "23h 59m" }, { 176400, "2d 1h" },
		{ INT64_MAX, "106751991167300d 15h" },
	};
	char out[TEXT_TIME_SIZE];
	size_t i;

	for (i = 0; i < ROWS(times); i++)
		check_text("time", text_format_time(out, times[i].time_s),
		    times[i].want);
	check_text("day", text_format_day(out, 1795334400), "2026-11-22");
	for (i = 0; i < ROWS(ages); i++)
		check_text("age", text_format_age(out, ages[i].time_s),
		    ages[i].want);
}

static void
test_parse_time(void)
{
	static const struct {
		const char	*label, *text;
		bool		 is_time, has_offset;
		int64_t		 want;
	} rows[] = {
		{ "UTC", "2016-04-01T00:00:00Z", true, true, 1459468800 },
		{ "small z", "2016-04-01T00:00:00z", true, true, 1459468800 },
		{ "east", "2016-04-01T02:00:00+02:00", true, true, 1459468800 },
		{ "west", "2016-03-31T18:30:00-05:30", true, true, 1459468800 },
		{ "no offset", "2016-04-01T00:00:00", true, false, 1459468800 },
		{ "fraction", "2016-04-01T00:00:00.9999999Z", true, true,
		    1459468800 },
		{ "leap second", "2016-12-31T23:59:60Z", true, true,
		    1483228800 },
		{ "leap day", "2016-02-29T12:00:00Z", true, true, 1456747200 },
		{ "before 1970", "1969-12-31T23:59:59Z", true, true, -1 },
		{ "no such leap day", "2015-02-29T12:00:00Z", false, false, 0 },
		{ "month 13", "2016-13-01T00:00:00Z", false, false, 0 },
		{ "hour 24", "2016-04-01T24:00:00Z", false, false, 0 },
		{ "minute 60", "2016-04-01T00:60:00Z", false, false, 0 },
		{ "second 61", "2016-04-01T00:00:61Z", false, false, 0 },
		{ "blank for T", "2016-04-01 00:00:00Z", false, false, 0 },
		{ "date only", "2016-04-01", false, false, 0 },
		{ "one digit", "2016-4-01T00:00:00Z", false, false, 0 },
		{ "offset without colon", "2016-04-01T00:00:00+0200", false,
		    false, 0 },
		{ "offset cut", "2016-04-01T00:00:00+02:", false, false, 0 },
		{ "offset of a day", "2016-04-01T00:00:00+24:00", false, false,
		    0 },
		{ "point without digits", "2016-04-01T00:00:00.Z", true, true,
		    1459468800 },
		{ "zone in letters", "2016-04-01T00:00:00UTC", false, false,
		    0 },
		{ "words behind", "2016-04-01T00:00:00Z or so", false, false,
		    0 },
		{ "nothing", "", false, false, 0 },
	};
	int64_t at;
	bool has_offset;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		at = 0;
		has_offset = false;
		check_bool(rows[i].label, text_parse_time(text_of(rows[i].text),
		    &at, &has_offset), rows[i].is_time);
		check_int("its second", at, rows[i].want);
		check_bool("its offset", has_offset, rows[i].has_offset);
	}
}

static void
test_utf8_char(void)
{
	static const struct {
		const char	*label, *text;
		size_t		 want;
	} rows[] = {
		{ "ASCII", "a", 1 }, { "two octets", "\303\274", 2 },
		{ "three", "\342\202\254", 3 },
		{ "four", "\360\237\223\247", 4 },
		{ "last one", "\364\217\277\277", 4 },
		{ "continuation alone", "\274", 0 }, { "cut", "\303", 0 },
		{ "overlong of two", "\301\277", 0 },
		{ "overlong of three", "\340\237\277", 0 },
		{ "overlong of four", "\360\217\277\277", 0 },
		{ "surrogate", "\355\240\200", 0 },
		{ "beyond U+10FFFF", "\364\220\200\200", 0 },
		{ "no lead", "\377", 0 }, { "nothing", "", 0 },
	};
	size_t i;

	for (i = 0; i < ROWS(rows); i++)
		check_int(rows[i].label, (int64_t)text_utf8_char(text_of(
		    rows[i].text)), (int64_t)rows[i].want);
}

static void
test_hex(void)
{
	check_int("hex", text_hex_octet(TEXT("aF")), 0xaf);
	check_int("what follows is not looked at", text_hex_octet(TEXT("00x")),
	    0);
	check_int("no digit", text_hex_octet(TEXT("0g")), -1);
	check_int("one digit", text_hex_octet(TEXT("0")), -1);
	check_int("nothing", text_hex_octet((struct text){ NULL, 0 }), -1);
	check_bool("letter", text_is_alphanumeric('z'), true);
	check_bool("digit", text_is_alphanumeric('0'), true);
	check_bool("8 bit is no letter", text_is_alphanumeric('\344'), false);
	check_bool("NUL is none", text_is_alphanumeric('\0'), false);
}

static void
test_distance(void)
{
	char many[66];

	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	check_int("same", text_distance("redis", "redis"), 0);
	check_int("one letter left out", text_distance("reds", "redis"), 1);
	check_int("one letter wrong", text_distance("redos", "redis"), 1);
	check_int("two swapped", text_distance("erdis", "redis"), 2);
	check_int("from nothing", text_distance("", "redis"), 5);
	check_int("the same both ways", text_distance("kitten", "sitting"),
	    text_distance("sitting", "kitten"));
	check_bool("too long", text_distance(many, "x") > 60, true);
}

int
main(void)
{
	test_compare();
	test_cut();
	test_numbers();
	test_quote();
	test_time();
	test_parse_time();
	test_utf8_char();
	test_hex();
	test_distance();
	return check_end();
}
