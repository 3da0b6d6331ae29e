/*
 * The way of a mail through this site.  Several instances of Postfix add up in
 * what is ours; where they send a mail elsewhere each, its way is not known, as
 * nothing in a request tells which of them asks.
 */

#include "shared/postfix/route.h"

#include <string.h>

#include "shared/host_name.h"
#include "shared/postfix/match_list.h"

struct asking {
	const struct site		*site;
	const struct route_options	*options;
	table_lookup_cb			*lookup;
	void				*arg;
	bool				 is_pending;
};

static struct tables
tables_of(const struct asking *a, const struct instance *instance)
{
	const char *dir = instance_get(instance, SETTING_CONFIG_DIRECTORY);

	return (struct tables){ dir[0] != '\0' ? dir : NULL, a->lookup,
	    a->arg };
}

/* Yes of one instance is enough, no needs all of them. */
static void
add_answer(struct asking *a, enum table_answer answer, enum fact_state *sum)
{
	a->is_pending |= answer == TABLE_PENDING && *sum != FACT_PRESENT;
	if (answer == TABLE_FOUND)
		*sum = FACT_PRESENT;
	else if (answer != TABLE_NOT_FOUND && *sum == FACT_ABSENT)
		*sum = FACT_UNKNOWN;
}

static enum fact_state
owns_client(struct asking *a, struct text client)
{
	const struct site *site = a->site;
	enum fact_state sum = FACT_ABSENT;
	struct address address;
	struct tables tables;
	size_t i;

	if (!address_parse(client, &address))
		return FACT_UNKNOWN;
	if (a->options->own_networks != NULL)
		return network_list_contains(a->options->own_networks,
		    &address) ? FACT_PRESENT : FACT_ABSENT;
	if (!site->is_known)
		return address_is_loopback(&address) ? FACT_PRESENT :
		    FACT_UNKNOWN;
	if (site->own_networks_are_all)
		return network_list_contains(&site->own_networks, &address) ?
		    FACT_PRESENT : FACT_ABSENT;
	for (i = 0; i < site->instance_count && sum != FACT_PRESENT; i++) {
		tables = tables_of(a, &site->instances[i]);
		add_answer(a, match_list_address(&tables, text_of(instance_get(
		    &site->instances[i], SETTING_MYNETWORKS)), &address),
		    &sum);
	}
	return sum;
}

static enum fact_state
owns_domain(struct asking *a, const char *name)
{
	const struct site *site = a->site;
	enum fact_state sum = FACT_ABSENT;
	struct tables tables;
	size_t i;

	if (a->options->own_domains[0] != '\0')
		return match_list_domain(NULL,
		    text_of(a->options->own_domains), name, MATCH_EXACTLY) ==
		    TABLE_FOUND ? FACT_PRESENT : FACT_ABSENT;
	if (!site->is_known)
		return FACT_UNKNOWN;
	if (site->own_domains_are_all)
		return site_owns_domain(site, name) ? FACT_PRESENT :
		    FACT_ABSENT;
	for (i = 0; i < site->instance_count && sum != FACT_PRESENT; i++) {
		tables = tables_of(a, &site->instances[i]);
		add_answer(a, transport_owns_domain(&site->instances[i],
		    &tables, name), &sum);
	}
	return sum;
}

/* The option next_hops: "example.com=[relay.example]:587 ...". */
static bool
is_overridden(const char *option, const char *name, struct transport *out)
{
	struct text rest = text_of(option), item, domain;
	char normal[HOST_NAME_SIZE];
	const char *why;

	while (text_next_item(&rest, &item)) {
		text_next_field(&item, '=', &domain);
		if (host_name_normalize(domain, normal, &why) == -1 ||
		    strcmp(normal, name) != 0)
			continue;
		next_hop_parse(item, &out->hops[0], &why);
		out->kind = TRANSPORT_HOPS;
		out->because = "next_hops";
		out->hop_count = 1;
		return true;
	}
	return false;
}

static void
set_plain(const char *name, struct transport *out)
{
	const char *why;

	out->kind = TRANSPORT_HOPS;
	out->because = "the recipient's domain";
	out->hop_count = 1;
	next_hop_parse(text_of(name), &out->hops[0], &why);
}

static bool
agree(const struct transport *a, const struct transport *b)
{
	char one[NEXT_HOP_TEXT_SIZE], other[NEXT_HOP_TEXT_SIZE];
	size_t i;

	if (a->kind != b->kind || a->hop_count != b->hop_count)
		return false;
	for (i = 0; i < a->hop_count; i++)
		if (strcmp(next_hop_format(&a->hops[i], one),
		    next_hop_format(&b->hops[i], other)) != 0)
			return false;
	return true;
}

static void
ask_instances(struct asking *a, const struct route_question *q,
    struct transport *out)
{
	const struct site *site = a->site;
	struct transport other;
	struct tables tables;
	size_t i;

	for (i = 0; i < site->instance_count; i++) {
		tables = tables_of(a, &site->instances[i]);
		transport_find(&site->instances[i], &tables,
		    a->options->own_domains, q->sender, q->recipient,
		    i == 0 ? out : &other);
		if ((i == 0 ? out : &other)->kind == TRANSPORT_PENDING) {
			a->is_pending = true;
			*out = (struct transport){ .kind = TRANSPORT_PENDING,
			    .because = "" };
			return;
		}
		if (i > 0 && !agree(out, &other)) {
			*out = (struct transport){ .kind = TRANSPORT_UNKNOWN,
			    .because = "several instances of Postfix" };
			return;
		}
	}
}

static void
find_recipient(struct asking *a, const struct route_question *q,
    struct route *out)
{
	struct transport *t = &out->transport;
	const char *at = memrchr(q->recipient.data, '@', q->recipient.len);
	char name[HOST_NAME_SIZE];
	struct text domain;
	const char *why;

	t->kind = TRANSPORT_NONE;
	t->because = "an address without a domain";
	if (at == NULL)
		return;
	domain.data = at + 1;
	domain.len = q->recipient.len - (size_t)(domain.data -
	    q->recipient.data);
	if (host_name_normalize(domain, name, &why) == -1) {
		t->because = why;
		out->domain_is_ours = FACT_ABSENT;
		return;
	}
	out->domain_is_ours = owns_domain(a, name);
	if (is_overridden(a->options->next_hops, name, t))
		return;
	if (a->site->is_known && !a->site->has_plain_ways)
		ask_instances(a, q, t);
	else if (out->domain_is_ours == FACT_PRESENT)
		t->because = "a domain of ours";
	else if (out->domain_is_ours == FACT_UNKNOWN && a->site->is_known) {
		t->kind = a->is_pending ? TRANSPORT_PENDING :
		    TRANSPORT_UNKNOWN;
		t->because = "own domains in a table";
	} else
		set_plain(name, t);
}

bool
route_find(const struct site *site, const struct route_options *options,
    const struct route_question *q, table_lookup_cb *lookup, void *arg,
    struct route *out)
{
	struct asking a = { site, options, lookup, arg, false };

	memset(out, 0, sizeof(*out));
	out->transport.because = "";
	if (q->client.len > 0)
		out->client_is_ours = owns_client(&a, q->client);
	if (q->recipient.len > 0)
		find_recipient(&a, q, out);
	return !a.is_pending;
}
