/*
 * Adding up.  Our own totals come from memory, those of the other writers from
 * Redis: their names, then the domains of each day, then each domain, so many
 * questions at a time.  Where no other host writes, Redis is asked for nothing
 * more; where it fails in between, our own totals are the answer, and why.
 */

#include "policyd/clerk/ledger/ledger_sum.h"

#include <sys/queue.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/ledger_share.h"
#include "shared/io/redis_link.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define AT_ONE_TIME	128	/* questions under way */
#define DOMAIN_MAX	20000000	/* hosts bound what they write */
#define OWN_A_TURN	4000		/* entries; some ms */

enum step {
	STEP_WRITERS,	/* is there another one? */
	STEP_SHARDS,	/* which domains have others of this day? */
	STEP_DOMAINS,	/* what of each? */
	STEP_OWN	/* and what of ours? */
};

struct ledger_sum {
	struct event_base	*base;
	struct ledger		*ledger;
	struct redis_link	*link;		/* NULL: ours alone */
	int64_t			 first, last, day;
	char			*domain;	/* "": all */
	ledger_sum_cb		*callback;
	void			*arg;
	enum step		 step;
	struct tally		*tally;
	const char		*why;
	struct event		*turn;		/* the loop comes first */
	unsigned		 shard;		/* to be asked next */
	struct tally		*names;		/* the day's, as a set */
	uint32_t		 next;		/* of them */
	uint32_t		 next_own;	/* of our own day's */
	LIST_HEAD(, asking)	 under_way;
	unsigned		 under_way_count;
};

/* A question that is under way. */
struct asking {
	LIST_ENTRY(asking)	 entry;
	struct ledger_sum	*sum;
	struct redis_question	*question;
	uint32_t		 domain;
};

static const struct siphash_key hash_key = { 'h', 's' };

static void	sum_advance(struct ledger_sum *sum);

static void
asking_free(struct asking *asking)
{
	LIST_REMOVE(asking, entry);
	asking->sum->under_way_count--;
	free(asking);
}

static void
sum_free(struct ledger_sum *sum)
{
	struct asking *asking;

	while ((asking = LIST_FIRST(&sum->under_way)) != NULL) {
		redis_link_cancel(sum->link, asking->question);
		asking_free(asking);
	}
	tally_free(sum->tally);
	tally_free(sum->names);
	event_free(sum->turn);
	free(sum->domain);
	free(sum);
}

void
ledger_sum_cancel(struct ledger_sum *sum)
{
	if (sum != NULL)
		sum_free(sum);
}

static void
sum_on_turn(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	sum_advance(arg);
}

static void
sum_take_turn(struct ledger_sum *sum)
{
	struct timeval now = { 0, 0 };

	event_add(sum->turn, &now);
}

/* Ours alone, from the begin: half of the others would be nobody's sum. */
static void
sum_fall_back(struct ledger_sum *sum, const char *why)
{
	struct asking *asking;

	while ((asking = LIST_FIRST(&sum->under_way)) != NULL) {
		redis_link_cancel(sum->link, asking->question);
		asking_free(asking);
	}
	sum->why = why;
	sum->link = NULL;
	sum->step = STEP_OWN;
	sum->day = sum->first;
	sum->next_own = 0;
	tally_free(sum->tally);
	sum->tally = tally_new(0, DOMAIN_MAX, &hash_key);
}

/* Takes asking; true when its answer is wanted. */
static bool
sum_took(struct asking *asking, const struct redis_reply *reply)
{
	struct ledger_sum *sum = asking->sum;

	asking_free(asking);
	sum_take_turn(sum);
	if (reply != NULL && reply->type == REDIS_ARRAY)
		return true;
	sum_fall_back(sum, "Redis did not tell what other hosts have counted");
	return false;
}

/* ------------------------------------------------------------- our own */

/* How many they were. */
static unsigned
add_entries(struct ledger_sum *sum, const struct tally *from, uint32_t domain)
{
	struct text name = text_of(tally_domain_name(from, domain));
	const struct tally_entry *e;
	unsigned count = 0;
	uint32_t i;

	for (i = tally_first(from, domain); i != TALLY_NONE; i = e->next) {
		e = tally_entry(from, i);
		tally_merge(sum->tally, name, text_of(e->line), e->total,
		    e->first_at, e->last_at, TALLY_SUM);
		count++;
	}
	return count;
}

/* A part of the day; true when all of it is added. */
static bool
add_own(struct ledger_sum *sum)
{
	const struct tally *own = ledger_load(sum->ledger, sum->day);
	unsigned count = 0;
	uint32_t domain;

	if (own == NULL)
		return true;
	if (sum->domain[0] != '\0') {
		domain = tally_find(own, text_of(sum->domain));
		if (domain != TALLY_NONE)
			add_entries(sum, own, domain);
		return true;
	}
	while (count < OWN_A_TURN && sum->next_own < tally_domain_count(own))
		count += add_entries(sum, own, sum->next_own++);
	return sum->next_own >= tally_domain_count(own);
}

/* ---------------------------------------------------------- the others' */

