/*
 * How our certificates are served: each port is asked as its clients ask, for
 * each name that it should know, by a scout of our own.  What comes is compared
 * with the disk.
 */

#include "ctl/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/scout_client.h"
#include "shared/buffer.h"
#include "shared/io/clock.h"
#include "shared/policy/cert_history.h"
#include "shared/probe_message.h"
#include "shared/xalloc.h"

#define ASK_MS		30000
#define QUESTIONS_MAX	2048
#define UNKNOWN_NAME	"unknown-name.hopseal.invalid"

enum purpose {
	PURPOSE_NO_NAME,	/* a client without SNI gets the default */
	PURPOSE_UNKNOWN_NAME,	/* so does one that asks for a strange name */
	PURPOSE_TLS_1_2, PURPOSE_TLS_1_3,	/* for the name, by each */
	PURPOSE_OLD,		/* what should not be offered any more */
	PURPOSE_WEAK, PURPOSE_ANONYMOUS
};

struct question {
	const struct own_port	*port;
	char			 name[HOST_NAME_SIZE];	/* to ask for */
	enum purpose		 purpose;
	enum probe_manner	 manner;
	bool			 is_answered;
	enum finding		 finding;
	char			 words[CERTS_WORDS_SIZE];
	bool			 has_tls;
	char			 sha256[65];	/* of the leaf; "" without */
	int64_t			 not_after;
	struct facts_cert	 cert;		/* the leaf; id "" without */
};

struct asking {
	struct certs		*certs;
	struct scout_client	*scout;
	struct question		*questions;
	size_t			 count, open_count;
};

/* --------------------------------------------------------------- questions */

static bool
is_same_port(const struct own_port *a, const struct own_port *b)
{
	return a->port == b->port && address_equals(&a->address, &b->address);
}

static void
add_question(struct asking *a, const struct own_port *port, const char *name,
    enum purpose purpose, enum probe_manner manner)
{
	struct question *q;
	size_t i;

	for (i = 0; i < a->count; i++) {
		q = &a->questions[i];
		if (is_same_port(q->port, port) && q->manner == manner &&
		    q->purpose == purpose && strcasecmp(q->name, name) == 0)
			return;
	}
	if (a->count == QUESTIONS_MAX)
		return;
	a->questions = xreallocarray(a->questions, a->count + 1,
	    sizeof(*a->questions));
	q = &a->questions[a->count++];
	*q = (struct question){ .port = port, .purpose = purpose,
	    .manner = manner };
	snprintf(q->name, sizeof(q->name), "%s", name);
}

static void
add_port_questions(struct asking *a, const struct own_port *port)
{
	add_question(a, port, UNKNOWN_NAME, PURPOSE_NO_NAME,
	    PROBE_WITHOUT_SNI);
	add_question(a, port, UNKNOWN_NAME, PURPOSE_UNKNOWN_NAME,
	    PROBE_TLS_1_2);
	add_question(a, port, UNKNOWN_NAME, PURPOSE_OLD, PROBE_TLS_1_0);
	add_question(a, port, UNKNOWN_NAME, PURPOSE_OLD, PROBE_TLS_1_1);
	add_question(a, port, UNKNOWN_NAME, PURPOSE_WEAK, PROBE_WEAK_CIPHERS);
	add_question(a, port, UNKNOWN_NAME, PURPOSE_ANONYMOUS,
	    PROBE_ANONYMOUS_CIPHERS);
}

static void
add_questions(struct asking *a)
{
	const struct certs_item *item;
	const struct own_port *port;
	size_t i, j;

	for (i = 0; i < a->certs->item_count; i++) {
		item = &a->certs->items[i];
		for (j = 0; j < item->own->port_count; j++) {
			port = &item->own->ports[j];
			add_port_questions(a, port);
			if (item->own->kind != OWN_SNI)
				continue;
			add_question(a, port, item->wanted, PURPOSE_TLS_1_2,
			    PROBE_TLS_1_2);
			add_question(a, port, item->wanted, PURPOSE_TLS_1_3,
			    PROBE_TLS_1_3);
		}
	}
}

