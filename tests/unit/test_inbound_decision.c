/*
 * Mail that comes in, a group of rows for each number of docs/decisions.md,
 * "Mail that comes in".  A session is written as Postfix tells it; what must
 * come out is the action and a part of the reason.
 */

#include "shared/policy/inbound_decision.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))
#define NOW		INT64_C(1795305600)	/* 2026-11-22 */
#define SENDER		"ann@partner.example"
#define RECIPIENT	"bob@own.example"
#define REQUIRED	"TLS is required for mail from "
#define IN_CLEAR	REQUIRED "partner.example: this session is not " \
			"encrypted"

struct row {
	const char	*label;
	const char	*rules;
	/* "ours", "unknown", "clear", or a protocol, perhaps with what the
	   client's certificate is */
	const char	*session;
	const char	*sender, *recipient;	/* NULL: SENDER, RECIPIENT */
	const char	*action;
	const char	*reason;	/* NULL: not looked at */
};

#define DEFER(domain)	domain " in action=defer require=encrypt\n"
#define PARTNER		DEFER("partner.example")

static const struct row step_1[] = {
	{ "1: somebody else's client is judged", PARTNER, "clear", NULL, NULL,
	    "defer", IN_CLEAR },
	{ "1: ours is not", PARTNER, "ours", NULL, NULL, "off", NULL },
	{ "1: the null sender", DEFER("*"), "clear", "", NULL, "off", NULL },
	{ "1: a sender without domain", DEFER("*"), "clear", "ann", NULL,
	    "off", NULL },
	{ "1: nothing behind the @", DEFER("*"), "clear", "ann@", NULL, "off",
	    NULL },
	{ "1: an address literal", DEFER("*"), "clear", "ann@[192.0.2.1]",
	    NULL, "off", NULL },
	{ "1: no name", DEFER("*"), "clear", "ann@par..tner.example", NULL,
	    "off", NULL },
	{ "1: the last @ counts", PARTNER, "clear",
	    "\"a@own.example\"@partner.example", NULL, "defer", IN_CLEAR },
	{ "1: nothing before the @", PARTNER, "clear", "@partner.example",
	    NULL, "defer", IN_CLEAR },
	{ "1: the one spelling of the domain", PARTNER, "clear",
	    "ann@PARTNER.Example.", NULL, "defer", IN_CLEAR },
	{ "1: U-labels", DEFER("xn--bcher-kva.example"), "clear",
	    "ann@B\303\274cher.example", NULL, "defer",
	    REQUIRED "xn--bcher-kva.example: " },
	{ "1: postmaster", PARTNER, "clear", NULL, "postmaster@own.example",
	    "off", NULL },
	{ "1: abuse, letter case", PARTNER, "clear", NULL, "ABUSE@own.example",
	    "off", NULL },
	{ "1: postmaster without domain", PARTNER, "clear", NULL, "Postmaster",
	    "off", NULL },
	{ "1: an empty recipient", PARTNER, "clear", NULL, "", "off", NULL },
	{ "1: no more than these", PARTNER, "clear", NULL,
	    "postmasters@own.example", "defer", NULL },
	{ "1: it is not the sender's name that exempts", PARTNER, "clear",
	    "postmaster@partner.example", NULL, "defer", NULL }
};

static const struct row step_2[] = {
	{ "2: no rule", "", "clear", NULL, NULL, "off", NULL },
	{ "2: a rule for others", DEFER("other.example"), "clear", NULL, NULL,
	    "off", NULL },
	{ "2: an out rule", "partner.example out action=defer\n", "clear",
	    NULL, NULL, "off", NULL },
	{ "2: not the recipient's", DEFER("own.example"), "clear", NULL, NULL,
	    "off", NULL },
	{ "2: a parent", DEFER(".partner.example"), "clear",
	    "ann@a.b.partner.example", NULL, "defer",
	    REQUIRED "a.b.partner.example: " },
	{ "2: for all", DEFER("*"), "clear", NULL, NULL, "defer", NULL },
	{ "2: the most specific one", DEFER("*")
	    "partner.example in action=off\n", "clear", NULL, NULL, "off",
	    NULL },
	{ "2: its last day", "partner.example in action=defer require=encrypt "
	    "until=2026-11-22\n", "clear", NULL, NULL, "defer", NULL },
	{ "2: past its last day", "partner.example in action=defer "
	    "require=encrypt until=2026-11-21\n", "clear", NULL, NULL, "off",
	    NULL },
	{ "2: past its last day the next one holds", "partner.example in "
	    "action=reject require=encrypt until=2026-11-21\n" DEFER("*"),
	    "clear", NULL, NULL, "defer", NULL }
};

