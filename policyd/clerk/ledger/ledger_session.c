/*
 * What a session is counted under.  Where all is well the peer's address says
 * nothing, so that domains that work need few entries; failures keep all.
 */

#include "policyd/clerk/ledger/ledger_session.h"

#include <string.h>

#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/promises.h"
#include "policyd/clerk/ledger/session_counts.h"
#include "shared/tlsrpt/datagram.h"

static enum tally_outcome
outcome_of(const struct tls_session *s)
{
	if (s->finding == FINDING_OK)
		return TALLY_SUCCESS;
	if (finding_result_type(s->finding) != NULL)
		return TALLY_FAILURE;
	return s->had_handshake || s->protocol.len > 0 ? TALLY_UNKNOWN :
	    TALLY_CLEAR;
}

/*
 * Of a client its network's name: "example.net" of "host-1-2.example.net".  The
 * name of each single host would soon be too many.
 */
static struct text
network_of(struct text host)
{
	const char *dot = memchr(host.data, '.', host.len);
	struct text rest;

	if (host.len == 0 || text_equals(host, "unknown"))
		return text_of("(unknown)");
	if (dot == NULL)
		return host;
	rest.data = dot + 1;
	rest.len = host.len - (size_t)(rest.data - host.data);
	return memchr(rest.data, '.', rest.len) != NULL ? rest : host;
}

static struct text
domain_of(const struct tls_session *s)
{
	if (s->direction == SESSION_LOCAL)
		return text_of("(local)");
	if (s->domain.len > 0)
		return s->domain;
	return s->direction == SESSION_OUT ? s->host : network_of(s->host);
}

bool
ledger_count_session(struct ledger *l, struct promises *promises,
    const struct tls_session *s, enum tally_source source)
{
	const struct promise *promise = NULL;
	char ref[TALLY_REF_SIZE] = "";
	struct tally *tally = ledger_tally(l, s->at);
	struct tally_key key = {
		.direction = s->direction, .outcome = outcome_of(s),
		.finding = s->finding, .trust = s->trust,
		.refuses_our_certificate = s->refuses_our_certificate,
		.protocol = s->protocol, .cipher = s->cipher
	};
	struct tally_key detail;

	if (tally == NULL)
		return false;
	if (s->direction == SESSION_OUT) {
		key.host = s->host;
		promise = promises_find(promises, domain_of(s));
	} else
		key.service = s->service;
	if (key.outcome == TALLY_FAILURE) {
		key.host = s->host;
		key.address = s->address;
		key.reason = s->alert.len > 0 ? s->alert : s->reason;
	}
	if (promise != NULL)
		promise_complete(promise, tally, s, source, &key, ref);
	tally_add(tally, domain_of(s), &key, s->at, source);
	session_counts_add(ledger_session_counts(l), &key);
	if (promise != NULL && promise_detail(promise, &detail)) {
		tally_add(tally, domain_of(s), &detail, s->at, source);
		session_counts_add(ledger_session_counts(l), &detail);
	}
	return true;
}

/* ------------------------------------------------------------- datagrams */

static struct text
optional(const char *string)
{
	return text_of(string != NULL ? string : "");
}

static void
set_failure(struct tally_key *key, const struct datagram_failure *f)
{
	const char *known = finding_result_type(f->finding);

	key->outcome = TALLY_FAILURE;
	key->finding = f->finding;
	key->result = text_of(known == NULL ||
	    strcmp(known, f->result_type) != 0 ? f->result_type : "");
	key->host = optional(f->mx_host);
	key->address = optional(f->receiving_ip);
	key->helo = datagram_helo_name(f);
	key->sender = optional(f->sending_ip);
	key->reason = optional(f->reason);
}

static void
count_policy(struct ledger *l, struct tally *tally, const struct datagram *d,
    const struct datagram_policy *p, struct text record, int64_t now)
{
	struct tally_policy policy = { p->type, p->domain,
	    (const char *const *)p->strings, (const char *const *)p->mx,
	    p->string_count, p->mx_count };
	char ref[TALLY_REF_SIZE];
	struct tally_key key = { .direction = SESSION_OUT,
	    .outcome = TALLY_SUCCESS, .finding = FINDING_OK,
	    .record = record };
	struct tally_key detail;
	size_t i = 0;

	tally_add_policy(tally, text_of(d->domain), &policy, now, TALLY_ONCE,
	    ref);
	key.policy = text_of(ref);
	detail = key;
	detail.is_detail = true;
	/* The handshake that was reported kept what these two promise. */
	if (strcmp(p->type, "no-policy-found") != 0)
		key.trust = SESSION_TRUST_VERIFIED;
	if (p->is_failed) {
		key.outcome = TALLY_FAILURE;
		key.finding = FINDING_UNKNOWN;
		key.trust = SESSION_TRUST_UNKNOWN;
		key.result = text_of("validation-failure");
		if (p->failure_count > 0)
			set_failure(&key, &p->failures[i++]);
	}
	tally_add(tally, text_of(d->domain), &key, now, TALLY_ONCE);
	session_counts_add(ledger_session_counts(l), &key);
	for (; i < p->failure_count; i++) {
		set_failure(&detail, &p->failures[i]);
		tally_add(tally, text_of(d->domain), &detail, now,
		    TALLY_ONCE);
		session_counts_add(ledger_session_counts(l), &detail);
	}
}

void
ledger_count_datagram(struct ledger *l, const struct datagram *d, int64_t now)
{
	struct tally *tally = ledger_tally(l, now);
	char ref[TALLY_REF_SIZE];
	size_t i;

	if (tally == NULL)
		return;
	tally_add_record(tally, text_of(d->domain), text_of(d->record), now,
	    TALLY_ONCE, ref);
	for (i = 0; i < d->policy_count; i++)
		count_policy(l, tally, d, &d->policies[i], text_of(ref), now);
}