static void
on_domain(const struct redis_reply *reply, void *arg)
{
	struct asking *asking = arg;
	struct ledger_sum *sum = asking->sum;
	uint32_t domain = asking->domain;
	size_t i;

	if (!sum_took(asking, reply))
		return;
	for (i = 0; i + 1 < reply->count; i += 2)
		if (!text_equals(reply->elements[i]->text,
		    ledger_writer(sum->ledger)))
			tally_merge_domain(sum->tally,
			    text_of(tally_domain_name(sum->names, domain)),
			    reply->elements[i + 1]->text);
}

static void
on_shard(const struct redis_reply *reply, void *arg)
{
	struct asking *asking = arg;
	struct ledger_sum *sum = asking->sum;
	/* A line of no meaning: here a tally is a set of names. */
	static const char member[] = "r\t\t";
	size_t i;

	if (!sum_took(asking, reply))
		return;
	for (i = 0; i < reply->count; i++)
		tally_merge(sum->names, reply->elements[i]->text,
		    text_of(member), 1, 0, 0, TALLY_RAISE);
}

static void
on_writers(const struct redis_reply *reply, void *arg)
{
	struct asking *asking = arg;
	struct ledger_sum *sum = asking->sum;
	size_t i, others = 0;

	if (!sum_took(asking, reply))
		return;
	for (i = 0; i < reply->count; i++)
		if (!text_equals(reply->elements[i]->text,
		    ledger_writer(sum->ledger)))
			others++;
	sum->step = others > 0 ? STEP_SHARDS : STEP_OWN;
}

static void
sum_ask(struct ledger_sum *sum, const char *command, const char *key,
    redis_link_reply_cb *callback, uint32_t domain)
{
	const char *words[] = { command, key };
	struct asking *asking = xcalloc(1, sizeof(*asking));

	asking->sum = sum;
	asking->domain = domain;
	LIST_INSERT_HEAD(&sum->under_way, asking, entry);
	sum->under_way_count++;
	asking->question = redis_link_ask(sum->link, callback, asking, 2,
	    words, NULL);
}

static void
sum_start_day(struct ledger_sum *sum)
{
	tally_free(sum->names);
	sum->names = tally_new(0, DOMAIN_MAX, &hash_key);
	sum->next = 0;
	sum->shard = sum->domain[0] != '\0' ? TALLY_SHARDS : 0;
	if (sum->domain[0] != '\0')
		tally_merge(sum->names, text_of(sum->domain),
		    text_of("r\t\t"), 1, 0, 0, TALLY_RAISE);
}

/* ------------------------------------------------------------ the steps */

static void
sum_finish(struct ledger_sum *sum)
{
	struct tally *tally = sum->tally;

	sum->tally = NULL;
	sum->callback(tally, sum->why, sum->arg);
	sum_free(sum);
}

/* Each turn of the loop does a part; every answer returns here. */
static void
sum_advance(struct ledger_sum *sum)
{
	char key[TALLY_NAME_SIZE];

	switch (sum->step) {
	case STEP_WRITERS:
		if (sum->under_way_count == 0)
			sum_ask(sum, "HKEYS", TALLY_WRITERS_KEY, on_writers,
			    0);
		return;
	case STEP_SHARDS:
		if (sum->names == NULL)
			sum_start_day(sum);
		while (sum->shard < TALLY_SHARDS &&
		    sum->under_way_count < AT_ONE_TIME)
			sum_ask(sum, "SMEMBERS", tally_shard_key(sum->day,
			    sum->shard++, key), on_shard, 0);
		if (sum->under_way_count > 0)
			return;
		sum->step = STEP_DOMAINS;
		/* FALLTHROUGH */
	case STEP_DOMAINS:
		while (sum->next < tally_domain_count(sum->names) &&
		    sum->under_way_count < AT_ONE_TIME) {
			sum_ask(sum, "HGETALL", tally_domain_key(
			    tally_domain_name(sum->names, sum->next),
			    sum->day, key), on_domain, sum->next);
			sum->next++;
		}
		if (sum->under_way_count > 0)
			return;
		sum->step = STEP_OWN;
		/* FALLTHROUGH */
	case STEP_OWN:
		if (!add_own(sum)) {
			sum_take_turn(sum);
			return;
		}
		sum->next_own = 0;
		if (sum->day++ == sum->last) {
			sum_finish(sum);
			return;
		}
		if (sum->link != NULL && sum->names != NULL) {
			sum_start_day(sum);
			sum->step = STEP_SHARDS;
		}
		sum_take_turn(sum);
		return;
	}
}

struct ledger_sum *
ledger_sum_start(struct event_base *base, struct ledger *ledger,
    struct ledger_share *share, int64_t first, int64_t last,
    struct text domain, ledger_sum_cb *callback, void *arg)
{
	struct ledger_sum *sum = xcalloc(1, sizeof(*sum));

	sum->base = base;
	sum->ledger = ledger;
	sum->first = sum->day = first;
	sum->last = last;
	sum->domain = xstrndup(domain.data, domain.len);
	sum->callback = callback;
	sum->arg = arg;
	sum->tally = tally_new(0, DOMAIN_MAX, &hash_key);
	sum->turn = evtimer_new(base, sum_on_turn, sum);
	sum->step = STEP_OWN;
	if (ledger_share_is_up(share)) {
		sum->link = ledger_share_link(share);
		sum->step = STEP_WRITERS;
	} else if (ledger_share_link(share) != NULL)
		sum->why = "Redis is away: only what this host has counted";
	sum_take_turn(sum);
	return sum;
}
