/*
 * Mails with reports, and lines as they are kept: a line is short and parses.
 */

#include "shared/tlsrpt/received.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text t = { (const char *)data, size };
	struct received_lines lines;
	struct received r;
	const char *why = NULL;
	size_t i;

	if (received_parse(t, &r))
		received_clear(&r);
	if (received_read_mail(t, "a.example", 1, &lines, &why) == -1) {
		assert(why != NULL);
		return;
	}
	assert(lines.count > 0);
	for (i = 0; i < lines.count; i++) {
		assert(lines.lines[i].len <= RECEIVED_MAX_BYTES);
		assert(received_parse((struct text){ lines.lines[i].data,
		    lines.lines[i].len }, &r));
		received_clear(&r);
	}
	received_lines_clear(&lines);
}
