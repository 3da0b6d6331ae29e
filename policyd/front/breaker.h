/*
 * Whether so much goes wrong at once that it must be us, so that nobody's mail
 * is held back for it (docs/decisions.md, 7).  Two things open it: many hosts
 * that turn bad, and policy hosts that disagree with our clock.  Time comes in;
 * what follows from an open breaker is the owner's.
 */

#ifndef HOPSEAL_BREAKER_H
#define HOPSEAL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/address.h"
#include "shared/policy/finding.h"

#define BREAKER_SPAN_S		3600	/* what is older opens nothing */
#define BREAKER_HOSTS_MIN	20	/* fewer open nothing */
#define BREAKER_HOSTS_PART	5	/* more than a fifth of them opens */
#define BREAKER_DATES		5	/* policy hosts; their median decides */
#define BREAKER_OFF_S		300	/* more than that opens */
#define BREAKER_STEP_S		60	/* our clock was set: a new one */
#define BREAKER_WORDS_SIZE	200

enum breaker_state { BREAKER_CLOSED, BREAKER_HOSTS, BREAKER_CLOCK };

struct breaker;

struct breaker *breaker_new(void);
void	breaker_free(struct breaker *b);

/* What a look at a host said, and what was known before. */
void	breaker_note_host(struct breaker *b, const char *name,
	    enum finding before, enum finding found, int64_t now);
/*
 * By how many seconds our clock was ahead of (or, below 0, behind) the date of
 * the policy host at that address, whose certificate was verified.  One note an
 * address counts, the latest.
 */
void	breaker_note_date(struct breaker *b, const struct address *host,
	    int64_t ahead_s, int64_t now);
/*
 * Opens or closes it; true when that changed.  monotonic_s is a clock that
 * nobody sets: where now departs from it, the dates noted before say nothing.
 */
bool	breaker_judge(struct breaker *b, int64_t now, int64_t monotonic_s);
/* By hand: closes it and forgets all notes, so that only new ones open it. */
void	breaker_reset(struct breaker *b);

enum breaker_state breaker_state(const struct breaker *b);
/* What is wrong, for people: "our clock is 1h ahead of ..."; "" when closed. */
const char *breaker_words(const struct breaker *b);
/* What to do about it; "" when closed. */
const char *breaker_advice(const struct breaker *b);

#endif