#define DEFER_UNLESS(words) "partner.example in action=defer " words "\n"

static const struct row step_3[] = {
	{ "3: nothing is asked", "partner.example in action=log\n", "clear",
	    NULL, NULL, "off", NULL },

	{ "3: encrypt, any TLS", PARTNER, "TLSv1", NULL, NULL, "off", NULL },
	{ "3: encrypt, a protocol of the future", PARTNER, "TLSv2", NULL, NULL,
	    "off", NULL },
	{ "3: encrypt, in clear", PARTNER, "clear", NULL, NULL, "defer",
	    IN_CLEAR },
	{ "3: encrypt, not told", PARTNER, "unknown", NULL, NULL, "off",
	    NULL },

	{ "3: min_tls=1.0, TLSv1", DEFER_UNLESS("min_tls=1.0"), "TLSv1", NULL,
	    NULL, "off", NULL },
	{ "3: min_tls=1.0, SSLv3", DEFER_UNLESS("min_tls=1.0"), "SSLv3", NULL,
	    NULL, "defer", "SSLv3 is older than TLSv1" },
	{ "3: min_tls=1.0, SSLv2", DEFER_UNLESS("min_tls=1.0"), "SSLv2", NULL,
	    NULL, "defer", "SSLv2 is older than TLSv1" },
	{ "3: min_tls=1.1, TLSv1", DEFER_UNLESS("min_tls=1.1"), "TLSv1", NULL,
	    NULL, "defer", "TLSv1 is older than TLSv1.1" },
	{ "3: min_tls=1.1, TLSv1.1", DEFER_UNLESS("min_tls=1.1"), "TLSv1.1",
	    NULL, NULL, "off", NULL },
	{ "3: min_tls=1.2, TLSv1.1", DEFER_UNLESS("min_tls=1.2"), "TLSv1.1",
	    NULL, NULL, "defer",
	    REQUIRED "partner.example: TLSv1.1 is older than TLSv1.2" },
	{ "3: min_tls=1.2, TLSv1.3", DEFER_UNLESS("min_tls=1.2"), "TLSv1.3",
	    NULL, NULL, "off", NULL },
	{ "3: min_tls=1.3, TLSv1.2", DEFER_UNLESS("min_tls=1.3"), "TLSv1.2",
	    NULL, NULL, "defer", "TLSv1.2 is older than TLSv1.3" },
	{ "3: min_tls, a protocol of the future", DEFER_UNLESS("min_tls=1.3"),
	    "TLSv1.4", NULL, NULL, "off", NULL },
	{ "3: min_tls includes TLS", DEFER_UNLESS("min_tls=1.0"), "clear",
	    NULL, NULL, "defer", IN_CLEAR },
	{ "3: min_tls, not told", DEFER_UNLESS("min_tls=1.3"), "unknown", NULL,
	    NULL, "off", NULL },

	{ "3: clientcert, trusted", DEFER_UNLESS("require=clientcert"),
	    "TLSv1.3 trusted", NULL, NULL, "off", NULL },
	{ "3: clientcert, not trusted", DEFER_UNLESS("require=clientcert"),
	    "TLSv1.3 untrusted", NULL, NULL, "defer",
	    "the client certificate is not trusted here" },
	{ "3: clientcert, none", DEFER_UNLESS("require=clientcert"),
	    "TLSv1.3 none", NULL, NULL, "defer",
	    "no client certificate was sent" },
	{ "3: clientcert, not told", DEFER_UNLESS("require=clientcert"),
	    "TLSv1.3", NULL, NULL, "off", NULL },
	{ "3: clientcert includes TLS", DEFER_UNLESS("require=clientcert"),
	    "clear", NULL, NULL, "defer", IN_CLEAR },
	{ "3: clientcert with min_tls",
	    DEFER_UNLESS("require=clientcert min_tls=1.3"),
	    "TLSv1.2 trusted", NULL, NULL, "defer", "older" },
	{ "3: clientcert with a newer protocol",
	    DEFER_UNLESS("require=clientcert min_tls=1.2"),
	    "TLSv1.3 none", NULL, NULL, "defer", "no client certificate" },
	{ "3: encrypt asks for no certificate", PARTNER, "TLSv1.3 untrusted",
	    NULL, NULL, "off", NULL }
};

#define ACTION(word) "partner.example in require=encrypt " word "\n"

