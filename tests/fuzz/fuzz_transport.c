/*
 * The way of an address through settings and tables that nobody foresaw:
 * "setting=value" lines, an empty line, "key value" lines of every table, an
 * empty line, then sender and recipient.
 */

#include "shared/postfix/transport.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define ASKED_MAX 100000	/* of one way; far beyond any real one */

struct book {
	struct text	lines;
	unsigned	asked_count;
};

static enum table_answer
lookup(const char *config_dir, struct text table, struct text key,
    struct text *value, void *arg)
{
	struct book *book = arg;
	struct text rest = book->lines, line, name;

	(void)config_dir;
	assert(key.len > 0 && key.len <= TABLE_KEY_MAX_BYTES);
	assert(table.len > 0 && ++book->asked_count < ASKED_MAX);
	while (text_next_line(&rest, &line) && line.len > 0) {
		if (text_next_word(&line, &name) && name.len == key.len &&
		    memcmp(name.data, key.data, key.len) == 0) {
			*value = line;
			return line.len == 0 ? TABLE_PENDING : TABLE_FOUND;
		}
	}
	return table.data[0] == '?' ? TABLE_UNKNOWN : TABLE_NOT_FOUND;
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size }, line, name, sender;
	struct instance instance = { .service_count = 0 };
	struct book book = { .asked_count = 0 };
	const struct tables tables = { NULL, lookup, &book };
	struct transport t;

	while (text_next_line(&rest, &line) && line.len > 0) {
		text_next_field(&line, '=', &name);
		if (line.data == NULL)
			line = text_of("");
		if (text_equals(name, "master.cf"))
			instance_add_service(&instance, line);
		else if (memchr(line.data, '\0', line.len) == NULL)
			instance_set(&instance, name, line);
	}
	book.lines = rest;
	while (text_next_line(&rest, &line) && line.len > 0)
		;
	sender = text_of("");
	text_next_line(&rest, &sender);
	if (memchr(sender.data, '\0', sender.len) != NULL)
		sender = (struct text){ NULL, 0 };
	transport_find(&instance, &tables, "", sender, rest, &t);
	assert(t.because != NULL && t.hop_count <= TRANSPORT_HOPS_MAX);
	assert((t.kind == TRANSPORT_HOPS) == (t.hop_count > 0));
	instance_clear(&instance);
}
