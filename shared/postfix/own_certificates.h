/*
 * Which certificates this mail system uses, by what Postfix and Dovecot say of
 * their settings: the files, the ports on which they should be served, and
 * the names (SNI) for which.  Reading the files and running the programs is the
 * caller's work.
 */

#ifndef HOPSEAL_OWN_CERTIFICATES_H
#define HOPSEAL_OWN_CERTIFICATES_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/address.h"
#include "shared/probe_message.h"
#include "shared/text.h"

#define OWN_CERTIFICATES_MAX	4096	/* more are left out */
#define OWN_FILES_MAX		16	/* of one certificate */
#define OWN_PORTS_MAX		256	/* of one server */

enum own_kind {
	OWN_SERVER,	/* what a client gets that asks for no known name */
	OWN_SNI,	/* what one gets that asks for the name */
	OWN_CLIENT	/* what Postfix shows to others; served nowhere */
};

struct own_port {
	uint16_t		 port;
	enum probe_service	 service;
	struct address		 address;	/* loopback when it is on all */
};

struct own_certificate {
	char			*name;		/* "postfix submission" */
	enum own_kind		 kind;
	char			*sni;		/* or ".example.org"; or NULL */
	char			*files[OWN_FILES_MAX];	/* in Postfix's order */
	size_t			 file_count;
	char			*key_file;	/* NULL: keys are in files */
	char			*host;		/* its server's name, or NULL */
	char			*reload;	/* the command after a change */
	char			*map;		/* "hash:/etc/sni", or NULL */
	char			*map_file;	/* its index, or NULL */
	char			*map_source;	/* what makes it, or NULL */
	struct own_port		*ports;
	size_t			 port_count;
};

/* A table of tls_server_sni_maps whose source is to be read. */
struct own_sni_map {
	char			*name;		/* "postfix SNI" */
	char			*reload, *table;	/* "hash:/etc/sni" */
	char			*source;	/* NULL: of a type without */
	char			*index;		/* NULL: the source is read */
	struct own_port		*ports;
	size_t			 port_count;
};

struct own_certificates {
	struct own_certificate	*certificates;
	size_t			 count;
	struct own_sni_map	*maps;
	size_t			 map_count;
	bool			 has_unread;	/* Dovecot names more */
};

/* The main.cf parameters that are read, NULL behind the last. */
extern const char *const own_certificate_parameters[];

struct own_certificates *own_certificates_new(void);
void	own_certificates_free(struct own_certificates *own);

/*
 * The instance of Postfix in the folder dir (NULL: Postfix's default): the
 * output of "postconf -x" for the parameters above, of "postconf -M"
 * (master.cf, one line a service) and of "postconf -Px" (its overrides).  Files
 * that two of its services share are one certificate with the ports of both.
 */
void	own_certificates_add_postfix(struct own_certificates *own,
	    const char *dir, struct text settings, struct text services,
	    struct text overrides);
/* What the source of maps[index] says: "NAME FILE ..." a line (postmap(1)). */
void	own_certificates_add_sni(struct own_certificates *own, size_t index,
	    struct text source);
/*
 * The output of "doveconf -n", of Dovecot 2.3 or 2.4; with -P it names the
 * files of keys, too.  Later lines of the top level win.  Sets has_unread where
 * a certificate is for a network, say, so that nobody knows whom to ask.
 */
void	own_certificates_add_dovecot(struct own_certificates *own,
	    struct text doveconf);
/*
 * The option certificate: "NAME FILE [KEYFILE] [PORT ...]", more of them behind
 * commas.  0, or -1 with *why.
 */
int	own_certificates_add_option(struct own_certificates *own,
	    struct text option, const char **why);

#endif
