/*
 * hopseal lint log: what Postfix's log says of each TLS handshake, an object
 * a line, as it is read.
 */

#include "ctl/lint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "shared/io/clock.h"
#include "shared/postfix/log_sessions.h"

#define BLOCK_BYTES	65536	/* and the longest line that is read */

static json_t *
text_or_null(struct text t)
{
	return t.len > 0 ? json_stringn(t.data, t.len) : json_null();
}

static json_t *
number_or_null(unsigned n)
{
	return n > 0 ? json_integer(n) : json_null();
}

/* A session for which no TLS was wanted is none of lint's. */
static void
print_session(void *context, const struct tls_session *session)
{
	char time[TEXT_TIME_SIZE];
	json_t *object;

	(void)context;
	if (!session->had_handshake && session->finding == FINDING_UNKNOWN)
		return;
	object = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s?, "
	    "s:o, s:o, s:o, s:o, s:o}",
	    "time", text_format_time(time, session->at),
	    "direction", session_direction_name(session->direction),
	    "host", text_or_null(session->host),
	    "address", text_or_null(session->address),
	    "port", number_or_null(session->port),
	    "domain", text_or_null(session->domain),
	    "queue_id", text_or_null(session->queue_id),
	    "finding", finding_name(session->finding),
	    "trust", session_trust_name(session->trust),
	    "protocol", text_or_null(session->protocol),
	    "cipher", text_or_null(session->cipher),
	    "bits", number_or_null(session->bits),
	    "reason", text_or_null(session->reason),
	    "status", text_or_null(session->status));
	ask_print(object);
	json_decref(object);
}

struct reader {
	struct log_sessions	*sessions;
	struct log_clock	 clock;
	bool			 is_overlong;	/* the line being read */
};

static void
read_line(struct reader *r, struct text text)
{
	struct log_line line;

	if (!r->is_overlong && log_line_parse(text, &line))
		log_sessions_feed(r->sessions, &line,
		    log_clock_read(&r->clock, &line.time));
	r->is_overlong = false;
}

/* The lines that are complete; returns how much of the block is left. */
static size_t
read_block(struct reader *r, char *block, size_t len)
{
	struct text rest = { block, len }, line;

	while (memchr(rest.data, '\n', rest.len) != NULL) {
		text_next_line(&rest, &line);
		read_line(r, line);
	}
	if (rest.len == BLOCK_BYTES) {
		r->is_overlong = true;
		rest.len = 0;
	}
	memmove(block, rest.data, rest.len);
	return rest.len;
}

int
lint_log(int fd)
{
	struct reader r = {
		.sessions = log_sessions_new(print_session, NULL),
		.clock = { .now = clock_now_s(), .zone = clock_zone_s }
	};
	char block[BLOCK_BYTES];
	size_t kept = 0;
	ssize_t n;

	while ((n = read(fd, block + kept, sizeof(block) - kept)) > 0) {
		kept = read_block(&r, block, kept + (size_t)n);
		fflush(stdout);
	}
	if (kept > 0)
		read_line(&r, (struct text){ block, kept });
	log_sessions_flush(r.sessions);
	log_sessions_free(r.sessions);
	return n == -1 ? -1 : 0;
}
