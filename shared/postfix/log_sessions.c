/*
 * From log lines to sessions.  Each process has a list of the sessions that it
 * has begun: smtp one for each host it tries, until its delivery line; smtpd
 * one, until its client has gone; tlsproxy one for each client.  What tlsproxy
 * does for smtp waits in a list of its own until smtp speaks of it.
 */

#include "shared/postfix/log_sessions.h"

#include <sys/queue.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shared/host_name.h"
#include "shared/pack.h"
#include "shared/postfix/log_meaning.h"
#include "shared/postfix/log_pending.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define STATE_VERSION	1
#define SLOT_COUNT	4096	/* a power of two */
#define TAG_MAX_BYTES	64
#define PROXIED_MAX	256	/* handshakes by tlsproxy, not yet claimed */
/* After such a silence a process has forgotten its last transaction. */
#define IDLE_S		60

struct process {
	TAILQ_ENTRY(process)	 in_use;
	LIST_ENTRY(process)	 in_slot;
	char			 tag[TAG_MAX_BYTES];
	size_t			 tag_len;
	uint32_t		 pid;
	int64_t			 last_at;
	bool			 is_idle;	/* nothing is pending */
	/* hashes of what the lines of the last connection share, 0 for none */
	uint64_t		 connection, transaction;
	struct log_pending_list	 pending;	/* oldest first */
};

TAILQ_HEAD(process_queue, process);
LIST_HEAD(process_slot, process);

struct log_sessions {
	log_sessions_on_session	*on_session;
	void			*context;
	/* by last use, oldest first: with and without pending sessions */
	struct process_queue	 busy, idle;
	struct process_slot	 slots[SLOT_COUNT];
	size_t			 process_count, pending_count;
	struct log_pending_list	 proxied;
	size_t			 proxied_count;
	struct log_sessions_counts counts;
};

/* The line in hand. */
struct feed {
	struct log_sessions	*sessions;
	const struct log_line	*line;
	struct log_event	 event;
	int64_t			 at;
	struct process		*process;
};

struct log_sessions *
log_sessions_new(log_sessions_on_session *on_session, void *context)
{
	struct log_sessions *s = xcalloc(1, sizeof(*s));

	s->on_session = on_session;
	s->context = context;
	TAILQ_INIT(&s->busy);
	TAILQ_INIT(&s->idle);
	TAILQ_INIT(&s->proxied);
	return s;
}

const struct log_sessions_counts *
log_sessions_counts(const struct log_sessions *s)
{
	return &s->counts;
}

/* --------------------------------------------------------------- sessions */

static void
tell(struct log_sessions *s, struct log_pending *p)
{
	if (p->progress == PENDING_REUSED)
		return;
	p->session.finding = log_pending_finding(p);
	if (p->session.finding == FINDING_OK)
		p->session.reason.len = 0;
	s->on_session(s->context, &p->session);
}

static void
forget_pending(struct log_sessions *s, struct process *process,
    struct log_pending *p)
{
	TAILQ_REMOVE(&process->pending, p, next);
	s->pending_count--;
	free(p);
}

/* The end of one session. */
static void
finish(struct log_sessions *s, struct process *process, struct log_pending *p)
{
	tell(s, p);
	forget_pending(s, process, p);
}

static void
finish_all(struct log_sessions *s, struct process *process)
{
	while (!TAILQ_EMPTY(&process->pending))
		finish(s, process, TAILQ_FIRST(&process->pending));
}

static struct process_queue *
queue_of(struct log_sessions *s, const struct process *process)
{
	return process->is_idle ? &s->idle : &s->busy;
}

static void
forget_process(struct log_sessions *s, struct process *process)
{
	while (!TAILQ_EMPTY(&process->pending))
		forget_pending(s, process, TAILQ_FIRST(&process->pending));
	TAILQ_REMOVE(queue_of(s, process), process, in_use);
	LIST_REMOVE(process, in_slot);
	s->process_count--;
	free(process);
}

static void
forget_proxied(struct log_sessions *s, struct log_pending *p)
{
	TAILQ_REMOVE(&s->proxied, p, next);
	s->proxied_count--;
	free(p);
}

