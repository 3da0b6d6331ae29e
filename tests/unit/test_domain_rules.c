/*
 * The operator's table: every option, every mistake with its message, which
 * rule applies to which domain and when, and that a large table is no trouble.
 */

#include "shared/policy/domain_rules.h"

#include "tests/unit/check.h"

#define NOW	1763800000	/* 2025-11-22 */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct domain_rules *
parse(const char *table, size_t len, struct buffer *errors)
{
	char *exact = check_exact(table, len);
	struct domain_rules *rules = NULL;

	buffer_init(errors, 65536);
	if (domain_rules_parse("rules", (struct text){ exact, len }, &rules,
	    errors) == -1)
		rules = NULL;
	free(exact);
	return rules;
}

static struct domain_rules *
parse_good(const char *table)
{
	struct buffer errors;
	struct domain_rules *rules;

	rules = parse(table, strlen(table), &errors);
	check_text("no mistake", buffer_text(&errors), "");
	if (rules == NULL)
		abort();
	buffer_clear(&errors);
	return rules;
}

/* ---------------------------------------------------------------- fields */

static const struct {
	const char		*line;
	struct domain_rule	 want;	/* pattern, text and line aside */
} field_rows[] = {
	{ "a.example out action=off", { .action = RULE_ACTION_OFF } },
	{ "a.example out action=log", { .action = RULE_ACTION_LOG } },
	{ "a.example out action=tag", { .action = RULE_ACTION_TAG } },
	{ "a.example out action=hold", { .action = RULE_ACTION_HOLD } },
	{ "a.example out action=defer", { .action = RULE_ACTION_DEFER } },
	{ "a.example in action=off",
	    { .direction = RULE_IN, .action = RULE_ACTION_OFF } },
	{ "a.example in action=tag",
	    { .direction = RULE_IN, .action = RULE_ACTION_TAG } },
	{ "a.example in action=defer require=encrypt",
	    { .direction = RULE_IN, .action = RULE_ACTION_DEFER,
	    .require = RULE_REQUIRE_ENCRYPT } },
	{ "a.example in action=reject min_tls=1.2",
	    { .direction = RULE_IN, .action = RULE_ACTION_REJECT,
	    .min_tls = 12 } },
	{ "a.example out require=encrypt",
	    { .require = RULE_REQUIRE_ENCRYPT } },
	{ "a.example out require=verify", { .require = RULE_REQUIRE_VERIFY } },
	{ "a.example in require=encrypt",
	    { .direction = RULE_IN, .require = RULE_REQUIRE_ENCRYPT } },
	{ "a.example in require=clientcert",
	    { .direction = RULE_IN, .require = RULE_REQUIRE_CLIENTCERT } },
	{ "a.example out min_tls=1.0", { .min_tls = 10 } },
	{ "a.example out min_tls=1.1", { .min_tls = 11 } },
	{ "a.example out min_tls=1.2", { .min_tls = 12 } },
	{ "a.example in min_tls=1.3",
	    { .direction = RULE_IN, .min_tls = 13 } },
	{ "a.example out strict=yes", { .is_strict = true } },
	{ "a.example out strict=no", { .is_strict = false } },
	{ "a.example out clients=authenticated",
	    { .clients = RULE_CLIENTS_AUTHENTICATED } },
	{ "a.example out clients=all", { .clients = RULE_CLIENTS_ALL } },
	{ "a.example out level=may", { .level = TLS_LEVEL_MAY } },
	{ "a.example out level=encrypt protocols=!SSLv2:TLSv1.2:!tlsv1",
	    { .level = TLS_LEVEL_ENCRYPT,
	    .protocols = "!SSLv2:TLSv1.2:!tlsv1" } },
	{ "a.example out level=fingerprint match=AB:cd:01|2345",
	    { .level = TLS_LEVEL_FINGERPRINT, .match = "AB:cd:01|2345" } },
	{ "a.example out level=dane", { .level = TLS_LEVEL_DANE } },
	{ "a.example out level=dane-only ciphers=High",
	    { .level = TLS_LEVEL_DANE_ONLY, .ciphers = "High" } },
	{ "a.example out level=verify match=hostname",
	    { .level = TLS_LEVEL_VERIFY, .match = "hostname" } },
	{ "a.example out match=nexthop:.B.example servername=hostname "
	    "level=secure", { .level = TLS_LEVEL_SECURE,
	    .match = "nexthop:.B.example", .servername = "hostname" } },
	{ "a.example out level=secure", { .level = TLS_LEVEL_SECURE } },
	{ "a.example out until=2026-12-01 level=may "
	    "reason=\"their CA, ticket 4711\"",
	    { .level = TLS_LEVEL_MAY, .until = 1796169600,
	    .reason = "their CA, ticket 4711" } },
	{ "a.example out action=log reason=#4711=x",
	    { .action = RULE_ACTION_LOG, .reason = "#4711=x" } },
	{ "a.example out action=\"defer\" until=2028-02-29",
	    { .action = RULE_ACTION_DEFER, .until = 1835481600 } },
	{ "a.example\tOUT \t Action=DEFER  require=Verify\tmin_tls=1.2",
	    { .action = RULE_ACTION_DEFER, .require = RULE_REQUIRE_VERIFY,
	    .min_tls = 12 } }
};

