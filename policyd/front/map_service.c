/*
 * The TLS policy map.  A known answer is a netstring that lies ready in the
 * book; everything else is made here, checked by Postfix's own grammar, and
 * put there.
 */

#include "policyd/front/map_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/front/domain_lookup.h"
#include "policyd/front/feedback.h"
#include "policyd/front/state.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/postfix/map_reply_check.h"
#include "shared/postfix/socketmap.h"
#include "shared/xalloc.h"

#define STALE_WAIT_MS	1000	/* for fresh facts when old ones are known */
#define QUERY_VERSION	304	/* QUERY is for any Postfix from 3.4 */
#define TLSRPT_VERSION	310	/* QUERYwithTLSRPT is for 3.10 and later */

/* A request that waits for a lookup. */
struct map_wait {
	struct domain_wait	 wait;
	struct front		*front;
	struct client		*client;
	struct next_hop		 hop;
	enum map_name		 name;
};

static void
count_reply(struct front *front, const char *payload)
{
	switch (payload[0]) {
	case 'O':
		front->counters.map_found++;
		break;
	case 'N':
		front->counters.map_not_found++;
		break;
	case 'T':
		front->counters.map_temporary++;
		break;
	default:
		front->counters.map_permanent++;
		break;
	}
}

/* One that Postfix would not take is our bug, and must not stop mail for good. */
static void
check_reply(const struct next_hop *hop, enum map_name name, struct buffer *out)
{
	struct map_reply reply;
	const char *why;

	if (!out->is_overfull && map_reply_check((struct text){ out->data,
	    out->len }, name == MAP_QUERY ? QUERY_VERSION : TLSRPT_VERSION,
	    &reply, &why) == 0) {
		map_reply_clear(&reply);
		return;
	}
	log_error("reply fails Postfix's grammar, please report: domain=%s, "
	    "reason=%s, reply=%s", hop->name,
	    out->is_overfull ? "too long" : why, buffer_text(out));
	buffer_reset(out);
	buffer_addf(out, "TEMP internal error: the reply for %s failed its "
	    "own check, see the log of hopseal-policyd", hop->name);
}

int64_t
map_service_answer(struct front *front, const struct next_hop *hop,
    const struct facts *facts, enum map_name name, struct buffer *out)
{
	struct tls_decision decision;

	front_decide(front, facts, &decision);
	if (front_is_private(front, hop->name) &&
	    decision.kind != TLS_POLICY_RULE)
		buffer_add_text(out, "NOTFOUND ");
	else
		map_reply_format(&decision, facts, name, out);
	check_reply(hop, name, out);
	return decision.valid_until;
}

/* -------------------------------------------------------- ready replies */

/* Adds the reply that lies ready; false when none does. */
static bool
add_ready(struct front *front, const struct book_entry *entry,
    enum map_name name, int64_t now, struct buffer *out)
{
	const char *reply = domain_book_reply(entry, name);

	if (reply == NULL || !front_replies_hold(front, entry, now))
		return false;
	/* "8:OK ..." or "9:NOTFOUND ,": the word behind the colon */
	count_reply(front, strchr(reply, ':') + 1);
	buffer_add_text(out, reply);
	return true;
}

/*
 * Makes the reply of an entry, from known facts or their absence, and keeps it
 * ready.  A temporary one is made anew each time: what it waits for may come.
 */
static void
make_reply(struct front *front, struct book_entry *entry,
    const struct next_hop *hop, enum map_name name, struct buffer *netstring)
{
	struct facts *facts = front_facts(entry, hop);
	struct buffer payload;
	int64_t valid_until;

	buffer_init(&payload, SOCKETMAP_REPLY_MAX);
	valid_until = map_service_answer(front, hop, facts, name, &payload);
	count_reply(front, buffer_text(&payload));
	socketmap_format(netstring, (struct text){ payload.data, payload.len });
	if (entry != NULL && entry->record != NULL &&
	    !text_starts_with((struct text){ payload.data, payload.len },
	    "TEMP")) {
		feedback_tell_promise(front, facts);
		front_date_replies(front, entry, valid_until);
		domain_book_set_reply(front->book, entry, name,
		    buffer_text(netstring));
	}
	buffer_clear(&payload);
	facts_free(facts);
}

