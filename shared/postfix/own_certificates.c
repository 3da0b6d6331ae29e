/*
 * Reads Postfix's and Dovecot's settings for the certificates in them.  Each
 * smtpd of master.cf is a server with main.cf's settings and its own above
 * them; what it would never offer (no TLS, no listener) is left out.
 */

#include "shared/postfix/own_certificates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/postfix/table.h"
#include "shared/xalloc.h"

#define NAME_SIZE	128
#define COMMAND_SIZE	4200	/* a path's length and some words */
#define DEFAULT_DIR	"/etc/postfix"
#define DEPTH_MAX	8	/* of Dovecot's blocks */
#define PATH_MAX_BYTES	65536

const char *const own_certificate_parameters[] = {
	"inet_interfaces", "myhostname", "smtp_tls_cert_file",
	"smtp_tls_chain_files", "smtp_tls_dcert_file", "smtp_tls_dkey_file",
	"smtp_tls_eccert_file", "smtp_tls_eckey_file", "smtp_tls_key_file",
	"smtpd_tls_cert_file", "smtpd_tls_chain_files", "smtpd_tls_dcert_file",
	"smtpd_tls_dkey_file", "smtpd_tls_eccert_file", "smtpd_tls_eckey_file",
	"smtpd_tls_key_file", "smtpd_tls_security_level",
	"smtpd_tls_wrappermode", "smtpd_use_tls", "tls_server_sni_maps", NULL
};

/* ---------------------------------------------------------------- the list */

struct own_certificates *
own_certificates_new(void)
{
	return xcalloc(1, sizeof(struct own_certificates));
}

void
own_certificates_free(struct own_certificates *own)
{
	size_t i, file;

	if (own == NULL)
		return;
	for (i = 0; i < own->count; i++) {
		struct own_certificate *c = &own->certificates[i];

		for (file = 0; file < c->file_count; file++)
			free(c->files[file]);
		free(c->name);
		free(c->sni);
		free(c->key_file);
		free(c->host);
		free(c->reload);
		free(c->map);
		free(c->map_file);
		free(c->map_source);
		free(c->ports);
	}
	for (i = 0; i < own->map_count; i++) {
		free(own->maps[i].name);
		free(own->maps[i].reload);
		free(own->maps[i].table);
		free(own->maps[i].source);
		free(own->maps[i].index);
		free(own->maps[i].ports);
	}
	free(own->certificates);
	free(own->maps);
	free(own);
}

static char *
copy(struct text t)
{
	return xstrndup(t.data, t.len);
}

