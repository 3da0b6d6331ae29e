/*
 * Reads Dovecot's settings, of 2.3 or 2.4, for the certificates in them: those
 * of the top level, those of its blocks protocol, local and local_name, and
 * where it listens.  Of two blocks that both are for a connection the later one
 * counts, as doveconf prints the narrower one later.
 */

#include "shared/postfix/own_certificates.h"

#include <stdlib.h>
#include <string.h>

#include "shared/postfix/own_certificates_list.h"
#include "shared/xalloc.h"

#define DEPTH_MAX	8	/* of blocks */

#define FILES		2	/* ssl_cert and ssl_alt_cert */

/* The files of the top level, or of one block. */
struct dovecot_scope {
	const char	*begin;		/* of the block; NULL: the top level */
	struct text	names;		/* of local_name; empty: of no name */
	struct text	protocol;	/* "imap", "!lmtp"; empty: all */
	bool		has_address;	/* of local */
	struct address	address;
	struct text	cert[FILES], key[FILES];
};

struct dovecot {
	struct dovecot_scope	*scopes;	/* the first: the top level */
	size_t			 scope_count;
	struct address		 address;
	struct text		 protocols;
	bool			 is_off;	/* ssl = no */
	bool			 has_unread;	/* in blocks of another kind */
	/* "inet_listener imaps": -1 without a port of its own */
	int			 ports[PROBE_SERVICE_COUNT];
	struct text		 addresses[PROBE_SERVICE_COUNT];
	/* The blocks that are open around a line, the outermost first. */
	struct text		 blocks[DEPTH_MAX];
	size_t			 depth;
};

static const char *const protocol_of[PROBE_SERVICE_COUNT] = {
	[PROBE_SUBMISSION] = "submission", [PROBE_IMAP] = "imap",
	[PROBE_IMAPS] = "imap", [PROBE_POP3] = "pop3", [PROBE_POP3S] = "pop3"
};

/* ----------------------------------------------------------------- reading */

/* "</etc/ssl/x.pem" of 2.3, "/etc/ssl/x.pem" of 2.4; empty for another. */
static struct text
dovecot_file(struct text value)
{
	if (value.len > 0 && value.data[0] == '<')
		value = text_trim((struct text){ value.data + 1,
		    value.len - 1 });
	return own_is_file(value) ? value : text_of("");
}

static void
dovecot_listener(struct dovecot *d, struct text listener, struct text name,
    struct text value)
{
	enum probe_service service;
	struct text word;
	uint64_t port;

	text_next_word(&listener, &word);
	if (!probe_service_parse(text_trim(listener), &service))
		return;
	if (text_equals(name, "address") || text_equals(name, "listen"))
		d->addresses[service] = value;
	else if (text_equals(name, "port") &&
	    text_parse_u64(value, UINT16_MAX, &port))
		d->ports[service] = (int)port;
}

/* As 2.3 and 2.4 name them, and 2.4 inside its block ssl_server. */
static void
dovecot_certificate(struct dovecot_scope *scope, bool is_inside,
    struct text name, struct text value)
{
	const struct {
		const char	*name, *name_24, *inside;
		struct text	*file;
	} rows[] = {
		{ "ssl_cert", "ssl_server_cert_file", "cert_file",
		    &scope->cert[0] },
		{ "ssl_key", "ssl_server_key_file", "key_file",
		    &scope->key[0] },
		{ "ssl_alt_cert", "ssl_server_alt_cert_file", "alt_cert_file",
		    &scope->cert[1] },
		{ "ssl_alt_key", "ssl_server_alt_key_file", "alt_key_file",
		    &scope->key[1] },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_inside ? text_equals(name, rows[i].inside) :
		    text_equals(name, rows[i].name) ||
		    text_equals(name, rows[i].name_24))
			*rows[i].file = dovecot_file(value);
}

/* False for a block of another kind, and for a network or a host's name. */
static bool
dovecot_narrow(struct dovecot_scope *scope, struct text block)
{
	struct text kind;

	if (!text_next_word(&block, &kind))
		return false;
	block = text_trim(block);
	if (text_equals(kind, "local")) {
		scope->has_address = address_parse(block, &scope->address);
		return scope->has_address;
	}
	if (text_equals(kind, "local_name"))
		scope->names = block;
	else if (text_equals(kind, "protocol"))
		scope->protocol = block;
	else
		return false;
	return block.len > 0;
}

/* That of the outermost depth blocks; NULL where one of them is not read. */
static struct dovecot_scope *
dovecot_scope(struct dovecot *d, size_t depth)
{
	struct dovecot_scope scope = { .begin = depth > 0 ?
	    d->blocks[depth - 1].data : NULL, .names = text_of("") };
	size_t i;

	for (i = d->scope_count; i-- > 0;)
		if (d->scopes[i].begin == scope.begin)
			return &d->scopes[i];
	for (i = 0; i < depth; i++)
		if (!dovecot_narrow(&scope, d->blocks[i]))
			return NULL;
	if (d->scope_count == OWN_CERTIFICATES_MAX)
		return NULL;
	d->scopes = xreallocarray(d->scopes, d->scope_count + 1,
	    sizeof(*d->scopes));
	d->scopes[d->scope_count] = scope;
	return &d->scopes[d->scope_count++];
}

