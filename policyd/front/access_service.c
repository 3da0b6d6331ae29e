/*
 * The access policy service.  A stranger's request is answered from what is
 * known and starts nothing: only our own users make us look up or wait.
 */

#include "policyd/front/access_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/front/domain_lookup.h"
#include "policyd/front/feedback.h"
#include "policyd/front/route_ask.h"
#include "policyd/front/state.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/policy/inbound_decision.h"
#include "shared/postfix/access_request.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define INSTANCES_KEPT 1024	/* a power of two */
/* Postfix puts our text into this line; a few words of it always fit. */
#define REPLY_FRAME	"450 4.7.0 <>: Recipient address rejected: \r\n"
#define REASON_MIN_SIZE	64

/* A recipient on its way to an answer. */
struct judging {
	struct front			*front;
	struct client			*client;
	const struct access_request	*request;
	struct route			 route;
	uint64_t			 instance;
	/* Of the next hops so far: how many, whether one lets the mail pass,
	   and what else Postfix would be told for the first. */
	size_t				 hop_at;
	bool				 passes;
	char				 action[ACCESS_REPLY_LINE_MAX * 2];
	struct access_wait		*wait;	/* that it stands in, or NULL */
};

/* One that waits: for the clerk's way, or for what is looked up of a hop. */
struct access_wait {
	struct judging		 judging;
	struct access_request	 request;	/* of bytes */
	char			*bytes;
	struct route_ask	 route_ask;
	struct domain_wait	 lookup;
	bool			 waits_for_route;
	int64_t			 since_ms;
};

/* How long each message has waited so far, and whether it was said that our
   certificate has ended; an overwritten one begins anew. */
