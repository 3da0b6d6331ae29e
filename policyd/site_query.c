/*
 * Asks Postfix for its settings by running postconf, once for main.cf and once
 * for master.cf of each instance.  Files that its lists name ("/path") are read
 * here, where we may read them.
 */

#include "policyd/site_query.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/process/command.h"
#include "shared/buffer.h"
#include "shared/io/file.h"
#include "shared/postfix/site.h"
#include "shared/postfix/table.h"
#include "shared/xalloc.h"

#define OUTPUT_MAX	(256 * 1024)
#define DEADLINE_MS	10000
#define ARGUMENTS_MAX	64
#define DIRS_MAX	64	/* instances */
#define FILE_MAX_BYTES	65536	/* of a list */

/* What a list is made of (postconf(5)): items, or files of items. */
static const char *const lists[] = {
	"mynetworks", "mydestination", "virtual_alias_domains",
	"virtual_mailbox_domains", "relay_domains",
};

struct site_query {
	struct event_base	*base;
	char			*dirs[DIRS_MAX];	/* NULL: the default */
	size_t			 dir_count, dir_at;
	bool			 finds_instances;	/* of the default */
	bool			 asks_services;	/* now: of master.cf */
	struct event		*start;
	struct command		*command;	/* NULL between two */
	struct buffer		 output;
	site_query_cb		*callback;
	void			*arg;
};

static void	site_query_advance(struct site_query *q);

void
site_query_cancel(struct site_query *q)
{
	if (q == NULL)
		return;
	command_cancel(q->command);
	event_free(q->start);
	while (q->dir_count > 0)
		free(q->dirs[--q->dir_count]);
	buffer_clear(&q->output);
	free(q);
}

/* Settings without a version are none, whatever the program was. */
static bool
is_postfix(const struct buffer *output)
{
	struct site *site = site_parse(text_of(buffer_text(output)));
	bool is_known = site->is_known;

	site_free(site);
	return is_known;
}

static void
site_query_finish(struct site_query *q, const char *failure)
{
	struct buffer words;

	buffer_init(&words, OUTPUT_MAX);
	if (failure == NULL && q->output.is_overfull)
		failure = "postconf printed more than 256 KiB";
	if (failure == NULL && !is_postfix(&q->output))
		failure = "postconf printed no mail_version";
	if (failure != NULL)
		buffer_addf(&words, "# %s\n", failure);
	q->callback(failure != NULL ? buffer_text(&words) :
	    buffer_text(&q->output), q->arg);
	buffer_clear(&words);
	site_query_cancel(q);
}

/* With its own words, as far as it had some. */
static void
site_query_finish_failed(struct site_query *q, struct text complaint)
{
	const char *dir = q->dirs[q->dir_at];
	struct buffer failure;
	struct text line;
	char words[256];

	buffer_init(&failure, OUTPUT_MAX);
	if (text_next_line(&complaint, &line) && line.len > 0)
		buffer_addf(&failure, "postconf failed (%s)",
		    text_quote(words, sizeof(words), line));
	else
		buffer_add_text(&failure, "postconf failed without a word");
	if (dir != NULL)
		buffer_addf(&failure, "; run it by hand with -c %s", dir);
	else
		buffer_add_text(&failure, "; run it by hand, without -c");
	site_query_finish(q, buffer_text(&failure));
	buffer_clear(&failure);
}

/* ------------------------------------------------------------- its output */

static bool
is_list(struct text name)
{
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (text_equals(name, lists[i]))
			return true;
	return false;
}

/* What cannot be read stays as it is, for others to see that it is open. */
static void
add_file(struct site_query *q, struct text item, size_t sign_count)
{
	char *path = xstrndup(item.data + sign_count, item.len - sign_count);
	struct text rest, line, pattern;
	struct buffer content;

	buffer_init(&content, FILE_MAX_BYTES);
	if (file_read(path, &content) == 0 && !content.is_overfull) {
		rest = (struct text){ buffer_text(&content), content.len };
		while (text_next_line(&rest, &line)) {
			line = text_trim(line);
			if (line.len > 0 && line.data[0] == '#')
				continue;
			while (table_next_item(&line, &pattern))
				buffer_addf(&q->output, " %.*s%.*s",
				    (int)sign_count, item.data,
				    (int)pattern.len, pattern.data);
		}
	} else
		buffer_addf(&q->output, " %.*s", (int)item.len, item.data);
	buffer_clear(&content);
	free(path);
}