static void
dovecot_setting(struct dovecot *d, struct text name, struct text value)
{
	bool is_inside = d->depth > 0 &&
	    text_equals(d->blocks[d->depth - 1], "ssl_server");
	size_t depth = d->depth - is_inside;
	struct dovecot_scope unread = { .begin = NULL }, *scope;

	if (depth == 0 && text_equals(name, "protocols"))
		d->protocols = value;
	else if (depth == 0 && text_equals(name, "ssl"))
		d->is_off = text_equals(value, "no");
	else if (depth == 0 && text_equals(name, "listen"))
		d->address = own_usual_address(value);
	else if (depth == 2 &&
	    text_starts_with(d->blocks[1], "inet_listener "))
		dovecot_listener(d, d->blocks[1], name, value);
	else {
		scope = dovecot_scope(d, depth);
		dovecot_certificate(scope != NULL ? scope : &unread, is_inside,
		    name, value);
		d->has_unread |= unread.cert[0].len + unread.cert[1].len > 0;
	}
}

/* ----------------------------------------------------------------- judging */

/* True when the scope is for connections to that port. */
static bool
dovecot_is_for(const struct dovecot_scope *scope, const struct own_port *port)
{
	const char *protocol = protocol_of[port->service];
	struct text wanted = scope->protocol;

	if (scope->has_address &&
	    !address_equals(&scope->address, &port->address))
		return false;
	if (wanted.len == 0 || wanted.data[0] != '!')
		return wanted.len == 0 || text_equals(wanted, protocol);
	return !text_equals((struct text){ wanted.data + 1, wanted.len - 1 },
	    protocol);
}

/* False when a later one for the same names has another file. */
static bool
dovecot_counts(const struct dovecot *d, const struct dovecot_scope *scope,
    size_t file, const struct own_port *port)
{
	const struct dovecot_scope *end = d->scopes + d->scope_count, *later;

	if (!dovecot_is_for(scope, port))
		return false;
	for (later = scope + 1; later < end; later++)
		if (later->cert[file].len > 0 &&
		    later->names.len == scope->names.len &&
		    memcmp(later->names.data, scope->names.data,
		    scope->names.len) == 0 && dovecot_is_for(later, port))
			return false;
	return true;
}

static bool
dovecot_speaks(const struct dovecot *d, const char *protocol)
{
	struct text rest = d->protocols, item;

	while (text_next_item(&rest, &item))
		if (text_equals(item, protocol))
			return true;
	return false;
}

/* The ports on which that file of the scope should be served. */
static size_t
dovecot_ports(const struct dovecot *d, const struct dovecot_scope *scope,
    size_t file, struct own_port out[OWN_PORTS_MAX])
{
	struct own_port port;
	enum probe_service s;
	size_t count = 0;

	for (s = 0; s < PROBE_SERVICE_COUNT; s++) {
		if (protocol_of[s] == NULL || d->ports[s] == 0 ||
		    !dovecot_speaks(d, protocol_of[s]))
			continue;
		port = (struct own_port){ .service = s,
		    .port = d->ports[s] > 0 ? (uint16_t)d->ports[s] :
		    probe_service_port(s),
		    .address = scope->has_address ? scope->address :
		    d->addresses[s].len > 0 ?
		    own_usual_address(d->addresses[s]) : d->address };
		if (dovecot_counts(d, scope, file, &port))
			out[count++] = port;
	}
	return count;
}

static void
dovecot_add_scope(struct own_certificates *own, const struct dovecot *d,
    const struct own_certificate *like, const struct dovecot_scope *scope)
{
	struct own_port ports[OWN_PORTS_MAX];
	struct own_certificate c = *like;
	size_t file;

	c.ports = ports;
	for (file = 0; file < FILES; file++) {
		if (scope->cert[file].len == 0)
			continue;
		c.files[c.file_count++] = own_copy(scope->cert[file]);
		c.key_file = scope->key[file].len > 0 ?
		    own_copy(scope->key[file]) : NULL;
		c.port_count = dovecot_ports(d, scope, file, ports);
		own_add(own, &c);
		own_clear_files(&c);
	}
}

/* "imap.example.org", or several in quotes; a star stands for a label. */
static void
dovecot_add_names(struct own_certificates *own, const struct dovecot *d,
    const struct own_certificate *like, const struct dovecot_scope *scope)
{
	struct own_certificate c = *like;
	struct text names = scope->names, name;

	if (names.len > 1 && names.data[0] == '"')
		names = (struct text){ names.data + 1, names.len - 2 };
	c.kind = OWN_SNI;
	while (text_next_item(&names, &name)) {
		if (text_starts_with(name, "*."))
			name = (struct text){ name.data + 1, name.len - 1 };
		c.sni = own_copy(name);
		dovecot_add_scope(own, d, &c, scope);
		free(c.sni);
	}
}

void
own_certificates_add_dovecot(struct own_certificates *own,
    struct text doveconf)
{
	struct dovecot d = { .address = own_usual_address(text_of("")) };
	struct own_certificate like = { .kind = OWN_SERVER,
	    .name = (char[]){ "dovecot" },
	    .reload = (char[]){ "doveadm reload" } };
	struct text line, name, value;
	size_t i;

	for (i = 0; i < PROBE_SERVICE_COUNT; i++)
		d.ports[i] = -1;
	d.scopes = xcalloc(1, sizeof(*d.scopes));
	d.scopes[0].names = text_of("");
	d.scope_count = 1;
	while (d.depth < DEPTH_MAX && text_next_line(&doveconf, &line)) {
		line = text_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (text_equals(line, "}")) {
			d.depth -= d.depth > 0;
		} else if (line.data[line.len - 1] == '{') {
			line.len--;
			d.blocks[d.depth++] = text_trim(line);
		} else if (own_cut_setting(line, &name, &value))
			dovecot_setting(&d, name, value);
	}
	own->has_unread |= d.has_unread || d.depth == DEPTH_MAX;
	for (i = 0; i < d.scope_count && !d.is_off; i++)
		if (d.scopes[i].names.len == 0)
			dovecot_add_scope(own, &d, &like, &d.scopes[i]);
		else
			dovecot_add_names(own, &d, &like, &d.scopes[i]);
	free(d.scopes);
}
