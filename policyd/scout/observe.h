/*
 * From what a conversation saw to an observation: certificates are judged
 * (cert_check), protocols compared with the site's own, words chosen.
 */

#ifndef HOPSEAL_OBSERVE_H
#define HOPSEAL_OBSERVE_H

#include "policyd/scout/smtp_probe.h"
#include "shared/buffer.h"
#include "shared/policy/tlsa.h"
#include "shared/probe_message.h"

/* What DNS said of the host's TLSA records. */
struct observe_tlsa {
	enum observed_dane	 state;	/* match: present, and not yet judged */
	struct tlsa		 records[OBSERVED_TLSA_MAX];
	size_t			 count;
	char			*block;	/* what the records point into */
	/* Where they stood without _port._tcp (RFC 7672, 3.2.2), or "". */
	char			 base[HOST_NAME_SIZE];
};

struct observe_with {
	int64_t			 now;
	struct cert_store	*store;		/* NULL: nothing is judged */
	struct cert_store	*known;		/* intermediates seen before */
	const char		*mandatory_protocols;
	/* Why TLS did not stand as strictly as Postfix verifies, or NULL. */
	const char		*refusal;
};

/*
 * Writes the observation's payload to out and returns its finding, DANE's
 * where there are usable records; words is set to the finding in words.
 */
enum finding	 observe(const struct probe_request *asked,
		    const struct smtp_seen *seen,
		    const struct observe_tlsa *tlsa,
		    const struct observe_with *with, struct buffer *out,
		    char words[FACTS_ERROR_MAX_BYTES + 1]);

#endif
