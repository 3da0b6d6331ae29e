/*
 * The sources of the ledger.  Once a second what was counted from the log is
 * written down together with how far it was read; what came by datagram at
 * once, as nobody sends it again.
 */

#include "policyd/clerk/ledger/sources.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/clerk/ledger/aggregates.h"
#include "policyd/clerk/ledger/datagram_service.h"
#include "policyd/clerk/ledger/journald_entry.h"
#include "policyd/clerk/ledger/journald_follow.h"
#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/ledger_session.h"
#include "policyd/clerk/ledger/ledger_share.h"
#include "policyd/clerk/ledger/log_follow.h"
#include "policyd/clerk/ledger/promises.h"
#include "policyd/process/child.h"
#include "policyd/process/session_message.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/postfix/log_sessions.h"
#include "shared/postfix/site.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define TICK_S		1
#define WHY_SIZE	256
#define POSITION_MAX	1024
#define PROMISES_WAIT_MS 3000	/* for a front that is away */
#define TOLD_MAX	4096
#define TELL_EVERY_S	60
#define FRESH_S		120	/* sessions that the front hears of */
#define UNREAD_MS	(60 * 60 * 1000)	/* a log is waited for */
#define LOSS_SETTLES_MS	10000	/* log and socket do not speak at one time */
#define SURPLUS_SETTLES_MS (60 * 60 * 1000)	/* nor do long sessions end */

/* What the front was told last. */
struct told {
	uint64_t	hash;
	int64_t		at;
};

struct sources {
	struct child		*child;
	struct ledger		*ledger;
	struct ledger_share	*share;
	struct aggregates	*aggregates;
	struct promises		*promises;
	sources_is_own_cb	*is_own;	/* or NULL */
	void			*own_arg;
	struct event		*tick;
	struct log_sessions	*sessions;	/* NULL: no log (yet) wanted */
	struct log_follow	*log;		/* one of these two, or none */
	struct journald_follow	*journal;
	struct log_clock	 clock;
	struct datagram_service	*datagrams;	/* NULL: the same */
	char			 log_trouble[WHY_SIZE];
	int64_t			 balance;	/* of datagrams, a second ago */
	int64_t			 balance_ms;	/* such since then */
	bool			 has_asked_socket;
	bool			 has_promises;	/* all that the front knows */
	int64_t			 log_ms;	/* not waited for any longer */
	int64_t			 read_ms;	/* is_read then, or begun */
	sources_refusal_cb	*on_refusal;	/* or NULL */
	void			*refusal_arg;
	struct sources_state	 state;
	struct told		 told[TOLD_MAX];
};

static const struct config *
config_of(const struct sources *s)
{
	return s->child->settings->config;
}

static bool
wants_log(const struct config *config)
{
	return strcmp(config->maillog, "none") != 0 &&
	    (config->outbound_source != CONFIG_OUTBOUND_TLSRPT ||
	    config->inbound_source == CONFIG_INBOUND_MAILLOG);
}

static bool
wants_datagrams(const struct config *config)
{
	return config->outbound_source != CONFIG_OUTBOUND_MAILLOG;
}

/* ------------------------------------------------------------------ the log */

/* As the system has it, so that a change of summer time is where it was. */
static int32_t
local_zone(int64_t local_s)
{
	time_t as_utc = (time_t)local_s, at;
	struct tm tm;

	if (gmtime_r(&as_utc, &tm) == NULL)
		return 0;
	tm.tm_isdst = -1;
	at = mktime(&tm);
	return at == (time_t)-1 ? 0 : (int32_t)(as_utc - at);
}

static bool
is_counted_from_log(const struct config *config, const struct tls_session *s)
{
	if (s->direction != SESSION_OUT)
		return config->inbound_source == CONFIG_INBOUND_MAILLOG;
	return config->outbound_source == CONFIG_OUTBOUND_MAILLOG ||
	    (config->outbound_source == CONFIG_OUTBOUND_BOTH &&
	    !s->has_datagram);
}

