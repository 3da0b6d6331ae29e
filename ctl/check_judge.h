/*
 * What follows from a full look: what is wrong, what to do about it, and one
 * word for the whole.  Which promise governs and whether mail would be
 * delivered is tls_decision's.
 */

#ifndef HOPSEAL_CHECK_JUDGE_H
#define HOPSEAL_CHECK_JUDGE_H

#include "ctl/look.h"
#include "shared/policy/tls_decision.h"

enum check_overall {
	CHECK_GOOD, CHECK_WARNINGS, CHECK_BROKEN, CHECK_UNKNOWN
};
/* "good"; a constant string. */
const char	*check_overall_name(enum check_overall overall);

#define CHECK_WORDS_SIZE	320

struct check_problem {
	const char	*word;		/* a finding or a warning */
	bool		 is_warning;	/* else it breaks what is promised */
	const char	*host;		/* or "": the domain */
	char		 address[ADDRESS_TEXT_SIZE];	/* or "" */
	char		 words[CHECK_WORDS_SIZE];
	char		 advice[CHECK_WORDS_SIZE];
};

struct check {
	const struct look	*look;
	int64_t			 now;
	struct tls_decision	 decision;
	enum check_overall	 overall;
	struct check_problem	*problems;
	size_t			 problem_count;
};

/*
 * Notes what was seen in look's facts and judges the whole; look must outlive
 * *out, which is the caller's until check_clear.
 */
void		 check_judge(struct look *look, int64_t now,
		    struct check *out);
void		 check_clear(struct check *check);
/*
 * Adds what others know to be wrong, a warning, and returns it; it concerns the
 * domain until its host is set.  What was good has warnings then.
 */
struct check_problem *check_warn(struct check *check, const char *word,
		    const char *advice, const char *format, ...)
		    __attribute__((format(printf, 4, 5)));

/* The finding of one address, as its host is judged by. */
enum finding	 check_address_finding(const struct check *check,
		    const struct look_address *address);
/* The finding of one host by its addresses and the policy's names. */
enum finding	 check_host_finding(const struct check *check,
		    const struct facts_host *host);
/* True when TLSA records say whom to trust at that host. */
bool		 check_dane_governs(const struct check *check,
		    const struct facts_host *host);

#endif
