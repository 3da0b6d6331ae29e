/*
 * The replies of the TLS policy map: the texts themselves, and that whatever is
 * decided Postfix takes the reply.
 */

#include "shared/postfix/map_reply.h"

#include "shared/postfix/map_reply_check.h"
#include "shared/postfix/socketmap.h"
#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))
#define NOW		1000000
#define QUERY_VERSION	304
#define TLSRPT_VERSION	310

#define SIGNED		"mx=present\nmx_is_secure=1\n"
#define MX		"mx=present\n"
#define DANE(state)	"dane=" state "\n"
#define POLICY(mode)	"policy_id=7\nfetched_at=900000\n" \
			"expires_at=1050000\npolicy=version: STSv1\n" \
			"policy=mode: " mode "\npolicy=mx: mx.a.example\n" \
			"policy=mx: *.B.example\npolicy=max_age: 604800\n"
#define ENFORCED	MX DANE("none") POLICY("enforce")
#define TESTED		MX DANE("none") POLICY("testing")

#define STS_TYPE	" policy_type=sts policy_domain=a.example" \
			" mx_host_pattern=mx.a.example" \
			" mx_host_pattern=*.b.example"
#define STS_LINES(mode)	" { policy_string = version: STSv1 }" \
			" { policy_string = mode: " mode " }" \
			" { policy_string = mx: mx.a.example }" \
			" { policy_string = mx: *.B.example }" \
			" { policy_string = max_age: 604800 }"
#define SECURE		"OK secure match=mx.a.example:.b.example" \
			" servername=hostname"

