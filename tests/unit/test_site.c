/*
 * What postconf prints of a site: one instance of Postfix, several, none.
 */

#include "shared/postfix/site.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))

/* As a fresh Debian prints it. */
#define DEBIAN \
	"mail_version = 3.10.5\n" \
	"myhostname = mx.site.example\n" \
	"mydomain = site.example\n" \
	"mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n" \
	"mydestination = mx.site.example, site.example, localhost\n" \
	"virtual_alias_domains =\n" \
	"virtual_mailbox_domains =\n" \
	"relay_domains = site.example\n" \
	"smtp_tls_security_level = may\n" \
	"smtp_dns_support_level =\n" \
	"smtp_host_lookup = dns\n" \
	"smtp_fallback_relay =\n" \
	"smtp_tls_CAfile =\n" \
	"smtp_tls_CApath = /etc/ssl/certs\n" \
	"tls_append_default_CA = no\n" \
	"smtp_tls_mandatory_protocols = >=TLSv1\n" \
	"relayhost =\n" \
	"transport_maps =\n" \
	"default_transport = smtp\n"

#define V		"mail_version = 3.7.11\n"
#define DNSSEC		"smtp_dns_support_level = dnssec\n"
#define BY_DNS		"smtp_host_lookup = dns\n"

static struct site *
parse(const char *text)
{
	size_t len = strlen(text);
	char *exact = check_exact(text, len);
	struct site *site = site_parse((struct text){ exact, len });

	free(exact);
	return site;
}

/* What comes out, in the words of those who use it. */
static const struct row {
	const char	*label, *postconf;
	bool		 is_known, can_dane, has_fallback;
	unsigned	 version;
	enum tls_level	 level;
} rows[] = {
	{ "nothing", "", .is_known = false },
	{ "a message", "# postconf could not be run\n", .is_known = false },
	{ "text that is not postconf's", "<html>\n=\n===\nno equals\n",
	    .is_known = false },
	{ "Debian", DEBIAN, .is_known = true, .version = 310,
	    .level = TLS_LEVEL_MAY },
	{ "no blanks, CR LF", "mail_version=3.4.0\r\n"
	    "smtp_tls_security_level=dane\r\n", .is_known = true,
	    .version = 304, .level = TLS_LEVEL_DANE },
	{ "a development version", "mail_version = 3.12-20260821\n",
	    .is_known = true, .version = 312 },
	{ "a version that is none", "mail_version = unknown\n",
	    .is_known = true, .version = 0 },
	{ "the oldest of several instances", "mail_version = 3.10.5\n"
	    "mail_version = 3.7.11\nmail_version = 3.9.0\n",
	    .is_known = true, .version = 307 },

	{ "level unset", "smtp_tls_security_level =\n",
	    .level = TLS_LEVEL_UNSET },
	{ "level of an unknown word", "smtp_tls_security_level = most\n",
	    .level = TLS_LEVEL_UNSET },
	{ "level, two that agree", "smtp_tls_security_level = encrypt\n"
	    "smtp_tls_security_level = encrypt\n",
	    .level = TLS_LEVEL_ENCRYPT },
	{ "level, two that differ", "smtp_tls_security_level = encrypt\n"
	    "smtp_tls_security_level = may\n", .level = TLS_LEVEL_UNSET },
	{ "level, one of two unset", "smtp_tls_security_level = may\n"
	    "smtp_tls_security_level =\n", .level = TLS_LEVEL_UNSET },
	{ "level, two that differ and one more",
	    "smtp_tls_security_level = encrypt\n"
	    "smtp_tls_security_level = may\n"
	    "smtp_tls_security_level = may\n", .level = TLS_LEVEL_UNSET },

	{ "DANE", DNSSEC BY_DNS, .can_dane = true },
	{ "DANE in capitals", "smtp_dns_support_level = DNSSEC\n" BY_DNS,
	    .can_dane = true },
	{ "DANE, dns among others", DNSSEC "smtp_host_lookup = native, dns\n",
	    .can_dane = true },
	{ "DANE, support not said", BY_DNS, .can_dane = false },
	{ "DANE, support unset", "smtp_dns_support_level =\n" BY_DNS,
	    .can_dane = false },
	{ "DANE, support without DNSSEC",
	    "smtp_dns_support_level = enabled\n" BY_DNS, .can_dane = false },
	{ "DANE, lookup not said", DNSSEC, .can_dane = false },
	{ "DANE, lookup by native alone",
	    DNSSEC "smtp_host_lookup = native\n", .can_dane = false },
	{ "DANE, a word that only begins so",
	    DNSSEC "smtp_host_lookup = dnsmasq\n", .can_dane = false },
	{ "DANE, two instances", DNSSEC BY_DNS DNSSEC BY_DNS,
	    .can_dane = true },
	{ "DANE, denied by the second", DNSSEC BY_DNS
	    "smtp_dns_support_level =\n" BY_DNS, .can_dane = false },
	{ "DANE, denied by the first", DNSSEC "smtp_host_lookup = native\n"
	    DNSSEC BY_DNS, .can_dane = false },

	{ "fallback relay", "smtp_fallback_relay = [relay.example]\n",
	    .has_fallback = true },
	{ "fallback relay of the first of two",
	    "smtp_fallback_relay = [relay.example]\nsmtp_fallback_relay =\n",
	    .has_fallback = true },
};

