/*
 * Reads Postfix's settings for the certificates in them.  Each smtpd of
 * master.cf is a server with main.cf's settings and its own above them; what it
 * would never offer (no TLS, no listener) is left out.
 */

#include "shared/postfix/own_certificates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/postfix/own_certificates_list.h"
#include "shared/postfix/table.h"
#include "shared/xalloc.h"

#define NAME_SIZE	128
#define COMMAND_SIZE	4200	/* a path's length and some words */
#define DEFAULT_DIR	"/etc/postfix"
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

/* Empty when it is not there. */
static struct text
find_setting(struct text settings, const char *wanted)
{
	struct text line, name, value;

	while (text_next_line(&settings, &line))
		if (own_cut_setting(line, &name, &value) &&
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
		if (own_cut_setting(line, &name, &value) &&
		    text_equals(name, key))
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

/* "587", "192.0.2.1:25", "[::1]:465"; false where nobody can connect. */
static bool
service_port(const struct service *s, struct own_port *out)
{
	const char *colon = memrchr(s->name.data, ':', s->name.len);
	struct text host = s->name, port = s->name;

	*out = (struct own_port){ .address = own_usual_address(
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
		if (own_is_file(value) && c.file_count < OWN_FILES_MAX)
			c.files[c.file_count++] = own_copy(value);
	if (c.file_count > 0) {
		own_add(own, &c);
		own_clear_files(&c);
		return;
	}
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		value = tls_setting(s, prefix, pairs[i][0]);
		if (!own_is_file(value))
			continue;
		c.files[c.file_count++] = own_copy(value);
		value = tls_setting(s, prefix, pairs[i][1]);
		c.key_file = own_is_file(value) ? own_copy(value) : NULL;
		own_add(own, &c);
		own_clear_files(&c);
	}
}

/* Takes c->sni and its files. */
static void
add_sni_entry(struct own_certificates *own, struct own_certificate *c)
{
	if (c->sni != NULL)
		own_add(own, c);
	own_clear_files(c);
	free(c->sni);
	c->sni = NULL;
}

static void
add_sni_files(struct own_certificate *c, struct text list)
{
	struct text file;

	while (text_next_item(&list, &file))
		if (own_is_file(file) && c->file_count < OWN_FILES_MAX)
			c->files[c->file_count++] = own_copy(file);
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
		if (own_cut_setting(unbrace(item), &name, &files)) {
			c.sni = own_copy(name);
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
	    .reload = xstrdup(like->reload), .table = own_copy(table) };
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
		own_add_port(&map->ports, &map->port_count, like->ports);
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
	    .host = own_copy(service_setting(s, "myhostname")) };
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
		word = text_trim(line);
		if (word.len == 0 || word.data[0] == '#')
			continue;
		if (line.data[0] != ' ' && line.data[0] != '\t') {
			add_sni_entry(own, &c);
			text_next_word(&line, &word);
			c.sni = own_copy(word);
		}
		add_sni_files(&c, line);
	}
	add_sni_entry(own, &c);
}