static const struct row {
	const char	*label, *facts, *rule;
	enum tls_level	 level;		/* the site's; UNSET: may */
	const char	*query, *with_tlsrpt;	/* NULL: the same */
} rows[] = {
	{ "DANE at every host", SIGNED DANE("usable-all"), NULL, 0,
	    "OK dane-only", NULL },
	{ "DANE at every host, enforce: nothing of the policy",
	    SIGNED DANE("usable-all") POLICY("enforce"), NULL, 0,
	    "OK dane-only", NULL },
	{ "DANE at some, enforce",
	    SIGNED DANE("usable-some") POLICY("enforce"), NULL, 0,
	    "OK dane-only", NULL },
	{ "DANE at some", SIGNED DANE("usable-some"), NULL, 0, "OK dane",
	    NULL },
	{ "DANE at some, testing: nothing of the policy",
	    SIGNED DANE("usable-some") POLICY("testing"), NULL, 0, "OK dane",
	    NULL },
	{ "DANE, MX unsigned", MX DANE("usable-all"), NULL, 0, "OK dane",
	    NULL },
	{ "DANE, nothing usable", SIGNED DANE("none-usable"), NULL, 0,
	    "OK dane", NULL },
	{ "DANE unknown", SIGNED DANE("unknown") "dane_error=SERVFAIL\n",
	    NULL, 0, "TEMP DANE of a.example is unknown: SERVFAIL", NULL },
	{ "first lookup", "looked_at=0\n", NULL, 0,
	    "TEMP first lookup of a.example not finished", NULL },
	{ "enforce", ENFORCED, NULL, 0, SECURE,
	    SECURE STS_TYPE STS_LINES("enforce") },
	{ "testing", TESTED, NULL, 0, "NOTFOUND ",
	    "OK may" STS_TYPE STS_LINES("testing") },
	{ "testing, site encrypts", TESTED, NULL, TLS_LEVEL_ENCRYPT,
	    "NOTFOUND ", "OK encrypt" STS_TYPE STS_LINES("testing") },
	{ "testing, site does DANE", TESTED, NULL, TLS_LEVEL_DANE,
	    "NOTFOUND ", NULL },
	{ "testing, site has no TLS", TESTED, NULL, TLS_LEVEL_NONE,
	    "NOTFOUND ", NULL },
	{ "mode none is never level none", MX DANE("none") POLICY("none"),
	    NULL, 0, "NOTFOUND ", NULL },
	{ "nothing", MX DANE("none"), NULL, 0, "NOTFOUND ", NULL },

	{ "level=", ENFORCED, "level=encrypt", 0, "OK encrypt", NULL },
	{ "level= with all that Postfix takes", ENFORCED,
	    "level=secure match=nexthop:.x.example protocols=!TLSv1 "
	    "ciphers=high servername=hostname", 0, "OK secure "
	    "match=nexthop:.x.example ciphers=high servername=hostname "
	    "protocols=!TLSv1", NULL },
	{ "level= without a match", ENFORCED, "level=secure", 0,
	    "OK secure", NULL },
	{ "action=off", ENFORCED, "action=off", 0, "NOTFOUND ", NULL },
	{ "require=encrypt", TESTED, "require=encrypt", 0, "OK encrypt",
	    "OK encrypt" STS_TYPE STS_LINES("testing") },
	{ "require=verify without a policy", MX DANE("none"),
	    "require=verify", 0, "OK secure match=nexthop:dot-nexthop",
	    NULL },
	{ "require=verify with a policy", TESTED, "require=verify", 0,
	    SECURE, SECURE STS_TYPE STS_LINES("testing") },
	{ "require=verify, enforce", ENFORCED, "require=verify", 0, SECURE,
	    SECURE STS_TYPE STS_LINES("enforce") },
	{ "min_tls", MX DANE("none"), "min_tls=1.2", 0,
	    "OK may protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1", NULL },
	{ "min_tls, enforce", ENFORCED, "min_tls=1.1", 0,
	    SECURE " protocols=!SSLv2:!SSLv3:!TLSv1", SECURE
	    " protocols=!SSLv2:!SSLv3:!TLSv1" STS_TYPE
	    STS_LINES("enforce") },
	{ "min_tls, testing", TESTED, "min_tls=1.0", 0,
	    "OK may protocols=!SSLv2:!SSLv3",
	    "OK may protocols=!SSLv2:!SSLv3" STS_TYPE STS_LINES("testing") },
	{ "min_tls, testing, site does DANE", TESTED, "min_tls=1.0",
	    TLS_LEVEL_DANE, "OK dane protocols=!SSLv2:!SSLv3", NULL },
	{ "min_tls, testing, site verifies by its own names", TESTED,
	    "min_tls=1.0", TLS_LEVEL_SECURE,
	    "OK secure protocols=!SSLv2:!SSLv3", NULL },
	{ "min_tls, DANE", SIGNED DANE("usable-all"), "min_tls=1.0", 0,
	    "OK dane-only protocols=!SSLv2:!SSLv3", NULL },
	{ "min_tls, DANE unknown", SIGNED DANE("unknown")
	    "dane_error=SERVFAIL\n", "min_tls=1.0", 0,
	    "TEMP DANE of a.example is unknown: SERVFAIL", NULL },

	{ "lines with braces stay here", ENFORCED "policy=x: {\n"
	    "policy=y: a } b\npolicy=z: c\n", NULL, 0, SECURE,
	    SECURE STS_TYPE STS_LINES("enforce") " { policy_string = z: c }" },
	{ "what looks like an attribute stays in its braces",
	    ENFORCED "policy=x: a, servername=b match=c\n", NULL, 0, SECURE,
	    SECURE STS_TYPE STS_LINES("enforce")
	    " { policy_string = x: a, servername=b match=c }" },
};

static struct facts *
facts_of(const char *lines)
{
	struct buffer record;
	struct facts *facts;
	const char *why = "";

	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	buffer_addf(&record, "hopseal-facts 1\nnext_hop=a.example\n"
	    "looked_at=%d\nlearned_at=%d\n%s", NOW, NOW, lines);
	facts = facts_parse((struct text){ record.data, record.len }, &why);
	if (facts == NULL) {
		printf("# %s in %s\n", why, record.data);
		abort();
	}
	buffer_clear(&record);
	return facts;
}

static struct domain_rules *
rules_of(const char *options)
{
	struct domain_rules *rules;
	struct buffer table, errors;

	buffer_init(&table, 4096);
	buffer_init(&errors, 4096);
	buffer_addf(&table, "a.example out %s\n", options);
	if (domain_rules_parse("rules", (struct text){ table.data, table.len },
	    &rules, &errors) == -1) {
		printf("# %s\n", buffer_text(&errors));
		abort();
	}
	buffer_clear(&table);
	buffer_clear(&errors);
	return rules;
}