static void
test_rows(void)
{
	const struct row *row;
	struct site *site;

	for (row = rows; row < rows + ROWS(rows); row++) {
		site = parse(row->postconf);
		check_bool(row->label, site->is_known, row->is_known);
		check_int(" version", site->mail_version, row->version);
		check_int(" level", site->smtp_tls_level, row->level);
		check_bool(" can DANE", site->can_dane, row->can_dane);
		check_bool(" fallback", site->has_fallback_relay,
		    row->has_fallback);
		site_free(site);
	}
}

/* ------------------------------------------------------------- the ways */

static const struct {
	const char	*label, *postconf;
	bool		 are_plain;
} ways[] = {
	{ "Debian", DEBIAN, true },
	{ "a relay", V "relayhost = [relay.example]:587\n", false },
	{ "a transport table", V "transport_maps = hash:/etc/t\n", false },
	{ "aliases", V "virtual_alias_maps = hash:/etc/v\n", false },
	{ "rewriting", V "canonical_maps = hash:/etc/c\n", false },
	{ "rewriting of senders", V "sender_canonical_maps = hash:/etc/c\n",
	    true },
	{ "relays by sender",
	    V "sender_dependent_relayhost_maps = hash:/etc/s\n", false },
	{ "transports by sender",
	    V "sender_dependent_default_transport_maps = hash:/etc/s\n",
	    false },
	{ "another default transport", V "default_transport = slow\n",
	    false },
	{ "another that is smtp(8), too", V "default_transport = slow\n"
	    "master.cf = slow unix - - y - 1 smtp\n", true },
	{ "the default transport to a host",
	    V "default_transport = smtp:[relay.example]\n", false },
	{ "the default transport, written long",
	    V "default_transport = smtp:\n", true },
	{ "one of two instances has a relay",
	    V "relayhost = relay.example\n" V "relayhost =\n", false },
};

static void
test_ways(void)
{
	struct site *site;
	size_t i;

	for (i = 0; i < ROWS(ways); i++) {
		site = parse(ways[i].postconf);
		check_bool(ways[i].label, site->has_plain_ways,
		    ways[i].are_plain);
		site_free(site);
	}
	site = parse(V "config_directory = /etc/a\n" V
	    "config_directory = /etc/b\n");
	check_int("instances", (int64_t)site->instance_count, 2);
	check_text("the second", instance_get(&site->instances[1],
	    SETTING_CONFIG_DIRECTORY), "/etc/b");
	site_free(site);
}

/* ---------------------------------------------------------- own domains */

static const struct {
	const char	*label, *postconf;
	const char	*owned, *foreign;	/* or NULL */
	bool		 is_partial;
} domains[] = {
	{ "mydestination", "mydestination = a.example, localhost\n",
	    "a.example", "b.example", false },
	{ "the last of a list", "mydestination = a.example, localhost\n",
	    "localhost", NULL, false },
	{ "no parents", "mydestination = a.example\n", "a.example",
	    "example", false },
	{ "no children", "mydestination = a.example\n", "a.example",
	    "mx.a.example", false },
	{ "virtual_alias_domains", "virtual_alias_domains = a.example\n",
	    "a.example", NULL, false },
	{ "virtual_mailbox_domains", "virtual_mailbox_domains = a.example\n",
	    "a.example", NULL, false },
	{ "relay_domains, and what lies below", "relay_domains = a.example\n",
	    "a.example", NULL, true },
	{ "the host itself", "myhostname = mx.a.example\n", "mx.a.example",
	    NULL, false },
	{ "not its domain", "mydomain = a.example\n", NULL, "a.example",
	    false },
	{ "in one spelling", "mydestination = M\303\274LLER.example.\n",
	    "xn--mller-kva.example", NULL, false },
	{ "a table", "mydestination = a.example, hash:/etc/domains\n",
	    "a.example", "hash:/etc/domains", true },
	{ "a table alone", "virtual_mailbox_domains = mysql:/etc/d.cf\n",
	    NULL, "mysql", true },
	{ "a file", "relay_domains = /etc/postfix/relays\n", NULL,
	    "relays", true },
	{ "an exception", "mydestination = !b.example a.example\n",
	    "a.example", "b.example", true },
	{ "a name that was not expanded", "mydestination = $myhostname x\n",
	    "x", "$myhostname", false },
	{ "what is no name", "mydestination = a..example, b.example\n",
	    "b.example", "a..example", false },
	{ "several settings add up", "mydestination = a.example\n"
	    "virtual_mailbox_domains = b.example\n", "b.example", NULL,
	    false },
	{ "several instances add up", "mydestination = a.example\n"
	    "mydestination = b.example\n", "a.example", NULL, false },
	{ "the host of the first instance", "myhostname = mx1.a.example\n"
	    "myhostname = mx2.a.example\n", "mx1.a.example", NULL, false },
	{ "the host of the second", "myhostname = mx1.a.example\n"
	    "myhostname = mx2.a.example\n", "mx2.a.example", NULL, false },
};

