/*
 * Taking in reports.  A mail is only kept for a recipient of report_addresses,
 * and its body only when a header says that there may be a report in it.  Of a
 * report of our own a signature is only looked for, as a signer before us in
 * smtpd_milters leaves it; that it holds is for those who verify.
 */

#include "milter/report_intake.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "milter/policyd_line.h"
#include "milter/setup.h"
#include "shared/host_name.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/tlsrpt/auth_results.h"
#include "shared/tlsrpt/mime.h"
#include "shared/tlsrpt/received.h"
#include "shared/tlsrpt/report_mail.h"
#include "shared/xalloc.h"

#define WAIT_MS	2000	/* for policyd; the mail waits as long */

struct report_room {
	pthread_mutex_t	lock;
	size_t		left;	/* guarded by lock */
};

struct report_room *
report_room_new(void)
{
	struct report_room *room = xcalloc(1, sizeof(*room));

	pthread_mutex_init(&room->lock, NULL);
	room->left = REPORT_ROOM_BYTES;
	return room;
}

static bool
take_room(struct report_intake *intake, size_t len)
{
	struct report_room *room = intake->room;
	bool is_there;

	pthread_mutex_lock(&room->lock);
	is_there = room->left >= len;
	if (is_there)
		room->left -= len;
	pthread_mutex_unlock(&room->lock);
	if (is_there)
		intake->taken += len;
	return is_there;
}

void
report_intake_clear(struct report_intake *intake)
{
	if (intake->taken > 0) {
		pthread_mutex_lock(&intake->room->lock);
		intake->room->left += intake->taken;
		pthread_mutex_unlock(&intake->room->lock);
	}
	buffer_clear(&intake->mail);
	*intake = (struct report_intake){ .is_wanted = false };
}

/* Nothing more of this mail, and why. */
static void
give_up(struct report_intake *intake, const char *why)
{
	log_warn("report not taken in: reason=%s", why);
	report_intake_clear(intake);
}

/* --------------------------------------------------------- as it passes */

bool
report_intake_is_on(const struct setup *setup)
{
	return setup != NULL && setup->config->report_addresses[0] != '\0';
}

void
report_intake_note_sender(struct report_intake *intake,
    const struct setup *setup, const char *address)
{
	const struct config *config = setup->config;

	if (config->report == CONFIG_REPORT_ON && text_equals_nocase(
	    text_of(address), config->report_sender))
		intake->own_sender = config->report_sender;
}

/* Its domain is the sender's, or above it. */
static bool
is_signed_for(const char *sender, struct text signature)
{
	char signer[HOST_NAME_SIZE], domain[HOST_NAME_SIZE];
	const char *at = strrchr(sender, '@'), *why;

	return at != NULL &&
	    host_name_normalize(text_of(at + 1), domain, &why) == 0 &&
	    mime_parameter(signature, "d", signer, sizeof(signer)) &&
	    auth_results_is_signer(text_of(signer), domain);
}

static void
note_own_header(struct report_intake *intake, struct text name,
    struct text value)
{
	if (text_equals_nocase(name, "TLS-Report-Submitter"))
		intake->is_own_report = true;
	else if (text_equals_nocase(name, "DKIM-Signature"))
		intake->is_signed |= is_signed_for(intake->own_sender, value);
}

void
report_intake_note_recipient(struct report_intake *intake,
    const struct setup *setup, struct text address)
{
	struct text rest = text_of(setup->config->report_addresses), item;
	char wanted[512];

	if (intake->is_wanted || address.len >= sizeof(wanted))
		return;
	text_quote(wanted, sizeof(wanted), address);
	while (text_next_item(&rest, &item))
		if (text_equals_nocase(item, wanted)) {
			intake->is_wanted = true;
			intake->room = setup->source->reports;
			buffer_init(&intake->mail, REPORT_MAIL_MAX_BYTES);
			return;
		}
}

static bool
keep(struct report_intake *intake, const void *data, size_t len)
{
	if (!take_room(intake, len)) {
		give_up(intake, "too many mails with reports pass at one "
		    "time");
		return false;
	}
	buffer_add(&intake->mail, data, len);
	if (intake->mail.is_overfull) {
		give_up(intake, "the mail is longer than 16 MiB");
		return false;
	}
	return true;
}