static struct tls_site
site_of(enum tls_level level)
{
	return (struct tls_site){ .dane = FACT_PRESENT,
	    .level = level != TLS_LEVEL_UNSET ? level : TLS_LEVEL_MAY,
	    .stale_ttl_s = 86400, .good_ttl_s = 86400, .bad_ttl_s = 3600 };
}

/* Postfix of the version that asks under this name takes the reply. */
static bool
is_taken(const struct buffer *reply, enum map_name name, struct map_reply *out)
{
	const char *why = "too long";

	if (!reply->is_overfull && map_reply_check((struct text){ reply->data,
	    reply->len }, name == MAP_QUERY ? QUERY_VERSION : TLSRPT_VERSION,
	    out, &why) == 0)
		return true;
	printf("# %s: %.300s\n", why, buffer_text(reply));
	return false;
}

static void
test_rows(void)
{
	struct tls_decision d;
	struct domain_rules *rules;
	struct map_reply parsed;
	const struct row *row;
	struct tls_site site;
	struct facts *facts;
	struct buffer reply;
	const char *wanted;
	unsigned name, hit;

	buffer_init(&reply, SOCKETMAP_REPLY_MAX);
	for (row = rows; row < rows + ROWS(rows); row++) {
		facts = facts_of(row->facts);
		rules = row->rule != NULL ? rules_of(row->rule) : NULL;
		site = site_of(row->level);
		tls_decision_make(facts, rules != NULL ?
		    domain_rules_at(rules, 0) : NULL, &site, NOW, &d);
		for (name = 0; name < MAP_NAME_COUNT; name++) {
			wanted = name == MAP_QUERY || row->with_tlsrpt == NULL
			    ? row->query : row->with_tlsrpt;
			for (hit = 1; hit <= 3; hit++) {
				buffer_reset(&reply);
				map_reply_format(&d, facts,
				    (enum map_name)name, &reply);
				check_text(hit > 1 ? " again" : row->label,
				    buffer_text(&reply), wanted);
			}
			check_bool(" taken", is_taken(&reply,
			    (enum map_name)name, &parsed), true);
			map_reply_clear(&parsed);
		}
		facts_free(facts);
		domain_rules_free(rules);
	}
	buffer_clear(&reply);
}

/* ---------------------------------------------------- policies too large */

static size_t
count_lines(const char *reply, const char *begin)
{
	size_t count = 0;

	while ((reply = strstr(reply, begin)) != NULL) {
		count++;
		reply += strlen(begin);
	}
	return count;
}

/*
 * A policy of so many mx names of about len octets and so many lines of text
 * between its mode and its version.
 */
static struct facts *
large_facts(size_t mx_count, size_t len, size_t line_count, const char *line)
{
	struct facts *facts = facts_of(MX DANE("none"));
	struct mtasts_policy policy;
	struct buffer text;
	const char *why = "";
	char name[64];
	size_t i;

	buffer_init(&text, MTASTS_POLICY_MAX_BYTES);
	memset(name, 'a', sizeof(name));
	buffer_add_text(&text, "mode: enforce\n");
	for (i = 0; i < mx_count; i++)
		buffer_addf(&text, "mx: %.*s%zu.example\n", (int)len, name, i);
	for (i = 0; i < line_count; i++)
		buffer_addf(&text, "%s%zu\n", line, i);
	buffer_add_text(&text, "max_age: 604800\nversion: STSv1");
	if (text.is_overfull || mtasts_policy_parse(text.data, text.len,
	    &policy, &why) == -1) {
		printf("# %s\n", why);
		abort();
	}
	facts_set_policy(facts, &policy, "7", NOW);
	buffer_clear(&text);
	return facts;
}

