/*
 * One Postfix as its main.cf and master.cf describe it, as far as they say
 * whose mail it takes and where it sends it.
 */

#ifndef HOPSEAL_INSTANCE_H
#define HOPSEAL_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/text.h"

enum setting {
	SETTING_CONFIG_DIRECTORY,
	SETTING_QUEUE_DIRECTORY,
	SETTING_MYHOSTNAME,
	SETTING_MYORIGIN,
	SETTING_MYNETWORKS,
	SETTING_MYDESTINATION,
	SETTING_VIRTUAL_ALIAS_DOMAINS,
	SETTING_VIRTUAL_MAILBOX_DOMAINS,
	SETTING_RELAY_DOMAINS,
	SETTING_PARENT_DOMAIN_MATCHES_SUBDOMAINS,
	SETTING_RECIPIENT_DELIMITER,
	SETTING_CANONICAL_MAPS,
	SETTING_SENDER_CANONICAL_MAPS,
	SETTING_RECIPIENT_CANONICAL_MAPS,
	SETTING_VIRTUAL_ALIAS_MAPS,
	SETTING_TRANSPORT_MAPS,
	SETTING_DEFAULT_TRANSPORT,
	SETTING_SENDER_TRANSPORT_MAPS,
	SETTING_RELAYHOST,
	SETTING_SENDER_RELAYHOST_MAPS,
	SETTING_COUNT
};

/* What delivers behind a transport's name. */
enum delivery {
	DELIVERY_UNKNOWN,	/* no such service, or with TLS of its own */
	DELIVERY_SMTP,		/* smtp(8), with main.cf's TLS settings */
	DELIVERY_OTHER		/* a mailbox, a program, an error */
};

struct mail_service {
	char		*name;
	enum delivery	 delivery;
};

struct instance {
	char		*settings[SETTING_COUNT];	/* NULL: not said */
	struct mail_service	*services;	/* the unix ones of master.cf */
	size_t		 service_count;
};

/* "transport_maps"; a constant string. */
const char	*setting_name(enum setting setting);

/* False for a setting of another name. */
bool		 instance_set(struct instance *instance, struct text name,
		    struct text value);
/*
 * A line of "postconf -M"; what is none is ignored.  A service with TLS or host
 * look-up settings of its own is DELIVERY_UNKNOWN.
 */
void		 instance_add_service(struct instance *instance,
		    struct text line);
void		 instance_clear(struct instance *instance);

/* Never NULL: "" for what was not said, smtp for default_transport. */
const char	*instance_get(const struct instance *instance,
		    enum setting setting);
/* Without a master.cf "smtp" and "relay" are what Postfix ships them as. */
enum delivery	 instance_delivery(const struct instance *instance,
		    struct text transport);
/* No table, relay or alias: mail goes to the MX hosts of its domain. */
bool		 instance_is_plain(const struct instance *instance);

#endif
