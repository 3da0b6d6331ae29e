/*
 * What the readers of Postfix's and of Dovecot's settings share.
 */

#ifndef HOPSEAL_OWN_CERTIFICATES_LIST_H
#define HOPSEAL_OWN_CERTIFICATES_LIST_H

#include "shared/postfix/own_certificates.h"

/* Copies it; one of the same files there is only gets its ports. */
void	own_add(struct own_certificates *own,
	    const struct own_certificate *like);
/* Each port once, and no more than OWN_PORTS_MAX. */
void	own_add_port(struct own_port **ports, size_t *count,
	    const struct own_port *port);
void	own_clear_files(struct own_certificate *c);

/* A line "name = value"; false for any other. */
bool	own_cut_setting(struct text line, struct text *name,
	    struct text *value);
/* The first of these addresses, or loopback where it is among them. */
struct address own_usual_address(struct text interfaces);
bool	own_is_file(struct text value);		/* an absolute path */
char	*own_copy(struct text t);		/* the caller's */

#endif
