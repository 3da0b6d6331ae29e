/*
 * What to ask next, and what an answer means.  The steps:
 *
 *   MX of the domain and TXT of _mta-sts at once (a single host has no MX);
 *   A and AAAA of each MX host;
 *   TLSA of a host whose addresses are signed: at the end of its aliases, and
 *   if nothing is there, at the name that MX gave (RFC 7672, 2.2.2, 2.2.3);
 *   A and AAAA of mta-sts when a policy is due, and the fetch.
 */

#include "shared/policy/lookup_plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/policy/mtasts_record.h"
#include "shared/policy/tlsa.h"
#include "shared/xalloc.h"

#define TTL_MIN_S		300
#define TTL_MAX_S		3600
#define RETRY_MIN_S		10	/* after a failure of DNS */
#define RETRY_MAX_S		60
#define FETCH_RETRY_MIN_S	300	/* after a failed fetch */
#define FETCH_RETRY_MAX_S	3600
#define REFETCH_S		86400
#define MX_RECORDS_MAX		1000	/* a message holds hardly more */
#define TXT_RECORDS_MAX		64
#define TXT_BYTES_MAX		65536

const char *
lookup_topic_name(enum lookup_topic topic)
{
	static const char *const names[] = {
		"mx", "record", "host-a", "host-aaaa", "host-alias", "tlsa",
		"tlsa-original", "policy-a", "policy-aaaa"
	};

	return names[topic];
}

/* ---------------------------------------------------------------- asking */

static void
plan_ask(struct lookup_plan *plan, enum lookup_topic topic, size_t host)
{
	assert(plan->queued < LOOKUP_QUESTIONS_MAX);
	plan->queue[plan->queued].topic = topic;
	plan->queue[plan->queued].host = host;
	plan->queued++;
}

static void
plan_ask_host(struct lookup_plan *plan, size_t host)
{
	plan_ask(plan, LOOKUP_HOST_AAAA, host);
	plan_ask(plan, LOOKUP_HOST_A, host);
}

void
lookup_plan_init(struct lookup_plan *plan, struct facts *facts,
    const struct facts *known, bool must_refresh, bool is_validating)
{
	*plan = (struct lookup_plan){
		.facts = facts, .known = known, .ttl_s = TTL_MAX_S,
		.must_refresh = must_refresh, .is_validating = is_validating
	};
	if (facts->hop.kind == NEXT_HOP_HOST) {
		/* Named by Postfix itself: nobody else can choose it. */
		facts->mx_state = FACT_PRESENT;
		facts->mx_is_secure = true;
		facts_add_host(facts, facts->hop.name, 0);
		plan_ask_host(plan, 0);
	} else
		plan_ask(plan, LOOKUP_MX, 0);
	plan_ask(plan, LOOKUP_RECORD, 0);
}

void
lookup_plan_clear(struct lookup_plan *plan)
{
	free(plan->policy_addresses.addresses);
	plan->policy_addresses.addresses = NULL;
}

/*
 * The name of a question; false when it is too long for DNS, so that nobody
 * can have published anything there.
 */
static bool
question_name(const struct lookup_plan *plan, struct lookup_question *q)
{
	const struct next_hop *hop = &plan->facts->hop;
	const struct lookup_told *told = &plan->hosts[q->host];
	const char *host = plan->facts->host_count > 0 ?
	    plan->facts->hosts[q->host].name : "";
	char name[HOST_NAME_SIZE + 32];
	int len = 0;

	switch (q->topic) {
	case LOOKUP_MX:
		q->type = DNS_MX;
		len = snprintf(name, sizeof(name), "%s", hop->name);
		break;
	case LOOKUP_RECORD:
		q->type = DNS_TXT;
		len = snprintf(name, sizeof(name), "_mta-sts.%s", hop->name);
		break;
	case LOOKUP_HOST_A:
	case LOOKUP_HOST_AAAA:
	case LOOKUP_HOST_ALIAS:
		q->type = q->topic == LOOKUP_HOST_A ? DNS_A :
		    q->topic == LOOKUP_HOST_AAAA ? DNS_AAAA : DNS_CNAME;
		len = snprintf(name, sizeof(name), "%s", host);
		break;
	case LOOKUP_TLSA:
	case LOOKUP_TLSA_ORIGINAL:
		q->type = DNS_TLSA;
		if (q->topic == LOOKUP_TLSA && told->alias_end[0] != '\0')
			host = told->alias_end;
		len = snprintf(name, sizeof(name), "_%u._tcp.%s",
		    (unsigned)hop->port, host);
		break;
	case LOOKUP_POLICY_A:
	case LOOKUP_POLICY_AAAA:
		q->type = q->topic == LOOKUP_POLICY_A ? DNS_A : DNS_AAAA;
		len = snprintf(name, sizeof(name), "mta-sts.%s", hop->name);
		break;
	}
	if (len > HOST_NAME_MAX_BYTES)
		return false;
	memcpy(q->name, name, (size_t)len + 1);
	return true;
}

