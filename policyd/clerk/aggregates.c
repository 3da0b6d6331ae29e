/*
 * Aggregates.  The file is opened for each writing, so that it may be rotated
 * at any time.  Which day had its last word stands in a file of its own: a
 * clerk that was away at midnight says it later.
 */

#include "policyd/clerk/aggregates.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/ledger.h"
#include "policyd/clerk/value_json.h"
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
#define TEXT_MAX_BYTES	(256 * 1024 * 1024)
#define PATH_SIZE	4096

struct aggregates {
	struct ledger	*ledger;
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
new_line(const struct tally *tally, const char *host, int64_t end,
    bool is_final)
{
	return json_pack("{s:s, s:b, s:{s:o, s:o}}", "host", host, "final",
	    is_final, "date-range", "start-datetime",
	    json_time(tally_day(tally) * DAY_S), "end-datetime",
	    json_time(end));
}

static void
add_detail(json_t *details, const struct tally_key *key, uint64_t count)
{
	const char *known = finding_result_type(key->finding);

	if (json_array_size(details) == DETAILS_MAX)
		return;
	json_array_append_new(details, json_pack("{s:o, s:o, s:o, s:o, s:I, "
	    "s:s, s:o, s:b}", "result-type", key->result.len > 0 ?
	    json_text(key->result) : json_words(known),
	    "receiving-mx-hostname", json_text(key->host),
	    "receiving-ip", json_text(key->address),
	    "failure-reason-code", json_text(key->reason),
	    "failed-session-count", (json_int_t)count,
	    "finding", finding_name(key->finding),
	    "service", json_text(key->service), "by-probe", key->is_probe));
}

/* One direction of a domain under one type of policy. */
static json_t *
line_of(json_t *lines, const struct tally *tally, const char *domain,
    const struct tally_key *key, const char *host, int64_t end, bool is_final)
{
	struct text type = tally_policy_type(key->policy);
	char name[TALLY_REF_SIZE + 32];
	json_t *line;

	snprintf(name, sizeof(name), "%s %.*s",
	    session_direction_name(key->direction), (int)type.len, type.data);
	line = json_object_get(lines, name);
	if (line != NULL)
		return line;
	line = new_line(tally, host, end, is_final);
	json_object_set_new(line, "direction",
	    json_string(session_direction_name(key->direction)));
	json_object_set_new(line, "policy", json_pack("{s:o, s:s}",
	    "policy-type", type.len > 0 ? json_text(type) : json_null(),
	    "policy-domain", domain));
	json_object_set_new(line, "summary", json_pack("{s:i, s:i}",
	    count_name(TALLY_SUCCESS), 0, count_name(TALLY_FAILURE), 0));
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

/* Adds to the sums of the day; its own lines only where something failed. */
static void
format_domain(const struct tally *tally, uint32_t domain, const char *host,
    int64_t end, bool is_final, json_t *sums, struct buffer *out)
{
	json_t *lines = json_object(), *line;
	const struct tally_entry *e;
	const char *name;
	struct tally_key key;
	uint32_t i;

	for (i = tally_first(tally, domain); i != TALLY_NONE; i = e->next) {
		e = tally_entry(tally, i);
		if (!tally_key_parse(text_of(e->line), &key) ||
		    key.direction == SESSION_LOCAL)
			continue;
		line = line_of(lines, tally, tally_domain_name(tally, domain),
		    &key, host, end, is_final);
		if (key.outcome == TALLY_FAILURE)
			add_detail(json_object_get(line, "failure-details"),
			    &key, e->total);
		if (key.is_detail)
			continue;
		add(json_object_get(line, "summary"),
		    count_name(key.outcome), e->total);
		add(json_object_get(sums,
		    session_direction_name(key.direction)),
		    count_name(key.outcome), e->total);
	}
	json_object_foreach(lines, name, line)
		if (json_array_size(json_object_get(line,
		    "failure-details")) > 0)
			put_line(line, out);
	json_decref(lines);
}

void
aggregates_format(const struct tally *tally, const char *host, int64_t end,
    bool is_final, struct buffer *out)
{
	json_t *summary = new_line(tally, host, end, is_final);
	json_t *sums = json_pack("{s:{}, s:{}, s:{}}", "out", "in",
	    "submission");
	uint32_t domain;

	for (domain = 0; domain < tally_domain_count(tally); domain++)
		format_domain(tally, domain, host, end, is_final, sums, out);
	json_object_set_new(summary, "summary", sums);
	put_line(summary, out);
	json_decref(summary);
}

/* ------------------------------------------------------------- the file */

/* False with errno. */
static bool
write_text(const char *path, const struct buffer *text)
{
	FILE *file;
	bool is_done;

	if (strcmp(path, "journal") == 0) {
		fwrite(text->data, 1, text->len, stderr);
		return true;
	}
	file = fopen(path, "ae");
	if (file == NULL)
		return false;
	is_done = fwrite(text->data, 1, text->len, file) == text->len;
	is_done &= fclose(file) == 0;
	return is_done;
}

static bool
write_day(struct aggregates *a, const struct config *config, int64_t day,
    int64_t end, bool is_final)
{
	const struct tally *tally = ledger_load(a->ledger, day);
	char host[256] = "";
	struct buffer text;
	bool is_done;

	if (tally == NULL)
		return true;
	gethostname(host, sizeof(host) - 1);
	buffer_init(&text, TEXT_MAX_BYTES);
	aggregates_format(tally, host, end, is_final, &text);
	is_done = write_text(config->aggregates_file, &text);
	if (!is_done && !a->is_in_trouble)
		log_warn("aggregates are not written: file=%s, reason=%s",
		    config->aggregates_file, strerror(errno));
	a->is_in_trouble = !is_done;
	a->retry_at = clock_now_s() + RETRY_S;
	buffer_clear(&text);
	return is_done;
}

/* ---------------------------------------------------- the day's last word */

static char *
stamp_path(const struct config *config, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s/ledger/aggregated", config->state_dir);
	return out;
}

static int64_t
read_stamp(const struct config *config)
{
	char path[PATH_SIZE];
	struct buffer content;
	int64_t day = -1;

	buffer_init(&content, 64);
	if (file_read(stamp_path(config, path), &content) == 0)
		day = tally_date_parse(text_trim((struct text){
		    buffer_text(&content), content.len }));
	buffer_clear(&content);
	return day;
}

static void
write_stamp(const struct config *config, int64_t day)
{
	char path[PATH_SIZE], date[TALLY_DATE_SIZE];
	FILE *file = fopen(stamp_path(config, path), "we");

	if (file == NULL)
		return;
	fputs(tally_date_format(day, date), file);
	fclose(file);
}

static void
close_days(struct aggregates *a, const struct config *config, int64_t now)
{
	int64_t last = (now - LATE_S) / DAY_S - 1, day;

	if (a->closed_day == -1)
		a->closed_day = read_stamp(config);
	if (a->closed_day == last)
		return;
	/* The first time: what was before is nobody's. */
	if (a->closed_day == -1 || a->closed_day > last ||
	    a->closed_day < last - LEDGER_DAYS_KEPT)
		a->closed_day = last;
	for (day = a->closed_day + 1; day <= last; day++)
		if (!write_day(a, config, day, (day + 1) * DAY_S, true))
			return;
		else
			a->closed_day = day;
	write_stamp(config, a->closed_day);
}

void
aggregates_tick(struct aggregates *a, const struct config *config,
    int64_t now)
{
	int64_t interval = config->aggregate_interval_s;

	if (config->aggregates_file[0] == '\0' ||
	    !ledger_is_open(a->ledger) ||
	    (a->is_in_trouble && now < a->retry_at))
		return;
	close_days(a, config, now);
	if (a->written_at == 0)
		a->written_at = now;
	if (now / interval == a->written_at / interval)
		return;
	a->written_at = now;
	write_day(a, config, now / DAY_S, now, false);
}

struct aggregates *
aggregates_new(struct ledger *ledger)
{
	struct aggregates *a = xcalloc(1, sizeof(*a));

	a->ledger = ledger;
	a->closed_day = -1;
	return a;
}

void
aggregates_free(struct aggregates *a)
{
	free(a);
}