static void
forget_all(struct log_sessions *s)
{
	while (!TAILQ_EMPTY(&s->busy))
		forget_process(s, TAILQ_FIRST(&s->busy));
	while (!TAILQ_EMPTY(&s->idle))
		forget_process(s, TAILQ_FIRST(&s->idle));
	while (!TAILQ_EMPTY(&s->proxied))
		forget_proxied(s, TAILQ_FIRST(&s->proxied));
}

void
log_sessions_free(struct log_sessions *s)
{
	if (s == NULL)
		return;
	forget_all(s);
	free(s);
}

void
log_sessions_flush(struct log_sessions *s)
{
	struct process *process;

	TAILQ_FOREACH(process, &s->busy, in_use)
		finish_all(s, process);
	forget_all(s);
}

static void
evict_process(struct log_sessions *s, struct process *process)
{
	struct log_pending *p;

	TAILQ_FOREACH(p, &process->pending, next)
		s->counts.evicted++;
	finish_all(s, process);
	forget_process(s, process);
}

/* -------------------------------------------------------------- processes */

/* Collisions that somebody aims at cost no more than a walk of all. */
static const struct siphash_key no_secret = { 8460, 8461 };

static struct process_slot *
slot_of(struct log_sessions *s, struct text tag, uint32_t pid)
{
	uint64_t hash = siphash(&no_secret, tag.data, tag.len);

	return &s->slots[(hash ^ pid) & (SLOT_COUNT - 1)];
}

static struct process *
find_process(struct log_sessions *s, struct text tag, uint32_t pid)
{
	struct process *process;

	LIST_FOREACH(process, slot_of(s, tag, pid), in_slot)
		if (process->pid == pid && process->tag_len == tag.len &&
		    memcmp(process->tag, tag.data, tag.len) == 0)
			return process;
	return NULL;
}

static struct process *
add_process(struct log_sessions *s, struct text tag, uint32_t pid)
{
	struct process *process = xcalloc(1, sizeof(*process));

	if (s->process_count == LOG_PROCESSES_MAX)
		evict_process(s, TAILQ_FIRST(TAILQ_EMPTY(&s->idle) ?
		    &s->busy : &s->idle));
	memcpy(process->tag, tag.data, tag.len);
	process->tag_len = tag.len;
	process->pid = pid;
	TAILQ_INIT(&process->pending);
	LIST_INSERT_HEAD(slot_of(s, tag, pid), process, in_slot);
	TAILQ_INSERT_TAIL(&s->busy, process, in_use);
	s->process_count++;
	return process;
}

static void
forget_idle(struct log_sessions *s, int64_t at)
{
	struct process *oldest;

	while ((oldest = TAILQ_FIRST(&s->idle)) != NULL &&
	    (at - oldest->last_at > IDLE_S || oldest->last_at - at > IDLE_S))
		forget_process(s, oldest);
}

/* The process of the line, as it was left, and now the newest. */
static struct process *
process_of(struct feed *f)
{
	struct log_sessions *s = f->sessions;
	struct text tag = f->line->tag;
	struct process *process;

	if (tag.len > TAG_MAX_BYTES)
		tag.len = TAG_MAX_BYTES;
	process = find_process(s, tag, f->line->pid);
	if (process == NULL)
		process = add_process(s, tag, f->line->pid);
	else {
		TAILQ_REMOVE(queue_of(s, process), process, in_use);
		process->is_idle = false;
		TAILQ_INSERT_TAIL(&s->busy, process, in_use);
	}
	process->last_at = f->at;
	return process;
}

/* After the line. */
static void
leave(struct log_sessions *s, struct process *process)
{
	if (!TAILQ_EMPTY(&process->pending))
		return;
	if (process->transaction == 0) {
		forget_process(s, process);
		return;
	}
	TAILQ_REMOVE(&s->busy, process, in_use);
	process->is_idle = true;
	TAILQ_INSERT_TAIL(&s->idle, process, in_use);
}

/* "submission" of "postfix/submission/smtpd", "smtp" of "postfix/smtp" */
static struct text
service_of(const struct log_line *line)
{
	struct text rest = line->tag, part, service = rest;
	int i;

	if (line->daemon == DAEMON_LOGIN)
		return (struct text){ rest.data, rest.len - strlen("-login") };
	for (i = 0; text_next_field(&rest, '/', &part); i++)
		if (i <= 1 || rest.data != NULL)
			service = part;
	return service;
}

