/*
 * The clerk.  Writes the lines that front and scout log, and answers the
 * control socket: rules and reload by itself, the rest with the front's
 * answer.  Answers nothing to Postfix, so that its trouble is nobody's.
 */

#include "policyd/clerk/clerk.h"

#include <sys/queue.h>
#include <sys/resource.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/alert/alerts.h"
#include "policyd/clerk/cert_group.h"
#include "policyd/clerk/cert_states.h"
#include "policyd/clerk/control.h"
#include "policyd/clerk/explain_json.h"
#include "policyd/clerk/http/http_api.h"
#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/ledger_share.h"
#include "policyd/clerk/ledger/ledger_status.h"
#include "policyd/clerk/ledger/sources.h"
#include "policyd/clerk/next_hops.h"
#include "policyd/clerk/own_promises.h"
#include "policyd/clerk/question.h"
#include "policyd/clerk/report/received.h"
#include "policyd/clerk/report/report_out.h"
#include "policyd/clerk/report/report_preview.h"
#include "policyd/clerk/report/reports.h"
#include "policyd/clerk/request_json.h"
#include "policyd/clerk/route_json.h"
#include "policyd/clerk/rules_json.h"
#include "policyd/clerk/site_json.h"
#include "policyd/clerk/status_json.h"
#include "policyd/clerk/value_json.h"
#include "policyd/process/child.h"
#include "policyd/process/route_message.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/pack.h"
#include "shared/xalloc.h"

#define NICE		5
#define CHANGE_LINE_MAX	8192

/* A question for a domain whose mail's way was found first. */
struct explain_wait {
	LIST_ENTRY(explain_wait) next;
	uint64_t		 connection;
	struct control_question	 asked;
	struct transport	 way;
};

struct clerk {
	struct child		*child;		/* NULL before the settings */
	int			 control_fd;
	struct control		*control;	/* NULL without a socket */
	const int		*status_fds;
	size_t			 status_count;
	struct http_api		*http;		/* NULL without a socket */
	struct questions	*questions;
	struct next_hops	*hops;
	LIST_HEAD(, explain_wait) explain_waits;
	struct ledger		*ledger;
	struct ledger_share	*share;
	struct sources		*sources;
	struct reports		*reports;
	struct cert_states	*certs;
	struct cert_group	*group;
	struct own_promises	*promises;
	struct alerts		*alerts;
	struct received_store	*received;
	struct report_out	*report_out;
	struct report_previews	*previews;
	char			*children;	/* the parent's JSON, or NULL */
	char			*refusal;	/* of settings on disk, or NULL */
	char			*resolver_payload;
	struct scout_resolver	 resolver;	/* points into its payload */
};

/* ------------------------------------------------------------- answers */

/* Takes line. */
static void
clerk_answer(struct clerk *clerk, uint64_t connection, char *line)
{
	if (connection & HTTP_API_ASKER)
		http_api_answer(clerk->http, connection, line);
	else if (connection == ALERTS_ASKER)
		alerts_on_status(clerk->alerts, line);
	else
		control_answer(clerk->control, connection, line);
	free(line);
}

static char *
clerk_status(struct clerk *clerk, const struct text *front)
{
	struct sources_state sources;
	struct ledger_status ledger;
	struct report_out_status reports;
	struct alerts_status alerts;
	struct status status = {
		.settings = clerk->child->settings,
		.children = clerk->children,
		.refusal = clerk->refusal != NULL ? clerk->refusal : "",
		.resolver = clerk->resolver_payload != NULL ?
		    &clerk->resolver : NULL,
		.front = front,
		.failing_table = next_hops_failing_table(clerk->hops),
		.ledger = &ledger,
		.certs = clerk->certs,
		.group = clerk->group,
		.reports = &reports,
		.alerts = &alerts,
		.received_verified = received_store_count(clerk->received,
		    true),
		.received_unverified = received_store_count(clerk->received,
		    false),
		.now = clock_now_s()
	};
	enum role role;

	sources_state(clerk->sources, &sources);
	report_out_status(clerk->report_out, &reports);
	alerts_status(clerk->alerts, &alerts);
	ledger_status_make(&ledger, clerk->ledger, &sources, status.settings,
	    status.now);
	for (role = ROLE_PARENT; role < ROLE_COUNT; role++)
		status.is_there[role] = role == ROLE_CLERK ||
		    child_peer(clerk->child, role) != NULL;
	return status_line(&status);
}

