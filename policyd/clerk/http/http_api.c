/*
 * The status port's paths.  A path becomes a task: a line for the control
 * socket's own code, or a run of "hopseal check".  Whoever asks the same
 * meanwhile, or a moment later, gets the same answer.
 */

#include "policyd/clerk/http/http_api.h"

#include <sys/queue.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/cert_states.h"
#include "policyd/clerk/http/http_status.h"
#include "policyd/clerk/http/metrics.h"
#include "policyd/clerk/http/page_file.h"
#include "policyd/clerk/ledger/day_sums.h"
#include "policyd/clerk/value_json.h"
#include "policyd/process/hopseal_command.h"
#include "policyd/process/settings.h"
#include "shared/io/clock.h"
#include "shared/postfix/next_hop.h"
#include "shared/xalloc.h"

#define TASKS_MAX	32	/* kept and under way */
#define CHECKS_MAX	4	/* at once */
#define CHECK_S		90
#define CHECK_MAX_BYTES	(1024 * 1024)
#define METRICS_MAX_BYTES (4 * 1024 * 1024)	/* of 4,096 certificates, too */

/* For how long an answer is good for others who ask the same. */
#define STATUS_KEPT_MS	1000
#define REPORT_KEPT_MS	5000
#define CHECK_KEPT_MS	60000
/* A report that took long, that often: readers cost 5 % at most. */
#define KEPT_TIMES	20

enum form { FORM_JSON, FORM_HEALTH, FORM_METRICS };

struct reader {
	LIST_ENTRY(reader)	 entry;
	uint64_t		 number;	/* http_status' */
	enum form		 form;
};

struct task {
	TAILQ_ENTRY(task)	 entry;
	struct http_api		*api;
	char			*question;	/* what makes it the same */
	uint64_t		 asker;
	struct command		*command;	/* of a check, or NULL */
	char			*answer;	/* NULL: not yet */
	int			 code;
	int64_t			 kept_ms, begun_ms, until_ms;
	LIST_HEAD(, reader)	 readers;
};

struct http_api {
	struct event_base	*base;
	struct http_status	*http;
	const struct settings	*settings;
	const struct session_counts *counts;
	const struct cert_states *certs;
	struct day_sums		*days;
	http_api_ask_cb		*ask;
	void			*arg;
	uint64_t		 last_asker, days_asker;
	TAILQ_HEAD(, task)	 tasks;		/* the oldest first */
	size_t			 task_count, check_count;
	bool			 is_asking;	/* an answer now is a refusal */
};

/* -------------------------------------------------------------- answering */

static void
answer_json(struct http_api *api, uint64_t number, int code, const char *line)
{
	struct http_answer answer = { code, "application/json", line,
	    strlen(line) };

	http_status_answer(api->http, number, &answer);
}

static void
answer_error(struct http_api *api, uint64_t number, int code,
    const char *words)
{
	char *line = json_error_line(words);

	answer_json(api, number, code, line);
	free(line);
}

/* Well unless something is critical, and then why. */
static void
answer_health(struct http_api *api, uint64_t number, const char *line)
{
	json_t *status = json_loads(line, 0, NULL), *reasons = json_array();
	json_t *part;
	const char *state;
	char *health;
	bool is_bad;
	size_t i;

	json_array_foreach(json_object_get(status, "parts"), i, part) {
		state = json_string_value(json_object_get(part, "state"));
		if (state != NULL && strcmp(state, "critical") == 0)
			json_array_append_new(reasons, json_pack("{s:O, s:O}",
			    "name", json_object_get(part, "name"),
			    "detail", json_object_get(part, "detail")));
	}
	is_bad = status == NULL || json_array_size(reasons) > 0;
	health = json_line(json_pack("{s:b, s:o}", "ok", !is_bad, "reasons",
	    reasons));
	answer_json(api, number, is_bad ? 503 : 200, health);
	free(health);
	json_decref(status);
}

static void
answer_metrics(struct http_api *api, uint64_t number, const char *line)
{
	json_t *status = json_loads(line, 0, NULL);
	struct http_answer answer = { 200,
	    "text/plain; version=0.0.4; charset=utf-8", NULL, 0 };
	struct buffer out;

	buffer_init(&out, METRICS_MAX_BYTES);
	metrics_format(status, api->counts, json_object_get(
	    cert_states_report(api->certs), "certificates"), &out);
	answer.body = buffer_text(&out);
	answer.len = out.len;
	http_status_answer(api->http, number, &answer);
	buffer_clear(&out);
	json_decref(status);
}

