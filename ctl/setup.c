/*
 * hopseal setup: what this host's Postfix needs so that it asks Hopseal, and
 * what stands in the way.  Prints comments and commands for people and shells;
 * --apply carries them out, --revert takes them back.
 */

#include "ctl/setup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/postconf.h"
#include "ctl/trust.h"
#include "shared/xalloc.h"

#define DEFAULT_CONFIG	HOPSEAL_SYSCONFDIR "/hopseal.conf"

const char *
setup_file_name(enum setup_file file)
{
	static const char *const names[] = {
		[SETUP_MAIN_CF] = "main.cf", [SETUP_MASTER_CF] = "master.cf",
		[SETUP_HOPSEAL_CONF] = "hopseal.conf"
	};

	return names[file];
}

/* ------------------------------------------------------------------ reading */

static struct text
text_in(const struct buffer *b)
{
	return (struct text){ buffer_text(b), b->len };
}

/* The first of a list; "" for none. */
static char *
first_of(const char *list)
{
	struct text rest = text_of(list), item;

	return text_next_item(&rest, &item) ? xstrndup(item.data, item.len) :
	    xstrdup("");
}

/* Without a main.cf postconf tells its defaults alone, without Postfix none. */
static void
read_postfix(struct setup *setup)
{
	static const char *const version[] = { "mail_version", NULL };
	char *given = first_of(setup->config->postfix_config_dir);
	const char *dir = given[0] != '\0' ? given : NULL;
	struct text own;
	struct buffer flags;

	postconf_ask(dir, "-x", setup_parameters, &setup->settings);
	setup->host.has_main_cf = setup->settings.len > 0;
	if (setup->host.has_main_cf) {
		postconf_ask(dir, "-n", NULL, &setup->written);
		postconf_ask(dir, "-P", NULL, &setup->overrides);
		postconf_ask(dir, "-M", NULL, &setup->services);
		own = setup_value(text_in(&setup->settings),
		    "config_directory");
		setup->dir = dir != NULL ? xstrdup(dir) :
		    xstrndup(own.data, own.len);
	} else {
		/* Parameters of later versions would be refused with all. */
		postconf_ask(NULL, "-d", version, &setup->settings);
	}
	buffer_init(&flags, SETUP_OUTPUT_MAX);
	if (dir != NULL)
		buffer_addf(&flags, " -c %s", dir);
	setup->flags = buffer_take(&flags);
	free(given);
}

/* Where the page's password would be, beside hopseal.conf; NULL: not wanted. */
static char *
find_password_file(const struct setup *setup)
{
	const char *end = strrchr(setup->config_path, '/');
	struct buffer path;

	if (setup->config->status_listen[0] == '\0' ||
	    setup->config_path[0] != '/' ||
	    setup->config->status_password_file[0] != '\0')
		return NULL;
	buffer_init(&path, PATH_MAX);
	buffer_addf(&path, "%.*s/status-password", (int)(end -
	    setup->config_path), setup->config_path);
	return buffer_take(&path);
}

static void
setup_read(struct setup *setup)
{
	struct setup_host *host = &setup->host;

	buffer_init(&setup->settings, SETUP_OUTPUT_MAX);
	buffer_init(&setup->written, SETUP_OUTPUT_MAX);
	buffer_init(&setup->overrides, SETUP_OUTPUT_MAX);
	buffer_init(&setup->services, SETUP_OUTPUT_MAX);
	buffer_init(&setup->changed, SETUP_OUTPUT_MAX);
	setup->map = first_of(setup->config->map_listen);
	setup->access = first_of(setup->config->access_listen);
	setup->milter = first_of(setup->config->milter_listen);
	setup->password_file = find_password_file(setup);
	postfix_view_read(&setup->view, setup->config);
	read_postfix(setup);
	config_format_changed(setup->config, &setup->changed);
	host->settings = text_in(&setup->settings);
	host->written = text_in(&setup->written);
	host->overrides = text_in(&setup->overrides);
	host->services = text_in(&setup->services);
	host->options = text_in(&setup->changed);
	host->map = setup->map;
	host->access = setup->access;
	host->milter = setup->milter;
	host->ca_file = trust_system_file();
	host->password_file = setup->password_file;
	host->is_tlsrpt_unit_off = setup_tlsrpt_unit_is_off();
	setup->plan = setup_plan_make(host);
}