static char *
clerk_outcome(const struct control_question *q, struct text answer)
{
	struct control_outcome outcome;
	json_t *words;

	if (!control_outcome_parse(answer, &outcome))
		return json_error_line("the front's answer cannot be read");
	words = outcome.words.len > 0 ? json_text(outcome.words) : json_null();
	if (q->command == CONTROL_CLEAR)
		return json_line(json_pack("{s:b, s:o}", "done",
		    outcome.is_done, "cleared", words));
	return json_line(json_pack("{s:s, s:b, s:o}", "domain", q->hop.name,
	    "done", outcome.is_done, "reason", words));
}

static char *
clerk_explanation(struct clerk *clerk, const struct control_question *q,
    const struct transport *way, struct text answer)
{
	struct control_explanation explanation;

	if (!control_explanation_parse(answer, &explanation))
		return json_error_line("the front's answer cannot be read");
	return explain_line(&q->hop, &explanation, way,
	    clerk->child->settings->rules, clock_now_s());
}

static char *
clerk_site(struct clerk *clerk, struct text answer)
{
	struct cert_ends ends = { .count = 0 };
	struct tls_site site;

	if (!control_site_parse(answer, &site))
		return json_error_line("the front's answer cannot be read");
	cert_states_add_ends(clerk->certs, &ends);
	return site_line(&site, clerk->child->settings, &ends, clock_now_s());
}

static struct explain_wait *
explain_wait_find(struct clerk *clerk, uint64_t connection)
{
	struct explain_wait *w;

	LIST_FOREACH(w, &clerk->explain_waits, next)
		if (w->connection == connection)
			return w;
	return NULL;
}

static void
explain_wait_free(struct explain_wait *w)
{
	if (w != NULL)
		LIST_REMOVE(w, next);
	free(w);
}

static void
clerk_on_way(const struct route *route, uint64_t connection, void *arg)
{
	struct clerk *clerk = arg;
	struct explain_wait *w = explain_wait_find(clerk, connection);

	w->way = route->transport;
	questions_ask(clerk->questions, connection, &w->asked);
}

