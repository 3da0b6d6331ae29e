/*
 * Settings of Postfix that nobody foresaw.  Three lines are our endpoints; what
 * follows is read as settings, as overrides and as services alike.
 */

#include "shared/postfix/setup_plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"
#include "tests/fuzz/fuzz.h"

static char *
next_endpoint(struct text *rest)
{
	struct text line = { "", 0 };

	text_next_line(rest, &line);
	if (memchr(line.data, '\0', line.len) != NULL)
		line.len = 0;
	return xstrndup(line.data, line.len);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size };
	char *map, *access, *milter;
	struct setup_host host = { .has_main_cf = true };
	struct setup_plan *plan;
	struct buffer out;
	size_t i;

	if (memchr(data, '\0', size) != NULL)
		return;		/* what postconf prints holds none */
	host.map = map = next_endpoint(&rest);
	host.access = access = next_endpoint(&rest);
	host.milter = milter = next_endpoint(&rest);
	host.settings = host.written = host.overrides = host.services = rest;
	plan = setup_plan_make(&host);
	buffer_init(&out, SETUP_LINES_MAX);
	setup_plan_lines(plan, "", &out);
	setup_plan_undo(&host, "", &out);
	for (i = 0; i < plan->change_count; i++)
		assert(plan->changes[i].file == SETUP_MAIN_CF ||
		    strpbrk(plan->changes[i].value, " \t") == NULL);
	buffer_clear(&out);
	setup_plan_free(plan);
	free(map);
	free(access);
	free(milter);
}
