/*
 * Sending reports.  A job is a domain and a day; when it is due it has a round:
 * its record is asked for, its sums, what was tried; then one destination
 * after the other.  A round that cannot go on leaves its job for later.
 */

#include "policyd/clerk/report/report_out.h"

#include <sys/queue.h>

#include <event2/event.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/errand_send.h"
#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/ledger_share.h"
#include "policyd/clerk/ledger/ledger_sum.h"
#include "policyd/clerk/ledger/sources.h"
#include "policyd/clerk/report/report_book.h"
#include "policyd/clerk/report/report_build.h"
#include "policyd/clerk/report/report_lock.h"
#include "policyd/clerk/report/report_pack.h"
#include "policyd/process/child.h"
#include "shared/errand_message.h"
#include "shared/host_name.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/probe_message.h"
#include "shared/siphash.h"
#include "shared/tlsrpt/record.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define DAYS_SENT	2	/* yesterday, and what is tried again */
#define ROUNDS_MAX	16	/* at one time */
#define DOMAINS_A_TURN	2000	/* planned; some ms */
#define SOON_S		30	/* when something of ours is away */
#define LATER_S		900	/* when the DNS does not answer */
#define TXT_WAIT_S	60
#define NAME_PREFIX	"_smtp._tls."
#define WORDS_SIZE	2048	/* of a log line */

struct job {
	TAILQ_ENTRY(job)	 entry;
	int64_t			 day;
	int64_t			 next_at;
	bool			 has_round;
	char			 domain[];
};

enum round_step { ROUND_RECORD, ROUND_SUM, ROUND_BOOK, ROUND_SEND };

struct round {
	LIST_ENTRY(round)	 entry;
	struct report_out	*out;
	struct job		*job;
	enum round_step		 step;
	uint64_t		 number;	/* of the scout's answer; or 0 */
	struct event		*timer;
	struct tlsrpt_record	 record;
	struct ledger_sum	*sum;
	struct built_reports	 built;
	size_t			 report, rua;	/* the destination in hand */
	unsigned		 try;
	int64_t			 next_at;	/* of all; or 0 */
};

struct report_out {
	struct child		*child;
	struct ledger		*ledger;
	struct ledger_share	*share;
	const struct sources	*sources;
	struct report_book	*book;
	struct report_lock	*lock;
	struct event		*tick;
	TAILQ_HEAD(jobs, job)	 jobs, planned_jobs;	/* of half a plan */
	unsigned		 job_count;
	LIST_HEAD(, round)	 rounds;
	unsigned		 round_count;
	uint64_t		 last_number;
	struct ledger_sum	*plan;		/* which domains there are */
	struct tally		*plan_tally;	/* then these, */
	uint32_t		 plan_next;	/* from that number on, */
	struct event		*plan_turn;	/* some each turn */
	int64_t			 plan_day, plan_at;
	int64_t			 planned[DAYS_SENT];	/* days; or 0 */
	uint64_t		 sent, failed, doubtful, given_up;
	enum { SIGNATURE_UNKNOWN, SIGNATURE_SEEN, SIGNATURE_MISSING }
				 signature;	/* DKIM's, by the milter */
};

static void	round_advance(struct round *r);
static void	plan_drop(struct report_out *out);

static const struct config *
config_of(const struct report_out *out)
{
	return out->child->settings->config;
}

/* ------------------------------------------------------------------- jobs */

static void
job_free(struct report_out *out, struct jobs *list, struct job *job)
{
	TAILQ_REMOVE(list, job, entry);
	out->job_count--;
	free(job);
}

static void
job_add(struct report_out *out, int64_t day, const char *domain, int64_t now)
{
	size_t len = strlen(domain);
	struct job *job;
	int64_t due = report_plan_due(domain, day,
	    config_of(out)->report_window_s);

	if (now >= due + REPORT_RETRY_S)
		return;
	job = xcalloc(1, sizeof(*job) + len + 1);
	job->day = day;
	job->next_at = due;
	memcpy(job->domain, domain, len);
	TAILQ_INSERT_TAIL(&out->planned_jobs, job, entry);
	out->job_count++;
}

