/*
 * Where one Postfix sends a mail.  The way of an address, as cleanup(8) and
 * trivial-rewrite(8) go it, in numbered steps; the test has cases with the same
 * numbers:
 *
 *  1. canonical_maps rewrite the recipient, once.
 *  2. virtual_alias_maps replace it, again and again, perhaps by several.
 *  3. Mail to our own domains goes to no next hop that we judge.
 *  4. The transport: sender_dependent_default_transport_maps by the sender,
 *     else default_transport.
 *  5. The next hop: sender_dependent_relayhost_maps by the sender, else
 *     relayhost, else the recipient's domain.
 *  6. A next hop in the transport of step 4 replaces that of step 5.
 *  7. transport_maps replace either or both.
 *  8. Only what smtp(8) delivers has a next hop.
 *  9. A list of next hops, and a name that none can be, is not judged.
 *
 * Not followed: aliases(5) and .forward files, which are local delivery;
 * relocated(5), which bounces; content filters, which hand the mail back;
 * recipient_bcc_maps, which adds to the mail and does not lead it.
 */

#include "shared/postfix/transport.h"

#include <stdio.h>
#include <string.h>

#include "shared/postfix/match_list.h"

#define ADDRESS_SIZE	(TABLE_KEY_MAX_BYTES + 1)
#define ADDRESS_KEYS	5

struct finder {
	const struct instance	*instance;
	const struct tables	*tables;
	const char		*own_domains;
	struct text		 sender;
	struct transport	*out;
};

/* An alias's addresses that are still to be followed. */
struct alias {
	char		address[ADDRESS_SIZE];
	unsigned	depth;
	bool		is_final;	/* it names itself */
};

struct aliases {
	struct alias	list[TRANSPORT_HOPS_MAX];
	size_t		count;
};

static struct text
setting(const struct finder *f, enum setting name)
{
	return text_of(instance_get(f->instance, name));
}

static void
stop(struct finder *f, enum transport_kind kind, const char *because)
{
	f->out->kind = kind;
	f->out->because = because;
	f->out->hop_count = 0;
}

/* A search that gave no answer ends it all; true when it did. */
static bool
stops(struct finder *f, enum table_answer answer, enum setting name)
{
	if (answer == TABLE_PENDING)
		stop(f, TRANSPORT_PENDING, "");
	else if (answer == TABLE_UNKNOWN)
		stop(f, TRANSPORT_UNKNOWN, setting_name(name));
	else
		return false;
	return true;
}

/* -------------------------------------------------------------- addresses */

static const char *
at_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? at : address + strlen(address);
}

/* Length of the local part without its extension; 0 when it has none. */
static size_t
bare_length(const struct finder *f, const char *address)
{
	const char *delimiters = instance_get(f->instance,
	    SETTING_RECIPIENT_DELIMITER);
	size_t local = (size_t)(at_of(address) - address);
	size_t bare = strcspn(address, delimiters);

	return delimiters[0] != '\0' && bare > 0 && bare < local ? bare : 0;
}

/* user@domain without user's extension, in out; NULL when it has none. */
static const char *
without_extension(const struct finder *f, const char *address,
    char out[ADDRESS_SIZE])
{
	size_t bare = bare_length(f, address);

	if (bare == 0)
		return NULL;
	snprintf(out, ADDRESS_SIZE, "%.*s%s", (int)bare, address,
	    at_of(address));
	return out;
}

/*
 * Searches as mail_addr_find(3) does: the address, without its extension, the
 * user alone where its domain is this host's, @domain.
 */
