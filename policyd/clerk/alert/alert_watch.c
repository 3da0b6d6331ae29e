/*
 * Watching.  A part that is missing in a status says nothing: whoever tells of
 * it is away, and what people know of it stays.
 */

#include "policyd/clerk/alert/alert_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/status_json.h"
#include "policyd/clerk/value_json.h"
#include "shared/text.h"
#include "shared/tlsrpt/session.h"
#include "shared/xalloc.h"

#define SERVICES_MAX	16
#define SERVICE_SIZE	32
#define ASKED_MIN	10	/* one question may be anybody's */

/* The last refusals at one of our services, a ring. */
struct refusals {
	char	 service[SERVICE_SIZE];
	int64_t	 at[ALERT_REFUSALS];
	unsigned next;
};

struct alert_watch {
	bool		 has_counts;
	uint64_t	 heard, asked;	/* when heard last grew */
	struct refusals	 refusals[SERVICES_MAX];
	size_t		 service_count;
};

struct alert_watch *
alert_watch_new(void)
{
	return xcalloc(1, sizeof(struct alert_watch));
}

void
alert_watch_free(struct alert_watch *w)
{
	free(w);
}

static uint64_t
count_in(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static const json_t *
part_of(const json_t *status, const char *name)
{
	const json_t *part;
	size_t i;

	json_array_foreach(json_object_get(status, "parts"), i, part)
		if (strcmp(json_text_in(part, "name"), name) == 0)
			return part;
	return NULL;
}

static bool
has_state(const json_t *part, const char *state)
{
	return strcmp(json_text_in(part, "state"), state) == 0;
}

/* What a part says, and what to do about it. */
static char *
words_of(const json_t *part, char out[ALERT_WORDS_SIZE])
{
	const char *advice = json_text_in(part, "advice");

	snprintf(out, ALERT_WORDS_SIZE, "%s%s%s", json_text_in(part, "detail"),
	    advice[0] != '\0' ? " -> " : "", advice);
	return out;
}

/* ------------------------------------------------------- redis and breaker */

static void
watch_part(struct alert_states *states, const json_t *status,
    const char *name, unsigned after_s, int64_t now)
{
	const json_t *part = part_of(status, name);
	char words[ALERT_WORDS_SIZE];
	struct alert_note note = { .kind = name, .subject = "",
	    .is_bad = has_state(part, "critical"),
	    .severity = ALERT_CRITICAL, .hold_s = after_s,
	    .words = words_of(part, words) };

	if (part != NULL && has_state(part, "warning"))
		alert_states_forget(states, name, "");	/* switched off */
	else if (part != NULL)
		alert_states_note(states, &note, now);
}

/* Lost: its check says nothing, or no look-up is answered. */
static void
watch_resolver(struct alert_states *states, const json_t *status,
    unsigned after_s, int64_t now)
{
	const json_t *resolver = part_of(status, "resolver"),
	    *lookups = part_of(status, "lookups");
	char words[ALERT_WORDS_SIZE];
	struct alert_note note = { .kind = "resolver", .subject = "",
	    .is_bad = has_state(resolver, "unknown") || lookups != NULL,
	    .severity = ALERT_CRITICAL, .hold_s = after_s, .words =
	    words_of(lookups != NULL ? lookups : resolver, words) };

	/* Without the front's part nobody knows of lookups. */
	if (resolver != NULL && part_of(status, "cache") != NULL &&
	    (lookups != NULL || strcmp(json_text_in(resolver, "detail"),
	    STATUS_NOT_CHECKED) != 0))
		alert_states_note(states, &note, now);
}

/* ------------------------------------------------------------- the ledger */

/* All that its sources said. */
static uint64_t
heard_by(const json_t *counters)
{
	return count_in(counters, "ledger_sessions_out") +
	    count_in(counters, "ledger_sessions_in") +
	    count_in(counters, "ledger_sessions_submission") +
	    count_in(counters, "ledger_log_lines") +
	    count_in(counters, "ledger_datagrams");
}

/* True where they have said something since the last look. */
static bool
has_grown(struct alert_watch *w, uint64_t heard, uint64_t asked)
{
	bool grew = w->has_counts && heard > w->heard;

	/* Counters begin anew with their process. */
	if (!w->has_counts || grew || heard < w->heard || asked < w->asked) {
		w->heard = heard;
		w->asked = asked;
		w->has_counts = true;
	}
	return grew;
}

/*
 * Postfix asks the map again and again, and nothing is heard of what became of
 * it; or the part itself says that what is heard is worth nothing.  A log with
 * lines and no session is none: retries of mail that cannot be delivered.
 */
static void
watch_ledger(struct alert_watch *w, struct alert_states *states,
    const json_t *status, const struct alert_watch_times *times, int64_t now)
{
	const json_t *part = part_of(status, "ledger"),
	    *counters = json_object_get(status, "counters");
	uint64_t asked = count_in(counters, "memory_hits");
	char words[ALERT_WORDS_SIZE], text[ALERT_WORDS_SIZE + 200];
	struct alert_note note = { .kind = "ledger", .subject = "",
	    .severity = ALERT_WARNING, .words = text };
	bool grew;

	if (part == NULL || part_of(status, "cache") == NULL)
		return;
	grew = has_grown(w, heard_by(counters), asked);
	note.is_bad = has_state(part, "unknown") || has_state(part,
	    "critical") || asked - w->asked >= ASKED_MIN;
	if (!note.is_bad && !grew)
		return;
	note.hold_s = note.is_bad ? times->silence_s : times->after_s;
	snprintf(text, sizeof(text), "%s; %s%s", note.is_bad ?
	    "mail flows and no TLS session is recorded" :
	    "sessions are recorded again", words_of(part, words),
	    !note.is_bad || json_text_in(part, "advice")[0] != '\0' ? "" :
	    " -> see that maillog is where Postfix's log goes to");
	alert_states_note(states, &note, now);
}

/* --------------------------------------------------------------- refusals */

static void
end_refusals(struct alert_states *states, int64_t now)
{
	const struct alert_state *state;
	size_t i;

	for (i = 0; (state = alert_states_at(states, i)) != NULL; i++)
		if (strcmp(state->kind, "refusal") == 0 && state->is_bad &&
		    now - state->noted_at >= ALERT_REFUSALS_OVER_S)
			alert_states_note(states, &(struct alert_note){
			    .kind = "refusal", .subject = state->subject,
			    .words = "nobody has refused our certificate for "
			    "a day" }, now);
}

static struct refusals *
refusals_at(struct alert_watch *w, struct text service)
{
	char name[SERVICE_SIZE];
	size_t i;

	text_quote(name, sizeof(name), service);
	for (i = 0; i < w->service_count; i++)
		if (strcmp(w->refusals[i].service, name) == 0)
			return &w->refusals[i];
	if (i == SERVICES_MAX)
		i = 0;		/* so many there are not */
	else
		w->service_count++;
	w->refusals[i] = (struct refusals){ .next = 0 };
	memcpy(w->refusals[i].service, name, sizeof(name));
	return &w->refusals[i];
}

void
alert_watch_refusal(struct alert_watch *w, struct alert_states *states,
    const struct tls_session *s, int64_t now)
{
	const struct alert_state *known;
	struct refusals *r;
	char words[ALERT_WORDS_SIZE], alert[64], host[120], address[64];

	if (s->at < now - ALERT_REFUSALS_SPAN_S)
		return;		/* history, read after the fact */
	r = refusals_at(w, s->service);
	r->at[r->next] = s->at;
	r->next = (r->next + 1) % ALERT_REFUSALS;
	known = alert_states_find(states, "refusal", r->service);
	/* One that is new there is left alone: strangers do strange things. */
	if (r->at[r->next] < now - ALERT_REFUSALS_SPAN_S &&
	    (known == NULL || !known->is_bad))
		return;
	snprintf(words, sizeof(words), "%d sessions within an hour ended as "
	    "the other side refused our certificate, the last with \"%s\" by "
	    "%s[%s] -> hopseal certs tells what is wrong with it",
	    ALERT_REFUSALS, text_quote(alert, sizeof(alert), s->alert),
	    text_quote(host, sizeof(host), s->host),
	    text_quote(address, sizeof(address), s->address));
	alert_states_note(states, &(struct alert_note){ .kind = "refusal",
	    .subject = r->service, .is_bad = true,
	    .severity = ALERT_WARNING, .words = words }, now);
}

void
alert_watch_status(struct alert_watch *w, struct alert_states *states,
    const json_t *status, const struct alert_watch_times *times, int64_t now)
{
	watch_part(states, status, "redis", times->after_s, now);
	watch_part(states, status, "breaker", 0, now);
	watch_resolver(states, status, times->after_s, now);
	watch_ledger(w, states, status, times, now);
	end_refusals(states, now);
}
