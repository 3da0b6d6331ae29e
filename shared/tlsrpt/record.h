/*
 * The TLSRPT TXT record at _smtp._tls.DOMAIN (RFC 8460, 3): which of several
 * records counts, and where reports go.  Each destination is judged on its
 * own: a bad one costs no good one.  Knows nothing of DNS and of sending.
 */

#ifndef HOPSEAL_TLSRPT_RECORD_H
#define HOPSEAL_TLSRPT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "shared/text.h"

#define TLSRPT_RECORD_MAX_BYTES	16384
#define TLSRPT_RUA_MAX_COUNT	16	/* further ones are skipped */

enum tlsrpt_record_result {
	TLSRPT_RECORD_PRESENT,	/* exactly one, with a usable destination */
	TLSRPT_RECORD_ABSENT,	/* none begins with the version */
	TLSRPT_RECORD_INVALID	/* several, broken, or no usable destination */
};

enum tlsrpt_scheme { TLSRPT_MAILTO, TLSRPT_HTTPS };

/* One destination of reports. */
struct tlsrpt_rua {
	enum tlsrpt_scheme	 scheme;
	char			*uri;	/* for people; mailto: is decoded */
	/*
	 * MAILTO: an RFC 5321 Mailbox, printable ASCII, its local part quoted
	 * where it must be, its domain normalised: fit for RCPT TO and To.
	 * HTTPS: the URL as published, printable ASCII without blanks.
	 */
	char			*target;
	uint64_t		 max_bytes;	/* "!10m"; 0 no limit */
};

struct tlsrpt_record {
	struct tlsrpt_rua	*ruas;		/* the usable ones, in order */
	size_t			 rua_count;
	size_t			 skipped_count;
	const char		*skipped_why;	/* of the first one; or NULL */
};

/*
 * records are the TXT records of one name, each joined from its
 * character-strings.  Those that do not begin with "v=TLSRPTv1" and a
 * delimiter are discarded first, then exactly one must remain.  *out is set
 * only for PRESENT and is the caller's until tlsrpt_record_clear; *why only
 * for INVALID.
 */
enum tlsrpt_record_result tlsrpt_record_choose(const struct text *records,
		    size_t record_count, struct tlsrpt_record *out,
		    const char **why);
void		tlsrpt_record_clear(struct tlsrpt_record *record);

#endif
