/*
 * Errands that the clerk hands over (shared/errand_message.h): finds where each
 * goes and sends it by mail or POST, once.  Whether to try again is the
 * clerk's.
 */

#ifndef HOPSEAL_ERRANDS_H
#define HOPSEAL_ERRANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"

struct dns;
struct errands;
struct event_base;

struct errands_options {
	const char	*ca_file, *ca_path;
	/* special-use networks that reports may go to */
	const char	*allow_networks;
};

/* An errand_result's payload for the errand of that number. */
typedef void errands_tell_cb(uint64_t number, struct text result, void *arg);

/* dns is borrowed for as long as it lives. */
struct errands	*errands_new(struct event_base *base, struct dns *dns,
		    errands_tell_cb *tell, void *arg);
/* What is under way is cut off; nobody is told. */
void		 errands_free(struct errands *errands);
/* options are borrowed until the next call. */
void		 errands_configure(struct errands *errands,
		    const struct errands_options *options);
/*
 * False for a payload that is no errand.  number is not 0.  relay_fd, a
 * connection to a relay at a unix socket, which the scout may not open itself,
 * is taken; else -1.
 */
bool		 errands_start(struct errands *errands, uint64_t number,
		    struct text payload, int relay_fd);
/* The clerk is gone: what is under way goes on, nobody is told. */
void		 errands_forget_askers(struct errands *errands);

#endif
