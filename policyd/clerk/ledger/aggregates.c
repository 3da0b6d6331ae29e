/*
 * Aggregates.  The file is opened for each writing, so that it may be rotated
 * at any time, and filled in turns of the event loop; what could not be
 * written whole is taken off again.  Standard error may be full, and is waited
 * for.  Which day had its last word stands in a file of its own: a clerk that
 * was away at midnight says it later.
 */

#include "policyd/clerk/ledger/aggregates.h"

#include <sys/stat.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/value_json.h"
#include "shared/buffer.h"
#include "shared/io/clock.h"
#include "shared/io/config.h"
#include "shared/io/file.h"
#include "shared/io/log.h"
#include "shared/tlsrpt/tally.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define LATE_S		60	/* for sessions that end with the day */
#define RETRY_S		60
#define DETAILS_MAX	100	/* of a line */
#define KEYS_A_TURN	1000	/* some ms */
#define PIECE_BYTES	262144	/* written at one time */
#define ROOM_WAIT_US	100000	/* until standard error is tried again */
#define TEXT_MAX_BYTES	(64 * 1024 * 1024)	/* that and one domain */
#define PATH_SIZE	4096

/* The lines of a day on their way to the file. */
struct writing {
	char		*path, *stamp;
	int		 fd;
	off_t		 begin;		/* of our lines in it; -1 no file */
	char		 host[256];
	int64_t		 day, end;	/* up to when it was counted */
	bool		 is_final;
	uint32_t	 domain;	/* the next one */
	json_t		*sums;
	bool		 is_formatted;	/* all of it */
	struct buffer	 text;
	size_t		 written;	/* octets of it */
};

struct aggregates {
	struct ledger	*ledger;
	struct event	*turn;
	struct writing	*writing;	/* or NULL */
	int64_t		 written_at;	/* 0: not since the start */
	int64_t		 retry_at;	/* after trouble */
	int64_t		 closed_day;	/* had its last word; -1 not known */
	bool		 is_in_trouble;
};

/* ----------------------------------------------------------- the lines */

static void
add(json_t *object, const char *name, uint64_t count)
{
	json_object_set_new(object, name, json_integer(json_integer_value(
	    json_object_get(object, name)) + (json_int_t)count));
}

static const char *
count_name(enum tally_outcome outcome)
{
	static const char *const names[] = {
		[TALLY_UNKNOWN] = "unknown-session-count",
		[TALLY_SUCCESS] = "total-successful-session-count",
		[TALLY_FAILURE] = "total-failure-session-count",
		[TALLY_CLEAR] = "plaintext-session-count"
	};

	return names[outcome];
}

/* What a line is about, and when. */
static json_t *
new_line(const struct writing *w)
{
	return json_pack("{s:s, s:b, s:{s:o, s:o}}", "host", w->host, "final",
	    w->is_final, "date-range", "start-datetime",
	    json_time(w->day * DAY_S), "end-datetime", json_time(w->end));
}

static json_t *
text_or_null(struct text t)
{
	return t.len > 0 ? json_text(t) : json_null();
}

/* The peer receives what we send, and sends what we receive. */
static void
add_detail(json_t *details, const struct tally_key *key, uint64_t count)
{
	const char *known = finding_result_type(key->finding);
	bool is_out = key->direction == SESSION_OUT;

	if (json_array_size(details) == DETAILS_MAX)
		return;
	json_array_append_new(details, json_pack("{s:o, s:o, s:o, s:o, s:I, "
	    "s:s, s:o, s:b}", "result-type", key->result.len > 0 ?
	    json_text(key->result) : json_words(known),
	    is_out ? "receiving-mx-hostname" : "sending-mta-hostname",
	    text_or_null(key->host),
	    is_out ? "receiving-ip" : "sending-mta-ip",
	    text_or_null(key->address),
	    "failure-reason-code", text_or_null(key->reason),
	    "failed-session-count", (json_int_t)count,
	    "finding", finding_name(key->finding),
	    "service", text_or_null(key->service), "by-probe",
	    key->is_probe));
}

static json_t *
new_summary(void)
{
	return json_pack("{s:i, s:i}", count_name(TALLY_SUCCESS), 0,
	    count_name(TALLY_FAILURE), 0);
}

/* One direction of a domain under one type of policy. */
static json_t *
line_of(json_t *lines, const struct writing *w, const char *domain,
    const struct tally_key *key)
{
	struct text type = tally_policy_type(key->policy);
	char name[TALLY_REF_SIZE + 32];
	json_t *line;

	snprintf(name, sizeof(name), "%s %.*s",
	    session_direction_name(key->direction), (int)type.len, type.data);
	line = json_object_get(lines, name);
	if (line != NULL)
		return line;
	line = new_line(w);
	json_object_set_new(line, "direction",
	    json_string(session_direction_name(key->direction)));
	json_object_set_new(line, "policy", json_pack("{s:o, s:s}",
	    "policy-type", text_or_null(type), "policy-domain", domain));
	json_object_set_new(line, "summary", new_summary());
	json_object_set_new(line, "failure-details", json_array());
	json_object_set_new(lines, name, line);
	return line;
}

