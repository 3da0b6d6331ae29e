/*
 * An option takes the place that it has, or that its sample has.
 */

#include "shared/config_edit.h"

#include "tests/unit/check.h"

#define OUT_MAX	4096

static const struct {
	const char	*label, *text, *value, *want;
} rows[] = {
	{ "an empty file", "", "1", "x = 1\n" },
	{ "at the end", "a = 0\n", "1", "a = 0\nx = 1\n" },
	{ "a last line without its end", "a = 0", "1", "a = 0\nx = 1\n" },
	{ "in place", "x=0\na = 0\n", "1", "x = 1\na = 0\n" },
	{ "in place, not behind the sample", "#x = 9\na = 0\nx = 0\n", "1",
	    "#x = 9\na = 0\nx = 1\n" },
	{ "behind the sample", "# About x.\n#x = 9\n\na = 0\n", "1",
	    "# About x.\n#x = 9\nx = 1\n\na = 0\n" },
	{ "with what continues it", "x = 0,\n\t1,\n# about 2\n  2\na = 0\n",
	    "1", "x = 1\n# about 2\na = 0\n" },
	{ "what continues another stays", "a = 0,\n x = 5\nx = 0\n", "1",
	    "a = 0,\n x = 5\nx = 1\n" },
	{ "a sample in the middle of another", "a = 0,\n#x = 9\n 5\nb = 0\n",
	    "1", "a = 0,\n#x = 9\n 5\nb = 0\nx = 1\n" },
	{ "a sample before another that goes on", "#x = 9\na = 0,\n 5\n",
	    "1", "#x = 9\nx = 1\na = 0,\n 5\n" },
	{ "set twice, which was a mistake", "x = 0\nx = 2\n", "1",
	    "x = 1\n" },
	{ "another of that beginning", "xy = 0\n", "1", "xy = 0\nx = 1\n" },
	{ "no setting", "x\n", "1", "x\nx = 1\n" },
	{ "gone", "a = 0\nx = 0,\n 1\n#x = 9\n", NULL, "a = 0\n#x = 9\n" },
	{ "gone already", "a = 0\n#x = 9\n", NULL, "a = 0\n#x = 9\n" },
};

int
main(void)
{
	struct buffer got;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buffer_init(&got, OUT_MAX);
		config_edit(text_of(rows[i].text), "x", rows[i].value, &got);
		check_text(rows[i].label, buffer_text(&got), rows[i].want);
		buffer_clear(&got);
	}
	return check_end();
}
