/*
 * The answer to "site".  The options own_domains and own_networks stand in for
 * what postconf said.
 */

#include "policyd/clerk/site_json.h"

#include <stdio.h>
#include <string.h>

#include "policyd/clerk/value_json.h"
#include "shared/host_name.h"

static json_t *
domain_array(const struct settings *settings)
{
	struct text rest = text_of(settings->config->own_domains), item;
	const struct site *site = settings->site;
	json_t *array = json_array();
	char name[HOST_NAME_SIZE];
	const char *why;
	size_t i;

	if (rest.len == 0)
		for (i = 0; i < site->own_domain_count; i++)
			json_array_append_new(array,
			    json_string(site->own_domains[i]));
	while (text_next_item(&rest, &item))
		if (host_name_normalize(item, name, &why) == 0)
			json_array_append_new(array, json_string(name));
	return array;
}

static void
add_networks(json_t *array, const struct network_list *list)
{
	char text[ADDRESS_TEXT_SIZE];
	size_t i;

	for (i = 0; i < list->count; i++)
		json_array_append_new(array, json_sprintf("%s/%u",
		    address_format(&list->networks[i].address, text),
		    (unsigned)list->networks[i].prefix_bits));
}

static json_t *
network_array(const struct settings *settings)
{
	const char *option = settings->config->own_networks, *why;
	struct network_list list;
	json_t *array = json_array();
	size_t skipped;

	if (option[0] != '\0' && network_list_parse(text_of(option), &list,
	    &skipped, &why) == 0) {
		add_networks(array, &list);
		network_list_clear(&list);
	} else
		add_networks(array, &settings->site->own_networks);
	return array;
}

/* By which our own verifier of DKIM signs what it says (RFC 8601, 2.5). */
static const char *
authserv_id(const struct settings *settings)
{
	const char *option = settings->config->authserv_id;
	const char *name = settings->site->myhostname;

	if (strcmp(option, "$myhostname") != 0)
		return option;
	return name != NULL ? name : "";
}

/* Nothing but what stands in these lists says where mail goes. */
static bool
is_plain(const struct settings *settings)
{
	const struct config *config = settings->config;
	const struct site *site = settings->site;

	return config->next_hops[0] == '\0' && (!site->is_known ||
	    (site->has_plain_ways &&
	    (config->own_domains[0] != '\0' || site->own_domains_are_all) &&
	    (config->own_networks[0] != '\0' ||
	    site->own_networks_are_all)));
}

static json_t *
expired_ports(const struct cert_ends *ends, int64_t now)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < ends->count; i++)
		if (cert_ends_is_past(ends, ends->ends[i].port, now))
			json_array_append_new(array,
			    json_integer(ends->ends[i].port));
	return array;
}

char *
site_line(const struct tls_site *site, const struct settings *settings,
    const struct cert_ends *ends, int64_t now)
{
	return json_line(json_pack("{s:b, s:b, s:o, s:o, s:s, s:o, s:b, s:b,"
	    "s:b, s:b, s:I, s:I, s:I, s:I, s:s, s:o}",
	    "known", settings->site->is_known,
	    "plain", is_plain(settings),
	    "own_domains", domain_array(settings),
	    "own_networks", network_array(settings),
	    "dane", fact_state_name(site->dane),
	    "level", site->level != TLS_LEVEL_UNSET ?
	    json_string(tls_level_name(site->level)) : json_null(),
	    "fallback_relay", site->has_fallback_relay,
	    "strict", site->is_strict,
	    "breaker_open", site->breaker_is_open,
	    "answers_nobody", site->answers_nobody,
	    "stale_ttl", (json_int_t)site->stale_ttl_s,
	    "good_ttl", (json_int_t)site->good_ttl_s,
	    "bad_ttl", (json_int_t)site->bad_ttl_s,
	    "reprobe_after", (json_int_t)site->reprobe_after_s,
	    "authserv_id", authserv_id(settings),
	    "expired_ports", expired_ports(ends, now)));
}