static void
answer_reader(struct task *t, const struct reader *r)
{
	switch (r->form) {
	case FORM_JSON:
		answer_json(t->api, r->number, t->code, t->answer);
		break;
	case FORM_HEALTH:
		answer_health(t->api, r->number, t->answer);
		break;
	case FORM_METRICS:
		answer_metrics(t->api, r->number, t->answer);
		break;
	}
}

/* ------------------------------------------------------------------- tasks */

static void
task_free(struct task *t)
{
	struct reader *r;

	while ((r = LIST_FIRST(&t->readers)) != NULL) {
		LIST_REMOVE(r, entry);
		free(r);
	}
	if (t->command != NULL)
		command_cancel(t->command);
	TAILQ_REMOVE(&t->api->tasks, t, entry);
	t->api->task_count--;
	free(t->question);
	free(t->answer);
	free(t);
}

/* Takes answer. */
static void
task_finish(struct task *t, int code, char *answer)
{
	int64_t now_ms = clock_monotonic_ms();
	int64_t long_ms = (now_ms - t->begun_ms) * KEPT_TIMES;
	struct reader *r;

	t->answer = answer;
	t->code = code;
	/* A mistake is told to those who made it. */
	if (code != 200)
		t->kept_ms = 0;
	else if (t->kept_ms == REPORT_KEPT_MS && t->kept_ms < long_ms)
		t->kept_ms = long_ms < CHECK_KEPT_MS ? long_ms : CHECK_KEPT_MS;
	t->until_ms = now_ms + t->kept_ms;
	while ((r = LIST_FIRST(&t->readers)) != NULL) {
		answer_reader(t, r);
		LIST_REMOVE(r, entry);
		free(r);
	}
}

/* Whoever waits for t is told when it is done, others at once. */
static void
task_add_reader(struct task *t, uint64_t number, enum form form)
{
	struct reader *r = xcalloc(1, sizeof(*r));

	r->number = number;
	r->form = form;
	if (t->answer != NULL) {
		answer_reader(t, r);
		free(r);
	} else
		LIST_INSERT_HEAD(&t->readers, r, entry);
}

/* Drops what is old, or when too many are kept the oldest that are done. */
static void
drop_tasks(struct http_api *api)
{
	int64_t now_ms = clock_monotonic_ms();
	struct task *t, *next;

	for (t = TAILQ_FIRST(&api->tasks); t != NULL; t = next) {
		next = TAILQ_NEXT(t, entry);
		if (t->answer != NULL && (now_ms >= t->until_ms ||
		    api->task_count >= TASKS_MAX))
			task_free(t);
	}
}

/* The task that answers the question already, else a new one and *is_new. */
static struct task *
task_of(struct http_api *api, const char *question, int64_t kept_ms,
    bool *is_new)
{
	struct task *t;

	drop_tasks(api);
	*is_new = false;
	TAILQ_FOREACH(t, &api->tasks, entry)
		if (strcmp(t->question, question) == 0)
			return t;
	if (api->task_count >= TASKS_MAX)
		return NULL;
	*is_new = true;
	t = xcalloc(1, sizeof(*t));
	t->api = api;
	t->question = xstrdup(question);
	t->asker = ++api->last_asker;
	t->kept_ms = kept_ms;
	t->begun_ms = clock_monotonic_ms();
	LIST_INIT(&t->readers);
	TAILQ_INSERT_TAIL(&api->tasks, t, entry);
	api->task_count++;
	return t;
}

void
http_api_answer(struct http_api *api, uint64_t asker, const char *line)
{
	bool is_error = strncmp(line, "{\"error\"", 8) == 0;
	struct task *t;

	if (asker == api->days_asker) {
		day_sums_take(api->days, line);
		return;
	}
	TAILQ_FOREACH(t, &api->tasks, entry)
		if (t->asker == asker && t->answer == NULL) {
			task_finish(t, !is_error ? 200 :
			    api->is_asking ? 400 : 503, xstrdup(line));
			return;
		}
}

/* ---------------------------------------------------------------- questions */

/* Takes question, an object as on the control socket. */
static void
ask(struct http_api *api, uint64_t number, json_t *question, int64_t kept_ms,
    enum form form)
{
	char *line = json_line(question);
	bool is_new;
	struct task *t = task_of(api, line, kept_ms, &is_new);