void
report_intake_add_header(struct report_intake *intake, const char *name,
    const char *value)
{
	struct text n = text_of(name), v = text_of(value);

	if (intake->own_sender != NULL)
		note_own_header(intake, n, v);
	if (!intake->is_wanted)
		return;
	if (report_mail_header_match(n, v))
		intake->may_be_report = true;
	if (keep(intake, n.data, n.len) && keep(intake, ": ", 2) &&
	    keep(intake, v.data, v.len))
		keep(intake, "\r\n", 2);
}

bool
report_intake_add_body(struct report_intake *intake, const void *data,
    size_t len)
{
	if (!intake->is_wanted || !intake->may_be_report)
		return false;
	if (!intake->has_body && !keep(intake, "\r\n", 2))
		return false;
	intake->has_body = true;
	return keep(intake, data, len);
}

/* ----------------------------------------------------------- at its end */

static const char *
authserv_id(const struct setup *setup)
{
	const char *id = setup->config->authserv_id;

	if (id[0] != '$')
		return id;
	return setup->site.authserv_id != NULL ? setup->site.authserv_id : "";
}

/* True when policyd did what it was asked; takes request. */
static bool
ask_policyd(const struct setup *setup, json_t *request, const char **why)
{
	char *words = json_dumps(request, JSON_COMPACT);
	json_t *answer = NULL;
	struct buffer text;
	bool is_done = false;

	buffer_init(&text, POLICYD_ANSWER_MAX);
	if (policyd_line_ask(setup->source->policyd,
	    setup->config->control_listen, words, WAIT_MS, &text,
	    why) == 0) {
		*why = "policyd did not take it; its log says why";
		answer = json_loadb(text.data, text.len, 0, NULL);
		is_done = json_is_true(json_object_get(answer, "done"));
	}
	json_decref(answer);
	json_decref(request);
	buffer_clear(&text);
	free(words);
	return is_done;
}

/* False, and said, when policyd did not take it. */
static bool
tell_policyd(const struct setup *setup, const struct buffer *line,
    const char *queue_id)
{
	const char *why;

	if (ask_policyd(setup, json_pack("{s:i, s:s, s:s%}", "version", 1,
	    "command", "received", "record", line->data, line->len), &why))
		return true;
	log_warn("report not taken in: queue_id=%s, reason=%s; \"hopseal "
	    "report --import\" reads it from the mail", queue_id, why);
	return false;
}

/* For the status; where it is lost, the next one tells it. */
static void
tell_signed(const struct report_intake *intake, const struct setup *setup,
    const char *queue_id)
{
	const char *why;

	if (!ask_policyd(setup, json_pack("{s:i, s:s, s:b}", "version", 1,
	    "command", "received", "own_is_signed", intake->is_signed), &why))
		log_debug("own report: queue_id=%s, signed=%s, reason=%s",
		    queue_id, intake->is_signed ? "yes" : "no", why);
}

void
report_intake_finish(struct report_intake *intake, const struct setup *setup,
    const char *queue_id)
{
	struct text mail = { buffer_text(&intake->mail), intake->mail.len };
	struct received_lines lines;
	const char *why;
	size_t i, count = 0;

	if (intake->is_own_report)
		tell_signed(intake, setup, queue_id);
	if (!intake->is_wanted || !intake->has_body)
		return;
	if (received_read_mail(mail, authserv_id(setup), clock_now_s(),
	    &lines, &why) == -1) {
		log_info("mail to a report address holds no report: "
		    "queue_id=%s, reason=%s", queue_id, why);
		return;
	}
	for (i = 0; i < lines.count; i++)
		count += tell_policyd(setup, &lines.lines[i], queue_id);
	if (count > 0)
		log_info("reports taken in: queue_id=%s, count=%zu, "
		    "verified=%s", queue_id, count,
		    lines.is_verified ? "yes" : "no");
	received_lines_clear(&lines);
}