enum lookup_step
lookup_plan_next(struct lookup_plan *plan, struct lookup_question *out)
{
	static const struct dns_answer none = {
		.result = DNS_ABSENT, .is_secure = true, .ttl_s = UINT32_MAX,
		.why = ""
	};

	while (plan->asked < plan->queued) {
		out->topic = plan->queue[plan->asked].topic;
		out->host = plan->queue[plan->asked].host;
		plan->asked++;
		if (question_name(plan, out))
			return LOOKUP_ASK;
		lookup_plan_answer(plan, out, &none, 0);
	}
	if (plan->fetch == LOOKUP_FETCH_READY) {
		plan->fetch = LOOKUP_FETCH_OPEN;
		return LOOKUP_FETCH;
	}
	return lookup_plan_has_dns(plan) && plan->fetch != LOOKUP_FETCH_OPEN ?
	    LOOKUP_DONE : LOOKUP_WAIT;
}

bool
lookup_plan_has_dns(const struct lookup_plan *plan)
{
	return plan->answered == plan->queued;
}

/* -------------------------------------------------------------- MX hosts */

static int
compare_mx(const void *a, const void *b)
{
	const struct dns_mx *x = a, *y = b;

	return x->preference - y->preference;
}

static bool
has_host(const struct facts *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->host_count; i++)
		if (strcmp(f->hosts[i].name, name) == 0)
			return true;
	return false;
}

/* The usable ones among the records, the most preferred first. */
static void
add_mx_hosts(struct facts *f, const struct dns_answer *answer)
{
	size_t count = 0, i, record_count = answer->record_count;
	struct dns_mx *mx;

	if (record_count > MX_RECORDS_MAX) {
		record_count = MX_RECORDS_MAX;
		f->hosts_are_cut = true;
	}
	mx = xcalloc(record_count, sizeof(*mx));
	for (i = 0; i < record_count; i++)
		if (dns_mx_parse(answer->records[i], &mx[count]))
			count++;
	/* RFC 7505: "." stands alone; among others it is only a bad name. */
	f->mx_is_null = answer->record_count == 1 && count == 1 &&
	    mx[0].host[0] == '\0';
	qsort(mx, count, sizeof(*mx), compare_mx);
	for (i = 0; i < count; i++)
		if (mx[i].host[0] != '\0' && !has_host(f, mx[i].host))
			facts_add_host(f, mx[i].host, mx[i].preference);
	free(mx);
}

static void
answer_mx(struct lookup_plan *plan, const struct dns_answer *answer)
{
	struct facts *f = plan->facts;
	size_t i;

	f->mx_is_secure = answer->is_secure;
	switch (answer->result) {
	case DNS_FAILED:
		facts_set_error(f->mx_error, "MX of %s: %s", f->hop.name,
		    answer->why);
		return;
	case DNS_BOGUS:
		facts_set_error(f->mx_error, "MX of %s is bogus: %s",
		    f->hop.name, answer->why);
		memcpy(f->dane_error, f->mx_error, sizeof(f->dane_error));
		return;
	case DNS_ABSENT:
		f->mx_state = FACT_ABSENT;
		if (answer->is_nxdomain) {
			facts_set_error(f->mx_error, "%s does not exist",
			    f->hop.name);
			return;
		}
		/* RFC 5321, 5.1: the domain itself, if it has addresses. */
		f->mx_is_implicit = true;
		facts_add_host(f, f->hop.name, 0);
		break;
	case DNS_PRESENT:
		add_mx_hosts(f, answer);
		f->mx_state = f->host_count > 0 ? FACT_PRESENT : FACT_ABSENT;
		if (f->host_count == 0 && !f->mx_is_null)
			facts_set_error(f->mx_error,
			    "MX of %s: no record names a host", f->hop.name);
		break;
	}
	for (i = 0; i < f->host_count; i++)
		plan_ask_host(plan, i);
}

