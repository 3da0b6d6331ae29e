/*
 * One operation a next hop.  What to ask next is the plan's; here are the
 * questions under way, the clocks, and those who wait for the answer.
 */

#include "policyd/scout/lookup.h"

#include <sys/queue.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "policyd/scout/dns.h"
#include "policyd/scout/https.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/policy/lookup_plan.h"
#include "shared/xalloc.h"

#define QUESTIONS_OPEN_MAX	16	/* of one look-up */
#define BUCKETS			1024

enum lookup_state {
	LOOKUP_WAITING,
	LOOKUP_ACTIVE,
	LOOKUP_TOLD,	/* but for the policy host, which keeps us waiting */
	LOOKUP_REFUSED	/* too many: told what was known */
};

struct lookup_ask {			/* one question under way */
	LIST_ENTRY(lookup_ask)	 entry;
	struct lookup		*lookup;
	struct lookup_question	 question;
	struct dns_query	*query;
};

struct lookup {
	TAILQ_ENTRY(lookup)	 entry;		/* in a list of its state */
	LIST_ENTRY(lookup)	 same_bucket;
	struct lookups		*lookups;
	enum lookup_state	 state;
	char			 hop_text[NEXT_HOP_TEXT_SIZE];
	struct next_hop		 hop;
	bool			 must_refresh;
	struct facts		*known;		/* or NULL */

	/* while it is active or told */
	struct facts		*facts;
	struct lookup_plan	*plan;
	LIST_HEAD(, lookup_ask)	 asks;
	unsigned		 ask_count;
	struct https_fetch	*fetch;
	bool			 dns_is_over, fetch_is_slow;

	struct event		*deadline, *dns_deadline, *patience;
	struct event		*tell_now;	/* late and refused askers */
	uint64_t		*askers;	/* numbers of their frames */
	size_t			 asker_count;
};

TAILQ_HEAD(lookup_list, lookup);

struct lookups {
	struct event_base	*base;
	struct dns		*dns;
	struct https		*https;
	lookups_tell_cb		*tell;
	void			*arg;
	bool			 is_validating;
	struct lookup_list	 waiting, begun, refused;
	unsigned		 waiting_count, active_count;
	LIST_HEAD(, lookup)	 buckets[BUCKETS];
};

static void	lookup_advance(struct lookup *l);
static void	lookups_run_next(struct lookups *ls);

/* ------------------------------------------------------ those who wait */

static void
lookup_add_asker(struct lookup *l, uint64_t number)
{
	l->askers = xreallocarray(l->askers, l->asker_count + 1,
	    sizeof(*l->askers));
	l->askers[l->asker_count++] = number;
}

/* Tells all who wait, or, when nobody does, whom it may concern. */
static void
lookup_tell(struct lookup *l, const struct facts *facts)
{
	struct buffer record;
	struct text text;
	size_t i;

	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	facts_format(facts, &record);
	assert(!record.is_overfull);
	text = (struct text){ buffer_text(&record), record.len };
	if (l->asker_count == 0)
		l->lookups->tell(0, text, l->lookups->arg);
	for (i = 0; i < l->asker_count; i++)
		l->lookups->tell(l->askers[i], text, l->lookups->arg);
	l->asker_count = 0;
	buffer_clear(&record);
}

/* ---------------------------------------------------------------- the log */

static bool
is_news(const struct facts *f, const struct facts *known)
{
	if (known == NULL)
		return true;
	if (f->has_policy != known->has_policy || (f->has_policy &&
	    (f->policy.mode != known->policy.mode ||
	    strcmp(f->policy_id, known->policy_id) != 0)))
		return true;
	return f->mx_state != known->mx_state || f->dane != known->dane ||
	    f->record_state != known->record_state ||
	    strcmp(f->record_id, known->record_id) != 0 ||
	    (f->fetch_failed_count > 0) != (known->fetch_failed_count > 0) ||
	    f->fetch_finding != known->fetch_finding;
}