static void
put_line(json_t *line, struct buffer *out)
{
	char *text = json_dumps(line, JSON_ENSURE_ASCII | JSON_COMPACT);

	buffer_add_text(out, text);
	buffer_add_text(out, "\n");
	free(text);
}

/*
 * Adds to the sums of the day; its own lines only where something failed.  How
 * many keys it has.
 */
static unsigned
format_domain(struct writing *w, const struct tally *tally)
{
	const char *domain = tally_domain_name(tally, w->domain), *name;
	json_t *lines = json_object(), *line;
	const struct tally_entry *e;
	struct tally_key key;
	unsigned count = 0;
	uint32_t i;

	for (i = tally_first(tally, w->domain); i != TALLY_NONE;
	    i = e->next) {
		e = tally_entry(tally, i);
		count++;
		if (!tally_key_parse(text_of(e->line), &key) ||
		    key.direction == SESSION_LOCAL)
			continue;
		line = line_of(lines, w, domain, &key);
		if (key.outcome == TALLY_FAILURE)
			add_detail(json_object_get(line, "failure-details"),
			    &key, e->total);
		if (key.is_detail)
			continue;
		add(json_object_get(line, "summary"),
		    count_name(key.outcome), e->total);
		add(json_object_get(w->sums,
		    session_direction_name(key.direction)),
		    count_name(key.outcome), e->total);
	}
	json_object_foreach(lines, name, line)
		if (json_array_size(json_object_get(line,
		    "failure-details")) > 0)
			put_line(line, &w->text);
	json_decref(lines);
	return count;
}

static void
format_sums(struct writing *w)
{
	json_t *summary = new_line(w);

	json_object_set(summary, "summary", w->sums);
	put_line(summary, &w->text);
	json_decref(summary);
}

/* ---------------------------------------------- which day had its last */

static char *
stamp_path(const struct config *config)
{
	struct buffer path;

	buffer_init(&path, PATH_SIZE);
	buffer_addf(&path, "%s/ledger/aggregated", config->state_dir);
	return buffer_take(&path);
}

/* 0 with the day, -1 the first time; or -1 with errno. */
static int
read_stamp(const char *path, int64_t *day)
{
	struct buffer content;
	int result;

	buffer_init(&content, 64);
	result = file_read(path, &content);
	if (result == 0) {
		*day = tally_date_parse(text_trim((struct text){
		    buffer_text(&content), content.len }));
		if (*day == -1) {
			errno = EINVAL;
			result = -1;
		}
	} else if (errno == ENOENT) {
		*day = -1;
		result = 0;
	}
	buffer_clear(&content);
	return result;
}

static int
write_stamp(const char *path, int64_t day)
{
	char date[TALLY_DATE_SIZE];

	return file_replace(path, text_of(tally_date_format(day, date)));
}

/* ------------------------------------------------------------- writing */

static void
writing_free(struct aggregates *a)
{
	struct writing *w = a->writing;

	if (w == NULL)
		return;
	if (w->begin != -1)
		close(w->fd);
	json_decref(w->sums);
	buffer_clear(&w->text);
	free(w->path);
	free(w->stamp);
	free(w);
	a->writing = NULL;
}

/*
 * Line by line, as standard error, whose other end may be slow, has room; what
 * log_warn and others write there stands between lines.  False with errno,
 * which is EAGAIN where the rest has to wait.
 */
static bool
write_lines(struct writing *w)
{
	struct pollfd room = { .fd = w->fd, .events = POLLOUT };
	const char *line, *end;
	ssize_t len;

	while (w->written < w->text.len) {
		if (poll(&room, 1, 0) != 1) {
			errno = EAGAIN;
			return false;
		}
		line = w->text.data + w->written;
		end = memchr(line, '\n', w->text.len - w->written);
		len = write(w->fd, line, (size_t)(end - line) + 1);
		if (len == -1)
			return false;
		w->written += (size_t)len;
	}
	buffer_reset(&w->text);
	w->written = 0;
	return true;
}

/* So that the next try says nothing twice; a file cut meanwhile stays. */
static void
take_back(const struct writing *w)
{
	struct stat now;

	if (w->begin != -1 && fstat(w->fd, &now) == 0 &&
	    now.st_size > w->begin && ftruncate(w->fd, w->begin) == -1)
		log_debug("aggregates: what is half written stays");
}

/* Says it once, and tries again later. */
static void
note_trouble(struct aggregates *a, const char *path)
{
	if (!a->is_in_trouble)
		log_warn("aggregates are not written: file=%s, reason=%s",
		    path, strerror(errno));
	a->is_in_trouble = true;
	a->retry_at = clock_now_s() + RETRY_S;
}

static void
writing_fail(struct aggregates *a)
{
	note_trouble(a, a->writing->path);
	take_back(a->writing);
	writing_free(a);
}