static struct {
	uint64_t	instance;
	unsigned	waited_ms;
	bool		is_marked;
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

static size_t
slot_of(uint64_t instance)
{
	size_t slot = instance & (INSTANCES_KEPT - 1);

	if (instances[slot].instance != instance) {
		instances[slot].instance = instance;
		instances[slot].waited_ms = 0;
		instances[slot].is_marked = false;
	}
	return slot;
}

static void
add_waited_ms(uint64_t instance, int64_t ms)
{
	instances[slot_of(instance)].waited_ms += (unsigned)ms;
}

/* True once for each message. */
static bool
mark(uint64_t instance)
{
	size_t slot = slot_of(instance);
	bool is_first = !instances[slot].is_marked;

	instances[slot].is_marked = true;
	return is_first;
}

/* --------------------------------------------------------------- answering */

void
access_service_answer(const struct tls_decision *d, struct buffer *out)
{
	switch (d->action) {
	case RULE_ACTION_DEFER:
		buffer_addf(out, "DEFER_IF_PERMIT 4.7.5 %s", d->reason);
		break;
	case RULE_ACTION_HOLD:
		buffer_addf(out, "HOLD held, %s", d->reason);
		break;
	case RULE_ACTION_UNSET:
	case RULE_ACTION_OFF:
	case RULE_ACTION_LOG:
	case RULE_ACTION_TAG:		/* the milter's */
	case RULE_ACTION_REJECT:	/* never for what goes out */
		buffer_add_text(out, "DUNNO");
		break;
	}
}

static void
let_pass(struct front *front, struct buffer *reply)
{
	front->counters.access_dunno++;
	buffer_add_text(reply, "action=DUNNO\n\n");
}

/* ----------------------------------------------------- mail that comes in */

/* Whether a content filter hands back what was judged when it came. */
static bool
is_reinjected(const struct front *front, const struct access_request *request)
{
	struct text rest = text_of(front->settings->config->reinject_ports);
	struct text port;

	while (text_next_item(&rest, &port))
		if (port.len == request->server_port.len &&
		    memcmp(port.data, request->server_port.data, port.len) == 0)
			return true;
	return false;
}

/* A client of which nobody knows whether it is ours may be. */
static bool
may_be_ours(const struct judging *j)
{
	struct address client;

	return j->request->sasl_username.len > 0 ||
	    !address_parse(j->request->client_address, &client) ||
	    address_is_loopback(&client) ||
	    j->route.client_is_ours != FACT_ABSENT;
}

/* Empty is "none"; absent is a Postfix that cannot tell. */
static enum fact_state
session_tls(const struct front *front, const struct access_request *request)
{
	if (front->settings->config->inbound_tls ==
	    CONFIG_INBOUND_TLS_UNKNOWN ||
	    !access_request_has(request, request->encryption_protocol))
		return FACT_UNKNOWN;
	return request->encryption_protocol.len > 0 ? FACT_PRESENT :
	    FACT_ABSENT;
}

/*
 * Postfix sends a certificate's fingerprint in any case, its subject and issuer
 * only when the chain is trusted and the date is right: either of them proves
 * that it was verified.  The subject alone would not do, as a certificate may
 * have alternative names and no common name.
 */
static enum inbound_certificate
session_certificate(const struct access_request *request)
{
	if (request->ccert_issuer.len > 0 || request->ccert_subject.len > 0)
		return INBOUND_CERTIFICATE_TRUSTED;
	if (!access_request_has(request, request->ccert_issuer) ||
	    !access_request_has(request, request->ccert_fingerprint))
		return INBOUND_CERTIFICATE_UNKNOWN;
	return request->ccert_fingerprint.len > 0 ?
	    INBOUND_CERTIFICATE_UNTRUSTED : INBOUND_CERTIFICATE_NONE;
}

static void
log_inbound(const struct access_request *request,
    const struct inbound_decision *d)
{
	char name[HOST_NAME_SIZE], address[ADDRESS_TEXT_SIZE];

	log_info("inbound: domain=%s, client=%s[%s], line=%u, action=%s, "
	    "reason=%s", d->domain,
	    text_quote(name, sizeof(name), request->client_name),
	    text_quote(address, sizeof(address), request->client_address),
	    d->rule->line, rule_action_name(d->action), d->reason);
}

/*
 * The port on which it came in serves a certificate of ours that has ended:
 * who verifies has sent in clear, or not at all.  That keeps no mail back; with
 * "tag" it is marked, once, as the milter does it.
 */
static bool
is_told_of_our_end(const struct judging *j, struct buffer *reply)
{
	const struct config *config = j->front->settings->config;
	char name[HOST_NAME_SIZE], address[ADDRESS_TEXT_SIZE];
	bool is_tagged = config->local_cert_action == CONFIG_LOCAL_CERT_TAG;
	uint64_t port;

	if (config->inbound_tls == CONFIG_INBOUND_TLS_UNKNOWN ||
	    !text_parse_u64(j->request->server_port, UINT16_MAX, &port) ||
	    !cert_ends_is_past(&j->front->cert_ends, port, clock_now_s()) ||
	    !mark(j->instance))
		return false;
	log_info("inbound: client=%s[%s], port=%u, our-cert=expired, "
	    "action=%s", text_quote(name, sizeof(name),
	    j->request->client_name), text_quote(address, sizeof(address),
	    j->request->client_address), (unsigned)port,
	    is_tagged ? "tag" : "log");
	if (is_tagged)
		access_reply_format(reply, text_of("PREPEND "
		    INBOUND_HEADER ": " INBOUND_OUR_CERT));
	return is_tagged;
}

/* For our text, so that the line that the client sees is not too long. */
static size_t
reason_size(struct text recipient)
{
	size_t frame = sizeof(REPLY_FRAME) + recipient.len;

	return frame + REASON_MIN_SIZE < ACCESS_REPLY_LINE_MAX ?
	    ACCESS_REPLY_LINE_MAX - frame : REASON_MIN_SIZE;
}

static void
answer_inbound(struct front *front, const struct access_request *request,
    const struct inbound_decision *d, struct buffer *reply)
{
	char reason[ACCESS_REPLY_LINE_MAX];
	char action[sizeof("HOLD held, ") + sizeof(reason)];
	const char *verb = "";

	switch (d->action) {
	case RULE_ACTION_HOLD:
		front->counters.access_held++;
		verb = "HOLD held,";
		break;
	case RULE_ACTION_DEFER:
		front->counters.access_deferred++;
		verb = "450 4.7.0";
		break;
	case RULE_ACTION_REJECT:
		front->counters.access_rejected++;
		verb = "530 5.7.0";
		break;
	case RULE_ACTION_UNSET:
	case RULE_ACTION_OFF:
	case RULE_ACTION_LOG:
	case RULE_ACTION_TAG:		/* the milter's */
		let_pass(front, reply);
		return;
	}
	snprintf(action, sizeof(action), "%s %s", verb, text_quote(reason,
	    reason_size(request->recipient), text_of(d->reason)));
	access_reply_format(reply, text_of(action));
}

static void
judge_inbound(const struct judging *j, struct buffer *reply)
{
	const struct access_request *request = j->request;
	struct front *front = j->front;
	const struct inbound_mail mail = {
		.is_ours = may_be_ours(j),
		.sender = request->sender,
		.recipient = request->recipient,
		.tls = session_tls(front, request),
		.protocol = request->encryption_protocol,
		.certificate = session_certificate(request),
	};
	struct inbound_decision d;

	inbound_decision_make(&mail, front->settings->rules, clock_now_s(),
	    &d);
	if (d.action != RULE_ACTION_OFF)
		log_inbound(request, &d);
	if (d.action < RULE_ACTION_HOLD && !mail.is_ours &&
	    is_told_of_our_end(j, reply)) {
		front->counters.access_dunno++;
		return;
	}
	answer_inbound(front, request, &d, reply);
}

/* ----------------------------------------------------- mail that goes out */

static enum client_step	judge_route(struct judging *j, struct buffer *reply);
static void	access_on_lookup(struct book_entry *entry, bool is_late,
		    void *arg);

static const struct next_hop *
hop_of(const struct judging *j)
{
	return &j->route.transport.hops[j->hop_at];
}

static const struct domain_rule *
rule_of(const struct judging *j)
{
	return domain_rules_match(j->front->settings->rules, hop_of(j)->name,
	    RULE_OUT, clock_now_s());
}

/* SASL users and clients of our own networks: for them we look things up. */
static bool
is_own_client(const struct judging *j)
{
	return j->request->sasl_username.len > 0 ||
	    j->route.client_is_ours == FACT_PRESENT;
}

/* Whether facts could make a difference to this recipient at all. */
static bool
rule_may_stop_mail(const struct domain_rule *rule)
{
	return rule != NULL && (rule->action == RULE_ACTION_DEFER ||
	    rule->action == RULE_ACTION_HOLD);
}

/* How long this request may still wait. */
static unsigned
patience_ms(const struct judging *j)
{
	unsigned limit = j->front->settings->config->first_contact_wait_ms;
	unsigned waited = waited_ms(j->instance);

	return waited < limit ? limit - waited : 0;
}

/* What judging is from now on, with all that it points to. */
static struct access_wait *
start_waiting(struct judging *j)
{
	struct access_wait *w = j->wait;
	const char *why;
	size_t used;

	if (w == NULL) {
		w = xcalloc(1, sizeof(*w));
		w->judging = *j;
		w->judging.wait = w;
		w->bytes = xmemdup(j->request->begin, j->request->len);
		access_request_parse(w->bytes, j->request->len, &w->request,
		    &used, &why);
		w->judging.request = &w->request;
		client_set_wait(j->client, w);
	}
	w->since_ms = clock_monotonic_ms();
	return w;
}

static void
access_wait_free(struct access_wait *w)
{
	free(w->bytes);
	free(w);
}

static void
access_on_gone(struct client *client, void *arg)
{
	struct access_wait *w = client_wait(client);

	(void)arg;
	if (w->waits_for_route)
		route_ask_cancel(&w->route_ask);
	else
		domain_wait_cancel(&w->lookup);
	access_wait_free(w);
}

/* The wait is over; perhaps another begins. */
static void
go_on(struct access_wait *w)
{
	struct client *client = w->judging.client;
	struct buffer reply;

	buffer_init(&reply, ACCESS_REPLY_LINE_MAX * 2);
	if (judge_route(&w->judging, &reply) == CLIENT_ANSWERED) {
		client_set_wait(client, NULL);
		access_wait_free(w);
		client_answer(client, (struct text){ reply.data, reply.len });
	}
	buffer_clear(&reply);
}

static void
wait_for_lookup(struct judging *j, struct book_entry *entry)
{
	struct access_wait *w = start_waiting(j);

	w->waits_for_route = false;
	domain_wait_start(j->front->lookups, &w->lookup, entry,
	    patience_ms(j), access_on_lookup, w);
}

/*
 * Starts what there is to learn of the next hop; true where it is worth waiting
 * for: nothing is known of it yet, or its hosts are being looked at.
 */
static bool
looks_for_more(const struct judging *j, struct book_entry **entry,
    struct text key)
{
	struct front *front = j->front;

