/*
 * What becomes of mail that comes in.  The numbers are those of "in" rules in
 * docs/decisions.md and of the cases in the test.
 *
 *  1. Some mail no rule concerns: what comes from ourselves, what has no
 *     sender's domain to ask anything of, and the addresses that have to be
 *     reachable for those who cannot do TLS right (RFC 5321, 4.5.1; RFC 2142).
 *  2. The most specific "in" rule for the sender's domain.
 *  3. What it asks and the session lacks.  Each requirement includes TLS.
 *     What is unknown lacks nothing.
 *  4. The rule's action.
 */

#include "shared/policy/inbound_decision.h"

#include <stdio.h>

#define SHORTCOMING_SIZE 64

/* As OpenSSL and so Postfix call them. */
static const struct protocol {
	const char	*name;
	unsigned	 version;	/* as min_tls= has it */
} protocols[] = {
	{ "TLSv1.3", 13 }, { "TLSv1.2", 12 }, { "TLSv1.1", 11 },
	{ "TLSv1", 10 }, { "SSLv3", 3 }, { "SSLv2", 2 }
};

#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))

/* NULL: one that is not known here, perhaps of the future. */
static const struct protocol *
protocol_find(struct text name)
{
	size_t i;

	for (i = 0; i < PROTOCOL_COUNT; i++)
		if (text_equals(name, protocols[i].name))
			return &protocols[i];
	return NULL;
}

static const char *
protocol_name(unsigned version)
{
	size_t i;

	for (i = 0; i < PROTOCOL_COUNT; i++)
		if (protocols[i].version == version)
			return protocols[i].name;
	return "";
}

/* At the last "@"; false when there is none. */
static bool
address_split(struct text address, struct text *local, struct text *domain)
{
	size_t i = address.len;

	while (i > 0 && address.data[i - 1] != '@')
		i--;
	if (i == 0)
		return false;
	*local = (struct text){ address.data, i - 1 };
	*domain = (struct text){ address.data + i, address.len - i };
	return true;
}

/* 1. False for mail that no rule concerns. */
static bool
find_sender_domain(const struct inbound_mail *mail, char out[HOST_NAME_SIZE])
{
	struct text local, domain;
	const char *why;

	if (mail->is_ours ||
	    !address_split(mail->recipient, &local, &domain) ||
	    text_equals_nocase(local, "postmaster") ||
	    text_equals_nocase(local, "abuse"))
		return false;
	return address_split(mail->sender, &local, &domain) &&
	    host_name_normalize(domain, out, &why) == 0;
}

/* 3. Words for what the session lacks; false when it is nothing. */
static bool
find_shortcoming(const struct inbound_mail *mail,
    const struct domain_rule *rule, char out[SHORTCOMING_SIZE])
{
	const struct protocol *protocol = protocol_find(mail->protocol);

	if (mail->tls == FACT_UNKNOWN ||
	    (rule->require == RULE_REQUIRE_UNSET && rule->min_tls == 0))
		return false;
	if (mail->tls == FACT_ABSENT)
		snprintf(out, SHORTCOMING_SIZE,
		    "this session is not encrypted");
	else if (protocol != NULL && protocol->version < rule->min_tls)
		snprintf(out, SHORTCOMING_SIZE, "%s is older than %s",
		    protocol->name, protocol_name(rule->min_tls));
	else if (rule->require != RULE_REQUIRE_CLIENTCERT)
		return false;
	else if (mail->certificate == INBOUND_CERTIFICATE_NONE)
		snprintf(out, SHORTCOMING_SIZE,
		    "no client certificate was sent");
	else if (mail->certificate == INBOUND_CERTIFICATE_UNTRUSTED)
		snprintf(out, SHORTCOMING_SIZE,
		    "the client certificate is not trusted here");
	else
		return false;
	return true;
}

static void
set_reason(struct inbound_decision *d, const char *shortcoming)
{
	const char *words = d->rule->reason;
	char text[1024];

	snprintf(text, sizeof(text), "TLS is required for mail from %s: "
	    "%s%s%s%s", d->domain, shortcoming, words != NULL ? " (" : "",
	    words != NULL ? words : "", words != NULL ? ")" : "");
	text_quote(d->reason, sizeof(d->reason), text_of(text));
}

void
inbound_decision_make(const struct inbound_mail *mail,
    const struct domain_rules *rules, int64_t now,
    struct inbound_decision *out)
{
	char shortcoming[SHORTCOMING_SIZE];

	out->action = RULE_ACTION_OFF;
	if (!find_sender_domain(mail, out->domain))			/* 1 */
		return;
	out->rule = domain_rules_match(rules, out->domain, RULE_IN,	/* 2 */
	    now);
	if (out->rule == NULL || out->rule->action == RULE_ACTION_OFF ||
	    !find_shortcoming(mail, out->rule, shortcoming))		/* 3 */
		return;
	out->action = out->rule->action == RULE_ACTION_UNSET ?		/* 4 */
	    RULE_ACTION_LOG : out->rule->action;
	set_reason(out, shortcoming);
}