static void
add_reply(struct front *front, struct book_entry *entry,
    const struct next_hop *hop, enum map_name name, struct buffer *out)
{
	struct buffer netstring;

	if (entry != NULL && add_ready(front, entry, name, clock_now_s(), out))
		return;
	buffer_init(&netstring, SOCKETMAP_REPLY_MAX + 16);
	make_reply(front, entry, hop, name, &netstring);
	buffer_add(out, netstring.data, netstring.len);
	buffer_clear(&netstring);
}

/* ---------------------------------------------------------------- waiting */

/*
 * Just after a start it is not known yet whether Postfix can do DANE: that is
 * waited for, where the answer depends on it.
 */
static bool
depends_on_site(const struct front *front, const struct book_entry *entry,
    const struct next_hop *hop)
{
	struct tls_decision decision;
	struct facts *facts;

	if (front->site.dane != FACT_UNKNOWN || entry->record == NULL)
		return false;
	facts = front_facts(entry, hop);
	front_decide(front, facts, &decision);
	facts_free(facts);
	return decision.map == MAP_TEMPORARY || decision.has_warning;
}

static void
map_wait_end(struct map_wait *w, struct book_entry *entry)
{
	struct client *client = w->client;
	struct buffer out;

	buffer_init(&out, SOCKETMAP_REPLY_MAX + 16);
	add_reply(w->front, entry, &w->hop, w->name, &out);
	client_set_wait(client, NULL);
	free(w);
	client_answer(client, (struct text){ out.data, out.len });
	buffer_clear(&out);
}

static void
map_on_site(struct book_entry *entry, bool is_late, void *arg)
{
	(void)is_late;
	map_wait_end(arg, entry);
}

static void
map_wait_for_site(struct map_wait *w, struct book_entry *entry)
{
	domain_wait_for_site(w->front->lookups, &w->wait, entry,
	    w->front->settings->config->map_deadline_ms, map_on_site, w);
}

static void
map_on_lookup(struct book_entry *entry, bool is_late, void *arg)
{
	struct map_wait *w = arg;

	if (is_late && entry->record == NULL)
		log_info("first lookup not finished in time: domain=%s",
		    entry->name);
	if (!is_late && depends_on_site(w->front, entry, &w->hop))
		map_wait_for_site(w, entry);
	else
		map_wait_end(w, entry);
}

static void
map_on_gone(struct client *client, void *arg)
{
	struct map_wait *w = client_wait(client);

	(void)arg;
	domain_wait_cancel(&w->wait);
	free(w);
}

static struct map_wait *
map_wait_new(struct front *front, struct client *client,
    const struct next_hop *hop, enum map_name name)
{
	struct map_wait *w = xcalloc(1, sizeof(*w));

	w->front = front;
	w->client = client;
	w->hop = *hop;
	w->name = name;
	client_set_wait(client, w);
	return w;
}

/* --------------------------------------------------------------- requests */

/* A rule that needs no facts, or a name that is looked up nowhere. */
static bool
needs_no_lookup(struct front *front, const struct next_hop *hop)
{
	const struct domain_rule *rule = domain_rules_match(
	    front->settings->rules, hop->name, RULE_OUT, clock_now_s());

	if (front_is_private(front, hop->name))
		return true;
	return rule != NULL && (rule->level != TLS_LEVEL_UNSET ||
	    (rule->action == RULE_ACTION_OFF && rule->min_tls == 0 &&
	    rule->require == RULE_REQUIRE_UNSET));
}

/*
 * The way of nearly all requests: Postfix asks in the one spelling, and what
 * lies ready needs no more than to be found.
 */
static bool
answer_at_once(struct front *front, struct text key, enum map_name name,
    struct buffer *reply)
{
	const struct book_entry *entry = domain_book_find(front->book, key);
	int64_t now = clock_now_s();

	if (entry == NULL || now >= entry->refresh_at || now >=
	    entry->synced_at + (int64_t)front->settings->config->l1_ttl_s ||
	    !add_ready(front, entry, name, now, reply))
		return false;
	front->counters.memory_hits++;
	return true;
}

