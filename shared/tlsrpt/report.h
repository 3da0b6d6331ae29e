/*
 * A TLS report (RFC 8460, 4): the struct, its JSON, and the name of its file.
 * The reader takes what large senders write and says what is malformed; the
 * writer writes every mandatory member.  Neither knows mail or gzip.
 */

#ifndef HOPSEAL_TLSRPT_REPORT_H
#define HOPSEAL_TLSRPT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/text.h"

#define REPORT_MAX_BYTES	(10 * 1024 * 1024)	/* of JSON */
#define REPORT_DEPTH_MAX	16
#define REPORT_VALUES_MAX	500000	/* of JSON, in all */
#define REPORT_STRING_MAX	65536	/* octets as sent */

struct report_memory;

/* Strings are NULL for none, UTF-8, and may hold control characters. */
struct report_failure {
	const char	*result_type;	/* known or not; "unknown" if missing */
	const char	*sending_ip;	/* sending-mta-ip */
	const char	*mx_host;	/* receiving-mx-hostname */
	const char	*mx_helo;	/* receiving-mx-helo */
	const char	*receiving_ip;
	uint64_t	 session_count;	/* failed-session-count */
	const char	*additional;	/* additional-information */
	const char	*reason;	/* failure-reason-code */
};

struct report_policy {
	const char	*type;		/* "sts"; "unknown" where missing */
	const char	*domain;	/* A-labels */
	const char	*const *strings;	/* policy-string */
	size_t		 string_count;
	const char	*const *mx;	/* mx-host */
	size_t		 mx_count;
	uint64_t	 success_count, failure_count;	/* sessions */
	const struct report_failure *details;	/* failure-details */
	size_t		 detail_count;
};

/* All is borrowed by the writer; of a report that was read, memory holds it. */
struct report {
	const char	*organization;	/* organization-name */
	const char	*contact;	/* contact-info */
	const char	*id;		/* report-id */
	int64_t		 start_s, end_s;	/* date-range; since 1970 */
	const struct report_policy *policies;
	size_t		 policy_count;
	/* The first thing that a reader had to put up with; a constant or NULL. */
	const char	*remark;
	struct report_memory *memory;	/* NULL unless read */
};

/*
 * Reads a report, plain JSON.  Unknown members are ignored, unknown types and
 * result-types kept; a string stands for an array of one, a time without an
 * offset is UTC; missing members of a policy or of details are NULL or 0.
 * Returns 0, or -1 with *why and *out untouched for: too long, too deep, too
 * many values, no JSON object; organization-name, report-id or policies
 * missing or of another type; a date-range that is none.  *out is the caller's
 * until report_clear.
 */
int	report_parse(struct text json, struct report *out, const char **why);
/* Frees a report that was read. */
void	report_clear(struct report *r);

/*
 * Appends the JSON, one line (what is no UTF-8 becomes '?').  organization,
 * contact, id and each policy's type and domain must be set; NULL details are
 * left out, and so is mx-host where there is none but for sts.  Returns 0, or
 * -1 when it does not fit below out's limit.
 */
int	report_format(const struct report *r, struct buffer *out);

/*
 * Appends "sender!policy-domain!begin!end!id.json.gz" (RFC 8460, 5.1); of the
 * id only letters and digits.  sender and domain are normalised names.
 */
void	report_file_name_format(const struct report *r, const char *sender,
	    const char *domain, struct buffer *out);
/* True for the name of a report's file, with .json, .json.gz or .gz. */
bool	report_file_name_match(struct text name);

#endif
