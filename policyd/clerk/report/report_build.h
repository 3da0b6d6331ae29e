/*
 * From the counts of a domain and a day to its reports (RFC 8460, 4): one for
 * each TLSRPT record that the day has seen, in it each policy that was applied.
 * No I/O; the same counts give the same reports, octet by octet.
 */

#ifndef HOPSEAL_REPORT_BUILD_H
#define HOPSEAL_REPORT_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "shared/text.h"
#include "shared/tlsrpt/report.h"
#include "shared/tlsrpt/tally.h"

struct config;

#define REPORT_REF_SIZE	17	/* 16 hexadecimal digits */

/* Who reports; all names are options. */
struct report_maker {
	const char	*organization, *contact;
	const char	*submitter;	/* the domain in report_sender */
};

/* As the options have it, which are borrowed. */
struct report_maker report_maker_of(const struct config *config);

struct built_report {
	/* Of domain, day and TLSRPT record; stands in report-id. */
	char		 ref[REPORT_REF_SIZE];
	struct report	 report;
};

struct built_reports {
	struct built_report	*reports;
	size_t			 count;
	struct report_blocks	*blocks;	/* what the reports point to */
};

/*
 * tally holds the sums of that day, counted from 1970.  A session that was
 * counted without a record belongs to the latest one; one without a policy to
 * "no-policy-found".  Encrypted and nothing asked for more is a success; in
 * clear and nothing asked for TLS is in no report.  No sessions, no reports.
 * *out is the caller's.
 */
void	report_build(const struct tally *tally, struct text domain,
	    int64_t day, const struct report_maker *maker,
	    struct built_reports *out);
void	built_reports_clear(struct built_reports *built);

#endif