static bool
is_loopback(struct text address)
{
	return text_starts_with(address, "127.") ||
	    text_equals(address, "::1") ||
	    (address.len > 0 && memchr(address.data, '/', address.len) != NULL);
}

static enum session_direction
direction_of(const struct feed *f, const struct log_peer *peer)
{
	static const char *const submission[] = { "submission", "submissions",
	    "smtps" };
	struct text service = service_of(f->line);
	size_t i;

	if (is_loopback(peer->address))
		return SESSION_LOCAL;
	if (f->line->daemon == DAEMON_SMTP)
		return SESSION_OUT;
	if (f->line->daemon == DAEMON_LOGIN)
		return SESSION_SUBMISSION;
	for (i = 0; i < sizeof(submission) / sizeof(submission[0]); i++)
		if (text_equals(service, submission[i]))
			return SESSION_SUBMISSION;
	return SESSION_IN;
}

static struct log_pending *
begin(struct feed *f, const struct log_peer *peer)
{
	struct log_sessions *s = f->sessions;
	struct log_pending *p;

	/* The line's own process is the last, and goes only when it is all. */
	while (s->pending_count >= LOG_PENDING_MAX) {
		struct process *oldest = TAILQ_FIRST(&s->busy);

		if (oldest == f->process) {
			s->counts.evicted++;
			finish(s, oldest, TAILQ_FIRST(&oldest->pending));
		} else
			evict_process(s, oldest);
	}
	p = log_pending_new(direction_of(f, peer), peer, f->at);
	p->pid = f->line->pid;
	log_pending_keep(p, &p->session.service, service_of(f->line));
	TAILQ_INSERT_TAIL(&f->process->pending, p, next);
	s->pending_count++;
	return p;
}

/* The newest session of the process with that host and progress. */
static struct log_pending *
newest_with(struct feed *f, const struct log_peer *peer,
    enum pending_progress progress)
{
	struct log_pending *p;

	TAILQ_FOREACH_REVERSE(p, &f->process->pending, log_pending_list, next)
		if (p->progress == progress && !p->is_left &&
		    log_pending_is_with(p, peer))
			return p;
	return NULL;
}

static struct log_pending *
newest_failed(struct log_pending_list *list, uint32_t pid)
{
	struct log_pending *p;

	TAILQ_FOREACH_REVERSE(p, list, log_pending_list, next)
		if (p->progress == PENDING_FAILED && !p->is_left &&
		    p->pid == pid)
			return p;
	return NULL;
}

/* What both smtp and tlsproxy's part for it have in common. */
static void
note_established(struct log_pending *p, const struct log_event *event)
{
	struct tls_session *session = &p->session;

	p->progress = event->is_reused ? PENDING_REUSED : PENDING_ESTABLISHED;
	session->trust = event->trust;
	session->bits = event->bits;
	session->had_handshake = true;
	log_pending_keep(p, &session->protocol, event->protocol);
	log_pending_keep(p, &session->cipher, event->cipher);
}

static void
note_failed(struct log_pending *p, struct text reason)
{
	p->progress = PENDING_FAILED;
	p->trouble = FINDING_HANDSHAKE_FAILED;
	p->session.had_handshake = true;
	/* Postfix prints a return value where OpenSSL's reason follows. */
	if (!text_equals(reason, "-1") && !text_equals(reason, "0"))
		log_pending_keep(p, &p->session.reason, reason);
}

/* OpenSSL's first reason; later ones follow from it. */
static void
note_library(struct log_pending *p, const struct log_event *event)
{
	struct tls_session *session = &p->session;

	if (p->has_library_reason)
		return;
	p->has_library_reason = true;
	p->trouble = log_meaning_handshake(event->reason);
	log_pending_keep(p, &session->reason, event->reason);
	log_pending_keep(p, &session->alert, event->alert);
	session->refuses_our_certificate =
	    session_alert_refuses_certificate(event->alert);
}

static void
note_certificate(struct log_pending *p, struct text reason)
{
	p->trouble = log_meaning_certificate(reason);
	log_pending_keep(p, &p->session.reason, reason);
}

