/*
 * Looking a next hop up.  A lookup walks through its steps and ends in one
 * place; whoever waits is told there, or by his own deadline.
 */

#include "policyd/front/domain_lookup.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/front/cache_async.h"
#include "policyd/front/feedback.h"
#include "policyd/front/host_probe.h"
#include "policyd/front/state.h"
#include "policyd/process/child.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define LOOKUPS_MAX		4096
#define LOOKUP_DEADLINE_S	75	/* a little more than the scout's own */
#define LOCK_MS			30000
#define REFETCH_PAUSE_S		300	/* between attempts of this host */
#define CLOCK_SKEW_S		300	/* between hosts of the group */
#define REFRESH_MAX_S		3600	/* no record is fresh for longer */
#define NOBODY_ANSWERS_S	60
#define SWEEP_ROUNDS		60	/* the whole book once a minute */
#define SLOTS_AT_LEAST		256
#define WRITE_BACK_SLOTS	128	/* at one time, one entry each or so */
#define WRITE_BACK_MS		10

LIST_HEAD(domain_waits, domain_wait);

enum step { STEP_CACHE, STEP_LOCK, STEP_HOSTS, STEP_SCOUT };

struct domain_lookup {
	LIST_ENTRY(domain_lookup)	 next;
	struct domain_lookups		*lookups;
	struct book_entry		*entry;
	struct next_hop			 hop;
	enum domain_lookup_reason	 reason;
	enum step			 step;
	bool				 was_sent;	/* to this scout */
	int64_t				 sent_ms;
	bool				 needs_no_hosts; /* nothing promised */
	uint64_t			 number;
	unsigned			 hosts_left;	/* to be seen */
	struct cache_question		 question;
	struct event			*deadline;
	struct domain_waits		 waiting;
};

struct domain_lookups {
	struct front			*front;
	LIST_HEAD(, domain_lookup)	 all;
	struct domain_waits		 site_waiting;
	size_t				 count;
	uint64_t			 last_number;
	int64_t				 unanswered_since;	/* 0: all well */
	struct event			*tick, *write_back;
	size_t				 cursor, write_back_cursor;
	size_t				 write_back_left;	/* slots */
};

static void	lookup_advance(struct domain_lookup *l);
static void	lookup_on_hosts(struct domain_lookup *l);
static void	lookup_switch(struct domain_lookup *l,
		    enum domain_lookup_reason reason);

/* ---------------------------------------------------------------- ending */

/* An entry that never learned anything is not kept. */
static void
unpin(struct domain_lookups *lookups, struct book_entry *entry)
{
	entry->pins--;
	domain_book_remove_empty(lookups->front->book, entry);
}

/* Its entry is kept until after the callback. */
static void
wait_end(struct domain_wait *wait, bool is_late)
{
	struct domain_lookups *lookups = wait->lookups;
	struct book_entry *entry = wait->entry;

	LIST_REMOVE(wait, next);
	event_free(wait->deadline);
	wait->callback(entry, is_late, wait->arg);
	unpin(lookups, entry);
}

static void
tell_all(struct domain_waits *waiting)
{
	struct domain_waits told = LIST_HEAD_INITIALIZER(told);
	struct domain_wait *wait;

	/* Callbacks may begin to wait again, for something else. */
	while ((wait = LIST_FIRST(waiting)) != NULL) {
		LIST_REMOVE(wait, next);
		LIST_INSERT_HEAD(&told, wait, next);
	}
	while ((wait = LIST_FIRST(&told)) != NULL)
		wait_end(wait, false);
}