/* A delivery that looks as if in clear, of a Postfix that does not log TLS. */
static bool
is_unknown(const struct site *site, const struct tls_session *s)
{
	return site->smtp_tells_no_tls && s->direction == SESSION_OUT &&
	    s->finding == FINDING_UNKNOWN && !s->had_handshake;
}

static void
note_counted(struct sources *s, enum session_direction direction, int64_t at)
{
	s->state.sessions[direction]++;
	if (at > s->state.counted_at)
		s->state.counted_at = at;
}

/* Each pair of domain and host once a minute, and nothing that is history. */
static bool
is_news(struct sources *s, const struct session_outcome *o)
{
	static const struct siphash_key key = { 's', 'o' };
	int64_t now = clock_now_s();
	uint64_t hash = siphash(&key, o->domain.data, o->domain.len) +
	    siphash(&key, o->host.data, o->host.len) * 2 + o->is_verified;
	struct told *told = &s->told[hash % TOLD_MAX];

	if (told->hash == hash && now - told->at < TELL_EVERY_S)
		return false;
	*told = (struct told){ hash, now };
	return true;
}

static void
tell_front(struct sources *s, const struct tls_session *session)
{
	struct channel *front = child_peer(s->child, ROLE_FRONT);
	struct session_outcome o = { .domain = session->domain,
	    .host = session->host, .address = session->address,
	    .is_verified = session->trust == SESSION_TRUST_VERIFIED };
	bool is_failure = finding_result_type(session->finding) != NULL;
	struct buffer payload;

	if (front == NULL || session->direction != SESSION_OUT ||
	    is_failure == o.is_verified ||
	    session->at < clock_now_s() - FRESH_S || !is_news(s, &o))
		return;
	buffer_init(&payload, SESSION_MESSAGE_MAX);
	session_outcome_format(&o, &payload);
	channel_send(front, MESSAGE_OUTCOME, 0, (struct text){ payload.data,
	    payload.len });
	buffer_clear(&payload);
}

static void
on_session(void *arg, const struct tls_session *session)
{
	struct sources *s = arg;
	struct ledger_datagrams *datagrams = ledger_datagrams(s->ledger);

	if (session->has_datagram && datagrams->since != 0 &&
	    session->at >= datagrams->since)
		datagrams->announced++;
	if (!is_counted_from_log(config_of(s), session) ||
	    is_unknown(s->child->settings->site, session) ||
	    (s->is_own != NULL && s->is_own(session->queue_id, s->own_arg)))
		return;
	if (ledger_count_session(s->ledger, s->promises, session,
	    TALLY_REPEATABLE)) {
		note_counted(s, session->direction, session->at);
		tell_front(s, session);
		if (session->refuses_our_certificate && s->on_refusal != NULL)
			s->on_refusal(session, s->refusal_arg);
	} else
		s->state.old_count++;
}

static void
on_line(struct text line, void *arg)
{
	struct sources *s = arg;
	struct log_line parsed;

	if (log_line_parse(line, &parsed))
		log_sessions_feed(s->sessions, &parsed,
		    log_clock_read(&s->clock, &parsed.time));
}

static bool
commit(struct sources *s)
{
	struct buffer position, state;
	bool result = true;

	if (s->sessions == NULL)
		return ledger_commit(s->ledger);
	buffer_init(&position, POSITION_MAX);
	buffer_init(&state, 2 * LOG_SESSIONS_STATE_MAX);
	if (s->log != NULL)
		log_follow_format(s->log, &position);
	else if (s->journal != NULL)
		journald_follow_format(s->journal, &position);
	log_sessions_format(s->sessions, &state);
	if (position.len > 0)
		result = ledger_commit_log(s->ledger, (struct text){
		    position.data, position.len }, (struct text){
		    buffer_text(&state), state.len });
	buffer_clear(&position);
	buffer_clear(&state);
	return result;
}