static void
setup_clear(struct setup *setup)
{
	setup_plan_free(setup->plan);
	buffer_clear(&setup->settings);
	buffer_clear(&setup->written);
	buffer_clear(&setup->overrides);
	buffer_clear(&setup->services);
	buffer_clear(&setup->changed);
	free(setup->map);
	free(setup->access);
	free(setup->milter);
	free(setup->password_file);
	postfix_view_clear(&setup->view);
	free(setup->dir);
	free(setup->flags);
	config_free(setup->config);
}

/* ----------------------------------------------------------------- printing */

json_t *
setup_changes(const struct setup *setup)
{
	const struct setup_change *c;
	json_t *changes = json_array();
	struct buffer command;
	size_t i;

	buffer_init(&command, SETUP_OUTPUT_MAX);
	for (i = 0; i < setup->plan->change_count; i++) {
		c = &setup->plan->changes[i];
		buffer_reset(&command);
		setup_change_command(c, setup->flags, &command);
		json_array_append_new(changes, json_pack(
		    "{s:s, s:s, s:s?, s:s, s:s, s:s}", "file",
		    setup_file_name(c->file), "name", c->name, "old", c->old,
		    "value", c->value, "because", c->because, "command",
		    buffer_text(&command)));
	}
	buffer_clear(&command);
	return changes;
}

json_t *
setup_options(const struct setup *setup)
{
	const struct setup_option *o;
	json_t *options = json_array();
	struct text old;
	size_t i;

	for (i = 0; i < setup->plan->option_count; i++) {
		o = &setup->plan->options[i];
		old = setup_value(setup->host.options, o->name);
		json_array_append_new(options, json_pack(
		    "{s:s, s:s, s:o, s:s, s:s}", "file",
		    setup_file_name(SETUP_HOPSEAL_CONF), "name", o->name,
		    "old", old.data != NULL ? json_stringn(old.data,
		    old.len) : json_null(), "value", o->value, "because",
		    o->because));
	}
	return options;
}

static json_t *
json_lines(struct text rest)
{
	json_t *lines = json_array();
	struct text line;

	while (text_next_line(&rest, &line))
		json_array_append_new(lines, json_stringn(line.data,
		    line.len));
	return lines;
}

static void
print_json(const struct setup *setup)
{
	struct text version = setup_value(setup->host.settings,
	    "mail_version");
	json_t *warnings = json_array(), *answer;
	const struct setup_plan *plan = setup->plan;
	struct buffer lines, undo;
	size_t i;

	buffer_init(&lines, SETUP_LINES_MAX);
	buffer_init(&undo, SETUP_LINES_MAX);
	setup_plan_lines(plan, setup->flags, &lines);
	setup_plan_undo(&setup->host, setup->flags, &undo);
	for (i = 0; i < plan->warning_count; i++)
		json_array_append_new(warnings, json_pack("{s:s, s:s}",
		    "what", plan->warnings[i].what, "advice",
		    plan->warnings[i].advice));
	answer = json_pack("{s:o, s:s?, s:o, s:o, s:o, s:o, s:s}",
	    "postfix_version", version.len > 0 ? json_stringn(version.data,
	    version.len) : json_null(), "config_directory", setup->dir,
	    "changes", setup_changes(setup), "options", setup_options(setup),
	    "warnings", warnings, "lines", json_lines(text_in(&lines)), "undo",
	    buffer_text(&undo));
	ask_print(answer);
	json_decref(answer);
	buffer_clear(&lines);
	buffer_clear(&undo);
}

static void
print_lines(const struct setup *setup)
{
	struct buffer lines;

	buffer_init(&lines, SETUP_LINES_MAX);
	setup_plan_lines(setup->plan, setup->flags, &lines);
	fputs(buffer_text(&lines), stdout);
	buffer_clear(&lines);
}

void
setup_print_warnings(const struct setup *setup, const char *prefix)
{
	const struct setup_warning *w;
	size_t i;

	for (i = 0; i < setup->plan->warning_count; i++) {
		w = &setup->plan->warnings[i];
		printf("\n%sWarning: %s\n%s  -> %s\n", prefix, w->what,
		    prefix, w->advice);
	}
}

