/*
 * Since when our domains promise what they do: from look to look, and over
 * restarts.
 */

#include "policyd/clerk/own_promises.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/buffer.h"
#include "tests/unit/check.h"

#define DAY	86400
#define DOMAIN(name, mode, id, hash) "{\"domain\": \"" name "\", \"mode\": " \
	mode ", \"id\": " id ", \"policy_hash\": " hash "}"
#define PARTIAL(domains) "{\"partial\": true, \"domains\": [" domains "]}"
#define REPORT(domains) "{\"certificates\": [], \"domains\": [" domains "]}"
#define A(mode, id, hash) REPORT(DOMAIN("a.example", mode, id, hash))
#define PROBLEM(finding, words) "{\"finding\": \"" finding "\", " \
	"\"words\": \"" words "\", \"advice\": \"mend\"}"
#define BAD(overall, problems) "{\"domain\": \"a.example\", " \
	"\"overall\": \"" overall "\", \"problems\": [" problems "]}"
#define XY	BAD("warnings", PROBLEM("x", "one") ", " PROBLEM("y", "two") \
		", " PROBLEM("x", "three"))
#define TROUBLE(told, seen) "{\"domains\":{\"a.example\":{" told \
	"\"seen\":\"" seen "\"}}}"
#define STATE(mode, day, id, hash) "{\"domains\":{\"a.example\":{" \
	"\"id\":\"" id "\",\"mode\":\"" mode "\",\"policy_hash\":\"" hash \
	"\",\"since\":\"1970-01-0" day "T00:00:00Z\"}}}"

#define FORGOTTEN	""	/* no report; what was told is forgotten */

static struct buffer told;

static void
on_change(const struct promise_change *c, void *arg)
{
	(void)arg;
	buffer_addf(&told, "%s:%s:%s%s;", c->domain, c->findings, c->words,
	    c->is_broken ? ":broken" : "");
}

/* In their order, over one file, one a day from the second on. */
static const struct {
	const char	*label, *report, *want, *told;
} rows[] = {
	{ "first seen", A("\"testing\"", "\"1\"", "\"aa\""),
	    STATE("testing", "2", "1", "aa"), "" },
	{ "the same", A("\"testing\"", "\"1\"", "\"aa\""),
	    STATE("testing", "2", "1", "aa"), "" },
	{ "not seen is not absent", A("null", "null", "null"),
	    STATE("testing", "2", "1", "aa"), "" },
	{ "the file changed, its id did not", A("\"testing\"", "\"1\"",
	    "\"bb\""), STATE("testing", "2", "1", "aa"), "" },
	{ "an id without its file", A("\"testing\"", "\"2\"", "null"),
	    STATE("testing", "2", "1", "aa"), "" },
	{ "both changed", A("\"testing\"", "\"2\"", "\"bb\""),
	    STATE("testing", "2", "2", "bb"), "" },
	{ "another mode", A("\"enforce\"", "\"3\"", "\"cc\""),
	    STATE("enforce", "8", "3", "cc"), "" },
	{ "no report", "rubbish", STATE("enforce", "8", "3", "cc"), "" },
	{ "no domains looked at", "{\"certificates\": []}",
	    STATE("enforce", "8", "3", "cc"), "" },
	{ "not all could be found", PARTIAL(""), STATE("enforce", "8", "3",
	    "cc"), "" },
	{ "but this one", PARTIAL(DOMAIN("a.example", "\"enforce\"", "\"4\"",
	    "\"dd\"")), STATE("enforce", "8", "4", "dd"), "" },
	{ "no longer ours", REPORT(""), "{\"domains\":{}}", "" },
	{ "something is wrong", REPORT(XY), TROUBLE("", "x y"), "" },
	{ "still", REPORT(XY), TROUBLE("\"findings\":\"x y\",", "x y"),
	    "a.example:x y:one;" },
	{ "nobody has heard of it", FORGOTTEN, TROUBLE("", "x y"), "" },
	{ "so it is told once more", REPORT(XY),
	    TROUBLE("\"findings\":\"x y\",", "x y"), "a.example:x y:one;" },
	{ "the same is no news", REPORT(BAD("warnings", PROBLEM("x", "one") ", "
	    PROBLEM("y", "other words"))),
	    TROUBLE("\"findings\":\"x y\",", "x y"), "" },
	{ "not seen is not mended", REPORT(BAD("unknown", "")),
	    TROUBLE("\"findings\":\"x y\",", "x y"), "" },
	{ "worse for once", REPORT(BAD("broken", PROBLEM("z", "three"))),
	    TROUBLE("\"findings\":\"x y\",", "z"), "" },
	{ "worse", REPORT(BAD("broken", PROBLEM("z", "three"))),
	    TROUBLE("\"findings\":\"z\",", "z"), "a.example:z:three:broken;" },
	{ "mended", REPORT(BAD("good", "")), TROUBLE("\"findings\":\"\",", ""),
	    "a.example::;" },
	{ "gone once more", REPORT(""), "{\"domains\":{}}", "" },
	{ "well from the start is no news", REPORT(BAD("good", "")),
	    TROUBLE("", ""), "" },
	{ "members of other types", REPORT("5, {\"domain\": 5}, {\"domain\": "
	    "\"a.example\", \"mode\": [], \"id\": {}}"),
	    TROUBLE("", ""), "" },
};

int
main(void)
{
	char path[] = "/tmp/test_own_promises.XXXXXX", *line;
	struct own_promises *promises;
	int fd = mkstemp(path);
	int64_t now = 0;
	size_t i;

	if (fd == -1)
		abort();
	buffer_init(&told, 4096);
	close(fd);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Each begins with what the one before has kept. */
		buffer_reset(&told);
		promises = own_promises_new(path, on_change, NULL);
		now += DAY;
		own_promises_take(promises, text_of(rows[i].report), now);
		if (strcmp(rows[i].report, FORGOTTEN) == 0)
			own_promises_forget_told(promises);
		own_promises_keep(promises);
		line = own_promises_line(promises);
		check_text(rows[i].label, line, rows[i].want);
		check_text(rows[i].label, buffer_text(&told), rows[i].told);
		free(line);
		own_promises_free(promises);
	}
	unlink(path);
	buffer_clear(&told);
	return check_end();
}