static void
send_question(struct asking *a, size_t index)
{
	const struct question *q = &a->questions[index];
	struct probe_request m = { .address = q->port->address,
	    .port = q->port->port, .service = q->port->service,
	    .manner = q->manner };
	struct buffer payload;

	memcpy(m.host, q->name, sizeof(m.host));
	buffer_init(&payload, 4096);
	probe_request_format(&m, &payload);
	scout_client_ask(a->scout, MESSAGE_PROBE, index + 1, &payload);
	buffer_clear(&payload);
	a->open_count++;
}

static void
take_answer(struct asking *a, const struct frame *frame)
{
	struct observation o;
	struct question *q;

	if (frame->type != MESSAGE_OBSERVATION || frame->number == 0 ||
	    frame->number > a->count)
		return;
	q = &a->questions[frame->number - 1];
	if (q->is_answered || !observation_parse(frame->payload, &o))
		return;
	q->is_answered = true;
	a->open_count--;
	q->finding = o.finding;
	q->has_tls = o.has_tls;
	q->not_after = o.not_after;
	text_quote(q->words, sizeof(q->words), o.words);
	if (o.cert_count > 0)
		snprintf(q->sha256, sizeof(q->sha256), "%.*s",
		    (int)o.certs[0].sha256.len, o.certs[0].sha256.data);
	cert_history_read(&o, &q->cert);
}

static void
wait_for_answers(struct asking *a)
{
	int64_t deadline = clock_monotonic_ms() + ASK_MS;
	struct frame frame;

	while (a->open_count > 0 && scout_client_next(a->scout, deadline,
	    &frame) == SCOUT_CLIENT_FRAME)
		take_answer(a, &frame);
}

/* ---------------------------------------------------------------- judgement */

static bool
serves_port(const struct certs_item *item, const struct own_port *port)
{
	size_t i;

	for (i = 0; i < item->own->port_count; i++)
		if (is_same_port(&item->own->ports[i], port))
			return true;
	return false;
}

/*
 * Whether one of those on disk that could be meant (RSA and ECDSA are two) is
 * what came: kind and name choose them.
 */
static bool
is_on_disk(const struct certs *certs, const struct question *q,
    enum own_kind kind, const char *name)
{
	const struct certs_item *item;
	size_t i;

	for (i = 0; i < certs->item_count; i++) {
		item = &certs->items[i];
		if (item->has_result && item->own->kind == kind &&
		    serves_port(item, q->port) &&
		    (kind != OWN_SNI || certs_is_for(item, name)) &&
		    strcmp(item->result.certs[0].sha256, q->sha256) == 0)
			return true;
	}
	return false;
}

static void
note_served(struct certs_item *item, const struct question *q,
    const char *finding)
{
	struct certs_served *s;

	item->served = xreallocarray(item->served, item->served_count + 1,
	    sizeof(*item->served));
	s = &item->served[item->served_count++];
	*s = (struct certs_served){ .port = q->port, .finding = finding,
	    .cert = q->cert };
	if (q->purpose != PURPOSE_NO_NAME)
		snprintf(s->sni, sizeof(s->sni), "%s", q->name);
}

static const char *
reload_advice(const struct certs_item *item)
{
	return strncmp(item->own->name, "dovecot", 7) == 0 ?
	    "doveadm reload" : strncmp(item->own->name, "postfix", 7) == 0 ?
	    "postfix reload" : "reload the server";
}

static void
add_stale(const struct certs *certs, struct certs_item *item,
    const struct question *q)
{
	char age[TEXT_TIME_SIZE], end[TEXT_TIME_SIZE];

	certs_add_problem(item, "served-stale", CERTS_CRITICAL,
	    reload_advice(item), "port %u serves another one, which ends %s; "
	    "the file was changed %s ago", q->port->port,
	    text_format_time(end, q->not_after), text_format_age(age,
	    certs->now - item->changed_at));
}