/* The one way out: tells those who wait, frees. */
static void
lookup_finish(struct domain_lookup *l)
{
	struct domain_lookups *lookups = l->lookups;
	struct book_entry *entry = l->entry;

	LIST_REMOVE(l, next);
	lookups->count--;
	event_free(l->deadline);
	entry->lookup = NULL;
	entry->pins++;
	tell_all(&l->waiting);
	/* Whoever asked: the hosts of a promise are looked at. */
	if (l->reason == DOMAIN_LOOKUP_ASKED && entry->lookup == NULL &&
	    !l->needs_no_hosts)
		domain_lookup_start(lookups, entry, &l->hop,
		    DOMAIN_LOOKUP_HOSTS);
	free(l);
	unpin(lookups, entry);
}

static void
lookup_on_deadline(evutil_socket_t fd, short events, void *arg)
{
	struct domain_lookup *l = arg;

	(void)fd;
	(void)events;
	/* The answer of the cache or the lock comes in any case, and soon. */
	if (l->step == STEP_CACHE || l->step == STEP_LOCK)
		return;
	/* Hosts wait for their turn; those that were seen count. */
	if (l->step == STEP_HOSTS) {
		log_debug("hosts not all seen in time: domain=%s, left=%u",
		    l->entry->name, l->hosts_left);
		l->hosts_left = 0;
		l->reason = DOMAIN_LOOKUP_HOSTS;
		lookup_on_hosts(l);
		return;
	}
	l->lookups->front->counters.lookups_failed++;
	log_warn("lookup not finished in time: domain=%s", l->entry->name);
	lookup_finish(l);
}

/* --------------------------------------------------------- taking facts */

/*
 * One line for each decision that is new or another than before.  Whoever
 * finds it in the shared cache for the first time does not say it again.  The
 * clerk hears what it means for mail.
 */
static void
note_decision(struct front *front, const struct facts *facts,
    const struct book_entry *entry, bool is_cached)
{
	struct tls_decision now, before;
	bool is_worth_saying = !is_cached;
	struct facts *known;

	front_decide(front, facts, &now);
	feedback_tell_verdict(front, &facts->hop, &now);
	if (entry->record != NULL) {
		known = front_facts(entry, &facts->hop);
		front_decide(front, known, &before);
		is_worth_saying = now.kind != before.kind ||
		    now.map != before.map || now.level != before.level ||
		    now.verdict != before.verdict;
		facts_free(known);
	}
	if (is_worth_saying)
		(now.has_warning ? log_warn : log_info)(
		    "decided: domain=%s, policy=%s, map=%s, dane=%s, "
		    "record=%s, verdict=%s, reason=%s", entry->name,
		    tls_policy_kind_name(now.kind),
		    now.map == MAP_LEVEL ? tls_level_name(now.level) :
		    now.map == MAP_TEMPORARY ? "temporary" : "not-found",
		    dane_state_name(facts->dane),
		    fact_state_name(facts->record_state),
		    verdict_name(now.verdict),
		    now.reason[0] != '\0' ? now.reason : "no policy");
}

static unsigned
stale_ttl_s(const struct domain_lookups *lookups)
{
	return lookups->front->settings->config->stale_ttl_s;
}

static void
take_facts(struct domain_lookups *lookups, struct book_entry *entry,
    const struct facts *facts)
{
	domain_book_set(lookups->front->book, entry, facts,
	    stale_ttl_s(lookups));
	entry->synced_at = book_time_of(clock_now_s());
}

/* Only what was really learned is worth telling others. */
static void
share_facts(struct domain_lookups *lookups, const struct facts *facts)
{
	struct buffer record;

	if (facts->learned_at == 0 && !facts->has_policy)
		return;
	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	facts_format(facts, &record);
	cache_async_put(lookups->front->cache, &facts->hop,
	    text_of(buffer_text(&record)),
	    facts_end(facts, stale_ttl_s(lookups)) - clock_now_s());
	buffer_clear(&record);
}

/*
 * A record of the shared cache: ours to believe only as far as it makes sense
 * and knows more than we do.
 */