static void
note_settled(struct log_pending *p, enum finding finding, struct text reason)
{
	p->settled = finding;
	log_pending_keep(p, &p->session.reason, reason);
}

/* In the one spelling; a literal or nonsense is no domain. */
static void
note_domain(struct log_pending *p, struct text domain)
{
	char name[HOST_NAME_SIZE];
	const char *why;

	if (p->session.domain.len == 0 && domain.len > 0 &&
	    host_name_normalize(domain, name, &why) == 0)
		log_pending_keep(p, &p->session.domain, text_of(name));
}

static void
note_report(struct feed *f, struct log_pending *p)
{
	const struct log_event *event = &f->event;

	p->session.has_datagram = true;
	note_domain(p, event->domain);
	if (!event->is_failure)
		return;
	p->reported = log_meaning_report(event->failure_type, event->reason);
	if (p->session.reason.len == 0)
		log_pending_keep(p, &p->session.reason,
		    event->reason.len > 0 ? event->reason :
		    event->failure_type);
}

/* --------------------------------------------------------------- tlsproxy */

static struct log_pending *
find_proxied(struct log_sessions *s, const struct log_peer *peer,
    enum pending_progress progress)
{
	struct log_pending *p;

	TAILQ_FOREACH(p, &s->proxied, next)
		if (p->progress == progress && log_pending_is_with(p, peer))
			return p;
	return NULL;
}

static struct log_pending *
begin_proxied(struct feed *f)
{
	struct log_sessions *s = f->sessions;
	struct log_pending *p = log_pending_new(SESSION_OUT, &f->event.peer,
	    f->at);

	if (s->proxied_count == PROXIED_MAX)
		forget_proxied(s, TAILQ_FIRST(&s->proxied));
	p->pid = f->line->pid;
	TAILQ_INSERT_TAIL(&s->proxied, p, next);
	s->proxied_count++;
	return p;
}

static struct log_pending *
proxied_begun(struct feed *f)
{
	struct log_pending *p = find_proxied(f->sessions, &f->event.peer,
	    PENDING_BEGUN);

	return p != NULL ? p : begin_proxied(f);
}

/* The oldest that failed: smtp names no host when it leaves one. */
static struct log_pending *
failed_proxied(struct log_sessions *s)
{
	struct log_pending *p;

	TAILQ_FOREACH(p, &s->proxied, next)
		if (p->progress == PENDING_FAILED)
			return p;
	return NULL;
}

/*
 * OpenSSL's reason comes just before tlsproxy says whose handshake failed, and
 * stands among the others without a peer.
 */
static struct log_pending *
reason_in_advance(struct feed *f)
{
	struct log_pending *p = TAILQ_LAST(&f->sessions->proxied,
	    log_pending_list);

	return p != NULL && p->pid == f->line->pid &&
	    p->session.host.len == 0 && p->session.address.len == 0 ? p : NULL;
}

/* Smtp speaks of a handshake that tlsproxy did for it. */
static void
claim(struct feed *f, struct log_pending *p, struct log_pending *proxied)
{
	if (proxied == NULL)
		return;
	log_pending_merge(p, proxied);
	forget_proxied(f->sessions, proxied);
}

/* ------------------------------------------------------------------- smtp */

static struct log_pending *
begun(struct feed *f)
{
	struct log_pending *p = newest_with(f, &f->event.peer, PENDING_BEGUN);

	if (p == NULL)
		return begin(f, &f->event.peer);
	log_pending_complete(p, &f->event.peer);
	return p;
}

/* "TLSRPT:" may come before or after what it is about. */
static struct log_pending *
not_reported(struct feed *f)
{
	struct log_pending *p;

	TAILQ_FOREACH_REVERSE(p, &f->process->pending, log_pending_list, next)
		if (!p->session.has_datagram && !p->is_left &&
		    log_pending_is_with(p, &f->event.peer))
			return p;
	return begin(f, &f->event.peer);
}

/*
 * What delivery lines of one connection share; without handoff, what the lines
 * about recipients who are tried again share with them.
 */
static uint64_t
hash_of(const struct log_event *event, struct text handoff)
{
	const struct text parts[] = { event->queue_id, event->peer.host,
	    event->peer.address, handoff };
	uint64_t hash = 0;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].len > 0)
			hash = siphash(&(struct siphash_key){ hash, i },
			    parts[i].data, parts[i].len);
	return hash | 1;
}

