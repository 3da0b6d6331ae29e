/*
 * Writing to the ledger of all hosts.  What Redis has of a day is known by the
 * total that is written behind all else of it, "hopseal:tally:writer:ID": as
 * long as that is ours, nothing was lost; after a flush it is not.
 */

#include "policyd/clerk/ledger/ledger_share.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/ledger/ledger.h"
#include "policyd/process/settings.h"
#include "shared/io/clock.h"
#include "shared/io/log.h"
#include "shared/io/redis_link.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define WRITE_EVERY_MS	2000
#define CHECK_EVERY_MS	10000	/* whether it was flushed */
#define AT_ONE_TIME	48	/* domains under way, 4 questions each */
#define VALUE_MAX_BYTES	(8 * 1024 * 1024)
#define NUMBER_SIZE	24

struct ledger_share {
	struct event_base	*base;
	struct ledger		*ledger;
	char			*setup;		/* what the link was made of */
	struct redis_link	*link;		/* NULL: no Redis */
	bool			 knows;		/* what Redis has */
	bool			 is_asking;
	int64_t			 write_ms, check_ms;	/* not before */
	/* what is being written: domains of one day */
	int64_t			 day;
	uint32_t		*domains;
	uint32_t		 next, count, capacity;
	uint32_t		 under_way;
	bool			 has_failed;
};

static void	share_advance(struct ledger_share *share);

/* -------------------------------------------------------- the connection */

static void
on_state(enum redis_link_state state, const char *reason, void *arg)
{
	struct ledger_share *share = arg;
	char words[200];

	share->knows = false;
	if (state == REDIS_LINK_UP)
		share->check_ms = share->write_ms = 0;
	else
		log_warn("ledger: redis: state=%s, reason=%s; other hosts do "
		    "not see what is counted here until it is back",
		    redis_link_state_name(state), text_quote(words,
		    sizeof(words), text_of(reason)));
}

void
ledger_share_set_settings(struct ledger_share *share,
    const struct settings *settings)
{
	const struct config *config = settings->config;
	struct redis_link_options options = { .address = config->redis,
	    .user = config->redis_user,
	    .password = settings->redis_password };

	if (!settings_redis_changed(settings, &share->setup))
		return;
	redis_link_free(share->link);
	share->link = NULL;
	/* Answers of the old one will not come. */
	share->knows = share->is_asking = false;
	share->next = share->count = share->under_way = 0;
	if (config->redis[0] != '\0')
		share->link = redis_link_new(share->base, &options, on_state,
		    share);
}

struct ledger_share *
ledger_share_new(struct event_base *base, struct ledger *ledger,
    const struct settings *settings)
{
	struct ledger_share *share = xcalloc(1, sizeof(*share));

	share->base = base;
	share->ledger = ledger;
	ledger_share_set_settings(share, settings);
	return share;
}

void
ledger_share_free(struct ledger_share *share)
{
	if (share == NULL)
		return;
	redis_link_free(share->link);
	free(share->setup);
	free(share->domains);
	free(share);
}

bool
ledger_share_is_up(const struct ledger_share *share)
{
	return share->link != NULL &&
	    redis_link_state(share->link) == REDIS_LINK_UP;
}

struct redis_link *
ledger_share_link(struct ledger_share *share)
{
	return share->link;
}

/* --------------------------------------------------------- one domain */

/* The commands that write one domain; all must succeed. */
struct writing {
	struct ledger_share	*share;
	int64_t			 day;
	uint32_t		 domain;
	unsigned		 left;
	bool			 has_failed;
};

static void
on_written(const struct redis_reply *reply, void *arg)
{
	struct writing *w = arg;
	struct ledger_share *share = w->share;
	struct tally *tally;

	if (reply == NULL || reply->type == REDIS_ERROR)
		w->has_failed = true;
	if (--w->left > 0)
		return;
	share->under_way--;
	if (w->has_failed) {
		share->has_failed = true;
		tally = ledger_load(share->ledger, w->day);
		if (tally != NULL && w->domain < tally_domain_count(tally))
			tally_mark(tally, TALLY_MARK_CACHE, w->domain);
	}
	free(w);
	share_advance(share);
}