static void
add_port(struct own_port **ports, size_t *count, const struct own_port *port)
{
	size_t i;

	for (i = 0; i < *count; i++)
		if ((*ports)[i].port == port->port &&
		    address_equals(&(*ports)[i].address, &port->address))
			return;
	if (*count == OWN_PORTS_MAX)
		return;
	*ports = xreallocarray(*ports, *count + 1, sizeof(**ports));
	(*ports)[(*count)++] = *port;
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Also by whom it is served, who is to be told when it changes. */
static bool
is_same(const struct own_certificate *a, const struct own_certificate *b)
{
	size_t i;

	if (a->kind != b->kind || a->file_count != b->file_count ||
	    !is_same_text(a->sni, b->sni) || !is_same_text(a->host, b->host) ||
	    !is_same_text(a->reload, b->reload))
		return false;
	for (i = 0; i < a->file_count; i++)
		if (strcmp(a->files[i], b->files[i]) != 0)
			return false;
	return true;
}

static void
clear_files(struct own_certificate *c)
{
	while (c->file_count > 0)
		free(c->files[--c->file_count]);
	free(c->key_file);
	c->key_file = NULL;
}

static char *
copy_string(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

/* Copies it; one of the same files there is only gets its ports. */
static void
add_certificate(struct own_certificates *own,
    const struct own_certificate *like)
{
	struct own_certificate *c = NULL;
	size_t i;

	for (i = 0; i < own->count; i++)
		if (is_same(&own->certificates[i], like))
			c = &own->certificates[i];
	if (c == NULL) {
		if (own->count == OWN_CERTIFICATES_MAX ||
		    like->file_count == 0)
			return;
		own->certificates = xreallocarray(own->certificates,
		    own->count + 1, sizeof(*own->certificates));
		c = &own->certificates[own->count++];
		*c = (struct own_certificate){ .name = xstrdup(like->name),
		    .kind = like->kind, .sni = copy_string(like->sni),
		    .file_count = like->file_count,
		    .key_file = copy_string(like->key_file),
		    .host = copy_string(like->host),
		    .reload = copy_string(like->reload),
		    .map = copy_string(like->map),
		    .map_file = copy_string(like->map_file),
		    .map_source = copy_string(like->map_source) };
		for (i = 0; i < like->file_count; i++)
			c->files[i] = xstrdup(like->files[i]);
	}
	for (i = 0; i < like->port_count; i++)
		add_port(&c->ports, &c->port_count, &like->ports[i]);
}

/* ----------------------------------------------------------------- Postfix */

/* A line "name = value"; false for any other. */
static bool
cut_setting(struct text line, struct text *name, struct text *value)
{
	struct text rest = line;

	if (memchr(line.data, '=', line.len) == NULL ||
	    !text_next_field(&rest, '=', name))
		return false;
	*name = text_trim(*name);
	*value = text_trim(rest);
	return true;
}

/* Empty when it is not there. */
static struct text
find_setting(struct text settings, const char *wanted)
{
	struct text line, name, value;

	while (text_next_line(&settings, &line))
		if (cut_setting(line, &name, &value) &&
		    text_equals(name, wanted))
			return value;
	return text_of("");
}

/* What one service of master.cf has: its own setting, else main.cf's. */
struct service {
	const char	*instance, *reload;
	struct text	 settings, overrides;
	struct text	 name, type;	/* "submission", "inet" */
};

static struct text
service_setting(const struct service *s, const char *wanted)
{
	char key[NAME_SIZE * 2];
	struct text rest = s->overrides, line, name, value;

	snprintf(key, sizeof(key), "%.*s/%.*s/%s", (int)s->name.len,
	    s->name.data, (int)s->type.len, s->type.data, wanted);
	while (text_next_line(&rest, &line))
		if (cut_setting(line, &name, &value) && text_equals(name, key))
			return value;
	return find_setting(s->settings, wanted);
}

static bool
service_says(const struct service *s, const char *wanted, const char *value)
{
	return text_equals_nocase(service_setting(s, wanted), value);
}

/* "smtp", "587", "submissions"; 0 for what is no port that we know. */
static uint16_t
port_of(struct text word)
{
	static const struct {
		const char	*name;
		uint16_t	 port;
	} known[] = {
		{ "smtp", 25 }, { "submission", 587 }, { "smtps", 465 },
		{ "submissions", 465 }, { "ssmtp", 465 }
	};
	uint64_t number;
	size_t i;

	if (text_parse_u64(word, UINT16_MAX, &number))
		return (uint16_t)number;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (text_equals(word, known[i].name))
			return known[i].port;
	return 0;
}

/* The first address of inet_interfaces, where loopback is not among them. */
static struct address
usual_address(struct text interfaces)
{
	struct address loopback = { 4, { 127, 0, 0, 1 } }, first = loopback, a;
	struct text item;
	bool has_first = false;

	while (text_next_item(&interfaces, &item)) {
		if (!address_parse(item, &a))
			return loopback;	/* "all", a name of this host */
		if (a.family == 4 && a.octets[0] == 127)
			return loopback;
		if (!has_first)
			first = a;
		has_first = true;
	}
	return first;
}

/* "587", "192.0.2.1:25", "[::1]:465"; false where nobody can connect. */
static bool
service_port(const struct service *s, struct own_port *out)
{
	const char *colon = memrchr(s->name.data, ':', s->name.len);
	struct text host = s->name, port = s->name;

	*out = (struct own_port){ .address = usual_address(
	    service_setting(s, "inet_interfaces")) };
	if (colon != NULL) {
		host.len = (size_t)(colon - s->name.data);
		port = (struct text){ colon + 1, s->name.len - host.len - 1 };
		if (!address_parse(host, &out->address) &&
		    !text_equals(host, "localhost"))
			return false;
	}
	out->port = port_of(port);
	out->service = service_says(s, "smtpd_tls_wrappermode", "yes") ?
	    PROBE_SMTPS : out->port == 25 ? PROBE_SMTP : PROBE_SUBMISSION;
	return out->port != 0;
}

/*
 * Where a certificate is set and strangers or users come, TLS may have been
 * forgotten: only the level none says that it is not wanted.
 */
static bool
service_should_offer_tls(const struct service *s, const struct own_port *port)
{
	struct text level = service_setting(s, "smtpd_tls_security_level");

	if (service_says(s, "smtpd_tls_wrappermode", "yes") ||
	    service_says(s, "smtpd_use_tls", "yes"))
		return true;
	return level.len > 0 ? !text_equals(level, "none") :
	    port->port == probe_service_port(PROBE_SMTP) ||
	    port->port == probe_service_port(PROBE_SUBMISSION);
}

static bool
is_file(struct text value)
{
	return value.len > 0 && value.data[0] == '/';
}

/* "smtpd_tls_" "cert_file" */
static struct text
tls_setting(const struct service *s, const char *prefix, const char *wanted)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s%s", prefix, wanted);
	return service_setting(s, name);
}

/* Chain files are one certificate or more with their keys, and win. */
static void
add_files(struct own_certificates *own, const struct service *s,
    const char *prefix, const struct own_certificate *like)
{
	static const char *const pairs[][2] = {
		{ "cert_file", "key_file" }, { "eccert_file", "eckey_file" },
		{ "dcert_file", "dkey_file" }
	};
	struct text chain = tls_setting(s, prefix, "chain_files"), value;
	struct own_certificate c = *like;
	size_t i;

	while (text_next_item(&chain, &value))
		if (is_file(value) && c.file_count < OWN_FILES_MAX)
			c.files[c.file_count++] = copy(value);
	if (c.file_count > 0) {
		add_certificate(own, &c);
		clear_files(&c);
		return;
	}
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		value = tls_setting(s, prefix, pairs[i][0]);
		if (!is_file(value))
			continue;
		c.files[c.file_count++] = copy(value);
		value = tls_setting(s, prefix, pairs[i][1]);
		c.key_file = is_file(value) ? copy(value) : NULL;
		add_certificate(own, &c);
		clear_files(&c);
	}
}