/* Another host sends, or nobody shall. */
static void
jobs_forget(struct report_out *out)
{
	struct job *job, *next;

	for (job = TAILQ_FIRST(&out->jobs); job != NULL; job = next) {
		next = TAILQ_NEXT(job, entry);
		if (!job->has_round)
			job_free(out, &out->jobs, job);
	}
	memset(out->planned, 0, sizeof(out->planned));
	plan_drop(out);
}

/* ----------------------------------------------------------------- rounds */

static void
round_free(struct round *r)
{
	report_book_forget(r->out->book, r);
	ledger_sum_cancel(r->sum);
	tlsrpt_record_clear(&r->record);
	built_reports_clear(&r->built);
	event_free(r->timer);
	LIST_REMOVE(r, entry);
	r->out->round_count--;
	free(r);
}

/* Again at that time; 0: never. */
static void
round_finish(struct round *r, int64_t next_at)
{
	struct job *job = r->job;
	struct report_out *out = r->out;

	round_free(r);
	job->has_round = false;
	job->next_at = next_at;
	if (next_at == 0)
		job_free(out, &out->jobs, job);
}

static void
round_postpone(struct round *r, int64_t seconds, const char *why)
{
	int64_t now = clock_now_s();

	log_debug("reports wait: domain=%s, seconds=%lld, reason=%s",
	    r->job->domain, (long long)seconds, why);
	if (now + seconds >= REPORT_RETRY_S + report_plan_due(r->job->domain,
	    r->job->day, config_of(r->out)->report_window_s)) {
		log_warn("reports are not sent: domain=%s, reason=%s",
		    r->job->domain, why);
		r->out->given_up++;
		round_finish(r, 0);
	} else
		round_finish(r, now + seconds);
}

static void
round_wait(struct round *r, int seconds)
{
	struct timeval timeout = { seconds, 0 };

	event_add(r->timer, &timeout);
}

static struct round *
round_find(struct report_out *out, uint64_t number, enum round_step step)
{
	struct round *r;

	LIST_FOREACH(r, &out->rounds, entry)
		if (r->number == number && r->step == step)
			return r;
	return NULL;
}

static bool
scout_ask_txt(struct round *r, const struct buffer *question)
{
	struct channel *scout = child_peer(r->out->child, ROLE_SCOUT);

	r->number = ++r->out->last_number;
	return scout != NULL && channel_send(scout, MESSAGE_TXT, r->number,
	    (struct text){ question->data, question->len });
}

/* ----------------------------------------------------- 1. where to report */

/* True with the operator's word for the domain: "off", or destinations. */
static bool
find_rule(const struct config *config, const char *domain, struct text *out)
{
	struct text rest = text_of(config->report_rules), item, name;

	while (text_next_item(&rest, &item))
		if (text_next_field(&item, '=', &name) &&
		    text_equals_nocase(name, domain)) {
			*out = item;
			return true;
		}
	return false;
}

static void	on_sum(struct tally *tally, const char *why, void *arg);

static void
round_choose(struct round *r, const struct text *records, size_t count)
{
	const char *why = NULL;

	switch (tlsrpt_record_choose(records, count, &r->record, &why)) {
	case TLSRPT_RECORD_ABSENT:
		round_finish(r, 0);
		return;
	case TLSRPT_RECORD_INVALID:
		log_info("no report: domain=%s, reason=its TLSRPT record: %s",
		    r->job->domain, why);
		round_finish(r, 0);
		return;
	case TLSRPT_RECORD_PRESENT:
		break;
	}
	r->step = ROUND_SUM;
	r->sum = ledger_sum_start(r->out->child->base, r->out->ledger,
	    r->out->share, r->job->day, r->job->day, text_of(r->job->domain),
	    on_sum, r);
}

