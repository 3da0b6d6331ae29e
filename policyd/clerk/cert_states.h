/*
 * What is known of our own certificates, from look to look: each change is told
 * once, also over restarts, as the last states are kept in a file.
 */

#ifndef HOPSEAL_CERT_STATES_H
#define HOPSEAL_CERT_STATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/text.h"

struct cert_states;

enum cert_severity { CERT_FINE, CERT_DOUBTFUL, CERT_BROKEN };

/* One that changed; texts are borrowed for the call. */
struct cert_change {
	const char		*name, *file, *sni;	/* sni or "" */
	const char		*finding;		/* "ok" when mended */
	const char		*words, *advice;	/* of the worst, or "" */
	enum cert_severity	 severity;
	int64_t			 days;		/* left; -1 unknown */
};
typedef void cert_states_cb(const struct cert_change *change, void *arg);

/* Reads the states of last time from path; a file that is none is passed over. */
struct cert_states *cert_states_new(const char *path,
	    cert_states_cb *callback, void *arg);
void	cert_states_free(struct cert_states *states);
/*
 * Takes a report of "hopseal certs --json": calls back for each that changed, and
 * writes the file.  False when it is no report.
 */
bool	cert_states_take(struct cert_states *states, struct text report,
	    int64_t now);

/* The last report, or NULL; borrowed. */
const json_t *cert_states_report(const struct cert_states *states);
int64_t	cert_states_seen_at(const struct cert_states *states);

#endif