static enum table_answer
find_address(const struct finder *f, enum setting maps, const char *address,
    char value[TABLE_VALUE_SIZE])
{
	struct table_key keys[ADDRESS_KEYS] = { 0 };
	const char *at = at_of(address), *origin, *stripped, *why;
	char name[HOST_NAME_SIZE], bare[ADDRESS_SIZE];
	enum table_answer is_local = TABLE_NOT_FOUND;
	size_t count = 0;

	if (setting(f, maps).len == 0)
		return TABLE_NOT_FOUND;
	if (*at == '@' && host_name_normalize(text_of(at + 1), name,
	    &why) == 0) {
		origin = instance_get(f->instance, SETTING_MYORIGIN);
		is_local = text_equals_nocase(text_of(at + 1), origin) ?
		    TABLE_FOUND : match_list_domain(f->tables,
		    setting(f, SETTING_MYDESTINATION), name, MATCH_EXACTLY);
	}
	if (is_local == TABLE_UNKNOWN || is_local == TABLE_PENDING)
		return is_local;
	keys[count++] = (struct table_key){ text_of(address), true };
	stripped = without_extension(f, address, bare);
	if (stripped != NULL)
		keys[count++].key = text_of(stripped);
	if (is_local == TABLE_FOUND)
		keys[count++].key = (struct text){ address,
		    (size_t)(at - address) };
	if (is_local == TABLE_FOUND && stripped != NULL)
		keys[count++].key = (struct text){ stripped,
		    bare_length(f, address) };
	if (*at == '@')
		keys[count++].key = text_of(at);
	return table_search(f->tables, setting(f, maps), keys, count, value);
}

/* What a table says an address becomes: "user", "@domain", "user@domain". */
static bool
rewrite(const struct finder *f, struct text value, const char *from,
    char out[ADDRESS_SIZE])
{
	int len;

	if (memchr(value.data, '"', value.len) != NULL)
		return false;
	if (value.data[0] == '@')
		len = snprintf(out, ADDRESS_SIZE, "%.*s%.*s",
		    (int)(at_of(from) - from), from, (int)value.len,
		    value.data);
	else if (memchr(value.data, '@', value.len) == NULL)
		len = snprintf(out, ADDRESS_SIZE, "%.*s@%s", (int)value.len,
		    value.data, instance_get(f->instance, SETTING_MYORIGIN));
	else
		len = snprintf(out, ADDRESS_SIZE, "%.*s", (int)value.len,
		    value.data);
	return len < ADDRESS_SIZE;
}

/* ------------------------------------------------------ 1. canonical maps */

/* False when f has stopped. */
static bool
canonicalize(struct finder *f, enum setting maps, char address[ADDRESS_SIZE])
{
	char value[TABLE_VALUE_SIZE], from[ADDRESS_SIZE];
	enum table_answer answer = find_address(f, maps, address, value);
	struct text rest = text_of(value), item;

	if (stops(f, answer, maps))
		return false;
	if (answer == TABLE_NOT_FOUND)
		return true;
	memcpy(from, address, ADDRESS_SIZE);
	if (text_next_item(&rest, &item) && rewrite(f, item, from, address))
		return true;
	stop(f, TRANSPORT_UNKNOWN, setting_name(maps));
	return false;
}

/* ----------------------------------------------------- 2. virtual aliases */

/* Puts what alias i becomes in its place; false when f has stopped. */
static bool
replace_alias(struct finder *f, struct aliases *aliases, size_t i,
    struct text value)
{
	const struct alias from = aliases->list[i];
	struct alias *to = &aliases->list[i];
	struct text item;

	while (table_next_item(&value, &item)) {
		if (to == NULL)
			to = aliases->count < TRANSPORT_HOPS_MAX ?
			    &aliases->list[aliases->count++] : NULL;
		if (to == NULL || from.depth == TRANSPORT_DEPTH_MAX ||
		    !rewrite(f, item, from.address, to->address)) {
			stop(f, TRANSPORT_UNKNOWN,
			    setting_name(SETTING_VIRTUAL_ALIAS_MAPS));
			return false;
		}
		to->depth = from.depth + 1;
		to->is_final = strcasecmp(to->address, from.address) == 0;
		to = NULL;
	}
	aliases->list[i].is_final |= to != NULL;	/* it became nothing */
	return true;
}