static void
expire(struct ledger_share *share, const char *key, int64_t day,
    struct writing *w)
{
	char at[NUMBER_SIZE];
	const char *words[] = { "EXPIREAT", key, at };

	snprintf(at, sizeof(at), "%" PRId64,
	    (day + LEDGER_DAYS_KEPT + 1) * DAY_S);
	redis_link_ask(share->link, on_written, w, 3, words, NULL);
}

static void
write_domain(struct ledger_share *share, struct tally *tally, uint32_t domain)
{
	const char *name = tally_domain_name(tally, domain);
	const char *writer = ledger_writer(share->ledger);
	char key[TALLY_NAME_SIZE], shard[TALLY_NAME_SIZE];
	struct writing *w = xcalloc(1, sizeof(*w));
	struct buffer value;
	const char *set[] = { "HSET", key, writer, NULL };
	const char *add[] = { "SADD", shard, name };
	size_t lens[4];

	*w = (struct writing){ share, tally_day(tally), domain, 4, false };
	share->under_way++;
	tally_domain_key(name, w->day, key);
	tally_shard_key(w->day, tally_shard(name), shard);
	buffer_init(&value, VALUE_MAX_BYTES);
	tally_format_domain(tally, domain, &value);
	set[3] = value.data;
	lens[0] = strlen(set[0]);
	lens[1] = strlen(key);
	lens[2] = strlen(writer);
	lens[3] = value.len;
	redis_link_ask(share->link, on_written, w, 4, set, lens);
	expire(share, key, w->day, w);
	redis_link_ask(share->link, on_written, w, 3, add, NULL);
	expire(share, shard, w->day, w);
	buffer_clear(&value);
}

/* --------------------------------------------------------------- a day */

static void
on_ignored(const struct redis_reply *reply, void *arg)
{
	(void)arg;
	if (reply != NULL && reply->type == REDIS_ERROR)
		log_debug("redis refused: %.*s", (int)reply->text.len,
		    reply->text.data);
}

/* Behind all else: Redis has the whole of it. */
static void
write_total(struct ledger_share *share, struct ledger_day *d)
{
	char key[TALLY_NAME_SIZE], date[TALLY_DATE_SIZE];
	char total[NUMBER_SIZE], life[NUMBER_SIZE];
	const char *set[] = { "HSET", key, date, total };
	const char *keep[] = { "EXPIRE", key, life };

	tally_writer_key(ledger_writer(share->ledger), key);
	tally_date_format(d->day, date);
	snprintf(total, sizeof(total), "%" PRIu64, d->total);
	snprintf(life, sizeof(life), "%d", (LEDGER_DAYS_KEPT + 1) * DAY_S);
	redis_link_ask(share->link, on_ignored, NULL, 4, set, NULL);
	redis_link_ask(share->link, on_ignored, NULL, 3, keep, NULL);
	d->shared_total = d->total;
}

static struct ledger_day *
find_day(struct ledger_share *share, int64_t day)
{
	size_t count, i;
	struct ledger_day *days = ledger_days(share->ledger, &count);

	for (i = 0; i < count; i++)
		if (days[i].day == day)
			return &days[i];
	return NULL;
}

static void
finish_day(struct ledger_share *share)
{
	struct ledger_day *d = find_day(share, share->day);

	share->count = share->next = 0;
	if (d != NULL && !share->has_failed && d->is_marked &&
	    d->tally != NULL && !tally_has_marked(d->tally, TALLY_MARK_CACHE))
		write_total(share, d);
}

/* Asks on while there is something to write and room for it. */
static void
share_advance(struct ledger_share *share)
{
	struct tally *tally;
	uint32_t domain;

	if (share->count == 0)
		return;
	tally = ledger_load(share->ledger, share->day);
	while (share->next < share->count && share->under_way < AT_ONE_TIME) {
		domain = share->domains[share->next++];
		if (tally == NULL || domain >= tally_domain_count(tally))
			continue;
		if (!redis_link_is_up(share->link)) {
			share->has_failed = true;
			tally_mark(tally, TALLY_MARK_CACHE, domain);
		} else
			write_domain(share, tally, domain);
	}
	if (share->next == share->count && share->under_way == 0)
		finish_day(share);
}

