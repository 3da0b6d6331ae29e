/*
 * Whom strangers trust: the system's authorities, or a file of others.
 */

#ifndef HOPSEAL_TRUST_H
#define HOPSEAL_TRUST_H

struct cert_store;

/* 0, or -1 with *why for a file that cannot be read or holds no certificate. */
int	trust_add_file(struct cert_store *store, const char *path,
	    const char **why);
/* The file in which the system keeps all that it trusts, or NULL. */
const char *trust_system_file(void);
/* What the system has in one file; nothing where there is none. */
void	trust_add_system(struct cert_store *store);

#endif