static void
take_cached(struct domain_lookup *l, struct text record)
{
	struct domain_lookups *lookups = l->lookups;
	struct book_entry *entry = l->entry;
	int64_t now = clock_now_s();
	struct tls_decision decision;
	struct facts *facts;
	const char *why;

	facts = facts_parse(record, &why);
	if (facts == NULL) {
		log_warn("record in the cache is not used: domain=%s, "
		    "reason=%s", entry->name, why);
		return;
	}
	if (facts->refresh_at > now + REFRESH_MAX_S)
		facts->refresh_at = now + REFRESH_MAX_S;
	/* The writer's resolver may not validate where ours does. */
	if (facts->dane == DANE_UNKNOWN &&
	    lookups->front->site.dane == FACT_PRESENT)
		facts->refresh_at = now;
	if (facts->hop.kind == l->hop.kind && facts->hop.port == l->hop.port &&
	    strcmp(facts->hop.name, l->hop.name) == 0 &&
	    facts->looked_at <= now + CLOCK_SKEW_S &&
	    (entry->record == NULL || facts->looked_at > entry->looked_at)) {
		note_decision(lookups->front, facts, entry, true);
		take_facts(lookups, entry, facts);
		lookups->front->counters.cache_hits++;
		front_decide(lookups->front, facts, &decision);
		l->needs_no_hosts = !tls_decision_needs_hosts(&decision);
	}
	facts_free(facts);
}

/* ------------------------------------------------------------- the steps */

static void
lookup_send(struct domain_lookup *l)
{
	struct domain_lookups *lookups = l->lookups;
	struct channel *scout = child_peer(lookups->front->child, ROLE_SCOUT);
	struct scout_lookup message = { .hop = l->hop,
	    .must_refresh = l->reason == DOMAIN_LOOKUP_REFRESH };
	struct facts *known;
	struct buffer record, payload;

	if (lookups->unanswered_since == 0)
		lookups->unanswered_since = clock_now_s();
	if (scout == NULL || l->was_sent)
		return;
	known = domain_book_facts(l->entry, &l->hop);
	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	if (known != NULL)
		facts_format(known, &record);
	message.known = text_of(buffer_text(&record));
	buffer_init(&payload, FACTS_RECORD_MAX_BYTES + 4096);
	scout_lookup_format(&message, &payload);
	l->sent_ms = clock_monotonic_ms();
	l->was_sent = channel_send(scout, MESSAGE_LOOKUP, l->number,
	    (struct text){ payload.data, payload.len });
	buffer_clear(&payload);
	buffer_clear(&record);
	facts_free(known);
}

static bool
entry_is_fresh(const struct book_entry *entry)
{
	return entry->record != NULL && clock_now_s() < entry->refresh_at;
}

static void
lookup_on_cached(struct text record, bool was_asked, void *arg)
{
	struct domain_lookup *l = arg;

	if (record.len > 0)
		take_cached(l, record);
	if (was_asked)
		l->entry->synced_at = book_time_of(clock_now_s());
	if (entry_is_fresh(l->entry) || l->reason == DOMAIN_LOOKUP_SYNC) {
		lookup_finish(l);
		return;
	}
	l->needs_no_hosts = false;	/* the scout may know better */
	l->step = STEP_SCOUT;
	lookup_advance(l);
}

static void
lookup_on_lock(bool is_ours, void *arg)
{
	struct domain_lookup *l = arg;

	if (!is_ours) {
		lookup_finish(l);
		return;
	}
	l->step = STEP_SCOUT;
	lookup_advance(l);
}

/* The hosts of facts that are due; with the scout away none can be seen. */
static bool
hosts_are_due(struct domain_lookups *lookups, const struct book_entry *entry,
    const struct next_hop *hop)
{
	struct facts *facts;
	bool are_due;

	if (entry->record == NULL || !domain_lookups_scout_is_here(lookups))
		return false;
	facts = front_facts(entry, hop);
	are_due = host_probes_are_due(lookups->front->probes, facts);
	facts_free(facts);
	return are_due;
}

