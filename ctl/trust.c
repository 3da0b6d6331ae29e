/*
 * Reads files of authorities.
 */

#include "ctl/trust.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "shared/buffer.h"
#include "shared/io/file.h"
#include "shared/policy/cert_check.h"

#define CA_FILE_MAX_BYTES (16 * 1024 * 1024)

int
trust_add_file(struct cert_store *store, const char *path, const char **why)
{
	struct buffer pem;
	int result = -1;

	buffer_init(&pem, CA_FILE_MAX_BYTES);
	if (file_read(path, &pem) == -1)
		*why = strerror(errno);
	else
		result = cert_store_add_pem(store,
		    (struct text){ buffer_text(&pem), pem.len }, why);
	buffer_clear(&pem);
	return result;
}

/* Where systems keep all that they trust in one file; the first counts. */
const char *
trust_system_file(void)
{
	static const char *const paths[] = {
		"/etc/ssl/certs/ca-certificates.crt",	/* Debian */
		"/etc/pki/tls/certs/ca-bundle.crt",	/* Fedora */
		"/etc/ssl/cert.pem",			/* FreeBSD */
	};
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], R_OK) == 0)
			return paths[i];
	return NULL;
}

void
trust_add_system(struct cert_store *store)
{
	const char *path = trust_system_file(), *why;

	if (path != NULL)
		trust_add_file(store, path, &why);
}