static const char *
first_error(const struct facts *f)
{
	if (f->fetch_failed_count > 0)
		return f->fetch_error;
	if (f->dane_error[0] != '\0')
		return f->dane_error;
	return f->mx_error[0] != '\0' ? f->mx_error : f->record_error;
}

static void
lookup_log(const struct lookup *l)
{
	const struct facts *f = l->facts;
	const char *error = first_error(f);

	(is_news(f, l->known) ? log_info : log_debug)(
	    "looked up: next_hop=%s, mx=%s, hosts=%zu, dane=%s, record=%s%s%s"
	    "%s%s%s%s%s", l->hop_text, fact_state_name(f->mx_state),
	    f->host_count, dane_state_name(f->dane),
	    fact_state_name(f->record_state),
	    f->record_id[0] != '\0' ? ", id=" : "", f->record_id,
	    f->has_policy ? ", policy=" : "",
	    f->has_policy ? mtasts_mode_name(f->policy.mode) : "",
	    error[0] != '\0' ? " (" : "", error, error[0] != '\0' ? ")" : "");
	/* RFC 8461, 3.3 and 10.2: worth a look before it expires. */
	if (l->plan->fetch == LOOKUP_FETCH_OVER && f->fetch_failed_count > 0 &&
	    f->has_policy && f->policy.mode != MTASTS_NONE)
		log_warn("policy could not be refreshed: domain=%s, "
		    "finding=%s, in a row=%u, the one held ends in %llds (%s)",
		    f->hop.name, finding_name(f->fetch_finding),
		    f->fetch_failed_count,
		    (long long)(f->expires_at - f->looked_at), f->fetch_error);
}

/* ------------------------------------------------------- begin and end */

/* Stops what is under way. */
static void
lookup_stop(struct lookup *l)
{
	struct lookup_ask *ask;

	while ((ask = LIST_FIRST(&l->asks)) != NULL) {
		LIST_REMOVE(ask, entry);
		dns_cancel(ask->query);
		free(ask);
	}
	l->ask_count = 0;
	https_cancel(l->fetch);
	l->fetch = NULL;
	event_del(l->deadline);
	event_del(l->dns_deadline);
	event_del(l->patience);
	if (l->plan != NULL)
		lookup_plan_clear(l->plan);
	free(l->plan);
	l->plan = NULL;
	facts_free(l->facts);
	l->facts = NULL;
}

static void
lookup_free(struct lookup *l)
{
	struct lookups *ls = l->lookups;

	lookup_stop(l);
	switch (l->state) {
	case LOOKUP_WAITING:
		TAILQ_REMOVE(&ls->waiting, l, entry);
		ls->waiting_count--;
		break;
	case LOOKUP_ACTIVE:
		ls->active_count--;
		/* FALLTHROUGH */
	case LOOKUP_TOLD:
		TAILQ_REMOVE(&ls->begun, l, entry);
		break;
	case LOOKUP_REFUSED:
		TAILQ_REMOVE(&ls->refused, l, entry);
		break;
	}
	if (l->state != LOOKUP_REFUSED)
		LIST_REMOVE(l, same_bucket);
	event_free(l->deadline);
	event_free(l->dns_deadline);
	event_free(l->patience);
	event_free(l->tell_now);
	facts_free(l->known);
	free(l->askers);
	free(l);
}

static void
lookup_finish(struct lookup *l)
{
	struct lookups *ls = l->lookups;

	lookup_plan_conclude(l->plan, clock_now_s());
	lookup_log(l);
	lookup_tell(l, l->facts);
	lookup_free(l);
	lookups_run_next(ls);
}

