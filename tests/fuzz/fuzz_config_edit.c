/*
 * Whatever hopseal.conf holds: of several edits the last one counts and leaves
 * its text alone.  Where config_parse takes the text it takes what was edited,
 * and reads the value that was set and all other options as before.
 */

#include "shared/config_edit.h"

#include <assert.h>
#include <string.h>

#include "shared/io/config.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX	(8 * 1024 * 1024)
#define NAME	"log_level"

static struct text
text_in(const struct buffer *b)
{
	return (struct text){ buffer_text(b), b->len };
}

static void
assert_same(const struct buffer *a, const struct buffer *b)
{
	assert(a->len == b->len &&
	    memcmp(buffer_text(a), buffer_text(b), a->len) == 0);
}

static void
edit(struct text text, const char *value, struct buffer *out)
{
	buffer_init(out, OUT_MAX);
	config_edit(text, NAME, value, out);
}

static void
edit_over(struct text text, const char *before, const char *value)
{
	struct buffer first, second, at_once;

	edit(text, before, &first);
	edit(text_in(&first), value, &second);
	edit(text, value, &at_once);
	assert_same(&second, &at_once);
	buffer_clear(&at_once);
	buffer_clear(&second);
	buffer_clear(&first);
}

/* NULL where it is refused. */
static struct config *
read_config(struct text text)
{
	struct config *c = config_new();
	struct buffer errors;

	buffer_init(&errors, OUT_MAX);
	if (config_parse(c, "fuzz", text, &errors) == -1) {
		config_free(c);
		c = NULL;
	}
	buffer_clear(&errors);
	return c;
}

static void
edit_and_read(struct text text, const char *value, enum config_log_level level)
{
	struct config *before = read_config(text), *after;
	struct buffer edited, want, got;

	if (before == NULL)
		return;
	edit(text, value, &edited);
	after = read_config(text_in(&edited));
	assert(after != NULL && after->log_level == level);
	before->log_level = level;
	buffer_init(&want, OUT_MAX);
	buffer_init(&got, OUT_MAX);
	config_format_changed(before, &want);
	config_format_changed(after, &got);
	assert_same(&want, &got);
	buffer_clear(&got);
	buffer_clear(&want);
	buffer_clear(&edited);
	config_free(after);
	config_free(before);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text text = { (const char *)data, size };

	edit_and_read(text, "debug", CONFIG_LOG_DEBUG);
	edit_and_read(text, NULL, CONFIG_LOG_INFO);
	/* Each edit takes one from the end of a line; config_parse wants one. */
	if (memchr(data, '\r', size) != NULL)
		return;
	edit_over(text, "debug", "debug");
	edit_over(text, "warn", "debug");
	edit_over(text, "warn", NULL);
	edit_over(text, NULL, NULL);
}