static const struct row step_4[] = {
	{ "4: without action", ACTION(""), "clear", NULL, NULL, "log",
	    IN_CLEAR },
	{ "4: off", ACTION("action=off"), "clear", NULL, NULL, "off", NULL },
	{ "4: log", ACTION("action=log"), "clear", NULL, NULL, "log",
	    IN_CLEAR },
	{ "4: tag", ACTION("action=tag"), "clear", NULL, NULL, "tag",
	    IN_CLEAR },
	{ "4: hold", ACTION("action=hold"), "clear", NULL, NULL, "hold",
	    IN_CLEAR },
	{ "4: defer", ACTION("action=defer"), "clear", NULL, NULL, "defer",
	    IN_CLEAR },
	{ "4: reject", ACTION("action=reject"), "clear", NULL, NULL, "reject",
	    IN_CLEAR },
	{ "4: the operator's words", ACTION("action=defer "
	    "reason=\"call +49 30 123\""), "clear", NULL, NULL, "defer",
	    IN_CLEAR " (call +49 30 123)" }
};

static struct domain_rules *
rules_of(const char *table)
{
	struct domain_rules *rules = NULL;
	struct buffer errors;

	buffer_init(&errors, 4096);
	if (domain_rules_parse("rules", text_of(table), &rules, &errors) == -1)
		check_text(table, buffer_text(&errors), "");
	buffer_clear(&errors);
	if (rules == NULL)
		abort();
	return rules;
}

static struct inbound_mail
mail_of(const char *session, const char *sender, const char *recipient)
{
	struct text rest = text_of(session), word = { NULL, 0 };
	struct inbound_mail mail = { .tls = FACT_PRESENT };

	mail.sender = text_of(sender != NULL ? sender : SENDER);
	mail.recipient = text_of(recipient != NULL ? recipient : RECIPIENT);
	text_next_word(&rest, &mail.protocol);
	if (text_equals(mail.protocol, "unknown")) {
		mail.tls = FACT_UNKNOWN;
	} else if (text_equals(mail.protocol, "clear") ||
	    text_equals(mail.protocol, "ours")) {
		mail.is_ours = text_equals(mail.protocol, "ours");
		mail.tls = FACT_ABSENT;
		mail.certificate = INBOUND_CERTIFICATE_NONE;
	}
	if (mail.tls != FACT_PRESENT)
		mail.protocol.len = 0;
	text_next_word(&rest, &word);
	if (text_equals(word, "none"))
		mail.certificate = INBOUND_CERTIFICATE_NONE;
	else if (text_equals(word, "untrusted"))
		mail.certificate = INBOUND_CERTIFICATE_UNTRUSTED;
	else if (text_equals(word, "trusted"))
		mail.certificate = INBOUND_CERTIFICATE_TRUSTED;
	return mail;
}

static void
test_rows(const struct row *rows, size_t count)
{
	struct domain_rules *rules;
	struct inbound_mail mail;
	struct inbound_decision d;
	size_t i;

	for (i = 0; i < count; i++) {
		rules = rules_of(rows[i].rules);
		mail = mail_of(rows[i].session, rows[i].sender,
		    rows[i].recipient);
		inbound_decision_make(&mail, rules, NOW, &d);
		check_text(rows[i].label, rule_action_name(d.action),
		    rows[i].action);
		if (rows[i].reason != NULL && d.action != RULE_ACTION_OFF)
			check_contains("its reason", d.reason,
			    rows[i].reason);
		domain_rules_free(rules);
	}
}

/* The reason is bounded and says first what matters. */
static void
test_long_names(void)
{
	char label[64], domain[256], sender[300], words[2048], table[4096];
	struct inbound_decision d;
	struct inbound_mail mail;
	struct domain_rules *rules;

	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(domain, sizeof(domain), "%s.%s.%s.%.61s", label, label, label,
	    label);
	snprintf(sender, sizeof(sender), "ann@%s", domain);
	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	snprintf(table, sizeof(table), "* in action=reject require=encrypt "
	    "reason=%s\n", words);
	rules = rules_of(table);
	mail = mail_of("clear", sender, NULL);
	inbound_decision_make(&mail, rules, NOW, &d);
	check_text("the longest domain", d.domain, domain);
	check_int("the rule's line", d.rule->line, 1);
	check_int("the longest reason", (int64_t)strlen(d.reason),
	    INBOUND_REASON_MAX_BYTES);
	check_contains("what is wrong", d.reason,
	    ": this session is not encrypted (www");
	domain_rules_free(rules);
}

int
main(void)
{
	test_rows(step_1, ROWS(step_1));
	test_rows(step_2, ROWS(step_2));
	test_rows(step_3, ROWS(step_3));
	test_rows(step_4, ROWS(step_4));
	test_long_names();
	return check_end();
}
