/*
 * Alerts are numbered.  A destination has heard of all up to some number, so
 * that how many wait for it is a difference, also of those that were not kept.
 */

#include "policyd/clerk/alert/alert_queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/siphash.h"
#include "shared/text.h"
#include "shared/web_url.h"
#include "shared/xalloc.h"

#define ID_SIZE		17
#define NUMBER_MAX	((int64_t)1 << 40)

struct alert_queue {
	struct alert	 alerts[ALERTS_KEPT_MAX];	/* oldest first */
	size_t		 count;
	uint64_t	 last;		/* number */
	/* Room for those that leave as others come. */
	struct alert_destination *destinations[2 * ALERT_DESTINATIONS_MAX];
	size_t		 destination_count, named;	/* by the settings */
	json_t		*known;		/* as it was on disk: id, how far */
	struct alert_queue_counts counts[ALERT_WAY_COUNT];
};

const char *
alert_severity_name(enum alert_severity severity)
{
	static const char *const names[] = { "ok", "warning", "critical" };

	return names[severity];
}

const char *
alert_way_name(enum alert_way way)
{
	static const char *const names[] = { "command", "mail", "webhook" };

	return names[way];
}

char *
alert_destination_label(const struct alert_destination *d,
    char out[ALERT_LABEL_SIZE])
{
	struct web_url url;
	const char *why;

	if (d->way == ALERT_WEBHOOK && web_url_parse(text_of(d->target), &url,
	    &why) == 0)
		snprintf(out, ALERT_LABEL_SIZE, "%s:%u", url.host, url.port);
	else
		text_quote(out, ALERT_LABEL_SIZE, text_of(d->way ==
		    ALERT_WEBHOOK ? "a URL" : d->target));
	return out;
}

struct alert_queue *
alert_queue_new(void)
{
	struct alert_queue *q = xcalloc(1, sizeof(*q));

	q->known = json_object();
	return q;
}

static void
destination_free(struct alert_destination *d)
{
	free(d->target);
	free(d);
}

void
alert_queue_free(struct alert_queue *q)
{
	if (q == NULL)
		return;
	while (q->destination_count > 0)
		destination_free(q->destinations[--q->destination_count]);
	json_decref(q->known);
	free(q);
}

/* ---------------------------------------------------------- destinations */

/* The number up to which everybody has heard. */
static uint64_t
heard_by_all(const struct alert_queue *q)
{
	uint64_t least = q->last;
	size_t i;

	for (i = 0; i < q->destination_count; i++)
		if (q->destinations[i]->done < least)
			least = q->destinations[i]->done;
	return least;
}

static void
drop_heard(struct alert_queue *q)
{
	uint64_t least = heard_by_all(q);
	size_t heard = 0;

	while (heard < q->count && q->alerts[heard].number <= least)
		heard++;
	q->count -= heard;
	memmove(q->alerts, q->alerts + heard, q->count * sizeof(q->alerts[0]));
}

static char *
destination_id(const struct alert_destination *d, char out[ID_SIZE])
{
	struct siphash_key key = { 'a', d->way };

	snprintf(out, ID_SIZE, "%016" PRIx64, siphash(&key, d->target,
	    strlen(d->target)));
	return out;
}

static int64_t
number_in(const json_t *object, const char *name)
{
	int64_t value = json_integer_value(json_object_get(object, name));

	return value > 0 && value < NUMBER_MAX ? value : 0;
}

/* How far it was before the restart; else it begins here. */
static void
destination_recall(const struct alert_queue *q, struct alert_destination *d)
{
	char id[ID_SIZE];
	const json_t *known = json_object_get(q->known, destination_id(d, id));

	d->done = q->last;
	if (!json_is_object(known))
		return;
	d->next_at = number_in(known, "next_at");
	d->tries = (unsigned)number_in(known, "tries") % ALERT_TRIES_MAX;
	d->upto = (uint64_t)number_in(known, "upto");
	d->done = (uint64_t)number_in(known, "done");
	if (d->done > q->last)
		d->done = q->last;
	if (d->upto <= d->done || d->upto > q->last)
		d->upto = d->tries = 0;
}

