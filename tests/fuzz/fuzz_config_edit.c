/*
 * Whatever hopseal.conf holds: what was set stays set when it is set again, and
 * what was taken out is not there.
 */

#include "shared/config_edit.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define OUT_MAX	(1024 * 1024)

static struct text
text_in(const struct buffer *b)
{
	return (struct text){ buffer_text(b), b->len };
}

/* The same edit once more changes nothing. */
static void
edit_twice(struct text text, const char *value)
{
	struct buffer once, twice;

	buffer_init(&once, OUT_MAX);
	buffer_init(&twice, OUT_MAX);
	config_edit(text, "x", value, &once);
	config_edit(text_in(&once), "x", value, &twice);
	assert(once.len == twice.len && memcmp(buffer_text(&once),
	    buffer_text(&twice), once.len) == 0);
	buffer_clear(&once);
	buffer_clear(&twice);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text text = { (const char *)data, size };

	/* Line ends are kept as newlines; others config_parse refuses. */
	if (memchr(data, '\r', size) != NULL)
		return;
	edit_twice(text, "1");
	edit_twice(text, NULL);
}