static void
lookup_probe(struct domain_lookup *l)
{
	struct facts *facts = front_facts(l->entry, &l->hop);

	host_probes_apply(l->lookups->front->probes, facts);
	l->hosts_left = host_probes_send(l->lookups->front->probes, facts,
	    l->number);
	facts_free(facts);
}

/*
 * All hosts were seen.  What that makes of the domain is kept with its facts,
 * and before it turns undeliverable DNS and policy are asked again.
 */
static void
lookup_on_hosts(struct domain_lookup *l)
{
	struct domain_lookups *lookups = l->lookups;
	struct facts *facts = front_facts(l->entry, &l->hop);
	struct tls_decision decision;

	host_probes_apply(lookups->front->probes, facts);
	note_decision(lookups->front, facts, l->entry, false);
	take_facts(lookups, l->entry, facts);
	share_facts(lookups, facts);
	front_decide(lookups->front, facts, &decision);
	facts_free(facts);
	if (decision.asks_again) {
		l->step = STEP_SCOUT;
		lookup_advance(l);
	} else
		lookup_finish(l);
}

/* Asks what the step asks; a question that nobody can be asked is passed. */
static void
lookup_advance(struct domain_lookup *l)
{
	struct cache_async *cache = l->lookups->front->cache;

	l->question = (struct cache_question){ lookup_on_cached,
	    lookup_on_lock, l };
	switch (l->step) {
	case STEP_CACHE:
		if (cache_async_get(cache, &l->hop, &l->question))
			return;
		break;
	case STEP_LOCK:
		if (cache_async_lock(cache, &l->hop, LOCK_MS, &l->question))
			return;
		break;
	case STEP_HOSTS:
		lookup_probe(l);
		return;
	case STEP_SCOUT:
		break;
	}
	l->step = STEP_SCOUT;
	lookup_send(l);
}

static const enum step first_steps[] = {
	[DOMAIN_LOOKUP_ASKED] = STEP_CACHE,
	[DOMAIN_LOOKUP_SYNC] = STEP_CACHE,
	[DOMAIN_LOOKUP_HOSTS] = STEP_HOSTS,
	[DOMAIN_LOOKUP_REFETCH] = STEP_LOCK,
	[DOMAIN_LOOKUP_REFRESH] = STEP_SCOUT,
};

/* Another, stronger wish; answers to what was asked before count no more. */
static void
lookup_switch(struct domain_lookup *l, enum domain_lookup_reason reason)
{
	l->reason = reason;
	l->number = ++l->lookups->last_number;
	l->was_sent = false;
	/* The cache or the lock answer in any case: they are waited for. */
	if (l->step == STEP_CACHE || l->step == STEP_LOCK)
		return;
	l->step = first_steps[reason];
	lookup_advance(l);
}

bool
domain_lookup_start(struct domain_lookups *lookups, struct book_entry *entry,
    const struct next_hop *hop, enum domain_lookup_reason reason)
{
	struct timeval deadline = { LOOKUP_DEADLINE_S, 0 };
	struct domain_lookup *l = entry->lookup;

	if (reason == DOMAIN_LOOKUP_SYNC &&
	    !cache_async_is_up(lookups->front->cache))
		return true;
	if (l != NULL) {
		/* A stronger wish takes the lookup under way with it. */
		if (reason == DOMAIN_LOOKUP_ASKED &&
		    l->reason == DOMAIN_LOOKUP_SYNC)
			l->reason = reason;
		if (reason == DOMAIN_LOOKUP_REFRESH && l->reason != reason)
			lookup_switch(l, reason);
		if (reason == DOMAIN_LOOKUP_ASKED &&
		    l->reason == DOMAIN_LOOKUP_HOSTS && l->step == STEP_HOSTS)
			lookup_switch(l, reason);
		return true;
	}
	if (lookups->count >= LOOKUPS_MAX ||
	    (reason == DOMAIN_LOOKUP_HOSTS && !hosts_are_due(lookups, entry,
	    hop)))
		return false;
	l = xcalloc(1, sizeof(*l));
	l->lookups = lookups;
	l->entry = entry;
	l->hop = *hop;
	l->reason = reason;
	l->step = first_steps[reason];
	l->number = ++lookups->last_number;
	LIST_INIT(&l->waiting);
	LIST_INSERT_HEAD(&lookups->all, l, next);
	lookups->count++;
	lookups->front->counters.lookups++;
	l->deadline = event_new(lookups->front->child->base, -1, EV_PERSIST,
	    lookup_on_deadline, l);
	assert(l->deadline != NULL);
	event_add(l->deadline, &deadline);
	entry->lookup = l;
	lookup_advance(l);
	return true;
}

