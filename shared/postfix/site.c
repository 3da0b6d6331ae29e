/*
 * What this site's Postfix says of itself.  Only what stands in the parameters
 * themselves is read: a table ("hash:/etc/postfix/domains") is noticed and left
 * to route.c, which asks it.
 */

#include "shared/postfix/site.h"

#include <stdlib.h>
#include <string.h>

#include "shared/host_name.h"
#include "shared/postfix/map_reply_check.h"
#include "shared/postfix/table.h"
#include "shared/xalloc.h"

/* mail_version first: with it an instance begins. */
const char *const site_parameters[] = {
	"mail_version", "config_directory", "queue_directory", "myhostname",
	"myorigin", "mynetworks", "mydestination", "virtual_alias_domains",
	"virtual_mailbox_domains", "relay_domains",
	"parent_domain_matches_subdomains", "recipient_delimiter",
	"smtp_tls_security_level", "smtp_dns_support_level",
	"smtp_host_lookup", "smtp_fallback_relay", "smtp_tls_CAfile",
	"smtp_tls_CApath", "tls_append_default_CA",
	"smtp_tls_mandatory_protocols", "smtp_tls_loglevel",
	"smtpd_tls_loglevel", "smtpd_tls_security_level", "maillog_file",
	"canonical_maps", "sender_canonical_maps", "recipient_canonical_maps",
	"virtual_alias_maps", "transport_maps", "default_transport",
	"sender_dependent_default_transport_maps", "relayhost",
	"sender_dependent_relayhost_maps", "multi_instance_directories", NULL
};

/*
 * Several instances of Postfix may say several things: DANE is possible when
 * none denies it, a level counts when all agree, names and networks add up.
 */
struct seen {
	unsigned	dnssec_count, dns_lookup_count, dane_denied_count;
	bool		has_level;
	bool		smtpd_is_silent, smtpd_offers_tls;
};

static void
site_add_domain(struct site *site, struct text item)
{
	char name[HOST_NAME_SIZE];
	const char *why;

	if (item.data[0] == '/' || item.data[0] == '!' ||
	    item.data[0] == '.' || table_is_table(item)) {
		site->own_domains_are_all = false;
		return;
	}
	if (item.data[0] == '$')
		return;		/* "$myhostname" is added as itself */
	if (host_name_normalize(item, name, &why) == -1)
		return;
	site->own_domains = xreallocarray(site->own_domains,
	    site->own_domain_count + 1, sizeof(*site->own_domains));
	site->own_domains[site->own_domain_count++] = xstrdup(name);
}

static void
site_add_domains(struct site *site, struct text value)
{
	struct text item;

	while (table_next_item(&value, &item))
		site_add_domain(site, item);
}

static bool
has_word(struct text value, const char *word)
{
	struct text item;

	while (text_next_item(&value, &item))
		if (text_equals_nocase(item, word))
			return true;
	return false;
}

/* The oldest of several instances. */
static void
site_set_version(struct site *site, struct text value)
{
	unsigned version;

	if (map_reply_version_parse(value, &version) &&
	    (site->mail_version == 0 || version < site->mail_version))
		site->mail_version = version;
}

static void
site_set_level(struct site *site, struct seen *seen, struct text value)
{
	enum tls_level level = TLS_LEVEL_UNSET;

	tls_level_parse(value, &level);
	if (seen->has_level && level != site->smtp_tls_level)
		level = TLS_LEVEL_UNSET;
	seen->has_level = true;
	site->smtp_tls_level = level;
}

static void
site_add_networks(struct site *site, struct text value)
{
	struct network_list *own = &site->own_networks, more;
	const char *why;
	size_t skipped, i;

	if (network_list_parse(value, &more, &skipped, &why) == -1) {
		site->own_networks_are_all = false;
		return;
	}
	own->networks = xreallocarray(own->networks, own->count + more.count,
	    sizeof(*own->networks));
	for (i = 0; i < more.count; i++)
		own->networks[own->count++] = more.networks[i];
	network_list_clear(&more);
	if (skipped > 0)
		site->own_networks_are_all = false;
}

static void
site_add_instance(struct site *site)
{
	site->instances = xreallocarray(site->instances,
	    site->instance_count + 1, sizeof(*site->instances));
	memset(&site->instances[site->instance_count++], 0,
	    sizeof(*site->instances));
}

/* What a line says of the instance that was begun last. */
static void
site_set_instance(struct site *site, struct text name, struct text value)
{
	struct instance *instance;

	if (site->instance_count == 0)
		return;
	instance = &site->instances[site->instance_count - 1];
	if (text_equals(name, "master.cf"))
		instance_add_service(instance, value);
	else
		instance_set(instance, name, value);
}