static bool
follow_aliases(struct finder *f, struct aliases *aliases)
{
	char value[TABLE_VALUE_SIZE];
	enum table_answer answer;
	size_t i = 0;

	while (i < aliases->count) {
		if (aliases->list[i].is_final) {
			i++;
			continue;
		}
		answer = find_address(f, SETTING_VIRTUAL_ALIAS_MAPS,
		    aliases->list[i].address, value);
		if (stops(f, answer, SETTING_VIRTUAL_ALIAS_MAPS))
			return false;
		if (answer == TABLE_NOT_FOUND)
			aliases->list[i].is_final = true;
		else if (!replace_alias(f, aliases, i, text_of(value)))
			return false;
	}
	return true;
}

/* --------------------------------------------------------- 3. our domains */

static enum match_parents
parents_of(const struct instance *instance, enum setting list)
{
	struct text rest = text_of(instance_get(instance,
	    SETTING_PARENT_DOMAIN_MATCHES_SUBDOMAINS)), item;

	while (text_next_item(&rest, &item))
		if (text_equals(item, setting_name(list)))
			return MATCH_PARENTS;
	return MATCH_DOT_PARENTS;
}

enum table_answer
transport_owns_domain(const struct instance *instance,
    const struct tables *tables, const char *name)
{
	static const enum setting lists[] = {
		SETTING_MYDESTINATION, SETTING_VIRTUAL_ALIAS_DOMAINS,
		SETTING_VIRTUAL_MAILBOX_DOMAINS, SETTING_RELAY_DOMAINS
	};
	enum table_answer answer, open = TABLE_NOT_FOUND;
	size_t i;

	if (text_equals_nocase(text_of(name),
	    instance_get(instance, SETTING_MYHOSTNAME)))
		return TABLE_FOUND;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		answer = match_list_domain(tables,
		    text_of(instance_get(instance, lists[i])), name,
		    lists[i] == SETTING_RELAY_DOMAINS ?
		    parents_of(instance, lists[i]) : MATCH_EXACTLY);
		if (answer == TABLE_FOUND)
			return TABLE_FOUND;
		if (answer > open)
			open = answer;
	}
	return open;
}

/* ------------------------------------------- 4. to 9. transport, next hop */

/* What the sender's entry says; false when f has stopped. */
static bool
find_by_sender(struct finder *f, enum setting maps,
    char value[TABLE_VALUE_SIZE])
{
	char sender[ADDRESS_SIZE];
	enum table_answer answer;

	value[0] = '\0';
	if (setting(f, maps).len == 0)
		return true;
	if (f->sender.data == NULL || f->sender.len >= ADDRESS_SIZE) {
		stop(f, TRANSPORT_UNKNOWN, setting_name(maps));
		return false;
	}
	snprintf(sender, sizeof(sender), "%.*s", (int)f->sender.len,
	    f->sender.data);
	if (f->sender.len > 0 &&
	    (!canonicalize(f, SETTING_SENDER_CANONICAL_MAPS, sender) ||
	    !canonicalize(f, SETTING_CANONICAL_MAPS, sender)))
		return false;
	answer = find_address(f, maps, sender[0] != '\0' ? sender : "<>",
	    value);
	if (stops(f, answer, maps))
		return false;
	if (answer == TABLE_NOT_FOUND || strcasecmp(value, "DUNNO") == 0)
		value[0] = '\0';
	return true;
}