/* A domain's record is as good as the operator's word for it. */
static void
round_rewrite(struct round *r, struct text targets)
{
	struct buffer record;
	struct text t;

	if (text_equals(targets, "off")) {
		round_finish(r, 0);
		return;
	}
	buffer_init(&record, TLSRPT_RECORD_MAX_BYTES);
	buffer_addf(&record, "v=TLSRPTv1; rua=%.*s", (int)targets.len,
	    targets.data);
	t = (struct text){ buffer_text(&record), record.len };
	round_choose(r, &t, 1);
	buffer_clear(&record);
}

static void
round_ask_record(struct round *r)
{
	char name[HOST_NAME_SIZE + sizeof(NAME_PREFIX)];
	struct buffer payload;
	struct text rule;

	if (find_rule(config_of(r->out), r->job->domain, &rule)) {
		round_rewrite(r, rule);
		return;
	}
	snprintf(name, sizeof(name), "%s%s", NAME_PREFIX, r->job->domain);
	if (!host_name_is_normal(text_of(name))) {
		round_finish(r, 0);	/* no such name can be */
		return;
	}
	buffer_init(&payload, FRAME_PAYLOAD_MAX);
	txt_question_format(name, &payload);
	if (scout_ask_txt(r, &payload))
		round_wait(r, TXT_WAIT_S);
	else
		round_postpone(r, SOON_S, "the scout is away");
	buffer_clear(&payload);
}

void
report_out_on_txt(struct report_out *out, uint64_t number,
    struct text payload)
{
	struct round *r = round_find(out, number, ROUND_RECORD);
	struct txt_answer answer;

	if (r == NULL)
		return;
	event_del(r->timer);
	r->number = 0;
	if (!txt_answer_parse(payload, &answer) || !answer.is_known)
		round_postpone(r, LATER_S, "its TLSRPT record is not known");
	else
		round_choose(r, answer.records, answer.record_count);
}

/* --------------------------------------------- 2. what, and what was tried */

static void
on_book(bool is_fine, void *arg)
{
	struct round *r = arg;

	if (!is_fine) {
		round_postpone(r, SOON_S, "Redis is away");
		return;
	}
	r->step = ROUND_SEND;
	round_advance(r);
}

static void
on_sum(struct tally *tally, const char *why, void *arg)
{
	struct round *r = arg;
	struct report_maker maker = report_maker_of(config_of(r->out));

	r->sum = NULL;
	if (why == NULL)
		report_build(tally, text_of(r->job->domain), r->job->day,
		    &maker, &r->built);
	tally_free(tally);
	if (why != NULL) {
		round_postpone(r, SOON_S, why);
		return;
	}
	if (r->built.count == 0) {
		round_finish(r, 0);
		return;
	}
	r->step = ROUND_BOOK;
	report_book_read(r->out->book, r->job->day, r->job->domain, on_book,
	    r);
}

/* --------------------------------------------------------- 3. each of them */

static struct report_destination
destination_of(const struct round *r)
{
	static const struct siphash_key key = { 'd', 't' };
	const char *uri = r->record.ruas[r->rua].target;

	return (struct report_destination){ r->job->day, r->job->domain,
	    r->built.reports[r->report].ref, siphash(&key, uri,
	    strlen(uri)) };
}

static void
round_note_next(struct round *r, int64_t at)
{
	if (r->next_at == 0 || at < r->next_at)
		r->next_at = at;
}

/* The destination in hand, for the log. */
static const char *
round_words(const struct round *r, const char *answer, char out[WORDS_SIZE])
{
	char to[256], quoted[256];

	snprintf(out, WORDS_SIZE, "domain=%s, to=%s, report_id=%s, try=%u, "
	    "answer=%s", r->job->domain, text_quote(to, sizeof(to),
	    text_of(r->record.ruas[r->rua].target)),
	    r->built.reports[r->report].report.id, r->try,
	    text_quote(quoted, sizeof(quoted), text_of(answer)));
	return out;
}