/* Answers without the policy host, whose word comes later, unasked. */
static void
lookup_tell_early(struct lookup *l)
{
	if (l->state != LOOKUP_ACTIVE)
		return;
	log_debug("lookup: next_hop=%s, policy host is slow", l->hop_text);
	lookup_plan_conclude(l->plan, clock_now_s());
	lookup_tell(l, l->facts);
	l->state = LOOKUP_TOLD;
	l->lookups->active_count--;
	lookups_run_next(l->lookups);
}

/* ------------------------------------------------- questions and answers */

static void
lookup_on_answer(const struct dns_answer *answer, void *arg)
{
	struct lookup_ask *ask = arg;
	struct lookup *l = ask->lookup;

	log_debug("lookup: next_hop=%s, answer=%s, name=%s, result=%s%s%s%s",
	    l->hop_text, lookup_topic_name(ask->question.topic),
	    ask->question.name, dns_result_name(answer->result),
	    answer->is_secure ? ", secure" : "",
	    answer->why[0] != '\0' ? ", reason=" : "", answer->why);
	LIST_REMOVE(ask, entry);
	l->ask_count--;
	lookup_plan_answer(l->plan, &ask->question, answer, clock_now_s());
	free(ask);
	lookup_advance(l);
}

static void
lookup_fail_question(struct lookup *l, const struct lookup_question *question)
{
	struct dns_answer answer = {
		.result = DNS_FAILED, .why = "DNS took more than 15 seconds"
	};

	lookup_plan_answer(l->plan, question, &answer, clock_now_s());
}

static void
lookup_ask(struct lookup *l, const struct lookup_question *question)
{
	struct lookup_ask *ask;

	if (l->dns_is_over) {
		lookup_fail_question(l, question);
		return;
	}
	ask = xcalloc(1, sizeof(*ask));
	ask->lookup = l;
	ask->question = *question;
	ask->query = dns_start(l->lookups->dns, question->type,
	    question->name, lookup_on_answer, ask);
	LIST_INSERT_HEAD(&l->asks, ask, entry);
	l->ask_count++;
}

static void
lookup_on_policy(enum finding finding, struct text body, const char *error,
    void *arg)
{
	struct lookup *l = arg;

	l->fetch = NULL;
	log_debug("lookup: next_hop=%s, policy fetched: finding=%s%s%s",
	    l->hop_text, finding_name(finding), error[0] != '\0' ? ", " : "",
	    error);
	lookup_plan_fetched(l->plan, finding, body, error, clock_now_s());
	lookup_advance(l);
}

static void
lookup_fetch(struct lookup *l)
{
	struct timeval patience = { LOOKUP_PATIENCE_S, 0 };

	l->fetch = https_start(l->lookups->https, &l->plan->policy_addresses,
	    lookup_on_policy, l);
	evtimer_add(l->patience, &patience);
}

/* Asks what is open; every answer returns here.  May free l. */
static void
lookup_advance(struct lookup *l)
{
	struct lookup_question question;

	while (l->ask_count < QUESTIONS_OPEN_MAX) {
		switch (lookup_plan_next(l->plan, &question)) {
		case LOOKUP_ASK:
			lookup_ask(l, &question);
			break;
		case LOOKUP_FETCH:
			lookup_fetch(l);
			break;
		case LOOKUP_WAIT:
			if (l->fetch_is_slow && lookup_plan_has_dns(l->plan))
				lookup_tell_early(l);
			return;
		case LOOKUP_DONE:
			lookup_finish(l);
			return;
		}
	}
}

/* ---------------------------------------------------------------- clocks */

static void
lookup_on_dns_deadline(evutil_socket_t fd, short events, void *arg)
{
	struct lookup *l = arg;
	struct lookup_ask *ask;

	(void)fd;
	(void)events;
	l->dns_is_over = true;
	while ((ask = LIST_FIRST(&l->asks)) != NULL) {
		LIST_REMOVE(ask, entry);
		l->ask_count--;
		dns_cancel(ask->query);
		lookup_fail_question(l, &ask->question);
		free(ask);
	}
	lookup_advance(l);
}

