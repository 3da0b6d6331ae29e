/*
 * What we promise to those who send to us: each of our own domains gets the
 * full look of "hopseal check", told as trouble of ours.
 */

#include "ctl/certs.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/check_judge.h"
#include "ctl/scout_client.h"
#include "shared/io/clock.h"
#include "shared/io/config.h"
#include "shared/postfix/next_hop.h"
#include "shared/postfix/site.h"
#include "shared/xalloc.h"

#define OVERRIDES	"probe_rate=1200\n"
#define LOOK_ALL_MS	120000

/* ------------------------------------------------------------ our domains */

/* A name that strangers could send to; others promise nothing. */
static void
add_domain(struct certs *certs, struct text word, bool is_guess)
{
	struct certs_domain *d;
	struct next_hop hop;
	const char *why;
	size_t i;

	next_hop_parse(word, &hop, &why);
	if (hop.kind != NEXT_HOP_DOMAIN || strchr(hop.name, '.') == NULL ||
	    host_name_is_private(hop.name) ||
	    certs->domain_count == CERTS_DOMAINS_MAX)
		return;
	for (i = 0; i < certs->domain_count; i++)
		if (strcmp(certs->domains[i].look.hop.name, hop.name) == 0)
			return;
	certs->domains = xreallocarray(certs->domains,
	    certs->domain_count + 1, sizeof(*certs->domains));
	d = &certs->domains[certs->domain_count++];
	*d = (struct certs_domain){ .look = { .hop = hop,
	    .service = PROBE_SMTP, .asks_tlsa = true },
	    .is_guess = is_guess };
}

void
certs_add_domains(struct certs *certs, const struct config *config,
    const struct site *site)
{
	struct text rest = text_of(config->own_domains), item;
	size_t i;

	for (i = 0; rest.len == 0 && i < site->own_domain_count; i++)
		add_domain(certs, text_of(site->own_domains[i]), true);
	while (text_next_item(&rest, &item))
		add_domain(certs, item, false);
	rest = text_of(config->promise_domains);
	while (text_next_item(&rest, &item))
		add_domain(certs, item, false);
}

/* Those that nobody looks at any more stay unknown. */
static void
look_at(struct look *look, struct scout_client *scout, bool *is_there,
    int64_t end, int64_t now, struct check *out)
{
	*is_there = *is_there && clock_monotonic_ms() < end &&
	    look_run(look, scout);
	check_judge(look, now, out);
}

int
certs_look(struct certs *certs, const struct ctl_options *options,
    enum ctl_exit *status)
{
	int64_t end = clock_monotonic_ms() + LOOK_ALL_MS;
	struct scout_client *scout;
	bool is_there = true;
	size_t i;

	if (certs->domain_count + certs->hop_count == 0)
		return 0;
	scout = scout_client_start(options, OVERRIDES, status);
	if (scout == NULL)
		return -1;
	for (i = 0; i < certs->domain_count; i++)
		look_at(&certs->domains[i].look, scout, &is_there, end,
		    certs->now, &certs->domains[i].check);
	for (i = 0; i < certs->hop_count; i++)
		if (certs->hops[i].look.hop.kind != NEXT_HOP_NONE)
			look_at(&certs->hops[i].look, scout, &is_there,
			    end, certs->now, &certs->hops[i].check);
	scout_client_stop(scout);
	return 0;
}

static bool
is_for_host(const struct certs_item *item, const char *host)
{
	size_t i;

	for (i = 0; i < item->own->port_count; i++)
		if (item->own->ports[i].port == NEXT_HOP_SMTP_PORT)
			break;
	return item->has_result && i < item->own->port_count &&
	    (item->own->kind == OWN_SNI ? certs_is_for(item, host) :
	    strcmp(item->wanted, host) == 0);
}

/* o is what was seen at host just now, with its TLSA records. */
static void
compare_host(struct certs *certs, const char *host,
    const struct observation *o)
{
	unsigned char storage[OBSERVED_TLSA_MAX][TLSA_DATA_MAX_BYTES];
	struct tlsa records[OBSERVED_TLSA_MAX];
	struct cert_question q = { .now = certs->now, .host = host,
	    .store = certs->store, .tlsa = records };
	struct cert_result result;
	const char *why;
	size_t i;

	for (i = 0; i < o->tlsa_count; i++)
		if (tlsa_parse_text(o->tlsa[i], storage[q.tlsa_count],
		    &records[q.tlsa_count]))
			q.tlsa_count++;
	for (i = 0; q.tlsa_count > 0 && i < certs->item_count; i++) {
		q.chain = &certs->items[i].chain;
		if (!is_for_host(&certs->items[i], host) ||
		    cert_check(&q, &result, &why) == -1)
			continue;
		if (result.dane.finding == FINDING_TLSA_MISMATCH)
			certs_add_problem(&certs->items[i],
			    finding_name(FINDING_TLSA_MISMATCH),
			    CERTS_CRITICAL, "publish the record that "
			    "\"hopseal certs --publish\" prints, and do not "
			    "reload before its TTL is over",
			    "no TLSA record of _25._tcp.%s is this one's",
			    host);
		cert_result_clear(&result);
	}
}

void
certs_compare_tlsa(struct certs *certs)
{
	const struct look_address *a;
	const struct look *look;
	size_t i, j;

	for (i = 0; i < certs->domain_count; i++) {
		look = &certs->domains[i].look;
		for (j = 0; j < look->address_count; j++) {
			a = &look->addresses[j];
			if (look_seen(a, PROBE_AS_POSTFIX) != NULL)
				compare_host(certs,
				    look->facts->hosts[a->host].name,
				    look_seen(a, PROBE_AS_POSTFIX));
		}
	}
}

bool
certs_is_promised(const struct certs_domain *domain)
{
	const struct facts *f = domain->look.facts;

	return !domain->is_guess || f == NULL || f->host_count > 0 ||
	    f->mx_state == FACT_UNKNOWN;
}

/* A host of ours that strangers find and that does not keep our promise. */
const char *
certs_promise_word(const struct check_problem *problem)
{
	if (problem->host[0] != '\0' &&
	    (strcmp(problem->word, "mx-not-in-policy") == 0 ||
	    strcmp(problem->word, "unreachable") == 0))
		return "mx-legacy";
	return problem->word;
}