static const struct {
	const char	*label;
	size_t		 mx_count, len, line_count;
	const char	*line;
	bool		 has_attributes;
	size_t		 kept;		/* lines of text */
	bool		 is_full;	/* not one line more fits */
} large[] = {
	{ "all fits", 10, 8, 100, "n: ", true, 100, false },
	{ "lines leave from the end", 2, 8, 6000, "n: ", true, 3599, true },
	{ "lines with braces take no room", 2, 8, 6000, "n: {", true, 0,
	    false },
	{ "lines of mx leave as well", 1000, 20, 300, "n: ", true, 0, true },
	{ "version and mode do not fit", 1000, 40, 0, "", false, 0, false },
	{ "more modes than fit, though only the first counts", 1, 8, 4000,
	    "mode: ", false, 0, false },
};

static void
test_large(void)
{
	struct tls_site site = site_of(TLS_LEVEL_MAY);
	struct tls_decision d;
	struct map_reply parsed;
	struct facts *facts;
	struct buffer reply;
	char mx[32], begin[64];
	unsigned name;
	size_t i;

	buffer_init(&reply, SOCKETMAP_REPLY_MAX);
	for (i = 0; i < ROWS(large); i++) {
		facts = large_facts(large[i].mx_count, large[i].len,
		    large[i].line_count, large[i].line);
		tls_decision_make(facts, NULL, &site, NOW, &d);
		for (name = 0; name < MAP_NAME_COUNT; name++) {
			buffer_reset(&reply);
			map_reply_format(&d, facts, (enum map_name)name,
			    &reply);
			check_bool(large[i].label, is_taken(&reply,
			    (enum map_name)name, &parsed), true);
			map_reply_clear(&parsed);
			snprintf(mx, sizeof(mx), "a%zu.example serv",
			    large[i].mx_count - 1);
			check_contains(" every name to match", reply.data, mx);
		}
		check_int(" type", (int64_t)count_lines(reply.data,
		    " policy_type=sts "), large[i].has_attributes);
		check_int(" patterns", (int64_t)count_lines(reply.data,
		    " mx_host_pattern="),
		    large[i].has_attributes ? (int64_t)large[i].mx_count : 0);
		check_int(" version", (int64_t)count_lines(reply.data,
		    " { policy_string = version: STSv1 }"),
		    large[i].has_attributes);
		check_int(" mode", (int64_t)count_lines(reply.data,
		    " { policy_string = mode: enforce }"),
		    large[i].has_attributes);
		snprintf(begin, sizeof(begin), " { policy_string = %s",
		    large[i].line_count > 0 ? large[i].line : "n: ");
		check_int(" lines", (int64_t)count_lines(reply.data, begin),
		    (int64_t)large[i].kept);
		check_bool(" full", reply.len > SOCKETMAP_REPLY_MAX - 64,
		    large[i].is_full);
		facts_free(facts);
	}
	buffer_clear(&reply);
}

/* -------------------------------------------------- whatever is decided */

static const char *const danes[] = { "unknown", "none", "none-usable",
    "usable-some", "usable-all" };
static const char *const policies[] = { "", POLICY("none"),
    POLICY("testing"), POLICY("enforce"), POLICY("enforce") "policy=x: }{\n"
    "policy=y: { a = b }\npolicy=policy_type: sts\n" };
static const char *const rules_texts[] = { NULL, "action=off",
    "action=defer", "level=may", "level=dane",
    "level=dane-only protocols=!SSLv3", "level=verify match=hostname",
    "level=secure match=nexthop:.x.example ciphers=high",
    "level=fingerprint match=3D:95:34:51:24:66:33:B9:D2:40:99:C0:C1:17:0B:D1",
    "require=encrypt", "require=verify", "min_tls=1.0", "min_tls=1.3",
    "require=encrypt min_tls=1.2", "require=verify min_tls=1.1" };
static const enum fact_state states[] = { FACT_UNKNOWN, FACT_ABSENT,
    FACT_PRESENT };

