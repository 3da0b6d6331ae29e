/*
 * One command at a time, a timer between, which changed files put forward.
 * The command runs with the parent's rights, as certificates may lie where
 * only root reads; it is told to leave private keys alone, and gives what
 * strangers say to a scout of its own.
 */

#include "policyd/cert_watch.h"

#include <assert.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/file_watch.h"
#include "policyd/load.h"
#include "policyd/process/hopseal_command.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define FIRST_S		10	/* until Postfix has started, too */
#define TROUBLE_S	300
/* Who renews a certificate writes several files, then reloads the server. */
#define SETTLE_S	5	/* without a change */
#define SETTLE_MAX_S	60	/* since the first, if they go on */
#define AGAIN_S		15	/* and twice as long each time, to TROUBLE_S */
#define TORN_MAX	3	/* looks in a row that changes spoiled */
#define DEADLINE_MS	300000
#define OUTPUT_MAX	(4 * 1024 * 1024)

struct cert_watch {
	struct event_base	*base;
	const struct load	*load;
	unsigned		 interval_s;
	char			 host[256];
	char			*program;
	struct file_watch	*files;		/* or NULL */
	char			*paths;		/* of the files, a line each */
	struct event		*timer;
	struct command		*command;	/* or NULL */
	int64_t			 changed_ms;	/* the first change; 0: none */
	unsigned		 again_s, torn_count;
	bool			 has_failed;	/* and that was said */
	cert_watch_cb		*callback;
	void			*arg;
};

unsigned
cert_watch_delay_s(const char *host, unsigned interval_s, int64_t now)
{
	static const struct siphash_key key = { 6, 25 };
	uint64_t place = siphash(&key, host, strlen(host)) % interval_s;
	unsigned delay_s = (unsigned)((place + interval_s -
	    (uint64_t)now % interval_s) % interval_s);

	return delay_s <= interval_s / 2 ? delay_s + interval_s : delay_s;
}

static void
cert_watch_wait(struct cert_watch *w, unsigned seconds)
{
	struct timeval delay = { seconds, 0 };

	event_add(w->timer, &delay);
}

/* Trouble is seen to pass soon after files changed, later each five minutes. */
static void
cert_watch_wait_for_next(struct cert_watch *w, bool is_well)
{
	unsigned interval_s = is_well || w->interval_s < TROUBLE_S ?
	    w->interval_s : TROUBLE_S;

	if (is_well || w->again_s >= interval_s)
		w->again_s = 0;
	if (w->again_s == 0) {
		cert_watch_wait(w, cert_watch_delay_s(w->host, interval_s,
		    clock_now_s()));
		return;
	}
	cert_watch_wait(w, w->again_s);
	w->again_s *= 2;
}

/* ------------------------------------------------------------ changed files */

static void
cert_watch_settle(struct cert_watch *w)
{
	int64_t left_s = SETTLE_MAX_S -
	    (clock_monotonic_ms() - w->changed_ms) / 1000;

	cert_watch_wait(w, left_s < 0 ? 0 : left_s < SETTLE_S ?
	    (unsigned)left_s : SETTLE_S);
}

static void
cert_watch_on_change(void *arg)
{
	struct cert_watch *w = arg;

	if (w->interval_s == 0)
		return;
	if (w->changed_ms == 0)
		w->changed_ms = clock_monotonic_ms();
	w->again_s = AGAIN_S;
	if (w->command == NULL)
		cert_watch_settle(w);
}

/* A certificate is valid for all of the second in which it ends. */
static void
cert_watch_wait_for_end(struct cert_watch *w, int64_t end)
{
	int64_t left_s = end + 1 - clock_now_s();
	struct timeval due;

	if (event_pending(w->timer, EV_TIMEOUT, &due) && due.tv_sec > end + 1)
		cert_watch_wait(w, left_s > 0 ? (unsigned)left_s : 0);
}

void
cert_watch_set_files(struct cert_watch *w, struct text paths, int64_t next_end)
{
	free(w->paths);
	w->paths = xstrndup(paths.data, paths.len);
	file_watch_set(w->files, paths);
	if (paths.len == 0 && w->interval_s != 0 && w->command == NULL)
		cert_watch_wait(w, FIRST_S);
	if (next_end != 0)
		cert_watch_wait_for_end(w, next_end);
}

/* ------------------------------------------------------------------- a look */

/* What was read while files changed may be half of each. */
static bool
is_torn(struct cert_watch *w)
{
	if (w->changed_ms == 0 || w->torn_count == TORN_MAX) {
		w->torn_count = 0;
		return false;
	}
	w->torn_count++;
	return true;
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
	if (w->interval_s == 0)
		return;
	if (is_torn(w)) {
		cert_watch_settle(w);
		return;
	}
	if (!has_report && !w->has_failed)
		log_warn("own certificates could not be looked at: "
		    "program=%s, reason=%s", w->program,
		    result->end == COMMAND_LATE ? "it did not end in time" :
		    result->end == COMMAND_LOUD ? "it printed too much" :
		    "it failed; run hopseal certs by hand");
	w->has_failed = !has_report;
	if (w->changed_ms != 0)
		cert_watch_settle(w);
	else
		cert_watch_wait_for_next(w, has_report &&
		    result->status == 0);
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
	/* Links may lead elsewhere by now. */
	file_watch_set(w->files, text_of(w->paths));
	w->changed_ms = 0;
	w->command = hopseal_command_start(w->base, &recipe,
	    cert_watch_on_end, w);
}

/* ------------------------------------------------------------------- whole */

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
	w->paths = xstrdup("");
	w->files = file_watch_new(base, cert_watch_on_change, w);
	w->timer = event_new(base, -1, 0, cert_watch_on_timer, w);
	assert(w->timer != NULL);
	return w;
}

void
cert_watch_configure(struct cert_watch *w, const struct settings *settings)
{
	const char *name = settings->site->myhostname;

	if (name != NULL)
		snprintf(w->host, sizeof(w->host), "%s", name);
	else
		gethostname(w->host, sizeof(w->host) - 1);
	w->interval_s = settings->config->cert_interval_s;
	if (w->interval_s == 0)
		event_del(w->timer);
	else if (w->command == NULL)
		cert_watch_wait(w, FIRST_S);
	else
		w->changed_ms = clock_monotonic_ms();	/* and once more */
}

void
cert_watch_free(struct cert_watch *w)
{
	if (w == NULL)
		return;
	command_cancel(w->command);
	event_free(w->timer);
	file_watch_free(w->files);
	free(w->paths);
	free(w->program);
	free(w);
}
