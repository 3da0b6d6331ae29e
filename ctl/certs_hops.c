/*
 * Where this site hands mail on by its transport tables: the hosts behind a
 * filtering gateway.  Nothing is promised there, so that what is found is shown
 * and alarms nobody.
 */

#include "ctl/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/program.h"
#include "shared/buffer.h"
#include "shared/postfix/site.h"
#include "shared/postfix/table.h"
#include "shared/xalloc.h"

#define OUTPUT_MAX	(1024 * 1024)

/* NULL: it is known.  The same way may serve many; the first is its example. */
static struct certs_hop *
add_hop(struct certs *certs, const char *text, struct text key)
{
	struct certs_hop *h;
	size_t i;

	if (certs->hop_count == CERTS_HOPS_MAX)
		return NULL;
	for (i = 0; i < certs->hop_count; i++)
		if (strcmp(certs->hops[i].text, text) == 0)
			return NULL;
	certs->hops = xreallocarray(certs->hops, certs->hop_count + 1,
	    sizeof(*certs->hops));
	h = &certs->hops[certs->hop_count++];
	*h = (struct certs_hop){ .look = { .service = PROBE_SMTP } };
	snprintf(h->text, sizeof(h->text), "%s", text);
	text_quote(h->key, sizeof(h->key), key);
	return h;
}

static bool
is_address(struct text hop)
{
	struct address address;
	struct text literal;

	text_next_field(&hop, ']', &literal);
	return literal.len > 1 && literal.data[0] == '[' && hop.data != NULL &&
	    address_parse((struct text){ literal.data + 1, literal.len - 1 },
	    &address);
}

/* Listed, so that nobody thinks it was found good. */
static void
add_address(struct certs *certs, struct text hop, struct text key)
{
	char text[NEXT_HOP_TEXT_SIZE];
	struct certs_hop *h = add_hop(certs, text_quote(text, sizeof(text),
	    hop), key);

	if (h == NULL)
		return;
	h->check.overall = CHECK_UNKNOWN;
	check_warn(&h->check, finding_name(FINDING_UNKNOWN), "write the "
	    "host's name into the table", "an address: there is no name that "
	    "its certificate could be for");
}

/* "transport:hop"; without a hop the MX of a domain, looked at anyway. */
static void
add_entry(struct certs *certs, const struct instance *instance,
    struct text key, struct text value)
{
	struct text transport, rest = text_of(instance_get(instance,
	    SETTING_DEFAULT_TRANSPORT));
	char text[NEXT_HOP_TEXT_SIZE];
	struct next_hop hop;
	struct certs_hop *h;
	const char *why;

	text_next_field(&rest, ':', &transport);
	rest = text_trim(value);
	if (rest.len > 0 && rest.data[0] != ':')
		text_next_field(&rest, ':', &transport);
	else if (rest.len > 0)
		rest = (struct text){ rest.data + 1, rest.len - 1 };
	if (instance_delivery(instance, transport) != DELIVERY_SMTP)
		return;
	next_hop_parse(rest, &hop, &why);
	if (hop.kind == NEXT_HOP_NONE) {
		if (is_address(rest))
			add_address(certs, rest, key);
		return;
	}
	h = add_hop(certs, next_hop_format(&hop, text), key);
	if (h != NULL)
		h->look.hop = hop;
}

/* A table that cannot be listed (a pattern's, a server's) has no entries. */
static void
read_table(struct certs *certs, const struct instance *instance,
    struct text table)
{
	const char *dir = instance_get(instance, SETTING_CONFIG_DIRECTORY);
	char *name = xstrndup(table.data, table.len);
	const char *const with_dir[] = { "postmap", "-c", dir, "-s", name,
	    NULL };
	const char *const without[] = { "postmap", "-s", name, NULL };
	struct text rest, line, key;
	struct buffer listed;

	buffer_init(&listed, OUTPUT_MAX);
	program_read(dir[0] != '\0' ? with_dir : without, &listed);
	rest = (struct text){ buffer_text(&listed), listed.len };
	while (text_next_line(&rest, &line))
		if (text_next_field(&line, '\t', &key))
			add_entry(certs, instance, key, line);
	buffer_clear(&listed);
	free(name);
}

void
certs_add_hops(struct certs *certs, const struct site *site)
{
	struct text rest, item;
	size_t i;

	for (i = 0; i < site->instance_count; i++) {
		rest = text_of(instance_get(&site->instances[i],
		    SETTING_TRANSPORT_MAPS));
		while (table_next_item(&rest, &item))
			if (table_is_table(item))
				read_table(certs, &site->instances[i], item);
	}
}