/*
 * A host was left for the next one.  It had a session if the text shows that
 * the host was reached: by its name, or by a handshake seen before.
 */
static void
smtp_on_trouble(struct feed *f)
{
	const struct log_event *event = &f->event;
	enum log_trouble trouble = log_meaning_delivery(event->reason);
	struct log_pending *p = NULL;

	switch (trouble) {
	case TROUBLE_UNVERIFIED:
		p = TAILQ_LAST(&f->process->pending, log_pending_list);
		if (p == NULL || p->progress != PENDING_ESTABLISHED)
			return;
		p->is_unverified = true;
		break;
	case TROUBLE_HANDSHAKE:
		p = newest_failed(&f->process->pending, f->line->pid);
		if (p == NULL) {
			p = begin(f, &event->peer);
			note_failed(p, event->reason);
			claim(f, p, failed_proxied(f->sessions));
		}
		break;
	case TROUBLE_NOT_OFFERED:
	case TROUBLE_REFUSED:
		p = begun(f);
		note_settled(p, trouble == TROUBLE_REFUSED ?
		    FINDING_STARTTLS_REFUSED : FINDING_STARTTLS_MISSING,
		    event->reason);
		break;
	case TROUBLE_NONE:
		if (event->peer.address.len == 0)
			return;
		p = newest_with(f, &event->peer, PENDING_ESTABLISHED);
		if (p == NULL)
			p = newest_with(f, &event->peer, PENDING_REUSED);
		if (p == NULL && f->process->connection ==
		    hash_of(event, (struct text){ NULL, 0 }))
			return;		/* told with another recipient */
		if (p == NULL)
			p = begun(f);
		/* Other recipients may go over the same connection. */
		p->is_used = true;
		return;
	case TROUBLE_EARLIER:
		return;
	}
	p->is_left = true;
	log_pending_keep(p, &p->session.queue_id, event->queue_id);
}

/* The session over which the delivery went, or came to its end. */
static struct log_pending *
delivered_over(struct feed *f, enum log_trouble trouble)
{
	static const enum pending_progress progresses[] = {
	    PENDING_ESTABLISHED, PENDING_REUSED, PENDING_BEGUN };
	const struct log_peer *peer = &f->event.peer;
	struct log_pending *p;
	size_t i;

	if (trouble == TROUBLE_HANDSHAKE) {
		p = newest_with(f, peer, PENDING_FAILED);
		if (p != NULL)
			return p;
		p = begun(f);
		note_failed(p, f->event.reason);
		claim(f, p, find_proxied(f->sessions, peer, PENDING_FAILED));
		return p;
	}
	for (i = 0; i < sizeof(progresses) / sizeof(progresses[0]); i++) {
		p = newest_with(f, peer, progresses[i]);
		if (p != NULL) {
			log_pending_complete(p, peer);
			return p;
		}
	}
	/* Nothing was logged: in clear, unless it is an older connection. */
	return f->event.is_reused || trouble == TROUBLE_EARLIER ? NULL :
	    begin(f, peer);
}

/*
 * "secure", "dane"; not "none", "may:none", "secure?", "!encrypt:none".  So
 * 3.11 tells of TLS even where a loglevel of 0 hides all else.
 */
static bool
level_says_tls(struct text level)
{
	return level.len > 0 && !text_starts_with(level, "none") &&
	    !text_contains(level, ":none") && !text_contains(level, "?");
}

/* What the delivery's text says of the session. */
static void
note_delivery(struct log_pending *p, const struct log_event *event,
    enum log_trouble trouble)
{
	switch (trouble) {
	case TROUBLE_UNVERIFIED:
		p->is_unverified = true;
		p->session.had_handshake = true;
		break;
	case TROUBLE_NOT_OFFERED:
		note_settled(p, FINDING_STARTTLS_MISSING, event->reason);
		break;
	case TROUBLE_REFUSED:
		note_settled(p, FINDING_STARTTLS_REFUSED, event->reason);
		break;
	case TROUBLE_NONE:
		p->is_used = true;
		if (p->progress == PENDING_BEGUN &&
		    level_says_tls(event->level))
			note_established(p, event);
		break;
	case TROUBLE_HANDSHAKE:
	case TROUBLE_EARLIER:
		break;
	}
	if (trouble != TROUBLE_NONE && p->session.reason.len == 0)
		log_pending_keep(p, &p->session.reason, event->reason);
	log_pending_keep(p, &p->session.status, event->status);
}

