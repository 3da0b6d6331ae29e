/*
 * What we promise, judged beyond what "hopseal check" finds of any domain: as
 * it is ours, our mailbox, our addresses, what was promised before and what
 * others reported tell more.
 */

#include "ctl/certs.h"

#include <sys/socket.h>

#include <ifaddrs.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "shared/buffer.h"
#include "shared/io/config.h"
#include "shared/postfix/site.h"
#include "shared/siphash.h"
#include "shared/tlsrpt/record.h"

#define DAY_S		86400
#define POLICY_MAX	(64 * 1024)
#define TOLD_NAMES_MAX	3

/* ---------------------------------------------------------- TLS-RPT record */

/* MTA-STS or DANE: something whose failures others could report. */
static bool
promises_something(const struct facts *f)
{
	size_t i;

	for (i = 0; i < f->host_count; i++)
		if (f->hosts[i].tlsa == TLSA_USABLE)
			return true;
	return f->record_state == FACT_PRESENT;
}

static bool
is_taken_in(const struct tlsrpt_record *record, const char *addresses)
{
	struct text rest = text_of(addresses), item;
	size_t i;

	while (text_next_item(&rest, &item))
		for (i = 0; i < record->rua_count; i++)
			if (record->ruas[i].scheme == TLSRPT_MAILTO &&
			    text_equals_nocase(item, record->ruas[i].target))
				return true;
	return false;
}

static void
judge_mailbox(struct check *c, const struct tlsrpt_record *record,
    const char *addresses)
{
	if (record->skipped_count > 0)
		check_warn(c, "tlsrpt-invalid", "correct the record; hopseal "
		    "lint tlsrpt-record judges it offline",
		    "a destination of TLS reports is none: %s",
		    record->skipped_why);
	/* Without addresses of ours they are meant for somebody else. */
	if (addresses[0] != '\0' && !is_taken_in(record, addresses))
		check_warn(c, "tlsrpt-elsewhere", "add the mailto: of one of "
		    "report_addresses to its rua, or its mailbox to "
		    "report_addresses", "TLS reports go to %s, which is none "
		    "of report_addresses", record->ruas[0].target);
}

static void
judge_tlsrpt(struct certs_domain *d, const char *addresses)
{
	const struct txt_answer *txt = &d->look.tlsrpt;
	struct tlsrpt_record record;
	const char *why;

	if (!txt->is_known)
		return;
	switch (tlsrpt_record_choose(txt->records, txt->record_count, &record,
	    &why)) {
	case TLSRPT_RECORD_ABSENT:
		if (promises_something(d->look.facts))
			check_warn(&d->check, "tlsrpt-missing", "publish the "
			    "record that \"hopseal certs --publish\" prints",
			    "there is no TLS-RPT record, so that nobody "
			    "reports what fails on the way here");
		break;
	case TLSRPT_RECORD_INVALID:
		check_warn(&d->check, "tlsrpt-invalid", "correct the record; "
		    "hopseal lint tlsrpt-record judges it offline", "%s", why);
		break;
	case TLSRPT_RECORD_PRESENT:
		judge_mailbox(&d->check, &record, addresses);
		tlsrpt_record_clear(&record);
		break;
	}
}

/* ------------------------------------------------------------------- DNSSEC */

static void
judge_dnssec(struct certs_domain *d)
{
	const struct facts *f = d->look.facts;
	size_t i;

	for (i = 0; i < f->host_count && i < LOOK_HOSTS_MAX; i++)
		if (d->look.has_vain_tlsa[i])
			check_warn(&d->check, "dane-without-dnssec",
			    "sign the zone and put its DS record into the "
			    "parent, or take the TLSA records out",
			    "it has TLSA records, but %s without DNSSEC, so "
			    "that nobody heeds them", f->hosts[i].is_secure ?
			    "the MX record is" : "its name is")->host =
			    f->hosts[i].name;
}

/* ------------------------------------------------------------- whose host */

