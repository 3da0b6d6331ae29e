/*
 * Each UTC day has a list in Redis of who looked when; a record is read when
 * its time there is another one.  The last eight lists are read at the start,
 * then that of the day alone.  One question is under way at a time.
 */

#include "policyd/clerk/cert_group.h"

#include <event2/event.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/cert_record.h"
#include "policyd/clerk/cert_states.h"
#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/ledger_share.h"
#include "policyd/clerk/value_json.h"
#include "policyd/process/settings.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/io/redis_link.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define TICK_S		10
#define KEY_SIZE	64
#define NUMBER_SIZE	24
#define WRITER_SIZE	17	/* 16 hexadecimal digits */
/* Not heard of: it has missed this many looks. */
#define MISSED_LOOKS	3
#define MISSED_SLACK_S	10
#define NOTE_AWAY	"Redis is away: of other hosts what they said before"

struct host {
	char			 writer[WRITER_SIZE];
	int64_t			 listed_at, tried_at;
	struct cert_record	 record;	/* report NULL: not read yet */
};

struct cert_group {
	struct ledger_share	*share;
	const struct ledger	*ledger;
	struct cert_states	*states;
	char			 name[CERT_RECORD_HOST_SIZE];
	unsigned		 interval_s;
	struct event		*tick;
	struct redis_question	*asked;		/* or NULL */
	int64_t			 day;		/* whose list is next */
	char			 fetched[WRITER_SIZE];	/* asked for */
	int64_t			 told_at;	/* ours in Redis */
	bool			 has_all;	/* was read once */
	struct host		 hosts[CERT_GROUP_HOSTS_MAX];	/* others */
	size_t			 host_count;
};

static void	advance(struct cert_group *g);

/* -------------------------------------------------------------------- hosts */

static struct host *
host_find(struct cert_group *g, struct text writer)
{
	size_t i;

	for (i = 0; i < g->host_count; i++)
		if (text_equals(writer, g->hosts[i].writer))
			return &g->hosts[i];
	return NULL;
}

static void
host_note(struct cert_group *g, struct text writer, int64_t listed_at)
{
	struct host *h = host_find(g, writer);

	if (h == NULL && g->host_count < CERT_GROUP_HOSTS_MAX &&
	    writer.len == WRITER_SIZE - 1) {
		h = &g->hosts[g->host_count++];
		*h = (struct host){ .listed_at = 0 };
		text_quote(h->writer, sizeof(h->writer), writer);
	}
	if (h != NULL && h->listed_at < listed_at)
		h->listed_at = listed_at;
}

static void
forget_old(struct cert_group *g, int64_t now)
{
	size_t i = 0;

	while (i < g->host_count)
		if (g->hosts[i].listed_at < now - CERT_GROUP_LIFE_S) {
			cert_record_clear(&g->hosts[i].record);
			g->hosts[i] = g->hosts[--g->host_count];
		} else
			i++;
}

static bool
is_heard(const struct cert_record *r, int64_t now)
{
	return now - r->seen_at <=
	    (int64_t)MISSED_LOOKS * r->interval_s + MISSED_SLACK_S;
}

/* What somebody by that name said later takes its place. */
static bool
is_replaced(const struct cert_group *g, const struct cert_record *r,
    int64_t now)
{
	size_t i;

	if (is_heard(r, now))
		return false;
	for (i = 0; i < g->host_count; i++)
		if (strcmp(g->hosts[i].record.host, r->host) == 0 &&
		    g->hosts[i].record.seen_at > r->seen_at)
			return true;
	return strcmp(g->name, r->host) == 0;
}

/* -------------------------------------------------------------------- Redis */

static char *
record_key(const char *writer, char out[KEY_SIZE])
{
	snprintf(out, KEY_SIZE, "hopseal:certs:%s", writer);
	return out;
}

static char *
list_key(int64_t day, char out[KEY_SIZE])
{
	char date[TALLY_DATE_SIZE];

	snprintf(out, KEY_SIZE, "hopseal:certs:hosts:%s",
	    tally_date_format(day, date));
	return out;
}

