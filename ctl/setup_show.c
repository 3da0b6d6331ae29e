/*
 * The plan for people, as JSON, and as commands for a shell.
 */

#include "ctl/setup.h"

#include <stdio.h>

#include "ctl/ask.h"

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
	    "warnings", warnings, "lines", json_lines(text_of(buffer_text(
	    &lines))), "undo", buffer_text(&undo));
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

enum ctl_exit
setup_show(struct setup *setup)
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