static void
test_fields(void)
{
	const struct domain_rule *got, *want;
	struct domain_rules *rules;
	size_t i;

	for (i = 0; i < COUNT(field_rows); i++) {
		rules = parse_good(field_rows[i].line);
		got = domain_rules_at(rules, 0);
		want = &field_rows[i].want;
		check_text(field_rows[i].line, got->text, field_rows[i].line);
		check_text("pattern", got->pattern, "a.example");
		check_int("direction", got->direction, want->direction);
		check_int("action", got->action, want->action);
		check_int("require", got->require, want->require);
		check_int("clients", got->clients, want->clients);
		check_int("level", got->level, want->level);
		check_int("min_tls", got->min_tls, want->min_tls);
		check_bool("strict", got->is_strict, want->is_strict);
		check_text("match", got->match, want->match);
		check_text("protocols", got->protocols, want->protocols);
		check_text("ciphers", got->ciphers, want->ciphers);
		check_text("servername", got->servername, want->servername);
		check_text("reason", got->reason, want->reason);
		check_int("until", got->until, want->until);
		check_int("line", got->line, 1);
		domain_rules_free(rules);
	}
}

/* -------------------------------------------------------------- mistakes */

static const struct {
	const char	*line;
	const char	*message;	/* the whole, or its begin */
} mistake_rows[] = {
	/* Words. */
	{ "a.example out actoin=defer",
	    "unknown word \"actoin=\" (did you mean \"action=\"?)" },
	{ "a.example out protocol=TLSv1.2",
	    "unknown word \"protocol=\" (did you mean \"protocols=\"?)" },
	{ "a.example out colour=red", "unknown word \"colour=\"\n" },
	{ "a.example out =red", "unknown word \"=\"\n" },
	{ "a.example out defer", "\"defer\" has no \"=\"" },
	{ "a.example out reason=their CA", "\"CA\" has no \"=\"" },
	{ "a.example out action=defre",
	    "unknown action \"defre\" (did you mean \"defer\"?)" },
	{ "a.example out action=stop",
	    "unknown action \"stop\" "
	    "(known here: off, log, tag, hold, defer)" },
	{ "a.example out action=reject", "unknown action \"reject\"" },
	{ "a.example out require=clientcert",
	    "unknown require \"clientcert\" (known here: encrypt, verify)" },
	{ "a.example in require=verify", "unknown require \"verify\"" },
	{ "a.example out min_tls=1.4",
	    "unknown min_tls \"1.4\" (known here: 1.0, 1.1, 1.2, 1.3)" },
	{ "a.example out min_tls=TLSv1.2", "unknown min_tls" },
	{ "a.example out strict=1", "unknown strict \"1\"" },
	{ "a.example out clients=some", "unknown clients \"some\"" },
	{ "a.example out level=halfdane",
	    "unknown level \"halfdane\"" },
	{ "a.example out level=secured",
	    "unknown level \"secured\" (did you mean \"secure\"?)" },
	{ "a.example out action=log action=log", "action= is given twice" },
	/* Directions. */
	{ "a.example", "\"in\" or \"out\" is missing" },
	{ "a.example action=log", "\"in\" or \"out\" is missing" },
	{ "a.example ot action=log",
	    "unknown direction \"ot\" (did you mean \"out\"?)" },
	{ "a.example both action=log",
	    "unknown direction \"both\" (known here: out, in)" },
	{ "a.example in strict=yes", "strict= stands only in rules for" },
	{ "a.example in clients=all", "clients= stands only in rules for" },
	{ "a.example in level=may", "level= stands only in rules for" },
	{ "a.example in match=a", "match= stands only in rules for" },
	{ "a.example in protocols=TLSv1", "protocols= stands only in" },
	{ "a.example in ciphers=high", "ciphers= stands only in" },
	{ "a.example in servername=a", "servername= stands only in" },
	{ "a.example out", "a rule without options" },
	{ "a.example in action=hold", "action=hold without require= or "
	    "min_tls=: nothing is asked" },
	{ "a.example in action=defer", "action=defer without require=" },
	{ "a.example in action=reject", "action=reject without require=" },
	/* Patterns. */
	{ "*.example out action=log",
	    "bad pattern \"*.example\": what lies below a domain" },
	{ ". out action=log", "bad pattern \".\": " },
	{ "..example out action=log", "bad pattern \"..example\": " },
	{ "a..example out action=log", "bad pattern \"a..example\": " },
	{ "** out action=log", "bad pattern \"**\": " },
	{ "192.0.2.1 out action=log", "bad pattern \"192.0.2.1\": " },
	{ "[mx.example] out action=log", "bad pattern \"[mx.example]\": " },
	{ "a@b.example out action=log", "bad pattern \"a@b.example\": " },
	{ "a.example:25 out action=log", "bad pattern \"a.example:25\": " },
	{ "\377.example out action=log", "bad pattern \"?.example\": " },
	/* Text. */
	{ "a.example out reason=", "reason=: the value is empty" },
	{ "a.example out reason=\"\"", "reason=: the value is empty" },
	{ "a.example out action=", "action=: the value is empty" },
	{ "a.example out reason=\"x", "reason=\"x: the quote is not closed" },
	{ "a.example out reason=\"", "reason=\": the quote is not closed" },
	{ "a.example out reason=\"x\"y",
	    "reason=\"x\"y: text behind the closing quote" },
	{ "a.example out reason=x\"y z\"",
	    "reason=x\"y z\": a quote within the value" },
	{ "a.example out reason=M\303\274ller",
	    "reason=M??ller: only printable ASCII" },
	{ "a.example out action=log # comment", "a comment needs a line" },
	{ "a.example out action=log \001", "a control character" },
	{ "a.example out\raction=log", "a control character" },
	{ "a.example out action=log\177", "a control character" },
	/* Dates. */
	{ "a.example out until=tomorrow", "until=tomorrow: a date is written" },
	{ "a.example out until=2026-1-1", "until=2026-1-1: a date is" },
	{ "a.example out until=2026/12/01", "until=2026/12/01: a date is" },
	{ "a.example out until=01-12-2026", "until=01-12-2026: a date is" },
	{ "a.example out until=2026-12-0x", "until=2026-12-0x: a date is" },
	{ "a.example out until=2026-12-011", "until=2026-12-011: a date is" },
	{ "a.example out until=2026-02-29", "until=2026-02-29: there is no" },
	{ "a.example out until=2026-13-01", "until=2026-13-01: there is no" },
	{ "a.example out until=2026-00-01", "until=2026-00-01: there is no" },
	{ "a.example out until=2026-01-00", "until=2026-01-00: there is no" },
	{ "a.example out until=2026-04-31", "until=2026-04-31: there is no" },
	{ "a.example out until=1969-12-31", "until=1969-12-31: no year" },
	/* The level and its attributes. */
	{ "a.example out level=may require=encrypt",
	    "level= replaces everything, so require=" },
	{ "a.example out min_tls=1.2 level=may",
	    "level= replaces everything, so min_tls=" },
	{ "a.example out match=a", "match= needs level=" },
	{ "a.example out require=verify match=a", "match= needs level=" },
	{ "a.example out protocols=TLSv1.2", "protocols= needs level=" },
	{ "a.example out ciphers=high", "ciphers= needs level=" },
	{ "a.example out servername=a", "servername= needs level=" },
	{ "a.example out level=none", "level=none: would send mail in clear "
	    "without a word; use level=may" },
	{ "a.example out level=None match=a", "level=None: would send" },
	{ "a.example out level=fingerprint",
	    "level=fingerprint needs match=" },
	{ "a.example out level=may match=a", "match=: only for level=" },
	{ "a.example out level=encrypt match=a", "match=: only for level=" },
	{ "a.example out level=dane match=a", "match=: only for level=" },
	{ "a.example out level=dane-only match=a", "match=: only for level=" },
	{ "a.example out level=secure match=", "match=: the value is empty" },
	{ "a.example out level=secure match=\"a b\"",
	    "match=a b: no blank, comma, brace" },
	{ "a.example out level=secure match=a,b",
	    "match=a,b: no blank, comma, brace" },
	{ "a.example out level=secure match={a",
	    "match={a: no blank, comma, brace" },
	{ "a.example out level=secure match=a}",
	    "match=a}: no blank, comma, brace" },
	{ "a.example out level=secure match=a=b",
	    "match=a=b: no blank, comma, brace" },
	{ "a.example out level=secure match=a::b", "match=: names are" },
	{ "a.example out level=secure match=:a", "match=: names are" },
	{ "a.example out level=secure match=a:", "match=: names are" },
	{ "a.example out level=secure match=.", "match=: names are" },
	{ "a.example out level=secure match=a.", "match=: names are" },
	{ "a.example out level=verify match=*.a", "match=: names are" },
	{ "a.example out level=secure match=192.0.2.1", "match=: names are" },
	{ "a.example out level=fingerprint match=hostname",
	    "match=: hexadecimal fingerprints" },
	{ "a.example out level=fingerprint match=AB:C",
	    "match=: hexadecimal fingerprints" },
	{ "a.example out level=fingerprint match=AB:",
	    "match=: hexadecimal fingerprints" },
	{ "a.example out level=fingerprint match=AB||CD",
	    "match=: hexadecimal fingerprints" },
	{ "a.example out level=may protocols=TLS1.2",
	    "protocols=TLS1.2: SSLv2, SSLv3" },
	{ "a.example out level=may protocols=TLSv1.2:",
	    "protocols=TLSv1.2:: SSLv2, SSLv3" },
	{ "a.example out level=may protocols=!!TLSv1",
	    "protocols=!!TLSv1: SSLv2, SSLv3" },
	{ "a.example out level=may protocols=>=TLSv1.2",
	    "protocols=>=TLSv1.2: no blank, comma, brace" },
	{ "a.example out level=may ciphers=strong",
	    "ciphers=strong: the grades are" },
	{ "a.example out level=may servername=a.",
	    "servername=a.: a host name" },
	{ "a.example out level=may servername=.a",
	    "servername=.a: a host name" },
	{ "a.example out level=may servername=192.0.2.1",
	    "servername=192.0.2.1: a host name" }
};