static enum client_step
map_request(struct front *front, struct client *client,
    const struct next_hop *hop, enum map_name name, struct buffer *reply)
{
	const struct config *config = front->settings->config;
	char key[NEXT_HOP_TEXT_SIZE];
	struct text key_text = text_of(next_hop_format(hop, key));
	struct book_entry *entry = domain_book_find(front->book, key_text);
	int64_t now = clock_now_s();
	unsigned wait_ms = config->map_deadline_ms;
	struct map_wait *w;
	bool is_known;

	if (entry != NULL && entry->record != NULL &&
	    now < entry->refresh_at) {
		front->counters.memory_hits++;
		if (now >= entry->synced_at + (int64_t)config->l1_ttl_s) {
			entry->synced_at = book_time_of(now);
			domain_lookup_start(front->lookups, entry, hop,
			    DOMAIN_LOOKUP_SYNC);
		}
		if (depends_on_site(front, entry, hop)) {
			map_wait_for_site(map_wait_new(front, client, hop,
			    name), entry);
			return CLIENT_WAITS;
		}
		add_reply(front, entry, hop, name, reply);
		return CLIENT_ANSWERED;
	}
	if (needs_no_lookup(front, hop)) {
		add_reply(front, NULL, hop, name, reply);
		return CLIENT_ANSWERED;
	}
	entry = domain_book_add(front->book, key_text);
	is_known = !domain_book_is_over(entry, hop, config->stale_ttl_s, now);
	if (!domain_lookup_start(front->lookups, entry, hop,
	    DOMAIN_LOOKUP_ASKED) || (is_known &&
	    !domain_lookups_scout_is_here(front->lookups))) {
		add_reply(front, entry, hop, name, reply);
		domain_book_remove_empty(front->book, entry);
		return CLIENT_ANSWERED;
	}
	if (is_known && wait_ms > STALE_WAIT_MS)
		wait_ms = STALE_WAIT_MS;
	w = map_wait_new(front, client, hop, name);
	domain_wait_start(front->lookups, &w->wait, entry, wait_ms,
	    map_on_lookup, w);
	return CLIENT_WAITS;
}

static void
add_payload(struct front *front, const char *payload, struct buffer *reply)
{
	count_reply(front, payload);
	socketmap_format(reply, text_of(payload));
}

static void
add_unknown_map(struct front *front, struct text name, struct buffer *reply)
{
	char quoted[64], payload[160];

	snprintf(payload, sizeof(payload), "PERM unknown map \"%s\": use "
	    "QUERY, or QUERYwithTLSRPT from Postfix 3.10 on",
	    text_quote(quoted, sizeof(quoted), name));
	add_payload(front, payload, reply);
}

static enum client_step
map_on_bytes(struct client *client, struct text bytes, size_t *used,
    struct buffer *reply, void *arg)
{
	struct front *front = arg;
	struct socketmap_request request;
	struct next_hop hop;
	enum map_name name;
	const char *why;

	switch (socketmap_parse(bytes.data, bytes.len, &request, used, &why)) {
	case SOCKETMAP_MORE:
		return CLIENT_MORE;
	case SOCKETMAP_BAD:
		front_note_bad_request(front, "map", why);
		return CLIENT_BAD;
	case SOCKETMAP_DONE:
		break;
	}
	front->counters.map_requests++;
	if (!map_name_parse(request.map, &name)) {
		add_unknown_map(front, request.map, reply);
		return CLIENT_ANSWERED;
	}
	if (answer_at_once(front, request.key, name, reply))
		return CLIENT_ANSWERED;
	next_hop_parse(request.key, &hop, &why);
	if (hop.kind == NEXT_HOP_NONE) {
		add_payload(front, "NOTFOUND ", reply);
		return CLIENT_ANSWERED;
	}
	return map_request(front, client, &hop, name, reply);
}

const struct service *
map_service(struct front *front)
{
	static struct service service = { "map", map_on_bytes, map_on_gone,
	    NULL, NULL };

	service.arg = front;
	service.latency = &front->counters.map_latency;
	return &service;
}