static void
add_list(struct site_query *q, struct text name, struct text value)
{
	struct text item;
	size_t sign_count;

	buffer_addf(&q->output, "%.*s =", (int)name.len, name.data);
	while (table_next_item(&value, &item)) {
		sign_count = strspn(item.data, "!");
		if (sign_count < item.len && item.data[sign_count] == '/')
			add_file(q, item, sign_count);
		else
			buffer_addf(&q->output, " %.*s", (int)item.len,
			    item.data);
	}
	buffer_add_text(&q->output, "\n");
}

static void
add_dirs(struct site_query *q, struct text list)
{
	struct text dir;

	while (text_next_item(&list, &dir) && q->dir_count < DIRS_MAX)
		q->dirs[q->dir_count++] = xstrndup(dir.data, dir.len);
}

static void
add_settings(struct site_query *q, struct text output)
{
	struct text line, name, value;

	while (text_next_line(&output, &line)) {
		value = line;
		text_next_field(&value, '=', &name);
		name = text_trim(name);
		if (value.data != NULL && is_list(name))
			add_list(q, name, value);
		else
			buffer_addf(&q->output, "%.*s\n", (int)line.len,
			    line.data);
		if (value.data != NULL && q->finds_instances &&
		    text_equals(name, "multi_instance_directories")) {
			q->finds_instances = false;
			add_dirs(q, value);
		}
	}
}

static void
add_services(struct site_query *q, struct text output)
{
	struct text line;

	while (text_next_line(&output, &line))
		buffer_addf(&q->output, "master.cf = %.*s\n", (int)line.len,
		    line.data);
}

/* ---------------------------------------------------------------- running */

/* A Postfix that does not tell its services is one without a master.cf. */
static void
site_query_on_output(const struct command_result *result, void *arg)
{
	struct site_query *q = arg;
	bool was_services = q->asks_services;

	q->command = NULL;
	q->asks_services = !was_services;
	switch (result->end) {
	case COMMAND_NOT_STARTED:
		site_query_finish(q, "postconf could not be run: is Postfix "
		    "installed?");
		return;
	case COMMAND_LATE:
		site_query_finish(q, "postconf did not end within 10 s");
		return;
	case COMMAND_LOUD:
		site_query_finish(q, "postconf printed more than 256 KiB");
		return;
	case COMMAND_LINGERS:
		site_query_finish(q, "postconf does not end");
		return;
	case COMMAND_KILLED:
	case COMMAND_EXITED:
		break;
	}
	if (result->end == COMMAND_EXITED && result->status == 0) {
		if (was_services)
			add_services(q, result->output);
		else
			add_settings(q, result->output);
	} else if (!was_services) {
		site_query_finish_failed(q, result->complaint);
		return;
	}
	q->dir_at += was_services;
	site_query_advance(q);
}

/* postconf -x [-c DIR] NAME ..., then postconf -M [-c DIR] */
static void
site_query_run(struct site_query *q)
{
	const char *arguments[ARGUMENTS_MAX], *dir = q->dirs[q->dir_at];
	struct command_recipe recipe = { .arguments = arguments,
	    .output_max = OUTPUT_MAX, .deadline_ms = DEADLINE_MS };
	size_t count = 0, i;

	arguments[count++] = "postconf";
	arguments[count++] = q->asks_services ? "-M" : "-x";
	if (dir != NULL) {
		arguments[count++] = "-c";
		arguments[count++] = dir;
	}
	for (i = 0; !q->asks_services && site_parameters[i] != NULL; i++)
		arguments[count++] = site_parameters[i];
	arguments[count] = NULL;
	assert(count < ARGUMENTS_MAX);
	q->command = command_start(q->base, &recipe, site_query_on_output, q);
}

/* The next question, or the end. */
static void
site_query_advance(struct site_query *q)
{
	if (q->dir_at == q->dir_count)
		site_query_finish(q, NULL);
	else
		site_query_run(q);
}

static void
site_query_on_start(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	site_query_advance(arg);
}

struct site_query *
site_query_start(struct event_base *base, const char *config_dirs,
    site_query_cb *callback, void *arg)
{
	struct site_query *q = xcalloc(1, sizeof(*q));
	struct timeval at_once = { 0, 0 };

	q->base = base;
	q->callback = callback;
	q->arg = arg;
	buffer_init(&q->output, OUTPUT_MAX);
	add_dirs(q, text_of(config_dirs));
	if (q->dir_count == 0) {
		q->finds_instances = true;
		q->dir_count = 1;
	}
	q->start = evtimer_new(base, site_query_on_start, q);
	event_add(q->start, &at_once);
	return q;
}
