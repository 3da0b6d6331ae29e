/*
 * The list of our certificates, and those of the option certificate.  What
 * Postfix and Dovecot say of theirs is read by own_certificates_postfix and
 * own_certificates_dovecot.
 */

#include "shared/postfix/own_certificates.h"

#include <stdlib.h>
#include <string.h>

#include "shared/postfix/own_certificates_list.h"
#include "shared/xalloc.h"

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

char *
own_copy(struct text t)
{
	return xstrndup(t.data, t.len);
}

void
own_add_port(struct own_port **ports, size_t *count,
    const struct own_port *port)
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

void
own_clear_files(struct own_certificate *c)
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

void
own_add(struct own_certificates *own, const struct own_certificate *like)
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
		own_add_port(&c->ports, &c->port_count, &like->ports[i]);
}

/* ------------------------------------------------------- what both read */

bool
own_cut_setting(struct text line, struct text *name, struct text *value)
{
	struct text rest = line;

	if (memchr(line.data, '=', line.len) == NULL ||
	    !text_next_field(&rest, '=', name))
		return false;
	*name = text_trim(*name);
	*value = text_trim(rest);
	return true;
}

struct address
own_usual_address(struct text interfaces)
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

bool
own_is_file(struct text value)
{
	return value.len > 0 && value.data[0] == '/';
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
	c.name = own_copy(word);
	while (text_next_word(&entry, &word))
		if (own_is_file(word) && c.file_count == 0 && c.port_count == 0)
			c.files[c.file_count++] = own_copy(word);
		else if (own_is_file(word) && c.key_file == NULL &&
		    c.port_count == 0)
			c.key_file = own_copy(word);
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
	own_add(own, &c);
	result = 0;
out:
	own_clear_files(&c);
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
