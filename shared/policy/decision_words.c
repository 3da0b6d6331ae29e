/*
 * The words of a decision.  An observation's own words say most: whose
 * certificate it is, and since when.  They are of its first finding, and where
 * another one counts (Postfix lets the first pass, or DANE does not govern),
 * that one's general words have to do.
 */

#include "shared/policy/decision_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
decision_words_set(struct tls_decision *d, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_quote(d->reason, sizeof(d->reason), text_of(text));
}

void
decision_words_absent(struct tls_decision *d, const struct facts *f)
{
	if (f == NULL)
		return;
	if (f->fetch_failed_count > 0)
		decision_words_set(d, "%s: %s",
		    finding_name(f->fetch_finding), f->fetch_error);
	else if (f->record_state == FACT_UNKNOWN && f->record_error[0] != '\0')
		decision_words_set(d, "MTA-STS record unknown: %s",
		    f->record_error);
}

void
decision_words_unknown(struct tls_decision *d, const struct facts *f,
    const struct tls_site *site)
{
	if (f == NULL)
		decision_words_set(d, "first lookup not finished");
	else if (f->looked_at == 0)
		decision_words_set(d, "first lookup of %s not finished",
		    f->hop.name);
	else if (f->dane_error[0] != '\0')
		decision_words_set(d, "DANE of %s is unknown: %s",
		    f->hop.name, f->dane_error);
	else if (f->mx_error[0] != '\0')
		decision_words_set(d, "MX lookup of %s failed: %s",
		    f->hop.name, f->mx_error);
	else if (f->learned_at == 0 && f->host_count > 0)
		decision_words_set(d, "no mail host of %s could be "
		    "looked up: %s", f->hop.name, f->hosts[0].error);
	else if (site->dane == FACT_UNKNOWN)
		decision_words_set(d, "DANE of %s is unknown: the "
		    "resolver has not been checked yet", f->hop.name);
	else
		decision_words_set(d, "DANE of %s is unknown: what was "
		    "known is older than stale_ttl", f->hop.name);
}

/* What the observation's words are about. */
static enum finding
worded_finding(const struct facts_address *a)
{
	return a->dane_finding != FINDING_UNKNOWN ? a->dane_finding :
	    a->finding;
}

static void
describe_finding(enum finding finding, const struct facts_address *a,
    char out[FACTS_ERROR_MAX_BYTES + 1])
{
	char day[TEXT_TIME_SIZE];

	if (a != NULL && a->words[0] != '\0' && worded_finding(a) == finding)
		facts_set_error(out, "%s", a->words);
	else if (a != NULL && a->not_after != 0 &&
	    finding == FINDING_CERT_EXPIRED)
		facts_set_error(out, "%s %s", finding_words(finding),
		    text_format_day(day, a->not_after));
	else
		facts_set_error(out, "%s", finding_words(finding));
}

/* Who is asked for another certificate; "" where that does not help. */
static const char *
issuer_of(enum finding finding, const struct facts_address *a,
    const char *said)
{
	bool is_of_certificate = finding == FINDING_STAPLE_MISSING ||
	    (finding > FINDING_CERT_SELF_SIGNED &&
	    finding <= FINDING_CERT_WEAK);

	if (a == NULL || !is_of_certificate || strstr(said, a->detail) != NULL)
		return "";
	return a->detail;
}

void
decision_words_bad(struct tls_decision *d, const struct facts *f,
    const struct bad_host *bad)
{
	char said[FACTS_ERROR_MAX_BYTES + 1], others[48] = "";
	char promise[sizeof(d->reason)];
	const char *issuer;

	describe_finding(d->finding, bad->address, said);
	issuer = issuer_of(d->finding, bad->address, said);
	if (bad->other_count > 0)
		snprintf(others, sizeof(others), "; %zu other host%s bad too",
		    bad->other_count, bad->other_count > 1 ? "s are" : " is");
	memcpy(promise, d->reason, sizeof(promise));
	decision_words_set(d, "no usable mail host for %s: %s: %s "
	    "(%s%s%s%s)%s", f->hop.name, bad->host->name, said,
	    issuer[0] != '\0' ? "issuer " : "", issuer,
	    issuer[0] != '\0' ? ", " : "", promise, others);
}