static void
site_set(struct site *site, struct seen *seen, struct text name,
    struct text value)
{
	if (text_equals(name, "mail_version")) {
		site->is_known = true;
		site_set_version(site, value);
		site_add_instance(site);
	} else if (text_equals(name, "myhostname")) {
		/* The first instance is the default one. */
		if (site->myhostname == NULL)
			site->myhostname = xstrndup(value.data, value.len);
		site_add_domains(site, value);
	} else if (text_equals(name, "mynetworks")) {
		site_add_networks(site, value);
	} else if (text_equals(name, "mydestination") ||
	    text_equals(name, "virtual_alias_domains") ||
	    text_equals(name, "virtual_mailbox_domains")) {
		site_add_domains(site, value);
	} else if (text_equals(name, "relay_domains")) {
		/* The names below them, too. */
		site->own_domains_are_all &= value.len == 0;
		site_add_domains(site, value);
	} else if (text_equals(name, "smtp_tls_security_level")) {
		site_set_level(site, seen, value);
	} else if (text_equals(name, "smtp_dns_support_level")) {
		if (text_equals_nocase(value, "dnssec"))
			seen->dnssec_count++;
		else
			seen->dane_denied_count++;
	} else if (text_equals(name, "smtp_host_lookup")) {
		if (has_word(value, "dns"))
			seen->dns_lookup_count++;
		else
			seen->dane_denied_count++;
	} else if (text_equals(name, "smtp_fallback_relay")) {
		site->has_fallback_relay |= value.len > 0;
	} else if (text_equals(name, "smtp_tls_CAfile")) {
		free(site->ca_file);
		site->ca_file = xstrndup(value.data, value.len);
	} else if (text_equals(name, "smtp_tls_CApath")) {
		free(site->ca_path);
		site->ca_path = xstrndup(value.data, value.len);
	} else if (text_equals(name, "smtp_tls_loglevel")) {
		site->smtp_tells_no_tls |= text_equals(value, "0");
	} else if (text_equals(name, "smtpd_tls_loglevel")) {
		seen->smtpd_is_silent |= text_equals(value, "0");
	} else if (text_equals(name, "smtpd_tls_security_level")) {
		seen->smtpd_offers_tls |= value.len > 0 &&
		    !text_equals_nocase(value, "none");
	} else if (text_equals(name, "maillog_file")) {
		if (site->maillog_file == NULL && value.len > 0 &&
		    value.data[0] == '/' &&
		    !text_starts_with(value, "/dev/"))
			site->maillog_file = xstrndup(value.data, value.len);
	} else if (text_equals(name, "tls_append_default_CA")) {
		site->appends_default_ca = text_equals_nocase(value, "yes");
	} else if (text_equals(name, "smtp_tls_mandatory_protocols")) {
		free(site->mandatory_protocols);
		site->mandatory_protocols = xstrndup(value.data, value.len);
	}
}

struct site *
site_parse(struct text postconf)
{
	struct site *site = xcalloc(1, sizeof(*site));
	struct seen seen = { 0 };
	struct text line, name, rest;
	size_t i;

	site->own_networks_are_all = site->own_domains_are_all = true;
	while (text_next_line(&postconf, &line)) {
		if (line.len > 0 && line.data[0] == '#') {
			line = text_trim((struct text){ line.data + 1,
			    line.len - 1 });
			free(site->message);
			site->message = xstrndup(line.data, line.len);
			continue;
		}
		rest = line;
		if (!text_next_field(&rest, '=', &name) || rest.data == NULL)
			continue;
		site_set(site, &seen, text_trim(name), text_trim(rest));
		site_set_instance(site, text_trim(name), text_trim(rest));
	}
	site->has_plain_ways = true;
	for (i = 0; i < site->instance_count; i++)
		site->has_plain_ways &= instance_is_plain(&site->instances[i]);
	site->can_dane = seen.dnssec_count > 0 && seen.dns_lookup_count > 0 &&
	    seen.dane_denied_count == 0;
	site->smtpd_tells_no_tls = seen.smtpd_is_silent &&
	    seen.smtpd_offers_tls;
	return site;
}

void
site_free(struct site *site)
{
	size_t i;

	if (site == NULL)
		return;
	for (i = 0; i < site->own_domain_count; i++)
		free(site->own_domains[i]);
	free(site->own_domains);
	for (i = 0; i < site->instance_count; i++)
		instance_clear(&site->instances[i]);
	free(site->instances);
	network_list_clear(&site->own_networks);
	free(site->myhostname);
	free(site->ca_file);
	free(site->ca_path);
	free(site->mandatory_protocols);
	free(site->maillog_file);
	free(site->message);
	free(site);
}

bool
site_was_asked(const struct site *site)
{
	return site->is_known || site->message != NULL;
}

bool
site_owns_domain(const struct site *site, const char *name)
{
	size_t i;

	for (i = 0; i < site->own_domain_count; i++)
		if (strcmp(site->own_domains[i], name) == 0)
			return true;
	return false;
}
