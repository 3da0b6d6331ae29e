/*
 * The store of received reports.  The file of a day is written first and has
 * all that this host took in; what Redis lacks after it was away is written
 * to it again, which changes nothing that is there.
 */

#include "policyd/clerk/report/received.h"

#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/ledger_share.h"
#include "policyd/clerk/report/received_json.h"
#include "policyd/clerk/value_json.h"
#include "shared/io/clock.h"
#include "shared/io/config.h"
#include "shared/io/file.h"
#include "shared/io/log.h"
#include "shared/io/redis_link.h"
#include "shared/tlsrpt/received.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define TICK_S		1
#define AT_ONE_TIME	16	/* records asked of Redis */
#define PUSHED_A_TICK	100
#define CHECK_TICKS	30	/* whether Redis was flushed */
#define PATH_SIZE	4096
#define SHARED_MAX	4096	/* of a day, read from Redis */
#define NOTE_AWAY	"Redis is away: only what this host has received"

/* A question that is being answered: day by day, file, then Redis. */
struct received_question {
	LIST_ENTRY(received_question) entry;
	struct received_store	*store;
	uint64_t		 connection;
	struct report_question	 q;
	int64_t			 day;
	struct received_rows	*rows;
	const char		*note;
	struct redis_question	*asked;
	char			 ids[SHARED_MAX][RECEIVED_ID_SIZE];
	size_t			 id_count, next_id;	/* of the day */
};

struct received_store {
	struct event_base	*base;
	struct ledger_share	*share;
	const struct config	*config;
	received_answer_cb	*on_answer;
	void			*arg;
	struct event		*tick;
	bool			 was_up;
	/* What is written again, from the file of that day on. */
	int64_t			 push_day;
	size_t			 push_at;	/* octets of it */
	int64_t			 shared_day;	/* the latest pushed; or 0 */
	unsigned		 ticks;
	uint64_t		 counts[2];	/* by is_verified */
	LIST_HEAD(, received_question) questions;
};

/* ---------------------------------------------------------------- files */

static const char *
day_path(const struct received_store *store, int64_t day, char out[PATH_SIZE])
{
	char date[TALLY_DATE_SIZE];

	snprintf(out, PATH_SIZE, "%s/received-%s", store->config->state_dir,
	    tally_date_format(day, date));
	return out;
}

/* Empty where there is none; what cannot be read is said. */
static void
read_day(const struct received_store *store, int64_t day, struct buffer *out)
{
	char path[PATH_SIZE];

	buffer_init(out, RECEIVED_FILE_MAX_BYTES + RECEIVED_MAX_BYTES);
	if (file_read(day_path(store, day, path), out) == -1 &&
	    errno != ENOENT)
		log_warn("received reports cannot be read: file=%s, "
		    "reason=%s", path, strerror(errno));
}

/* True when the day has that report, as good as verified asks for. */
static bool
has_report(const struct buffer *day, const struct received *r)
{
	struct text rest = { buffer_text(day), day->len }, line, field;

	while (text_next_line(&rest, &line)) {
		text_next_field(&line, '\t', &field);
		if (text_next_field(&line, '\t', &field) &&
		    text_equals(field, r->id) &&
		    text_next_field(&line, '\t', &field) &&
		    (!r->is_verified || text_equals(field, "verified")))
			return true;
	}
	return false;
}