static void
print(const struct setup *setup)
{
	struct text version = setup_value(setup->host.settings,
	    "mail_version");
	const struct setup_plan *plan = setup->plan;
	const struct setup_option *o;
	size_t i;

	if (version.len == 0)
		puts("# There is no Postfix here.  The oldest one that can "
		    "ask needs:");
	else if (plan->change_count == 0)
		printf("# Postfix %.*s in %s has all that it needs.\n",
		    (int)version.len, version.data, setup->dir);
	else
		printf("# So that Postfix %.*s in %s asks Hopseal:\n\n",
		    (int)version.len, version.data, setup->dir != NULL ?
		    setup->dir : "/etc/postfix");
	print_lines(setup);
	if (plan->option_count > 0)
		printf("\n# In %s:\n", setup->config_path);
	for (i = 0; i < plan->option_count; i++) {
		o = &plan->options[i];
		printf("#   %s\n#     %s = %s\n", o->because, o->name,
		    o->value);
	}
	if (setup->has_dovecot)
		puts("\n# Dovecot is here: \"hopseal certs\" looks at its "
		    "certificates, too.");
	setup_print_warnings(setup, "# ");
	if (version.len > 0 && (plan->change_count > 0 ||
	    plan->option_count > 0))
		puts("\n# \"hopseal setup --apply\" makes these changes.");
}

/* ------------------------------------------------------------------ command */

static enum ctl_exit
change(struct setup *setup)
{
	const struct ctl_options *options = setup->options;
	enum ctl_exit status;
	json_t *answer = NULL;

	if (options->values[CTL_APPLY] != NULL) {
		setup_look(setup);
		status = setup_apply(setup, &answer);
	} else
		status = setup_revert(setup, &answer);
	if (answer != NULL && options->is_json)
		ask_print(answer);
	json_decref(answer);
	return status;
}

static enum ctl_exit
show(struct setup *setup)
{
	const struct ctl_options *options = setup->options;

	if (options->values[CTL_LINES] == NULL)
		setup_look(setup);
	if (options->is_json)
		print_json(setup);
	else if (options->values[CTL_LINES] != NULL)
		print_lines(setup);
	else
		print(setup);
	return setup->plan->warning_count > 0 ? CTL_WARNING : CTL_FINE;
}

static enum ctl_exit
setup_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	int ways = (options->values[CTL_APPLY] != NULL) +
	    (options->values[CTL_REVERT] != NULL) +
	    (options->values[CTL_LINES] != NULL);
	struct setup setup = { .options = options, .config_path =
	    options->config_path != NULL ? options->config_path :
	    DEFAULT_CONFIG };
	enum ctl_exit status;

	(void)operand_count;
	(void)operands;
	if (ways > 1) {
		ctl_complain("--apply, --revert or --lines: one of them");
		return CTL_USAGE;
	}
	setup.config = config_new();
	if (ask_read_config(options, setup.config, &status) == -1) {
		config_free(setup.config);
		return status;
	}
	setup_read(&setup);
	status = ways == 0 || options->values[CTL_LINES] != NULL ?
	    show(&setup) : change(&setup);
	setup_clear(&setup);
	return status;
}

const struct ctl_command setup_command = {
	.name = "setup",
	.operands = "",
	.takes = CTL_TAKES(CTL_APPLY) | CTL_TAKES(CTL_REVERT) |
	    CTL_TAKES(CTL_LINES) | CTL_TAKES(CTL_FORCE),
	.summary = "what Postfix needs so that it asks; does it, too",
	.help =
	    "Prints commands and, as comments, why, and what on this host "
	    "stands in the way.\nOwn tables, restrictions and milters stay.\n"
	    "  --lines   only the commands, without a look at the host\n"
	    "  --apply   carries them out, sets options in hopseal.conf, makes "
	    "a password\n            for the status page, keeps the files of "
	    "before, reloads\n"
	    "  --revert  sets back what is still as --apply left it, removes "
	    "that password\n"
	    "  --force   applies though Hopseal does not answer, when all mail "
	    "is deferred\n"
	    "Exit 0 fine or done, 1 warnings, 2 not done.\n",
	.run = setup_run
};
