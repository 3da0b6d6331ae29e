/*
 * One Postfix as its main.cf and master.cf describe it.
 */

#include "shared/postfix/instance.h"

#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"

#define SERVICE_COLUMNS	8	/* name ... command */

static const char *const setting_names[SETTING_COUNT] = {
	[SETTING_CONFIG_DIRECTORY] = "config_directory",
	[SETTING_QUEUE_DIRECTORY] = "queue_directory",
	[SETTING_MYHOSTNAME] = "myhostname",
	[SETTING_MYORIGIN] = "myorigin",
	[SETTING_MYNETWORKS] = "mynetworks",
	[SETTING_MYDESTINATION] = "mydestination",
	[SETTING_VIRTUAL_ALIAS_DOMAINS] = "virtual_alias_domains",
	[SETTING_VIRTUAL_MAILBOX_DOMAINS] = "virtual_mailbox_domains",
	[SETTING_RELAY_DOMAINS] = "relay_domains",
	[SETTING_PARENT_DOMAIN_MATCHES_SUBDOMAINS] =
	    "parent_domain_matches_subdomains",
	[SETTING_RECIPIENT_DELIMITER] = "recipient_delimiter",
	[SETTING_CANONICAL_MAPS] = "canonical_maps",
	[SETTING_SENDER_CANONICAL_MAPS] = "sender_canonical_maps",
	[SETTING_RECIPIENT_CANONICAL_MAPS] = "recipient_canonical_maps",
	[SETTING_VIRTUAL_ALIAS_MAPS] = "virtual_alias_maps",
	[SETTING_TRANSPORT_MAPS] = "transport_maps",
	[SETTING_DEFAULT_TRANSPORT] = "default_transport",
	[SETTING_SENDER_TRANSPORT_MAPS] =
	    "sender_dependent_default_transport_maps",
	[SETTING_RELAYHOST] = "relayhost",
	[SETTING_SENDER_RELAYHOST_MAPS] = "sender_dependent_relayhost_maps",
};

/* A service with these options goes its own way, whatever our map says. */
static const char *const own_ways[] = {
	"smtp_tls_", "smtp_host_lookup=", "smtp_dns_support_level=",
	"smtp_fallback_relay=", "fallback_relay=", "smtp_use_tls=",
	"smtp_enforce_tls=",
};

const char *
setting_name(enum setting setting)
{
	return setting_names[setting];
}

bool
instance_set(struct instance *instance, struct text name, struct text value)
{
	int i;

	for (i = 0; i < SETTING_COUNT; i++)
		if (text_equals(name, setting_names[i])) {
			free(instance->settings[i]);
			instance->settings[i] = xstrndup(value.data,
			    value.len);
			return true;
		}
	return false;
}

static enum delivery
delivery_of(struct text command, struct text arguments)
{
	struct text word;
	size_t i;

	if (!text_equals(command, "smtp"))
		return DELIVERY_OTHER;
	while (text_next_word(&arguments, &word)) {
		/* "-o name=value" and "-oname=value" */
		if (text_starts_with(word, "-o")) {
			word.data += 2;
			word.len -= 2;
		}
		for (i = 0; i < sizeof(own_ways) / sizeof(own_ways[0]); i++)
			if (text_starts_with(word, own_ways[i]))
				return DELIVERY_UNKNOWN;
	}
	return DELIVERY_SMTP;
}

/* name type private unpriv chroot wakeup maxproc command arguments */
void
instance_add_service(struct instance *instance, struct text line)
{
	struct text columns[SERVICE_COLUMNS];
	struct mail_service *service;
	size_t i;

	for (i = 0; i < SERVICE_COLUMNS; i++)
		if (!text_next_word(&line, &columns[i]))
			return;
	if (!text_equals(columns[1], "unix"))
		return;
	instance->services = xreallocarray(instance->services,
	    instance->service_count + 1, sizeof(*instance->services));
	service = &instance->services[instance->service_count++];
	service->name = xstrndup(columns[0].data, columns[0].len);
	service->delivery = delivery_of(columns[SERVICE_COLUMNS - 1], line);
}

void
instance_clear(struct instance *instance)
{
	size_t i;

	for (i = 0; i < SETTING_COUNT; i++)
		free(instance->settings[i]);
	for (i = 0; i < instance->service_count; i++)
		free(instance->services[i].name);
	free(instance->services);
	memset(instance, 0, sizeof(*instance));
}

const char *
instance_get(const struct instance *instance, enum setting setting)
{
	const char *value = instance->settings[setting];

	if (value == NULL || (value[0] == '\0' &&
	    setting == SETTING_DEFAULT_TRANSPORT))
		return setting == SETTING_DEFAULT_TRANSPORT ? "smtp" : "";
	return value;
}

enum delivery
instance_delivery(const struct instance *instance, struct text transport)
{
	size_t i;

	for (i = 0; i < instance->service_count; i++)
		if (text_equals(transport, instance->services[i].name))
			return instance->services[i].delivery;
	return instance->service_count == 0 &&
	    (text_equals(transport, "smtp") || text_equals(transport, "relay"))
	    ? DELIVERY_SMTP : DELIVERY_UNKNOWN;
}

bool
instance_is_plain(const struct instance *instance)
{
	static const enum setting ways[] = {
		SETTING_RECIPIENT_CANONICAL_MAPS, SETTING_CANONICAL_MAPS,
		SETTING_VIRTUAL_ALIAS_MAPS, SETTING_TRANSPORT_MAPS,
		SETTING_SENDER_TRANSPORT_MAPS, SETTING_RELAYHOST,
		SETTING_SENDER_RELAYHOST_MAPS
	};
	struct text rest = text_of(instance_get(instance,
	    SETTING_DEFAULT_TRANSPORT)), transport;
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (instance_get(instance, ways[i])[0] != '\0')
			return false;
	text_next_field(&rest, ':', &transport);
	return rest.len == 0 &&
	    instance_delivery(instance, transport) == DELIVERY_SMTP;
}