/* transport(5): the address, without extension, domain, parents, "*". */
static enum table_answer
find_transport(const struct finder *f, const char *address,
    char value[TABLE_VALUE_SIZE])
{
	struct table_key keys[TRANSPORT_PARENTS_MAX + 3];
	bool has_dots = parents_of(f->instance, SETTING_TRANSPORT_MAPS) ==
	    MATCH_DOT_PARENTS;
	char bare[ADDRESS_SIZE];
	const char *stripped = without_extension(f, address, bare);
	const char *name = at_of(address) + 1, *dot;
	size_t count = 0;

	keys[count++] = (struct table_key){ text_of(address), true };
	if (stripped != NULL)
		keys[count++] = (struct table_key){ text_of(stripped), false };
	while (name != NULL) {
		if (count > TRANSPORT_PARENTS_MAX)
			return TABLE_UNKNOWN;
		keys[count++] = (struct table_key){ text_of(name), false };
		dot = name[0] != '\0' ? strchr(name + 1, '.') : NULL;
		name = dot != NULL && !has_dots ? dot + 1 : dot;
	}
	keys[count++] = (struct table_key){ text_of("*"), true };
	return table_search(f->tables, setting(f, SETTING_TRANSPORT_MAPS),
	    keys, count, value);
}

/* 9. */
static void
add_hop(struct finder *f, struct text destination, const char *because)
{
	struct transport *out = f->out;
	char before[NEXT_HOP_TEXT_SIZE], text[NEXT_HOP_TEXT_SIZE];
	struct next_hop hop;
	const char *why;
	size_t i;

	if (memchr(destination.data, ',', destination.len) != NULL ||
	    memchr(destination.data, ' ', destination.len) != NULL) {
		stop(f, TRANSPORT_UNKNOWN, "a list of next hops");
		return;
	}
	next_hop_parse(destination, &hop, &why);
	if (hop.kind == NEXT_HOP_NONE) {
		stop(f, TRANSPORT_NONE, why);
		return;
	}
	next_hop_format(&hop, text);
	for (i = 0; i < out->hop_count; i++)
		if (strcmp(next_hop_format(&out->hops[i], before), text) == 0)
			return;
	out->kind = TRANSPORT_HOPS;
	out->because = because;
	out->hops[out->hop_count++] = hop;
}

/* What holds of an address's way so far, and the setting that said so. */
struct way {
	struct text	 domain, transport, hop;
	const char	*because;
};

/* 4. to 6.  by_sender is what the sender's tables say, "" for nothing. */
static void
set_way(const struct finder *f, const char *transport_by_sender,
    const char *relay_by_sender, struct way *way)
{
	struct text relayhost = setting(f, SETTING_RELAYHOST);
	struct text rest = transport_by_sender[0] != '\0' ?
	    text_of(transport_by_sender) :
	    setting(f, SETTING_DEFAULT_TRANSPORT);

	text_next_field(&rest, ':', &way->transport);
	way->hop = way->domain;
	if (rest.len > 0) {
		way->hop = rest;
		way->because = setting_name(transport_by_sender[0] != '\0' ?
		    SETTING_SENDER_TRANSPORT_MAPS : SETTING_DEFAULT_TRANSPORT);
	} else if (relay_by_sender[0] != '\0') {
		way->hop = text_of(relay_by_sender);
		way->because = setting_name(SETTING_SENDER_RELAYHOST_MAPS);
	} else if (relayhost.len > 0) {
		way->hop = relayhost;
		way->because = setting_name(SETTING_RELAYHOST);
	}
}

/* 7.  "transport:hop", "transport:", ":hop", ":" for "as it was". */
static void
apply_entry(struct way *way, struct text entry)
{
	struct text transport = { "", 0 };

	text_next_field(&entry, ':', &transport);
	if (transport.len == 0 && entry.len == 0)
		return;
	if (transport.len > 0)
		way->transport = transport;
	way->hop = entry.len > 0 ? entry : way->domain;
	way->because = setting_name(SETTING_TRANSPORT_MAPS);
}