/* Without an answer it is not in the list, and written again. */
static void
on_written(const struct redis_reply *reply, void *arg)
{
	(void)arg;
	if (reply != NULL && reply->type == REDIS_ERROR)
		log_debug("redis refused: %.*s", (int)reply->text.len,
		    reply->text.data);
}

static void
write_list(struct cert_group *g, int64_t seen_at)
{
	char key[KEY_SIZE], at[NUMBER_SIZE], until[NUMBER_SIZE];
	const char *set[] = { "HSET", list_key(seen_at / DAY_S, key),
	    ledger_writer(g->ledger), at };
	const char *keep[] = { "EXPIREAT", key, until };
	struct redis_link *link = ledger_share_link(g->share);

	snprintf(at, sizeof(at), "%" PRId64, seen_at);
	snprintf(until, sizeof(until), "%" PRId64,
	    (seen_at / DAY_S + 1) * DAY_S + CERT_GROUP_LIFE_S);
	redis_link_ask(link, on_written, NULL, 4, set, NULL);
	redis_link_ask(link, on_written, NULL, 3, keep, NULL);
}

void
cert_group_tell(struct cert_group *g)
{
	struct cert_record r = { .seen_at = cert_states_seen_at(g->states),
	    .interval_s = g->interval_s,
	    .report = json_deep_copy(cert_states_report(g->states)),
	    .states = json_deep_copy(cert_states_kept(g->states)) };
	char key[KEY_SIZE], life[NUMBER_SIZE], *text;
	const char *set[] = { "SET", key, NULL, "EX", life };

	if (r.report != NULL && ledger_share_is_up(g->share) &&
	    ledger_is_open(g->ledger)) {
		memcpy(r.host, g->name, sizeof(r.host));
		record_key(ledger_writer(g->ledger), key);
		snprintf(life, sizeof(life), "%d", CERT_GROUP_LIFE_S);
		set[2] = text = cert_record_format(&r, CERT_RECORD_MAX_BYTES);
		redis_link_ask(ledger_share_link(g->share), on_written, NULL,
		    5, set, NULL);
		write_list(g, r.seen_at);
		free(text);
	}
	cert_record_clear(&r);
}

static void
take_record(struct host *h, struct text text)
{
	struct cert_record r;
	const char *why;

	if (cert_record_parse(text, clock_now_s(), &r, &why) == -1) {
		log_warn("certificates of another host cannot be read: "
		    "writer=%s, reason=%s", h->writer, why);
		return;
	}
	cert_record_clear(&h->record);
	h->record = r;
}

static void
on_record(const struct redis_reply *reply, void *arg)
{
	struct cert_group *g = arg;
	struct host *h = host_find(g, text_of(g->fetched));

	g->asked = NULL;
	if (reply == NULL) {
		if (h != NULL)
			h->tried_at = 0;
		return;
	}
	if (reply->type == REDIS_TEXT && h != NULL)
		take_record(h, reply->text);
	advance(g);
}

static bool
ask_record(struct cert_group *g)
{
	char key[KEY_SIZE];
	const char *get[] = { "GET", key };
	struct host *h;
	size_t i;

	for (i = 0; i < g->host_count; i++) {
		h = &g->hosts[i];
		if (h->listed_at == h->tried_at)
			continue;
		h->tried_at = h->listed_at;
		memcpy(g->fetched, h->writer, sizeof(g->fetched));
		record_key(h->writer, key);
		g->asked = redis_link_ask(ledger_share_link(g->share),
		    on_record, g, 2, get, NULL);
		return true;
	}
	return false;
}

static void
on_list(const struct redis_reply *reply, void *arg)
{
	struct cert_group *g = arg;
	int64_t now = clock_now_s();
	struct text writer;
	uint64_t at;
	size_t i;

	g->asked = NULL;
	if (reply == NULL || reply->type != REDIS_ARRAY)
		return;
	for (i = 0; i + 1 < reply->count; i += 2) {
		writer = reply->elements[i]->text;
		if (!text_parse_u64(reply->elements[i + 1]->text,
		    (uint64_t)now + DAY_S, &at))
			continue;
		if (text_equals(writer, ledger_writer(g->ledger)))
			g->told_at = (int64_t)at;
		else
			host_note(g, writer, (int64_t)at);
	}
	g->day++;
	advance(g);
}