static void
round_log(const struct round *r, enum report_try_end end, const char *answer)
{
	char words[WORDS_SIZE];

	round_words(r, answer, words);
	switch (end) {
	case REPORT_TRY_OPEN:
		log_warn("report given up: %s", words);
		break;
	case REPORT_TRY_SENT:
		log_info("report sent: %s", words);
		break;
	case REPORT_TRY_FAILED:
		log_warn("report not sent yet: %s", words);
		break;
	case REPORT_TRY_DOUBTFUL:
		log_warn("report may or may not have come through, and is "
		    "not sent again: %s", words);
		break;
	}
}

static void
round_count(struct report_out *out, enum report_try_end end)
{
	switch (end) {
	case REPORT_TRY_OPEN:
		out->given_up++;
		break;
	case REPORT_TRY_SENT:
		out->sent++;
		break;
	case REPORT_TRY_FAILED:
		out->failed++;
		break;
	case REPORT_TRY_DOUBTFUL:
		out->doubtful++;
		break;
	}
}

/* The try is over; the same destination decides what follows. */
static void
round_end_try(struct round *r, enum report_try_end end, const char *words)
{
	struct report_destination to = destination_of(r);

	event_del(r->timer);
	r->number = 0;
	report_book_end(r->out->book, &to, r->try, end, clock_now_s(),
	    words);
	round_log(r, end, words);
	round_count(r->out, end);
	round_advance(r);
}

void
report_out_on_sent(struct report_out *out, uint64_t number,
    struct text payload)
{
	static const enum report_try_end ends[] = {
		[ERRAND_DONE] = REPORT_TRY_SENT,
		[ERRAND_FAILED] = REPORT_TRY_FAILED,
		[ERRAND_DOUBTFUL] = REPORT_TRY_DOUBTFUL
	};
	struct round *r = round_find(out, number, ROUND_SEND);
	struct errand_result result;
	char words[256];

	if (r != NULL && errand_result_parse(payload, &result))
		round_end_try(r, ends[result.outcome], text_quote(words,
		    sizeof(words), result.words));
}

static int
round_pack(struct round *r, struct buffer *payload, const char **why)
{
	const struct settings *settings = r->out->child->settings;
	const struct config *config = settings->config;
	struct report_maker maker = report_maker_of(config);
	struct report_pack pack = {
		.domain = r->job->domain, .submitter = maker.submitter,
		.sender = config->report_sender,
		.relay = config->report_relay,
		.helo = settings->site->myhostname != NULL ?
		    settings->site->myhostname : maker.submitter,
		.now = clock_now_s()
	};

	return report_pack(&pack, &r->built.reports[r->report],
	    &r->record.ruas[r->rua], payload, why);
}

/* The begin is written down, and it is ours. */
static void
on_begun(bool is_fine, void *arg)
{
	struct round *r = arg;
	bool is_mail = r->record.ruas[r->rua].scheme == TLSRPT_MAILTO;
	struct buffer payload;
	const char *why;

	if (!is_fine) {
		/* Another host has begun it, or it could not be written. */
		round_note_next(r, clock_now_s() + SOON_S);
		r->rua++;
		round_advance(r);
		return;
	}
	buffer_init(&payload, ERRAND_MESSAGE_MAX);
	r->number = ++r->out->last_number;
	if (round_pack(r, &payload, &why) == 0 &&
	    errand_send(r->out->child, r->number, &payload, is_mail ?
	    config_of(r->out)->report_relay : NULL, &why))
		round_wait(r, ERRAND_LIFE_S);
	else
		round_end_try(r, REPORT_TRY_FAILED, why);
	buffer_clear(&payload);
}