static void
test_mistakes(void)
{
	struct buffer errors;
	char want[256];
	size_t i, len;

	for (i = 0; i < COUNT(mistake_rows); i++) {
		check_bool(mistake_rows[i].line, parse(mistake_rows[i].line,
		    strlen(mistake_rows[i].line), &errors) == NULL, true);
		len = (size_t)snprintf(want, sizeof(want), "rules:1: %s",
		    mistake_rows[i].message);
		if (strncmp(buffer_text(&errors), want, len) != 0)
			check_text("its message", buffer_text(&errors), want);
		check_bool("is the only one", errors.len > 0 &&
		    strchr(errors.data, '\n') == errors.data + errors.len - 1,
		    true);
		buffer_clear(&errors);
	}
}

static void
test_nul(void)
{
	static const char table[] = "a.example out action=log\0 reason=x";
	struct buffer errors;

	check_bool("a NUL", parse(table, sizeof(table) - 1, &errors) == NULL,
	    true);
	check_text("its message", buffer_text(&errors),
	    "rules:1: a control character in the line\n");
	buffer_clear(&errors);
}

static void
test_all_at_once(void)
{
	static const char table[] =
	    "# a comment\n"
	    "\n"
	    "a.example out action=defer\r\n"
	    "*.b.example ot actoin=defer level=my\n"
	    "  # another\n"
	    "A.Example. out action=log\n"
	    "a.example in action=log\n"
	    "c.example out level=may require=verify min_tls=1.2\n"
	    "d.example out acton=log\n"
	    "d.example out action=log\n";
	struct domain_rules *untouched = (void *)&untouched;
	struct buffer errors;

	buffer_init(&errors, 65536);
	check_int("a table with mistakes", domain_rules_parse("/etc/r",
	    text_of(table), &untouched, &errors), -1);
	check_text("all of them", buffer_text(&errors),
	    "/etc/r:4: bad pattern \"*.b.example\": what lies below a domain "
	    "is written \".example.com\"\n"
	    "/etc/r:4: unknown direction \"ot\" (did you mean \"out\"?)\n"
	    "/etc/r:4: unknown word \"actoin=\" (did you mean \"action=\"?)\n"
	    "/etc/r:4: unknown level \"my\" (did you mean \"may\"?)\n"
	    "/etc/r:6: a second rule for \"a.example\" out; the first is in "
	    "line 3\n"
	    "/etc/r:8: level= replaces everything, so require= has no place "
	    "beside it\n"
	    "/etc/r:8: level= replaces everything, so min_tls= has no place "
	    "beside it\n"
	    "/etc/r:9: unknown word \"acton=\" (did you mean \"action=\"?)"
	    "\n");
	check_bool("the result is untouched",
	    untouched == (void *)&untouched, true);
	buffer_clear(&errors);
}

