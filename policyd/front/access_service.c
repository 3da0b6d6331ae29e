/*
 * The access policy service.  A stranger's request is answered from what is
 * known and starts nothing: only our own users make us look up or wait.
 */

#include "policyd/front/access_service.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/front/domain_lookup.h"
#include "policyd/front/state.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/postfix/access_request.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define INSTANCES_KEPT 1024	/* a power of two */

/* A request that waits for a lookup. */
struct access_wait {
	struct domain_wait	 wait;
	struct front		*front;
	struct client		*client;
	struct next_hop		 hop;
	uint64_t		 instance;
	int64_t			 since_ms;
};

/* How long each message has waited so far; an overwritten one waits anew. */
static struct {
	uint64_t	instance;
	unsigned	waited_ms;
} instances[INSTANCES_KEPT];

static uint64_t
instance_hash(struct text instance)
{
	static const struct siphash_key key = { 1, 2 };

	return siphash(&key, instance.data, instance.len);
}

static unsigned
waited_ms(uint64_t instance)
{
	size_t slot = instance & (INSTANCES_KEPT - 1);

	return instances[slot].instance == instance ?
	    instances[slot].waited_ms : 0;
}

static void
add_waited_ms(uint64_t instance, int64_t ms)
{
	size_t slot = instance & (INSTANCES_KEPT - 1);
	unsigned before = waited_ms(instance);

	instances[slot].instance = instance;
	instances[slot].waited_ms = before + (unsigned)ms;
}

/* --------------------------------------------------------------- answering */

int64_t
access_service_answer(struct front *front, const struct facts *facts,
    struct buffer *out)
{
	struct tls_decision d;

	front_decide(front, facts, &d);
	switch (d.action) {
	case RULE_ACTION_DEFER:
		buffer_addf(out, "DEFER_IF_PERMIT 4.7.5 %s", d.reason);
		break;
	case RULE_ACTION_HOLD:
		buffer_addf(out, "HOLD held, %s", d.reason);
		break;
	case RULE_ACTION_UNSET:
	case RULE_ACTION_OFF:
	case RULE_ACTION_LOG:
	case RULE_ACTION_TAG:		/* the milter's */
	case RULE_ACTION_REJECT:	/* never for what goes out */
		buffer_add_text(out, "DUNNO");
		break;
	}
	return d.valid_until;
}

static void
let_pass(struct front *front, struct buffer *reply)
{
	front->counters.access_dunno++;
	buffer_add_text(reply, "action=DUNNO\n\n");
}

static void
stop(struct front *front, const struct next_hop *hop, const char *action,
    struct buffer *reply)
{
	if (action[0] == 'H')
		front->counters.access_held++;
	else
		front->counters.access_deferred++;
	log_info("intake: domain=%s, action=%s", hop->name, action);
	access_reply_format(reply, text_of(action));
}

/* From what is known of hop, perhaps nothing. */
static void
answer_hop(struct front *front, struct book_entry *entry,
    const struct next_hop *hop, struct buffer *reply)
{
	struct facts *facts = front_facts(entry, hop);
	struct buffer action;
	int64_t valid_until;

	buffer_init(&action, ACCESS_REPLY_LINE_MAX * 2);
	valid_until = access_service_answer(front, facts, &action);
	if (strcmp(buffer_text(&action), "DUNNO") != 0)
		stop(front, hop, buffer_text(&action), reply);
	else {
		let_pass(front, reply);
		if (entry != NULL && entry->record != NULL) {
			front_date_replies(front, entry, valid_until);
			entry->lets_pass = true;
		}
	}
	buffer_clear(&action);
	facts_free(facts);
}

/* ---------------------------------------------------------------- waiting */

static void
access_on_lookup(struct book_entry *entry, bool is_late, void *arg)
{
	struct access_wait *w = arg;
	struct client *client = w->client;
	struct buffer reply;

	(void)is_late;
	add_waited_ms(w->instance, clock_monotonic_ms() - w->since_ms);
	buffer_init(&reply, ACCESS_REPLY_LINE_MAX * 2);
	answer_hop(w->front, entry, &w->hop, &reply);
	client_set_wait(client, NULL);
	free(w);
	client_answer(client, (struct text){ reply.data, reply.len });
	buffer_clear(&reply);
}

static void
access_on_gone(struct client *client, void *arg)
{
	struct access_wait *w = client_wait(client);

	(void)arg;
	domain_wait_cancel(&w->wait);
	free(w);
}

static void
wait_for_lookup(struct front *front, struct client *client,
    struct book_entry *entry, const struct next_hop *hop, uint64_t instance,
    unsigned ms)
{
	struct access_wait *w = xcalloc(1, sizeof(*w));

	w->front = front;
	w->client = client;
	w->hop = *hop;
	w->instance = instance;
	w->since_ms = clock_monotonic_ms();
	client_set_wait(client, w);
	domain_wait_start(front->lookups, &w->wait, entry, ms,
	    access_on_lookup, w);
}

