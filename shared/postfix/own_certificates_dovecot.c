/*
 * Reads Dovecot's settings, of 2.3 or 2.4, for the certificates in them: those
 * of the top level, those of its blocks local_name, and where it listens.
 */

#include "shared/postfix/own_certificates.h"

#include <stdlib.h>
#include <string.h>

#include "shared/postfix/own_certificates_list.h"
#include "shared/xalloc.h"

#define DEPTH_MAX	8	/* of blocks */

/* The files of the top level, or of one local_name block. */
struct dovecot_scope {
	struct text	names;		/* empty: the top level */
	struct text	cert, key, alt_cert, alt_key;
};

struct dovecot {
	struct dovecot_scope	*scopes;	/* the first: the top level */
	size_t			 scope_count;
	struct address		 address;
	bool			 has_imap, has_pop3, has_submission;
	bool			 is_off;	/* ssl = no */
	/* "inet_listener imaps": -1 without a port of its own */
	int			 ports[PROBE_SERVICE_COUNT];
	struct text		 addresses[PROBE_SERVICE_COUNT];
	/* The blocks that are open around a line, the outermost first. */
	struct text		 blocks[DEPTH_MAX];
	size_t			 depth;
};

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
dovecot_protocols(struct dovecot *d, struct text value)
{
	struct text item;

	d->has_imap = d->has_pop3 = d->has_submission = false;
	while (text_next_item(&value, &item)) {
		d->has_imap |= text_equals(item, "imap");
		d->has_pop3 |= text_equals(item, "pop3");
		d->has_submission |= text_equals(item, "submission");
	}
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
dovecot_certificate(struct dovecot_scope *scope, struct text name,
    struct text value)
{
	const struct {
		const char	*names[3];
		struct text	*file;
	} rows[] = {
		{ { "ssl_cert", "ssl_server_cert_file", "cert_file" },
		    &scope->cert },
		{ { "ssl_key", "ssl_server_key_file", "key_file" },
		    &scope->key },
		{ { "ssl_alt_cert", "ssl_server_alt_cert_file",
		    "alt_cert_file" }, &scope->alt_cert },
		{ { "ssl_alt_key", "ssl_server_alt_key_file",
		    "alt_key_file" }, &scope->alt_key },
	};
	size_t row, i;

	for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		for (i = 0; i < 3; i++)
			if (text_equals(name, rows[row].names[i]))
				*rows[row].file = dovecot_file(value);
}

static void
dovecot_setting(struct dovecot *d, struct text name, struct text value)
{
	size_t depth = d->depth;

	if (depth > 0 && text_equals(d->blocks[depth - 1], "ssl_server"))
		depth--;
	if (depth == 0 && text_equals(name, "protocols"))
		dovecot_protocols(d, value);
	else if (depth == 0 && text_equals(name, "ssl"))
		d->is_off = text_equals(value, "no");
	else if (depth == 0 && text_equals(name, "listen"))
		d->address = own_usual_address(value);
	else if (depth == 2 &&
	    text_starts_with(d->blocks[1], "inet_listener "))
		dovecot_listener(d, d->blocks[1], name, value);
	else if (depth == 0)
		dovecot_certificate(&d->scopes[0], name, value);
	else if (depth == 1 && text_starts_with(d->blocks[0], "local_name "))
		dovecot_certificate(&d->scopes[d->scope_count - 1], name,
		    value);
}

static void
dovecot_begin(struct dovecot *d, struct text block)
{
	struct text names = block, word;

	d->blocks[d->depth++] = block;
	if (d->depth > 1 || !text_starts_with(block, "local_name ") ||
	    d->scope_count == OWN_CERTIFICATES_MAX)
		return;
	text_next_word(&names, &word);
	d->scopes = xreallocarray(d->scopes, d->scope_count + 1,
	    sizeof(*d->scopes));
	d->scopes[d->scope_count++] = (struct dovecot_scope){
	    .names = text_trim(names) };
}

static size_t
dovecot_ports(const struct dovecot *d, struct own_port out[OWN_PORTS_MAX])
{
	size_t count = 0;
	enum probe_service s;
	bool is_on;

	for (s = 0; s < PROBE_SERVICE_COUNT; s++) {
		is_on = s == PROBE_IMAP || s == PROBE_IMAPS ? d->has_imap :
		    s == PROBE_POP3 || s == PROBE_POP3S ? d->has_pop3 :
		    s == PROBE_SUBMISSION && d->has_submission;
		if (!is_on || d->ports[s] == 0)
			continue;
		out[count++] = (struct own_port){ .service = s,
		    .port = d->ports[s] > 0 ? (uint16_t)d->ports[s] :
		    probe_service_port(s),
		    .address = d->addresses[s].len > 0 ?
		    own_usual_address(d->addresses[s]) : d->address };
	}
	return count;
}

/* One file and its key. */
static void
dovecot_add_file(struct own_certificates *own,
    const struct own_certificate *like, struct text cert, struct text key)
{
	struct own_certificate c = *like;

	if (cert.len == 0)
		return;
	c.files[c.file_count++] = own_copy(cert);
	c.key_file = key.len > 0 ? own_copy(key) : NULL;
	own_add(own, &c);
	own_clear_files(&c);
}

static void
dovecot_add_scope(struct own_certificates *own,
    const struct own_certificate *like, const struct dovecot_scope *scope)
{
	dovecot_add_file(own, like, scope->cert, scope->key);
	dovecot_add_file(own, like, scope->alt_cert, scope->alt_key);
}

/* "imap.example.org", or several in quotes; a star stands for a label. */
static void
dovecot_add_names(struct own_certificates *own,
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
		dovecot_add_scope(own, &c, scope);
		free(c.sni);
	}
}

void
own_certificates_add_dovecot(struct own_certificates *own,
    struct text doveconf)
{
	struct dovecot d = { .address = own_usual_address(text_of("")) };
	struct own_port ports[OWN_PORTS_MAX];
	struct own_certificate like = { .kind = OWN_SERVER,
	    .name = (char[]){ "dovecot" }, .ports = ports,
	    .reload = (char[]){ "doveadm reload" } };
	struct text line, name, value;
	size_t i;

	for (i = 0; i < PROBE_SERVICE_COUNT; i++)
		d.ports[i] = -1;
	d.scopes = xcalloc(1, sizeof(*d.scopes));
	d.scope_count = 1;
	while (d.depth < DEPTH_MAX && text_next_line(&doveconf, &line)) {
		line = text_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (text_equals(line, "}")) {
			d.depth -= d.depth > 0;
		} else if (line.data[line.len - 1] == '{') {
			line.len--;
			dovecot_begin(&d, text_trim(line));
		} else if (own_cut_setting(line, &name, &value))
			dovecot_setting(&d, name, value);
	}
	like.port_count = dovecot_ports(&d, ports);
	if (!d.is_off)
		dovecot_add_scope(own, &like, &d.scopes[0]);
	for (i = 1; i < d.scope_count && !d.is_off; i++)
		dovecot_add_names(own, &like, &d.scopes[i]);
	free(d.scopes);
}
