/*
 * What the admin asks through the clerk.  The very functions that answer
 * Postfix make the texts that an explanation shows.
 */

#include "policyd/front/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/front/access_service.h"
#include "policyd/front/breaker.h"
#include "policyd/front/cache_async.h"
#include "policyd/front/client.h"
#include "policyd/front/domain_lookup.h"
#include "policyd/front/map_service.h"
#include "policyd/front/state.h"
#include "policyd/process/child.h"
#include "policyd/process/control_message.h"
#include "shared/io/clock.h"
#include "shared/postfix/socketmap.h"
#include "shared/xalloc.h"

#define LOOKUP_WAIT_MS	11000	/* and hosts; the clerk gives up after 18 s */
#define HOSTS_WAIT_MS	6000
#define PAYLOAD_MAX	(2 * 1024 * 1024)

struct question {
	struct domain_wait	 wait;
	struct front		*front;
	uint64_t		 number;
	struct control_question	 asked;
	int64_t			 asked_at;
	bool			 waits_for_hosts;
};

static void
send_answer(struct front *front, uint64_t number, const struct buffer *payload)
{
	struct channel *clerk = child_peer(front->child, ROLE_CLERK);

	if (clerk != NULL)
		channel_send(clerk, MESSAGE_ANSWER, number,
		    (struct text){ buffer_text(payload), payload->len });
}

/* --------------------------------------------------------------- explain */

static void
send_explanation(struct front *front, uint64_t number,
    const struct next_hop *hop, const struct book_entry *entry,
    const char *source, const char *error)
{
	struct facts *facts = front_facts(entry, hop);
	bool is_known = entry != NULL && entry->record != NULL;
	struct control_explanation e = { .site = front->site,
	    .source = text_of(source), .error = text_of(error),
	    .breaker = text_of(breaker_words(front->breaker)) };
	struct tls_decision decision;
	struct buffer record, replies[MAP_NAME_COUNT], access, payload;
	enum map_name name;

	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	if (is_known)
		facts_format(facts, &record);
	e.facts = text_of(buffer_text(&record));
	for (name = 0; name < MAP_NAME_COUNT; name++) {
		buffer_init(&replies[name], SOCKETMAP_REPLY_MAX);
		map_service_answer(front, hop, facts, name, &replies[name]);
	}
	buffer_init(&access, 4096);
	front_decide(front, facts, &decision);
	access_service_answer(&decision, &access);
	e.query = text_of(buffer_text(&replies[MAP_QUERY]));
	e.query_with_tlsrpt = text_of(buffer_text(&replies[MAP_QUERY_TLSRPT]));
	e.access = text_of(buffer_text(&access));
	buffer_init(&payload, PAYLOAD_MAX);
	control_explanation_format(&e, &payload);
	send_answer(front, number, &payload);
	buffer_clear(&payload);
	buffer_clear(&access);
	buffer_clear(&record);
	for (name = 0; name < MAP_NAME_COUNT; name++)
		buffer_clear(&replies[name]);
	facts_free(facts);
}

static void
send_outcome(struct front *front, uint64_t number, bool is_done,
    const char *words)
{
	struct control_outcome outcome = { is_done, text_of(words) };
	struct buffer payload;

	buffer_init(&payload, PAYLOAD_MAX);
	control_outcome_format(&outcome, &payload);
	send_answer(front, number, &payload);
	buffer_clear(&payload);
}

/* What is older than the question was learned by another host. */
static const char *
source_word(const struct book_entry *entry, int64_t asked_at)
{
	if (entry->record == NULL)
		return "none";
	return entry->looked_at < asked_at ? "redis" : "lookup";
}

static void	on_lookup(struct book_entry *entry, bool is_late, void *arg);

/* A host that takes its time is unknown for now. */
static void
on_hosts(struct book_entry *entry, bool is_late, void *arg)
{
	(void)is_late;
	on_lookup(entry, false, arg);
}