/* Takes c->sni and its files. */
static void
add_sni_entry(struct own_certificates *own, struct own_certificate *c)
{
	if (c->sni != NULL)
		add_certificate(own, c);
	clear_files(c);
	free(c->sni);
	c->sni = NULL;
}

static void
add_sni_files(struct own_certificate *c, struct text list)
{
	struct text file;

	while (text_next_item(&list, &file))
		if (is_file(file) && c->file_count < OWN_FILES_MAX)
			c->files[c->file_count++] = copy(file);
}

/* What stands in "{ ... }"; *t itself without braces. */
static struct text
unbrace(struct text t)
{
	t = text_trim(t);
	if (t.len < 2 || t.data[0] != '{' || t.data[t.len - 1] != '}')
		return t;
	return text_trim((struct text){ t.data + 1, t.len - 2 });
}

/* "{ name = file, { name = file file }, ... }" (DATABASE_README). */
static void
add_inline_map(struct own_certificates *own, const struct own_certificate *like,
    struct text entries)
{
	struct own_certificate c = *like;
	struct text item, name, files;

	entries = unbrace(entries);
	while (table_next_item(&entries, &item))
		if (cut_setting(unbrace(item), &name, &files)) {
			c.sni = copy(name);
			add_sni_files(&c, files);
			add_sni_entry(own, &c);
		}
}

