/*
 * Authentication-Results (RFC 8601): what our own verifier says of the DKIM
 * signatures of a mail.  Anybody can write such a header: only those of our
 * authserv-id count, of them only the topmost that speaks of DKIM, as ours is
 * added above all that came with the mail.
 */

#ifndef HOPSEAL_TLSRPT_AUTH_RESULTS_H
#define HOPSEAL_TLSRPT_AUTH_RESULTS_H

#include <stdbool.h>

#include "shared/text.h"

enum auth_dkim {
	AUTH_DKIM_SILENT,	/* another's, or not a word about DKIM */
	AUTH_DKIM_FAILED,	/* no signature of the domain passed */
	AUTH_DKIM_PASSED
};

/*
 * True when a signature by signer (RFC 6376, 3.5: d=) speaks for domain, which
 * is normalised: it is that domain, or one of two labels or more above it.
 */
bool		auth_results_is_signer(struct text signer, const char *domain);
/*
 * What one header says, folded or not.  domain is normalised; a signature of a
 * domain above it counts too.  A header of ours that breaks the grammar counts
 * as FAILED, never as silence.
 */
enum auth_dkim	auth_results_dkim(struct text value, const char *authserv_id,
		    const char *domain);
/* The same for a whole mail: true when that topmost header says PASSED. */
bool		auth_results_pass(struct text mail, const char *authserv_id,
		    const char *domain);

#endif
