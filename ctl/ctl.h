/*
 * What the commands of hopseal have in common: the row that describes one, its
 * options, and the exit codes, which monitoring systems understand.
 */

#ifndef HOPSEAL_CTL_H
#define HOPSEAL_CTL_H

#include <stdbool.h>
#include <stddef.h>

enum ctl_exit {
	CTL_FINE = 0,
	CTL_WARNING = 1,
	CTL_CRITICAL = 2,	/* or: not delivered, not done */
	CTL_UNKNOWN = 3,	/* also: policyd is away */
	CTL_USAGE = 64
};

#define CTL_OVERRIDES_MAX 64

/* Options of single commands; main.c has a row for each. */
enum ctl_option {
	CTL_POLICY, CTL_CLEAR, CTL_TEST_ALERT, CTL_HOST, CTL_AT, CTL_CA,
	CTL_WARN, CTL_PUBLISH, CTL_NO_KEYS, CTL_CT, CTL_GROUP,
	CTL_DAY, CTL_SINCE, CTL_DOMAIN, CTL_IN, CTL_OUT, CTL_RECEIVED, CTL_TOP,
	CTL_APPLY, CTL_REVERT, CTL_LINES, CTL_FORCE,
	CTL_IMPORT, CTL_RFC8460,
	CTL_OPTION_COUNT
};
#define CTL_TAKES(option) (1u << (option))

struct ctl_options {
	const char	*config_path;	/* -c, or NULL for the default */
	const char	*overrides[CTL_OVERRIDES_MAX];	/* -o name=value */
	size_t		 override_count;
	bool		 is_json;
	/* As given; "" for one without an argument; NULL: not given. */
	char		*values[CTL_OPTION_COUNT];
};

struct ctl_command {
	const char	*name;
	const char	*operands;	/* for usage: "DOMAIN" */
	int		 operand_min, operand_max;
	/* What the first of them can be, NULL behind the last; or NULL. */
	const char	*(*operand_word)(size_t index);
	unsigned	 takes;		/* a set of CTL_TAKES(option) */
	const char	*summary;	/* one line */
	const char	*help;		/* more lines for --help, or "" */
	/* operands are checked for their number; returns the exit code. */
	enum ctl_exit	(*run)(const struct ctl_options *options,
			    int operand_count, char *const *operands);
};

extern const struct ctl_command explain_command, check_command,
    status_command, refresh_command, forget_command, rules_command,
    report_command, certs_command, setup_command, lint_command,
    completion_command;

/* All commands and the options of single ones; NULL behind the last. */
const struct ctl_command *ctl_command_at(size_t index);
/* "host", and in *argument what stands behind it ("NAME") or NULL. */
const char *ctl_option_name(enum ctl_option option, const char **argument);

/*
 * "hopseal: ..." on standard error.  With --json the last of it becomes the
 * answer where a command has printed none.
 */
void	ctl_complain(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));
/* The last of it; until then a line of usage. */
const char *ctl_complaint(void);

#endif
