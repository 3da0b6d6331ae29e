/*
 * Entries of systemd's journal.  A cursor is
 * "s=FILES;i=NUMBER;b=BOOT;m=MONOTONIC;t=REALTIME;x=CHECKSUM".
 */

#include "policyd/clerk/ledger/journald_entry.h"

#include <string.h>

#include "shared/tlsrpt/json_read.h"

#define USEC		1000000
#define BOOT_MARK	";b="

static const struct json_limits limits = {
	.depth_max = 2, .values_max = 40000, .string_max = 32768
};

static struct text
text_field(const json_t *json, const char *name)
{
	const char *words = json_read_words(json, name);

	return text_of(words != NULL ? words : "");
}

static uint64_t
number_field(const json_t *json, const char *name)
{
	uint64_t value;

	return text_parse_u64(text_field(json, name), INT64_MAX, &value) ?
	    value : 0;
}

static bool
is_cursor(struct text cursor)
{
	return cursor.len > 0 && cursor.len <= JOURNALD_CURSOR_MAX &&
	    text_is_printable(cursor) &&
	    memchr(cursor.data, ' ', cursor.len) == NULL;
}

bool
journald_entry_parse(struct text line, struct journald_entry *out)
{
	struct journald_entry e = { .pid = 0 };
	size_t repaired = 0;
	const char *why;
	uint64_t pid;

	e.json = json_read_object(line, &limits, &repaired, &why);
	if (e.json == NULL)
		return false;
	e.cursor = text_field(e.json, "__CURSOR");
	e.identifier = text_field(e.json, "SYSLOG_IDENTIFIER");
	e.message = text_field(e.json, "MESSAGE");
	/* What the program said of itself is what its other lines say, too. */
	pid = number_field(e.json, "SYSLOG_PID");
	if (pid == 0)
		pid = number_field(e.json, "_PID");
	e.pid = (uint32_t)pid;
	e.at = (int64_t)(number_field(e.json, "__REALTIME_TIMESTAMP") / USEC);
	if (e.at == 0 || !is_cursor(e.cursor)) {
		json_decref(e.json);
		return false;
	}
	*out = e;
	return true;
}

void
journald_entry_clear(struct journald_entry *entry)
{
	json_decref(entry->json);
	entry->json = NULL;
}

/* --------------------------------------------------------------- cursors */

/* "BOOT;m=...;t=...;x=..." */
static struct text
times_of(struct text cursor)
{
	struct text mark = text_of(BOOT_MARK);
	const char *found = memmem(cursor.data, cursor.len, mark.data,
	    mark.len);

	if (found == NULL)
		return text_of("");
	found += mark.len;
	return (struct text){ found, cursor.len - (size_t)(found -
	    cursor.data) };
}

/* Hexadecimal numbers without zeros before them: the longer is the greater. */
static int
compare_numbers(struct text a, struct text b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return memcmp(a.data, b.data, a.len);
}

bool
journald_cursor_is_up_to(struct text cursor, struct text other, bool *is_same)
{
	struct text a = times_of(cursor), b = times_of(other), boot_a, boot_b;
	struct text at_a, at_b;

	*is_same = a.len > 0 && a.len == b.len &&
	    memcmp(a.data, b.data, a.len) == 0;
	if (!text_next_field(&a, ';', &boot_a) ||
	    !text_next_field(&b, ';', &boot_b) || boot_a.len != boot_b.len ||
	    memcmp(boot_a.data, boot_b.data, boot_a.len) != 0 ||
	    !text_next_field(&a, ';', &at_a) ||
	    !text_next_field(&b, ';', &at_b) ||
	    !text_starts_with(at_a, "m=") || !text_starts_with(at_b, "m="))
		return false;
	return compare_numbers(at_a, at_b) <= 0;
}