static void
on_entry(const struct journald_entry *entry, void *arg)
{
	struct sources *s = arg;
	struct log_line parsed;

	s->log_trouble[0] = '\0';
	if (log_line_from_parts(entry->identifier, entry->pid, entry->message,
	    &parsed))
		log_sessions_feed(s->sessions, &parsed, entry->at);
}

static void
on_want(unsigned n, void *arg)
{
	struct sources *s = arg;

	channel_send(child_parent(s->child), MESSAGE_OPEN, n, text_of(""));
}

/* Where it is, the parent finds out. */
static void
ask_for_log(struct sources *s)
{
	commit(s);
	channel_send(child_parent(s->child), MESSAGE_OPEN, 0,
	    journald_follow_begin(ledger_log_position(s->ledger)));
}

static void
on_gap(const char *why, void *arg)
{
	struct sources *s = arg;

	s->state.gap_count++;
	log_warn("mail log: lines were missed, and their sessions are not "
	    "counted: reason=%s", why);
}

static void
start_log(struct sources *s)
{
	struct text state = ledger_log_state(s->ledger);
	const char *why;

	s->sessions = log_sessions_new(on_session, s);
	if (state.len > 0 &&
	    log_sessions_parse(s->sessions, state, &why) == -1)
		on_gap(why, s);
	s->clock = (struct log_clock){ .now = clock_now_s(),
	    .zone = local_zone };
	ask_for_log(s);
}

/* Once it is written down how far it was read. */
static void
stop_log(struct sources *s)
{
	if (!commit(s))
		return;
	log_follow_free(s->log);
	s->log = NULL;
	journald_follow_free(s->journal);
	s->journal = NULL;
	log_sessions_free(s->sessions);
	s->sessions = NULL;
	s->log_trouble[0] = '\0';
}

/* Trouble until the next entry, however often it is started again. */
static void
on_journal_end(void *arg)
{
	struct sources *s = arg;

	snprintf(s->log_trouble, sizeof(s->log_trouble), "journalctl ended: "
	    "is it there, and may the group systemd-journal read it");
	ask_for_log(s);
}

static void
take_log(struct sources *s, unsigned n, int fd)
{
	static const struct log_follow_callbacks callbacks = {
		on_line, on_want, on_gap
	};

	if (s->log == NULL && n == 0 && fd != -1) {
		commit(s);
		journald_follow_free(s->journal);
		s->journal = NULL;
		s->log = log_follow_new(s->child->base,
		    ledger_log_position(s->ledger), &callbacks, s);
	}
	if (s->log != NULL)
		log_follow_take(s->log, n, fd);
	else if (fd != -1)
		close(fd);
}

static void
take_journal(struct sources *s, int fd)
{
	static const struct journald_follow_callbacks callbacks = {
		on_entry, on_journal_end, on_gap
	};

	if (s->journal == NULL) {
		commit(s);
		log_follow_free(s->log);
		s->log = NULL;
		s->journal = journald_follow_new(s->child->base,
		    ledger_log_position(s->ledger), &callbacks, s);
	}
	journald_follow_take(s->journal, fd);
}

/* All that the log says is counted. */
static bool
is_read(const struct sources *s)
{
	return !wants_log(config_of(s)) ||
	    (s->log != NULL && log_follow_is_read(s->log)) ||
	    (s->journal != NULL && journald_follow_is_read(s->journal));
}

bool
sources_are_read(const struct sources *s)
{
	return is_read(s) || clock_monotonic_ms() - s->read_ms >= UNREAD_MS;
}

/* ---------------------------------------------------------- the datagrams */

static void
on_datagram(const struct datagram *datagram, void *arg)
{
	struct sources *s = arg;
	int64_t now = clock_now_s();

	ledger_count_datagram(s->ledger, datagram, now);
	note_counted(s, SESSION_OUT, now);
}

static void
on_batch(unsigned count, void *arg)
{
	struct sources *s = arg;

	ledger_datagrams(s->ledger)->received += count;
	ledger_commit(s->ledger);
}