/* Takes over what is to be written of a day. */
static void
start_day(struct ledger_share *share, struct ledger_day *d)
{
	uint32_t domain;

	share->day = d->day;
	share->has_failed = false;
	share->next = share->count = 0;
	while (tally_take_marked(d->tally, TALLY_MARK_CACHE, &domain)) {
		if (share->count == share->capacity) {
			share->capacity = share->capacity * 2 + 64;
			share->domains = xreallocarray(share->domains,
			    share->capacity, sizeof(*share->domains));
		}
		share->domains[share->count++] = domain;
	}
	share_advance(share);
}

static void
write_next_day(struct ledger_share *share)
{
	size_t count, i;
	struct ledger_day *days = ledger_days(share->ledger, &count), *d;

	/* The newest first: it is the one that is asked for. */
	for (i = count; i > 0; i--) {
		d = &days[i - 1];
		if (!d->is_marked && d->total != d->shared_total) {
			ledger_load(share->ledger, d->day);
			tally_mark_all(d->tally, TALLY_MARK_CACHE);
		}
		d->is_marked = true;
		if (d->tally != NULL &&
		    tally_has_marked(d->tally, TALLY_MARK_CACHE)) {
			start_day(share, d);
			return;
		}
	}
}

/* ------------------------------------------------------ what Redis has */

static void
take_total(struct ledger_share *share, struct text date, struct text total)
{
	struct ledger_day *d = find_day(share, tally_date_parse(date));
	uint64_t value;

	if (d != NULL && text_parse_u64(total, UINT64_MAX / 2, &value))
		d->shared_total = value;
}

static void
on_totals(const struct redis_reply *reply, void *arg)
{
	struct ledger_share *share = arg;
	struct ledger_day *days;
	size_t count, i;
	uint64_t before[LEDGER_DAYS_KEPT + 4];

	share->is_asking = false;
	if (reply == NULL || reply->type != REDIS_ARRAY)
		return;
	days = ledger_days(share->ledger, &count);
	for (i = 0; i < count; i++) {
		before[i] = days[i].shared_total;
		days[i].shared_total = 0;
	}
	for (i = 0; i + 1 < reply->count; i += 2)
		take_total(share, reply->elements[i]->text,
		    reply->elements[i + 1]->text);
	for (i = 0; i < count; i++)
		if (!share->knows || days[i].shared_total != before[i])
			days[i].is_marked = false;
	share->knows = true;
}

static void
ask_totals(struct ledger_share *share)
{
	char key[TALLY_NAME_SIZE], host[256] = "", life[NUMBER_SIZE];
	const char *get[] = { "HGETALL", key };
	const char *writer[] = { "HSET", TALLY_WRITERS_KEY,
	    ledger_writer(share->ledger), host };
	const char *keep[] = { "EXPIRE", TALLY_WRITERS_KEY, life };

	gethostname(host, sizeof(host) - 1);
	snprintf(life, sizeof(life), "%d", (LEDGER_DAYS_KEPT + 1) * DAY_S);
	redis_link_ask(share->link, on_ignored, NULL, 4, writer, NULL);
	redis_link_ask(share->link, on_ignored, NULL, 3, keep, NULL);
	share->is_asking = true;
	redis_link_ask(share->link, on_totals, share, 2,
	    (tally_writer_key(ledger_writer(share->ledger), key), get), NULL);
}

void
ledger_share_tick(struct ledger_share *share)
{
	int64_t now_ms = clock_monotonic_ms();

	if (!ledger_is_open(share->ledger) || share->link == NULL ||
	    !redis_link_is_up(share->link) || share->count > 0 ||
	    share->is_asking)
		return;
	/* Also a write: the link learns by it that Redis takes some again. */
	if (now_ms >= share->check_ms) {
		share->check_ms = now_ms + CHECK_EVERY_MS;
		ask_totals(share);
		return;
	}
	if (share->knows && ledger_share_is_up(share) &&
	    now_ms >= share->write_ms) {
		share->write_ms = now_ms + WRITE_EVERY_MS;
		write_next_day(share);
	}
}
