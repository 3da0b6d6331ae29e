/*
 * Entries of systemd's journal: what is one, and which of two was first.
 */

#include "policyd/clerk/ledger/journald_entry.h"

#include "tests/unit/check.h"

#define CURSOR	"s=0a;i=2f1;b=3fe9;m=58;t=66;x=5f"
#define BEGIN	"{\"__CURSOR\":\"" CURSOR "\",\"__REALTIME_TIMESTAMP\":" \
	    "\"1795333653811341\""

static const struct {
	const char	*label;
	const char	*line;
	bool		 is_entry;
	const char	*identifier, *message;
	uint32_t	 pid;
} entries[] = {
	{ "an entry", BEGIN ",\"SYSLOG_IDENTIFIER\":\"postfix/smtp\","
	    "\"SYSLOG_PID\":\"100\",\"_PID\":\"7\",\"MESSAGE\":\"hello\"}",
	    true, "postfix/smtp", "hello", 100 },
	{ "the system's number", BEGIN ",\"_PID\":\"7\"}", true, "", "", 7 },
	{ "a number that is none", BEGIN ",\"SYSLOG_PID\":\"x\"}", true, "",
	    "", 0 },
	{ "a message above 4 KiB", BEGIN ",\"MESSAGE\":null}", true, "", "",
	    0 },
	{ "a message of octets", BEGIN ",\"MESSAGE\":[255,10]}", true, "", "",
	    0 },
	{ "two messages", BEGIN ",\"MESSAGE\":[\"a\",\"b\"]}", true, "", "",
	    0 },
	{ "no JSON", "-- No entries --", false, NULL, NULL, 0 },
	{ "no object", "[]", false, NULL, NULL, 0 },
	{ "no cursor", "{\"__REALTIME_TIMESTAMP\":\"1795333653811341\"}",
	    false, NULL, NULL, 0 },
	{ "a cursor with a blank", "{\"__CURSOR\":\"a b\","
	    "\"__REALTIME_TIMESTAMP\":\"1795333653811341\"}", false, NULL,
	    NULL, 0 },
	{ "no time", "{\"__CURSOR\":\"" CURSOR "\"}", false, NULL, NULL, 0 },
	{ "a time before 1970", "{\"__CURSOR\":\"" CURSOR "\","
	    "\"__REALTIME_TIMESTAMP\":\"-1\"}", false, NULL, NULL, 0 },
};

static const struct {
	const char	*label;
	const char	*cursor, *other;
	bool		 is_up_to, is_same;
} cursors[] = {
	{ "itself", CURSOR, CURSOR, true, true },
	{ "copied to another file", "s=0b;i=1;b=3fe9;m=58;t=66;x=5f", CURSOR,
	    true, true },
	{ "earlier", "s=0a;i=2f0;b=3fe9;m=9;t=67;x=5f", CURSOR, true, false },
	{ "later", "s=0a;i=2f2;b=3fe9;m=100;t=60;x=5f", CURSOR, false,
	    false },
	{ "another one of that moment", "s=0a;i=2f1;b=3fe9;m=58;t=66;x=60",
	    CURSOR, true, false },
	{ "another boot", "s=0a;i=2f1;b=3fea;m=1;t=66;x=5f", CURSOR, false,
	    false },
	{ "of an unknown form", "abc", CURSOR, false, false },
	{ "compared with an unknown form", CURSOR, "s=0a;b=3fe9", false,
	    false },
	{ "both unknown", "abc", "abc", false, false },
};

int
main(void)
{
	struct journald_entry e;
	char text[64];
	bool is_same;
	size_t i;

	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		check_bool(entries[i].label, journald_entry_parse(
		    text_of(entries[i].line), &e), entries[i].is_entry);
		if (!entries[i].is_entry)
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)e.identifier.len,
		    e.identifier.data);
		check_text(entries[i].label, text, entries[i].identifier);
		snprintf(text, sizeof(text), "%.*s", (int)e.message.len,
		    e.message.data);
		check_text(entries[i].label, text, entries[i].message);
		check_int(entries[i].label, e.pid, entries[i].pid);
		check_int(entries[i].label, e.at, 1795333653);
		journald_entry_clear(&e);
	}
	for (i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		check_bool(cursors[i].label, journald_cursor_is_up_to(
		    text_of(cursors[i].cursor), text_of(cursors[i].other),
		    &is_same), cursors[i].is_up_to);
		check_bool(cursors[i].label, is_same, cursors[i].is_same);
	}
	return check_end();
}