static void
lookup_on_patience(evutil_socket_t fd, short events, void *arg)
{
	struct lookup *l = arg;

	(void)fd;
	(void)events;
	l->fetch_is_slow = true;
	lookup_advance(l);
}

/* DNS has ended long ago and a fetch in time: this one waited for its turn. */
static void
lookup_on_deadline(evutil_socket_t fd, short events, void *arg)
{
	struct lookup *l = arg;

	(void)fd;
	(void)events;
	https_cancel(l->fetch);
	lookup_on_policy(FINDING_UNKNOWN, text_of(""),
	    "its turn did not come in time", l);
}

static void
lookup_on_tell_now(evutil_socket_t fd, short events, void *arg)
{
	struct lookup *l = arg;
	struct facts *nothing;

	(void)fd;
	(void)events;
	if (l->state == LOOKUP_TOLD)
		lookup_tell(l, l->facts);
	if (l->state != LOOKUP_REFUSED)
		return;
	nothing = facts_new(&l->hop);
	facts_set_error(nothing->mx_error, "too many look-ups are waiting");
	lookup_tell(l, l->known != NULL ? l->known : nothing);
	facts_free(nothing);
	lookup_free(l);
}

static void
lookup_begin(struct lookup *l)
{
	struct lookups *ls = l->lookups;
	struct timeval deadline = { LOOKUP_DEADLINE_S, 0 };
	struct timeval dns_deadline = { LOOKUP_DNS_DEADLINE_S, 0 };

	log_debug("lookup: next_hop=%s, begin%s", l->hop_text,
	    l->must_refresh ? ", refresh" : "");
	l->facts = facts_new(&l->hop);
	l->plan = xcalloc(1, sizeof(*l->plan));
	lookup_plan_init(l->plan, l->facts, l->known, l->must_refresh,
	    ls->is_validating);
	l->dns_is_over = l->fetch_is_slow = false;
	evtimer_add(l->deadline, &deadline);
	evtimer_add(l->dns_deadline, &dns_deadline);
	if (l->must_refresh)
		dns_flush(ls->dns);
	lookup_advance(l);
}

static void
lookups_run_next(struct lookups *ls)
{
	struct lookup *l;

	while (ls->active_count < LOOKUPS_ACTIVE_MAX &&
	    (l = TAILQ_FIRST(&ls->waiting)) != NULL) {
		TAILQ_REMOVE(&ls->waiting, l, entry);
		ls->waiting_count--;
		TAILQ_INSERT_TAIL(&ls->begun, l, entry);
		ls->active_count++;
		l->state = LOOKUP_ACTIVE;
		lookup_begin(l);
	}
}

/* ---------------------------------------------------------------- whole */

struct lookups *
lookups_new(struct event_base *base, struct dns *dns, struct https *https,
    lookups_tell_cb *tell, void *arg)
{
	struct lookups *ls = xcalloc(1, sizeof(*ls));

	ls->base = base;
	ls->dns = dns;
	ls->https = https;
	ls->tell = tell;
	ls->arg = arg;
	ls->is_validating = true;
	TAILQ_INIT(&ls->waiting);
	TAILQ_INIT(&ls->begun);
	TAILQ_INIT(&ls->refused);
	return ls;
}

void
lookups_free(struct lookups *ls)
{
	if (ls == NULL)
		return;
	while (!TAILQ_EMPTY(&ls->waiting))
		lookup_free(TAILQ_FIRST(&ls->waiting));
	while (!TAILQ_EMPTY(&ls->begun))
		lookup_free(TAILQ_FIRST(&ls->begun));
	while (!TAILQ_EMPTY(&ls->refused))
		lookup_free(TAILQ_FIRST(&ls->refused));
	free(ls);
}

void
lookups_set_validating(struct lookups *ls, bool is_validating)
{
	ls->is_validating = is_validating;
}