	if (*entry != NULL && (*entry)->record != NULL &&
	    clock_now_s() < (*entry)->refresh_at)
		return domain_lookup_start(front->lookups, *entry, hop_of(j),
		    DOMAIN_LOOKUP_HOSTS);
	*entry = domain_book_add(front->book, key);
	return domain_lookup_start(front->lookups, *entry, hop_of(j),
	    DOMAIN_LOOKUP_ASKED) && (*entry)->record == NULL;
}

/*
 * Several next hops stop the mail only when each of them would, and in the same
 * way: who writes to a list hears of one broken domain by a bounce.
 */
static void
note_action(struct judging *j, const char *action)
{
	if (strcmp(action, "DUNNO") == 0 ||
	    (j->hop_at > 0 && action[0] != j->action[0]))
		j->passes = true;
	else if (j->hop_at == 0)
		snprintf(j->action, sizeof(j->action), "%s", action);
}

/* From what is known of the next hop, perhaps nothing. */
static void
judge_hop(struct judging *j, struct book_entry *entry)
{
	struct facts *facts = front_facts(entry, hop_of(j));
	struct front *front = j->front;
	struct tls_decision decision;
	struct buffer action;

	buffer_init(&action, sizeof(j->action) - 1);
	front_decide(front, facts, &decision);
	access_service_answer(&decision, &action);
	note_action(j, buffer_text(&action));
	/* While hosts are to be looked at, each request asks for it. */
	if (j->passes && entry != NULL && entry->record != NULL &&
	    (decision.verdict != VERDICT_UNKNOWN ||
	    !tls_decision_needs_hosts(&decision))) {
		front_date_replies(front, entry, decision.valid_until);
		entry->lets_pass = true;
	}
	buffer_clear(&action);
	facts_free(facts);
}

/* After the domain its hosts, as long as patience lasts. */
static void
access_on_lookup(struct book_entry *entry, bool is_late, void *arg)
{
	struct access_wait *w = arg;
	struct judging *j = &w->judging;

	add_waited_ms(j->instance, clock_monotonic_ms() - w->since_ms);
	if (!is_late && patience_ms(j) > 0 && entry->record != NULL &&
	    domain_lookup_start(j->front->lookups, entry, hop_of(j),
	    DOMAIN_LOOKUP_HOSTS)) {
		wait_for_lookup(j, entry);
		return;
	}
	judge_hop(j, entry);
	j->hop_at++;
	go_on(w);
}

/* False while it waits. */
static bool
look_at_hop(struct judging *j)
{
	struct front *front = j->front;
	const struct domain_rule *rule = rule_of(j);
	char key[NEXT_HOP_TEXT_SIZE];
	struct text key_text = text_of(next_hop_format(hop_of(j), key));
	struct book_entry *entry;

	if (front_is_private(front, hop_of(j)->name) || (!is_own_client(j) &&
	    (rule == NULL || rule->clients != RULE_CLIENTS_ALL))) {
		j->passes = true;
		return true;
	}
	entry = domain_book_find(front->book, key_text);
	if (is_own_client(j) && looks_for_more(j, &entry, key_text) &&
	    rule_may_stop_mail(rule) && patience_ms(j) > 0) {
		wait_for_lookup(j, entry);
		return false;
	}
	judge_hop(j, entry);
	if (entry != NULL)
		domain_book_remove_empty(front->book, entry);
	return true;
}

static enum client_step
judge_outbound(struct judging *j, struct buffer *reply)
{
	struct front *front = j->front;

	for (; j->hop_at < j->route.transport.hop_count && !j->passes;
	    j->hop_at++)
		if (!look_at_hop(j))
			return CLIENT_WAITS;
	if (j->passes) {
		let_pass(front, reply);
		return CLIENT_ANSWERED;
	}
	if (j->action[0] == 'H')
		front->counters.access_held++;
	else
		front->counters.access_deferred++;
	log_info("intake: domain=%s, action=%s",
	    j->route.transport.hops[0].name, j->action);
	access_reply_format(reply, text_of(j->action));
	return CLIENT_ANSWERED;
}

/* ---------------------------------------------------------------- the way */

/* What stands behind the last "@"; empty when there is none. */
static struct text
domain_of(struct text address)
{
	const char *at = memrchr(address.data, '@', address.len);
	size_t skip = at == NULL ? address.len :
	    (size_t)(at - address.data) + 1;

	return (struct text){ address.data + skip, address.len - skip };
}

/*
 * Whoever is not ours is judged by what came in where the recipient is, and is
 * let pass where that is not known.
 */
static enum client_step
judge_route(struct judging *j, struct buffer *reply)
{
	bool is_own = is_own_client(j);

	if (!is_own && j->route.domain_is_ours == FACT_PRESENT)
		judge_inbound(j, reply);
	else if (j->route.transport.kind == TRANSPORT_HOPS && (is_own ||
	    j->route.domain_is_ours == FACT_ABSENT))
		return judge_outbound(j, reply);
	else
		let_pass(j->front, reply);
	return CLIENT_ANSWERED;
}

/* Tables are asked for our own clients, and where an "in" rule may apply. */
static bool
is_worth_asking(const struct judging *j)
{
	char sender[HOST_NAME_SIZE];
	const char *why;

	if (is_own_client(j))
		return j->route.transport.kind == TRANSPORT_PENDING;
	return j->route.client_is_ours == FACT_UNKNOWN ||
	    (host_name_normalize(domain_of(j->request->sender), sender,
	    &why) == 0 && domain_rules_match(j->front->settings->rules, sender,
	    RULE_IN, clock_now_s()) != NULL);
}

static void
access_on_route(const struct route *route, void *arg)
{
	struct access_wait *w = arg;

	add_waited_ms(w->judging.instance,
	    clock_monotonic_ms() - w->since_ms);
	if (route != NULL)
		w->judging.route = *route;
	go_on(w);
}

/* False when the clerk is away. */
static bool
wait_for_route(struct judging *j, const struct route_question *q)
{
	struct access_wait *w = start_waiting(j);

	w->waits_for_route = true;
	if (route_ask_start(j->front->routes, &w->route_ask, q,
	    patience_ms(j), access_on_route, w))
		return true;
	client_set_wait(j->client, NULL);
	access_wait_free(w);
	return false;
}

/* What no table must be asked for is known here. */
static enum table_answer
leave_to_clerk(const char *config_dir, struct text table, struct text key,
    struct text *value, void *arg)
{
	(void)config_dir;
	(void)table;
	(void)key;
	(void)value;
	(void)arg;
	return TABLE_PENDING;
}

/*
 * The way of nearly all requests where nothing leads mail elsewhere: its domain
 * is known, and nothing stops it.
 */
static bool
is_known_to_pass(const struct front *front, struct text domain)
{
	const struct settings *settings = front->settings;
	const struct book_entry *entry;
	int64_t now = clock_now_s();

	if (!settings->site->has_plain_ways ||
	    settings->config->next_hops[0] != '\0')
		return false;
	entry = domain_book_find(front->book, domain);
	return entry != NULL && entry->lets_pass && now < entry->refresh_at &&
	    front_replies_hold(front, entry, now);
}

static enum client_step
judge_recipient(struct front *front, struct client *client,
    const struct access_request *request, struct buffer *reply)
{
	const struct route_options options =
	    settings_route_options(front->settings);
	const struct route_question q = {
		.client = request->sasl_username.len > 0 ? text_of("") :
		    request->client_address,
		.sender = request->sender,
		.recipient = request->recipient
	};
	struct judging j;

	/* What a content filter hands back was judged when it came. */
	if (is_known_to_pass(front, domain_of(request->recipient)) ||
	    is_reinjected(front, request)) {
		let_pass(front, reply);
		return CLIENT_ANSWERED;
	}
	j.front = front;
	j.client = client;
	j.request = request;
	j.instance = instance_hash(request->instance);
	j.hop_at = 0;
	j.passes = false;
	j.action[0] = '\0';
	j.wait = NULL;
	if (!route_find(front->settings->site, &options, &q, leave_to_clerk,
	    NULL, &j.route) && is_worth_asking(&j) && patience_ms(&j) > 0 &&
	    wait_for_route(&j, &q))
		return CLIENT_WAITS;
	return judge_route(&j, reply);
}

/* --------------------------------------------------------------- requests */

static enum client_step
access_on_bytes(struct client *client, struct text bytes, size_t *used,
    struct buffer *reply, void *arg)
{
	struct front *front = arg;
	struct access_request request;
	const char *why;

	switch (access_request_parse(bytes.data, bytes.len, &request, used,
	    &why)) {
	case ACCESS_REQUEST_MORE:
		return CLIENT_MORE;
	case ACCESS_REQUEST_BAD:
		front_note_bad_request(front, "access", why);
		return CLIENT_BAD;
	case ACCESS_REQUEST_DONE:
		break;
	}
	front->counters.access_requests++;
	feedback_tell_session(front, &request);
	if (text_equals(request.protocol_state, "RCPT") &&
	    front->settings->config->recipient_judge == CONFIG_JUDGE_ACCESS)
		return judge_recipient(front, client, &request, reply);
	let_pass(front, reply);
	return CLIENT_ANSWERED;
}

const struct service *
access_service(struct front *front)
{
	static struct service service = { "access", access_on_bytes,
	    access_on_gone, NULL, NULL };

	service.arg = front;
	service.latency = &front->counters.access_latency;
	return &service;
}