void
alert_queue_begin_destinations(struct alert_queue *q)
{
	q->named = 0;
}

void
alert_queue_add_destination(struct alert_queue *q, enum alert_way way,
    const char *target)
{
	struct alert_destination *d = NULL;
	size_t i;

	if (q->named == ALERT_DESTINATIONS_MAX)
		return;
	for (i = 0; i < q->destination_count; i++) {
		d = q->destinations[i];
		if (d->way == way && strcmp(d->target, target) == 0)
			break;
	}
	if (i < q->named)
		return;		/* named twice */
	if (i == q->destination_count) {
		q->destination_count++;
		d = xcalloc(1, sizeof(*d));
		d->way = way;
		d->target = xstrdup(target);
		destination_recall(q, d);
	}
	q->destinations[i] = q->destinations[q->named];
	q->destinations[q->named++] = d;
}

void
alert_queue_end_destinations(struct alert_queue *q)
{
	while (q->destination_count > q->named)
		destination_free(q->destinations[--q->destination_count]);
	json_object_clear(q->known);
	drop_heard(q);
}

size_t
alert_queue_destination_count(const struct alert_queue *q)
{
	return q->destination_count;
}

struct alert_destination *
alert_queue_destination(struct alert_queue *q, size_t i)
{
	return q->destinations[i];
}

/* ------------------------------------------------------------------ alerts */

/* The first ones are kept: what follows is mostly their consequence. */
static void
append(struct alert_queue *q, enum alert_severity severity, const char *kind,
    const char *subject, const char *words, int64_t at)
{
	struct alert *a;

	q->last++;
	if (q->count == ALERTS_KEPT_MAX)
		return;
	a = &q->alerts[q->count++];
	a->number = q->last;
	a->at = at;
	a->severity = severity;
	text_quote(a->kind, sizeof(a->kind), text_of(kind));
	text_quote(a->subject, sizeof(a->subject), text_of(subject));
	text_quote(a->words, sizeof(a->words), text_of(words));
}

void
alert_queue_add(struct alert_queue *q, enum alert_severity severity,
    const char *kind, const char *subject, const char *words, int64_t now)
{
	if (q->destination_count > 0)
		append(q, severity, kind, subject, words, now);
}

size_t
alert_queue_waiting(const struct alert_queue *q)
{
	return (size_t)(q->last - heard_by_all(q));
}

/* ---------------------------------------------------------------- messages */

static const struct alert *
first_unheard(const struct alert_queue *q, const struct alert_destination *d)
{
	size_t i;

	for (i = 0; i < q->count; i++)
		if (q->alerts[i].number > d->done)
			return &q->alerts[i];
	return NULL;
}

static bool
is_due(const struct alert_queue *q, struct alert_destination *d, int64_t now)
{
	const struct alert *first = first_unheard(q, d);

	if (d->is_sending || d->done == q->last)
		return false;
	/* A clock that was set back makes nobody wait for longer. */
	if (d->next_at > now + ALERT_QUIET_MAX_S)
		d->next_at = now;
	if (now < d->next_at)
		return false;
	return first == NULL || now < first->at ||
	    now - first->at >= ALERT_GATHER_S;
}

struct alert_destination *
alert_queue_next(struct alert_queue *q, int64_t now)
{
	struct alert_destination *d;
	size_t i;

	for (i = 0; i < q->destination_count; i++) {
		d = q->destinations[i];
		if (!is_due(q, d, now))
			continue;
		if (d->upto == 0)
			d->upto = q->last;
		d->is_sending = true;
		return d;
	}
	return NULL;
}

