/*
 * The parts of hopseal setup: what it read of one Postfix and of this host, and
 * the plan.
 */

#ifndef HOPSEAL_SETUP_H
#define HOPSEAL_SETUP_H

#include <jansson.h>

#include "ctl/ctl.h"
#include "ctl/postfix_view.h"
#include "shared/buffer.h"
#include "shared/io/config.h"
#include "shared/postfix/setup_plan.h"

#define SETUP_OUTPUT_MAX (1024 * 1024)

struct setup {
	const struct ctl_options	*options;
	struct config			*config;
	const char			*config_path;	/* of hopseal.conf */
	char				*dir;	/* of main.cf; NULL: none */
	char				*flags;	/* "" or " -c DIR" */
	/* What host points into. */
	struct buffer			 settings, written, overrides, services;
	struct buffer			 changed;
	char				*map, *access, *milter, *password_file;
	struct postfix_view		 view;
	struct setup_host		 host;
	struct setup_plan		*plan;
	bool				 has_dovecot;
};

/* Adds to the plan what on this host stands in the way. */
void		 setup_look(struct setup *setup);
/* True where systemd has hopseal-tlsrpt.socket and does not start it. */
bool		 setup_tlsrpt_unit_is_off(void);

/* Looks, and prints the plan in the way that the options ask for. */
enum ctl_exit	 setup_show(struct setup *setup);

/*
 * Carries the plan out, or takes back what was carried out before; *answer is
 * then the caller's: "done", "changes" or "restored" and "left", "reloaded".
 * What could not be done has been said.
 */
enum ctl_exit	 setup_apply(struct setup *setup, json_t **answer);
enum ctl_exit	 setup_revert(struct setup *setup, json_t **answer);

/*
 * The plan as JSON: each has "file", "name", "old", "value" and "because", a
 * change of Postfix's "command", too.
 */
json_t		*setup_changes(const struct setup *setup);
json_t		*setup_options(const struct setup *setup);
/* What is warned of, for people; prefix stands before each line. */
void		 setup_print_warnings(const struct setup *setup,
		    const char *prefix);

#endif
