/*
 * One command at a time, a timer between.  The command runs with the parent's
 * rights, as certificates may lie where only root reads; it is told to leave
 * private keys alone, and gives what strangers say to a scout of its own.
 */

#include "policyd/cert_watch.h"

#include <assert.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>

#include "policyd/load.h"
#include "policyd/process/hopseal_command.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define FIRST_S		10	/* until Postfix has started, too */
#define TROUBLE_S	300
#define DEADLINE_MS	300000
#define OUTPUT_MAX	(1024 * 1024)

struct cert_watch {
	struct event_base	*base;
	const struct load	*load;
	unsigned		 interval_s;
	char			*program;
	struct event		*timer;
	struct command		*command;	/* or NULL */
	bool			 has_failed;	/* and that was said */
	cert_watch_cb		*callback;
	void			*arg;
};

static void
cert_watch_wait(struct cert_watch *w, unsigned seconds)
{
	struct timeval delay = { seconds, 0 };

	event_add(w->timer, &delay);
}

/* The member is the command's own word for the whole. */
static bool
is_well(struct text report)
{
	return text_contains(report, "\"overall\": \"good\"");
}

static void
cert_watch_on_end(const struct command_result *result, void *arg)
{
	struct cert_watch *w = arg;
	char *report;
	/* 0 good to 3 unknown; others have no report. */
	bool has_report = result->end == COMMAND_EXITED &&
	    result->status <= 3 && text_starts_with(result->output, "{");

	w->command = NULL;
	if (!has_report && !w->has_failed)
		log_warn("own certificates could not be looked at: "
		    "program=%s, reason=%s", w->program,
		    result->end == COMMAND_LATE ? "it did not end in time" :
		    "it failed; run hopseal certs by hand");
	w->has_failed = !has_report;
	cert_watch_wait(w, has_report && !is_well(result->output) &&
	    w->interval_s > TROUBLE_S ? TROUBLE_S : w->interval_s);
	if (!has_report)
		return;
	report = xstrndup(result->output.data, result->output.len);
	w->callback(report, w->arg);
	free(report);
}

static void
cert_watch_on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct cert_watch *w = arg;
	struct hopseal_command recipe = {
		.words = { "--json", "--no-keys", "certs" },
		.config_path = w->load->config_may_be_missing ? NULL :
		    w->load->config_path,
		.overrides = w->load->overrides, .output_max = OUTPUT_MAX,
		.deadline_ms = DEADLINE_MS };

	(void)fd;
	(void)events;
	w->command = hopseal_command_start(w->base, &recipe,
	    cert_watch_on_end, w);
}

struct cert_watch *
cert_watch_new(struct event_base *base, const struct load *load,
    cert_watch_cb *callback, void *arg)
{
	struct cert_watch *w = xcalloc(1, sizeof(*w));

	w->base = base;
	w->load = load;
	w->callback = callback;
	w->arg = arg;
	w->program = hopseal_command_path();
	w->timer = event_new(base, -1, 0, cert_watch_on_timer, w);
	assert(w->timer != NULL);
	return w;
}

void
cert_watch_configure(struct cert_watch *w, const struct settings *settings)
{
	w->interval_s = settings->config->cert_interval_s;
	if (w->interval_s == 0)
		event_del(w->timer);
	else if (w->command == NULL)
		cert_watch_wait(w, FIRST_S);
}

void
cert_watch_free(struct cert_watch *w)
{
	if (w == NULL)
		return;
	command_cancel(w->command);
	event_free(w->timer);
	free(w->program);
	free(w);
}
