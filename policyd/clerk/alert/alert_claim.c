/*
 * Claiming: a key for each of the two states.  Who sets the one that has begun
 * tells it, and takes away the one that is over.
 */

#include "policyd/clerk/alert/alert_claim.h"

#include <stdio.h>
#include <stdlib.h>

#include "policyd/clerk/ledger/ledger.h"
#include "policyd/clerk/ledger/ledger_share.h"
#include "policyd/clerk/ledger/ledger_sum.h"
#include "shared/io/redis_link.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define KEY_SIZE	320

struct alert_claim {
	struct ledger		*ledger;
	struct ledger_share	*share;
	char			*domain;
	bool			 is_bad;
	struct ledger_sum	*sum;
	struct redis_question	*asked;
	alert_claim_cb		*callback;
	void			*arg;
};

static void
claim_free(struct alert_claim *claim)
{
	free(claim->domain);
	free(claim);
}

static void
claim_finish(struct alert_claim *claim, enum alert_claim_end end)
{
	claim->callback(end, claim->arg);
	claim_free(claim);
}

static const char *
key_of(const struct alert_claim *claim, bool is_bad, char out[KEY_SIZE])
{
	snprintf(out, KEY_SIZE, "hopseal:alert:{%s}:%s", claim->domain,
	    is_bad ? "undeliverable" : "deliverable");
	return out;
}

static void
claim_won(struct alert_claim *claim)
{
	char key[KEY_SIZE];
	const char *words[] = { "DEL", key_of(claim, !claim->is_bad, key) };

	redis_link_ask(ledger_share_link(claim->share), NULL, NULL, 2, words,
	    NULL);
	claim_finish(claim, ALERT_CLAIM_OURS);
}

/* Ours from before a restart, perhaps. */
static void
on_holder(const struct redis_reply *reply, void *arg)
{
	struct alert_claim *claim = arg;

	claim->asked = NULL;
	if (reply != NULL && reply->type == REDIS_TEXT &&
	    !text_equals(reply->text, ledger_writer(claim->ledger)))
		claim_finish(claim, ALERT_CLAIM_OTHERS);
	else
		claim_won(claim);
}

static void
on_set(const struct redis_reply *reply, void *arg)
{
	struct alert_claim *claim = arg;
	char key[KEY_SIZE];
	const char *words[] = { "GET", key_of(claim, claim->is_bad, key) };

	claim->asked = NULL;
	if (reply == NULL || reply->type == REDIS_ERROR)
		claim_finish(claim, ALERT_CLAIM_OURS);
	else if (reply->type == REDIS_STATUS)
		claim_won(claim);
	else
		claim->asked = redis_link_ask(ledger_share_link(claim->share),
		    on_holder, claim, 2, words, NULL);
}

static void
claim_ask(struct alert_claim *claim)
{
	char key[KEY_SIZE], life[16];
	const char *words[] = { "SET", key_of(claim, claim->is_bad, key),
	    ledger_writer(claim->ledger), "NX", "EX", life };

	snprintf(life, sizeof(life), "%d", ALERT_CLAIM_LIFE_S);
	if (ledger_share_is_up(claim->share))
		claim->asked = redis_link_ask(ledger_share_link(claim->share),
		    on_set, claim, 6, words, NULL);
	else
		claim_finish(claim, ALERT_CLAIM_OURS);
}

static bool
has_mail(const struct tally *tally, const char *domain)
{
	uint32_t number = tally_find(tally, text_of(domain)), i;
	const struct tally_entry *e;
	struct tally_key key;

	if (number == TALLY_NONE)
		return false;
	for (i = tally_first(tally, number); i != TALLY_NONE; i = e->next) {
		e = tally_entry(tally, i);
		if (tally_key_parse(text_of(e->line), &key) &&
		    !key.is_detail && key.direction == SESSION_OUT)
			return true;
	}
	return false;
}

static void
on_sum(struct tally *tally, const char *why, void *arg)
{
	struct alert_claim *claim = arg;

	(void)why;		/* what this host has sent is still known */
	claim->sum = NULL;
	/* What was told to have begun is told to be over in any case. */
	if (!claim->is_bad || has_mail(tally, claim->domain))
		claim_ask(claim);
	else
		claim_finish(claim, ALERT_CLAIM_NO_MAIL);
	tally_free(tally);
}

struct alert_claim *
alert_claim_start(struct event_base *base, struct ledger *ledger,
    struct ledger_share *share, const char *domain, bool is_bad, int64_t now,
    alert_claim_cb *callback, void *arg)
{
	struct alert_claim *claim = xcalloc(1, sizeof(*claim));
	/* A recovery is ours whatever was sent. */
	int64_t today = now / DAY_S, since = is_bad ?
	    today - ALERT_CLAIM_DAYS + 1 : today;

	claim->ledger = ledger;
	claim->share = share;
	claim->domain = xstrdup(domain);
	claim->is_bad = is_bad;
	claim->callback = callback;
	claim->arg = arg;
	claim->sum = ledger_sum_start(base, ledger, share,
	    since, today, text_of(domain), on_sum, claim);
	return claim;
}

void
alert_claim_cancel(struct alert_claim *claim)
{
	if (claim == NULL)
		return;
	ledger_sum_cancel(claim->sum);
	if (claim->asked != NULL)
		redis_link_cancel(ledger_share_link(claim->share),
		    claim->asked);
	claim_free(claim);
}
