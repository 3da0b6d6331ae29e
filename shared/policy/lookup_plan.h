/*
 * What to ask next about a next hop, and what an answer means: the order of
 * RFC 7672, 2.2 (MX, addresses, only then TLSA) and RFC 8461, 3 (record, and
 * the policy when it is due).  Pure: the scout's lookup carries the questions
 * to DNS and HTTPS and brings back what they said.
 */

#ifndef HOPSEAL_LOOKUP_PLAN_H
#define HOPSEAL_LOOKUP_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/dns_answer.h"
#include "shared/policy/facts.h"

enum lookup_topic {
	LOOKUP_MX, LOOKUP_RECORD,
	LOOKUP_HOST_A, LOOKUP_HOST_AAAA,
	LOOKUP_HOST_ALIAS,	/* is the alias itself signed? */
	LOOKUP_TLSA,		/* at the alias' end, or the host itself */
	LOOKUP_TLSA_ORIGINAL,	/* at the alias, nothing being at its end */
	LOOKUP_POLICY_A, LOOKUP_POLICY_AAAA
};
/* "mx", "tlsa"; a constant string. */
const char	*lookup_topic_name(enum lookup_topic topic);

struct lookup_question {
	enum lookup_topic	topic;
	size_t			host;	/* index in facts, for host and TLSA */
	enum dns_type		type;
	char			name[HOST_NAME_SIZE];
};

/* MX, record, two policy addresses, and five questions about each host. */
#define LOOKUP_QUESTIONS_MAX	(4 + 5 * FACTS_HOSTS_MAX)

struct lookup_told {			/* what A and AAAA said of a name */
	enum dns_result	results[2];
	bool		are_secure[2];
	bool		is_alias;
	char		alias_end[HOST_NAME_SIZE];
	unsigned	answer_count;
	char		error[FACTS_ERROR_MAX_BYTES + 1];
};

struct lookup_plan {
	/* the caller's, who frees them after the plan; known may be NULL */
	struct facts		*facts;
	const struct facts	*known;
	bool			 must_refresh;
	bool			 is_validating;	/* our resolver does DNSSEC */

	struct {
		enum lookup_topic topic;
		size_t		  host;
	}			 queue[LOOKUP_QUESTIONS_MAX];
	size_t			 queued, asked, answered;
	struct lookup_told	 hosts[FACTS_HOSTS_MAX];
	uint32_t		 ttl_s;		/* the smallest so far */
	bool			 is_concluded;	/* DNS is in the facts */
	int64_t			 dns_refresh_at;	/* by DNS alone */

	/* the fetch: none, wanted, its addresses known, under way, over */
	enum {
		LOOKUP_FETCH_NONE, LOOKUP_FETCH_WANTED, LOOKUP_FETCH_READY,
		LOOKUP_FETCH_OPEN, LOOKUP_FETCH_OVER
	}			 fetch;
	struct lookup_told	 policy_host;
	struct facts_host	 policy_addresses;	/* name and addresses */
	char			 fetch_id[MTASTS_ID_MAX_BYTES + 1];
};

enum lookup_step {
	LOOKUP_ASK,	/* *out is the question */
	LOOKUP_FETCH,	/* fetch from policy_addresses */
	LOOKUP_WAIT,	/* for an answer to what was asked */
	LOOKUP_DONE
};

/* facts is empty but for its hop. */
void	lookup_plan_init(struct lookup_plan *plan, struct facts *facts,
	    const struct facts *known, bool must_refresh, bool is_validating);
void	lookup_plan_clear(struct lookup_plan *plan);

/* Each question and the fetch are given out once. */
enum lookup_step lookup_plan_next(struct lookup_plan *plan,
	    struct lookup_question *out);
void	lookup_plan_answer(struct lookup_plan *plan,
	    const struct lookup_question *question,
	    const struct dns_answer *answer, int64_t now);
/*
 * The fetch ended: FINDING_OK with the policy's text, a finding with words, or
 * FINDING_UNKNOWN when it failed on our side and says nothing of the domain.
 */
void	lookup_plan_fetched(struct lookup_plan *plan, enum finding finding,
	    struct text policy, const char *error, int64_t now);

/*
 * True when DNS has nothing more to tell; the facts may then be concluded and
 * told while the policy host keeps us waiting.
 */
bool	lookup_plan_has_dns(const struct lookup_plan *plan);
/*
 * Judges DANE, adds what was known (facts_merge) and sets when to look again.
 * May be called once more after the fetch.
 */
void	lookup_plan_conclude(struct lookup_plan *plan, int64_t now);

/*
 * When the policy is due to be fetched, given what the record says and what is
 * held (NULL for nothing): 0 for at once, LOOKUP_NEVER when there is nothing
 * to fetch.  A failed fetch waits 5 minutes, doubling to an hour, unless the
 * id is new (RFC 8461, 3.3).
 */
#define LOOKUP_NEVER INT64_MAX
int64_t	lookup_fetch_due(const struct facts *record, const struct facts *held,
	    int64_t now);
/*
 * About a day after now, spread by the domain's name, and not later than half
 * of the policy's life (RFC 8461, 3.3 and 10.2).
 */
int64_t	lookup_refetch_at(const char *domain, uint32_t max_age_s, int64_t now);

#endif