/* --------------------------------------------------------------- lookups */

static const char lookup_table[] =
    "*                 out action=log\n"
    "*                 in  action=tag\n"
    "example.com       out action=defer\n"
    ".example.com      out action=hold\n"
    ".b.example.com    out action=tag until=2026-12-01\n"
    "a.b.example.com   out action=off until=2026-11-30\n"
    ".net              in  action=reject require=encrypt\n"
    "b\303\274cher.example out action=defer\n"
    ".B\303\234CHER.example. out action=hold\n";

#define DEC_1	1796083200	/* 2026-12-01T00:00:00Z */
#define DEC_2	1796169600

static const struct {
	const char		*label, *domain;
	enum rule_direction	 direction;
	int64_t			 now;
	unsigned		 line;
} lookup_rows[] = {
	{ "the very name", "example.com", RULE_OUT, NOW, 3 },
	{ "below a parent", "c.example.com", RULE_OUT, NOW, 4 },
	{ "far below a parent", "d.c.example.com", RULE_OUT, NOW, 4 },
	{ "the longest parent", "c.b.example.com", RULE_OUT, NOW, 5 },
	{ "a parent's own name is not below it", "b.example.com", RULE_OUT,
	    NOW, 4 },
	{ "the name before its parents", "a.b.example.com", RULE_OUT, NOW,
	    6 },
	{ "only whole labels", "xexample.com", RULE_OUT, NOW, 1 },
	{ "any other", "other.example", RULE_OUT, NOW, 1 },
	{ "a single label", "localhost", RULE_OUT, NOW, 1 },
	{ "another direction", "example.com", RULE_IN, NOW, 2 },
	{ "below a top-level domain", "example.net", RULE_IN, NOW, 7 },
	{ "the top-level domain", "net", RULE_IN, NOW, 2 },
	{ "a U-label", "xn--bcher-kva.example", RULE_OUT, NOW, 8 },
	{ "below a U-label", "a.xn--bcher-kva.example", RULE_OUT, NOW, 9 },
	{ "the last second", "a.b.example.com", RULE_OUT, DEC_1 - 1, 6 },
	{ "over: as if it were not there", "a.b.example.com", RULE_OUT,
	    DEC_1, 5 },
	{ "both over", "a.b.example.com", RULE_OUT, DEC_2, 4 }
};