static void
on_lookup(struct book_entry *entry, bool is_late, void *arg)
{
	struct question *q = arg;

	if (!is_late && !q->waits_for_hosts &&
	    domain_lookup_start(q->front->lookups, entry, &q->asked.hop,
	    DOMAIN_LOOKUP_HOSTS)) {
		q->waits_for_hosts = true;
		domain_wait_start(q->front->lookups, &q->wait, entry,
		    HOSTS_WAIT_MS, on_hosts, q);
		return;
	}
	if (q->asked.command == CONTROL_REFRESH)
		send_outcome(q->front, q->number, !is_late, is_late ?
		    "the lookup goes on, it takes longer than 11 s" : "");
	else
		send_explanation(q->front, q->number, &q->asked.hop, entry,
		    source_word(entry, q->asked_at), is_late ?
		    "the lookup goes on, it takes longer than 11 s" : "");
	free(q);
}

static void
wait_for(struct front *front, uint64_t number,
    const struct control_question *asked, struct book_entry *entry)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->front = front;
	q->number = number;
	q->asked = *asked;
	q->asked_at = clock_now_s();
	domain_wait_start(front->lookups, &q->wait, entry, LOOKUP_WAIT_MS,
	    on_lookup, q);
}

static void
explain(struct front *front, uint64_t number,
    const struct control_question *asked)
{
	char key[NEXT_HOP_TEXT_SIZE];
	struct text name = text_of(next_hop_format(&asked->hop, key));
	struct book_entry *entry = domain_book_find(front->book, name);

	if (entry != NULL && entry->record != NULL &&
	    clock_now_s() < entry->refresh_at &&
	    domain_lookup_start(front->lookups, entry, &asked->hop,
	    DOMAIN_LOOKUP_HOSTS)) {
		wait_for(front, number, asked, entry);
		return;
	}
	if ((entry != NULL && entry->record != NULL &&
	    clock_now_s() < entry->refresh_at) ||
	    front_is_private(front, asked->hop.name)) {
		send_explanation(front, number, &asked->hop, entry,
		    entry != NULL ? "memory" : "none", "");
		return;
	}
	entry = domain_book_add(front->book, name);
	if (domain_lookup_start(front->lookups, entry, &asked->hop,
	    DOMAIN_LOOKUP_ASKED) &&
	    (domain_lookups_scout_is_here(front->lookups) ||
	    entry->record == NULL))
		wait_for(front, number, asked, entry);
	else {
		send_explanation(front, number, &asked->hop, entry, "memory",
		    "the scout is away or too many lookups are under way");
		domain_book_remove_empty(front->book, entry);
	}
}

static void
refresh(struct front *front, uint64_t number,
    const struct control_question *asked)
{
	char key[NEXT_HOP_TEXT_SIZE];
	struct book_entry *entry = domain_book_add(front->book,
	    text_of(next_hop_format(&asked->hop, key)));

	if (domain_lookup_start(front->lookups, entry, &asked->hop,
	    DOMAIN_LOOKUP_REFRESH))
		wait_for(front, number, asked, entry);
	else {
		send_outcome(front, number, false,
		    "too many lookups are under way");
		domain_book_remove_empty(front->book, entry);
	}
}

static void
forget(struct front *front, uint64_t number,
    const struct control_question *asked)
{
	char key[NEXT_HOP_TEXT_SIZE];
	struct text name = text_of(next_hop_format(&asked->hop, key));
	const struct book_entry *entry;
	struct facts *facts;
	struct buffer record;

	domain_lookups_forget(front->lookups, &asked->hop,
	    asked->forgets_policy);
	entry = domain_book_find(front->book, name);
	facts = front_facts(entry, &asked->hop);
	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	if (entry != NULL && entry->record != NULL)
		facts_format(facts, &record);
	cache_async_forget(front->cache, &asked->hop,
	    text_of(buffer_text(&record)), facts_end(facts,
	    front->settings->config->stale_ttl_s) - clock_now_s());
	buffer_clear(&record);
	facts_free(facts);
	send_outcome(front, number, true, "");
}

