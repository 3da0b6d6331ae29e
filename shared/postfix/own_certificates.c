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
#include "shared/xalloc.h"

#define NAME_SIZE	128
#define DEPTH_MAX	8	/* of Dovecot's blocks */
#define PATH_MAX_BYTES	65536

const char *const own_certificate_parameters[] = {
	"inet_interfaces", "smtp_tls_cert_file", "smtp_tls_chain_files",
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
		free(c->map_file);
		free(c->map_source);
		free(c->ports);
	}
	for (i = 0; i < own->map_count; i++) {
		free(own->maps[i].name);
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
is_same(const struct own_certificate *a, const struct own_certificate *b)
{
	size_t i;

	if (a->kind != b->kind || a->file_count != b->file_count ||
	    (a->sni == NULL) != (b->sni == NULL) ||
	    (a->sni != NULL && strcmp(a->sni, b->sni) != 0))
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
	struct text	settings, overrides;
	struct text	name, type;	/* "submission", "inet" */
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

static bool
service_offers_tls(const struct service *s)
{
	struct text level = service_setting(s, "smtpd_tls_security_level");

	return service_says(s, "smtpd_tls_wrappermode", "yes") ||
	    service_says(s, "smtpd_use_tls", "yes") ||
	    (level.len > 0 && !text_equals(level, "none"));
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

static struct own_sni_map *
find_or_add_map(struct own_certificates *own, struct text source,
    const char *name, const char *suffix)
{
	struct own_sni_map *map;
	struct buffer index;
	size_t i;

	for (i = 0; i < own->map_count; i++)
		if (text_equals(source, own->maps[i].source))
			return &own->maps[i];
	own->maps = xreallocarray(own->maps, own->map_count + 1,
	    sizeof(*own->maps));
	map = &own->maps[own->map_count++];
	*map = (struct own_sni_map){ .name = xstrdup(name),
	    .source = copy(source) };
	if (suffix != NULL) {
		buffer_init(&index, PATH_MAX_BYTES);
		buffer_addf(&index, "%s%s", map->source, suffix);
		map->index = buffer_take(&index);
	}
	return map;
}

/* A table "hash:/path" of tls_server_sni_maps, for this port too. */
static void
add_sni_maps(struct own_certificates *own, const struct service *s,
    const char *name, const struct own_port *port)
{
	static const struct {
		const char	*type, *index;	/* behind the path, or none */
	} types[] = {
		{ "hash", ".db" }, { "btree", ".db" }, { "lmdb", ".lmdb" },
		{ "cdb", ".cdb" }, { "texthash", NULL }
	};
	enum { TABLE_TYPES = sizeof(types) / sizeof(types[0]) };
	struct text maps = service_setting(s, "tls_server_sni_maps"), item,
	    type;
	struct own_sni_map *map;
	size_t t;

	while (text_next_item(&maps, &item)) {
		if (!text_next_field(&item, ':', &type) || !is_file(item))
			continue;
		for (t = 0; t < TABLE_TYPES; t++)
			if (text_equals(type, types[t].type))
				break;
		if (t == TABLE_TYPES)
			continue;
		map = find_or_add_map(own, item, name, types[t].index);
		add_port(&map->ports, &map->port_count, port);
	}
}

/* "submission inet n - y - - smtpd -o ..." */
static void
add_service(struct own_certificates *own, const char *instance,
    struct service *s, struct text line)
{
	struct own_certificate like = { .kind = OWN_SERVER };
	struct own_port port;
	char name[NAME_SIZE];
	struct text word, command = text_of("");
	unsigned column;

	if (!text_next_word(&line, &s->name) ||
	    !text_next_word(&line, &s->type))
		return;
	for (column = 2; column < 8 && text_next_word(&line, &word); column++)
		command = word;
	if (column < 8 || !text_equals(s->type, "inet") ||
	    (!text_equals(command, "smtpd") &&
	    !text_equals(command, "postscreen")) ||
	    !service_port(s, &port) || !service_offers_tls(s))
		return;
	snprintf(name, sizeof(name), "%s %.*s", instance, (int)s->name.len,
	    s->name.data);
	like.name = name;
	like.ports = &port;
	like.port_count = 1;
	add_files(own, s, "smtpd_tls_", &like);
	snprintf(name, sizeof(name), "%s SNI", instance);
	add_sni_maps(own, s, name, &port);
}

void
own_certificates_add_postfix(struct own_certificates *own,
    const char *instance, struct text settings, struct text services,
    struct text overrides)
{
	struct service service = { settings, overrides, text_of(""),
	    text_of("") };
	struct own_certificate client = { .kind = OWN_CLIENT };
	struct text line;
	char name[NAME_SIZE];

	while (text_next_line(&services, &line))
		add_service(own, instance, &service, line);
	snprintf(name, sizeof(name), "%s client", instance);
	client.name = name;
	service.name = service.type = text_of("");
	add_files(own, &service, "smtp_tls_", &client);
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

/* A name and its files; a line that begins with a blank goes on with them. */
void
own_certificates_add_sni(struct own_certificates *own, size_t index,
    struct text source)
{
	const struct own_sni_map *map = &own->maps[index];
	struct own_certificate c = { .kind = OWN_SNI, .name = map->name,
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
		while (text_next_item(&line, &word))
			if (is_file(word) && c.file_count < OWN_FILES_MAX)
				c.files[c.file_count++] = copy(word);
	}
	add_sni_entry(own, &c);
}

/* ----------------------------------------------------------------- Dovecot */

struct dovecot {
	struct own_certificate	 all;		/* of the top level */
	struct own_port		 ports[OWN_PORTS_MAX];
	size_t			 port_count;
	bool			 has_imap, has_pop3, has_submission;
	bool			 is_off;	/* ssl = no */
	/* "listener imaps": port given, -1 when not */
	int			 listeners[PROBE_SERVICE_COUNT];
};

/* "</etc/ssl/x.pem"; false for anything else. */
static bool
dovecot_file(struct text value, char **out)
{
	if (value.len < 2 || value.data[0] != '<')
		return false;
	free(*out);
	*out = copy(text_trim((struct text){ value.data + 1, value.len - 1 }));
	return true;
}

static void
dovecot_protocols(struct dovecot *d, struct text value)
{
	struct text item;

	while (text_next_item(&value, &item)) {
		d->has_imap |= text_equals(item, "imap");
		d->has_pop3 |= text_equals(item, "pop3");
		d->has_submission |= text_equals(item, "submission");
	}
}

/* One setting, in the blocks that are open around it. */
static void
dovecot_setting(struct dovecot *d, const struct text *blocks, size_t depth,
    struct own_certificate *local, struct text name, struct text value)
{
	struct own_certificate *c = depth == 0 ? &d->all : local;
	enum probe_service service;
	struct text block;
	uint64_t port;

	if (depth == 0 && text_equals(name, "protocols"))
		dovecot_protocols(d, value);
	else if (depth == 0 && text_equals(name, "ssl"))
		d->is_off = text_equals(value, "no");
	else if (text_equals(name, "ssl_cert") && (depth == 0 ||
	    (depth == 1 && text_starts_with(blocks[0], "local_name ")))) {
		if (dovecot_file(value, &c->files[0]))
			c->file_count = 1;
	} else if (depth == 2 && text_equals(name, "port") &&
	    text_starts_with(blocks[1], "inet_listener ")) {
		block = blocks[1];
		text_next_word(&block, &name);
		if (probe_service_parse(text_trim(block), &service) &&
		    text_parse_u64(value, UINT16_MAX, &port))
			d->listeners[service] = (int)port;
	}
}

static void
dovecot_ports(struct dovecot *d)
{
	struct own_port port = { .address = { 4, { 127, 0, 0, 1 } } };
	enum probe_service s;
	bool is_on;

	for (s = 0; s < PROBE_SERVICE_COUNT; s++) {
		is_on = s == PROBE_IMAP || s == PROBE_IMAPS ? d->has_imap :
		    s == PROBE_POP3 || s == PROBE_POP3S ? d->has_pop3 :
		    s == PROBE_SUBMISSION && d->has_submission;
		if (!is_on || d->listeners[s] == 0)
			continue;
		port.service = s;
		port.port = d->listeners[s] > 0 ? (uint16_t)d->listeners[s] :
		    probe_service_port(s);
		d->ports[d->port_count++] = port;
	}
}

static void
dovecot_add(struct own_certificates *own, const struct dovecot *d,
    struct own_certificate *c)
{
	struct own_port ports[OWN_PORTS_MAX];

	memcpy(ports, d->ports, sizeof(ports));
	c->name = (char[]){ "dovecot" };
	c->ports = ports;
	c->port_count = d->port_count;
	if (!d->is_off)
		add_certificate(own, c);
	clear_files(c);
	free(c->sni);
}

void
own_certificates_add_dovecot(struct own_certificates *own,
    struct text doveconf)
{
	struct dovecot d = { .all = { .kind = OWN_SERVER } };
	struct own_certificate *locals = NULL, *local = NULL;
	size_t local_count = 0, depth = 0, i;
	struct text blocks[DEPTH_MAX], line, name, value;

	for (i = 0; i < PROBE_SERVICE_COUNT; i++)
		d.listeners[i] = -1;
	while (text_next_line(&doveconf, &line)) {
		line = text_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (text_equals(line, "}")) {
			depth -= depth > 0;
		} else if (line.data[line.len - 1] == '{') {
			if (depth == DEPTH_MAX)
				break;
			line.len--;
			blocks[depth] = text_trim(line);
			if (depth++ == 0 && local_count < OWN_CERTIFICATES_MAX
			    && text_starts_with(line, "local_name ")) {
				locals = xreallocarray(locals,
				    local_count + 1, sizeof(*locals));
				local = &locals[local_count++];
				value = blocks[0];
				text_next_word(&value, &name);
				*local = (struct own_certificate){
				    .kind = OWN_SNI,
				    .sni = copy(text_trim(value)) };
			}
		} else if (cut_setting(line, &name, &value))
			dovecot_setting(&d, blocks, depth, local, name, value);
	}
	dovecot_ports(&d);
	dovecot_add(own, &d, &d.all);
	for (i = 0; i < local_count; i++)
		dovecot_add(own, &d, &locals[i]);
	free(locals);
}

/* ------------------------------------------------------------------ option */

static int
add_entry(struct own_certificates *own, struct text entry, const char **why)
{
	struct own_certificate c = { .kind = OWN_SERVER };
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
