/*
 * The look-ups of next hops: takes the front's questions, has the plan's
 * (lookup_plan) answered by DNS and HTTPS, and tells the facts.
 */

#ifndef HOPSEAL_LOOKUP_H
#define HOPSEAL_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/scout_message.h"
#include "shared/text.h"

#define LOOKUPS_ACTIVE_MAX	64
#define LOOKUPS_WAITING_MAX	4096	/* more are told what they knew */
#define LOOKUP_DEADLINE_S	70
#define LOOKUP_DNS_DEADLINE_S	15
#define LOOKUP_PATIENCE_S	4	/* with a policy host */

struct dns;
struct event_base;
struct https;
struct lookups;

/*
 * A facts record for the question of that number, or unasked for 0: what a slow
 * policy host said after the answer had gone out without it.
 */
typedef void lookups_tell_cb(uint64_t number, struct text record, void *arg);

/* dns and https are borrowed for as long as it lives. */
struct lookups	*lookups_new(struct event_base *base, struct dns *dns,
		    struct https *https, lookups_tell_cb *tell, void *arg);
void		 lookups_free(struct lookups *lookups);
/* For look-ups that begin from now on; true at first. */
void		 lookups_set_validating(struct lookups *lookups,
		    bool is_validating);
/*
 * Looks at m's next hop; the answer comes through the loop.  Questions about
 * the same next hop share one look.
 */
void		 lookups_start(struct lookups *lookups, uint64_t number,
		    const struct scout_lookup *m);
/* Whoever asked is gone: what is under way ends as unasked news. */
void		 lookups_forget_askers(struct lookups *lookups);

#endif
