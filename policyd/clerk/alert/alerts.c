/*
 * Alerts.  Once a second: what has lasted is told, whose message is due gets
 * it, and what changed is written down, before it leaves.  A kill in between
 * tells a thing twice rather than never.
 */

#include "policyd/clerk/alert/alerts.h"

#include <sys/random.h>

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/alert/alert_claim.h"
#include "policyd/clerk/alert/alert_send.h"
#include "policyd/clerk/alert/alert_states.h"
#include "policyd/clerk/alert/alert_watch.h"
#include "policyd/clerk/value_json.h"
#include "policyd/process/child.h"
#include "policyd/process/session_message.h"
#include "shared/host_name.h"
#include "shared/io/clock.h"
#include "shared/io/file.h"
#include "shared/io/log.h"
#include "shared/mail_reply.h"
#include "shared/xalloc.h"

#define FILE_MAX_BYTES	(4 * 1024 * 1024)
#define FILE_VERSION	1
#define STATUS_EVERY_S	10
#define ORIGIN_SIZE	17
#define MAILS_MAX	64	/* remembered */

/* Whose change of which domain is being found out. */
struct claiming {
	struct alert_claim	*claim;		/* NULL: nobody's */
	char			 domain[ALERT_SUBJECT_SIZE];
	bool			 is_bad;
};

/* Who has asked for a test, and how it went so far. */
struct test {
	uint64_t		 connection;
	json_t			*results;	/* NULL: nobody asks */
	unsigned		 waiting;
};

struct alerts {
	struct child		*child;
	struct ledger		*ledger;
	struct ledger_share	*share;
	const struct alerts_callbacks *callbacks;
	void			*arg;
	struct alert_queue	*queue;
	struct alert_states	*states;
	struct alert_watch	*watch;
	struct claiming		 claiming;
	struct test		 test;
	struct alert_sends	*sends;
	struct event		*tick;
	char			*path;
	char			 origin[ORIGIN_SIZE];
	json_t			*mails;		/* queue ids, oldest first */
	char			*destinations;	/* of the settings */
	bool			 has_changed;	/* since it was written */
	bool			 is_told;	/* that it cannot be */
	bool			 was_on;	/* with the settings before */
	int64_t			 status_at;
};

static const struct config *
config_of(const struct alerts *a)
{
	return a->child->settings->config;
}

static bool
is_on(const struct alerts *a)
{
	return alert_queue_destination_count(a->queue) > 0;
}

/* ---------------------------------------------------------------- the file */

void
alerts_keep(struct alerts *a)
{
	json_t *root;
	char *text;

	if (!alert_states_have_changed(a->states) && !a->has_changed)
		return;
	a->has_changed = false;
	root = json_pack("{s:i, s:s, s:O, s:o, s:o}",
	    "version", FILE_VERSION, "origin", a->origin, "mails", a->mails,
	    "queue", alert_queue_format(a->queue),
	    "states", alert_states_format(a->states));
	text = json_dumps(root, JSON_COMPACT);
	if (file_replace(a->path, text_of(text)) == 0)
		a->is_told = false;
	else {
		a->has_changed = true;		/* the next tick tries again */
		if (!a->is_told)
			log_warn("alerts are not kept, a restart may tell "
			    "them again or never: path=%s, reason=%s",
			    a->path, strerror(errno));
		a->is_told = true;
	}
	free(text);
	json_decref(root);
}

static void
make_origin(char out[ORIGIN_SIZE])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		abort();
	snprintf(out, ORIGIN_SIZE, "%016" PRIx64, number);
}

static void
load(struct alerts *a)
{
	json_t *root = json_file_object(a->path, FILE_MAX_BYTES), *mails;
	const char *origin;

	/* Of another version nothing is known. */
	if (json_integer_value(json_object_get(root, "version")) !=
	    FILE_VERSION) {
		json_decref(root);
		root = NULL;
	}
	origin = json_string_value(json_object_get(root, "origin"));
	if (origin != NULL && strlen(origin) == ORIGIN_SIZE - 1 &&
	    strspn(origin, "0123456789abcdef") == ORIGIN_SIZE - 1)
		memcpy(a->origin, origin, ORIGIN_SIZE);
	else
		make_origin(a->origin);
	mails = json_object_get(root, "mails");
	a->mails = json_is_array(mails) ? json_incref(mails) : json_array();
	a->was_on = alert_queue_parse(a->queue, json_object_get(root, "queue"));
	alert_states_parse(a->states, json_object_get(root, "states"));
	json_decref(root);
}

/* ---------------------------------------------------------------- sending */

