/*
 * Sending alerts.  Each has a deadline: the command's, or for an errand one
 * that the scout keeps by itself, unless it is lost.
 */

#include "policyd/clerk/alert/alert_send.h"

#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "policyd/clerk/alert/alert_text.h"
#include "policyd/clerk/errand_send.h"
#include "policyd/clerk/value_json.h"
#include "policyd/process/child.h"
#include "policyd/process/command.h"
#include "shared/errand_message.h"
#include "shared/host_name.h"
#include "shared/io/clock.h"
#include "shared/xalloc.h"

#define COMMAND_MS	30000
#define COMMAND_OUTPUT_MAX 65536
#define TEST_MS		15000	/* the command hopseal waits for 20 s */
#define BODY_MAX	(512 * 1024)
#define MAILBOX_SIZE	400
/* In the numbers of our errands, so that they are nobody else's. */
#define OUR_ERRAND	(UINT64_C(1) << 62)

struct sending {
	LIST_ENTRY(sending)	  entry;
	struct alert_sends	 *sends;
	struct alert_destination *to;
	bool			  is_test;
	uint64_t		  number;	/* of the errand */
	int64_t			  until_ms;
	struct command		 *command;	/* or NULL */
};

struct alert_sends {
	struct child		*child;
	const char		*origin;
	alert_sent_cb		*callback;
	void			*arg;
	uint64_t		 last_number;
	LIST_HEAD(, sending)	 list;
};

static void
sending_free(struct sending *s)
{
	LIST_REMOVE(s, entry);
	command_cancel(s->command);
	free(s);
}

/* The one way out. */
static void
sending_end(struct sending *s, bool is_taken, const char *words)
{
	struct alert_sends *sends = s->sends;
	struct alert_destination *to = s->to;
	bool is_test = s->is_test;

	sending_free(s);
	sends->callback(to, is_test, is_taken, words, sends->arg);
}

/* ------------------------------------------------------------- the command */

static void
on_command_end(const struct command_result *result, void *arg)
{
	static const char *const words[] = {
		[COMMAND_KILLED] = "it was killed",
		[COMMAND_NOT_STARTED] = "it could not be started",
		[COMMAND_LATE] = "it took longer than 30 s",
		[COMMAND_LOUD] = "it printed too much",
		[COMMAND_LINGERS] = "it closed its output and stayed"
	};
	struct sending *s = arg;
	char status[32];

	s->command = NULL;
	snprintf(status, sizeof(status), "exit status %d", result->status);
	sending_end(s, result->end == COMMAND_EXITED && result->status == 0,
	    result->end == COMMAND_EXITED ? status : words[result->end]);
}

static void
start_command(struct sending *s, const struct alert_message *m)
{
	char summary[ALERT_SUMMARY_SIZE];
	const char *arguments[] = { s->to->target,
	    alert_severity_name(m->worst), alert_text_summary(m, summary),
	    NULL };
	struct command_recipe recipe = { .arguments = arguments,
	    .output_max = COMMAND_OUTPUT_MAX, .deadline_ms = COMMAND_MS };
	struct buffer lines;

	buffer_init(&lines, COMMAND_INPUT_MAX);
	alert_text_lines(m, false, "\n", &lines);
	recipe.input = text_of(buffer_text(&lines));
	s->command = command_start(s->sends->child->base, &recipe,
	    on_command_end, s);
	buffer_clear(&lines);
}

/* ----------------------------------------------------------- mail and post */

static struct alert_sender
sender_of(const struct alert_sends *sends, char host[HOST_NAME_SIZE],
    char mailbox[MAILBOX_SIZE])
{
	const struct settings *settings = sends->child->settings;

	if (settings->site->myhostname != NULL)
		snprintf(host, HOST_NAME_SIZE, "%s",
		    settings->site->myhostname);
	else if (gethostname(host, HOST_NAME_SIZE - 1) == -1)
		snprintf(host, HOST_NAME_SIZE, "localhost");
	if (settings->config->report_sender[0] != '\0')
		snprintf(mailbox, MAILBOX_SIZE, "%s",
		    settings->config->report_sender);
	else
		snprintf(mailbox, MAILBOX_SIZE, "postmaster@%s", host);
	return (struct alert_sender){ sends->origin, host, mailbox,
	    clock_now_s() };
}

/* False when none can be made. */
static bool
format_mail(const struct sending *s, const struct alert_message *m,
    struct buffer *out)
{
	const char *relay =
	    s->sends->child->settings->config->report_relay;
	char host[HOST_NAME_SIZE], mailbox[MAILBOX_SIZE];
	struct alert_sender from = sender_of(s->sends, host, mailbox);
	struct buffer mail;
	bool is_fine;