/* What must not be in a reply, whichever it is. */
static const char *
reply_fault(enum map_name name, const struct map_reply *reply)
{
	bool has_policy = false, has_line = false, has_pattern = false;
	size_t i;

	for (i = 0; i < reply->attribute_count; i++) {
		has_policy |= strncmp(reply->attributes[i].name, "policy_",
		    7) == 0;
		has_line |= strcmp(reply->attributes[i].name,
		    "policy_string") == 0;
		has_pattern |= strcmp(reply->attributes[i].name,
		    "mx_host_pattern") == 0;
	}
	if (has_policy && name == MAP_QUERY)
		return "a policy in QUERY";
	if (has_policy && (reply->level == TLS_LEVEL_DANE ||
	    reply->level == TLS_LEVEL_DANE_ONLY))
		return "a policy on a dane answer";
	/* Postfix 3.10 before 3.10.6 crashes where one is missing. */
	if (has_policy && (!has_line || !has_pattern))
		return "a policy without lines or patterns";
	if (reply->level == TLS_LEVEL_NONE)
		return "level none, mail in clear";
	if (reply->ignored_count > 0)
		return "attributes that Postfix ignores";
	return NULL;
}

/* Each combination of what is known, asked for and possible here. */
static void
test_all(void)
{
	struct tls_site site = site_of(TLS_LEVEL_MAY);
	struct domain_rules *rules[ROWS(rules_texts)] = { NULL };
	struct tls_decision d;
	struct map_reply parsed;
	struct facts *facts;
	struct buffer lines, reply;
	unsigned dane, is_signed, policy, rule, state, level, name, flags;
	unsigned count = 0, faults = 0;
	const char *fault;

	buffer_init(&lines, 65536);
	buffer_init(&reply, SOCKETMAP_REPLY_MAX);
	for (rule = 1; rule < ROWS(rules_texts); rule++)
		rules[rule] = rules_of(rules_texts[rule]);
	for (dane = 0; dane < ROWS(danes); dane++)
	for (is_signed = 0; is_signed < 2; is_signed++)
	for (policy = 0; policy < ROWS(policies); policy++) {
		buffer_reset(&lines);
		buffer_addf(&lines, "%sdane=%s\nhost=mx.a.example\n%s",
		    is_signed ? SIGNED : MX, danes[dane], policies[policy]);
		facts = facts_of(lines.data);
		for (rule = 0; rule < ROWS(rules_texts); rule++)
		for (state = 0; state < ROWS(states); state++)
		for (level = 0; level <= TLS_LEVEL_SECURE; level++)
		for (flags = 0; flags < 2; flags++) {
			site.dane = states[state];
			site.level = (enum tls_level)level;
			site.answers_nobody = flags != 0;
			tls_decision_make(facts, rules[rule] != NULL ?
			    domain_rules_at(rules[rule], 0) : NULL, &site,
			    NOW, &d);
			for (name = 0; name < MAP_NAME_COUNT; name++) {
				buffer_reset(&reply);
				map_reply_format(&d, facts,
				    (enum map_name)name, &reply);
				count++;
				if (!is_taken(&reply, (enum map_name)name,
				    &parsed)) {
					faults++;
					continue;
				}
				fault = reply_fault((enum map_name)name,
				    &parsed);
				if (fault != NULL) {
					printf("# %s: %s\n", fault,
					    reply.data);
					faults++;
				}
				map_reply_clear(&parsed);
			}
		}
		facts_free(facts);
	}
	for (rule = 1; rule < ROWS(rules_texts); rule++)
		domain_rules_free(rules[rule]);
	buffer_clear(&lines);
	buffer_clear(&reply);
	printf("# %u replies\n", count);
	check_int("Postfix takes every reply", faults, 0);
}

static void
test_names(void)
{
	static const struct {
		const char *word;
		bool is_name;
		enum map_name name;
	} names[] = {
		{ "QUERY", true, MAP_QUERY },
		{ "postfix", true, MAP_QUERY },
		{ "QUERYwithTLSRPT", true, MAP_QUERY_TLSRPT },
		{ "query", false, MAP_QUERY },
		{ "QUERYwithTLSRP", false, MAP_QUERY },
		{ "", false, MAP_QUERY },
	};
	enum map_name name;
	size_t i;

	for (i = 0; i < ROWS(names); i++) {
		name = MAP_NAME_COUNT;
		check_bool(names[i].word, map_name_parse(
		    text_of(names[i].word), &name), names[i].is_name);
		check_int(" name", name, names[i].is_name ? names[i].name :
		    MAP_NAME_COUNT);
	}
}

int
main(void)
{
	test_names();
	test_rows();
	test_large();
	test_all();
	return check_end();
}