/* What the answer to a question for this item's name or to none says of it. */
static void
judge_served(const struct certs *certs, struct certs_item *item,
    const struct question *q)
{
	bool is_sni = item->own->kind == OWN_SNI;

	if (!q->is_answered) {
		certs_add_problem(item, finding_name(FINDING_UNKNOWN),
		    CERTS_WARNING, "see that the server runs, and look again",
		    "port %u gave no answer in time", q->port->port);
		note_served(item, q, finding_name(FINDING_UNKNOWN));
		return;
	}
	if (!q->has_tls) {
		/* An old server without TLS 1.3 is told of by TLS 1.2. */
		if (q->purpose == PURPOSE_TLS_1_3)
			return;
		certs_add_problem(item, "not-served", CERTS_CRITICAL,
		    "see that the server runs and that its certificate and "
		    "key can be read: its log says why", "port %u: %s",
		    q->port->port, q->words);
		note_served(item, q, "not-served");
	} else if (strcmp(q->sha256, item->result.certs[0].sha256) == 0 ||
	    is_on_disk(certs, q, item->own->kind, q->name)) {
		note_served(item, q, finding_name(FINDING_OK));
	} else if (is_sni && is_on_disk(certs, q, OWN_SERVER, q->name)) {
		certs_add_problem(item, "sni-missing", CERTS_CRITICAL,
		    "postmap -F on the map, then postfix reload",
		    "port %u does not know %s and serves its default",
		    q->port->port, q->name);
		note_served(item, q, "sni-missing");
	} else {
		add_stale(certs, item, q);
		note_served(item, q, "served-stale");
	}
}

/* What is offered there and should not be. */
static void
judge_offer(struct certs_item *item, const struct question *q)
{
	if (q->purpose == PURPOSE_OLD && q->has_tls)
		certs_add_problem(item, finding_name(FINDING_PROTOCOL_OLD),
		    CERTS_WARNING, "smtpd_tls_mandatory_protocols and "
		    "smtpd_tls_protocols = >=TLSv1.2 (Dovecot: "
		    "ssl_min_protocol)", "port %u offers %s", q->port->port,
		    q->manner == PROBE_TLS_1_0 ? "TLSv1" : "TLSv1.1");
	else if ((q->purpose == PURPOSE_WEAK ||
	    q->purpose == PURPOSE_ANONYMOUS) &&
	    q->finding == FINDING_CIPHER_WEAK)
		certs_add_problem(item, finding_name(FINDING_CIPHER_WEAK),
		    CERTS_WARNING, "smtpd_tls_ciphers = medium or high, and "
		    "no aNULL for strangers who verify", "port %u: %s",
		    q->port->port, q->words);
}

static bool
concerns(const struct certs_item *item, const struct question *q)
{
	if (!serves_port(item, q->port))
		return false;
	if (q->purpose == PURPOSE_TLS_1_2 || q->purpose == PURPOSE_TLS_1_3)
		return item->own->kind == OWN_SNI &&
		    strcasecmp(item->wanted, q->name) == 0;
	return item->own->kind == OWN_SERVER;
}

static void
judge(struct asking *a)
{
	struct certs_item *item;
	const struct question *q;
	size_t i, j;

	for (i = 0; i < a->certs->item_count; i++)
		for (j = 0; j < a->count; j++) {
			item = &a->certs->items[i];
			q = &a->questions[j];
			if (!item->has_result || !concerns(item, q))
				continue;
			if (q->purpose <= PURPOSE_TLS_1_3)
				judge_served(a->certs, item, q);
			else
				judge_offer(item, q);
		}
}

/* Our own ports, wherever they are: contact with them is what was asked for. */
static void
format_overrides(const struct asking *a, struct buffer *out)
{
	char address[ADDRESS_TEXT_SIZE];
	size_t i;

	buffer_add_text(out, "probe_rate=60000\nallow_networks=127.0.0.0/8 "
	    "::1/128");
	for (i = 0; i < a->count; i++)
		buffer_addf(out, " %s/%d", address_format(
		    &a->questions[i].port->address, address),
		    a->questions[i].port->address.family == 4 ? 32 : 128);
	buffer_add_text(out, "\n");
}

int
certs_ask(struct certs *certs, const struct ctl_options *options,
    enum ctl_exit *status)
{
	struct asking a = { .certs = certs };
	struct buffer overrides;
	size_t i;

	add_questions(&a);
	if (a.count == 0)
		return 0;
	buffer_init(&overrides, 65536);
	format_overrides(&a, &overrides);
	a.scout = scout_client_start(options, buffer_text(&overrides), status);
	buffer_clear(&overrides);
	if (a.scout == NULL) {
		free(a.questions);
		return -1;
	}
	for (i = 0; i < a.count; i++)
		send_question(&a, i);
	wait_for_answers(&a);
	scout_client_stop(a.scout);
	judge(&a);
	free(a.questions);
	return 0;
}