static struct own_sni_map *
find_or_add_map(struct own_certificates *own,
    const struct own_certificate *like, struct text table)
{
	static const struct {
		const char	*prefix, *index;	/* behind the path */
	} types[] = {
		{ "hash:/", ".db" }, { "btree:/", ".db" },
		{ "lmdb:/", ".lmdb" }, { "cdb:/", ".cdb" },
		{ "texthash:/", NULL }
	};
	struct own_sni_map *map;
	struct buffer index;
	size_t i;

	for (i = 0; i < own->map_count; i++)
		if (text_equals(table, own->maps[i].table) &&
		    strcmp(own->maps[i].reload, like->reload) == 0)
			return &own->maps[i];
	own->maps = xreallocarray(own->maps, own->map_count + 1,
	    sizeof(*own->maps));
	map = &own->maps[own->map_count++];
	*map = (struct own_sni_map){ .name = xstrdup(like->name),
	    .reload = xstrdup(like->reload), .table = copy(table) };
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (text_starts_with(table, types[i].prefix))
			break;
	if (i == sizeof(types) / sizeof(types[0]))
		return map;
	map->source = xstrdup(map->table + strlen(types[i].prefix) - 1);
	if (types[i].index != NULL) {
		buffer_init(&index, PATH_MAX_BYTES);
		buffer_addf(&index, "%s%s", map->source, types[i].index);
		map->index = buffer_take(&index);
	}
	return map;
}

/* The tables of tls_server_sni_maps, for this port too. */
static void
add_sni_maps(struct own_certificates *own, const struct service *s,
    const struct own_certificate *like)
{
	struct text maps = service_setting(s, "tls_server_sni_maps"), item,
	    rest, type;
	struct own_sni_map *map;

	while (table_next_item(&maps, &item)) {
		rest = item;
		if (!table_is_table(item) ||
		    !text_next_field(&rest, ':', &type))
			continue;
		if (text_equals(type, "inline")) {
			add_inline_map(own, like, rest);
			continue;
		}
		map = find_or_add_map(own, like, item);
		add_port(&map->ports, &map->port_count, like->ports);
	}
}

/* "submission inet n - y - - smtpd -o ..."; false for what is none. */
static bool
cut_service(struct service *s, struct text line, struct text *command)
{
	unsigned column;

	if (!text_next_word(&line, &s->name) ||
	    !text_next_word(&line, &s->type))
		return false;
	for (column = 2; column < 8; column++)
		if (!text_next_word(&line, command))
			return false;
	return true;
}

static void
add_server(struct own_certificates *own, const struct service *s)
{
	struct own_certificate like = { .kind = OWN_SERVER, .reload =
	    xstrdup(s->reload), .port_count = 1,
	    .host = copy(service_setting(s, "myhostname")) };
	struct own_port port;
	char name[NAME_SIZE];

	if (!service_port(s, &port) || !service_should_offer_tls(s, &port))
		goto out;
	snprintf(name, sizeof(name), "%s %.*s", s->instance, (int)s->name.len,
	    s->name.data);
	like.name = name;
	like.ports = &port;
	add_files(own, s, "smtpd_tls_", &like);
	snprintf(name, sizeof(name), "%s SNI", s->instance);
	like.kind = OWN_SNI;
	add_sni_maps(own, s, &like);
out:
	free(like.reload);
	free(like.host);
}

/* What we show when we send. */
static void
add_client(struct own_certificates *own, const struct service *s)
{
	struct own_certificate like = { .kind = OWN_CLIENT,
	    .reload = xstrdup(s->reload) };
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s client", s->instance);
	like.name = name;
	add_files(own, s, "smtp_tls_", &like);
	free(like.reload);
}

/* "/etc/postfix-out" is "postfix-out"; what has no such name is "postfix". */
static const char *
instance_name(const char *dir)
{
	const char *slash = strrchr(dir, '/');

	return slash != NULL && strncmp(slash + 1, "postfix", 7) == 0 ?
	    slash + 1 : "postfix";
}

void
own_certificates_add_postfix(struct own_certificates *own, const char *dir,
    struct text settings, struct text services, struct text overrides)
{
	struct service s = { .settings = settings, .overrides = overrides };
	char reload[COMMAND_SIZE] = "postfix reload";
	struct text line, command;

