/*
 * What main.cf and master.cf must say so that Postfix 3.4 to 3.12 asks Hopseal:
 * each change with its reason, options of hopseal.conf that follow from
 * Postfix's settings, and what stands in the way.  The operator's own tables,
 * restrictions and milters stay.  Asking postconf, and carrying the plan out,
 * is ctl/setup*.c's.
 */

#ifndef HOPSEAL_SETUP_PLAN_H
#define HOPSEAL_SETUP_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define SETUP_LINES_MAX	(256 * 1024)

/* What postconf prints, "name = value" a line, and what our options say. */
struct setup_host {
	bool		 has_main_cf;	/* else settings are the defaults */
	struct text	 settings;	/* -x, of setup_parameters; or none */
	struct text	 written;	/* -n: what main.cf sets, with $names */
	struct text	 overrides;	/* -P: "service/type/name = value" */
	struct text	 services;	/* -M */
	struct text	 options;	/* of hopseal.conf, where not default */
	/* One endpoint each, as in hopseal.conf; "" for none. */
	const char	*map, *access, *milter;
	const char	*ca_file;	/* the system's authorities, or NULL */
	const char	*password_file;	/* of a page that has none; or NULL */
	bool		 is_tlsrpt_unit_off;	/* systemd's, not enabled */
};

enum setup_file { SETUP_MAIN_CF, SETUP_MASTER_CF, SETUP_HOPSEAL_CONF };

struct setup_change {
	enum setup_file	 file;
	char		*name;		/* in master.cf "service/type/name" */
	char		*old;		/* as written; NULL: not set there */
	char		*value;
	const char	*because;
};

struct setup_option {
	const char	*name;
	char		*value;
	const char	*because;
};

struct setup_warning {
	char		*what, *advice;
};

struct setup_plan {
	struct setup_change	*changes;
	size_t			 change_count;
	struct setup_option	*options;
	size_t			 option_count;
	struct setup_warning	*warnings;
	size_t			 warning_count;
};

/* "main.cf", "master.cf", "hopseal.conf". */
const char *setup_file_name(enum setup_file file);

/* The parameters that settings should have, NULL behind the last. */
extern const char *const setup_parameters[];

struct setup_plan *setup_plan_make(const struct setup_host *host);
void	setup_plan_free(struct setup_plan *plan);
void	setup_plan_warn(struct setup_plan *plan, const char *what,
	    const char *advice);

/*
 * The endpoint of one of our options as a setting of Postfix has it: with a
 * path below the queue directory where that is possible.  The caller frees.
 */
char	*setup_as_postfix_finds(struct text queue_directory,
	    const char *endpoint);
/* True where a service of "postconf -M" with that command runs chrooted. */
bool	setup_runs_chrooted(struct text services,
	    struct text compatibility_level, const char *command);

/* The value in lines of "name = value"; data is NULL where there is none. */
struct text setup_value(struct text lines, const char *name);
/*
 * Adds value as "postconf -P" takes it, without blanks: commas separate as
 * well.  False where blanks inside braces have a meaning; out is then useless.
 */
bool	setup_compact(struct text value, struct buffer *out);

/* Adds the words in a form that a shell reads as one. */
void	setup_quote(const char *words, struct buffer *out);
/*
 * Add lines for people and shells alike: comments and commands.  flags stand
 * behind "postconf" and "postfix": "" or " -c DIR".
 */
void	setup_change_command(const struct setup_change *change,
	    const char *flags, struct buffer *out);
void	setup_plan_lines(const struct setup_plan *plan, const char *flags,
	    struct buffer *out);
/* The command that takes our map out again, without a line end. */
void	setup_plan_undo(const struct setup_host *host, const char *flags,
	    struct buffer *out);

#endif