/* One write a line: what was cut by a crash is a line that is none. */
static bool
append(const struct received_store *store, int64_t day,
    const struct buffer *known, struct text line)
{
	char path[PATH_SIZE];
	struct buffer whole;
	bool is_cut = known->len > 0 && known->data[known->len - 1] != '\n';
	bool is_written;
	int fd;

	fd = open(day_path(store, day, path),
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	buffer_init(&whole, RECEIVED_MAX_BYTES + 2);
	buffer_add(&whole, "\n", is_cut);
	buffer_add(&whole, line.data, line.len);
	buffer_add_text(&whole, "\n");
	is_written = fd != -1 &&
	    write(fd, whole.data, whole.len) == (ssize_t)whole.len;
	if (!is_written)
		log_error("received report is not kept: file=%s, reason=%s",
		    path, strerror(errno));
	if (fd != -1)
		close(fd);
	buffer_clear(&whole);
	return is_written;
}

static void
remove_old(const struct received_store *store)
{
	int64_t day = clock_now_s() / DAY_S - LEDGER_DAYS_KEPT;
	char path[PATH_SIZE];
	int i;

	for (i = 0; i < LEDGER_DAYS_KEPT; i++)
		unlink(day_path(store, day - i, path));
}

/* ---------------------------------------------------------------- Redis */

static char *
shared_key(int64_t day, char out[TALLY_NAME_SIZE])
{
	char date[TALLY_DATE_SIZE];

	snprintf(out, TALLY_NAME_SIZE, "hopseal:received:%s",
	    tally_date_format(day, date));
	return out;
}

static void
on_written(const struct redis_reply *reply, void *arg)
{
	struct received_store *store = arg;

	/* Once more from the files, when it is back. */
	if (reply == NULL || reply->type == REDIS_ERROR)
		store->was_up = false;
}

/* A verified one takes the place of one that is not, never the reverse. */
static void
share_report(struct received_store *store, int64_t day,
    const struct received *r, struct text line)
{
	struct redis_link *link = ledger_share_link(store->share);
	char key[TALLY_NAME_SIZE], at[24];
	const char *set[] = { r->is_verified ? "HSET" : "HSETNX", key, r->id,
	    line.data };
	const char *expire[] = { "EXPIREAT", key, at };
	size_t lens[] = { strlen(set[0]), 0, strlen(r->id), line.len };

	if (link == NULL)
		return;
	lens[1] = strlen(shared_key(day, key));
	snprintf(at, sizeof(at), "%" PRId64,
	    (day + LEDGER_DAYS_KEPT + 1) * DAY_S);
	redis_link_ask(link, on_written, store, 4, set, lens);
	redis_link_ask(link, on_written, store, 3, expire, NULL);
}

/* Some more of what Redis may lack; the next day where one ends. */
static void
push(struct received_store *store)
{
	unsigned left = PUSHED_A_TICK;
	struct buffer content;
	struct text rest, line;
	struct received r;

	read_day(store, store->push_day, &content);
	rest = (struct text){ buffer_text(&content), content.len };
	if (store->push_at < rest.len) {
		rest.data += store->push_at;
		rest.len -= store->push_at;
	} else
		rest.len = 0;
	for (; left > 0 && text_next_line(&rest, &line); left--)
		if (received_parse(line, &r)) {
			share_report(store, store->push_day, &r, line);
			store->shared_day = store->push_day;
			received_clear(&r);
		}
	store->push_at = content.len - rest.len;
	if (left > 0) {
		store->push_day++;
		store->push_at = 0;
	}
	buffer_clear(&content);
}

static void
on_exists(const struct redis_reply *reply, void *arg)
{
	struct received_store *store = arg;

	if (reply != NULL && reply->type == REDIS_INTEGER &&
	    reply->integer == 0)
		store->was_up = false;
}

static void
check_latest(struct received_store *store)
{
	char key[TALLY_NAME_SIZE];
	const char *words[] = { "EXISTS", shared_key(store->shared_day,
	    key) };

	redis_link_ask(ledger_share_link(store->share), on_exists, store, 2,
	    words, NULL);
}

/* Redis came back: bit by bit, as it is busy then. */
static void
on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct timeval again = { TICK_S, 0 };
	struct received_store *store = arg;
	int64_t today = clock_now_s() / DAY_S;

	(void)fd;
	(void)events;
	if (!ledger_share_is_up(store->share))
		store->was_up = false;
	else if (!store->was_up) {
		store->was_up = true;
		store->push_day = today - LEDGER_DAYS_KEPT + 1;
		store->push_at = 0;
		remove_old(store);
	} else if (store->push_day <= today)
		push(store);
	else if (store->shared_day > today - LEDGER_DAYS_KEPT &&
	    ++store->ticks % CHECK_TICKS == 0)
		check_latest(store);
	event_add(store->tick, &again);
}

/* ----------------------------------------------------------- a new report */

static const char *
keep(struct received_store *store, const struct received *r, struct text line)
{
	int64_t day = r->report.start_s / DAY_S;
	int64_t today = clock_now_s() / DAY_S;
	struct buffer known;
	const char *why = NULL;
	size_t limit = r->is_verified ? RECEIVED_FILE_MAX_BYTES :
	    RECEIVED_STRANGERS_MAX_BYTES;

	if (r->report.start_s < 0 || day > today ||
	    day <= today - LEDGER_DAYS_KEPT)
		return "the report is of a day that is not kept";
	read_day(store, day, &known);
	if (has_report(&known, r)) {
		buffer_clear(&known);
		return NULL;
	}
	if (known.len + line.len > limit)
		why = "too many reports of that day";
	else if (!append(store, day, &known, line))
		why = "it could not be written to state_dir";
	else {
		share_report(store, day, r, line);
		store->shared_day = day;
	}
	buffer_clear(&known);
	return why;
}

uint64_t
received_store_count(const struct received_store *store, bool is_verified)
{
	return store->counts[is_verified];
}

char *
received_store_take(struct received_store *store, struct text request)
{
	json_t *object = json_loadb(request.data, request.len, 0, NULL);
	const char *why = "the note has no record that can be read";
	const char *record = NULL;
	char organization[128];
	struct received r;

	if (json_unpack(object, "{s:s}", "record", &record) == 0 &&
	    strpbrk(record, "\r\n") == NULL &&
	    received_parse(text_of(record), &r)) {
		why = keep(store, &r, text_of(record));
		if (why == NULL)
			store->counts[r.is_verified]++;
		text_quote(organization, sizeof(organization),
		    text_of(r.report.organization));
		if (why != NULL)
			log_warn("received report is not kept: "
			    "organization=%s, submitter=%s, reason=%s",
			    organization, r.submitter, why);
		received_clear(&r);
	}
	json_decref(object);
	if (why != NULL)
		return json_error_line(why);
	return json_line(json_pack("{s:b}", "done", 1));
}