	if (t == NULL)
		answer_error(api, number, 503, "too many questions are under "
		    "way");
	else
		task_add_reader(t, number, form);
	if (t != NULL && is_new) {
		api->is_asking = true;
		api->ask(t->asker, text_of(line), api->arg);
		api->is_asking = false;
	}
	free(line);
}

static void
ask_status(struct http_api *api, uint64_t number, enum form form)
{
	ask(api, number, json_pack("{s:s}", "command", "status"),
	    STATUS_KEPT_MS, form);
}

/* A member of the query, or null. */
static json_t *
member(const struct evkeyvalq *query, const char *name)
{
	const char *value = evhttp_find_header(query, name);
	/* json_string refuses what is no UTF-8. */
	json_t *text = value != NULL && value[0] != '\0' ? json_string(value) :
	    NULL;

	return value != NULL && text == NULL ? json_string("") : text;
}

static void
ask_domain(struct http_api *api, uint64_t number, const char *command,
    const struct evkeyvalq *query)
{
	json_t *domain = member(query, "domain");

	ask(api, number, json_pack("{s:s, s:o}", "command", command, "domain",
	    domain != NULL ? domain : json_string("")), 0, FORM_JSON);
}

static void
ask_report(struct http_api *api, uint64_t number, const char *direction,
    const struct evkeyvalq *query)
{
	static const char *const texts[] = { "day", "since", "domain" };
	json_t *question = json_pack("{s:s}", "command", "report");
	const char *top = evhttp_find_header(query, "top");
	const char *given = evhttp_find_header(query, "direction");
	uint64_t count = 0;
	json_t *text;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		text = member(query, texts[i]);
		if (text != NULL && json_string_length(text) > 0)
			json_object_set(question, texts[i], text);
		json_decref(text);
	}
	if (direction == NULL && given != NULL)
		direction = strcmp(given, "in") == 0 ? "in" :
		    strcmp(given, "out") == 0 ? "out" :
		    strcmp(given, "received") == 0 ? "received" : "?";
	if (direction != NULL)
		json_object_set_new(question, "direction",
		    json_string(direction));
	if (top != NULL) {
		text_parse_u64(text_of(top), INT_MAX, &count);
		json_object_set_new(question, "top",
		    json_integer((json_int_t)count));
	}
	ask(api, number, question, REPORT_KEPT_MS, FORM_JSON);
}

/* ---------------------------------------------------------------- checks */

static void
on_check(const struct command_result *result, void *arg)
{
	struct task *t = arg;
	char *answer = NULL;
	json_t *check;

	t->command = NULL;
	t->api->check_count--;
	check = result->end == COMMAND_EXITED ? json_loadb(result->output.data,
	    result->output.len, 0, NULL) : NULL;
	if (check != NULL)
		answer = json_line(check);
	if (answer != NULL)
		task_finish(t, 200, answer);
	else
		task_finish(t, 503, json_error_line(result->end ==
		    COMMAND_LATE ? "the check took longer than 90 s" :
		    "hopseal check could not be run"));
}

static void
check_start(struct task *t, const char *name)
{
	const struct settings *settings = t->api->settings;
	struct hopseal_command recipe = {
		.words = { "--json", "check", "--", name },
		/* Without a file the defaults hold, for the command too. */
		.config_path = access(settings->config_path, F_OK) == 0 ?
		    settings->config_path : NULL,
		.overrides = settings->overrides,
		.output_max = CHECK_MAX_BYTES, .deadline_ms = CHECK_S * 1000 };

	t->command = hopseal_command_start(t->api->base, &recipe, on_check, t);
	t->api->check_count++;
}

static void
check_domain(struct http_api *api, uint64_t number,
    const struct evkeyvalq *query)
{
	const char *domain = evhttp_find_header(query, "domain"), *why = "";
	char name[NEXT_HOP_TEXT_SIZE], question[NEXT_HOP_TEXT_SIZE + 8];
	struct next_hop hop = { .kind = NEXT_HOP_NONE };
	struct task *t;
	bool is_new;

	if (domain != NULL)
		next_hop_parse(text_of(domain), &hop, &why);
	if (hop.kind == NEXT_HOP_NONE) {
		answer_error(api, number, 400, domain == NULL ?
		    "the query has no domain" : why);
		return;
	}
	snprintf(question, sizeof(question), "check %s",
	    next_hop_format(&hop, name));
	t = task_of(api, question, CHECK_KEPT_MS, &is_new);
	if (t != NULL && is_new && api->check_count == CHECKS_MAX) {
		task_free(t);
		t = NULL;
	}
	if (t == NULL) {
		answer_error(api, number, 503, "too many checks are under "
		    "way");
		return;
	}
	task_add_reader(t, number, FORM_JSON);
	if (is_new)
		check_start(t, name);
}