/* ---------------------------------------------------------------- waiting */

static void
wait_on_deadline(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	wait_end(arg, true);
}

static void
wait_begin(struct domain_lookups *lookups, struct domain_waits *list,
    struct domain_wait *wait, struct book_entry *entry, unsigned ms,
    domain_wait_cb *callback, void *arg)
{
	struct timeval deadline = { ms / 1000, ms % 1000 * 1000 };

	wait->lookups = lookups;
	wait->entry = entry;
	wait->callback = callback;
	wait->arg = arg;
	wait->deadline = event_new(lookups->front->child->base, -1, 0,
	    wait_on_deadline, wait);
	assert(wait->deadline != NULL);
	event_add(wait->deadline, &deadline);
	entry->pins++;
	LIST_INSERT_HEAD(list, wait, next);
}

void
domain_wait_start(struct domain_lookups *lookups, struct domain_wait *wait,
    struct book_entry *entry, unsigned ms, domain_wait_cb *callback, void *arg)
{
	assert(entry->lookup != NULL);
	wait_begin(lookups, &entry->lookup->waiting, wait, entry, ms,
	    callback, arg);
}

void
domain_wait_for_site(struct domain_lookups *lookups, struct domain_wait *wait,
    struct book_entry *entry, unsigned ms, domain_wait_cb *callback, void *arg)
{
	wait_begin(lookups, &lookups->site_waiting, wait, entry, ms, callback,
	    arg);
}

void
domain_wait_cancel(struct domain_wait *wait)
{
	LIST_REMOVE(wait, next);
	event_free(wait->deadline);
	unpin(wait->lookups, wait->entry);
}

/* ------------------------------------------------------------ what came in */

void
domain_lookups_on_site(struct domain_lookups *lookups)
{
	if (lookups->front->site.dane != FACT_UNKNOWN)
		tell_all(&lookups->site_waiting);
}

void
domain_lookups_on_scout(struct domain_lookups *lookups)
{
	struct domain_lookup *l;

	LIST_FOREACH(l, &lookups->all, next) {
		l->was_sent = false;
		if (l->step == STEP_SCOUT || l->step == STEP_HOSTS)
			lookup_advance(l);
	}
}

void
domain_lookups_on_cache(struct domain_lookups *lookups)
{
	struct domain_lookup *l;

	LIST_FOREACH(l, &lookups->all, next)
		if (l->step == STEP_CACHE || l->step == STEP_LOCK) {
			l->step = STEP_SCOUT;
			lookup_advance(l);
		}
}

static struct text
hop_name(const struct next_hop *hop, char out[NEXT_HOP_TEXT_SIZE])
{
	return text_of(next_hop_format(hop, out));
}

void
domain_lookups_on_facts(struct domain_lookups *lookups, uint64_t number,
    struct text record)
{
	struct front *front = lookups->front;
	char name[NEXT_HOP_TEXT_SIZE];
	struct book_entry *entry;
	struct domain_lookup *l;
	struct facts *facts;
	const char *why;