static void
log_end(const struct alert_destination *to, unsigned try, bool is_taken,
    size_t count, const char *words)
{
	char label[ALERT_LABEL_SIZE];

	alert_destination_label(to, label);
	if (is_taken)
		log_info("alert sent: way=%s, to=%s, changes=%zu",
		    alert_way_name(to->way), label, count);
	else if (to->upto != 0)
		log_warn("alert not sent yet: way=%s, to=%s, try=%u, "
		    "answer=%s", alert_way_name(to->way), label, try, words);
	else
		log_error("alert given up: way=%s, to=%s, changes=%zu, "
		    "answer=%s", alert_way_name(to->way), label, count, words);
}

/* The session in which it leaves this site is about nothing but itself. */
static void
note_mail(struct alerts *a, const char *answer)
{
	char id[MAIL_QUEUE_ID_SIZE];

	if (!mail_reply_queue_id(answer, id))
		return;
	json_array_append_new(a->mails, json_string(id));
	if (json_array_size(a->mails) > MAILS_MAX)
		json_array_remove(a->mails, 0);
	a->has_changed = true;
}

bool
alerts_sent_mail(const struct alerts *a, struct text queue_id)
{
	const json_t *id;
	size_t i;

	if (queue_id.len == 0)
		return false;
	json_array_foreach(a->mails, i, id)
		if (json_is_string(id) && text_equals(queue_id,
		    json_string_value(id)))
			return true;
	return false;
}

static void
test_finish(struct alerts *a)
{
	a->callbacks->on_tested(a->test.connection, json_line(json_pack(
	    "{s:o}", "destinations", a->test.results)), a->arg);
	a->test.results = NULL;
}

static void
test_note(struct alerts *a, const struct alert_destination *to, bool is_taken,
    const char *words)
{
	char label[ALERT_LABEL_SIZE];

	json_array_append_new(a->test.results, json_pack("{s:s, s:s, s:b, s:o}",
	    "way", alert_way_name(to->way), "to", alert_destination_label(to,
	    label), "ok", is_taken, "answer", json_words(words)));
	if (--a->test.waiting == 0)
		test_finish(a);
}

static void
on_sent(struct alert_destination *to, bool is_test, bool is_taken,
    const char *words, void *arg)
{
	struct alerts *a = arg;
	size_t count = (size_t)(to->upto - to->done);
	unsigned try = to->tries + 1;

	if (is_taken && to->way == ALERT_MAIL)
		note_mail(a, words);
	if (is_test) {
		test_note(a, to, is_taken, words);
		return;
	}
	alert_queue_ended(a->queue, to, is_taken, words,
	    config_of(a)->alert_quiet_s, clock_now_s());
	log_end(to, try, is_taken, count, words);
	a->has_changed = true;
	alerts_keep(a);
}

bool
alerts_on_errand(struct alerts *a, uint64_t number, struct text payload)
{
	return alert_sends_on_errand(a->sends, number, payload);
}

void
alerts_on_scout_gone(struct alerts *a)
{
	alert_sends_on_scout_gone(a->sends);
}

void
alerts_test(struct alerts *a, uint64_t connection)
{
	struct alert test = { .at = clock_now_s(), .severity = ALERT_OK,
	    .kind = "test", .words = "somebody has asked for this message to "
	    "see whether it arrives: hopseal status --test-alert" };
	struct alert_message m = { .number = (uint64_t)test.at, .total = 1,
	    .count = 1, .alerts = { &test } };
	size_t i, count = alert_queue_destination_count(a->queue);

	if (count == 0 || a->test.results != NULL) {
		a->callbacks->on_tested(connection, json_error_line(count == 0 ?
		    "nobody is told: set alert_command, alert_mailto or "
		    "alert_webhook" : "another test is under way"), a->arg);
		return;
	}
	/* One more than there are: it ends behind the last of them. */
	a->test = (struct test){ connection, json_array(),
	    (unsigned)count + 1 };
	for (i = 0; i < count; i++)
		alert_send_start(a->sends, alert_queue_destination(a->queue,
		    i), &m, true);
	if (--a->test.waiting == 0)
		test_finish(a);
}

/* --------------------------------------------------------- what is told */

void
alerts_raise(struct alerts *a, enum alert_severity severity, const char *kind,
    const char *subject, const char *words)
{
	if (!is_on(a))
		return;
	alert_queue_add(a->queue, severity, kind, subject, words,
	    clock_now_s());
	a->has_changed = true;
}