/* A begin without an end: killed in between, here or at another host. */
static void
round_doubt(struct round *r, const struct report_tries *tries)
{
	struct report_destination to = destination_of(r);
	unsigned n;

	for (n = 1; n <= tries->count; n++)
		if (tries->tries[n - 1].end == REPORT_TRY_OPEN) {
			r->try = n;
			report_book_end(r->out->book, &to, n,
			    REPORT_TRY_DOUBTFUL, clock_now_s(),
			    "ended before it was noted");
			round_log(r, REPORT_TRY_DOUBTFUL,
			    "ended before it was noted");
			round_count(r->out, REPORT_TRY_DOUBTFUL);
		}
}

/* True when the round waits for something; else the next destination. */
static bool
round_try(struct round *r)
{
	struct report_destination to = destination_of(r);
	struct report_tries tries;
	int64_t at, now = clock_now_s();

	report_book_tries(r->out->book, &to, &tries);
	switch (report_plan_next(&tries, report_plan_due(r->job->domain,
	    r->job->day, config_of(r->out)->report_window_s), now, &at)) {
	case REPORT_STEP_SEND:
		r->try = tries.count + 1;
		report_book_begin(r->out->book, &to, r->try, now, on_begun,
		    r);
		return true;
	case REPORT_STEP_WAIT:
		round_note_next(r, at);
		break;
	case REPORT_STEP_GIVEN_UP:
		r->try = tries.count;
		round_log(r, REPORT_TRY_OPEN, "it was tried for a day");
		round_count(r->out, REPORT_TRY_OPEN);
		break;
	case REPORT_STEP_DOUBTFUL:
		round_doubt(r, &tries);
		break;
	case REPORT_STEP_SENT:
		break;
	}
	return false;
}

static void
round_advance(struct round *r)
{
	for (; r->report < r->built.count; r->report++, r->rua = 0)
		for (; r->rua < r->record.rua_count; r->rua++)
			if (round_try(r))
				return;
	round_finish(r, r->next_at);
}

static void
on_timeout(evutil_socket_t fd, short events, void *arg)
{
	struct round *r = arg;

	(void)fd;
	(void)events;
	if (r->step == ROUND_SEND)
		round_end_try(r, REPORT_TRY_DOUBTFUL,
		    "the scout gave no answer");
	else
		round_postpone(r, LATER_S, "the scout gave no answer");
}

void
report_out_on_scout_gone(struct report_out *out)
{
	struct round *r, *next;

	for (r = LIST_FIRST(&out->rounds); r != NULL; r = next) {
		next = LIST_NEXT(r, entry);
		if (r->step == ROUND_RECORD)
			round_postpone(r, SOON_S, "the scout ended");
		else if (r->step == ROUND_SEND && r->number != 0)
			round_end_try(r, REPORT_TRY_DOUBTFUL,
			    "the scout ended meanwhile");
	}
}

static void
round_start(struct report_out *out, struct job *job)
{
	struct round *r = xcalloc(1, sizeof(*r));

	r->out = out;
	r->job = job;
	r->timer = evtimer_new(out->child->base, on_timeout, r);
	job->has_round = true;
	LIST_INSERT_HEAD(&out->rounds, r, entry);
	out->round_count++;
	round_ask_record(r);
}

/* --------------------------------------------------------------- the plan */

static bool
has_sessions(const struct tally *tally, uint32_t domain)
{
	const struct tally_entry *e;
	struct tally_key key;
	uint32_t i;

	for (i = tally_first(tally, domain); i != TALLY_NONE; i = e->next) {
		e = tally_entry(tally, i);
		if (tally_key_parse(text_of(e->line), &key) &&
		    key.direction == SESSION_OUT &&
		    key.outcome != TALLY_CLEAR)
			return true;
	}
	return false;
}

static void
plan_drop(struct report_out *out)
{
	ledger_sum_cancel(out->plan);
	out->plan = NULL;
	tally_free(out->plan_tally);
	out->plan_tally = NULL;
	while (!TAILQ_EMPTY(&out->planned_jobs))
		job_free(out, &out->planned_jobs,
		    TAILQ_FIRST(&out->planned_jobs));
	event_del(out->plan_turn);
}

