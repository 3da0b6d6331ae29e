/*
 * Changes are gathered for some seconds, as one trouble seldom comes alone, and
 * told in one call of the command: "COMMAND SEVERITY SUMMARY", the lines on its
 * standard input.
 */

#include "policyd/clerk/alerts.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/process/command.h"
#include "shared/buffer.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/xalloc.h"

#define GATHER_S	5
#define QUIET_S		60	/* between two calls */
#define DEADLINE_MS	30000
#define SUMMARY_SIZE	300
#define LINE_SIZE	600

struct alerts {
	struct event_base	*base;
	char			*program;	/* "": nobody is told */
	struct event		*timer;
	struct command		*command;	/* or NULL */
	struct buffer		 lines;
	unsigned		 count, dropped;
	enum alert_severity	 worst;
	char			 summary[SUMMARY_SIZE];	/* of the worst */
	int64_t			 called_at;
};

static const char *
severity_name(enum alert_severity severity)
{
	static const char *const names[] = { "ok", "warning", "critical" };

	return names[severity];
}

static void
alerts_reset(struct alerts *a)
{
	buffer_reset(&a->lines);
	a->count = a->dropped = 0;
	a->worst = ALERT_OK;
}

static void
alerts_wait(struct alerts *a)
{
	int64_t left = a->called_at + QUIET_S - clock_now_s();
	struct timeval delay = { left > GATHER_S && left <= QUIET_S ?
	    left : GATHER_S, 0 };

	event_add(a->timer, &delay);
}

static void
alerts_on_end(const struct command_result *result, void *arg)
{
	struct alerts *a = arg;

	a->command = NULL;
	if (result->end != COMMAND_EXITED || result->status != 0)
		log_warn("alert_command failed: program=%s, status=%d",
		    a->program, result->end == COMMAND_EXITED ?
		    result->status : -1);
	if (a->count > 0)
		alerts_wait(a);
}

static void
alerts_on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct alerts *a = arg;
	char summary[SUMMARY_SIZE + 64];
	const char *arguments[] = { a->program, severity_name(a->worst),
	    summary, NULL };
	struct command_recipe recipe = { .arguments = arguments,
	    .output_max = 65536, .deadline_ms = DEADLINE_MS };

	(void)fd;
	(void)events;
	if (a->command != NULL || a->count == 0)
		return;		/* its end comes back here */
	if (a->count == 1)
		snprintf(summary, sizeof(summary), "%s", a->summary);
	else
		snprintf(summary, sizeof(summary), "%s, and %u more",
		    a->summary, a->count + a->dropped - 1);
	if (a->dropped > 0)
		buffer_addf(&a->lines, "and %u more\n", a->dropped);
	recipe.input = text_of(buffer_text(&a->lines));
	a->called_at = clock_now_s();
	a->command = command_start(a->base, &recipe, alerts_on_end, a);
	alerts_reset(a);
}

struct alerts *
alerts_new(struct event_base *base)
{
	struct alerts *a = xcalloc(1, sizeof(*a));

	a->base = base;
	a->program = xstrdup("");
	buffer_init(&a->lines, COMMAND_INPUT_MAX);
	a->timer = event_new(base, -1, 0, alerts_on_timer, a);
	assert(a->timer != NULL);
	return a;
}

void
alerts_set_command(struct alerts *a, const char *command)
{
	if (strcmp(a->program, command) == 0)
		return;
	free(a->program);
	a->program = xstrdup(command);
	alerts_reset(a);
}

void
alerts_raise(struct alerts *a, enum alert_severity severity,
    const char *kind, const char *subject, const char *line)
{
	char about[SUMMARY_SIZE / 2], words[LINE_SIZE], text[SUMMARY_SIZE];

	if (a->program[0] == '\0')
		return;
	text_quote(about, sizeof(about), text_of(subject));
	text_quote(words, sizeof(words), text_of(line));
	if (a->count == ALERTS_WAITING_MAX ||
	    a->lines.len + 2 * LINE_SIZE > COMMAND_INPUT_MAX) {
		a->dropped++;
		return;
	}
	snprintf(text, sizeof(text), "%s %s: %.100s", kind, about, words);
	buffer_addf(&a->lines, "%s %s %s: %s\n", severity_name(severity),
	    kind, about, words);
	if (a->count++ == 0 || severity > a->worst) {
		a->worst = severity;
		memcpy(a->summary, text, sizeof(a->summary));
	}
	if (a->command == NULL && !event_pending(a->timer, EV_TIMEOUT, NULL))
		alerts_wait(a);
}

void
alerts_free(struct alerts *a)
{
	if (a == NULL)
		return;
	command_cancel(a->command);
	event_free(a->timer);
	buffer_clear(&a->lines);
	free(a->program);
	free(a);
}