/* --------------------------------------------------------------- requests */

/* SASL users and clients of our own networks: for them we look things up. */
static bool
is_own_client(const struct front *front, const struct access_request *request)
{
	struct address client;

	return request->sasl_username.len > 0 ||
	    (address_parse(request->client_address, &client) &&
	    network_list_contains(front->own_networks, &client));
}

/* What stands behind the last "@"; empty when there is none. */
static struct text
domain_of(struct text recipient)
{
	const char *at = memrchr(recipient.data, '@', recipient.len);
	size_t skip = at == NULL ? recipient.len :
	    (size_t)(at - recipient.data) + 1;

	return (struct text){ recipient.data + skip, recipient.len - skip };
}

/* The way of nearly all requests: known, and nothing stops it. */
static bool
is_known_to_pass(const struct front *front, struct text domain)
{
	const struct book_entry *entry = domain_book_find(front->book, domain);
	int64_t now = clock_now_s();

	return entry != NULL && entry->lets_pass && now < entry->refresh_at &&
	    front_replies_hold(front, entry, now);
}

/* The recipient's next hop; NONE where there is nothing to judge. */
static void
recipient_hop(const struct front *front, struct text domain,
    struct next_hop *out)
{
	const char *why;

	next_hop_parse(domain, out, &why);
	if (out->kind != NEXT_HOP_DOMAIN ||
	    front_is_private(front, out->name) ||
	    front_owns_domain(front, out->name))
		out->kind = NEXT_HOP_NONE;
}

/* Whether facts could make a difference to this recipient at all. */
static bool
rule_may_stop_mail(const struct domain_rule *rule)
{
	return rule != NULL && (rule->action == RULE_ACTION_DEFER ||
	    rule->action == RULE_ACTION_HOLD);
}

static enum client_step
judge_recipient(struct front *front, struct client *client,
    const struct access_request *request, const struct next_hop *hop,
    struct buffer *reply)
{
	const struct config *config = front->settings->config;
	const struct domain_rule *rule = domain_rules_match(
	    front->settings->rules, hop->name, RULE_OUT, clock_now_s());
	bool is_own = is_own_client(front, request);
	char key[NEXT_HOP_TEXT_SIZE];
	struct text key_text = text_of(next_hop_format(hop, key));
	uint64_t instance = instance_hash(request->instance);
	unsigned waited = waited_ms(instance);
	struct book_entry *entry;

	if (!is_own && (rule == NULL || rule->clients != RULE_CLIENTS_ALL)) {
		let_pass(front, reply);
		return CLIENT_ANSWERED;
	}
	entry = domain_book_find(front->book, key_text);
	if (is_own && (entry == NULL || entry->record == NULL ||
	    clock_now_s() >= entry->refresh_at)) {
		entry = domain_book_add(front->book, key_text);
		if (domain_lookup_start(front->lookups, entry, hop,
		    DOMAIN_LOOKUP_ASKED) && entry->record == NULL &&
		    rule_may_stop_mail(rule) &&
		    waited < config->first_contact_wait_ms) {
			wait_for_lookup(front, client, entry, hop, instance,
			    config->first_contact_wait_ms - waited);
			return CLIENT_WAITS;
		}
	}
	answer_hop(front, entry, hop, reply);
	if (entry != NULL)
		domain_book_remove_empty(front->book, entry);
	return CLIENT_ANSWERED;
}

static enum client_step
access_on_bytes(struct client *client, struct text bytes, size_t *used,
    struct buffer *reply, void *arg)
{
	struct front *front = arg;
	struct access_request request;
	struct text domain;
	struct next_hop hop;
	const char *why;

	switch (access_request_parse(bytes.data, bytes.len, &request, used,
	    &why)) {
	case ACCESS_REQUEST_MORE:
		return CLIENT_MORE;
	case ACCESS_REQUEST_BAD:
		front->counters.bad_requests++;
		log_warn("bad request, connection closed: service=access, "
		    "reason=%s", why);
		return CLIENT_BAD;
	case ACCESS_REQUEST_DONE:
		break;
	}
	front->counters.access_requests++;
	domain = domain_of(request.recipient);
	hop.kind = NEXT_HOP_NONE;
	if (text_equals(request.protocol_state, "RCPT") &&
	    front->settings->config->recipient_judge == CONFIG_JUDGE_ACCESS &&
	    !is_known_to_pass(front, domain))
		recipient_hop(front, domain, &hop);
	if (hop.kind == NEXT_HOP_NONE) {
		let_pass(front, reply);
		return CLIENT_ANSWERED;
	}
	return judge_recipient(front, client, &request, &hop, reply);
}

const struct service *
access_service(struct front *front)
{
	static struct service service = { "access", access_on_bytes,
	    access_on_gone, NULL };

	service.arg = front;
	return &service;
}