static void
tell(struct alerts *a, struct alert_state *state, int64_t now)
{
	enum alert_severity severity = state->is_bad ? state->severity :
	    ALERT_OK;

	(severity == ALERT_CRITICAL ? log_error : severity == ALERT_WARNING ?
	    log_warn : log_info)("alert: kind=%s, subject=%s, %s", state->kind,
	    state->subject, state->words);
	alert_queue_add(a->queue, severity, state->kind, state->subject,
	    state->words, now);
	alert_states_told(a->states, state, now);
}

static void	tell_due(struct alerts *a);

static void
on_claimed(enum alert_claim_end end, void *arg)
{
	struct alerts *a = arg;
	int64_t now = clock_now_s();
	struct alert_state *state;

	a->claiming.claim = NULL;
	state = alert_states_due(a->states, "domain", a->claiming.domain, now);
	if (state == NULL || state->is_bad != a->claiming.is_bad)
		return;		/* it has turned meanwhile */
	switch (end) {
	case ALERT_CLAIM_OURS:
		tell(a, state, now);
		break;
	case ALERT_CLAIM_OTHERS:
		alert_states_told(a->states, state, now);
		break;
	case ALERT_CLAIM_NO_MAIL:
		/* The front tells it again at each look. */
		alert_states_forget(a->states, "domain", a->claiming.domain);
		break;
	}
	tell_due(a);
}

static void
start_claim(struct alerts *a, const struct alert_state *state, int64_t now)
{
	struct claiming *c = &a->claiming;

	memcpy(c->domain, state->subject, sizeof(c->domain));
	c->is_bad = state->is_bad;
	c->claim = alert_claim_start(a->child->base, a->ledger, a->share,
	    c->domain, c->is_bad, now, on_claimed, a);
}

/*
 * While the breaker is open so much fails that it must be us: that is one
 * alert, and none for each domain.
 */
static bool
holds_domains(const struct alerts *a)
{
	const struct alert_state *breaker = alert_states_find(a->states,
	    "breaker", "");

	return a->claiming.claim != NULL ||
	    (breaker != NULL && breaker->is_bad);
}

static void
tell_due(struct alerts *a)
{
	int64_t now = clock_now_s();
	struct alert_state *state;

	while ((state = alert_states_next(a->states, holds_domains(a) ?
	    "domain" : NULL, now)) != NULL) {
		if (strcmp(state->kind, "domain") == 0)
			start_claim(a, state, now);
		else
			tell(a, state, now);
	}
}

static void
send_due(struct alerts *a)
{
	struct alert_destination *to;
	struct alert_message m;

	while ((to = alert_queue_next(a->queue, clock_now_s())) != NULL) {
		a->has_changed = true;
		alerts_keep(a);
		alert_queue_message(a->queue, to, &m);
		alert_send_start(a->sends, to, &m, false);
	}
}

/* Seldom enough for it to cost nothing, often enough for alert_after. */
static int64_t
status_every_s(const struct alerts *a)
{
	unsigned after_s = config_of(a)->alert_after_s;

	return after_s / 6 < 1 ? 1 : after_s / 6 < STATUS_EVERY_S ?
	    after_s / 6 : STATUS_EVERY_S;
}

static void
on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct alerts *a = arg;
	struct timeval again = { 1, 0 };
	int64_t now_s = clock_monotonic_ms() / 1000;

	(void)fd;
	(void)events;
	event_add(a->tick, &again);
	alert_sends_check(a->sends);
	if (is_on(a) && now_s >= a->status_at) {
		a->status_at = now_s + status_every_s(a);
		a->callbacks->ask_status(a->arg);
	}
	tell_due(a);
	alerts_keep(a);
	send_due(a);
}

/* ------------------------------------------------------------ what is seen */

void
alerts_on_status(struct alerts *a, const char *line)
{
	struct alert_watch_times times = { config_of(a)->alert_after_s,
	    config_of(a)->alert_silence_s };
	json_t *status;

	if (!is_on(a))
		return;
	status = json_loads(line, 0, NULL);
	alert_watch_status(a->watch, a->states, status, &times,
	    clock_now_s());
	json_decref(status);
}

void
alerts_on_verdict(struct alerts *a, struct text payload)
{
	char domain[HOST_NAME_SIZE], words[ALERT_WORDS_SIZE];
	struct verdict_note v;

	if (!is_on(a) || !verdict_note_parse(payload, &v))
		return;
	text_quote(words, sizeof(words), v.words);
	alert_states_note(a->states, &(struct alert_note){ .kind = "domain",
	    .subject = text_quote(domain, sizeof(domain), v.domain),
	    .is_bad = v.is_bad, .severity = ALERT_WARNING,
	    .hold_s = config_of(a)->alert_after_s, .words = words },
	    clock_now_s());
}

