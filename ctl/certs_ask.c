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

#define ASK_MS		30000	/* for each of the two rounds */
#define QUESTIONS_MAX	16384
#define OPEN_MAX	1024	/* asked, and not answered yet */
#define UNKNOWN_NAME	"unknown-name.hopseal.invalid"

enum purpose {
	PURPOSE_DEFAULT,	/* for whom it knows no name from */
	PURPOSE_NAME,		/* a name that it should know */
	PURPOSE_OFFER		/* what should not be offered any more */
};

struct question {
	const struct own_port	*port;
	char			 name[HOST_NAME_SIZE];	/* to ask for */
	enum purpose		 purpose;
	enum probe_manner	 manner;
	bool			 is_answered;
	enum probe_stage	 stage;		/* where it ended */
	char			 words[CERTS_WORDS_SIZE];
	bool			 has_tls;
	char			 cipher[64];
	/* The leaf; empty without one. */
	char			 sha256[65], key[32];
	size_t			 cert_count;	/* that were sent with it */
	int64_t			 not_after;
	struct facts_cert	 cert;
};

struct asking {
	struct certs		*certs;
	struct scout_client	*scout;
	struct question		*questions;
	size_t			 count, sent_count;
	/* Of this round: the first, and how many are open. */
	size_t			 round_begin, open_count;
	bool			 is_cut;	/* at QUESTIONS_MAX */
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
	if (a->count == QUESTIONS_MAX) {
		if (!a->is_cut)
			ctl_complain("certs: more than %d questions: not "
			    "every name is asked for", QUESTIONS_MAX);
		a->is_cut = true;
		return;
	}
	a->questions = xreallocarray(a->questions, a->count + 1,
	    sizeof(*a->questions));
	q = &a->questions[a->count++];
	*q = (struct question){ .port = port, .purpose = purpose,
	    .manner = manner };
	snprintf(q->name, sizeof(q->name), "%s", name);
}

static const char *
kind_of(const struct certs_item *item)
{
	return item->has_result ?
	    certs_key_kind(item->result.certs[0].key) : "";
}

/* Without a name, once for each port: how it is served at all. */
static void
add_first_round(struct asking *a)
{
	const struct own_certificate *own;
	size_t i, j;

	for (i = 0; i < a->certs->item_count; i++) {
		own = a->certs->items[i].own;
		for (j = 0; j < own->port_count; j++)
			add_question(a, &own->ports[j], UNKNOWN_NAME,
			    PURPOSE_DEFAULT, PROBE_WITHOUT_SNI);
	}
}

/* The ways of clients that ask for this name: by version, by kind of key. */
static void
add_name_questions(struct asking *a, const struct certs_item *item,
    const struct own_port *port)
{
	bool is_sni = item->own->kind == OWN_SNI;
	enum purpose purpose = is_sni ? PURPOSE_NAME : PURPOSE_DEFAULT;
	const char *name = is_sni ? item->wanted : UNKNOWN_NAME,
	    *kind = kind_of(item);

	if (name[0] == '\0')
		return;		/* no client can ask for it */
	add_question(a, port, name, purpose, PROBE_TLS_1_2);
	add_question(a, port, name, purpose, PROBE_TLS_1_3);
	if (strcmp(kind, "RSA") == 0)
		add_question(a, port, name, purpose, PROBE_RSA);
	else if (strcmp(kind, "ECDSA") == 0)
		add_question(a, port, name, purpose, PROBE_ECDSA);
}

/*
 * On port 25 Postfix means to offer anonymous suites: a sender that verifies
 * asks for none, and one that does not cares for no certificate.
 */
static void
add_offer_questions(struct asking *a, const struct own_port *port)
{
	static const enum probe_manner manners[] = { PROBE_TLS_1_0,
	    PROBE_TLS_1_1, PROBE_WEAK_CIPHERS, PROBE_ANONYMOUS_CIPHERS };
	size_t i;

	for (i = 0; i < sizeof(manners) / sizeof(manners[0]); i++)
		if (manners[i] != PROBE_ANONYMOUS_CIPHERS || port->port != 25)
			add_question(a, port, UNKNOWN_NAME, PURPOSE_OFFER,
			    manners[i]);
}

