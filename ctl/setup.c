/*
 * hopseal setup: what this host's Postfix needs so that it asks Hopseal, and
 * what stands in the way.  Reads what the plan is made from; setup_show.c
 * prints it, setup_apply.c carries it out and takes it back.
 */

#include "ctl/setup.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/postconf.h"
#include "ctl/trust.h"
#include "shared/xalloc.h"

#define DEFAULT_CONFIG	HOPSEAL_SYSCONFDIR "/hopseal.conf"

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
	    setup_show(&setup) : change(&setup);
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