static void
test_lookups(void)
{
	const struct domain_rule *rule;
	struct domain_rules *rules = parse_good(lookup_table);
	size_t i;

	for (i = 0; i < COUNT(lookup_rows); i++) {
		rule = domain_rules_match(rules, lookup_rows[i].domain,
		    lookup_rows[i].direction, lookup_rows[i].now);
		check_int(lookup_rows[i].label, rule != NULL ? rule->line : 0,
		    lookup_rows[i].line);
	}
	check_int("count", (int64_t)domain_rules_count(rules), 9);
	check_text("the one spelling", domain_rules_at(rules, 8)->pattern,
	    ".xn--bcher-kva.example");
	check_text("as written", domain_rules_at(rules, 7)->text,
	    "b\303\274cher.example out action=defer");
	check_int("the next end", domain_rules_next_end(rules, NOW), DEC_1);
	check_int("the end after it", domain_rules_next_end(rules, DEC_1),
	    DEC_2);
	check_int("no end left", domain_rules_next_end(rules, DEC_2), 0);
	domain_rules_free(rules);
}

static void
test_empty(void)
{
	struct domain_rules *rules = parse_good("");

	check_int("an empty table", (int64_t)domain_rules_count(rules), 0);
	check_bool("matches nothing", domain_rules_match(rules, "a.example",
	    RULE_OUT, NOW) == NULL, true);
	check_int("and never ends", domain_rules_next_end(rules, NOW), 0);
	domain_rules_free(rules);
	domain_rules_free(NULL);
	rules = parse_good("#only\n\n \t\n# comments");
	check_int("comments", (int64_t)domain_rules_count(rules), 0);
	domain_rules_free(rules);
}