static void
smtp_on_delivery(struct feed *f)
{
	const struct log_event *event = &f->event;
	enum log_trouble trouble = log_meaning_delivery(event->reason);
	uint64_t transaction = hash_of(event, event->handoff);
	bool has_peer = event->peer.address.len > 0;
	struct log_pending *p;

	if (TAILQ_EMPTY(&f->process->pending) &&
	    transaction == f->process->transaction)
		return;		/* another recipient */
	if (has_peer) {
		f->sessions->counts.deliveries++;
		p = delivered_over(f, trouble);
		if (p != NULL)
			note_delivery(p, event, trouble);
	}
	TAILQ_FOREACH(p, &f->process->pending, next) {
		note_domain(p, event->domain);
		log_pending_keep(p, &p->session.queue_id, event->queue_id);
	}
	finish_all(f->sessions, f->process);
	f->process->transaction = has_peer ? transaction : 0;
	f->process->connection = has_peer ?
	    hash_of(event, (struct text){ NULL, 0 }) : 0;
}

static void
feed_smtp(struct feed *f)
{
	const struct log_event *event = &f->event;
	enum finding finding;
	struct log_pending *p;

	switch (event->kind) {
	case EVENT_ESTABLISHED:
		if (!event->is_outbound)
			break;
		p = begun(f);
		if (!event->is_reused)
			claim(f, p, find_proxied(f->sessions, &event->peer,
			    PENDING_ESTABLISHED));
		note_established(p, event);
		f->sessions->counts.handshakes_out += !event->is_reused;
		break;
	case EVENT_CERT_TROUBLE:
		note_certificate(begun(f), event->reason);
		break;
	case EVENT_RESUMED_UNTRUSTED:
		p = begun(f);
		log_pending_keep(p, &p->session.reason, event->reason);
		break;
	case EVENT_HANDSHAKE_ERROR:
		note_failed(begun(f), event->reason);
		break;
	case EVENT_TLS_LIBRARY:
		p = newest_failed(&f->process->pending, f->line->pid);
		if (p != NULL)
			note_library(p, event);
		break;
	case EVENT_TLSA_UNUSABLE:
		note_settled(begun(f), FINDING_TLSA_INVALID, event->reason);
		break;
	case EVENT_TLSRPT:
		f->sessions->counts.tlsrpt++;
		note_report(f, not_reported(f));
		break;
	case EVENT_MX_NOT_IN_POLICY:
		p = begin(f, &event->peer);
		note_settled(p, FINDING_MX_NOT_IN_POLICY, event->reason);
		note_domain(p, event->domain);
		p->is_left = true;
		break;
	case EVENT_POLICY_LOOKUP:
		finding = log_meaning_policy(event->reason);
		if (finding == FINDING_UNKNOWN) {
			f->sessions->counts.policy_errors++;
			break;
		}
		p = begin(f, &event->peer);
		note_settled(p, finding, event->reason);
		note_domain(p, event->domain);
		p->is_left = true;
		break;
	case EVENT_TROUBLE:
		smtp_on_trouble(f);
		break;
	case EVENT_DELIVERY:
		smtp_on_delivery(f);
		break;
	default:
		break;
	}
}

/* --------------------------------------------------------- smtpd, tlsproxy */

/* An smtpd has one client, under whatever name; a tlsproxy many. */
static struct log_pending *
with_client(struct feed *f)
{
	struct log_pending *p;

	if (f->line->daemon == DAEMON_SMTPD)
		return TAILQ_FIRST(&f->process->pending);
	TAILQ_FOREACH(p, &f->process->pending, next)
		if (log_pending_is_with(p, &f->event.peer))
			return p;
	return NULL;
}

/* As with_client; one that cannot be this one any more ends here. */
static struct log_pending *
client_begun(struct feed *f)
{
	struct log_pending *p = with_client(f);

	if (p != NULL && p->progress == PENDING_BEGUN)
		return p;
	if (p != NULL)
		finish(f->sessions, f->process, p);
	return begin(f, &f->event.peer);
}