/* Where TLS is not spoken, more questions only take their time. */
static bool
speaks_tls(const struct asking *a, const struct own_port *port)
{
	size_t i;

	for (i = 0; i < a->sent_count; i++)
		if (is_same_port(a->questions[i].port, port))
			return a->questions[i].is_answered &&
			    a->questions[i].stage >= PROBE_HANDSHAKE;
	return false;
}

static void
add_second_round(struct asking *a)
{
	const struct certs_item *item;
	const struct own_port *port;
	size_t i, j;

	for (i = 0; i < a->certs->item_count; i++) {
		item = &a->certs->items[i];
		for (j = 0; j < item->own->port_count; j++) {
			port = &item->own->ports[j];
			if (!speaks_tls(a, port))
				continue;
			add_name_questions(a, item, port);
			add_offer_questions(a, port);
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

/* The only kind of key that will do; NULL: any. */
static const char *
wanted_kind(const struct question *q)
{
	return q->manner == PROBE_RSA ? "RSA" :
	    q->manner == PROBE_ECDSA ? "ECDSA" : NULL;
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
	a->open_count -= frame->number > a->round_begin;
	q->stage = o.stage;
	q->has_tls = o.has_tls;
	q->not_after = o.not_after;
	text_quote(q->words, sizeof(q->words), o.words);
	text_quote(q->cipher, sizeof(q->cipher), o.cipher);
	if (o.cert_count == 0)
		return;
	text_quote(q->key, sizeof(q->key), o.certs[0].key);
	/* A key that only decrypts, where one that signs was asked for. */
	if (wanted_kind(q) != NULL && strcmp(wanted_kind(q),
	    certs_key_kind(q->key)) != 0) {
		q->has_tls = false;
		q->key[0] = '\0';
		return;
	}
	text_quote(q->sha256, sizeof(q->sha256), o.certs[0].sha256);
	q->cert_count = o.cert_count + o.certs_dropped;
	cert_history_read(&o, &q->cert);
}

/* Sends what is not sent yet, and takes what comes. */
static void
ask_round(struct asking *a)
{
	int64_t deadline = clock_monotonic_ms() + ASK_MS;
	struct frame frame;

	a->round_begin = a->sent_count;
	a->open_count = 0;
	do {
		while (a->sent_count < a->count && a->open_count < OPEN_MAX)
			send_question(a, a->sent_count++);
		if (a->open_count == 0 || scout_client_next(a->scout,
		    deadline, &frame) != SCOUT_CLIENT_FRAME)
			return;
		take_answer(a, &frame);
	} while (true);
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

static bool
is_its_leaf(const struct certs_item *item, const struct question *q)
{
	return item->has_result &&
	    strcmp(item->result.certs[0].sha256, q->sha256) == 0;
}

/*
 * Whether one of those on disk that could be meant (RSA and ECDSA are two) is
 * what came, with all that stands behind it: kind and name choose them.
 */
static bool
is_on_disk(const struct certs *certs, const struct question *q,
    enum own_kind kind, const char *name)
{
	const struct certs_item *item;
	size_t i;

	for (i = 0; i < certs->item_count; i++) {
		item = &certs->items[i];
		if (item->own->kind == kind && is_its_leaf(item, q) &&
		    q->cert_count >= item->result.cert_count &&
		    serves_port(item, q->port) &&
		    (kind != OWN_SNI || certs_is_for(item, name)))
			return true;
	}
	return false;
}

/* True when what came is another one's business, by its kind of key. */
static bool
is_for_another(const struct certs *certs, const struct certs_item *item,
    const struct question *q)
{
	const struct certs_item *other;
	size_t i;

	if (strcmp(kind_of(item), certs_key_kind(q->key)) == 0)
		return false;
	for (i = 0; i < certs->item_count; i++) {
		other = &certs->items[i];
		if (other->own->kind == item->own->kind &&
		    strcmp(kind_of(other), certs_key_kind(q->key)) == 0 &&
		    serves_port(other, q->port) &&
		    strcasecmp(other->wanted, item->wanted) == 0)
			return true;
	}
	return false;
}

/* Several ways of asking that got the same are told once; by port. */
static void
note_served(struct certs_item *item, const struct question *q,
    const char *finding)
{
	const char *sni = q->manner != PROBE_WITHOUT_SNI ? q->name : "";
	size_t i, at = item->served_count;
	struct certs_served *s;

	for (i = 0; i < item->served_count; i++) {
		s = &item->served[i];
		if (!is_same_port(s->port, q->port))
			continue;
		if (strcmp(s->sni, sni) == 0 &&
		    strcmp(s->finding, finding) == 0 &&
		    strcmp(s->cert.id, q->cert.id) == 0)
			return;
		at = i + 1;
	}
	item->served = xreallocarray(item->served, item->served_count + 1,
	    sizeof(*item->served));
	s = &item->served[at];
	memmove(s + 1, s, (item->served_count++ - at) * sizeof(*s));
	*s = (struct certs_served){ .port = q->port, .finding = finding,
	    .cert = q->cert };
	snprintf(s->sni, sizeof(s->sni), "%s", sni);
}

static void
format_stale(const struct certs *certs, const struct certs_item *item,
    const struct question *q, char out[CERTS_WORDS_SIZE])
{
	char age[TEXT_TIME_SIZE], end[TEXT_TIME_SIZE];
	unsigned port = q->port->port;

	text_format_time(end, q->not_after);
	if (q->key[0] == '\0')
		snprintf(out, CERTS_WORDS_SIZE, "port %u serves none with a "
		    "key of this kind (%s)", port, kind_of(item));
	else if (!item->has_result)
		snprintf(out, CERTS_WORDS_SIZE, "port %u still serves one, "
		    "which ends %s, and could not after a reload", port, end);
	else if (is_its_leaf(item, q))
		snprintf(out, CERTS_WORDS_SIZE, "port %u serves it without "
		    "all that stands behind it in the file", port);
	else
		snprintf(out, CERTS_WORDS_SIZE, "port %u serves another one, "
		    "which ends %s; the file was changed %s ago", port, end,
		    text_format_age(age, certs->now - item->changed_ns /
		    NS_PER_S));
}

/*
 * Another one than on disk.  Postfix reads an indexed map at each handshake:
 * then what came is in the index.
 */
static const char *
add_stale(const struct certs *certs, struct certs_item *item,
    const struct question *q)
{
	const char *word = item->own->map_file != NULL ? "sni-map-stale" :
	    "served-stale";
	char advice[CERTS_WORDS_SIZE], words[CERTS_WORDS_SIZE];

	format_stale(certs, item, q, words);
	certs_add_problem(item, word, CERTS_CRITICAL, item->has_result ?
	    certs_reload_advice(item, advice) :
	    "put the file right before anybody reloads", "%s", words);
	return word;
}

/* True when a client that asks for the same in the usual way gets TLS. */
static bool
stands(const struct asking *a, const struct question *q)
{
	const struct question *other;
	size_t i;

	for (i = 0; i < a->count; i++) {
		other = &a->questions[i];
		if (other->has_tls && other->purpose == q->purpose &&
		    (other->manner == PROBE_TLS_1_2 ||
		    other->manner == PROBE_TLS_1_3) &&
		    is_same_port(other->port, q->port) &&
		    strcasecmp(other->name, q->name) == 0)
			return true;
	}
	return false;
}

static const char *
add_unknown(struct certs_item *item, const struct question *q)
{
	certs_add_problem(item, finding_name(FINDING_UNKNOWN), CERTS_WARNING,
	    "see that the server runs, and look again", "port %u: %s",
	    q->port->port, q->is_answered ? q->words :
	    "no answer in time");
	return finding_name(FINDING_UNKNOWN);
}

static const char *
add_not_served(struct certs_item *item, const struct question *q)
{
	bool is_for_all = q->manner == PROBE_WITHOUT_SNI;

	certs_add_problem(item, "not-served", CERTS_CRITICAL,
	    "see that the server runs and that its certificates, keys and "
	    "tables of names can be read: its log says why",
	    "port %u: %s%s%s", q->port->port, q->words,
	    is_for_all ? "" : ", for a client that asks for ",
	    is_for_all ? "" : q->name);
	return "not-served";
}

/* What a certificate that came says of this item; NULL for nothing. */
static const char *
judge_leaf(const struct certs *certs, struct certs_item *item,
    const struct question *q)
{
	bool is_default = item->own->kind == OWN_SNI &&
	    is_on_disk(certs, q, OWN_SERVER, q->name);
	char advice[CERTS_WORDS_SIZE];

	if (is_on_disk(certs, q, item->own->kind, q->name))
		return item->has_result ? finding_name(FINDING_OK) : NULL;
	if (!is_default)
		return add_stale(certs, item, q);
	if (!item->has_result)
		return NULL;
	certs_add_problem(item, "sni-missing", CERTS_CRITICAL,
	    certs_reload_advice(item, advice),
	    "port %u does not know %s and serves its default",
	    q->port->port, q->name);
	return "sni-missing";
}

/*
 * What the answer to a question for this item's name or to none says of it;
 * NULL for nothing.  A version that is not there is no trouble while another
 * one is.
 */
static const char *
judge_answer(const struct asking *a, struct certs_item *item,
    const struct question *q)
{
	const char *kind = wanted_kind(q);

	if (kind != NULL && strcmp(kind, kind_of(item)) != 0)
		return NULL;
	if (!q->is_answered)
		return add_unknown(item, q);
	if (q->has_tls)
		return kind == NULL && is_for_another(a->certs, item, q) ?
		    NULL : judge_leaf(a->certs, item, q);
	if (q->manner == PROBE_WITHOUT_SNI)
		return add_not_served(item, q);
	if (q->stage < PROBE_HANDSHAKE)
		return add_unknown(item, q);
	if (kind != NULL)
		return stands(a, q) ? add_stale(a->certs, item, q) : NULL;
	return stands(a, q) ? NULL : add_not_served(item, q);
}

static void
judge_served(const struct asking *a, struct certs_item *item,
    const struct question *q)
{
	const char *finding = judge_answer(a, item, q);

	if (finding != NULL)
		note_served(item, q, finding);
}

/* What is offered there and should not be. */
static void
judge_offer(struct certs_item *item, const struct question *q)
{
	if (!q->has_tls)
		return;
	switch (q->manner) {
	case PROBE_TLS_1_0:
	case PROBE_TLS_1_1:
		certs_add_problem(item, finding_name(FINDING_PROTOCOL_OLD),
		    CERTS_WARNING, "smtpd_tls_mandatory_protocols and "
		    "smtpd_tls_protocols = >=TLSv1.2 (Dovecot: "
		    "ssl_min_protocol)", "port %u offers %s", q->port->port,
		    q->manner == PROBE_TLS_1_0 ? "TLSv1" : "TLSv1.1");
		break;
	case PROBE_ANONYMOUS_CIPHERS:
		certs_add_problem(item, finding_name(FINDING_CIPHER_WEAK),
		    CERTS_WARNING, "smtpd_tls_exclude_ciphers = aNULL",
		    "port %u offers TLS without a certificate: %s",
		    q->port->port, q->cipher);
		break;
	default:
		certs_add_problem(item, finding_name(FINDING_CIPHER_WEAK),
		    CERTS_WARNING, "smtpd_tls_ciphers = medium, and no "
		    "@SECLEVEL=0 (Dovecot: ssl_cipher_list)",
		    "port %u offers %s", q->port->port, q->cipher);
	}
}

/* The first one there is told of what its port offers. */
static bool
is_first_at(const struct certs *certs, const struct certs_item *item,
    const struct own_port *port)
{
	const struct certs_item *first = certs->items;

	while (!first->has_result || first->own->kind != item->own->kind ||
	    !serves_port(first, port))
		first++;
	return first == item;
}

static bool
concerns(const struct certs *certs, const struct certs_item *item,
    const struct question *q)
{
	if (!serves_port(item, q->port))
		return false;
	switch (q->purpose) {
	case PURPOSE_DEFAULT:	/* where no TLS is, there is none for names */
		return item->own->kind == OWN_SERVER ||
		    (!q->has_tls && q->manner == PROBE_WITHOUT_SNI);
	case PURPOSE_NAME:
		return item->own->kind == OWN_SNI &&
		    strcasecmp(item->wanted, q->name) == 0;
	case PURPOSE_OFFER:
		return item->has_result && item->own->kind == OWN_SERVER &&
		    is_first_at(certs, item, q->port);
	}
	return false;
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
			if (!concerns(a->certs, item, q))
				continue;
			if (q->purpose == PURPOSE_OFFER)
				judge_offer(item, q);
			else
				judge_served(a, item, q);
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

	add_first_round(&a);
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
	ask_round(&a);
	add_second_round(&a);
	ask_round(&a);
	scout_client_stop(a.scout);
	judge(&a);
	free(a.questions);
	return 0;
}
