/*
 * Questions to the DNS, answered with their DNSSEC status.  Behind this header
 * stands libunbound, which shows nowhere else.
 */

#ifndef HOPSEAL_DNS_H
#define HOPSEAL_DNS_H

#include <stdbool.h>

#include "shared/dns_answer.h"

#define DNS_TIMEOUT_S		5	/* a question */
#define DNS_ERROR_MAX_BYTES	200

struct dns;
struct dns_query;
struct event_base;

struct dns_options {
	/* "addr[@port]", blanks or commas between; "": those of resolv.conf */
	const char	*servers;
	/* file of DS or DNSKEY records; "": where systems keep the root's */
	const char	*trust_anchor;
	/* false: take what comes, nothing is ever secure */
	bool		 is_validating;
};

/* The answer is borrowed for the call. */
typedef void dns_cb(const struct dns_answer *answer, void *arg);

struct dns	*dns_new(struct event_base *base);
/* Questions under way are forgotten; nobody is told. */
void		 dns_free(struct dns *dns);
/*
 * Ask by these options from now on; what is under way goes on as it began.
 * -1 with words in error when that is impossible: every question then fails
 * with them.
 */
int		 dns_configure(struct dns *dns,
		    const struct dns_options *options,
		    char error[DNS_ERROR_MAX_BYTES + 1]);
/* Forgets all that was cached here. */
void		 dns_flush(struct dns *dns);

/*
 * Asks for name, which is in the one spelling, or "." for the root.  Aliases
 * are followed.  The answer comes through the loop, never before the return,
 * and after it the query is gone.
 */
struct dns_query *dns_start(struct dns *dns, enum dns_type type,
		    const char *name, dns_cb *callback, void *arg);
void		 dns_cancel(struct dns_query *query);

#endif