/* Where mail for the domain goes, whoever sends it; then what is known of it. */
static void
clerk_explain(struct clerk *clerk, uint64_t connection,
    const struct control_question *q)
{
	char recipient[sizeof("postmaster@") + HOST_NAME_SIZE];
	struct route_question way = { .sender = { NULL, 0 } };
	struct explain_wait *w;

	if (q->is_next_hop || q->hop.kind != NEXT_HOP_DOMAIN) {
		questions_ask(clerk->questions, connection, q);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->connection = connection;
	w->asked = *q;
	LIST_INSERT_HEAD(&clerk->explain_waits, w, next);
	snprintf(recipient, sizeof(recipient), "postmaster@%s", q->hop.name);
	way.recipient = text_of(recipient);
	next_hops_ask(clerk->hops, &way, clerk_on_way, connection, clerk);
}

static void
clerk_on_asked_route(const struct route *route, uint64_t connection, void *arg)
{
	clerk_answer(arg, connection, route_line(route));
}

static void
clerk_answer_route(struct clerk *clerk, uint64_t connection, struct text line)
{
	struct route_request request;
	const char *why;

	if (route_request_parse(line, &request, &why) == -1) {
		clerk_answer(clerk, connection, json_error_line(why));
		return;
	}
	next_hops_ask(clerk->hops, &request.q, clerk_on_asked_route,
	    connection, clerk);
	route_request_clear(&request);
}

static void
clerk_on_answer(uint64_t connection, const struct control_question *q,
    const struct text *answer, const char *why, void *arg)
{
	struct clerk *clerk = arg;
	struct explain_wait *w = explain_wait_find(clerk, connection);
	char *line;

	/* The status without the front's part says that the front is away. */
	if (q->command == CONTROL_STATUS)
		line = clerk_status(clerk, answer);
	else if (answer == NULL)
		line = json_error_line(why);
	else if (q->command == CONTROL_SITE)
		line = clerk_site(clerk, *answer);
	else if (q->command == CONTROL_EXPLAIN)
		line = clerk_explanation(clerk, q, w != NULL ? &w->way : NULL,
		    *answer);
	else
		line = clerk_outcome(q, *answer);
	explain_wait_free(w);
	clerk_answer(clerk, connection, line);
}

static char *
clerk_reload(struct clerk *clerk)
{
	if (!channel_send(child_parent(clerk->child), MESSAGE_RELOAD, 0,
	    text_of("")))
		return json_error_line("the parent cannot be told");
	return json_line(json_pack("{s:b}", "done", 1));
}

static void
clerk_on_report(uint64_t connection, char *line, void *arg)
{
	clerk_answer(arg, connection, line);
}

static void
clerk_on_line(uint64_t connection, struct text line, void *arg)
{
	struct clerk *clerk = arg;
	struct control_question q;
	const char *why;

	if (request_parse(line, &q, &why) == -1) {
		clerk_answer(clerk, connection, json_error_line(why));
		return;
	}
	switch (q.command) {
	case CONTROL_RULES:
		clerk_answer(clerk, connection, rules_line(
		    clerk->child->settings->rules, &q.hop, clock_now_s()));
		break;
	case CONTROL_RELOAD:
		clerk_answer(clerk, connection, clerk_reload(clerk));
		break;
	case CONTROL_REPORT:
		if (!received_store_ask(clerk->received, connection, line) &&
		    !report_previews_ask(clerk->previews, connection, line))
			reports_ask(clerk->reports, connection, line);
		break;
	case CONTROL_RECEIVED:
		clerk_answer(clerk, connection, report_out_take_note(
		    clerk->report_out, line) ? json_line(json_pack("{s:b}",
		    "done", 1)) : received_store_take(clerk->received, line));
		break;
	case CONTROL_ROUTE:
		clerk_answer_route(clerk, connection, line);
		break;
	case CONTROL_CERTIFICATES:
		clerk_answer(clerk, connection, cert_group_line(clerk->group,
		    clock_now_s()));
		break;
	case CONTROL_OWN_PROMISES:
		clerk_answer(clerk, connection,
		    own_promises_line(clerk->promises));
		break;
	case CONTROL_TEST_ALERT:
		alerts_test(clerk->alerts, connection);
		break;
	case CONTROL_EXPLAIN:
		clerk_explain(clerk, connection, &q);
		break;
	case CONTROL_REFRESH:
	case CONTROL_FORGET:
	case CONTROL_STATUS:
	case CONTROL_SITE:
	case CONTROL_CLEAR:
		questions_ask(clerk->questions, connection, &q);
		break;
	}
}

/* ---------------------------------------------------- what others send */

/* A line of front or scout; the scout's may come from strangers. */
static void
clerk_log(enum role peer, struct text payload)
{
	char quoted[LOG_LINE_MAX + 1];
	struct unpack u;
	struct text line;
	uint8_t level;
	uint32_t pid;

	unpack_init(&u, payload.data, payload.len);
	level = unpack_u8(&u);
	pid = unpack_u32(&u);
	line = unpack_text(&u);
	if (!unpack_is_done(&u) || level > CONFIG_LOG_DEBUG)
		log_warn("log line cannot be read: role=%s", role_name(peer));
	else
		log_forward((enum config_log_level)level, role_name(peer),
		    (int)pid, text_quote(quoted, sizeof(quoted), line));
}

static void
clerk_forget_resolver(struct clerk *clerk)
{
	free(clerk->resolver_payload);
	clerk->resolver_payload = NULL;
}

static void
clerk_on_resolver(struct clerk *clerk, struct text payload)
{
	struct scout_resolver resolver;
	char *copy = xmemdup(payload.data, payload.len);

	if (!scout_resolver_parse((struct text){ copy, payload.len },
	    &resolver)) {
		free(copy);
		return;
	}
	clerk_forget_resolver(clerk);
	clerk->resolver_payload = copy;
	clerk->resolver = resolver;
}

static void
clerk_on_route(const struct route *route, uint64_t number, void *arg)
{
	struct clerk *clerk = arg;
	struct channel *front = child_peer(clerk->child, ROLE_FRONT);
	struct buffer payload;

	buffer_init(&payload, ROUTE_MESSAGE_MAX);
	route_format(route, &payload);
	channel_send(front, MESSAGE_ROUTE_ANSWER, number,
	    (struct text){ payload.data, payload.len });
	buffer_clear(&payload);
}

static void
clerk_find_route(struct clerk *clerk, const struct frame *frame)
{
	struct route_question q;

	if (route_question_parse(frame->payload, &q))
		next_hops_ask(clerk->hops, &q, clerk_on_route, frame->number,
		    clerk);
}

static void
clerk_on_frame(struct child *child, enum role peer, const struct frame *frame)
{
	struct clerk *clerk = child->arg;

	if (frame->type == MESSAGE_LOG)
		clerk_log(peer, frame->payload);
	else if (frame->type == MESSAGE_ANSWER && peer == ROLE_FRONT)
		questions_on_answer(clerk->questions, frame->number,
		    frame->payload);
	else if (frame->type == MESSAGE_ROUTE && peer == ROLE_FRONT)
		clerk_find_route(clerk, frame);
	else if (peer == ROLE_FRONT && (frame->type == MESSAGE_PROMISE ||
	    frame->type == MESSAGE_SESSION))
		sources_on_front(clerk->sources, frame->type, frame->payload);
	else if (frame->type == MESSAGE_VERDICT && peer == ROLE_FRONT)
		alerts_on_verdict(clerk->alerts, frame->payload);
	else if (frame->type == MESSAGE_RESOLVER && peer == ROLE_SCOUT)
		clerk_on_resolver(clerk, frame->payload);
	else if (frame->type == MESSAGE_TXT_ANSWER && peer == ROLE_SCOUT)
		report_out_on_txt(clerk->report_out, frame->number,
		    frame->payload);
	else if (frame->type == MESSAGE_ERRAND_DONE && peer == ROLE_SCOUT &&
	    !alerts_on_errand(clerk->alerts, frame->number,
	    frame->payload))
		report_out_on_sent(clerk->report_out, frame->number,
		    frame->payload);
}

static void
clerk_on_opened(struct clerk *clerk, const struct frame *frame, int fd)
{
	char why[256];

	sources_on_opened(clerk->sources, frame->number, text_quote(why,
	    sizeof(why), frame->payload), fd);
}

/* A line for the log, and for a person. */
static void
clerk_on_cert_change(const struct cert_change *change, void *arg)
{
	static const enum alert_severity severities[] = {
		[CERT_FINE] = ALERT_OK, [CERT_DOUBTFUL] = ALERT_WARNING,
		[CERT_BROKEN] = ALERT_CRITICAL
	};
	struct clerk *clerk = arg;
	struct buffer line;

	buffer_init(&line, CHANGE_LINE_MAX);
	buffer_addf(&line, "finding=%s", change->finding);
	if (strchr(change->findings, ' ') != NULL)
		buffer_addf(&line, ", findings=\"%s\"", change->findings);
	buffer_addf(&line, ", file=%s", change->file);
	if (change->sni[0] != '\0')
		buffer_addf(&line, ", sni=%s", change->sni);
	if (change->days >= 0)
		buffer_addf(&line, ", days=%lld", (long long)change->days);
	if (change->words[0] != '\0')
		buffer_addf(&line, ", %s -> %s", change->words,
		    change->advice);
	(change->severity == CERT_BROKEN ? log_error :
	    change->severity == CERT_DOUBTFUL ? log_warn : log_info)(
	    "own certificate: name=%s, %s", change->name, buffer_text(&line));
	alerts_raise(clerk->alerts, severities[change->severity],
	    "certificate", change->name, buffer_text(&line));
	buffer_clear(&line);
}

static void
clerk_on_promise_change(const struct promise_change *change, void *arg)
{
	struct clerk *clerk = arg;
	bool is_mended = change->findings[0] == '\0';
	struct buffer line;

	buffer_init(&line, CHANGE_LINE_MAX);
	buffer_addf(&line, "findings=%s", is_mended ? "ok" :
	    change->findings);
	if (change->words[0] != '\0')
		buffer_addf(&line, ", %s -> %s", change->words,
		    change->advice);
	(is_mended ? log_info : log_warn)("own domain: name=%s, %s",
	    change->domain, buffer_text(&line));
	alerts_raise(clerk->alerts, is_mended ? ALERT_OK : change->is_broken ?
	    ALERT_CRITICAL : ALERT_WARNING, "promise", change->domain,
	    buffer_text(&line));
	buffer_clear(&line);
}

static void
clerk_tell_ends(struct clerk *clerk)
{
	struct channel *front = child_peer(clerk->child, ROLE_FRONT);
	struct cert_ends ends = { .count = 0 };
	struct buffer payload;

	cert_states_add_ends(clerk->certs, &ends);
	/* Who knows of none before the first look does not know. */
	if (front == NULL || (ends.count == 0 &&
	    cert_states_report(clerk->certs) == NULL))
		return;
	buffer_init(&payload, 4096);
	cert_ends_format(&ends, &payload);
	channel_send(front, MESSAGE_CERT_ENDS, 0, (struct text){
	    buffer_text(&payload), payload.len });
	buffer_clear(&payload);
}

/* Told to the parent: their changes make a look due, and so does an end. */
static void
clerk_tell_files(struct clerk *clerk)
{
	struct buffer files;

	buffer_init(&files, FRAME_PAYLOAD_MAX);
	cert_states_add_files(clerk->certs, &files);
	if (files.len > 0)
		channel_send(child_parent(clerk->child), MESSAGE_CERT_FILES,
		    (uint64_t)cert_states_next_end(clerk->certs,
		    clock_now_s()), (struct text){ files.data, files.len });
	buffer_clear(&files);
}

/* A kill in between tells a thing twice rather than never. */
static void
clerk_take_certs(struct clerk *clerk, struct text report)
{
	int64_t now = clock_now_s();
	bool is_report = cert_states_take(clerk->certs, report, now);

	own_promises_take(clerk->promises, report, now);
	alerts_keep(clerk->alerts);
	cert_states_keep(clerk->certs);
	own_promises_keep(clerk->promises);
	if (!is_report)
		return;
	clerk_tell_files(clerk);
	cert_group_tell(clerk->group);
	clerk_tell_ends(clerk);
}

static void
clerk_on_parent_frame(struct child *child, const struct frame *frame, int fd)
{
	struct clerk *clerk = child->arg;
	char **text;

	if (frame->type == MESSAGE_OPENED && clerk->sources != NULL) {
		clerk_on_opened(clerk, frame, fd);
		return;
	}
	if (fd != -1)
		close(fd);
	if (frame->type == MESSAGE_CERTS && clerk->certs != NULL) {
		clerk_take_certs(clerk, frame->payload);
		return;
	}
	if (frame->type == MESSAGE_CHILDREN)
		text = &clerk->children;
	else if (frame->type == MESSAGE_REFUSAL)
		text = &clerk->refusal;
	else
		return;
	free(*text);
	*text = xstrndup(frame->payload.data, frame->payload.len);
}

/* What a scout said of the resolver ends with it; the next says it again. */
static void
clerk_on_peer(struct child *child, enum role peer)
{
	struct clerk *clerk = child->arg;

	if (peer == ROLE_FRONT) {
		questions_set_front(clerk->questions, child_peer(child, peer));
		clerk_tell_ends(clerk);
		/* The next one counts its questions anew. */
		next_hops_forget(clerk->hops, clerk_on_route);
	} else if (peer == ROLE_SCOUT && child_peer(child, peer) == NULL) {
		clerk_forget_resolver(clerk);
		report_out_on_scout_gone(clerk->report_out);
		alerts_on_scout_gone(clerk->alerts);
	}
}

static void
clerk_set_ledger(struct clerk *clerk, const struct settings *settings)
{
	reports_abort(clerk->reports);
	received_store_abort(clerk->received);
	report_previews_abort(clerk->previews);
	report_out_abort(clerk->report_out);
	alerts_abort(clerk->alerts);
	cert_group_abort(clerk->group);
	cert_group_set_settings(clerk->group, settings);
	received_store_set_config(clerk->received, settings->config);
	ledger_set_config(clerk->ledger, settings->config);
	ledger_share_set_settings(clerk->share, settings);
	report_out_on_settings(clerk->report_out);
	alerts_on_settings(clerk->alerts);
}

static void
clerk_on_refusal(const struct tls_session *session, void *arg)
{
	struct clerk *clerk = arg;

	alerts_on_refusal(clerk->alerts, session);
}

static void
clerk_on_tested(uint64_t connection, char *line, void *arg)
{
	clerk_answer(arg, connection, line);
}

static void
clerk_ask_status(void *arg)
{
	struct clerk *clerk = arg;

	questions_ask(clerk->questions, ALERTS_ASKER,
	    &(struct control_question){ .command = CONTROL_STATUS });
}

static void
clerk_forget_told(void *arg)
{
	struct clerk *clerk = arg;

	cert_states_forget_told(clerk->certs);
	cert_states_keep(clerk->certs);
	own_promises_forget_told(clerk->promises);
	own_promises_keep(clerk->promises);
}

static void
clerk_open_alerts(struct clerk *clerk)
{
	static const struct alerts_callbacks callbacks = {
		clerk_ask_status, clerk_on_tested, clerk_forget_told
	};

	clerk->alerts = alerts_new(clerk->child, clerk->ledger, clerk->share,
	    &callbacks, clerk);
	sources_on_refusal(clerk->sources, clerk_on_refusal, clerk);
}

static bool
clerk_is_own_mail(struct text queue_id, void *arg)
{
	const struct clerk *clerk = arg;

	return (clerk->report_out != NULL &&
	    report_out_is_own(clerk->report_out, queue_id)) ||
	    (clerk->alerts != NULL &&
	    alerts_sent_mail(clerk->alerts, queue_id));
}

static void
clerk_open_ledger(struct clerk *clerk, const struct settings *settings)
{
	struct event_base *base = clerk->child->base;

	clerk->ledger = ledger_new(settings->config);
	clerk->share = ledger_share_new(base, clerk->ledger, settings);
	clerk->sources = sources_new(clerk->child, clerk->ledger,
	    clerk->share);
	sources_set_own_mails(clerk->sources, clerk_is_own_mail, clerk);
	clerk->reports = reports_new(base, clerk->ledger, clerk->share,
	    clerk_on_report, clerk);
	clerk->received = received_store_new(base, clerk->share,
	    settings->config, clerk_on_report, clerk);
	clerk->group = cert_group_new(base, clerk->share, clerk->ledger,
	    clerk->certs);
	cert_group_set_settings(clerk->group, settings);
	clerk->previews = report_previews_new(clerk->child, clerk->ledger,
	    clerk->share, clerk_on_report, clerk);
	clerk->report_out = report_out_new(clerk->child, clerk->ledger,
	    clerk->share, clerk->sources);
	clerk_open_alerts(clerk);
}

static void
clerk_open_certs(struct clerk *clerk, const struct config *config)
{
	struct buffer path;

	buffer_init(&path, 8192);
	buffer_addf(&path, "%s/certificates.json", config->state_dir);
	clerk->certs = cert_states_new(buffer_text(&path),
	    clerk_on_cert_change, clerk);
	/* Who takes over knows no report yet. */
	channel_send(child_parent(clerk->child), MESSAGE_CERT_FILES, 0,
	    text_of(""));
	buffer_reset(&path);
	buffer_addf(&path, "%s/promises.json", config->state_dir);
	clerk->promises = own_promises_new(buffer_text(&path),
	    clerk_on_promise_change, clerk);
	buffer_clear(&path);
}

static void
clerk_on_settings(struct child *child, const struct settings *settings)
{
	struct clerk *clerk = child->arg;

	if (clerk->child != NULL) {
		next_hops_set_settings(clerk->hops, settings);
		clerk_set_ledger(clerk, settings);
		if (clerk->http != NULL)
			http_api_set_settings(clerk->http, settings);
		return;
	}
	clerk->child = child;
	clerk_open_certs(clerk, settings->config);
	clerk->hops = next_hops_new(child->base);
	next_hops_set_settings(clerk->hops, settings);
	clerk->questions = questions_new(child->base, clerk_on_answer, clerk);
	clerk_open_ledger(clerk, settings);
	if (clerk->control_fd != -1)
		clerk->control = control_new(child->base, clerk->control_fd,
		    clerk_on_line, clerk);
	if (clerk->status_count > 0) {
		clerk->http = http_api_new(child->base, clerk->status_fds,
		    clerk->status_count, ledger_session_counts(clerk->ledger),
		    clerk->certs, clerk_on_line, clerk);
		http_api_set_settings(clerk->http, settings);
	}
}

static void
clerk_on_leave(struct child *child)
{
	child_exit(child, 0);
}

static void
clerk_on_stop(struct child *child)
{
	struct clerk *clerk = child->arg;

	http_api_free(clerk->http);
	cert_group_free(clerk->group);
	cert_states_free(clerk->certs);
	own_promises_free(clerk->promises);
	reports_free(clerk->reports);
	received_store_free(clerk->received);
	sources_free(clerk->sources);
	alerts_free(clerk->alerts);
	report_previews_free(clerk->previews);
	report_out_free(clerk->report_out);
	ledger_share_free(clerk->share);
	ledger_free(clerk->ledger);
	control_free(clerk->control);
	questions_free(clerk->questions);
	next_hops_free(clerk->hops);
	while (!LIST_EMPTY(&clerk->explain_waits))
		explain_wait_free(LIST_FIRST(&clerk->explain_waits));
	free(clerk->children);
	free(clerk->refusal);
	clerk_forget_resolver(clerk);
}

int
clerk_main(int parent_fd, int control_fd, const int *status_fds,
    size_t status_count)
{
	static const struct child_callbacks callbacks = {
		.on_settings = clerk_on_settings,
		.on_peer = clerk_on_peer,
		.on_frame = clerk_on_frame,
		.on_leave = clerk_on_leave,
		.on_stop = clerk_on_stop,
		.on_parent_frame = clerk_on_parent_frame
	};
	struct clerk clerk = { .control_fd = control_fd,
	    .status_fds = status_fds, .status_count = status_count };

	/* Whoever reads a report shall not slow the front's answers down. */
	if (setpriority(PRIO_PROCESS, 0, NICE) == -1)
		log_warn("clerk keeps its priority: %s", strerror(errno));
	return child_run(ROLE_CLERK, parent_fd, &callbacks, &clerk);
}