/* The way of one final address; false when f has stopped. */
static bool
find_way(struct finder *f, const char *address, const char *because)
{
	char transport[TABLE_VALUE_SIZE], relay[TABLE_VALUE_SIZE];
	char entry[TABLE_VALUE_SIZE];
	struct way way = { .domain = text_of(at_of(address) + 1),
	    .because = because };
	enum table_answer answer = TABLE_NOT_FOUND;

	if (!find_by_sender(f, SETTING_SENDER_TRANSPORT_MAPS, transport) ||
	    !find_by_sender(f, SETTING_SENDER_RELAYHOST_MAPS, relay))
		return false;
	set_way(f, transport, relay, &way);
	if (setting(f, SETTING_TRANSPORT_MAPS).len > 0)
		answer = find_transport(f, address, entry);
	if (stops(f, answer, SETTING_TRANSPORT_MAPS))
		return false;
	if (answer == TABLE_FOUND)
		apply_entry(&way, text_of(entry));
	/* 8. */
	switch (instance_delivery(f->instance, way.transport)) {
	case DELIVERY_UNKNOWN:
		stop(f, TRANSPORT_UNKNOWN, "a transport of its own kind");
		return false;
	case DELIVERY_OTHER:
		stop(f, TRANSPORT_NONE, "a transport that is not SMTP");
		return false;
	case DELIVERY_SMTP:
		break;
	}
	add_hop(f, way.hop, way.because);
	return f->out->kind == TRANSPORT_HOPS;
}

/* Several addresses are one way only when all of them have one. */
static void
find_ways(struct finder *f, const struct aliases *aliases)
{
	const char *because = aliases->list[0].depth == 0 ?
	    "the recipient's domain" :
	    setting_name(SETTING_VIRTUAL_ALIAS_MAPS);
	char name[HOST_NAME_SIZE];
	enum table_answer owns;
	const char *why;
	size_t i;

	for (i = 0; i < aliases->count; i++) {
		owns = TABLE_NOT_FOUND;
		if (host_name_normalize(text_of(
		    at_of(aliases->list[i].address) + 1), name, &why) == 0)
			owns = f->own_domains[0] != '\0' ?
			    match_list_domain(f->tables,
			    text_of(f->own_domains), name, MATCH_EXACTLY) :
			    transport_owns_domain(f->instance, f->tables,
			    name);
		if (owns == TABLE_FOUND) {
			stop(f, TRANSPORT_NONE, "a domain of ours");
			return;
		}
		if (stops(f, owns, SETTING_MYDESTINATION) ||
		    !find_way(f, aliases->list[i].address, because))
			return;
	}
}

void
transport_find(const struct instance *instance, const struct tables *tables,
    const char *own_domains, struct text sender, struct text recipient,
    struct transport *out)
{
	struct finder f = { instance, tables, own_domains, sender, out };
	struct aliases aliases = { .count = 1 };
	char *address = aliases.list[0].address;

	*out = (struct transport){ .because = "" };
	if (recipient.len == 0 || recipient.len >= ADDRESS_SIZE ||
	    memchr(recipient.data, '\0', recipient.len) != NULL) {
		stop(&f, TRANSPORT_UNKNOWN, "no address");
		return;
	}
	memcpy(address, recipient.data, recipient.len);
	address[recipient.len] = '\0';
	if (*at_of(address) == '\0' || at_of(address)[1] == '\0') {
		stop(&f, TRANSPORT_NONE, "an address without a domain");
		return;
	}
	/* 1., 2., then the others for each address */
	if (canonicalize(&f, SETTING_RECIPIENT_CANONICAL_MAPS, address) &&
	    canonicalize(&f, SETTING_CANONICAL_MAPS, address) &&
	    follow_aliases(&f, &aliases))
		find_ways(&f, &aliases);
}

bool
transport_is_direct(const struct transport *t, const char *domain)
{
	return t->kind == TRANSPORT_HOPS && t->hop_count == 1 &&
	    t->hops[0].kind == NEXT_HOP_DOMAIN &&
	    strcmp(t->hops[0].name, domain) == 0;
}
