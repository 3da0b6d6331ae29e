/*
 * The queue of probes: who is looked at when, so that no host is bothered (one
 * conversation at a time, a bounded number a minute), and what DNS says of the
 * host's TLSA records, which belongs to the observation.
 */

#ifndef HOPSEAL_PROBES_H
#define HOPSEAL_PROBES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/policy/facts.h"
#include "shared/probe_message.h"

#define PROBES_RUNNING_MAX	32
#define PROBES_WAITING_MAX	4096	/* more are told that it is too much */

struct dns;
struct event_base;
struct probes;
struct settings;

/* An observation's payload for the question of that number. */
typedef void probes_tell_cb(uint64_t number, struct text observation,
    void *arg);

/* dns is borrowed for as long as it lives. */
struct probes	*probes_new(struct event_base *base, struct dns *dns,
		    probes_tell_cb *tell, void *arg);
/* What is under way is forgotten; nobody is told. */
void		 probes_free(struct probes *probes);
/*
 * For all that is judged from now on: trust, networks, our name, the site's
 * protocols, the rate.  -1 with words in error: what could not be read stays as
 * it was; 0 with words in error is a warning, else error is "".
 */
int		 probes_configure(struct probes *probes,
		    const struct settings *settings,
		    char error[FACTS_ERROR_MAX_BYTES + 1]);
/* TLSA records are asked for; true at first. */
void		 probes_set_validating(struct probes *probes,
		    bool is_validating);
/*
 * Looks at a host; the answer comes through the loop.  Equal questions share
 * one look.
 */
void		 probes_start(struct probes *probes, uint64_t number,
		    const struct probe_request *request);
/* Whoever asked is gone. */
void		 probes_forget_askers(struct probes *probes);

#endif
