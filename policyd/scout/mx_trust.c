/*
 * The files of Postfix's smtp_tls_CAfile and smtp_tls_CApath, of OpenSSL's
 * default places for tls_append_default_CA, and of our own options.
 */

#include "policyd/scout/mx_trust.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/x509.h>

#include "shared/buffer.h"
#include "shared/io/config.h"
#include "shared/io/file.h"
#include "shared/postfix/site.h"

#define FILE_MAX_BYTES	(16 * 1024 * 1024)
#define PATH_BYTES	4096
#define HASH_DIGITS	8

struct trust {
	struct cert_store	*store;
	unsigned		 file_count;
	char			*error;		/* what could not be read */
};

/* A missing default is no mistake of anybody's. */
static void
add_file(struct trust *t, const char *path, bool is_default)
{
	struct buffer pem;
	const char *why = NULL;

	if (path == NULL || path[0] == '\0')
		return;
	buffer_init(&pem, FILE_MAX_BYTES);
	if (file_read(path, &pem) == -1)
		why = strerror(errno);
	else if (cert_store_add_pem(t->store,
	    (struct text){ buffer_text(&pem), pem.len }, &why) == 0)
		t->file_count++;
	if (why != NULL && !is_default)
		facts_set_error(t->error, "%s: %s", path, why);
	buffer_clear(&pem);
}

/* "6187b673.0", as c_rehash names certificates and "6187b673.r0" lists. */
static bool
is_hash_name(const char *name)
{
	size_t i;

	for (i = 0; i < HASH_DIGITS; i++)
		if (!isxdigit((unsigned char)name[i]))
			return false;
	if (name[i++] != '.')
		return false;
	i += name[i] == 'r';
	return isdigit((unsigned char)name[i]);
}

static void
add_folder(struct trust *t, const char *folder, bool is_default)
{
	char path[PATH_BYTES];
	struct dirent *entry;
	DIR *dir;

	if (folder == NULL || folder[0] == '\0')
		return;
	dir = opendir(folder);
	if (dir == NULL) {
		if (!is_default)
			facts_set_error(t->error, "%s: %s", folder,
			    strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!is_hash_name(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		add_file(t, path, true);
	}
	closedir(dir);
}

static void
add_defaults(struct trust *t)
{
	add_file(t, X509_get_default_cert_file(), true);
	add_folder(t, X509_get_default_cert_dir(), true);
}

static bool
is_set(const char *value)
{
	return value != NULL && value[0] != '\0';
}

struct cert_store *
mx_trust_load(const struct config *config, const struct site *site,
    char error[FACTS_ERROR_MAX_BYTES + 1])
{
	bool has_own = is_set(config->mx_ca_file) ||
	    is_set(config->mx_ca_path);
	bool has_postfix = is_set(site->ca_file) || is_set(site->ca_path);
	struct trust t = { .store = cert_store_new(), .error = error };

	error[0] = '\0';
	if (has_own) {
		add_file(&t, config->mx_ca_file, false);
		add_folder(&t, config->mx_ca_path, false);
	} else {
		add_file(&t, site->ca_file, false);
		add_folder(&t, site->ca_path, false);
		if (site->appends_default_ca || !has_postfix)
			add_defaults(&t);
		if (site->is_known && !has_postfix &&
		    !site->appends_default_ca)
			facts_set_error(error, "Postfix trusts nobody "
			    "(smtp_tls_CAfile, smtp_tls_CApath); probes use "
			    "the system's store");
	}
	if (t.file_count == 0) {
		if (error[0] == '\0')
			facts_set_error(error, "no trusted certificates were "
			    "found");
		cert_store_free(t.store);
		return NULL;
	}
	add_file(&t, config->crl_file, false);
	return t.store;
}
