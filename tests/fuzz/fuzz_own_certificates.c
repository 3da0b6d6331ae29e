/*
 * Settings that nobody foresaw: the same lines are read as Postfix's main.cf,
 * master.cf and overrides, as a table of names, as Dovecot's and as the option.
 */

#include "shared/postfix/own_certificates.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static void
check_certificate(const struct own_certificate *c)
{
	size_t i;

	assert(c->file_count > 0 && c->file_count <= OWN_FILES_MAX);
	for (i = 0; i < c->file_count; i++)
		assert(c->files[i][0] == '/');
	assert(c->port_count <= OWN_PORTS_MAX);
	for (i = 0; i < c->port_count; i++)
		assert(c->ports[i].port != 0);
	assert((c->kind == OWN_SNI) == (c->sni != NULL));
	assert(c->reload != NULL && c->name != NULL);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text all = { (const char *)data, size };
	struct own_certificates *own;
	const char *why;
	size_t i;

	if (memchr(data, '\0', size) != NULL)
		return;		/* what these programs print holds none */
	own = own_certificates_new();
	own_certificates_add_postfix(own, "/etc/postfix-in", all, all, all);
	for (i = 0; i < own->map_count; i++)
		if (own->maps[i].source != NULL)
			own_certificates_add_sni(own, i, all);
	own_certificates_add_dovecot(own, all);
	own_certificates_add_option(own, all, &why);
	for (i = 0; i < own->count; i++)
		check_certificate(&own->certificates[i]);
	own_certificates_free(own);
}
