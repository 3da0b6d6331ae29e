/*
 * Is the ledger well.  The first thing that is wrong is told, in the order in
 * which a person would set it right.
 */

#include "policyd/clerk/ledger/ledger_status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policyd/clerk/ledger/datagram_service.h"
#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/sources.h"
#include "policyd/process/settings.h"

static void
set(struct ledger_status *out, enum control_state state, const char *detail,
    const char *advice)
{
	out->part.state = state;
	snprintf(out->detail, sizeof(out->detail), "%s", detail);
	snprintf(out->advice, sizeof(out->advice), "%s", advice);
}

static uint64_t
session_count(const struct sources_state *s)
{
	uint64_t sum = 0;
	int d;

	for (d = 0; d < SESSION_DIRECTION_COUNT; d++)
		sum += s->sessions[d];
	return sum;
}

#define LAG_SIZE	64

/* How far the log is read; the journal does not tell how much there is. */
static const char *
format_lag(char out[LAG_SIZE], const struct sources_state *s)
{
	out[0] = '\0';
	if (s->has_journal)
		snprintf(out, LAG_SIZE, ", %s", s->is_read ? "all of it read" :
		    "not yet read to its end");
	else if (s->has_log)
		snprintf(out, LAG_SIZE, ", %" PRIu64
		    " octets of the log to read", s->lag_bytes);
	else if (s->wants_log)
		snprintf(out, LAG_SIZE, ", the log is not open yet");
	return out;
}

static void
describe(struct ledger_status *out, struct ledger *ledger,
    const struct sources_state *s, int64_t now)
{
	char age[TEXT_TIME_SIZE], last[64] = "no session yet", lag[LAG_SIZE];

	if (s->counted_at > 0)
		snprintf(last, sizeof(last), "last session %s ago",
		    text_format_age(age, now > s->counted_at ?
		    now - s->counted_at : 0));
	out->part.state = CONTROL_OK;
	snprintf(out->detail, sizeof(out->detail), "%s, from%s%s%s%s%s, journal "
	    "%" PRIu64 " kB", last,
	    s->wants_log ? " maillog" : "",
	    s->has_journal ? " in systemd's journal" : "",
	    s->wants_log && s->wants_datagrams ? " and" : "",
	    s->wants_datagrams ? " tlsrpt" : "", format_lag(lag, s),
	    ledger_journal_bytes(ledger) / 1024);
}

static void
judge(struct ledger_status *out, struct ledger *ledger,
    const struct sources_state *s, const struct settings *settings,
    int64_t now)
{
	const struct site *site = settings->site;
	char words[400];

	describe(out, ledger, s, now);
	if (!ledger_is_open(ledger))
		set(out, CONTROL_BAD, ledger_trouble(ledger) != NULL ?
		    ledger_trouble(ledger) : "not open",
		    "nothing is counted until state_dir can be written by "
		    "the account of the option user");
	else if (ledger_trouble(ledger) != NULL)
		set(out, CONTROL_WARNING, ledger_trouble(ledger),
		    "what is counted stays in memory until the disk of "
		    "state_dir takes it");
	else if (s->wants_log && s->log_trouble != NULL) {
		snprintf(words, sizeof(words), "no mail log: %s",
		    s->log_trouble);
		set(out, CONTROL_WARNING, words, "set maillog to the file "
		    "that Postfix's log goes to");
	} else if (s->wants_log && (site->smtp_tells_no_tls ||
	    site->smtpd_tells_no_tls))
		set(out, s->deliveries > 0 ? CONTROL_UNKNOWN :
		    CONTROL_WARNING, "Postfix does not log TLS, so that "
		    "nothing can be counted from its log",
		    "postconf -e smtp_tls_loglevel=1 smtpd_tls_loglevel=1");
	else if (!s->wants_log && !s->wants_datagrams)
		set(out, CONTROL_UNKNOWN, "outbound sessions are not counted: "
		    "maillog = none", "set maillog, or outbound_source = "
		    "tlsrpt");
	else if (!s->wants_log && settings->config->inbound_source ==
	    CONFIG_INBOUND_MAILLOG)
		set(out, CONTROL_UNKNOWN, "inbound sessions are not counted: "
		    "maillog = none", "set maillog, or inbound_source = "
		    "access");
	else if (s->deliveries > 0 && session_count(s) == 0)
		set(out, CONTROL_UNKNOWN, "mail is delivered, and no TLS "
		    "session was seen", "see that smtp_tls_loglevel is 1");
	else if (s->datagrams_lost > 0) {
		snprintf(words, sizeof(words), "%" PRIu64 " datagrams of "
		    "Postfix were lost, %" PRIu64 " came", s->datagrams_lost,
		    s->datagrams);
		set(out, CONTROL_WARNING, words, "raise "
		    "net.unix.max_dgram_qlen, or set outbound_source = both "
		    "or maillog");
	} else if (s->has_datagrams && s->queue_length > 0 &&
	    s->queue_length < DATAGRAM_QUEUE_MIN) {
		snprintf(words, sizeof(words), "a burst of deliveries will "
		    "lose datagrams: net.unix.max_dgram_qlen is %u",
		    s->queue_length);
		set(out, CONTROL_WARNING, words,
		    "sysctl net.unix.max_dgram_qlen=512, then restart");
	}
}

static void
add(struct ledger_status *out, const char *name, uint64_t value)
{
	out->counters[out->counter_count++] = (struct control_counter){
	    text_of(name), value };
}

void
ledger_status_make(struct ledger_status *out, struct ledger *ledger,
    const struct sources_state *s, const struct settings *settings,
    int64_t now)
{
	memset(out, 0, sizeof(*out));
	judge(out, ledger, s, settings, now);
	out->part.name = text_of("ledger");
	out->part.detail = text_of(out->detail);
	out->part.advice = text_of(out->advice);
	add(out, "ledger_sessions_out", s->sessions[SESSION_OUT]);
	add(out, "ledger_sessions_in", s->sessions[SESSION_IN]);
	add(out, "ledger_sessions_submission",
	    s->sessions[SESSION_SUBMISSION]);
	add(out, "ledger_sessions_too_old", s->old_count);
	add(out, "ledger_log_lines", s->line_count);
	if (s->has_log && !s->has_journal)
		add(out, "ledger_log_lag_bytes", s->lag_bytes);
	add(out, "ledger_log_gaps", s->gap_count);
	add(out, "ledger_datagrams", s->datagrams);
	add(out, "ledger_datagrams_refused", s->datagrams_refused);
	add(out, "ledger_datagrams_lost", s->datagrams_lost);
	add(out, "ledger_journal_bytes", ledger_journal_bytes(ledger));
	add(out, "ledger_memory_bytes", ledger_memory_bytes(ledger));
}