static void
on_plan_turn(evutil_socket_t fd, short events, void *arg)
{
	struct report_out *out = arg;
	int64_t now = clock_now_s();
	struct timeval at_once = { 0, 0 };
	const char *name;
	unsigned i;

	(void)fd;
	(void)events;
	for (i = 0; i < DOMAINS_A_TURN; i++, out->plan_next++) {
		if (out->plan_next == tally_domain_count(out->plan_tally)) {
			out->planned[out->plan_day % DAYS_SENT] =
			    out->plan_day;
			TAILQ_CONCAT(&out->jobs, &out->planned_jobs, entry);
			plan_drop(out);
			return;
		}
		name = tally_domain_name(out->plan_tally, out->plan_next);
		if (host_name_is_normal(text_of(name)) &&
		    !host_name_is_private(name) &&
		    has_sessions(out->plan_tally, out->plan_next))
			job_add(out, out->plan_day, name, now);
	}
	evtimer_add(out->plan_turn, &at_once);
}

static void
on_plan(struct tally *tally, const char *why, void *arg)
{
	struct report_out *out = arg;

	out->plan = NULL;
	if (why != NULL) {
		out->plan_at = clock_now_s() + SOON_S;
		tally_free(tally);
		return;
	}
	out->plan_tally = tally;
	out->plan_next = 0;
	on_plan_turn(-1, 0, out);
}

/* One day at a time. */
static void
plan_days(struct report_out *out, int64_t now)
{
	int64_t day, today = now / DAY_S;

	if (out->plan != NULL || out->plan_tally != NULL ||
	    now < out->plan_at)
		return;
	for (day = today - 1; day >= today - DAYS_SENT; day--) {
		if (out->planned[day % DAYS_SENT] == day ||
		    now < (day + 1) * DAY_S + REPORT_SETTLE_S)
			continue;
		out->plan_day = day;
		out->plan = ledger_sum_start(out->child->base, out->ledger,
		    out->share, day, day, text_of(""), on_plan, out);
		return;
	}
}

static void
start_rounds(struct report_out *out, int64_t now)
{
	struct job *job, *next;

	for (job = TAILQ_FIRST(&out->jobs); job != NULL; job = next) {
		next = TAILQ_NEXT(job, entry);
		if (out->round_count == ROUNDS_MAX)
			return;
		if (!job->has_round && now >= job->next_at)
			round_start(out, job);
	}
}

static void
on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct report_out *out = arg;
	struct timeval again = { 1, 0 };
	bool is_on = config_of(out)->report == CONFIG_REPORT_ON;

	(void)fd;
	(void)events;
	event_add(out->tick, &again);
	report_lock_want(out->lock, is_on);
	if (!is_on || !ledger_is_open(out->ledger) ||
	    !report_lock_is_ours(out->lock)) {
		jobs_forget(out);
		return;
	}
	if (!report_book_is_ready(out->book))
		return;
	/* What is sent is never corrected. */
	if (sources_are_read(out->sources))
		plan_days(out, clock_now_s());
	start_rounds(out, clock_now_s());
}

/* ------------------------------------------------------ notes and status */

bool
report_out_take_note(struct report_out *out, struct text request)
{
	json_t *object = json_loadb(request.data, request.len, 0, NULL);
	const json_t *note = json_object_get(object, "own_is_signed");
	bool is_one = json_is_boolean(note);

	if (is_one)
		out->signature = json_is_true(note) ? SIGNATURE_SEEN :
		    SIGNATURE_MISSING;
	json_decref(object);
	return is_one;
}

bool
report_out_is_own(const struct report_out *out, struct text queue_id)
{
	return report_book_has_mail(out->book, queue_id);
}