/* ------------------------------------------------------------- addresses */

/* Notes what A or AAAA said of a name; true when both have answered. */
static bool
told_note(struct lookup_told *told, struct facts_host *host, bool is_v6,
    const struct dns_answer *answer)
{
	struct address address;
	size_t i;

	told->results[is_v6] = answer->result;
	told->are_secure[is_v6] = answer->is_secure;
	if (answer->is_alias) {
		told->is_alias = true;
		if (told->alias_end[0] == '\0')
			memcpy(told->alias_end, answer->alias_end,
			    sizeof(told->alias_end));
	}
	if (answer->result == DNS_FAILED)
		facts_set_error(told->error, "%s of %s: %s",
		    is_v6 ? "AAAA" : "A", host->name, answer->why);
	if (answer->result == DNS_BOGUS)
		facts_set_error(told->error, "%s of %s is bogus: %s",
		    is_v6 ? "AAAA" : "A", host->name, answer->why);
	for (i = 0; i < answer->record_count; i++)
		if (dns_address_parse(answer->records[i], &address) &&
		    (address.family == 6) == is_v6)
			facts_add_address(host, &address);
	return ++told->answer_count == 2;
}

static enum fact_state
told_state(const struct lookup_told *told)
{
	if (told->results[0] == DNS_PRESENT || told->results[1] == DNS_PRESENT)
		return FACT_PRESENT;
	if (told->results[0] == DNS_ABSENT && told->results[1] == DNS_ABSENT)
		return FACT_ABSENT;
	return FACT_UNKNOWN;
}

/*
 * The addresses that there are must be signed.  That the other kind is absent
 * need not be proven: whoever denies it denies an address, not its signature.
 */
static bool
told_is_secure(const struct lookup_told *told)
{
	enum fact_state state = told_state(told);
	int i;

	if (state == FACT_UNKNOWN)
		return false;
	for (i = 0; i < 2; i++)
		if (!told->are_secure[i] && (state == FACT_ABSENT ||
		    told->results[i] == DNS_PRESENT))
			return false;
	return true;
}

static void
host_is_told(struct lookup_plan *plan, size_t i)
{
	struct facts_host *host = &plan->facts->hosts[i];
	struct lookup_told *told = &plan->hosts[i];

	host->address_state = told_state(told);
	host->is_secure = told_is_secure(told);
	memcpy(host->error, told->error, sizeof(host->error));
	switch (host->address_state) {
	case FACT_ABSENT:
		host->tlsa = TLSA_NONE;
		facts_set_error(host->error, "%s has no address", host->name);
		return;
	case FACT_UNKNOWN:
		/*
		 * Signed or not, who can tell.  Behind an unsigned MX a failure
		 * opens nothing that was closed, so only a signed MX or a bogus
		 * answer makes it unknown.
		 */
		if (!plan->facts->mx_is_secure &&
		    told->results[0] != DNS_BOGUS &&
		    told->results[1] != DNS_BOGUS)
			host->tlsa = TLSA_NONE;
		return;
	case FACT_PRESENT:
		break;
	}
	/* RFC 7672, 2.2.2: TLSA only where the addresses are signed ... */
	if (host->is_secure)
		plan_ask(plan, LOOKUP_TLSA, i);
	/* ... but a signed alias to an unsigned name has its own. */
	else if (told->is_alias)
		plan_ask(plan, LOOKUP_HOST_ALIAS, i);
	else
		host->tlsa = TLSA_NONE;
}

static void
answer_alias(struct lookup_plan *plan, size_t i,
    const struct dns_answer *answer)
{
	struct facts_host *host = &plan->facts->hosts[i];

	if (answer->result == DNS_FAILED || answer->result == DNS_BOGUS)
		facts_set_error(host->error, "CNAME of %s: %s", host->name,
		    answer->why);
	else if (answer->result == DNS_PRESENT && answer->is_secure)
		plan_ask(plan, LOOKUP_TLSA_ORIGINAL, i);
	else
		host->tlsa = TLSA_NONE;
}

/* ------------------------------------------------------------------ TLSA */

static enum tlsa_state
judge_tlsa(const struct dns_answer *answer)
{
	struct tlsa record;
	size_t i;

	for (i = 0; i < answer->record_count; i++)
		if (tlsa_parse(answer->records[i], &record) &&
		    tlsa_is_usable(&record))
			return TLSA_USABLE;
	return TLSA_UNUSABLE;
}

