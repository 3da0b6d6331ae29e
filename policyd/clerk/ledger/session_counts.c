/*
 * Sessions counted since the start.  What is not in the fixed lists is "other".
 */

#include "policyd/clerk/ledger/session_counts.h"

static const char *const protocols[SESSION_PROTOCOLS] = {
	"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1", "other"
};

static const char *const results[SESSION_RESULTS] = {
	"starttls-not-supported", "certificate-host-mismatch",
	"certificate-expired", "certificate-not-trusted",
	"validation-failure", "tlsa-invalid", "dnssec-invalid",
	"dane-required", "sts-policy-fetch-error", "sts-policy-invalid",
	"sts-webpki-invalid", "other"
};

const char *
session_protocol_name(unsigned protocol)
{
	return protocols[protocol];
}

const char *
session_result_name(unsigned result)
{
	return results[result];
}

/* The place of a word, or the last. */
static unsigned
place_of(struct text word, const char *const *words, unsigned count)
{
	unsigned i = 0;

	while (i < count - 1 && !text_equals(word, words[i]))
		i++;
	return i;
}

static struct text
result_of(const struct tally_key *key)
{
	const char *known = finding_result_type(key->finding);

	if (key->result.len > 0)
		return key->result;
	return text_of(known != NULL ? known : "");
}

void
session_counts_add(struct session_counts *c, const struct tally_key *key)
{
	if (key->outcome == TALLY_FAILURE)
		c->results[key->direction][place_of(result_of(key), results,
		    SESSION_RESULTS)]++;
	if (key->is_detail)
		return;
	c->outcomes[key->direction][key->outcome]++;
	if (key->protocol.len > 0)
		c->protocols[key->direction][place_of(key->protocol, protocols,
		    SESSION_PROTOCOLS)]++;
	if (key->trust == SESSION_TRUST_VERIFIED)
		c->verified[key->direction]++;
	if (key->refuses_our_certificate)
		c->refusals++;
}