static unsigned
bucket_of(const char *hop_text)
{
	unsigned hash = 5381;

	for (; *hop_text != '\0'; hop_text++)
		hash = hash * 33 + (unsigned char)*hop_text;
	return hash % BUCKETS;
}

static struct lookup *
lookups_find(struct lookups *ls, const char *hop_text)
{
	struct lookup *l;

	LIST_FOREACH(l, &ls->buckets[bucket_of(hop_text)], same_bucket)
		if (strcmp(l->hop_text, hop_text) == 0)
			return l;
	return NULL;
}

/* One that is not of this next hop, or cannot be read, counts for nothing. */
static struct facts *
read_known(const struct scout_lookup *m)
{
	struct facts *known;
	const char *why;

	if (m->known.len == 0)
		return NULL;
	known = facts_parse(m->known, &why);
	if (known == NULL) {
		log_warn("known facts cannot be read: domain=%s, reason=%s",
		    m->hop.name, why);
		return NULL;
	}
	if (known->hop.kind != m->hop.kind || known->hop.port != m->hop.port ||
	    strcmp(known->hop.name, m->hop.name) != 0) {
		facts_free(known);
		return NULL;
	}
	return known;
}

static struct lookup *
lookup_new(struct lookups *ls, const struct scout_lookup *m)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->lookups = ls;
	l->hop = m->hop;
	next_hop_format(&m->hop, l->hop_text);
	l->must_refresh = m->must_refresh;
	l->known = read_known(m);
	LIST_INIT(&l->asks);
	l->deadline = evtimer_new(ls->base, lookup_on_deadline, l);
	l->dns_deadline = evtimer_new(ls->base, lookup_on_dns_deadline, l);
	l->patience = evtimer_new(ls->base, lookup_on_patience, l);
	l->tell_now = evtimer_new(ls->base, lookup_on_tell_now, l);
	return l;
}

/* A look under way takes another asker, and begins again if it must. */
static void
lookup_join(struct lookup *l, bool must_refresh)
{
	struct lookups *ls = l->lookups;

	if (must_refresh && !l->must_refresh) {
		l->must_refresh = true;
		if (l->state == LOOKUP_WAITING)
			return;
		lookup_stop(l);
		if (l->state == LOOKUP_TOLD)
			ls->active_count++;
		l->state = LOOKUP_ACTIVE;
		lookup_begin(l);
	} else if (l->state == LOOKUP_TOLD)
		event_active(l->tell_now, EV_TIMEOUT, 0);
}

void
lookups_start(struct lookups *ls, uint64_t number,
    const struct scout_lookup *m)
{
	char hop_text[NEXT_HOP_TEXT_SIZE];
	struct lookup *l = lookups_find(ls, next_hop_format(&m->hop, hop_text));

	if (l != NULL) {
		lookup_add_asker(l, number);
		lookup_join(l, m->must_refresh);
		return;
	}
	l = lookup_new(ls, m);
	lookup_add_asker(l, number);
	if (ls->waiting_count == LOOKUPS_WAITING_MAX) {
		l->state = LOOKUP_REFUSED;
		TAILQ_INSERT_TAIL(&ls->refused, l, entry);
		event_active(l->tell_now, EV_TIMEOUT, 0);
		return;
	}
	LIST_INSERT_HEAD(&ls->buckets[bucket_of(hop_text)], l, same_bucket);
	TAILQ_INSERT_TAIL(&ls->waiting, l, entry);
	ls->waiting_count++;
	lookups_run_next(ls);
}

void
lookups_forget_askers(struct lookups *ls)
{
	struct lookup *l;

	while (!TAILQ_EMPTY(&ls->waiting))
		lookup_free(TAILQ_FIRST(&ls->waiting));
	while (!TAILQ_EMPTY(&ls->refused))
		lookup_free(TAILQ_FIRST(&ls->refused));
	TAILQ_FOREACH(l, &ls->begun, entry)
		l->asker_count = 0;
}