static void
start_datagrams(struct sources *s, int fd)
{
	static const struct datagram_service_callbacks callbacks = {
		on_datagram, on_batch
	};

	s->state.queue_length = datagram_queue_length();
	if (s->state.queue_length > 0 &&
	    s->state.queue_length < DATAGRAM_QUEUE_MIN)
		log_warn("tlsrpt socket: a burst of deliveries will lose "
		    "datagrams: net.unix.max_dgram_qlen=%u, wanted=%u",
		    s->state.queue_length, DATAGRAM_QUEUE_MIN);
	s->datagrams = datagram_service_new(s->child->base, fd, &callbacks, s);
	if (ledger_datagrams(s->ledger)->since == 0)
		ledger_datagrams(s->ledger)->since = clock_now_s();
}

/*
 * Told by the log, and not come: an estimate, once both have had time, also of
 * what a clerk that was killed had in hand.  More may come than is told, where
 * lines of the log were missed.
 */
static void
estimate_loss(struct sources *s)
{
	struct ledger_datagrams *d = ledger_datagrams(s->ledger);
	int64_t balance = (int64_t)(d->announced - d->received);
	int64_t settles_ms = balance > 0 ? LOSS_SETTLES_MS :
	    SURPLUS_SETTLES_MS;
	int64_t now_ms = clock_monotonic_ms();
	uint64_t received;

	if (!wants_log(config_of(s)) || !wants_datagrams(config_of(s))) {
		d->announced = d->received;
		return;
	}
	if (balance != s->balance && (balance <= 0 || s->balance <= 0))
		s->balance_ms = now_ms;
	s->balance = balance;
	if (s->datagrams == NULL || !is_read(s) ||
	    now_ms - s->balance_ms < settles_ms)
		return;
	d->announced = d->received;
	if (balance <= 0)
		return;
	s->state.datagrams_lost += (uint64_t)balance;
	received = datagram_service_counts(s->datagrams)->received;
	log_warn("tlsrpt socket: sessions are missing that Postfix has "
	    "reported: lost=%lld, received=%llu", (long long)balance,
	    (unsigned long long)received);
}

/* ------------------------------------------------------------ in its time */

/* Postfix tells where the log is, the front completes it: they come first. */
static bool
may_read_log(const struct sources *s)
{
	return site_was_asked(s->child->settings->site) &&
	    (s->has_promises || clock_monotonic_ms() >= s->log_ms);
}

static void
start(struct sources *s)
{
	const struct config *config = config_of(s);

	if (s->sessions == NULL && wants_log(config) && may_read_log(s))
		start_log(s);
	else if (s->sessions != NULL && !wants_log(config))
		stop_log(s);
	if (wants_datagrams(config) && s->datagrams == NULL &&
	    !s->has_asked_socket) {
		s->has_asked_socket = true;
		channel_send(child_parent(s->child), MESSAGE_OPEN,
		    MESSAGE_OPEN_TLSRPT, text_of(""));
	}
}

static void
on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct sources *s = arg;
	bool was_open = ledger_is_open(s->ledger);

	(void)fd;
	(void)events;
	if (was_open)
		commit(s);
	ledger_tick(s->ledger, ledger_share_is_up(s->share));
	if (ledger_is_open(s->ledger))
		start(s);
	ledger_share_tick(s->share);
	s->clock.now = clock_now_s();
	if (is_read(s))
		s->read_ms = clock_monotonic_ms();
	aggregates_tick(s->aggregates, config_of(s), s->clock.now,
	    sources_are_read(s));
	estimate_loss(s);
}

void
sources_set_own_mails(struct sources *s, sources_is_own_cb *is_own, void *arg)
{
	s->is_own = is_own;
	s->own_arg = arg;
}