	buffer_init(&mail, BODY_MAX);
	is_fine = relay[0] != '\0' &&
	    alert_text_mail(m, &from, s->to->target, &mail) == 0;
	errand_format(&(struct errand){ .way = ERRAND_MAIL,
	    .target = text_of(s->to->target), .relay = text_of(relay),
	    .sender = text_of(mailbox), .helo = text_of(host),
	    .body = { mail.data, mail.len } }, out);
	buffer_clear(&mail);
	return is_fine;
}

static void
format_post(const struct sending *s, const struct alert_message *m,
    struct buffer *out)
{
	char host[HOST_NAME_SIZE], mailbox[MAILBOX_SIZE];
	struct alert_sender from = sender_of(s->sends, host, mailbox);
	char *json = json_line(alert_text_json(m, &from));

	errand_format(&(struct errand){ .way = ERRAND_WEBHOOK,
	    .target = text_of(s->to->target), .body = text_of(json) }, out);
	free(json);
}

static void
start_errand(struct sending *s, const struct alert_message *m)
{
	struct child *child = s->sends->child;
	const char *relay = NULL, *why = "no mail can be made: see "
	    "report_relay and report_sender";
	struct buffer payload;
	bool is_made = true;

	buffer_init(&payload, ERRAND_MESSAGE_MAX);
	if (s->to->way == ALERT_MAIL) {
		relay = child->settings->config->report_relay;
		is_made = format_mail(s, m, &payload);
	} else
		format_post(s, m, &payload);
	s->number = ++s->sends->last_number | OUR_ERRAND;
	if (!is_made || !errand_send(child, s->number, &payload, relay,
	    &why))
		sending_end(s, false, why);
	buffer_clear(&payload);
}

/* ------------------------------------------------------------------ whole */

void
alert_send_start(struct alert_sends *sends, struct alert_destination *to,
    const struct alert_message *m, bool is_test)
{
	struct sending *s = xcalloc(1, sizeof(*s));

	s->sends = sends;
	s->to = to;
	s->is_test = is_test;
	s->until_ms = clock_monotonic_ms() + (is_test ? TEST_MS :
	    ERRAND_LIFE_S * 1000);
	LIST_INSERT_HEAD(&sends->list, s, entry);
	if (to->way == ALERT_COMMAND)
		start_command(s, m);
	else
		start_errand(s, m);
}

bool
alert_sends_on_errand(struct alert_sends *sends, uint64_t number,
    struct text payload)
{
	struct errand_result result;
	struct sending *s;
	char words[200];

	LIST_FOREACH(s, &sends->list, entry)
		if (s->number == number)
			break;
	if (s != NULL && errand_result_parse(payload, &result))
		sending_end(s, result.outcome == ERRAND_DONE, text_quote(words,
		    sizeof(words), result.words));
	return (number & OUR_ERRAND) != 0;
}

void
alert_sends_on_scout_gone(struct alert_sends *sends)
{
	struct sending *s, *next;

	for (s = LIST_FIRST(&sends->list); s != NULL; s = next) {
		next = LIST_NEXT(s, entry);
		if (s->command == NULL)
			sending_end(s, false, "the scout ended meanwhile");
	}
}

void
alert_sends_check(struct alert_sends *sends)
{
	int64_t now_ms = clock_monotonic_ms();
	struct sending *s, *next;

	for (s = LIST_FIRST(&sends->list); s != NULL; s = next) {
		next = LIST_NEXT(s, entry);
		if (now_ms >= s->until_ms)
			sending_end(s, false, "no answer in time");
	}
}

void
alert_sends_abort(struct alert_sends *sends, const char *words)
{
	while (!LIST_EMPTY(&sends->list))
		sending_end(LIST_FIRST(&sends->list), false, words);
}

struct alert_sends *
alert_sends_new(struct child *child, const char *origin,
    alert_sent_cb *callback, void *arg)
{
	struct alert_sends *sends = xcalloc(1, sizeof(*sends));

	sends->child = child;
	sends->origin = origin;
	sends->callback = callback;
	sends->arg = arg;
	LIST_INIT(&sends->list);
	return sends;
}

void
alert_sends_free(struct alert_sends *sends)
{
	while (!LIST_EMPTY(&sends->list))
		sending_free(LIST_FIRST(&sends->list));
	free(sends);
}