static void
clear(struct front *front, uint64_t number)
{
	char words[BREAKER_WORDS_SIZE];

	text_quote(words, sizeof(words),
	    text_of(breaker_words(front->breaker)));
	front_clear_breaker(front);
	send_outcome(front, number, true, words);
}

/* ---------------------------------------------------------------- status */

static void
add_part(struct buffer *out, const char *name, enum control_state state,
    const char *detail, const char *advice)
{
	struct control_part part = { text_of(name), state, text_of(detail),
	    text_of(advice) };

	control_part_format(&part, out);
}

static void
add_counter(struct buffer *out, const char *name, uint64_t value)
{
	struct control_counter counter = { text_of(name), value };

	control_counter_format(&counter, out);
}

static void
add_redis(struct front *front, struct buffer *out)
{
	const struct redis_link_counters *counters =
	    cache_async_counters(front->cache);
	const char *address = front->settings->config->redis;
	char detail[600], replicas[100] = "";

	if (address[0] == '\0') {
		add_part(out, "redis", CONTROL_WARNING, "off: memory only, a "
		    "restart forgets all policies", "set redis = unix:PATH "
		    "or redis://HOST:PORT");
		return;
	}
	if (counters->replicas > 0)
		snprintf(replicas, sizeof(replicas), ", replicas: %llu, at "
		    "most %llu bytes behind",
		    (unsigned long long)counters->replicas,
		    (unsigned long long)counters->lag_bytes);
	if (cache_async_is_up(front->cache)) {
		snprintf(detail, sizeof(detail), "%s, up and writable%s, the "
		    "last answer took %lld ms", address, replicas,
		    (long long)counters->last_took_ms);
		add_part(out, "redis", CONTROL_OK, detail, "");
		return;
	}
	snprintf(detail, sizeof(detail), "%s, %s: %s", address,
	    cache_async_state_name(front->cache),
	    cache_async_reason(front->cache));
	add_part(out, "redis", CONTROL_BAD, detail, "start Redis or mend the "
	    "option redis; until then answers come from memory");
}

static void
add_cache(struct front *front, struct buffer *out)
{
	struct domain_book_counters book = domain_book_count(front->book);
	char detail[200];

	snprintf(detail, sizeof(detail), "%llu domains, %llu KiB, %zu lookups "
	    "under way, %zu connections",
	    (unsigned long long)book.entries,
	    (unsigned long long)book.bytes / 1024,
	    domain_lookups_count(front->lookups),
	    clients_count(front->clients));
	add_part(out, "cache", CONTROL_OK, detail, "");
	if (front->site.answers_nobody)
		add_part(out, "lookups", CONTROL_BAD, "no lookup was answered "
		    "for a minute", "look at the resolver: unknown domains "
		    "get no policy meanwhile");
	add_counter(out, "cache_entries", book.entries);
	add_counter(out, "cache_bytes", book.bytes);
	add_counter(out, "cache_evicted", book.evicted);
}

static void
add_breaker(struct front *front, struct buffer *out)
{
	char detail[BREAKER_WORDS_SIZE + 40];

	if (breaker_state(front->breaker) == BREAKER_CLOSED) {
		add_part(out, "breaker", CONTROL_OK, "closed", "");
		return;
	}
	snprintf(detail, sizeof(detail), "open, nothing is deferred or held: "
	    "%s", breaker_words(front->breaker));
	add_part(out, "breaker", CONTROL_BAD, detail,
	    breaker_advice(front->breaker));
}

static void
add_latency(struct buffer *out, const char *prefix, const struct latency *l)
{
	char name[64];
	unsigned i;

	for (i = 0; i < LATENCY_BUCKETS; i++)
		add_counter(out, latency_name(prefix, i, name, sizeof(name)),
		    l->counts[i]);
	snprintf(name, sizeof(name), "%s_took_ms", prefix);
	add_counter(out, name, l->took_ms);
}