void
alert_queue_message(const struct alert_queue *q,
    const struct alert_destination *d, struct alert_message *out)
{
	const struct alert *a;
	size_t i;

	*out = (struct alert_message){ .number = d->upto,
	    .total = (size_t)(d->upto - d->done) };
	for (i = 0; i < q->count; i++) {
		a = &q->alerts[i];
		if (a->number <= d->done || a->number > d->upto)
			continue;
		out->alerts[out->count++] = a;
		if (a->severity > out->worst)
			out->worst = a->severity;
	}
}

/* What was not taken after all its tries is in the log, and in the status. */
void
alert_queue_ended(struct alert_queue *q, struct alert_destination *d,
    bool was_taken, const char *words, unsigned quiet_s, int64_t now)
{
	struct alert_queue_counts *counts = &q->counts[d->way];

	d->is_sending = false;
	d->is_failing = !was_taken;
	text_quote(d->words, sizeof(d->words), text_of(words));
	if (was_taken)
		counts->sent++;
	else {
		counts->failed++;
		if (++d->tries < ALERT_TRIES_MAX) {
			d->next_at = now + ((int64_t)ALERT_RETRY_S <<
			    2 * (d->tries - 1));
			return;
		}
		counts->given_up++;
	}
	d->done = d->upto;
	d->upto = d->tries = 0;
	d->next_at = now + quiet_s;
	drop_heard(q);
}

const struct alert_queue_counts *
alert_queue_counts(const struct alert_queue *q, enum alert_way way)
{
	return &q->counts[way];
}

/* -------------------------------------------------------------- the file */

static json_t *
alert_value(const struct alert *a)
{
	return json_pack("{s:I, s:I, s:i, s:s, s:s, s:s}", "number",
	    (json_int_t)a->number, "at", (json_int_t)a->at, "severity",
	    (int)a->severity, "kind", a->kind, "subject", a->subject, "words",
	    a->words);
}

static json_t *
destination_value(const struct alert_destination *d)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "done", (json_int_t)d->done,
	    "upto", (json_int_t)d->upto, "tries", (json_int_t)d->tries,
	    "next_at", (json_int_t)d->next_at);
}

json_t *
alert_queue_format(const struct alert_queue *q)
{
	json_t *alerts = json_array(), *destinations = json_object();
	char id[ID_SIZE];
	size_t i;

	for (i = 0; i < q->count; i++)
		json_array_append_new(alerts, alert_value(&q->alerts[i]));
	for (i = 0; i < q->destination_count; i++)
		json_object_set_new(destinations, destination_id(
		    q->destinations[i], id),
		    destination_value(q->destinations[i]));
	return json_pack("{s:I, s:o, s:o}", "last", (json_int_t)q->last,
	    "alerts", alerts, "destinations", destinations);
}

static void
take_alert(struct alert_queue *q, const json_t *from)
{
	const char *kind, *subject, *words;
	json_int_t number, at;
	int severity;

	if (json_unpack((json_t *)(uintptr_t)from,
	    "{s:I, s:I, s:i, s:s, s:s, s:s}", "number", &number, "at", &at,
	    "severity", &severity, "kind", &kind, "subject", &subject, "words",
	    &words) == -1 || severity < ALERT_OK ||
	    severity > ALERT_CRITICAL || number <= (json_int_t)q->last ||
	    number >= NUMBER_MAX || at < 0 || at >= NUMBER_MAX)
		return;
	q->last = (uint64_t)number - 1;
	append(q, (enum alert_severity)severity, kind, subject, words, at);
}

bool
alert_queue_parse(struct alert_queue *q, const json_t *from)
{
	const json_t *alerts = json_object_get(from, "alerts"),
	    *known = json_object_get(from, "destinations"), *alert;
	uint64_t last = (uint64_t)number_in(from, "last");
	size_t i;

	json_array_foreach(alerts, i, alert)
		take_alert(q, alert);
	if (last > q->last)
		q->last = last;
	if (json_is_object(known))
		json_object_update(q->known, (json_t *)(uintptr_t)known);
	return json_object_size(known) > 0;
}
