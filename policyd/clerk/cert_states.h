/*
 * What is known of our own certificates, from look to look: each change is told
 * once, also over restarts, as the last states are kept in a file.  By them one
 * also sees that a port serves what nobody here has renewed: cert-changed.
 */

#ifndef HOPSEAL_CERT_STATES_H
#define HOPSEAL_CERT_STATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "policyd/process/cert_ends.h"
#include "shared/buffer.h"
#include "shared/text.h"

/*
 * How long trouble that may pass by itself is held back: a port without an
 * answer, and a new file that the server has not loaded yet.
 */
#define CERT_STATES_HOLD_S	200
/* How long one is remembered that is not found any more. */
#define CERT_STATES_GONE_S	86400

struct cert_states;

enum cert_severity { CERT_FINE, CERT_DOUBTFUL, CERT_BROKEN };

/* One that changed; texts are borrowed for the call. */
struct cert_change {
	const char		*name, *file, *sni;	/* sni or "" */
	const char		*finding;		/* "ok" when mended */
	const char		*findings;		/* all, with blanks */
	const char		*words, *advice;	/* of the worst */
	enum cert_severity	 severity;
	int64_t			 days;		/* left; -1 unknown */
};
typedef void cert_states_cb(const struct cert_change *change, void *arg);

/* Reads the states of last time; a file that is none is passed over. */
struct cert_states *cert_states_new(const char *path,
	    cert_states_cb *callback, void *arg);
void	cert_states_free(struct cert_states *states);
/*
 * Takes a report of "hopseal certs --json": calls back for each that changed.
 * False when it is no report.
 */
bool	cert_states_take(struct cert_states *states, struct text report,
	    int64_t now);
/* Writes the file, if that is due; when those who are told cannot miss it. */
void	cert_states_keep(struct cert_states *states);
/* Nobody has heard of what was told: what is wrong is told once more. */
void	cert_states_forget_told(struct cert_states *states);

/*
 * The last report, or NULL; borrowed.  Beside what the command said, it has
 * cert-changed among findings and problems, and "settling" where trouble is
 * held back, which "overall" then leaves out.
 */
const json_t *cert_states_report(const struct cert_states *states);
/* Of two words for the whole, or "good"; a constant. */
const char *cert_states_worse(const char *a, const char *b);
int64_t	cert_states_seen_at(const struct cert_states *states);
/* The files behind the certificates, a line each. */
void	cert_states_add_files(const struct cert_states *states,
	    struct buffer *out);
/* When the next one on disk or served ends, after now; 0: none. */
int64_t	cert_states_next_end(const struct cert_states *states, int64_t now);

/*
 * Of what ports served last to clients that asked for no name; before the first
 * report, of what is kept.
 */
void	cert_states_add_ends(const struct cert_states *states,
	    struct cert_ends *out);

/* What is kept, borrowed; and taking it back where there was no file. */
const json_t *cert_states_kept(const struct cert_states *states);
void	cert_states_recall(struct cert_states *states, const json_t *kept);

#endif