static void
on_disconnect(struct feed *f)
{
	struct log_pending *p = with_client(f);
	bool has_tried = f->event.starttls_count > 0;

	f->sessions->counts.connections_in += f->line->daemon == DAEMON_SMTPD;
	if (p == NULL)
		return;		/* its begin was not seen, or told before */
	if (p->progress == PENDING_BEGUN && has_tried &&
	    p->settled == FINDING_UNKNOWN) {
		if (f->event.starttls_ok_count > 0)
			note_established(p, &f->event);
		else
			note_failed(p, text_of("STARTTLS failed"));
	}
	p->is_used = true;
	finish(f->sessions, f->process, p);
}

static void
feed_server(struct feed *f)
{
	const struct log_event *event = &f->event;
	struct log_pending *p;

	switch (event->kind) {
	case EVENT_CONNECT:
		if (f->line->daemon == DAEMON_SMTPD) {
			finish_all(f->sessions, f->process);
			begin(f, &event->peer);
		}
		break;
	case EVENT_ESTABLISHED:
		if (!event->is_outbound) {
			note_established(client_begun(f), event);
			f->sessions->counts.handshakes_in++;
		}
		break;
	case EVENT_HANDSHAKE_ERROR:
		if (!event->is_outbound)
			note_failed(client_begun(f), event->reason);
		break;
	case EVENT_TLS_LIBRARY:
		p = newest_failed(&f->process->pending, f->line->pid);
		if (p != NULL)
			note_library(p, event);
		break;
	case EVENT_CLIENT:
		p = with_client(f);
		if (p == NULL)
			break;
		if (p->session.queue_id.len == 0)
			log_pending_keep(p, &p->session.queue_id,
			    event->queue_id);
		if (event->is_user && p->session.direction == SESSION_IN)
			p->session.direction = SESSION_SUBMISSION;
		break;
	case EVENT_CLIENT_REFUSED:
		p = with_client(f);
		if (p != NULL)
			note_settled(p, FINDING_CERT_UNTRUSTED, event->reason);
		break;
	case EVENT_STARTTLS_REFUSED:
		p = with_client(f);
		if (p != NULL)
			note_settled(p, FINDING_STARTTLS_REFUSED,
			    event->reason);
		break;
	case EVENT_DISCONNECT:
		on_disconnect(f);
		break;
	default:
		break;
	}
}

/* Smtp's side has a name and a port, postscreen's clients no name. */
static void
feed_tlsproxy(struct feed *f)
{
	const struct log_event *event = &f->event;
	struct log_pending *p, *reason;

	switch (event->kind) {
	case EVENT_ESTABLISHED:
		if (event->is_outbound) {
			if (!event->is_reused)
				note_established(proxied_begun(f), event);
			return;
		}
		break;
	case EVENT_CERT_TROUBLE:
		if (event->peer.host.len > 0)
			note_certificate(proxied_begun(f), event->reason);
		return;
	case EVENT_RESUMED_UNTRUSTED:
		p = proxied_begun(f);
		log_pending_keep(p, &p->session.reason, event->reason);
		return;
	case EVENT_HANDSHAKE_ERROR:
		reason = reason_in_advance(f);
		p = event->is_outbound ? proxied_begun(f) : client_begun(f);
		note_failed(p, event->reason);
		claim(f, p, reason);
		return;
	case EVENT_TLS_LIBRARY:
		p = reason_in_advance(f);
		note_library(p != NULL ? p : begin_proxied(f), event);
		return;
	case EVENT_TLSA_UNUSABLE:
		note_settled(proxied_begun(f), FINDING_TLSA_INVALID,
		    event->reason);
		return;
	case EVENT_TLSRPT:
		f->sessions->counts.tlsrpt++;
		TAILQ_FOREACH_REVERSE(p, &f->sessions->proxied,
		    log_pending_list, next)
			if (!p->session.has_datagram &&
			    log_pending_is_with(p, &event->peer))
				break;
		note_report(f, p != NULL ? p : begin_proxied(f));
		return;
	default:
		break;
	}
	feed_server(f);
}