/* -------------------------------------------------------------------- paths */

static void
ask_day(struct text line, void *arg)
{
	struct http_api *api = arg;

	api->days_asker = ++api->last_asker;
	api->ask(api->days_asker, line, api->arg);
}

static void
answer_days(struct http_api *api, uint64_t number)
{
	char *line = day_sums_line(api->days, clock_now_s());

	answer_json(api, number, 200, line);
	free(line);
}

static void
answer_certs(struct http_api *api, uint64_t number)
{
	const json_t *report = cert_states_report(api->certs);
	char *line;

	if (report == NULL) {
		answer_error(api, number, 503, "our certificates were not "
		    "looked at yet");
		return;
	}
	line = json_line(json_deep_copy(report));
	answer_json(api, number, 200, line);
	free(line);
}

static const char *
type_of(const char *name)
{
	static const char *const types[][2] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
	};
	const char *ending = strrchr(name, '.');
	size_t i;

	for (i = 0; ending != NULL && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(ending, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

static void
answer_file(struct http_api *api, uint64_t number, const char *name)
{
	const struct page_file *file;
	struct http_answer answer = { 200, NULL, NULL, 0 };

	if (name[0] == '\0')
		name = "index.html";
	for (file = page_files; file->name != NULL; file++)
		if (strcmp(file->name, name) == 0) {
			answer.type = type_of(name);
			answer.body = file->data;
			answer.len = file->len;
			http_status_answer(api->http, number, &answer);
			return;
		}
	answer_error(api, number, 404, "there is no such path");
}

static void
on_request(uint64_t number, const char *path, const struct evkeyvalq *query,
    void *arg)
{
	struct http_api *api = arg;
	const char *name = path + 1;

	if (strcmp(path, "/health") == 0)
		ask_status(api, number, FORM_HEALTH);
	else if (strcmp(path, "/metrics") == 0)
		ask_status(api, number, FORM_METRICS);
	else if (strcmp(path, "/api/v1/status") == 0)
		ask_status(api, number, FORM_JSON);
	else if (strcmp(path, "/api/v1/explain") == 0)
		ask_domain(api, number, "explain", query);
	else if (strcmp(path, "/api/v1/rules") == 0)
		ask_domain(api, number, "rules", query);
	else if (strcmp(path, "/api/v1/report") == 0)
		ask_report(api, number, NULL, query);
	else if (strcmp(path, "/api/v1/received") == 0)
		ask_report(api, number, "received", query);
	else if (strcmp(path, "/api/v1/days") == 0)
		answer_days(api, number);
	else if (strcmp(path, "/api/v1/certs") == 0)
		answer_certs(api, number);
	else if (strcmp(path, "/api/v1/certificates") == 0)
		ask(api, number, json_pack("{s:s}", "command",
		    "certificates"), STATUS_KEPT_MS, FORM_JSON);
	else if (strcmp(path, "/api/v1/check") == 0)
		check_domain(api, number, query);
	else if (path[0] == '/')
		answer_file(api, number, name);
	else
		answer_error(api, number, 404, "there is no such path");
}

struct http_api *
http_api_new(struct event_base *base, const int *fds, size_t fd_count,
    const struct session_counts *counts, const struct cert_states *certs,
    http_api_ask_cb *ask_cb, void *arg)
{
	struct http_api *api = xcalloc(1, sizeof(*api));

	api->base = base;
	api->counts = counts;
	api->certs = certs;
	api->ask = ask_cb;
	api->arg = arg;
	api->last_asker = HTTP_API_ASKER;
	TAILQ_INIT(&api->tasks);
	api->days = day_sums_new(base, ask_day, api);
	api->http = http_status_new(base, fds, fd_count, on_request, api);
	return api;
}

void
http_api_free(struct http_api *api)
{
	if (api == NULL)
		return;
	while (!TAILQ_EMPTY(&api->tasks))
		task_free(TAILQ_FIRST(&api->tasks));
	day_sums_free(api->days);
	http_status_free(api->http);
	free(api);
}

void
http_api_set_settings(struct http_api *api, const struct settings *settings)
{
	api->settings = settings;
	http_status_set_settings(api->http, settings);
}
