/*
 * What this site's Postfix says of itself: the few main.cf settings on which
 * our answers depend, read from the output of "postconf".  Running it is the
 * parent's work.
 */

#ifndef HOPSEAL_SITE_H
#define HOPSEAL_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/address.h"
#include "shared/policy/domain_rules.h"
#include "shared/postfix/instance.h"
#include "shared/text.h"

struct site {
	bool		 is_known;	/* some Postfix answered */
	unsigned	 mail_version;	/* 307 for 3.7; 0 unknown */
	char		*myhostname;
	enum tls_level	 smtp_tls_level;	/* UNSET: empty or unknown */
	/* smtp_dns_support_level = dnssec and smtp_host_lookup with dns */
	bool		 can_dane;
	bool		 has_fallback_relay;
	/* Each Postfix of this host; route.h asks them. */
	struct instance	*instances;
	size_t		 instance_count;
	/* No relay, table or alias leads mail elsewhere than to the MX hosts of
	   its recipient's domain. */
	bool		 has_plain_ways;
	/* The literal entries of all instances together, and whether there are
	   others: tables, files, exceptions. */
	struct network_list own_networks;	/* mynetworks */
	bool		 own_networks_are_all;
	char		**own_domains;	/* A-labels */
	size_t		 own_domain_count;
	bool		 own_domains_are_all;
	/* CA settings for probes; as written */
	char		*ca_file, *ca_path;
	bool		 appends_default_ca;
	char		*mandatory_protocols;
	char		*maillog_file;	/* Postfix's own log file, or NULL */
	/* A loglevel of 0: the log says nothing of TLS. */
	bool		 smtp_tells_no_tls, smtpd_tells_no_tls;
	char		*message;	/* why Postfix did not answer last, or NULL */
};

/* The parameters that site_parse reads, NULL behind the last. */
extern const char *const site_parameters[];

/*
 * From lines "name = value" as postconf prints them, and "master.cf = ..." as
 * "postconf -M" does; names unknown here are ignored, absent ones leave
 * unknown.  Each instance begins with its mail_version.  Empty text gives a site that is
 * not known.  A first line "# text" is the message for people.  Never NULL.
 */
struct site	*site_parse(struct text postconf);
void		 site_free(struct site *site);
/* False until Postfix has answered, or could not be asked. */
bool		 site_was_asked(const struct site *site);
/* Of the literal entries, by equality only; name is an A-label. */
bool		 site_owns_domain(const struct site *site, const char *name);

#endif