static void
feed_login(struct feed *f)
{
	const struct log_event *event = &f->event;
	struct log_pending *p;

	if (event->kind != EVENT_LOGIN || (!event->is_user && !event->has_tls))
		return;
	p = begin(f, &event->peer);
	if (event->is_failure) {
		note_failed(p, event->reason);
		note_library(p, event);
	} else if (event->has_tls)
		note_established(p, event);
	p->is_used = true;
	finish(f->sessions, f->process, p);
}

void
log_sessions_feed(struct log_sessions *s, const struct log_line *line,
    int64_t at)
{
	struct feed f = { .sessions = s, .line = line, .at = at };

	log_event_parse(line, &f.event);
	if (f.event.kind == EVENT_NONE ||
	    text_equals(service_of(line), LOG_REPORT_SERVICE))
		return;
	forget_idle(s, at);
	f.process = process_of(&f);
	switch (line->daemon) {
	case DAEMON_SMTP:
		feed_smtp(&f);
		break;
	case DAEMON_SMTPD:
		feed_server(&f);
		break;
	case DAEMON_TLSPROXY:
		feed_tlsproxy(&f);
		break;
	case DAEMON_LOGIN:
		feed_login(&f);
		break;
	case DAEMON_OTHER:
		break;
	}
	leave(s, f.process);
}

/* ------------------------------------------------------------------ state */

static void
format_list(const struct log_pending_list *list, struct buffer *out)
{
	struct log_pending *p;
	uint32_t count = 0;

	TAILQ_FOREACH(p, list, next)
		count++;
	pack_u32(out, count);
	TAILQ_FOREACH(p, list, next)
		log_pending_format(p, out);
}

static void
format_processes(const struct process_queue *queue, struct buffer *out)
{
	const struct process *process;

	TAILQ_FOREACH(process, queue, in_use) {
		pack_u8(out, 1);
		pack_text(out, (struct text){ process->tag,
		    process->tag_len });
		pack_u32(out, process->pid);
		pack_u64(out, (uint64_t)process->last_at);
		pack_u64(out, process->connection);
		pack_u64(out, process->transaction);
		format_list(&process->pending, out);
	}
}

void
log_sessions_format(const struct log_sessions *s, struct buffer *out)
{
	pack_u8(out, STATE_VERSION);
	format_list(&s->proxied, out);
	format_processes(&s->busy, out);
	format_processes(&s->idle, out);
	pack_u8(out, 0);
}

static bool
parse_list(struct unpack *u, size_t max, struct log_pending_list *list,
    size_t *count)
{
	uint32_t left = unpack_u32(u);
	struct log_pending *p;

	if (left > max - *count)
		return false;
	for (; left > 0; left--) {
		p = log_pending_parse(u);
		if (p == NULL)
			return false;
		TAILQ_INSERT_TAIL(list, p, next);
		++*count;
	}
	return true;
}

static bool
parse_process(struct log_sessions *s, struct unpack *u)
{
	struct text tag = unpack_text(u);
	uint32_t pid = unpack_u32(u);
	struct process *process;

	if (u->is_bad || tag.len == 0 || tag.len > TAG_MAX_BYTES ||
	    s->process_count == LOG_PROCESSES_MAX ||
	    find_process(s, tag, pid) != NULL)
		return false;
	process = add_process(s, tag, pid);
	process->last_at = (int64_t)unpack_u64(u);
	process->connection = unpack_u64(u);
	process->transaction = unpack_u64(u);
	if (!parse_list(u, LOG_PENDING_MAX, &process->pending,
	    &s->pending_count))
		return false;
	leave(s, process);
	return true;
}

int
log_sessions_parse(struct log_sessions *s, struct text state,
    const char **why)
{
	struct unpack u;

	unpack_init(&u, state.data, state.len);
	if (unpack_u8(&u) != STATE_VERSION) {
		*why = "the state of log sessions is of another version";
		return -1;
	}
	if (!parse_list(&u, PROXIED_MAX, &s->proxied, &s->proxied_count))
		goto bad;
	while (unpack_u8(&u) != 0)
		if (!parse_process(s, &u))
			goto bad;
	if (unpack_is_done(&u))
		return 0;
bad:
	forget_all(s);
	*why = "the state of log sessions is damaged";
	return -1;
}
