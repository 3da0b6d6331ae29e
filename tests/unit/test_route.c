/*
 * The way of a mail through a site: options before Postfix, several instances,
 * what is ours, and what is known while a table is awaited.
 */

#include "shared/postfix/route.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))
#define V		"mail_version = 3.7.11\n"
#define OWN		V "mydestination = own.example\n" \
			"mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.0/24\n"

/* Tables: wait: and open: do, any other has the answer in its name. */
static enum table_answer
lookup(const char *config_dir, struct text table, struct text key,
    struct text *value, void *arg)
{
	(void)config_dir;
	(void)key;
	(void)arg;
	if (text_starts_with(table, "wait:"))
		return TABLE_PENDING;
	if (text_starts_with(table, "open:"))
		return TABLE_UNKNOWN;
	text_next_field(&table, ':', value);
	*value = table;
	return table.len > 0 ? TABLE_FOUND : TABLE_NOT_FOUND;
}

static const struct row {
	const char	*label, *postconf;
	const char	*own_domains, *own_networks, *next_hops;
	const char	*client, *recipient;
	const char	*want;	/* client, domain, way; "..." where it waits */
} rows[] = {
	{ "plain", OWN, "", "", "", "192.0.2.1", "u@a.example",
	    "present absent a.example" },
	{ "a stranger", OWN, "", "", "", "203.0.113.1", "u@a.example",
	    "absent absent a.example" },
	{ "our domain", OWN, "", "", "", "203.0.113.1", "u@OWN.example",
	    "absent present none" },
	{ "nobody asks for a client", OWN, "", "", "", "", "u@a.example",
	    "unknown absent a.example" },
	{ "nobody asks for a recipient", OWN, "", "", "", "192.0.2.1", "",
	    "present unknown unknown" },
	{ "no address", OWN, "", "", "", "unknown", "u@a.example",
	    "unknown absent a.example" },
	{ "no domain", OWN, "", "", "", "192.0.2.1", "u",
	    "present unknown none" },
	{ "an address literal", OWN, "", "", "", "192.0.2.1", "u@[192.0.2.9]",
	    "present absent none" },

	{ "no Postfix known", "", "", "", "", "192.0.2.1", "u@a.example",
	    "unknown unknown a.example" },
	{ "no Postfix known, loopback", "", "", "", "", "127.0.0.1",
	    "u@a.example", "present unknown a.example" },
	{ "no Postfix known, loopback of IPv6", "", "", "", "", "::1",
	    "u@a.example", "present unknown a.example" },
	{ "options alone", "", "own.example", "192.0.2.0/24", "",
	    "192.0.2.1", "u@own.example", "present present none" },

	{ "own_domains replace", OWN, "b.example", "", "", "192.0.2.1",
	    "u@own.example", "present absent own.example" },
	{ "own_networks replace", OWN, "", "203.0.113.0/24", "",
	    "192.0.2.1", "u@a.example", "absent absent a.example" },
	{ "own_domains before a table", V "mydestination = open:x\n",
	    "b.example", "", "", "", "u@a.example",
	    "unknown absent a.example" },
	{ "own_domains before a table, with a relay",
	    V "mydestination = open:x\nrelayhost = r.example\n",
	    "b.example", "", "", "", "u@a.example",
	    "unknown absent r.example" },
	{ "next_hops replace", OWN "relayhost = r.example\n", "", "",
	    "b.example=x A.example=[r2.example]:587", "", "u@a.example",
	    "unknown absent [r2.example]:587" },
	{ "next_hops of another", OWN "relayhost = r.example\n", "", "",
	    "b.example=x", "", "u@a.example", "unknown absent r.example" },

	{ "a domain in a table", V "mydestination = is:yes\n", "", "", "",
	    "", "u@a.example", "unknown present none" },
	{ "a table that cannot be asked", V "mydestination = open:x\n", "",
	    "", "", "", "u@a.example", "unknown unknown unknown" },
	{ "a table that is awaited", V "mydestination = wait:x\n", "", "",
	    "", "", "u@a.example", "unknown unknown pending..." },
	{ "networks in a table", V "mynetworks = 10.0.0.0/8 is:yes\n", "",
	    "", "", "192.0.2.1", "u@a.example", "present absent a.example" },
	{ "networks in one that cannot be asked",
	    V "mynetworks = 10.0.0.0/8 open:x\n", "", "", "", "192.0.2.1",
	    "u@a.example", "unknown absent a.example" },
	{ "and one before it", V "mynetworks = 10.0.0.0/8 open:x\n", "", "",
	    "", "10.0.0.1", "u@a.example", "present absent a.example" },
	{ "networks that are awaited", V "mynetworks = wait:x\n", "", "", "",
	    "192.0.2.1", "u@a.example", "unknown absent a.example..." },
	{ "a way that is awaited", OWN "transport_maps = wait:x\n", "", "",
	    "", "192.0.2.1", "u@a.example", "present absent pending..." },

	{ "two instances that agree", V "relayhost = r.example\n"
	    V "relayhost = R.example\n", "", "", "", "", "u@a.example",
	    "unknown absent r.example" },
	{ "two that differ", V "relayhost = r.example\n" V, "", "", "", "",
	    "u@a.example", "unknown absent unknown" },
	{ "domains add up", V "mydestination = is:yes\n"
	    V "mydestination = open:x\n", "", "", "", "", "u@a.example",
	    "unknown present none" },
	{ "one that cannot be asked is enough to be open",
	    V "mydestination = open:x\n" V "mydestination = b.example\n", "",
	    "", "", "", "u@a.example", "unknown unknown unknown" },
};

static void
format(const struct route *route, bool is_done, char *out, size_t size)
{
	static const char *const kinds[] = { "unknown", "none", "", "pending" };
	const struct transport *t = &route->transport;
	char hop[NEXT_HOP_TEXT_SIZE] = "";

	if (t->hop_count > 0)
		next_hop_format(&t->hops[0], hop);
	snprintf(out, size, "%s %s %s%s%s",
	    fact_state_name(route->client_is_ours),
	    fact_state_name(route->domain_is_ours), kinds[t->kind], hop,
	    is_done ? "" : "...");
}

int
main(void)
{
	struct network_list networks;
	struct route_options options;
	struct route_question q;
	const struct row *row;
	struct site *site;
	struct route route;
	size_t skipped;
	const char *why;
	char got[1024];
	bool is_done;

	for (row = rows; row < rows + ROWS(rows); row++) {
		if (network_list_parse(text_of(row->own_networks), &networks,
		    &skipped, &why) == -1)
			abort();
		options = (struct route_options){ row->own_domains,
		    row->own_networks[0] != '\0' ? &networks : NULL,
		    row->next_hops };
		q = (struct route_question){ text_of(row->client),
		    text_of("me@own.example"), text_of(row->recipient) };
		site = site_parse(text_of(row->postconf));
		is_done = route_find(site, &options, &q, lookup, NULL,
		    &route);
		format(&route, is_done, got, sizeof(got));
		check_text(row->label, got, row->want);
		site_free(site);
		network_list_clear(&networks);
	}
	return check_end();
}
