/*
 * hopseal certs --publish: the records that promise what is served and what is
 * on disk, as lines of a zone, and the policy file in comments between them.
 */

#include "ctl/certs.h"

#include <stdio.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/io/config.h"
#include "shared/policy/mx_match.h"

#define LINES_MAX	65536

static bool
is_for(const struct certs_item *item, const char *host)
{
	size_t i;

	for (i = 0; item->has_result && i < item->result.name_count; i++)
		if (mx_match(item->result.names[i], host))
			return true;
	return false;
}

static void
add_tlsa(struct buffer *lines, const char *host, struct text data)
{
	char line[HOST_NAME_SIZE + 128];

	snprintf(line, sizeof(line), "_25._tcp.%s. IN TLSA %.*s\n", host,
	    (int)data.len, data.data);
	if (data.len > 0 && strstr(buffer_text(lines), line) == NULL)
		buffer_add_text(lines, line);
}

/* The key in use and, where a new one is on disk already, that one, too. */
static void
publish_tlsa(const struct certs *certs, const struct look *look, size_t host)
{
	const char *name = look->facts->hosts[host].name;
	const struct observation *o;
	struct buffer lines;
	size_t i;

	buffer_init(&lines, LINES_MAX);
	for (i = 0; i < look->address_count; i++) {
		o = look_seen(&look->addresses[i], PROBE_AS_POSTFIX);
		if (look->addresses[i].host == host && o != NULL)
			add_tlsa(&lines, name, o->tlsa_text);
	}
	for (i = 0; i < certs->item_count; i++)
		if (is_for(&certs->items[i], name))
			add_tlsa(&lines, name,
			    text_of(certs->items[i].result.tlsa_text));
	fputs(buffer_text(&lines), stdout);
	buffer_clear(&lines);
}

/*
 * False where what the domain promises now is not known: a policy without its
 * MX, or one that takes another's place, would be worse than none.
 */
static bool
publish_domain(const struct certs *certs, const struct look *look,
    const char *report_address)
{
	const struct facts *f = look->facts;
	const char *name = look->hop.name;
	bool is_unknown = f == NULL || f->mx_state == FACT_UNKNOWN ||
	    (!f->has_policy && f->record_state != FACT_ABSENT);
	const char *why = f == NULL || f->mx_state == FACT_UNKNOWN ?
	    "its MX records are not known now" : is_unknown ?
	    "its MTA-STS policy is not known now" : "it takes no mail";
	size_t i;

	if (is_unknown || f->host_count == 0) {
		ctl_complain("%s: nothing to publish: %s", name, why);
		printf("; %s: nothing to publish: %s\n\n", name, why);
		return !is_unknown;
	}
	printf("; %s: publish a key's TLSA record two TTLs before the key is "
	    "used\n", name);
	if (!f->mx_is_secure)
		printf("; its MX record has no DNSSEC: TLSA records do not "
		    "count before it has\n");
	for (i = 0; i < f->host_count; i++)
		publish_tlsa(certs, look, i);
	printf("_smtp._tls.%s. IN TXT \"v=TLSRPTv1; rua=mailto:%s\"\n", name,
	    report_address);
	printf("_mta-sts.%s. IN TXT \"v=STSv1; id=%lld;\"\n", name,
	    (long long)certs->now);
	printf("; https://mta-sts.%s/.well-known/mta-sts.txt\n"
	    ";   version: STSv1\n;   mode: %s\n", name,
	    f->has_policy ? mtasts_mode_name(f->policy.mode) : "testing");
	for (i = 0; i < f->host_count; i++)
		printf(";   mx: %s\n", f->hosts[i].name);
	printf(";   max_age: 604800\n\n");
	return true;
}

enum ctl_exit
certs_publish(const struct certs *certs, const struct config *config)
{
	struct text rest, item;
	char address[HOST_NAME_SIZE + 64];
	enum ctl_exit status = certs->is_partial ? CTL_UNKNOWN : CTL_FINE;
	size_t i;

	for (i = 0; i < certs->domain_count; i++) {
		rest = text_of(config->report_addresses);
		snprintf(address, sizeof(address), "tls-reports@%s",
		    certs->domains[i].look.hop.name);
		if (text_next_item(&rest, &item))
			text_quote(address, sizeof(address), item);
		if (!publish_domain(certs, &certs->domains[i].look, address))
			status = CTL_UNKNOWN;
	}
	return status;
}
