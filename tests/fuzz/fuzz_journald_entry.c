/*
 * Entries of systemd's journal: a cursor can be handed to journalctl, and is
 * the same entry as itself whenever it has a known form.
 */

#include "policyd/clerk/ledger/journald_entry.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text line = { (const char *)data, size };
	struct journald_entry e;
	bool is_same;

	if (!journald_entry_parse(line, &e))
		return;
	assert(e.at > 0 && e.cursor.len <= JOURNALD_CURSOR_MAX);
	assert(memchr(e.cursor.data, ' ', e.cursor.len) == NULL);
	assert(e.identifier.len + e.message.len <= size);
	if (journald_cursor_is_up_to(e.cursor, e.cursor, &is_same))
		assert(is_same);
	journald_entry_clear(&e);
}