static bool
is_local(const struct address *address)
{
	struct address local;
	struct ifaddrs *list, *i;
	char text[ADDRESS_TEXT_SIZE];
	bool is_found = false;

	if (getifaddrs(&list) == -1)
		return false;
	for (i = list; i != NULL && !is_found; i = i->ifa_next)
		if (i->ifa_addr != NULL && getnameinfo(i->ifa_addr,
		    i->ifa_addr->sa_family == AF_INET6 ?
		    sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
		    text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0 &&
		    address_parse(text_of(text), &local))
			is_found = address_equals(&local, address);
	freeifaddrs(list);
	return is_found;
}

static bool
is_ours(const struct certs *certs, const struct network_list *networks,
    const struct address *address, const struct observation *o)
{
	size_t i;

	if (network_list_contains(networks, address) || is_local(address))
		return true;
	for (i = 0; o->cert_count > 0 && i < certs->item_count; i++)
		if (certs->items[i].has_result && text_equals(
		    o->certs[0].sha256, certs->items[i].result.certs[0].sha256))
			return true;
	return false;
}

/*
 * Present: an address or a certificate of this site.  Absent: neither, and TLS
 * showed whose it is.  It may be this one behind NAT where nothing was seen.
 */
static enum fact_state
host_is_ours(const struct certs *certs, const struct look *look, size_t host,
    const struct network_list *networks)
{
	enum fact_state state = FACT_UNKNOWN;
	const struct look_address *a;
	const struct observation *o;
	size_t i;

	for (i = 0; i < look->address_count; i++) {
		a = &look->addresses[i];
		o = look_seen(a, PROBE_AS_POSTFIX);
		if (a->host != host || o == NULL)
			continue;
		if (is_ours(certs, networks, &look->facts->hosts[host].
		    addresses[a->address].address, o))
			return FACT_PRESENT;
		if (o->cert_count > 0)
			state = FACT_ABSENT;
	}
	return state;
}

/* With a filtering gateway in front no host is ours, and all are meant. */
static void
judge_hosts(const struct certs *certs, struct certs_domain *d,
    const struct network_list *networks)
{
	const struct facts *f = d->look.facts;
	enum fact_state states[LOOK_HOSTS_MAX];
	bool has_ours = false;
	size_t count = f->host_count < LOOK_HOSTS_MAX ? f->host_count :
	    LOOK_HOSTS_MAX, i;

	for (i = 0; i < count; i++) {
		states[i] = host_is_ours(certs, &d->look, i, networks);
		has_ours |= states[i] == FACT_PRESENT;
	}
	for (i = 0; has_ours && i < count; i++)
		if (states[i] == FACT_ABSENT)
			check_warn(&d->check, "mx-legacy", "take it out of "
			    "the MX records, or name its address in "
			    "own_networks where it is one of yours",
			    "it is none of our hosts: neither its address "
			    "nor its certificate is from here")->host =
			    f->hosts[i].name;
}

/* ----------------------------------------------------------------- MTA-STS */

void
certs_policy_hash(const struct facts *f, char out[CERTS_HASH_SIZE])
{
	static const struct siphash_key key = { 's', 't' };
	struct buffer b;
	size_t i;

	buffer_init(&b, POLICY_MAX);
	buffer_addf(&b, "%s %lld", mtasts_mode_name(f->policy.mode),
	    (long long)f->policy.max_age_s);
	for (i = 0; i < f->policy.mx_count; i++)
		buffer_addf(&b, " %s", f->policy.mx[i]);
	snprintf(out, CERTS_HASH_SIZE, "%016" PRIx64, siphash(&key, b.data,
	    b.len));
	buffer_clear(&b);
}

/* "certificate-expired 10, starttls-not-supported 2" */
static void
add_failures(const json_t *row, struct buffer *out)
{
	json_t *failures = json_object_get(row, "failures"), *count;
	const char *kind, *separator = ": ";

	json_object_foreach(failures, kind, count) {
		buffer_addf(out, "%s%s %lld", separator, kind,
		    (long long)json_integer_value(count));
		separator = ", ";
	}
}

static bool
tells_of_failure(const json_t *report, const char *domain)
{
	const json_t *policies = json_object_get(report, "policies"), *p;
	size_t i;

	json_array_foreach(policies, i, p)
		if (answer_is(p, "domain", domain) &&
		    answer_number(p, "failure") > 0)
			return true;
	return false;
}

/* "; told by Example, Inc." */
static void
add_reporters(const json_t *received, const char *domain,
    struct buffer *out)
{
	const json_t *reports = json_object_get(received, "reports"), *r;
	const char *separator = "; told by ", *name;
	size_t i, count = 0;

	json_array_foreach(reports, i, r) {
		name = answer_text(r, "organization");
		if (!answer_is_true(r, "verified") ||
		    !tells_of_failure(r, domain) ||
		    strstr(buffer_text(out), name) != NULL)
			continue;
		if (count++ == TOLD_NAMES_MAX) {
			buffer_addf(out, " and others");
			break;
		}
		buffer_addf(out, "%s%s", separator, name);
		separator = ", ";
	}
}

/* A month of it: who would have failed, had it been enforced? */
static void
judge_testing(const struct certs *certs, struct certs_domain *d, int64_t days)
{
	const json_t *rows = json_object_get(certs->received, "domains"), *r;
	const char *name = d->look.hop.name;
	int64_t success = 0, failure = 0;
	struct buffer words;
	size_t i;

	buffer_init(&words, CHECK_WORDS_SIZE);
	buffer_addf(&words, "mode testing for %lld days", (long long)days);
	json_array_foreach(rows, i, r)
		if (answer_is(r, "domain", name) &&
		    answer_is(r, "policy", "sts")) {
			success = answer_number(r, "success");
			failure = answer_number(r, "failure");
			break;
		}
	if (failure > 0) {
		buffer_addf(&words, ", and %lld of %lld sessions that others "
		    "reported would have failed", (long long)failure,
		    (long long)(failure + success));
		add_failures(r, &words);
		add_reporters(certs->received, name, &words);
	} else if (success > 0)
		buffer_addf(&words, ", and none of %lld sessions that others "
		    "reported would have failed: it is safe to enforce",
		    (long long)success);
	else
		buffer_addf(&words, ", and no TLS report tells how it went");
	check_warn(&d->check, "testing-forever", failure > 0 ?
	    "mend that first; hopseal report --received says more" :
	    success > 0 ? "set mode: enforce in the policy, then a new id in "
	    "the record" : "publish a TLS-RPT record with a mailbox of "
	    "report_addresses, or enforce", "%s", buffer_text(&words));
	buffer_clear(&words);
}

static void
judge_policy(const struct certs *certs, struct certs_domain *d)
{
	const struct facts *f = d->look.facts;
	const json_t *state = json_object_get(json_object_get(certs->promises,
	    "domains"), d->look.hop.name);
	int64_t since = answer_time(state, "since");
	char hash[CERTS_HASH_SIZE];

	if (!f->has_policy || state == NULL)
		return;
	certs_policy_hash(f, hash);
	if (answer_is(state, "id", f->record_id) &&
	    answer_text(state, "policy_hash")[0] != '\0' &&
	    !answer_is(state, "policy_hash", hash))
		check_warn(&d->check, "record-id-unchanged", "put another id "
		    "into the record at _mta-sts", "the policy has changed "
		    "and the record's id %s has not, so that who knows the "
		    "old one keeps it", f->record_id);
	if (f->policy.mode == MTASTS_TESTING &&
	    answer_is(state, "mode", "testing") && since > 0 &&
	    certs->received != NULL && certs->now - since >= CERTS_TESTING_S)
		judge_testing(certs, d, (certs->now - since) / DAY_S);
}

/* -------------------------------------------------------------------- whole */

void
certs_judge_promises(struct certs *certs, const struct config *config,
    const struct site *site)
{
	struct network_list given = { 0 };
	const struct network_list *networks = &site->own_networks;
	struct certs_domain *d;
	const char *why;
	size_t i, skipped;

	if (config->own_networks[0] != '\0' && network_list_parse(text_of(
	    config->own_networks), &given, &skipped, &why) == 0)
		networks = &given;
	for (i = 0; i < certs->domain_count; i++) {
		d = &certs->domains[i];
		if (d->look.facts == NULL)
			continue;
		judge_tlsrpt(d, config->report_addresses);
		judge_dnssec(d);
		judge_hosts(certs, d, networks);
		judge_policy(certs, d);
	}
	network_list_clear(&given);
}