static void
answer_tlsa(struct lookup_plan *plan, const struct lookup_question *q,
    const struct dns_answer *answer)
{
	struct facts_host *host = &plan->facts->hosts[q->host];
	struct lookup_told *told = &plan->hosts[q->host];

	switch (answer->result) {
	case DNS_FAILED:
		facts_set_error(host->error, "TLSA of %s: %s", host->name,
		    answer->why);
		return;
	case DNS_BOGUS:
		facts_set_error(host->error, "TLSA of %s is bogus: %s",
		    host->name, answer->why);
		return;
	case DNS_PRESENT:
		if (answer->is_secure) {
			host->tlsa = judge_tlsa(answer);
			return;
		}
		break;
	case DNS_ABSENT:
		break;
	}
	if (q->topic == LOOKUP_TLSA && told->is_alias &&
	    told->alias_end[0] != '\0')
		plan_ask(plan, LOOKUP_TLSA_ORIGINAL, q->host);
	else
		host->tlsa = TLSA_NONE;
}

/* ------------------------------------------------------ record and policy */

static int64_t
min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
lookup_refetch_at(const char *domain, uint32_t max_age_s, int64_t now)
{
	uint32_t hash = 2166136261u;		/* FNV-1a */
	int64_t wait = min64(REFETCH_S, max_age_s / 2);
	const char *p;

	for (p = domain; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return now + wait - hash % (wait / 4 + 1);
}

static bool
holds_policy(const struct facts *held, int64_t now)
{
	return held != NULL && held->has_policy && now < held->expires_at;
}

int64_t
lookup_fetch_due(const struct facts *record, const struct facts *held,
    int64_t now)
{
	const char *id;
	int64_t due = 0, wait = FETCH_RETRY_MIN_S;
	unsigned i;

	if (record->record_state == FACT_PRESENT) {
		id = record->record_id;
		if (holds_policy(held, now) && strcmp(held->policy_id, id) == 0)
			due = held->refetch_at;
	} else if (holds_policy(held, now)) {
		/* Whatever became of the record (RFC 8461, 3.3). */
		id = held->policy_id;
		due = held->refetch_at;
	} else
		return LOOKUP_NEVER;
	if (held == NULL || held->fetch_failed_count == 0 ||
	    strcmp(held->fetch_failed_id, id) != 0)
		return due;
	for (i = 1; i < held->fetch_failed_count && wait < FETCH_RETRY_MAX_S;
	    i++)
		wait *= 2;
	wait = min64(wait, FETCH_RETRY_MAX_S);
	return held->fetch_failed_at + wait > due ?
	    held->fetch_failed_at + wait : due;
}

static void
consider_fetch(struct lookup_plan *plan, int64_t now)
{
	struct facts *f = plan->facts;
	int64_t due = lookup_fetch_due(f, plan->known, now);

	if (due == LOOKUP_NEVER || (now < due && !plan->must_refresh))
		return;
	plan->fetch = LOOKUP_FETCH_WANTED;
	memcpy(plan->fetch_id, f->record_state == FACT_PRESENT ?
	    f->record_id : plan->known->policy_id, sizeof(plan->fetch_id));
	snprintf(plan->policy_addresses.name,
	    sizeof(plan->policy_addresses.name), "mta-sts.%.245s",
	    f->hop.name);
	plan_ask(plan, LOOKUP_POLICY_AAAA, 0);
	plan_ask(plan, LOOKUP_POLICY_A, 0);
}

/* RFC 8461, 3.1, on the records as joined strings. */
static void
choose_record(struct facts *f, const struct dns_answer *answer)
{
	struct text texts[TXT_RECORDS_MAX];
	struct mtasts_record record;
	struct buffer block;
	size_t ends[TXT_RECORDS_MAX], count = 0, begin = 0, i;
	const char *why;

	buffer_init(&block, TXT_BYTES_MAX);
	for (i = 0; i < answer->record_count && count < TXT_RECORDS_MAX; i++)
		if (dns_txt_parse(answer->records[i], &block))
			ends[count++] = block.len;
	/* The block moves while it grows. */
	for (i = 0; i < count; begin = ends[i++])
		texts[i] = (struct text){ buffer_text(&block) + begin,
		    ends[i] - begin };
	f->record_state = FACT_ABSENT;
	switch (mtasts_record_choose(texts, count, &record, &why)) {
	case MTASTS_RECORD_PRESENT:
		f->record_state = FACT_PRESENT;
		memcpy(f->record_id, record.id, sizeof(f->record_id));
		break;
	case MTASTS_RECORD_ABSENT:
		break;
	case MTASTS_RECORD_INVALID:
		facts_set_error(f->record_error, "%s", why);
		break;
	}
	buffer_clear(&block);
}

static void
answer_record(struct lookup_plan *plan, const struct dns_answer *answer,
    int64_t now)
{
	struct facts *f = plan->facts;

	switch (answer->result) {
	case DNS_FAILED:
		facts_set_error(f->record_error, "TXT of _mta-sts.%s: %s",
		    f->hop.name, answer->why);
		break;
	case DNS_BOGUS:
		facts_set_error(f->record_error,
		    "TXT of _mta-sts.%s is bogus: %s", f->hop.name,
		    answer->why);
		break;
	case DNS_ABSENT:
		f->record_state = FACT_ABSENT;
		break;
	case DNS_PRESENT:
		choose_record(f, answer);
		break;
	}
	consider_fetch(plan, now);
}

static void
fetch_failed(struct lookup_plan *plan, enum finding finding,
    const char *error, int64_t now)
{
	struct facts *f = plan->facts;
	const struct facts *known = plan->known;

	plan->fetch = LOOKUP_FETCH_OVER;
	memcpy(f->fetch_failed_id, plan->fetch_id, sizeof(f->fetch_failed_id));
	f->fetch_failed_at = now;
	f->fetch_failed_count = 1;
	if (known != NULL &&
	    strcmp(known->fetch_failed_id, plan->fetch_id) == 0)
		f->fetch_failed_count += known->fetch_failed_count;
	f->fetch_finding = finding;
	facts_set_error(f->fetch_error, "%s", error);
}

static void
policy_host_is_told(struct lookup_plan *plan, int64_t now)
{
	char error[FACTS_ERROR_MAX_BYTES + 1];

	switch (told_state(&plan->policy_host)) {
	case FACT_PRESENT:
		plan->fetch = LOOKUP_FETCH_READY;
		break;
	case FACT_ABSENT:
		facts_set_error(error, "%s has no address",
		    plan->policy_addresses.name);
		fetch_failed(plan, FINDING_POLICY_FETCH_FAILED, error, now);
		break;
	case FACT_UNKNOWN:
		/* DNS failed, not the policy host: try again soon. */
		plan->fetch = LOOKUP_FETCH_OVER;
		memcpy(plan->facts->record_error, plan->policy_host.error,
		    sizeof(plan->facts->record_error));
		break;
	}
}

void
lookup_plan_fetched(struct lookup_plan *plan, enum finding finding,
    struct text text, const char *error, int64_t now)
{
	struct facts *f = plan->facts;
	struct mtasts_policy policy;
	const char *why = error;

	assert(plan->fetch == LOOKUP_FETCH_OPEN);
	plan->fetch = LOOKUP_FETCH_OVER;
	if (finding == FINDING_UNKNOWN) {
		facts_set_error(f->record_error, "%s", error);
		return;
	}
	if (finding == FINDING_OK &&
	    mtasts_policy_parse(text.data, text.len, &policy, &why) == -1)
		finding = FINDING_POLICY_INVALID;
	if (finding != FINDING_OK) {
		fetch_failed(plan, finding, why, now);
		return;
	}
	facts_set_policy(f, &policy, plan->fetch_id, now);
	f->refetch_at = lookup_refetch_at(f->hop.name, f->policy.max_age_s,
	    now);
}

/* --------------------------------------------------------------- answers */

void
lookup_plan_answer(struct lookup_plan *plan, const struct lookup_question *q,
    const struct dns_answer *answer, int64_t now)
{
	struct facts *f = plan->facts;

	plan->answered++;
	if ((answer->result == DNS_ABSENT || answer->result == DNS_PRESENT) &&
	    answer->ttl_s < plan->ttl_s)
		plan->ttl_s = answer->ttl_s;
	switch (q->topic) {
	case LOOKUP_MX:
		answer_mx(plan, answer);
		break;
	case LOOKUP_RECORD:
		answer_record(plan, answer, now);
		break;
	case LOOKUP_HOST_A:
	case LOOKUP_HOST_AAAA:
		if (told_note(&plan->hosts[q->host], &f->hosts[q->host],
		    q->topic == LOOKUP_HOST_AAAA, answer))
			host_is_told(plan, q->host);
		break;
	case LOOKUP_HOST_ALIAS:
		answer_alias(plan, q->host, answer);
		break;
	case LOOKUP_TLSA:
	case LOOKUP_TLSA_ORIGINAL:
		answer_tlsa(plan, q, answer);
		break;
	case LOOKUP_POLICY_A:
	case LOOKUP_POLICY_AAAA:
		if (told_note(&plan->policy_host, &plan->policy_addresses,
		    q->topic == LOOKUP_POLICY_AAAA, answer))
			policy_host_is_told(plan, now);
		break;
	}
}

/* ------------------------------------------------------------ conclusion */

/* Did DNS fail to tell something that a later look may learn? */
static bool
has_gap(const struct facts *f)
{
	size_t i;

	if (f->mx_state == FACT_UNKNOWN || f->record_state == FACT_UNKNOWN)
		return true;
	for (i = 0; i < f->host_count; i++)
		if (f->hosts[i].address_state == FACT_UNKNOWN ||
		    f->hosts[i].tlsa == TLSA_UNKNOWN)
			return true;
	return false;
}

static bool
hosts_are_told(const struct facts *f)
{
	size_t i;

	for (i = 0; i < f->host_count; i++)
		if (f->hosts[i].address_state != FACT_UNKNOWN)
			return true;
	return f->host_count == 0;
}

static void
judge_dane(const struct lookup_plan *plan)
{
	struct facts *f = plan->facts;
	size_t i;

	f->dane = facts_judge_dane(f);
	if (!plan->is_validating) {
		/* Unsigned answers from it say nothing of the domain. */
		f->dane = DANE_UNKNOWN;
		facts_set_error(f->dane_error,
		    "our resolver does not validate (DNSSEC)");
		return;
	}
	for (i = 0; i < f->host_count && f->dane_error[0] == '\0'; i++)
		if (f->hosts[i].tlsa == TLSA_UNKNOWN)
			facts_set_error(f->dane_error, "%s",
			    f->hosts[i].error);
}

static int64_t
refresh_delay(const struct lookup_plan *plan, bool is_gap)
{
	const struct facts *known = plan->known;
	int64_t delay;

	if (is_gap) {
		/* A short wait was one after a failure, too: double it. */
		delay = known != NULL ? known->refresh_at - known->looked_at :
		    0;
		if (delay < RETRY_MIN_S || delay > RETRY_MAX_S)
			return RETRY_MIN_S;
		return min64(2 * delay, RETRY_MAX_S);
	}
	if (plan->ttl_s < TTL_MIN_S || !plan->is_validating)
		return TTL_MIN_S;
	return plan->ttl_s;
}

/* Without MX the domain takes mail if it has an address (RFC 5321, 5.1). */
static void
judge_implicit_mx(struct facts *f)
{
	const struct facts_host *host = &f->hosts[0];

	f->mx_state = host->address_state;
	if (f->mx_state == FACT_ABSENT)
		facts_set_error(f->mx_error, "%s has neither MX nor address",
		    f->hop.name);
	if (f->mx_state == FACT_UNKNOWN)
		facts_set_error(f->mx_error, "no MX; %s", host->error);
}

static void
conclude_dns(struct lookup_plan *plan, int64_t now)
{
	struct facts *f = plan->facts;
	bool is_gap;

	if (f->mx_is_implicit)
		judge_implicit_mx(f);
	is_gap = has_gap(f);
	if (f->mx_state != FACT_UNKNOWN && hosts_are_told(f))
		f->learned_at = now;
	judge_dane(plan);
	facts_merge(f, plan->known, now);
	plan->dns_refresh_at = now + refresh_delay(plan, is_gap);
}

void
lookup_plan_conclude(struct lookup_plan *plan, int64_t now)
{
	struct facts *f = plan->facts;
	int64_t due;

	assert(lookup_plan_has_dns(plan));
	f->looked_at = now;
	if (!plan->is_concluded)
		conclude_dns(plan, now);
	plan->is_concluded = true;
	due = lookup_fetch_due(f, f, now);
	/* Overdue: it is still under way, or failed on our side. */
	if (due <= now)
		due = now + RETRY_MAX_S;
	f->refresh_at = min64(plan->dns_refresh_at, due);
	/* A slow fetch may outlast what a failure of DNS allows. */
	if (f->refresh_at < now + RETRY_MIN_S)
		f->refresh_at = now + RETRY_MIN_S;
}