static bool
ask_list(struct cert_group *g)
{
	char key[KEY_SIZE];
	const char *get[] = { "HGETALL", key };

	if (g->day > clock_now_s() / DAY_S)
		return false;
	list_key(g->day, key);
	g->asked = redis_link_ask(ledger_share_link(g->share), on_list, g, 2,
	    get, NULL);
	return true;
}

/* One who lost his disk is still known by his name. */
static void
recall(struct cert_group *g)
{
	const struct cert_record *r, *latest = NULL;
	size_t i;

	for (i = 0; i < g->host_count; i++) {
		r = &g->hosts[i].record;
		if (strcmp(r->host, g->name) == 0 && (latest == NULL ||
		    r->seen_at > latest->seen_at))
			latest = r;
	}
	if (latest != NULL)
		cert_states_recall(g->states, latest->states);
}

/* Lists, then records; what Redis lacks of ours is written behind them. */
static void
advance(struct cert_group *g)
{
	if (ask_list(g) || ask_record(g))
		return;
	if (!g->has_all)
		recall(g);
	g->has_all = true;
	if (g->told_at != cert_states_seen_at(g->states))
		cert_group_tell(g);
}

static void
on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct cert_group *g = arg;
	int64_t now = clock_now_s(), own_at = cert_states_seen_at(g->states);
	struct timeval again = { g->has_all ? TICK_S : 1, 0 };

	(void)fd;
	(void)events;
	event_add(g->tick, &again);
	forget_old(g, now);
	if (g->asked != NULL || !ledger_share_is_up(g->share) ||
	    !ledger_is_open(g->ledger))
		return;
	/* The list of the last tick's day may have become longer, and ours is
	   in that of our last look. */
	g->day = !g->has_all ? (now - CERT_GROUP_LIFE_S) / DAY_S : g->day - 1;
	if (g->day > own_at / DAY_S && own_at != 0)
		g->day = own_at / DAY_S;
	g->told_at = 0;
	advance(g);
}

/* ----------------------------------------------------------------- one view */

struct view {
	json_t		*certificates, *hosts;
	const char	*overall;
	int64_t		 days;		/* the least; -1: none */
	int64_t		 now;
};

/* As of now, whenever it was told. */
static json_t *
days_left(const json_t *certificate, int64_t now)
{
	const char *end = json_string_value(json_object_get(certificate,
	    "not_after"));
	bool has_offset;
	int64_t at;

	if (end == NULL || !text_parse_time(text_of(end), &at, &has_offset))
		return json_null();
	return json_integer(at > now ? (at - now) / DAY_S : 0);
}

static void
view_add(struct view *v, const char *host, json_t *report, int64_t seen_at,
    bool is_here, bool is_known)
{
	const char *overall = json_string_value(json_object_get(report,
	    "overall"));
	json_t *certificate, *copy, *days;
	size_t i;

	if (overall == NULL)
		overall = "unknown";
	json_array_foreach(json_object_get(report, "certificates"), i,
	    certificate) {
		copy = json_copy(certificate);
		days = days_left(certificate, v->now);
		json_object_set_new(copy, "host", json_string(host));
		json_object_set_new(copy, "days", days);
		json_array_append_new(v->certificates, copy);
		if (json_is_integer(days) && (v->days == -1 ||
		    json_integer_value(days) < v->days))
			v->days = json_integer_value(days);
	}
	json_array_append_new(v->hosts, json_pack(
	    "{s:s, s:b, s:b, s:o, s:s, s:O?}", "host", host,
	    "here", is_here, "heard", is_known, "seen_at",
	    json_time(seen_at), "overall", overall,
	    "left_out", json_object_get(report, "left_out")));
	v->overall = cert_states_worse(v->overall, is_known ? overall :
	    "warnings");
}