/* -------------------------------------------------------------- warnings */

#define RAISED(action, option, line, parent) "action=" action " lets mail in " \
    "that " option "= may keep in the queue; line " line ", less specific, " \
    "has action=" parent

static const struct {
	const char	*label, *table;	/* the last rule is the one */
	const char	*want;		/* NULL: no warning */
} warning_rows[] = {
	{ "require under defer", "* out action=defer\n"
	    "c.example out require=verify action=log",
	    RAISED("log", "require", "1", "defer") },
	{ "the default action", "* out action=hold\n"
	    "c.example out require=encrypt",
	    RAISED("log", "require", "1", "hold") },
	{ "off", "* out action=tag\nc.example out require=verify action=off",
	    RAISED("off", "require", "1", "tag") },
	{ "hold under defer", "* out action=defer\n"
	    ".example out min_tls=1.3 action=hold",
	    RAISED("hold", "min_tls", "1", "defer") },
	{ "a level", "* out action=defer\nc.example out level=secure",
	    RAISED("log", "level", "1", "defer") },
	{ "a level with an action in vain", "* out action=defer\n"
	    "c.example out level=secure action=defer",
	    RAISED("log", "level", "1", "defer") },
	{ "an action in vain", "c.example out level=may action=defer",
	    "action=defer has no effect beside level=" },
	{ "the parent that would apply", "* out action=log\n"
	    ".example out action=defer\nc.example out require=verify",
	    RAISED("log", "require", "2", "defer") },
	{ "a parent's parent", ".example out action=defer\n"
	    ".c.example out require=verify",
	    RAISED("log", "require", "1", "defer") },

	{ "alone", "c.example out require=verify action=log", NULL },
	{ "as strong", "* out action=defer\n"
	    "c.example out require=verify action=defer", NULL },
	{ "stronger", "* out action=hold\n"
	    "c.example out require=verify action=defer", NULL },
	{ "raises nothing", "* out action=defer\nc.example out action=log",
	    NULL },
	{ "lowers", "* out action=defer\nc.example out level=may", NULL },
	{ "off under log", "* out require=encrypt\n"
	    "c.example out require=verify action=off", NULL },
	{ "an exempt parent", "* out action=defer\n.example out action=log\n"
	    "c.example out require=verify", NULL },
	{ "a parent whose action is in vain", "* out level=secure "
	    "action=defer\nc.example out require=verify", NULL },
	{ "a parent that is over", "* out action=defer until=2020-01-01\n"
	    "c.example out require=verify", NULL },
	{ "is over", "* out action=defer\n"
	    "c.example out require=verify until=2020-01-01", NULL },
	{ "all domains", "* out require=verify", NULL },
	{ "the other direction", "* in action=defer require=encrypt\n"
	    "c.example in min_tls=1.3", NULL }
};