	if (dir == NULL)
		dir = DEFAULT_DIR;
	if (strcmp(dir, DEFAULT_DIR) != 0)
		snprintf(reload, sizeof(reload), "postfix -c %s reload", dir);
	s.instance = instance_name(dir);
	s.reload = reload;
	while (text_next_line(&services, &line)) {
		if (!cut_service(&s, line, &command))
			continue;
		if (text_equals(s.type, "inet") &&
		    (text_equals(command, "smtpd") ||
		    text_equals(command, "postscreen")))
			add_server(own, &s);
		else if (text_equals(command, "smtp"))
			add_client(own, &s);
	}
	/* A master.cf that cannot be read leaves what all services have. */
	s.name = s.type = text_of("");
	add_client(own, &s);
}

/* A name and its files; a line that begins with a blank goes on with them. */
void
own_certificates_add_sni(struct own_certificates *own, size_t index,
    struct text source)
{
	const struct own_sni_map *map = &own->maps[index];
	struct own_certificate c = { .kind = OWN_SNI, .name = map->name,
	    .reload = map->reload, .map = map->table,
	    .map_file = map->index, .map_source = map->source,
	    .ports = map->ports, .port_count = map->port_count };
	struct text line, word;

	while (text_next_line(&source, &line)) {
		if (text_trim(line).len == 0 || line.data[0] == '#')
			continue;
		if (line.data[0] != ' ' && line.data[0] != '\t') {
			add_sni_entry(own, &c);
			text_next_word(&line, &word);
			c.sni = copy(word);
		}
		add_sni_files(&c, line);
	}
	add_sni_entry(own, &c);
}

/* ----------------------------------------------------------------- Dovecot */

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
	return is_file(value) ? value : text_of("");
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
		d->address = usual_address(value);
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
		    usual_address(d->addresses[s]) : d->address };
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
	c.files[c.file_count++] = copy(cert);
	c.key_file = key.len > 0 ? copy(key) : NULL;
	add_certificate(own, &c);
	clear_files(&c);
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
		c.sni = copy(name);
		dovecot_add_scope(own, &c, scope);
		free(c.sni);
	}
}

void
own_certificates_add_dovecot(struct own_certificates *own,
    struct text doveconf)
{
	struct dovecot d = { .address = usual_address(text_of("")) };
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
		} else if (cut_setting(line, &name, &value))
			dovecot_setting(&d, name, value);
	}
	like.port_count = dovecot_ports(&d, ports);
	if (!d.is_off)
		dovecot_add_scope(own, &like, &d.scopes[0]);
	for (i = 1; i < d.scope_count && !d.is_off; i++)
		dovecot_add_names(own, &like, &d.scopes[i]);
	free(d.scopes);
}

/* ------------------------------------------------------------------ option */

static int
add_entry(struct own_certificates *own, struct text entry, const char **why)
{
	struct own_certificate c = { .kind = OWN_SERVER,
	    .reload = (char[]){ "reload the server" } };
	struct own_port ports[OWN_PORTS_MAX];
	struct text word;
	uint64_t number;
	int result = -1;

	c.ports = ports;
	text_next_word(&entry, &word);
	c.name = copy(word);
	while (text_next_word(&entry, &word))
		if (is_file(word) && c.file_count == 0 && c.port_count == 0)
			c.files[c.file_count++] = copy(word);
		else if (is_file(word) && c.key_file == NULL &&
		    c.port_count == 0)
			c.key_file = copy(word);
		else if (c.file_count == 1 &&
		    c.port_count < OWN_PORTS_MAX &&
		    text_parse_u64(word, UINT16_MAX, &number) && number > 0)
			ports[c.port_count++] = (struct own_port){
			    (uint16_t)number,
			    probe_service_of_port((uint16_t)number),
			    { 4, { 127, 0, 0, 1 } } };
		else {
			*why = "wanted is NAME /FILE [/KEYFILE] [PORT ...]";
			goto out;
		}
	if (c.file_count == 0) {
		*why = "a certificate needs NAME and /FILE";
		goto out;
	}
	add_certificate(own, &c);
	result = 0;
out:
	clear_files(&c);
	free(c.name);
	return result;
}

int
own_certificates_add_option(struct own_certificates *own, struct text option,
    const char **why)
{
	struct text entry;

	while (text_next_field(&option, ',', &entry)) {
		entry = text_trim(entry);
		if (entry.len > 0 && add_entry(own, entry, why) == -1)
			return -1;
	}
	return 0;
}