static void
test_domains(void)
{
	struct site *site;
	size_t i;

	for (i = 0; i < ROWS(domains); i++) {
		site = parse(domains[i].postconf);
		check_bool(domains[i].label, domains[i].owned == NULL ||
		    site_owns_domain(site, domains[i].owned), true);
		if (domains[i].foreign != NULL)
			check_bool(" not", site_owns_domain(site,
			    domains[i].foreign), false);
		check_bool(" all", site->own_domains_are_all,
		    !domains[i].is_partial);
		site_free(site);
	}
}

/* ---------------------------------------------------------- own networks */

static const struct {
	const char	*label, *postconf, *inside, *outside;
} networks[] = {
	{ "Debian", DEBIAN, "127.0.0.1", "192.0.2.1" },
	{ "IPv6 in brackets", DEBIAN, "::1", "::2" },
	{ "not said", "mail_version = 3.7\n", NULL, "127.0.0.1" },
	{ "empty", "mynetworks =\n", NULL, "127.0.0.1" },
	{ "with a file", "mynetworks = 127.0.0.0/8, /etc/networks\n",
	    "127.0.0.1", "192.0.2.1" },
	{ "with a table", "mynetworks = cidr:/etc/n 192.0.2.0/24\n",
	    "192.0.2.1", "127.0.0.1" },
	{ "with an exception", "mynetworks = !192.0.2.1 127.0.0.0/8\n",
	    "127.0.0.1", "192.0.2.1" },
	{ "with what Postfix refuses", "mynetworks = 127.0.0.1/8\n", NULL,
	    "127.0.0.1" },
	{ "of the first instance", "mynetworks = 192.0.2.0/25\n"
	    "mynetworks = 192.0.2.128/25\n", "192.0.2.1", "127.0.0.1" },
	{ "and of the second", "mynetworks = 192.0.2.0/25\n"
	    "mynetworks = 192.0.2.128/25\n", "192.0.2.129", "127.0.0.1" },
	{ "a second that is refused takes nothing away",
	    "mynetworks = 192.0.2.0/25\nmynetworks = ?\n", "192.0.2.1",
	    "127.0.0.1" },
};

static bool
contains(const struct site *site, const char *address)
{
	struct address a;

	if (!address_parse(text_of(address), &a))
		abort();
	return network_list_contains(&site->own_networks, &a);
}

static void
test_networks(void)
{
	struct site *site;
	size_t i;

	for (i = 0; i < ROWS(networks); i++) {
		site = parse(networks[i].postconf);
		check_bool(networks[i].label, networks[i].inside == NULL ||
		    contains(site, networks[i].inside), true);
		check_bool(" not", contains(site, networks[i].outside),
		    false);
		site_free(site);
	}
}

static void
test_words(void)
{
	struct site *site = parse(DEBIAN "smtp_tls_CAfile = /etc/ca.pem\n"
	    "tls_append_default_CA = yes\n");
	size_t count = 0;

	check_text("host name", site->myhostname, "mx.site.example");
	check_text("CA file", site->ca_file, "/etc/ca.pem");
	check_text("CA path", site->ca_path, "/etc/ssl/certs");
	check_bool("default CA", site->appends_default_ca, true);
	check_text("protocols hold an =", site->mandatory_protocols,
	    ">=TLSv1");
	check_text("no message", site->message, NULL);
	site_free(site);

	site = parse("#  postconf failed \n");
	check_text("message", site->message, "postconf failed");
	check_text("no host name", site->myhostname, NULL);
	check_bool("asked without an answer", site_was_asked(site), true);
	site_free(site);

	site = parse("");
	check_bool("not asked yet", site_was_asked(site), false);
	site_free(site);

	site = parse("# postconf failed\n" DEBIAN);
	check_text("the message", site->message, "postconf failed");
	check_bool("and what was known before", site->is_known, true);
	check_bool("asked", site_was_asked(site), true);
	site_free(site);

	site = parse("myhostname = a.example\nmyhostname = b.example\n");
	check_text("the first host name", site->myhostname, "a.example");
	site_free(site);
	site_free(NULL);

	while (site_parameters[count] != NULL)
		count++;
	check_bool("postconf is asked for all of it", count >= 16, true);
}

int
main(void)
{
	test_rows();
	test_ways();
	test_domains();
	test_networks();
	test_words();
	return check_end();
}