/* ------------------------------------------------------------- a question */

static void	question_advance(struct received_question *w);

static void
question_free(struct received_question *w)
{
	LIST_REMOVE(w, entry);
	received_rows_free(w->rows);
	free(w);
}

static void
question_finish(struct received_question *w)
{
	w->store->on_answer(w->connection, received_line(w->rows, w->note),
	    w->store->arg);
	question_free(w);
}

static void
add_file(struct received_question *w)
{
	struct text rest, line;
	struct buffer content;

	read_day(w->store, w->day, &content);
	rest = (struct text){ buffer_text(&content), content.len };
	while (text_next_line(&rest, &line))
		received_rows_add(w->rows, line);
	buffer_clear(&content);
}

static void
on_records(const struct redis_reply *reply, void *arg)
{
	struct received_question *w = arg;
	size_t i;

	w->asked = NULL;
	if (reply == NULL || reply->type != REDIS_ARRAY)
		w->note = NOTE_AWAY;
	else
		for (i = 0; i < reply->count; i++)
			if (reply->elements[i]->type == REDIS_TEXT)
				received_rows_add(w->rows,
				    reply->elements[i]->text);
	question_advance(w);
}

static void
ask_records(struct received_question *w)
{
	char key[TALLY_NAME_SIZE];
	const char *words[2 + AT_ONE_TIME] = { "HMGET",
	    shared_key(w->day, key) };
	int count = 2;

	while (count < 2 + AT_ONE_TIME && w->next_id < w->id_count)
		words[count++] = w->ids[w->next_id++];
	w->asked = redis_link_ask(ledger_share_link(w->store->share),
	    on_records, w, count, words, NULL);
}

static void
on_ids(const struct redis_reply *reply, void *arg)
{
	struct received_question *w = arg;
	struct text id;
	size_t i;

	w->asked = NULL;
	w->id_count = w->next_id = 0;
	if (reply == NULL || reply->type != REDIS_ARRAY)
		w->note = NOTE_AWAY;
	else
		for (i = 0; i < reply->count && w->id_count < SHARED_MAX;
		    i++) {
			id = reply->elements[i]->text;
			if (id.len == RECEIVED_ID_SIZE - 1 &&
			    !received_rows_have(w->rows, id))
				text_quote(w->ids[w->id_count++],
				    RECEIVED_ID_SIZE, id);
		}
	question_advance(w);
}

/* The file of the day was read: what have others? */
static void
ask_ids(struct received_question *w)
{
	char key[TALLY_NAME_SIZE];
	const char *words[] = { "HKEYS", shared_key(w->day, key) };

	w->asked = redis_link_ask(ledger_share_link(w->store->share), on_ids,
	    w, 2, words, NULL);
}

static void
question_advance(struct received_question *w)
{
	if (w->next_id < w->id_count && w->note == NULL) {
		ask_records(w);
		return;
	}
	while (w->day++ < w->q.last) {
		add_file(w);
		if (ledger_share_is_up(w->store->share)) {
			ask_ids(w);
			return;
		}
		if (ledger_share_link(w->store->share) != NULL)
			w->note = NOTE_AWAY;
	}
	question_finish(w);
}

bool
received_store_ask(struct received_store *store, uint64_t connection,
    struct text request)
{
	struct received_question *w;
	struct report_question q;
	const char *why;

	if (report_question_parse(request, clock_now_s(), &q, &why) == -1 ||
	    !q.is_received)
		return false;
	w = xcalloc(1, sizeof(*w));
	w->store = store;
	w->connection = connection;
	w->q = q;
	w->day = q.first - 1;
	w->rows = received_rows_new(&q);
	LIST_INSERT_HEAD(&store->questions, w, entry);
	question_advance(w);
	return true;
}

/* ------------------------------------------------------------------ whole */

struct received_store *
received_store_new(struct event_base *base, struct ledger_share *share,
    const struct config *config, received_answer_cb *on_answer, void *arg)
{
	struct received_store *store = xcalloc(1, sizeof(*store));

	store->base = base;
	store->share = share;
	store->config = config;
	store->on_answer = on_answer;
	store->arg = arg;
	store->tick = evtimer_new(base, on_tick, store);
	LIST_INIT(&store->questions);
	on_tick(-1, 0, store);
	return store;
}

void
received_store_set_config(struct received_store *store,
    const struct config *config)
{
	store->config = config;
}

void
received_store_abort(struct received_store *store)
{
	struct received_question *w;

	while ((w = LIST_FIRST(&store->questions)) != NULL) {
		if (w->asked != NULL)
			redis_link_cancel(ledger_share_link(store->share),
			    w->asked);
		store->on_answer(w->connection, json_error_line("the settings "
		    "were read again meanwhile: ask once more"), store->arg);
		question_free(w);
	}
}

void
received_store_free(struct received_store *store)
{
	struct received_question *w;

	if (store == NULL)
		return;
	while ((w = LIST_FIRST(&store->questions)) != NULL)
		question_free(w);
	event_free(store->tick);
	free(store);
}
