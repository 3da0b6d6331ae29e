/*
 * Lines of a mail log, also as a journal's fields: what is parsed lies within
 * the line.
 */

#include "shared/postfix/log_line.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

static void
check_within(struct text whole, struct text part)
{
	assert(part.len == 0 || (part.data >= whole.data &&
	    part.data + part.len <= whole.data + whole.len));
}

static void
check_event(struct text whole, const struct log_line *line)
{
	struct log_event event;

	check_within(whole, line->tag);
	check_within(whole, line->message);
	log_event_parse(line, &event);
	if (event.kind == EVENT_NONE)
		return;
	check_within(whole, event.peer.host);
	check_within(whole, event.peer.address);
	check_within(whole, event.protocol);
	check_within(whole, event.cipher);
	check_within(whole, event.queue_id);
	check_within(whole, event.domain);
	check_within(whole, event.status);
	check_within(whole, event.reason);
	check_within(whole, event.failure_type);
	check_within(whole, event.alert);
	check_within(whole, event.level);
	check_within(whole, event.handoff);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	static const char *const tags[] = { "postfix/smtp", "postfix/smtpd",
	    "postfix/tlsproxy", "imap-login" };
	struct text all = { (const char *)data, size }, rest = all, text;
	struct log_clock clock = { .now = 1795321800 };
	struct log_line line;
	size_t i;

	while (text_next_line(&rest, &text))
		if (log_line_parse(text, &line)) {
			assert(line.daemon != DAEMON_OTHER);
			log_clock_read(&clock, &line.time);
			check_event(text, &line);
		}
	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (log_line_from_parts(text_of(tags[i]), 1, all, &line)) {
			line.tag = line.message;
			check_event(all, &line);
		}
}