static void
writing_finish(struct aggregates *a)
{
	if (a->is_in_trouble)
		log_info("aggregates are written again: file=%s",
		    a->writing->path);
	a->is_in_trouble = false;
	if (a->writing->is_final) {
		a->closed_day = a->writing->day;
		/* Else the next start says it again. */
		if (write_stamp(a->writing->stamp, a->closed_day) == -1)
			note_trouble(a, a->writing->stamp);
	}
	writing_free(a);
}

/* Some of the domains; after the last one the sums. */
static void
format_some(struct writing *w, const struct tally *tally)
{
	uint32_t domain_count = tally != NULL ? tally_domain_count(tally) : 0;
	unsigned count = 0;

	for (; count < KEYS_A_TURN && w->domain < domain_count; w->domain++)
		count += format_domain(w, tally);
	w->is_formatted = w->domain == domain_count;
	if (w->is_formatted && tally != NULL)
		format_sums(w);
}

static void
on_turn(evutil_socket_t fd, short events, void *arg)
{
	static const struct timeval at_once = { 0, 0 };
	static const struct timeval soon = { 0, ROOM_WAIT_US };
	struct aggregates *a = arg;
	struct writing *w = a->writing;
	const struct tally *tally = ledger_load(a->ledger, w->day);

	(void)fd;
	(void)events;
	if (!w->is_formatted && w->text.len < PIECE_BYTES)
		format_some(w, tally);
	if ((w->is_formatted || w->text.len >= PIECE_BYTES) &&
	    !write_lines(w)) {
		if (errno == EAGAIN)
			evtimer_add(a->turn, &soon);
		else
			writing_fail(a);
	} else if (!w->is_formatted)
		evtimer_add(a->turn, &at_once);
	else
		writing_finish(a);
}

static void
writing_start(struct aggregates *a, const struct config *config, int64_t day,
    int64_t end, bool is_final)
{
	struct writing *w = xcalloc(1, sizeof(*w));
	bool has_file = strcmp(config->aggregates_file, "journal") != 0;

	a->writing = w;
	w->path = xstrdup(config->aggregates_file);
	w->stamp = stamp_path(config);
	w->fd = STDERR_FILENO;
	w->begin = -1;
	gethostname(w->host, sizeof(w->host) - 1);
	w->day = day;
	w->end = end;
	w->is_final = is_final;
	w->sums = json_pack("{s:o, s:o, s:o}", "out", new_summary(), "in",
	    new_summary(), "submission", new_summary());
	buffer_init(&w->text, TEXT_MAX_BYTES);
	if (has_file) {
		w->fd = open(w->path, O_WRONLY | O_APPEND | O_CREAT |
		    O_CLOEXEC, 0640);
		if (w->fd == -1) {
			writing_fail(a);
			return;
		}
		w->begin = lseek(w->fd, 0, SEEK_END);
	}
	on_turn(-1, 0, a);
}

/* ----------------------------------------------------------- what is due */

/* The first time: what was before is nobody's.  False while it is not known. */
static bool
find_closed_day(struct aggregates *a, const struct config *config,
    int64_t last)
{
	char *path = stamp_path(config);
	int64_t day;
	bool is_known = read_stamp(path, &day) == 0;

	if (is_known && (day == -1 || day > last ||
	    day < last - LEDGER_DAYS_KEPT)) {
		day = last;
		is_known = write_stamp(path, day) == 0;
	}
	if (is_known)
		a->closed_day = day;
	else
		note_trouble(a, path);
	free(path);
	return is_known;
}

void
aggregates_tick(struct aggregates *a, const struct config *config,
    int64_t now, bool is_read)
{
	int64_t interval = config->aggregate_interval_s;
	int64_t last = (now - LATE_S) / DAY_S - 1, day;

	if (config->aggregates_file[0] == '\0' || a->writing != NULL ||
	    !ledger_is_open(a->ledger) ||
	    (a->is_in_trouble && now < a->retry_at))
		return;
	if (a->closed_day == -1 && !find_closed_day(a, config, last))
		return;
	day = a->closed_day + 1;
	if (day <= last && is_read) {
		writing_start(a, config, day, (day + 1) * DAY_S, true);
		return;
	}
	if (a->written_at == 0)
		a->written_at = now;
	if (now / interval == a->written_at / interval)
		return;
	a->written_at = now;
	writing_start(a, config, now / DAY_S, now, false);
}

struct aggregates *
aggregates_new(struct event_base *base, struct ledger *ledger)
{
	struct aggregates *a = xcalloc(1, sizeof(*a));

	a->ledger = ledger;
	a->turn = evtimer_new(base, on_turn, a);
	a->closed_day = -1;
	return a;
}

void
aggregates_free(struct aggregates *a)
{
	if (a == NULL)
		return;
	if (a->writing != NULL)
		take_back(a->writing);
	writing_free(a);
	event_free(a->turn);
	free(a);
}
