/*
 * A report and one destination become what the scout sends: a whole mail, or
 * gzip for HTTPS (RFC 8460, 5).  No I/O.
 */

#ifndef HOPSEAL_REPORT_PACK_H
#define HOPSEAL_REPORT_PACK_H

#include <stdint.h>

#include "policyd/clerk/report/report_build.h"
#include "shared/buffer.h"
#include "shared/tlsrpt/record.h"

struct report_pack {
	const char	*domain;	/* that the report is about */
	const char	*submitter;	/* domain of the sender */
	const char	*sender;	/* of mail; its envelope too */
	const char	*relay, *helo;
	int64_t		 now;
};

/*
 * Adds an errand's payload to out.  0, or -1 with *why: longer than the
 * destination or we permit, or a value that would break a header.
 */
int	report_pack(const struct report_pack *pack,
	    const struct built_report *built, const struct tlsrpt_rua *to,
	    struct buffer *out, const char **why);

#endif