void
sources_on_opened(struct sources *s, uint64_t number, const char *why, int fd)
{
	if (number == MESSAGE_OPEN_TLSRPT && fd != -1 &&
	    s->datagrams == NULL && ledger_is_open(s->ledger))
		start_datagrams(s, fd);
	else if (number != MESSAGE_OPEN_TLSRPT && s->sessions != NULL) {
		if (number == 0 || (number == MESSAGE_OPEN_JOURNAL && fd == -1))
			text_quote(s->log_trouble, sizeof(s->log_trouble),
			    text_of(fd == -1 ? why : ""));
		if (number == MESSAGE_OPEN_JOURNAL)
			take_journal(s, fd);
		else
			take_log(s, (unsigned)number, fd);
	} else if (fd != -1)
		close(fd);
}

static void
take_note(struct sources *s, struct text payload)
{
	struct tls_session session;

	if (config_of(s)->inbound_source != CONFIG_INBOUND_ACCESS ||
	    !session_note_parse(payload, &session))
		return;
	session.at = clock_now_s();
	if (!ledger_count_session(s->ledger, s->promises, &session,
	    TALLY_ONCE))
		return;
	note_counted(s, session.direction, session.at);
	ledger_commit(s->ledger);
}

void
sources_on_front(struct sources *s, uint8_t type, struct text payload)
{
	if (type == MESSAGE_PROMISE && payload.len == 0) {
		s->has_promises = true;
		if (ledger_is_open(s->ledger))
			start(s);
	} else if (type == MESSAGE_PROMISE)
		promises_take(s->promises, payload);
	else if (ledger_is_open(s->ledger))
		take_note(s, payload);
}

struct sources *
sources_new(struct child *child, struct ledger *ledger,
    struct ledger_share *share)
{
	struct sources *s = xcalloc(1, sizeof(*s));
	struct timeval interval = { TICK_S, 0 };

	s->child = child;
	s->ledger = ledger;
	s->share = share;
	s->aggregates = aggregates_new(child->base, ledger);
	s->promises = promises_new();
	s->read_ms = clock_monotonic_ms();
	s->log_ms = s->read_ms + PROMISES_WAIT_MS;
	s->tick = event_new(child->base, -1, EV_PERSIST, on_tick, s);
	event_add(s->tick, &interval);
	if (ledger_open(ledger))
		start(s);
	return s;
}

void
sources_free(struct sources *s)
{
	if (s == NULL)
		return;
	if (ledger_is_open(s->ledger))
		commit(s);
	event_free(s->tick);
	aggregates_free(s->aggregates);
	promises_free(s->promises);
	log_follow_free(s->log);
	journald_follow_free(s->journal);
	log_sessions_free(s->sessions);
	datagram_service_free(s->datagrams);
	free(s);
}

void
sources_on_refusal(struct sources *s, sources_refusal_cb *callback, void *arg)
{
	s->on_refusal = callback;
	s->refusal_arg = arg;
}

void
sources_state(const struct sources *s, struct sources_state *out)
{
	const struct datagram_counts *counts;

	*out = s->state;
	out->wants_log = wants_log(config_of(s));
	out->wants_datagrams = wants_datagrams(config_of(s));
	out->has_datagrams = s->datagrams != NULL;
	out->is_read = is_read(s);
	if (s->sessions != NULL)
		out->deliveries = log_sessions_counts(s->sessions)->deliveries;
	if (s->log != NULL) {
		out->has_log = log_follow_has_file(s->log);
		out->lag_bytes = log_follow_lag_bytes(s->log);
		out->line_count = log_follow_line_count(s->log);
	} else if (s->journal != NULL) {
		out->has_log = out->has_journal = true;
		out->line_count = journald_follow_entry_count(s->journal);
	}
	out->log_trouble = s->log_trouble[0] != '\0' ? s->log_trouble : NULL;
	if (s->datagrams != NULL) {
		counts = datagram_service_counts(s->datagrams);
		out->datagrams = counts->received;
		out->datagrams_refused = counts->refused;
	}
}
