/*
 * Asks postconf, and becomes what Postfix's master would make of a process.
 */

#include "ctl/postfix_view.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/postconf.h"
#include "shared/io/config.h"
#include "shared/postfix/setup_plan.h"
#include "shared/xalloc.h"

#define OUTPUT_MAX	(256 * 1024)

static const char *const parameters[] = {
	"compatibility_level", "mail_owner", "queue_directory",
	"smtp_tls_policy_maps", "smtpd_milters",
	"smtpd_recipient_restrictions", NULL
};

static struct text
text_in(const struct buffer *b)
{
	return (struct text){ buffer_text(b), b->len };
}

static char *
copy_of(struct text t)
{
	return xstrndup(t.len > 0 ? t.data : "", t.len);
}

void
postfix_view_read(struct postfix_view *view, const struct config *config)
{
	struct text dirs = text_of(config->postfix_config_dir), dir;
	struct buffer errors;
	char *owner;

	memset(view, 0, sizeof(*view));
	if (text_next_item(&dirs, &dir))
		view->config_dir = copy_of(dir);
	buffer_init(&view->settings, OUTPUT_MAX);
	buffer_init(&view->overrides, OUTPUT_MAX);
	buffer_init(&view->services, OUTPUT_MAX);
	postconf_ask(view->config_dir, "-x", parameters, &view->settings);
	view->is_there = view->settings.len > 0;
	view->queue_directory = copy_of(setup_value(text_in(&view->settings),
	    "queue_directory"));
	if (!view->is_there)
		return;
	postconf_ask(view->config_dir, "-Px", NULL, &view->overrides);
	postconf_ask(view->config_dir, "-M", NULL, &view->services);
	owner = copy_of(setup_value(text_in(&view->settings), "mail_owner"));
	buffer_init(&errors, OUTPUT_MAX);
	view->has_owner = account_find("mail_owner", owner, &view->owner,
	    &errors) == 0;
	buffer_clear(&errors);
	free(owner);
}

void
postfix_view_clear(struct postfix_view *view)
{
	free(view->config_dir);
	free(view->queue_directory);
	buffer_clear(&view->settings);
	buffer_clear(&view->overrides);
	buffer_clear(&view->services);
}

bool
postfix_view_is_chrooted(const struct postfix_view *view, const char *command)
{
	return setup_runs_chrooted(text_in(&view->services), setup_value(
	    text_in(&view->settings), "compatibility_level"), command);
}

bool
postfix_view_names(const struct postfix_view *view, const char *parameter,
    struct text endpoint)
{
	struct text lines = text_in(&view->overrides), line, place, name;
	char *written = copy_of(endpoint);
	char *wanted = setup_as_postfix_finds(text_of(view->queue_directory),
	    written);
	bool is_named = text_contains(setup_value(text_in(&view->settings),
	    parameter), wanted);

	while (!is_named && text_next_line(&lines, &line)) {
		text_next_field(&line, '=', &place);
		while (text_next_field(&place, '/', &name))
			;
		is_named = text_equals(text_trim(name), parameter) &&
		    text_contains(line, wanted);
	}
	free(wanted);
	free(written);
	return is_named;
}

int
postfix_view_become(const struct postfix_view *view, const char *command)
{
	if (postfix_view_is_chrooted(view, command) &&
	    (chdir(view->queue_directory) == -1 || chroot(".") == -1))
		return -1;
	return account_become(&view->owner);
}
