/*
 * session_counts: what a key of a tally is counted as, and that names that
 * strangers choose make no new counts.
 */

#include "policyd/clerk/ledger/session_counts.h"

#include "tests/unit/check.h"

#define T(word) { word, sizeof(word) - 1 }

/* One key each, alone. */
static const struct {
	const char	*label;
	struct tally_key key;
	const char	*result, *protocol;	/* NULL: none */
	int		 sessions, verified, refusals;
} rows[] = {
	{ "a good session", { .outcome = TALLY_SUCCESS, .finding = FINDING_OK,
	    .trust = SESSION_TRUST_VERIFIED, .protocol = T("TLSv1.3") },
	    NULL, "TLSv1.3", 1, 1, 0 },
	{ "in clear", { .outcome = TALLY_CLEAR }, NULL, NULL, 1, 0, 0 },
	{ "an unknown version", { .outcome = TALLY_UNKNOWN,
	    .protocol = T("TLSv9\n") }, NULL, "other", 1, 0, 0 },
	{ "a failure by its finding", { .outcome = TALLY_FAILURE,
	    .finding = FINDING_CERT_EXPIRED }, "certificate-expired", NULL, 1,
	    0, 0 },
	{ "a failure by its own word", { .outcome = TALLY_FAILURE,
	    .finding = FINDING_CERT_EXPIRED, .result = T("dane-required") },
	    "dane-required", NULL, 1, 0, 0 },
	{ "a failure in a stranger's word", { .outcome = TALLY_FAILURE,
	    .result = T("\"} 1") }, "other", NULL, 1, 0, 0 },
	{ "a failure without any", { .outcome = TALLY_FAILURE },
	    "other", NULL, 1, 0, 0 },
	{ "a detail is no session", { .is_detail = true,
	    .outcome = TALLY_FAILURE, .finding = FINDING_STARTTLS_MISSING,
	    .protocol = T("TLSv1.3") }, "starttls-not-supported", NULL, 0, 0,
	    0 },
	{ "our certificate is refused", { .direction = SESSION_IN,
	    .outcome = TALLY_FAILURE, .finding = FINDING_HANDSHAKE_FAILED,
	    .refuses_our_certificate = true }, "validation-failure", NULL, 1,
	    0, 1 },
};

static uint64_t
sum_of(const uint64_t *counts, unsigned count)
{
	uint64_t sum = 0;

	while (count > 0)
		sum += counts[--count];
	return sum;
}

static const char *
result_of(const uint64_t *counts)
{
	unsigned i;

	for (i = 0; i < SESSION_RESULTS; i++)
		if (counts[i] > 0)
			return session_result_name(i);
	return NULL;
}

static const char *
protocol_of(const uint64_t *counts)
{
	unsigned i;

	for (i = 0; i < SESSION_PROTOCOLS; i++)
		if (counts[i] > 0)
			return session_protocol_name(i);
	return NULL;
}

int
main(void)
{
	struct session_counts counts;
	enum session_direction d;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&counts, 0, sizeof(counts));
		session_counts_add(&counts, &rows[i].key);
		d = rows[i].key.direction;
		check_text(rows[i].label, result_of(counts.results[d]),
		    rows[i].result);
		check_text(rows[i].label, protocol_of(counts.protocols[d]),
		    rows[i].protocol);
		check_int(rows[i].label, (int64_t)sum_of(counts.outcomes[d],
		    SESSION_OUTCOMES), rows[i].sessions);
		check_int(rows[i].label, (int64_t)counts.outcomes[d][
		    rows[i].key.outcome], rows[i].sessions);
		check_int(rows[i].label, (int64_t)counts.verified[d],
		    rows[i].verified);
		check_int(rows[i].label, (int64_t)counts.refusals,
		    rows[i].refusals);
	}
	return check_end();
}
