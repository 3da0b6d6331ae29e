/*
 * Where this site hands mail on by its transport tables: the hosts behind a
 * filtering gateway.  Nothing is promised there, so that what is found is shown
 * and alarms nobody.
 */

#include "ctl/certs.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/program.h"
#include "shared/buffer.h"
#include "shared/postfix/site.h"
#include "shared/postfix/table.h"
#include "shared/xalloc.h"

#define OUTPUT_MAX	(1024 * 1024)

/* The same way may serve many domains; the first is its example. */
static void
add_hop(struct certs *certs, const struct next_hop *hop, struct text key)
{
	char text[NEXT_HOP_TEXT_SIZE];
	struct certs_hop *h;
	size_t i;

	if (certs->hop_count == CERTS_HOPS_MAX)
		return;
	next_hop_format(hop, text);
	for (i = 0; i < certs->hop_count; i++)
		if (strcmp(certs->hops[i].text, text) == 0)
			return;
	certs->hops = xreallocarray(certs->hops, certs->hop_count + 1,
	    sizeof(*certs->hops));
	h = &certs->hops[certs->hop_count++];
	*h = (struct certs_hop){ .look = { .hop = *hop,
	    .service = PROBE_SMTP } };
	memcpy(h->text, text, sizeof(text));
	text_quote(h->key, sizeof(h->key), key);
}

/* "transport:hop"; without a hop the MX of a domain, looked at anyway. */
static void
add_entry(struct certs *certs, const struct instance *instance,
    struct text key, struct text value)
{
	struct text transport, rest = text_of(instance_get(instance,
	    SETTING_DEFAULT_TRANSPORT));
	struct next_hop hop;
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
	if (hop.kind != NEXT_HOP_NONE)
		add_hop(certs, &hop, key);
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