char *
cert_group_line(const struct cert_group *g, int64_t now)
{
	struct view v = { json_array(), json_array(), "good", -1, now };
	json_t *own = json_deep_copy(cert_states_report(g->states)), *domains;
	bool is_away = ledger_share_link(g->share) != NULL &&
	    !ledger_share_is_up(g->share);
	const struct cert_record *r;
	size_t i;

	if (own != NULL)
		view_add(&v, g->name, own, cert_states_seen_at(g->states),
		    true, true);
	for (i = 0; i < g->host_count; i++) {
		r = &g->hosts[i].record;
		if (r->report != NULL && !is_replaced(g, r, now))
			view_add(&v, r->host, r->report, r->seen_at, false,
			    is_heard(r, now));
	}
	domains = json_object_get(own, "domains");
	domains = domains != NULL ? json_incref(domains) : json_array();
	json_decref(own);
	if (json_array_size(v.hosts) == 0)
		v.overall = "unknown";
	return json_line(json_pack("{s:o, s:o, s:o, s:s, s:o, s:b, s:s?}",
	    "certificates", v.certificates, "domains", domains,
	    "hosts", v.hosts, "overall", v.overall,
	    "days", v.days >= 0 ? json_integer(v.days) : json_null(),
	    "keys_checked", false, "note", is_away ? NOTE_AWAY : NULL));
}

/* The first that needs a look, in words; false for none. */
static bool
describe(const struct cert_record *r, char *out, size_t size)
{
	const json_t *certificate;
	const char *finding, *file;
	size_t i;

	json_array_foreach(json_object_get(r->report, "certificates"), i,
	    certificate) {
		finding = json_string_value(json_object_get(certificate,
		    "finding"));
		file = json_string_value(json_object_get(certificate, "file"));
		if (finding == NULL || strcmp(finding, "ok") == 0 ||
		    json_is_true(json_object_get(certificate, "settling")))
			continue;
		snprintf(out, size, "%s: %s: %s", r->host, file != NULL ?
		    file : "?", finding);
		return true;
	}
	return false;
}

bool
cert_group_judge(const struct cert_group *g, int64_t now,
    enum control_state *state, char *detail, size_t size)
{
	const struct cert_record *r, *silent = NULL;
	char time[TEXT_TIME_SIZE];
	size_t count = 0, i;

	*state = CONTROL_OK;
	for (i = 0; i < g->host_count; i++) {
		r = &g->hosts[i].record;
		if (r->report == NULL || is_replaced(g, r, now))
			continue;
		count++;
		if (!is_heard(r, now))
			silent = r;
		else if (*state == CONTROL_OK && describe(r, detail, size))
			*state = CONTROL_WARNING;
	}
	if (*state == CONTROL_WARNING)
		return true;
	if (silent != NULL) {
		*state = CONTROL_WARNING;
		snprintf(detail, size, "%s: not heard of since %s",
		    silent->host, text_format_time(time, silent->seen_at));
	} else
		snprintf(detail, size, "certificates of %zu other host%s are "
		    "well", count, count == 1 ? "" : "s");
	return count > 0;
}

/* -------------------------------------------------------------------- whole */

struct cert_group *
cert_group_new(struct event_base *base, struct ledger_share *share,
    const struct ledger *ledger, struct cert_states *states)
{
	struct cert_group *g = xcalloc(1, sizeof(*g));

	g->share = share;
	g->ledger = ledger;
	g->states = states;
	g->tick = evtimer_new(base, on_tick, g);
	on_tick(-1, 0, g);
	return g;
}

void
cert_group_set_settings(struct cert_group *g, const struct settings *settings)
{
	const char *name = settings->site->myhostname;
	char own[CERT_RECORD_HOST_SIZE] = "(unknown)";

	if (name == NULL) {
		gethostname(own, sizeof(own) - 1);
		name = own;
	}
	text_quote(g->name, sizeof(g->name), text_of(name));
	g->interval_s = settings->config->cert_interval_s;
}

void
cert_group_abort(struct cert_group *g)
{
	if (g->asked != NULL)
		redis_link_cancel(ledger_share_link(g->share), g->asked);
	g->asked = NULL;
}

void
cert_group_free(struct cert_group *g)
{
	if (g == NULL)
		return;
	cert_group_abort(g);
	while (g->host_count > 0)
		cert_record_clear(&g->hosts[--g->host_count].record);
	event_free(g->tick);
	free(g);
}
