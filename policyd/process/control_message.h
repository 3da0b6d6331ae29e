/*
 * What clerk and front say to each other about the admin's questions: the
 * payloads of MESSAGE_QUESTION and MESSAGE_ANSWER frames.  An answer has its
 * question's number, and the question's command tells its shape.  Texts in
 * parsed values are slices of the payload.
 */

#ifndef HOPSEAL_CONTROL_MESSAGE_H
#define HOPSEAL_CONTROL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/pack.h"
#include "shared/policy/tls_decision.h"
#include "shared/postfix/next_hop.h"
#include "shared/text.h"

enum control_command {
	CONTROL_EXPLAIN = 1,	/* answered by control_explanation */
	CONTROL_REFRESH,	/* by control_outcome */
	CONTROL_FORGET,		/* by control_outcome */
	CONTROL_STATUS,		/* by parts and counters */
	CONTROL_SITE,		/* by struct tls_site; asked by the milter */
	CONTROL_CLEAR,		/* the breaker; by control_outcome */
	CONTROL_RULES,		/* the clerk's own; the front never sees */
	CONTROL_RELOAD,		/* these seven */
	CONTROL_REPORT,
	CONTROL_ROUTE,
	CONTROL_RECEIVED,	/* a report that was sent to us */
	CONTROL_OWN_PROMISES,	/* since when they are what they are */
	CONTROL_TEST_ALERT,	/* does it arrive? */
	CONTROL_CERTIFICATES	/* of all hosts of the group */
};
/* "explain"; a constant string. */
const char	*control_command_name(enum control_command command);
bool		 control_command_parse(struct text word,
		    enum control_command *out);

struct control_question {
	enum control_command	command;
	struct next_hop		hop;	/* NONE for STATUS, SITE and CLEAR */
	bool			forgets_policy;	/* FORGET: unexpired too */
	/* EXPLAIN: hop is where mail goes, not its recipients' domain.  Between
	   asker and clerk alone, the front is not told. */
	bool			is_next_hop;
};
void	control_question_format(const struct control_question *q,
	    struct buffer *out);
bool	control_question_parse(struct text payload,
	    struct control_question *out);

/* EXPLAIN: what the front knows and what it would tell Postfix now. */
struct control_explanation {
	struct text	facts;		/* facts_format; empty: nothing known */
	/* The payloads of the map's replies: "OK secure match=...". */
	struct text	query, query_with_tlsrpt;
	struct text	access;		/* the action: "DUNNO" */
	struct text	source;		/* "memory", "redis", "lookup", "none" */
	struct tls_site	site;		/* as the front decides with it */
	struct text	breaker;	/* why it is open, or empty */
	struct text	error;		/* what went wrong, or empty */
};
void	control_explanation_format(const struct control_explanation *e,
	    struct buffer *out);
bool	control_explanation_parse(struct text payload,
	    struct control_explanation *out);

/* SITE: what the front decides with. */
void	control_site_format(const struct tls_site *site, struct buffer *out);
bool	control_site_parse(struct text payload, struct tls_site *out);

/* REFRESH, FORGET and CLEAR. */
struct control_outcome {
	bool		is_done;
	struct text	words;		/* why not; of CLEAR what; or empty */
};
void	control_outcome_format(const struct control_outcome *o,
	    struct buffer *out);
bool	control_outcome_parse(struct text payload,
	    struct control_outcome *out);

/*
 * STATUS: any number of parts and counters one behind the other, in the order
 * in which people shall read them.  An empty payload is a status too.
 */
enum control_state {
	CONTROL_BAD, CONTROL_OK, CONTROL_UNKNOWN, CONTROL_WARNING
};

struct control_part {
	struct text		name;	/* "redis" */
	enum control_state	state;
	struct text		detail;	/* for people: "unix:/run/..., 12 ms" */
	struct text		advice;	/* what to do about it, or empty */
};
void	control_part_format(const struct control_part *part,
	    struct buffer *out);

struct control_counter {
	struct text	name;		/* "cache_hits" */
	uint64_t	value;
};
void	control_counter_format(const struct control_counter *counter,
	    struct buffer *out);

enum control_item {
	CONTROL_ITEM_PART, CONTROL_ITEM_COUNTER, CONTROL_ITEM_END,
	CONTROL_ITEM_MALFORMED
};
/*
 * Reads the next item at u (unpack_init on the payload); sets *part or
 * *counter, whichever it is.
 */
enum control_item control_status_next(struct unpack *u,
	    struct control_part *part, struct control_counter *counter);

#endif