void
report_out_status(const struct report_out *out,
    struct report_out_status *status)
{
	static const char *const signatures[] = {
		[SIGNATURE_UNKNOWN] = "not known, no report was seen leaving",
		[SIGNATURE_SEEN] = "signed",
		[SIGNATURE_MISSING] = "not signed when hopseal-milter saw it"
	};

	*status = (struct report_out_status){ .state = CONTROL_OK,
	    .sent = out->sent, .failed = out->failed,
	    .doubtful = out->doubtful, .given_up = out->given_up };
	if (config_of(out)->report == CONFIG_REPORT_OFF) {
		snprintf(status->detail, sizeof(status->detail),
		    "off: nobody is sent TLS reports");
		return;
	}
	snprintf(status->detail, sizeof(status->detail), "%" PRIu64 " sent, %"
	    PRIu64 " tries failed, %" PRIu64 " doubtful, %" PRIu64
	    " given up, %u domains wait%s; DKIM: %s", out->sent, out->failed,
	    out->doubtful, out->given_up, out->job_count,
	    report_lock_is_ours(out->lock) ? "" : "; another host sends",
	    signatures[out->signature]);
	if (!report_book_is_ready(out->book) &&
	    ledger_share_link(out->share) == NULL) {
		status->state = CONTROL_WARNING;
		snprintf(status->advice, sizeof(status->advice),
		    "see that state_dir can be written: what cannot be "
		    "remembered is not sent");
	} else if (out->signature == SIGNATURE_MISSING) {
		status->state = CONTROL_WARNING;
		snprintf(status->advice, sizeof(status->advice),
		    "reports without a signature are ignored: have your signer "
		    "sign mail that comes to report_relay, before "
		    "hopseal-milter in smtpd_milters");
	} else if (out->doubtful + out->given_up > 0) {
		status->state = CONTROL_WARNING;
		snprintf(status->advice, sizeof(status->advice),
		    "the log names the destinations; their owners may want "
		    "to know");
	}
}

/* ------------------------------------------------------------------ whole */

struct report_out *
report_out_new(struct child *child, struct ledger *ledger,
    struct ledger_share *share, const struct sources *sources)
{
	struct report_out *out = xcalloc(1, sizeof(*out));

	out->child = child;
	out->ledger = ledger;
	out->share = share;
	out->sources = sources;
	TAILQ_INIT(&out->jobs);
	TAILQ_INIT(&out->planned_jobs);
	LIST_INIT(&out->rounds);
	out->book = report_book_new(child->base, share,
	    child->settings->config);
	out->lock = report_lock_new(child->base, share,
	    ledger_writer(ledger));
	out->plan_turn = evtimer_new(child->base, on_plan_turn, out);
	out->tick = evtimer_new(child->base, on_tick, out);
	on_tick(-1, 0, out);
	return out;
}

/* Sums are of the old connection; what is on its way goes on. */
void
report_out_abort(struct report_out *out)
{
	struct round *r, *next;

	plan_drop(out);
	for (r = LIST_FIRST(&out->rounds); r != NULL; r = next) {
		next = LIST_NEXT(r, entry);
		if (r->step == ROUND_SUM)
			round_postpone(r, SOON_S, "settings were read again");
	}
	report_lock_abort(out->lock);
	report_book_abort(out->book);
}

void
report_out_on_settings(struct report_out *out)
{
	report_book_set_config(out->book, config_of(out));
}

void
report_out_free(struct report_out *out)
{
	struct round *r;

	if (out == NULL)
		return;
	plan_drop(out);
	event_free(out->plan_turn);
	while ((r = LIST_FIRST(&out->rounds)) != NULL)
		round_free(r);
	while (!TAILQ_EMPTY(&out->jobs))
		job_free(out, &out->jobs, TAILQ_FIRST(&out->jobs));
	event_free(out->tick);
	report_lock_free(out->lock);
	report_book_free(out->book);
	free(out);
}