	facts = facts_parse(record, &why);
	if (facts == NULL) {
		log_error("the scout's answer cannot be read: reason=%s", why);
		return;
	}
	/* What the merge carried over was learned before. */
	if (facts->learned_at >= lookups->unanswered_since)
		lookups->unanswered_since = 0;
	entry = domain_book_add(front->book, hop_name(&facts->hop, name));
	note_decision(front, facts, entry, false);
	take_facts(lookups, entry, facts);
	share_facts(lookups, facts);
	l = entry->lookup;
	if (l != NULL && l->step == STEP_SCOUT && l->number == number) {
		front->counters.lookups_answered++;
		latency_add(&front->counters.lookup_latency,
		    clock_monotonic_ms() - l->sent_ms);
		lookup_finish(l);
	}
	facts_free(facts);
}

void
domain_lookups_on_seen(struct front *front, uint64_t number, unsigned count)
{
	struct domain_lookup *l;

	LIST_FOREACH(l, &front->lookups->all, next)
		if (l->step == STEP_HOSTS && l->number == number)
			break;
	if (l == NULL)
		return;
	l->hosts_left -= count < l->hosts_left ? count : l->hosts_left;
	if (l->hosts_left == 0)
		lookup_on_hosts(l);
}

void
domain_lookups_on_change(struct domain_lookups *lookups,
    const struct cache_change *change)
{
	char name[NEXT_HOP_TEXT_SIZE];
	struct book_entry *entry = domain_book_find(lookups->front->book,
	    hop_name(&change->hop, name));

	if (entry == NULL)
		return;
	switch (change->kind) {
	case CACHE_CHANGED:
		domain_lookup_start(lookups, entry, &change->hop,
		    DOMAIN_LOOKUP_SYNC);
		break;
	case CACHE_FORGOTTEN:
		domain_lookups_forget(lookups, &change->hop, false);
		break;
	case CACHE_FORGOTTEN_POLICY:
		domain_lookups_forget(lookups, &change->hop, true);
		break;
	}
}

/* The next hop that an entry's name tells. */
static void
entry_hop(const struct book_entry *entry, struct next_hop *out)
{
	const char *why;

	next_hop_parse((struct text){ entry->name, entry->name_len }, out,
	    &why);
}

static void
write_back_entry(struct book_entry *entry, void *arg)
{
	struct domain_lookups *lookups = arg;
	struct next_hop hop;
	struct buffer record;
	struct facts *facts;
	int64_t left_s;

	if (!entry->has_policy)
		return;
	entry_hop(entry, &hop);
	facts = domain_book_facts(entry, &hop);
	left_s = facts_end(facts, stale_ttl_s(lookups)) - clock_now_s();
	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	facts_format(facts, &record);
	if (left_s > 0)
		cache_async_write_back(lookups->front->cache, &hop,
		    text_of(buffer_text(&record)), left_s);
	buffer_clear(&record);
	facts_free(facts);
}

/* A few at a time: the link's queue is bounded, and others ask meanwhile. */
static void
on_write_back(evutil_socket_t fd, short events, void *arg)
{
	struct domain_lookups *lookups = arg;
	struct timeval pause = { 0, WRITE_BACK_MS * 1000 };

	(void)fd;
	(void)events;
	domain_book_sweep(lookups->front->book, &lookups->write_back_cursor,
	    WRITE_BACK_SLOTS, write_back_entry, lookups);
	lookups->write_back_left -= lookups->write_back_left <
	    WRITE_BACK_SLOTS ? lookups->write_back_left : WRITE_BACK_SLOTS;
	if (lookups->write_back_left > 0)
		event_add(lookups->write_back, &pause);
}

void
domain_lookups_write_back(struct domain_lookups *lookups)
{
	struct timeval pause = { 0, WRITE_BACK_MS * 1000 };

	lookups->write_back_left = domain_book_slots(lookups->front->book);
	event_add(lookups->write_back, &pause);
}