static void
test_warnings(void)
{
	char words[RULE_WARNING_SIZE];
	struct domain_rules *rules;
	size_t i;

	for (i = 0; i < COUNT(warning_rows); i++) {
		rules = parse_good(warning_rows[i].table);
		check_text(warning_rows[i].label, domain_rules_warn(rules,
		    domain_rules_at(rules, domain_rules_count(rules) - 1),
		    NOW, words), warning_rows[i].want);
		domain_rules_free(rules);
	}
}

#define MANY 100000

/* With a table that is searched from its begin this would take minutes. */
static void
test_many(void)
{
	struct domain_rules *rules = NULL;
	struct buffer table, errors;
	char domain[64];
	size_t i, found = 0;

	buffer_init(&table, 16 * 1024 * 1024);
	buffer_init(&errors, 1024);
	for (i = 0; i < MANY; i++)
		buffer_addf(&table, "%sd%zu.example out action=defer "
		    "min_tls=1.2 reason=\"number %zu\"\n",
		    i % 2 != 0 ? "." : "", i, i);
	check_int("many rules", domain_rules_parse("rules",
	    (struct text){ table.data, table.len }, &rules, &errors), 0);
	for (i = 0; i < MANY; i++) {
		snprintf(domain, sizeof(domain), "%sd%zu.example",
		    i % 2 != 0 ? "a.b." : "", i);
		if (domain_rules_match(rules, domain, RULE_OUT, NOW) ==
		    domain_rules_at(rules, i))
			found++;
	}
	check_int("each is found", (int64_t)found, MANY);
	domain_rules_free(rules);
	buffer_clear(&table);
	buffer_clear(&errors);
}

static void
test_names(void)
{
	static const struct {
		enum tls_level	 level;
		const char	*name;
	} rows[] = {
		{ TLS_LEVEL_NONE, "none" }, { TLS_LEVEL_MAY, "may" },
		{ TLS_LEVEL_ENCRYPT, "encrypt" },
		{ TLS_LEVEL_FINGERPRINT, "fingerprint" },
		{ TLS_LEVEL_DANE, "dane" },
		{ TLS_LEVEL_DANE_ONLY, "dane-only" },
		{ TLS_LEVEL_VERIFY, "verify" }, { TLS_LEVEL_SECURE, "secure" }
	};
	enum tls_level level;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		check_text(rows[i].name, tls_level_name(rows[i].level),
		    rows[i].name);
		check_bool("is read again", tls_level_parse(
		    text_of(rows[i].name), &level) && level == rows[i].level,
		    true);
	}
	level = TLS_LEVEL_DANE;
	check_bool("no level", tls_level_parse(text_of("unset"), &level),
	    false);
	check_int("is untouched", level, TLS_LEVEL_DANE);
	check_text("a level not given", tls_level_name(TLS_LEVEL_UNSET),
	    "unset");
	check_text("an action", rule_action_name(RULE_ACTION_DEFER), "defer");
	check_text("a direction", rule_direction_name(RULE_IN), "in");
	check_text("a requirement",
	    rule_require_name(RULE_REQUIRE_CLIENTCERT), "clientcert");
}

int
main(void)
{
	test_fields();
	test_mistakes();
	test_nul();
	test_all_at_once();
	test_lookups();
	test_warnings();
	test_empty();
	test_many();
	test_names();
	return check_end();
}
