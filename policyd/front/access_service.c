/*
 * The access policy service.  A stranger's request is answered from what is
 * known and starts nothing: only our own users make us look up or wait.
 */

#include "policyd/front/access_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/front/domain_lookup.h"
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
	struct tls_decision decision;
	struct buffer action;

	buffer_init(&action, ACCESS_REPLY_LINE_MAX * 2);
	front_decide(front, facts, &decision);
	access_service_answer(&decision, &action);
	if (strcmp(buffer_text(&action), "DUNNO") != 0)
		stop(front, hop, buffer_text(&action), reply);
	else {
		let_pass(front, reply);
		/* While hosts are to be looked at, each request asks for it. */
		if (entry != NULL && entry->record != NULL &&
		    (decision.verdict != VERDICT_UNKNOWN ||
		    !tls_decision_needs_hosts(&decision))) {
			front_date_replies(front, entry,
			    decision.valid_until);
			entry->lets_pass = true;
		}
	}
	buffer_clear(&action);
	facts_free(facts);
}

/* ---------------------------------------------------------------- waiting */

static void	access_on_lookup(struct book_entry *entry, bool is_late,
		    void *arg);

/* After the domain its hosts, as long as patience lasts. */
static bool
waits_on(struct access_wait *w, struct book_entry *entry)
{
	struct front *front = w->front;
	unsigned limit = front->settings->config->first_contact_wait_ms;
	unsigned waited = waited_ms(w->instance);

	if (waited >= limit || entry->record == NULL ||
	    !domain_lookup_start(front->lookups, entry, &w->hop,
	    DOMAIN_LOOKUP_HOSTS))
		return false;
	w->since_ms = clock_monotonic_ms();
	domain_wait_start(front->lookups, &w->wait, entry, limit - waited,
	    access_on_lookup, w);
	return true;
}

static void
access_on_lookup(struct book_entry *entry, bool is_late, void *arg)
{
	struct access_wait *w = arg;
	struct client *client = w->client;
	struct buffer reply;

	add_waited_ms(w->instance, clock_monotonic_ms() - w->since_ms);
	if (!is_late && waits_on(w, entry))
		return;
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

/*
 * Whose networks are ours nobody knows until postconf has answered, or where it
 * names tables.
 */
static bool
may_be_ours(const struct front *front, const struct access_request *request)
{
	struct address client;

	return request->sasl_username.len > 0 ||
	    !address_parse(request->client_address, &client) ||
	    address_is_loopback(&client) || is_reinjected(front, request) ||
	    network_list_contains(front->own_networks, &client) ||
	    (front->settings->config->own_networks[0] == '\0' &&
	    (!front->settings->site->is_known ||
	    !front->settings->site->own_networks_are_all));
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

static enum client_step
judge_inbound(struct front *front, const struct access_request *request,
    struct buffer *reply)
{
	const struct inbound_mail mail = {
		.is_ours = may_be_ours(front, request),
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
	answer_inbound(front, request, &d, reply);
	return CLIENT_ANSWERED;
}

/* ----------------------------------------------------- mail that goes out */

/* SASL users and clients of our own networks: for them we look things up. */
static bool
is_own_client(const struct front *front, const struct access_request *request)
{
	struct address client;

	return request->sasl_username.len > 0 ||
	    (address_parse(request->client_address, &client) &&
	    network_list_contains(front->own_networks, &client));
}

/* Whether facts could make a difference to this recipient at all. */
static bool
rule_may_stop_mail(const struct domain_rule *rule)
{
	return rule != NULL && (rule->action == RULE_ACTION_DEFER ||
	    rule->action == RULE_ACTION_HOLD);
}

/*
 * Starts what there is to learn; true where it is worth waiting for: nothing is
 * known of the domain yet, or its hosts are being looked at.
 */
static bool
looks_for_more(struct front *front, struct book_entry **entry,
    struct text key, const struct next_hop *hop)
{
	if (*entry != NULL && (*entry)->record != NULL &&
	    clock_now_s() < (*entry)->refresh_at)
		return domain_lookup_start(front->lookups, *entry, hop,
		    DOMAIN_LOOKUP_HOSTS);
	*entry = domain_book_add(front->book, key);
	return domain_lookup_start(front->lookups, *entry, hop,
	    DOMAIN_LOOKUP_ASKED) && (*entry)->record == NULL;
}

static enum client_step
judge_outbound(struct front *front, struct client *client,
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
	if (is_own && looks_for_more(front, &entry, key_text, hop) &&
	    rule_may_stop_mail(rule) &&
	    waited < config->first_contact_wait_ms) {
		wait_for_lookup(front, client, entry, hop, instance,
		    config->first_contact_wait_ms - waited);
		return CLIENT_WAITS;
	}
	answer_hop(front, entry, hop, reply);
	if (entry != NULL)
		domain_book_remove_empty(front->book, entry);
	return CLIENT_ANSWERED;
}

/* --------------------------------------------------------------- requests */

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

/* A recipient of ours is judged by what came in, any other by its next hop. */
static enum client_step
judge_recipient(struct front *front, struct client *client,
    const struct access_request *request, struct buffer *reply)
{
	struct text domain = domain_of(request->recipient);
	struct next_hop hop;
	const char *why;

	hop.kind = NEXT_HOP_NONE;
	if (!is_known_to_pass(front, domain))
		next_hop_parse(domain, &hop, &why);
	if (hop.kind == NEXT_HOP_DOMAIN && front_owns_domain(front, hop.name))
		return judge_inbound(front, request, reply);
	if (hop.kind == NEXT_HOP_DOMAIN && !front_is_private(front, hop.name))
		return judge_outbound(front, client, request, &hop, reply);
	let_pass(front, reply);
	return CLIENT_ANSWERED;
}

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
	    access_on_gone, NULL };

	service.arg = front;
	return &service;
}