void
domain_lookups_forget(struct domain_lookups *lookups,
    const struct next_hop *hop, bool forgets_policy)
{
	struct front *front = lookups->front;
	char name[NEXT_HOP_TEXT_SIZE];
	struct book_entry *entry = domain_book_find(front->book,
	    hop_name(hop, name));
	struct facts *facts;

	if (entry == NULL)
		return;
	facts = front_facts(entry, hop);
	if (!forgets_policy && facts->has_policy &&
	    clock_now_s() < facts->expires_at) {
		facts_keep_policy(facts);
		domain_book_set(front->book, entry, facts,
		    stale_ttl_s(lookups));
	} else if (domain_book_is_free(entry))
		domain_book_remove(front->book, entry);
	else
		domain_book_clear(front->book, entry);
	facts_free(facts);
}

/* ---------------------------------------------------------------- the clock */

/* Policies are refreshed ahead of their expiry, whoever asks for them. */
static void
sweep_entry(struct book_entry *entry, void *arg)
{
	struct domain_lookups *lookups = arg;
	int64_t now = clock_now_s();
	struct next_hop hop;

	if (!domain_book_is_free(entry) || now < entry->due_at)
		return;
	entry_hop(entry, &hop);
	if (domain_book_is_over(entry, &hop, stale_ttl_s(lookups), now)) {
		domain_book_remove(lookups->front->book, entry);
		return;
	}
	entry->due_at = book_time_of(now + REFETCH_PAUSE_S);
	if (!entry->has_policy)
		return;
	domain_lookup_start(lookups, entry, &hop, DOMAIN_LOOKUP_REFETCH);
}

static void
check_answers(struct domain_lookups *lookups)
{
	struct front *front = lookups->front;
	bool nobody = lookups->unanswered_since != 0 &&
	    clock_now_s() - lookups->unanswered_since >= NOBODY_ANSWERS_S;

	if (nobody == front->site.answers_nobody)
		return;
	front->site.answers_nobody = nobody;
	front->generation++;
	if (nobody)
		log_error("no lookup was answered for %d s: unknown domains "
		    "get NOTFOUND; look at the resolver and at hopseal "
		    "status", NOBODY_ANSWERS_S);
	else
		log_info("lookups are answered again");
}

static void
on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct domain_lookups *lookups = arg;
	size_t slots = domain_book_slots(lookups->front->book) / SWEEP_ROUNDS;

	(void)fd;
	(void)events;
	check_answers(lookups);
	front_check_breaker(lookups->front);
	domain_book_sweep(lookups->front->book, &lookups->cursor,
	    slots > SLOTS_AT_LEAST ? slots : SLOTS_AT_LEAST, sweep_entry,
	    lookups);
}

struct domain_lookups *
domain_lookups_new(struct front *front)
{
	struct domain_lookups *lookups = xcalloc(1, sizeof(*lookups));
	struct timeval interval = { 1, 0 };

	lookups->front = front;
	LIST_INIT(&lookups->all);
	LIST_INIT(&lookups->site_waiting);
	lookups->tick = event_new(front->child->base, -1, EV_PERSIST, on_tick,
	    lookups);
	lookups->write_back = event_new(front->child->base, -1, 0,
	    on_write_back, lookups);
	assert(lookups->tick != NULL && lookups->write_back != NULL);
	event_add(lookups->tick, &interval);
	return lookups;
}

/* Nobody waits any more: the clients are gone before. */
void
domain_lookups_free(struct domain_lookups *lookups)
{
	struct domain_lookup *l;

	if (lookups == NULL)
		return;
	while ((l = LIST_FIRST(&lookups->all)) != NULL) {
		LIST_REMOVE(l, next);
		l->entry->lookup = NULL;
		event_free(l->deadline);
		free(l);
	}
	event_free(lookups->tick);
	event_free(lookups->write_back);
	free(lookups);
}

bool
domain_lookups_scout_is_here(const struct domain_lookups *lookups)
{
	return child_peer(lookups->front->child, ROLE_SCOUT) != NULL;
}

size_t
domain_lookups_count(const struct domain_lookups *lookups)
{
	return lookups->count;
}
