/*
 * All that the milter works with: configuration, the operator's rules and what
 * policyd said of the site.  It is replaced whole behind one counted pointer,
 * which is the only mutable global here; a message keeps the one it began with.
 */

#ifndef HOPSEAL_MILTER_SETUP_H
#define HOPSEAL_MILTER_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "milter/policyd_answer.h"
#include "shared/address.h"
#include "shared/buffer.h"
#include "shared/io/config.h"
#include "shared/policy/domain_rules.h"

struct cache_wait;
struct policyd_line;
struct report_room;

/* Where a setup comes from; lives as long as the program. */
struct setup_source {
	const char		*config_path;
	bool			 config_may_be_missing;
	const char		*overrides;	/* "name=value" lines of -o */
	struct cache_wait	*cache;		/* NULL: only files count */
	struct policyd_line	*policyd;
	struct report_room	*reports;	/* that pass */
};

struct setup {
	const struct setup_source *source;
	struct config		*config;
	struct domain_rules	*rules;
	char			*redis_password; /* or NULL */
	bool			 may_act;	/* some "out" rule is more than log */
	struct site_answer	 site;
	/* The texts that the values above were made from. */
	char			*config_text, *rules_text, *site_line;
	unsigned		 use_count;	/* guarded as the pointer is */
};

/*
 * Reads and checks the files.  site_line is policyd's last good answer, or
 * NULL.  The caller's; NULL with a line a mistake in errors.
 */
struct setup	*setup_load(const struct setup_source *source,
		    const char *site_line, struct buffer *errors);
/* The same files' content as old has, and another answer of policyd. */
struct setup	*setup_with_site(const struct setup *old,
		    const char *site_line);
void		 setup_free(struct setup *setup);
/* A number that changes with the files behind setup. */
uint64_t	 setup_mark(const struct setup *setup);

/* The present one, held until it is released; NULL before the first. */
struct setup	*setup_hold(void);
void		 setup_release(struct setup *setup);	/* NULL is fine */
/* Takes setup, which is the present one from now on. */
void		 setup_replace(struct setup *setup);

bool		 setup_owns_domain(const struct setup *setup,
		    const char *name);
/* A client whose mail is ours: loopback, or one of our networks. */
bool		 setup_owns_address(const struct setup *setup,
		    const struct address *client);
/* True where mail is to be marked because our certificate there has ended. */
bool		 setup_marks_port(const struct setup *setup,
		    const char *port);
/* True for a port of reinject_ports, as the macro {daemon_port} has it. */
bool		 setup_is_reinject_port(const struct setup *setup,
		    const char *port);

#endif