static void
add_probes(struct buffer *out, const struct front_counters *c)
{
	char name[64];
	int f;

	for (f = FINDING_OK; f < FINDING_COUNT; f++) {
		snprintf(name, sizeof(name), "probes_%s", finding_name(f));
		add_counter(out, name, c->probes[f]);
	}
}

static void
status(struct front *front, uint64_t number)
{
	const struct front_counters *c = &front->counters;
	const struct redis_link_counters *redis =
	    cache_async_counters(front->cache);
	struct buffer out;

	buffer_init(&out, PAYLOAD_MAX);
	add_redis(front, &out);
	add_cache(front, &out);
	add_breaker(front, &out);
	add_counter(&out, "map_requests", c->map_requests);
	add_counter(&out, "map_found", c->map_found);
	add_counter(&out, "map_not_found", c->map_not_found);
	add_counter(&out, "map_temporary", c->map_temporary);
	add_counter(&out, "map_permanent", c->map_permanent);
	add_counter(&out, "access_requests", c->access_requests);
	add_counter(&out, "access_dunno", c->access_dunno);
	add_counter(&out, "access_deferred", c->access_deferred);
	add_counter(&out, "access_held", c->access_held);
	add_counter(&out, "access_rejected", c->access_rejected);
	add_counter(&out, "bad_requests", c->bad_requests);
	add_counter(&out, "memory_hits", c->memory_hits);
	add_counter(&out, "cache_hits", c->cache_hits);
	add_counter(&out, "lookups", c->lookups);
	add_counter(&out, "lookups_answered", c->lookups_answered);
	add_counter(&out, "lookups_failed", c->lookups_failed);
	add_counter(&out, "redis_asked", redis->asked);
	add_counter(&out, "redis_failed", redis->failed);
	add_counter(&out, "redis_answered", redis->asked - redis->failed);
	if (front->settings->config->redis[0] != '\0') {
		add_counter(&out, "redis_up", cache_async_is_up(front->cache));
		add_counter(&out, "redis_last_ms",
		    (uint64_t)redis->last_took_ms);
	}
	add_counter(&out, "breaker_open",
	    breaker_state(front->breaker) != BREAKER_CLOSED);
	add_counter(&out, "connections", clients_count(front->clients));
	add_latency(&out, "map", &c->map_latency);
	add_latency(&out, "access", &c->access_latency);
	add_latency(&out, "lookup", &c->lookup_latency);
	add_probes(&out, c);
	send_answer(front, number, &out);
	buffer_clear(&out);
}

static void
send_site(struct front *front, uint64_t number)
{
	struct buffer payload;

	buffer_init(&payload, PAYLOAD_MAX);
	control_site_format(&front->site, &payload);
	send_answer(front, number, &payload);
	buffer_clear(&payload);
}

void
question_answer(struct front *front, const struct frame *frame)
{
	struct control_question asked;

	if (!control_question_parse(frame->payload, &asked))
		return;
	switch (asked.command) {
	case CONTROL_EXPLAIN:
		explain(front, frame->number, &asked);
		break;
	case CONTROL_REFRESH:
		refresh(front, frame->number, &asked);
		break;
	case CONTROL_FORGET:
		forget(front, frame->number, &asked);
		break;
	case CONTROL_STATUS:
		status(front, frame->number);
		break;
	case CONTROL_SITE:
		send_site(front, frame->number);
		break;
	case CONTROL_CLEAR:
		clear(front, frame->number);
		break;
	case CONTROL_RULES:
	case CONTROL_RELOAD:
	case CONTROL_REPORT:
	case CONTROL_ROUTE:
	case CONTROL_RECEIVED:
	case CONTROL_OWN_PROMISES:
	case CONTROL_TEST_ALERT:
	case CONTROL_CERTIFICATES:
		break;
	}
}
