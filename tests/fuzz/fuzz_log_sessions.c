/*
 * Whole logs: sessions are printable and bounded, and a restart at any line
 * changes none.  The same bytes as a state: one that is taken is written the
 * same again.
 */

#include "shared/postfix/log_sessions.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define TOLD_MAX (16 * 1024 * 1024)

static void
tell(void *context, const struct tls_session *s)
{
	const struct text texts[] = { s->domain, s->host, s->address,
	    s->protocol, s->cipher, s->reason, s->queue_id, s->status,
	    s->service, s->alert };
	struct buffer *told = context;
	size_t i;

	buffer_addf(told, "%d %d %d %u %u %lld", (int)s->direction,
	    (int)s->finding, (int)s->trust, s->port, s->bits,
	    (long long)s->at);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert(text_is_printable(texts[i]) && texts[i].len <= 253);
		buffer_add(told, "|", 1);
		buffer_add(told, texts[i].data, texts[i].len);
	}
	buffer_add(told, "\n", 1);
}

static void
restart(struct log_sessions **s, struct buffer *told)
{
	struct log_sessions *next = log_sessions_new(tell, told);
	struct buffer state;
	const char *why;

	buffer_init(&state, LOG_SESSIONS_STATE_MAX);
	log_sessions_format(*s, &state);
	assert(!state.is_overfull && log_sessions_parse(next, (struct text){
	    state.data, state.len }, &why) == 0);
	buffer_clear(&state);
	log_sessions_free(*s);
	*s = next;
}

static void
run(struct text rest, bool restarts, struct buffer *told)
{
	struct log_sessions *s = log_sessions_new(tell, told);
	struct log_clock clock = { .now = 1795321800 };
	struct log_line line;
	struct text text;

	while (text_next_line(&rest, &text)) {
		if (!log_line_parse(text, &line))
			continue;
		log_sessions_feed(s, &line, log_clock_read(&clock,
		    &line.time));
		if (restarts)
			restart(&s, told);
	}
	log_sessions_flush(s);
	log_sessions_free(s);
}

static void
check_state(struct text t)
{
	struct log_sessions *s = log_sessions_new(tell, NULL);
	struct buffer once, twice, told;
	const char *why;

	buffer_init(&told, TOLD_MAX);
	buffer_init(&once, LOG_SESSIONS_STATE_MAX);
	buffer_init(&twice, LOG_SESSIONS_STATE_MAX);
	if (log_sessions_parse(s, t, &why) == 0) {
		log_sessions_format(s, &once);
		restart(&s, &told);
		log_sessions_format(s, &twice);
		assert(once.len == twice.len &&
		    memcmp(once.data, twice.data, once.len) == 0);
		log_sessions_flush(s);
	}
	buffer_clear(&once);
	buffer_clear(&twice);
	buffer_clear(&told);
	log_sessions_free(s);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text t = { (const char *)data, size };
	struct buffer told, again;

	check_state(t);
	buffer_init(&told, TOLD_MAX);
	buffer_init(&again, TOLD_MAX);
	run(t, false, &told);
	run(t, true, &again);
	assert(told.len == again.len && (told.len == 0 ||
	    memcmp(told.data, again.data, told.len) == 0));
	buffer_clear(&told);
	buffer_clear(&again);
}