void
alerts_on_refusal(struct alerts *a, const struct tls_session *session)
{
	if (is_on(a))
		alert_watch_refusal(a->watch, a->states, session,
		    clock_now_s());
}

/* ----------------------------------------------------------------- status */

void
alerts_status(struct alerts *a, struct alerts_status *out)
{
	size_t i, count = alert_queue_destination_count(a->queue);
	const struct alert_destination *d;
	char label[ALERT_LABEL_SIZE];
	enum alert_way way;

	*out = (struct alerts_status){ .state = CONTROL_OK };
	for (way = 0; way < ALERT_WAY_COUNT; way++)
		out->counts[way] = *alert_queue_counts(a->queue, way);
	if (count == 0)
		snprintf(out->detail, sizeof(out->detail), "off: nobody is "
		    "told of changes");
	else
		snprintf(out->detail, sizeof(out->detail), "to %zu, %zu "
		    "changes wait", count, alert_queue_waiting(a->queue));
	for (i = 0; i < count; i++) {
		d = alert_queue_destination(a->queue, i);
		if (!d->is_failing)
			continue;
		out->state = CONTROL_WARNING;
		snprintf(out->detail, sizeof(out->detail), "%s %s: %s",
		    alert_way_name(d->way), alert_destination_label(d, label),
		    d->words);
		snprintf(out->advice, sizeof(out->advice), "mend that, then "
		    "see with hopseal status --test-alert");
		return;
	}
}

/* ------------------------------------------------------------------ whole */

/* Those that stay go on where they are. */
static void
set_destinations(struct alerts *a)
{
	const struct config *config = config_of(a);
	struct text rest = text_of(config->alert_mailto), item;
	struct buffer now;
	char *mailbox;

	buffer_init(&now, 1024 * 1024);
	buffer_addf(&now, "%s\n%s\n%s", config->alert_command,
	    config->alert_mailto, config->alert_webhook);
	if (a->destinations != NULL && strcmp(a->destinations,
	    buffer_text(&now)) == 0) {
		buffer_clear(&now);
		return;
	}
	alert_sends_abort(a->sends, "the settings changed meanwhile");
	free(a->destinations);
	a->destinations = buffer_take(&now);
	alert_queue_begin_destinations(a->queue);
	if (config->alert_command[0] != '\0')
		alert_queue_add_destination(a->queue, ALERT_COMMAND,
		    config->alert_command);
	while (text_next_item(&rest, &item)) {
		mailbox = xstrndup(item.data, item.len);
		alert_queue_add_destination(a->queue, ALERT_MAIL, mailbox);
		free(mailbox);
	}
	if (config->alert_webhook[0] != '\0')
		alert_queue_add_destination(a->queue, ALERT_WEBHOOK,
		    config->alert_webhook);
	alert_queue_end_destinations(a->queue);
	a->has_changed |= is_on(a) || a->was_on;
	if (!is_on(a)) {
		/* Whoever comes later is told of what is wrong then. */
		alert_states_free(a->states);
		a->states = alert_states_new();
	} else if (!a->was_on)
		a->callbacks->on_begin(a->arg);
	a->was_on = is_on(a);
}

struct alerts *
alerts_new(struct child *child, struct ledger *ledger,
    struct ledger_share *share, const struct alerts_callbacks *callbacks,
    void *arg)
{
	struct alerts *a = xcalloc(1, sizeof(*a));
	struct buffer path;

	a->child = child;
	a->ledger = ledger;
	a->share = share;
	a->callbacks = callbacks;
	a->arg = arg;
	a->queue = alert_queue_new();
	a->states = alert_states_new();
	a->watch = alert_watch_new();
	buffer_init(&path, 8192);
	buffer_addf(&path, "%s/alerts.json", config_of(a)->state_dir);
	a->path = buffer_take(&path);
	load(a);
	a->sends = alert_sends_new(child, a->origin, on_sent, a);
	set_destinations(a);
	a->tick = evtimer_new(child->base, on_tick, a);
	on_tick(-1, 0, a);
	return a;
}

void
alerts_abort(struct alerts *a)
{
	alert_claim_cancel(a->claiming.claim);
	a->claiming.claim = NULL;
}

void
alerts_on_settings(struct alerts *a)
{
	set_destinations(a);
}

void
alerts_free(struct alerts *a)
{
	if (a == NULL)
		return;
	alert_claim_cancel(a->claiming.claim);
	alert_sends_free(a->sends);
	alerts_keep(a);
	event_free(a->tick);
	json_decref(a->test.results);
	json_decref(a->mails);
	alert_watch_free(a->watch);
	alert_states_free(a->states);
	alert_queue_free(a->queue);
	free(a->destinations);
	free(a->path);
	free(a);
}
