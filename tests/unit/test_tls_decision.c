/*
 * The decision, a group of rows for each number of docs/decisions.md.  Facts
 * are written as in the cache's record, rules as in the operator's table, and
 * what must come out as words: of the delivery, and of the mail at intake.
 */

#include "shared/policy/tls_decision.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))
#define NOW		1000000
#define WORDS_SIZE	256

/* ---- what is known; a later line of the same name replaces an earlier one */

#define NOTHING_YET	"looked_at=0\nlearned_at=0\nmx=unknown\n"
#define LEARNED_AT(t)	"learned_at=" #t "\n"
#define MX		"mx=present\n"
#define SIGNED		"mx=present\nmx_is_secure=1\n"
#define DANE(state)	"dane=" state "\n"
#define HOST(name, tlsa) "host=" name "\npreference=10\n" \
			"addresses=present\ntlsa=" tlsa "\n"
#define IP(last, finding, at, count) "address=192.0.2." #last "\n" \
			"finding=" finding "\nseen_at=" #at "\n" \
			"seen_count=" #count "\n"
#define UNSEEN(last)	"address=192.0.2." #last "\n"
#define POLICY_UNTIL(mode, end) "policy_id=7\nfetched_at=900000\n" \
			"expires_at=" #end "\npolicy=version: STSv1\n" \
			"policy=mode: " mode "\npolicy=mx: mx.a.example\n" \
			"policy=mx: *.b.example\npolicy=max_age: 604800\n"
#define POLICY(mode)	POLICY_UNTIL(mode, 1050000)
#define A_HOST		HOST("mx.a.example", "none")
#define GOOD(last)	IP(last, "ok", 999000, 1)
#define BAD(last)	IP(last, "cert-expired", 999000, 1)
#define ENFORCED	MX DANE("none") POLICY("enforce")
#define TESTED		MX DANE("none") POLICY("testing")

struct row {
	const char	*label;
	const char	*hop;		/* NULL: a.example */
	const char	*facts;		/* NULL: none at all */
	const char	*rule;		/* behind "PATTERN out", or NULL */
	const char	*site;		/* words that site_of knows */
	const char	*delivery;
	const char	*intake;	/* NULL: "unknown log" */
	int64_t		 until;		/* behind NOW; 0: for ever */
	const char	*reason;	/* a part of it, or NULL */
};

/* ------------------------------------------------------------- the rows */

static const struct row step_1[] = {
	{ "1: level= replaces enforce", NULL, ENFORCED, "level=may", "",
	    "may rule", NULL, 0, "rule a.example, line 1: level=may" },
	{ "1: level= replaces DANE", NULL, SIGNED DANE("usable-all"),
	    "level=encrypt", "", "encrypt rule", NULL, 0, NULL },
	{ "1: level= needs no facts", NULL, NULL, "level=secure", "",
	    "secure rule", NULL, 0, NULL },
	{ "1: level= before a failing DANE", NULL, SIGNED DANE("unknown"),
	    "level=dane", "", "dane rule", NULL, 0, NULL },
	{ "1: level= with protocols", NULL, NULL,
	    "level=encrypt protocols=!SSLv3", "",
	    "encrypt rule protocols=!SSLv3", NULL, 0, NULL },
	{ "1: level= asks for nothing at intake", NULL,
	    ENFORCED A_HOST BAD(1), "level=may action=defer", "",
	    "may rule", NULL, 0, NULL },
	{ "1: level= with action=off", NULL, NULL, "level=may action=off", "",
	    "may rule", "unknown off", 0, NULL },
	{ "1: off alone is no opinion", NULL, ENFORCED, "action=off", "",
	    "notfound rule", "unknown off", 0, "off" },
	{ "1: off before a failing DANE", NULL, SIGNED DANE("unknown"),
	    "action=off", "", "notfound rule", "unknown off", 0, NULL },
	{ "1: off concerns intake where the rule asks for more", NULL,
	    MX DANE("none") A_HOST BAD(1), "action=off require=verify", "",
	    "secure rule", "undeliverable off cert-expired", 2600, NULL },
	{ "1: it ends with the rule", NULL, NULL,
	    "level=may until=1970-01-12", "", "may rule", NULL, 36800, NULL },
	{ "1: no opinion ends with the rule", NULL, NULL,
	    "action=off until=1970-01-12", "", "notfound rule",
	    "unknown off", 36800, NULL },
};

static const struct row step_2[] = {
	{ "2: usable at every host, MX signed", NULL,
	    SIGNED DANE("usable-all"), NULL, "", "dane-only dane", NULL, 0,
	    "DANE at every host" },
	{ "2: DANE before enforce", NULL,
	    SIGNED DANE("usable-all") POLICY("enforce"), NULL, "",
	    "dane-only dane", NULL, 50000, NULL },
	{ "2: DANE before testing", NULL,
	    SIGNED DANE("usable-all") POLICY("testing"), NULL, "",
	    "dane-only dane", NULL, 0, NULL },
	{ "2: some, signed, enforce: no host in clear", NULL,
	    SIGNED DANE("usable-some") POLICY("enforce"), NULL, "",
	    "dane-only dane", NULL, 50000, "MTA-STS enforce" },
	{ "2: some, signed, enforce that expired", NULL,
	    SIGNED DANE("usable-some") POLICY_UNTIL("enforce", 1000000), NULL,
	    "", "dane dane", NULL, 0, NULL },
	{ "2: some, signed, testing", NULL,
	    SIGNED DANE("usable-some") POLICY("testing"), NULL, "",
	    "dane dane", NULL, 0, NULL },
	{ "2: some, signed, mode none", NULL,
	    SIGNED DANE("usable-some") POLICY("none"), NULL, "",
	    "dane dane", NULL, 0, NULL },
	{ "2: some, signed, no policy", NULL, SIGNED DANE("usable-some"),
	    NULL, "", "dane dane", NULL, 0, NULL },
	{ "2: all, unsigned, enforce", NULL,
	    MX DANE("usable-all") POLICY("enforce"), NULL, "",
	    "secure sts names reports", NULL, 50000, NULL },
	{ "2: all, unsigned, testing", NULL,
	    MX DANE("usable-all") POLICY("testing"), NULL, "",
	    "dane dane", NULL, 0, "unsigned domain" },
	{ "2: all, unsigned, no policy", NULL, MX DANE("usable-all"), NULL,
	    "", "dane dane", NULL, 0, NULL },
	{ "2: some, unsigned, enforce", NULL,
	    MX DANE("usable-some") POLICY("enforce"), NULL, "",
	    "secure sts names reports", NULL, 50000, NULL },
	{ "2: some, unsigned, mode none", NULL,
	    MX DANE("usable-some") POLICY("none"), NULL, "",
	    "dane dane", NULL, 0, NULL },
	{ "2: none usable, enforce", NULL,
	    SIGNED DANE("none-usable") POLICY("enforce"), NULL, "",
	    "secure sts names reports", NULL, 50000, NULL },
	{ "2: none usable, testing", NULL,
	    SIGNED DANE("none-usable") POLICY("testing"), NULL, "",
	    "dane dane", NULL, 0, "without authentication" },
	{ "2: none usable, unsigned, enforce expired", NULL,
	    MX DANE("none-usable") POLICY_UNTIL("enforce", 999999), NULL, "",
	    "dane dane", NULL, 0, NULL },
	{ "2: none, MX signed: MTA-STS", NULL,
	    SIGNED DANE("none") POLICY("enforce"), NULL, "",
	    "secure sts names reports", NULL, 50000, NULL },
	{ "2: none and no policy", NULL, SIGNED DANE("none"), NULL, "",
	    "notfound none", NULL, 86400, NULL },

	{ "2: unknown", NULL, SIGNED DANE("unknown")
	    "dane_error=TLSA of mx.a.example: SERVFAIL\n", NULL, "",
	    "temp none", NULL, 0, "TLSA of mx.a.example: SERVFAIL" },
	{ "2: unknown is not overridden by enforce", NULL,
	    SIGNED DANE("unknown") POLICY("enforce"), NULL, "",
	    "temp none", NULL, 50000, NULL },
	{ "2: unknown is not overridden by a rule", NULL,
	    SIGNED DANE("unknown"), "require=verify min_tls=1.2", "",
	    "temp none", NULL, 0, NULL },
	{ "2: unknown with an MX look-up that failed", NULL,
	    "mx=unknown\nmx_error=MX of a.example: timeout\n", NULL, "",
	    "temp none", NULL, 0, "MX lookup of a.example failed" },
	{ "2: unknown says nothing at intake", NULL,
	    SIGNED DANE("unknown") A_HOST GOOD(1), "action=defer", "",
	    "temp none", NULL, 0, NULL },
	{ "2: no facts at all", NULL, NULL, NULL, "", "temp none", NULL, 0,
	    "first lookup not finished" },
	{ "2: first lookup", NULL, NOTHING_YET, NULL, "", "temp none", NULL,
	    0, "first lookup of a.example not finished" },
	{ "2: first lookup, a policy from before", NULL,
	    NOTHING_YET POLICY("enforce"), NULL, "", "temp none", NULL,
	    50000, "first lookup of a.example not finished" },

	{ "2: none holds for stale_ttl", NULL,
	    MX DANE("none") LEARNED_AT(913601), NULL, "", "notfound none",
	    NULL, 1, NULL },
	{ "2: and then is unknown", NULL, MX DANE("none") LEARNED_AT(913600),
	    NULL, "", "temp none", NULL, 0, "older than stale_ttl" },
	{ "2: none holds as long as a policy beside it", NULL,
	    ENFORCED LEARNED_AT(1), NULL, "", "secure sts names reports",
	    NULL, 50000, NULL },
	{ "2: but not beside an expired one", NULL,
	    MX DANE("none") POLICY_UNTIL("enforce", 1000000) LEARNED_AT(1),
	    NULL, "", "temp none", NULL, 0, NULL },
	{ "2: none of hosts that nobody ever looked up", NULL,
	    MX DANE("none") LEARNED_AT(0) A_HOST "addresses=unknown\n"
	    "host_error=A of mx.a.example: timeout\n", NULL, "", "temp none",
	    NULL, 0, "could be looked up: A of mx.a.example: timeout" },
	{ "2: usable does not go stale", NULL,
	    SIGNED DANE("usable-all") LEARNED_AT(1), NULL, "",
	    "dane-only dane", NULL, 0, NULL },
	{ "2: a domain that takes no mail", NULL,
	    "mx=absent\nmx_is_null=1\n" DANE("none"), NULL, "",
	    "notfound none", NULL, 86400, NULL },

	{ "2: off here: enforce applies", NULL,
	    SIGNED DANE("usable-all") POLICY("enforce"), NULL, "off",
	    "secure sts names reports", NULL, 50000, NULL },
	{ "2: off here: no policy", NULL, SIGNED DANE("usable-all"), NULL,
	    "off", "notfound none", NULL, 0, NULL },
	{ "2: off here: unknown holds nobody back", NULL,
	    SIGNED DANE("unknown"), NULL, "off", "notfound none", NULL, 0,
	    NULL },
	{ "2: off here: first lookup", NULL, NOTHING_YET, NULL, "off",
	    "notfound none", NULL, 0, NULL },
	{ "2: off here: no facts", NULL, NULL, NULL, "off", "notfound none",
	    NULL, 0, NULL },
	{ "2: not checked here: usable is unknown", NULL,
	    SIGNED DANE("usable-all"), NULL, "unchecked", "temp none", NULL,
	    0, "resolver has not been checked yet" },
	{ "2: not checked here: unusable is unknown", NULL,
	    SIGNED DANE("none-usable") POLICY("enforce"), NULL, "unchecked",
	    "temp none", NULL, 50000, NULL },
	{ "2: not checked here: none is none", NULL, SIGNED DANE("none"),
	    NULL, "unchecked", "notfound none", NULL, 86400, NULL },
	{ "2: not checked here: enforce without TLSA", NULL, ENFORCED, NULL,
	    "unchecked", "secure sts names reports", NULL, 50000, NULL },

	{ "2: nobody answers: nothing known", NULL, NULL, NULL, "nobody",
	    "notfound none warns", NULL, 0, "nobody answers" },
	{ "2: nobody answers: first lookup", NULL, NOTHING_YET, NULL,
	    "nobody", "notfound none warns", NULL, 0, NULL },
	{ "2: nobody answers: too old a none is as if nothing was known",
	    NULL, MX DANE("none") LEARNED_AT(1), NULL, "nobody",
	    "notfound none warns", NULL, 0, NULL },
	{ "2: nobody answers: the policy of before", NULL,
	    NOTHING_YET POLICY("enforce"), NULL, "nobody",
	    "secure sts names reports warns", NULL, 50000, NULL },
	{ "2: nobody answers: the testing policy of before", NULL,
	    NOTHING_YET POLICY("testing"), NULL, "nobody",
	    "notfound sts reports testing=may warns", NULL, 50000, NULL },
	{ "2: nobody answers: a rule still raises", NULL, NULL,
	    "require=encrypt", "nobody", "encrypt rule warns", NULL, 0, NULL },
	{ "2: nobody answers: DANE that failed before still holds", NULL,
	    SIGNED DANE("unknown"), NULL, "nobody", "temp none", NULL, 0,
	    NULL },
	{ "2: nobody answers: usable DANE of before", NULL,
	    SIGNED DANE("usable-all") LEARNED_AT(1), NULL, "nobody",
	    "dane-only dane", NULL, 0, NULL },

	{ "2: [host] usable", "[mx.a.example]", SIGNED DANE("usable-all"),
	    NULL, "", "dane-only dane", NULL, 0, NULL },
	{ "2: [host] is its own signed MX", "[mx.a.example]:587",
	    MX DANE("usable-all"), NULL, "", "dane-only dane", NULL, 0, NULL },
	{ "2: [host] unknown is not held back", "[mx.a.example]",
	    SIGNED DANE("unknown") "dane_error=TLSA: SERVFAIL\n", NULL, "",
	    "notfound none warns", NULL, 0, "TLSA: SERVFAIL" },
	{ "2: [host] unknown, enforce", "[mx.a.example]",
	    SIGNED DANE("unknown") POLICY("enforce"), NULL, "",
	    "secure sts names reports warns", NULL, 50000, NULL },
	{ "2: [host] unknown, testing", "[mx.a.example]",
	    SIGNED DANE("unknown") POLICY("testing"), NULL, "",
	    "notfound sts reports testing=may warns", NULL, 50000, NULL },
	{ "2: [host] first lookup", "[mx.a.example]", NOTHING_YET, NULL, "",
	    "notfound none warns", NULL, 0, "first lookup of mx.a.example" },
	{ "2: [host] none never goes stale", "[mx.a.example]",
	    MX DANE("none") LEARNED_AT(1), NULL, "", "notfound none", NULL, 0,
	    NULL },
	{ "2: [host] not checked here", "[mx.a.example]",
	    SIGNED DANE("usable-all"), NULL, "unchecked",
	    "notfound none warns", NULL, 0, "has not been checked yet" },
	{ "2: port usable, MX signed", "a.example:587",
	    SIGNED DANE("usable-all"), NULL, "", "dane-only dane", NULL, 0,
	    NULL },
	{ "2: port usable, MX unsigned", "a.example:587",
	    MX DANE("usable-all"), NULL, "", "dane dane", NULL, 0, NULL },
	{ "2: port unknown is not held back", "a.example:587",
	    MX DANE("unknown"), NULL, "", "notfound none warns", NULL, 0,
	    NULL },
	{ "2: port 25 is the domain", "a.example:25", SIGNED DANE("unknown"),
	    NULL, "", "temp none", NULL, 0, NULL },
};

static const struct row step_3[] = {
	{ "3: enforce", NULL, ENFORCED, NULL, "", "secure sts names reports",
	    NULL, 50000, "MTA-STS enforce, policy id 7" },
	{ "3: enforce whose record is absent", NULL,
	    ENFORCED "record=absent\n", NULL, "", "secure sts names reports",
	    NULL, 50000, NULL },
	{ "3: enforce whose record is unknown", NULL,
	    ENFORCED "record=unknown\nrecord_error=SERVFAIL\n", NULL, "",
	    "secure sts names reports", NULL, 50000, NULL },
	{ "3: enforce whose new policy cannot be fetched", NULL,
	    ENFORCED "record=present\nrecord_id=8\nfetch_failed_id=8\n"
	    "fetch_failed_at=999999\nfetch_failed_count=1\n"
	    "fetch_finding=policy-fetch-failed\n", NULL, "",
	    "secure sts names reports", NULL, 50000, NULL },
	{ "3: enforce in its last second", NULL,
	    MX DANE("none") POLICY_UNTIL("enforce", 1000001), NULL, "",
	    "secure sts names reports", NULL, 1, NULL },
	{ "3: enforce that expired", NULL,
	    MX DANE("none") POLICY_UNTIL("enforce", 1000000), NULL, "",
	    "notfound none", NULL, 86400, NULL },
	{ "3: testing", NULL, TESTED, NULL, "",
	    "notfound sts reports testing=may", NULL, 50000,
	    "MTA-STS testing" },
	{ "3: testing, site encrypts", NULL, TESTED, NULL, "level=encrypt",
	    "notfound sts reports testing=encrypt", NULL, 50000, NULL },
	{ "3: testing, site does DANE: cannot carry it", NULL, TESTED, NULL,
	    "level=dane", "notfound sts reports", NULL, 50000, NULL },
	{ "3: testing, site has no TLS: cannot carry it", NULL, TESTED, NULL,
	    "level=none", "notfound sts reports", NULL, 50000, NULL },
	{ "3: testing, site verifies: cannot carry it", NULL, TESTED, NULL,
	    "level=secure", "notfound sts reports", NULL, 50000, NULL },
	{ "3: testing, site unknown: cannot carry it", NULL, TESTED, NULL,
	    "level=", "notfound sts reports", NULL, 50000, NULL },
	{ "3: testing that expired", NULL,
	    MX DANE("none") POLICY_UNTIL("testing", 1000000), NULL, "",
	    "notfound none", NULL, 86400, NULL },
	{ "3: mode none", NULL, MX DANE("none") POLICY("none"), NULL, "",
	    "notfound none", NULL, 50000, "MTA-STS none" },
	{ "3: record, but no policy", NULL,
	    MX DANE("none") "record=present\nrecord_id=7\n", NULL, "",
	    "notfound none", NULL, 86400, NULL },
	{ "3: record unknown, no policy", NULL,
	    MX DANE("none") "record=unknown\n", NULL, "", "notfound none",
	    NULL, 86400, NULL },

	{ "3: a policy that could not be fetched has words", NULL,
	    MX DANE("none") "record=present\nrecord_id=1\n"
	    "fetch_failed_id=1\nfetch_failed_at=999000\n"
	    "fetch_failed_count=1\nfetch_finding=policy-fetch-failed\n"
	    "fetch_error=HTTP status 404\n", NULL, "", "notfound none", NULL,
	    86400, "policy-fetch-failed: HTTP status 404" },
	{ "3: an unknown record has words", NULL,
	    MX DANE("none") "record=unknown\nrecord_error=SERVFAIL\n", NULL,
	    "", "notfound none", NULL, 86400,
	    "MTA-STS record unknown: SERVFAIL" },
	{ "3: require=encrypt, nothing found", NULL, MX DANE("none"),
	    "require=encrypt", "", "encrypt rule", NULL, 86400,
	    "rule a.example, line 1: require=encrypt" },
	{ "3: require=encrypt, mode none", NULL,
	    MX DANE("none") POLICY("none"), "require=encrypt", "",
	    "encrypt rule", NULL, 50000, NULL },
	{ "3: require=encrypt, testing", NULL, TESTED, "require=encrypt", "",
	    "encrypt rule reports", NULL, 50000, NULL },
	{ "3: require=encrypt never lowers enforce", NULL, ENFORCED,
	    "require=encrypt", "", "secure sts names reports", NULL, 50000,
	    NULL },
	{ "3: require=encrypt never lowers dane-only", NULL,
	    SIGNED DANE("usable-all"), "require=encrypt", "",
	    "dane-only dane", NULL, 0, NULL },
	{ "3: require=encrypt, DANE at some", NULL,
	    SIGNED DANE("usable-some"), "require=encrypt", "",
	    "dane-only dane", NULL, 0, "require=encrypt" },
	{ "3: require=encrypt, DANE at some, MX unsigned", NULL,
	    MX DANE("usable-some"), "require=encrypt", "", "encrypt rule",
	    NULL, 0, NULL },
	{ "3: require=encrypt, dane that encrypts always", NULL,
	    MX DANE("usable-all") HOST("mx.a.example", "usable")
	    HOST("mx2.a.example", "unusable"), "require=encrypt", "",
	    "dane dane", NULL, 0, NULL },
	{ "3: require=encrypt, none usable at some", NULL,
	    SIGNED DANE("none-usable") HOST("mx.a.example", "unusable")
	    HOST("mx2.a.example", "none"), "require=encrypt", "",
	    "encrypt rule", NULL, 0, NULL },
	{ "3: require=encrypt never lowers the site's own", NULL,
	    MX DANE("none"), "require=encrypt", "level=secure",
	    "notfound none", NULL, 86400, NULL },
	{ "3: require=encrypt, site does DANE", NULL, MX DANE("none"),
	    "require=encrypt", "level=dane", "encrypt rule", NULL, 86400,
	    NULL },
	{ "3: require=verify, nothing found", NULL, MX DANE("none"),
	    "require=verify", "", "secure rule", NULL, 86400,
	    "require=verify" },
	{ "3: require=verify, mode none", NULL, MX DANE("none") POLICY("none"),
	    "require=verify", "", "secure rule", NULL, 50000, NULL },
	{ "3: require=verify, testing: the policy's names", NULL, TESTED,
	    "require=verify", "", "secure rule names reports", NULL, 50000, NULL },
	{ "3: require=verify, enforce", NULL, ENFORCED, "require=verify", "",
	    "secure sts names reports", NULL, 50000, NULL },
	{ "3: require=verify never lowers dane-only", NULL,
	    SIGNED DANE("usable-all"), "require=verify", "",
	    "dane-only dane", NULL, 0, NULL },
	{ "3: require=verify, DANE at some", NULL, SIGNED DANE("usable-some"),
	    "require=verify", "", "dane-only dane", NULL, 0, NULL },
	{ "3: require=verify, DANE at some, MX unsigned", NULL,
	    MX DANE("usable-some"), "require=verify", "", "secure rule", NULL,
	    0, NULL },
	{ "3: require=verify, none usable", NULL, SIGNED DANE("none-usable"),
	    "require=verify", "", "secure rule", NULL, 0, NULL },
	{ "3: require=verify, none usable, testing", NULL,
	    SIGNED DANE("none-usable") POLICY("testing"), "require=verify",
	    "", "secure rule names", NULL, 50000, NULL },
	{ "3: require=verify of a [host] with unknown DANE",
	    "[mx.a.example]", MX DANE("unknown"), "require=verify", "",
	    "secure rule warns", NULL, 0, NULL },

	{ "3: min_tls, nothing found", NULL, MX DANE("none"), "min_tls=1.2",
	    "", "may rule protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1", NULL,
	    86400, "min_tls" },
	{ "3: min_tls=1.0", NULL, MX DANE("none"), "min_tls=1.0", "",
	    "may rule protocols=!SSLv2:!SSLv3", NULL, 86400, NULL },
	{ "3: min_tls=1.1", NULL, MX DANE("none"), "min_tls=1.1", "",
	    "may rule protocols=!SSLv2:!SSLv3:!TLSv1", NULL, 86400, NULL },
	{ "3: min_tls=1.3", NULL, MX DANE("none"), "min_tls=1.3", "",
	    "may rule protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.2", NULL,
	    86400, NULL },
	{ "3: min_tls at the site's own level", NULL, MX DANE("none"),
	    "min_tls=1.0", "level=encrypt",
	    "encrypt rule protocols=!SSLv2:!SSLv3", NULL, 86400, NULL },
	{ "3: min_tls, the site's own is secure", NULL, MX DANE("none"),
	    "min_tls=1.0", "level=secure",
	    "secure rule protocols=!SSLv2:!SSLv3", NULL, 86400, NULL },
	{ "3: min_tls, the site's own is a fingerprint", NULL,
	    MX DANE("none"), "min_tls=1.0", "level=fingerprint",
	    "notfound none", NULL, 86400, NULL },
	{ "3: min_tls, the site's own is unknown", NULL, MX DANE("none"),
	    "min_tls=1.0", "level=",
	    "may rule protocols=!SSLv2:!SSLv3 warns", NULL, 86400, NULL },
	{ "3: min_tls, enforce", NULL, ENFORCED, "min_tls=1.0", "",
	    "secure sts names reports protocols=!SSLv2:!SSLv3", NULL, 50000,
	    NULL },
	{ "3: min_tls, dane-only", NULL, SIGNED DANE("usable-all"),
	    "min_tls=1.0", "", "dane-only dane protocols=!SSLv2:!SSLv3", NULL,
	    0, NULL },
	{ "3: min_tls, testing", NULL, TESTED, "min_tls=1.0", "",
	    "may sts reports protocols=!SSLv2:!SSLv3", NULL, 50000, NULL },
	{ "3: min_tls, testing, site does DANE: nothing about the policy",
	    NULL, TESTED, "min_tls=1.0", "level=dane",
	    "dane sts protocols=!SSLv2:!SSLv3", NULL, 50000, NULL },
	{ "3: min_tls, testing, site verifies: the names are not enforced",
	    NULL, TESTED, "min_tls=1.0", "level=secure",
	    "secure sts protocols=!SSLv2:!SSLv3", NULL, 50000, NULL },
	{ "3: min_tls and require", NULL, TESTED,
	    "min_tls=1.0 require=encrypt", "",
	    "encrypt rule reports protocols=!SSLv2:!SSLv3", NULL, 50000, NULL },
	{ "3: an action alone changes no answer", NULL, ENFORCED,
	    "action=defer", "", "secure sts names reports", NULL, 50000,
	    NULL },
	{ "3: a rule that ends before the policy", NULL, ENFORCED,
	    "action=defer until=1970-01-12", "", "secure sts names reports",
	    NULL, 36800, NULL },
};

#define ENFORCE_WORDS	"secure sts names reports"

static const struct row step_4[] = {
	{ "4: not in the policy", NULL, ENFORCED HOST("mx.c.example", "none")
	    GOOD(1), NULL, "", ENFORCE_WORDS,
	    "undeliverable log mx-not-in-policy", 50000,
	    "mx.c.example: host not in the MTA-STS policy" },
	{ "4: not in the policy, without an address", NULL,
	    ENFORCED HOST("mx.c.example", "none"), NULL, "", ENFORCE_WORDS,
	    "undeliverable log mx-not-in-policy", 50000, NULL },
	{ "4: in the policy by its star", NULL,
	    ENFORCED HOST("mx.b.example", "none") GOOD(1), NULL, "",
	    ENFORCE_WORDS, "deliverable log", 50000, NULL },
	{ "4: the star is one label", NULL,
	    ENFORCED HOST("x.mx.b.example", "none") GOOD(1), NULL, "",
	    ENFORCE_WORDS, "undeliverable log mx-not-in-policy", 50000, NULL },
	{ "4: DANE does not ask the policy", NULL,
	    SIGNED DANE("usable-all") POLICY("enforce")
	    HOST("mx.c.example", "usable") GOOD(1), NULL, "",
	    "dane-only dane", "deliverable log", 50000, NULL },
	{ "4: DANE by a rule does not ask the policy", NULL,
	    SIGNED DANE("usable-some") POLICY("testing")
	    HOST("mx.c.example", "usable") GOOD(1), "require=verify", "",
	    "dane-only dane", "deliverable log", 85400, NULL },
	{ "4: an expired policy is not asked", NULL,
	    MX DANE("none") POLICY_UNTIL("enforce", 1000000)
	    HOST("mx.c.example", "none") GOOD(1), NULL, "", "notfound none",
	    "deliverable log", 85400, NULL },
	{ "4: mode none is not asked", NULL, MX DANE("none") POLICY("none")
	    HOST("mx.c.example", "none") GOOD(1), NULL, "", "notfound none",
	    "deliverable log", 50000, NULL },

	{ "4: never looked at", NULL, ENFORCED A_HOST UNSEEN(1), NULL, "",
	    ENFORCE_WORDS, NULL, 50000, NULL },
	{ "4: no address", NULL, ENFORCED A_HOST, NULL, "", ENFORCE_WORDS,
	    NULL, 50000, NULL },
	{ "4: good until good_ttl", NULL,
	    ENFORCED A_HOST IP(1, "ok", 913601, 1), NULL, "", ENFORCE_WORDS,
	    "deliverable log", 1, NULL },
	{ "4: then unknown", NULL, ENFORCED A_HOST IP(1, "ok", 913600, 1),
	    NULL, "", ENFORCE_WORDS, NULL, 50000, NULL },
	{ "4: good until notAfter", NULL,
	    ENFORCED A_HOST GOOD(1) "not_after=1000010\n", NULL, "",
	    ENFORCE_WORDS, "deliverable log", 10, NULL },
	{ "4: then unknown, not expired", NULL,
	    ENFORCED A_HOST GOOD(1) "not_after=1000000\n", "action=defer", "",
	    ENFORCE_WORDS, NULL, 50000, NULL },
	{ "4: so if it was seen in its last second", NULL,
	    ENFORCED A_HOST IP(1, "ok", 999990, 1) "not_after=999990\n",
	    "action=defer", "", ENFORCE_WORDS, NULL, 50000, NULL },
	{ "4: bad until bad_ttl", NULL,
	    ENFORCED A_HOST IP(1, "cert-expired", 996401, 1), NULL, "",
	    ENFORCE_WORDS, "undeliverable log cert-expired", 1, NULL },
	{ "4: then unknown", NULL,
	    ENFORCED A_HOST IP(1, "cert-expired", 996400, 1), "action=defer",
	    "", ENFORCE_WORDS, NULL, 50000, NULL },
	{ "4: an observation without a time", NULL,
	    ENFORCED A_HOST "address=192.0.2.1\nfinding=cert-expired\n",
	    NULL, "", ENFORCE_WORDS, NULL, 50000, NULL },
	{ "4: a word of a newer version", NULL,
	    ENFORCED A_HOST IP(1, "cert-strange", 999000, 9), NULL, "",
	    ENFORCE_WORDS, NULL, 50000, NULL },
	{ "4: unreachable says nothing", NULL,
	    ENFORCED A_HOST IP(1, "unreachable", 999000, 9), "action=defer",
	    "", ENFORCE_WORDS, NULL, 50000, NULL },
	{ "4: one good address suffices", NULL,
	    ENFORCED A_HOST BAD(1) GOOD(2), NULL, "", ENFORCE_WORDS,
	    "deliverable log", 2600, NULL },
	{ "4: one unknown address", NULL, ENFORCED A_HOST BAD(1) UNSEEN(2),
	    NULL, "", ENFORCE_WORDS, NULL, 2600, NULL },
	{ "4: all addresses bad, the first names the finding", NULL,
	    ENFORCED A_HOST IP(1, "cert-untrusted", 999000, 1) BAD(2), NULL,
	    "", ENFORCE_WORDS, "undeliverable log cert-untrusted", 2600,
	    NULL },

	{ "4: Postfix lets revoked ones pass", NULL,
	    ENFORCED A_HOST IP(1, "cert-revoked", 999000, 1), NULL, "",
	    ENFORCE_WORDS, "deliverable log", 50000, NULL },
	{ "4: revoked under strict", NULL,
	    ENFORCED A_HOST IP(1, "cert-revoked", 999000, 1), NULL, "strict",
	    ENFORCE_WORDS, "undeliverable log cert-revoked", 2600, NULL },
	{ "4: revoked under a rule's strict", NULL,
	    ENFORCED A_HOST IP(1, "cert-revoked", 999000, 1),
	    "strict=yes action=defer", "", ENFORCE_WORDS,
	    "undeliverable defer cert-revoked", 2600, NULL },
	{ "4: what passes ends at notAfter, too", NULL,
	    ENFORCED A_HOST IP(1, "cert-revoked", 999000, 1)
	    "not_after=1000000\n", NULL, "", ENFORCE_WORDS, NULL, 50000,
	    NULL },
	{ "4: injection under strict, seen once", NULL,
	    ENFORCED A_HOST IP(1, "starttls-injection", 999000, 1), NULL,
	    "strict", ENFORCE_WORDS, NULL, 50000, NULL },
	{ "4: TLS stood, though not as Postfix verifies: encrypt", NULL,
	    MX DANE("none") A_HOST IP(1, "handshake-failed", 999000, 2)
	    "not_after=2000000\n", "require=encrypt", "",
	    "encrypt rule", "deliverable log", 85400, NULL },
	{ "4: TLS stood, though not as Postfix verifies: enforce", NULL,
	    ENFORCED A_HOST IP(1, "handshake-failed", 999000, 2)
	    "not_after=2000000\n", NULL, "", ENFORCE_WORDS,
	    "undeliverable log handshake-failed", 2600, NULL },
	{ "4: what Postfix lets pass", NULL,
	    ENFORCED A_HOST IP(1, "cert-name-mismatch", 999000, 1)
	    "postfix_finding=ok\n", NULL, "", ENFORCE_WORDS,
	    "deliverable log", 50000, NULL },
	{ "4: what Postfix lets pass, and what it does not", NULL,
	    ENFORCED A_HOST IP(1, "cert-revoked", 999000, 1)
	    "postfix_finding=cert-weak\n", NULL, "", ENFORCE_WORDS,
	    "undeliverable log cert-weak", 2600, NULL },
	{ "4: what Postfix lets pass, under strict", NULL,
	    ENFORCED A_HOST IP(1, "cert-name-mismatch", 999000, 1)
	    "postfix_finding=ok\nwords=certificate is for mx2.a.example, "
	    "another MX of the domain\n", NULL, "strict", ENFORCE_WORDS,
	    "undeliverable log cert-name-mismatch", 2600,
	    "another MX of the domain" },
	{ "4: injection under strict, seen twice", NULL,
	    ENFORCED A_HOST IP(1, "starttls-injection", 999000, 2), NULL,
	    "strict", ENFORCE_WORDS, "undeliverable log starttls-injection",
	    2600, NULL },
};

/* Findings under enforce: whether the first or the second sight counts. */
static const struct {
	enum finding	finding;
	unsigned	seen;		/* 0: never counts */
} counts[] = {
	{ FINDING_STARTTLS_MISSING, 2 }, { FINDING_STARTTLS_REFUSED, 2 },
	{ FINDING_HANDSHAKE_FAILED, 2 }, { FINDING_PROTOCOL_OLD, 2 },
	{ FINDING_CIPHER_WEAK, 1 }, { FINDING_CERT_SELF_SIGNED, 1 },
	{ FINDING_CERT_UNTRUSTED, 1 }, { FINDING_CERT_CHAIN_INCOMPLETE, 1 },
	{ FINDING_CERT_NOT_YET_VALID, 1 }, { FINDING_CERT_EXPIRED, 1 },
	{ FINDING_CERT_NAME_MISMATCH, 1 }, { FINDING_CERT_PURPOSE, 1 },
	{ FINDING_CERT_WEAK, 1 }, { FINDING_TLSA_MISMATCH, 1 },
	{ FINDING_STARTTLS_INJECTION, 0 }, { FINDING_STAPLE_MISSING, 0 },
	{ FINDING_CERT_REVOKED, 0 }, { FINDING_UNREACHABLE, 0 },
	{ FINDING_UNKNOWN, 0 }, { FINDING_OK, 0 },
};

#define TWO(first, second) HOST("mx.a.example", "none") first \
			HOST("mx.b.example", "none") second

static const struct row step_5[] = {
	{ "5: all good", NULL, ENFORCED TWO(GOOD(1), GOOD(2)), NULL, "",
	    ENFORCE_WORDS, "deliverable log", 50000, NULL },
	{ "5: one good, one bad: degraded", NULL,
	    ENFORCED TWO(BAD(1), GOOD(2)), NULL, "", ENFORCE_WORDS,
	    "deliverable degraded log cert-expired", 2600,
	    "MTA-STS enforce" },
	{ "5: one good, one unknown", NULL,
	    ENFORCED TWO(GOOD(1), UNSEEN(2)), NULL, "", ENFORCE_WORDS,
	    "deliverable log", 50000, NULL },
	{ "5: one bad, one unknown", NULL, ENFORCED TWO(BAD(1), UNSEEN(2)),
	    "action=defer", "", ENFORCE_WORDS, "unknown log cert-expired",
	    2600, NULL },
	{ "5: all bad", NULL, ENFORCED TWO(BAD(1), BAD(2)), NULL, "",
	    ENFORCE_WORDS, "undeliverable log cert-expired", 2600,
	    "no usable mail host for a.example: mx.a.example: certificate "
	    "expired (MTA-STS enforce, policy id 7); 1 other host is bad too" },
	{ "5: all bad, three hosts", NULL, ENFORCED TWO(BAD(1), BAD(2))
	    HOST("mx.c.example", "none") BAD(3), NULL, "", ENFORCE_WORDS,
	    "undeliverable log cert-expired", 2600,
	    "policy id 7); 2 other hosts are bad too" },
	{ "5: no host", NULL, ENFORCED, "action=defer", "", ENFORCE_WORDS,
	    NULL, 50000, NULL },
	{ "5: more hosts than are kept", NULL,
	    ENFORCED "hosts_are_cut=1\n" A_HOST BAD(1), "action=defer", "",
	    ENFORCE_WORDS, "unknown log cert-expired", 2600, NULL },
	{ "5: without a promise nothing is undeliverable", NULL,
	    MX DANE("none") A_HOST BAD(1), "action=defer", "",
	    "notfound none", NULL, 86400, NULL },
	{ "5: nor where STARTTLS is missing", NULL, MX DANE("none") A_HOST
	    IP(1, "starttls-missing", 999000, 9), "action=defer", "",
	    "notfound none", NULL, 86400, NULL },
	{ "5: deliverable without a promise", NULL,
	    MX DANE("none") A_HOST GOOD(1), NULL, "", "notfound none",
	    "deliverable log", 85400, NULL },
	{ "5: encrypt takes any certificate", NULL,
	    MX DANE("none") A_HOST BAD(1), "require=encrypt action=defer", "",
	    "encrypt rule", "deliverable log", 85400, NULL },
	{ "5: encrypt needs TLS", NULL, MX DANE("none") A_HOST
	    IP(1, "starttls-missing", 999000, 2),
	    "require=encrypt action=defer", "", "encrypt rule",
	    "undeliverable defer starttls-missing", 2600, NULL },
	{ "5: verify needs a good one", NULL, MX DANE("none") A_HOST BAD(1),
	    "require=verify action=defer", "", "secure rule",
	    "undeliverable defer cert-expired", 2600, NULL },
	{ "5: verify with a testing policy's names", NULL, TESTED
	    HOST("mx.c.example", "none") GOOD(1),
	    "require=verify action=defer", "", "secure rule names reports",
	    "undeliverable defer mx-not-in-policy", 50000, NULL },
	{ "5: min_tls alone may go out in clear", NULL,
	    MX DANE("none") A_HOST IP(1, "starttls-missing", 999000, 2),
	    "min_tls=1.0 action=defer", "", "may rule "
	    "protocols=!SSLv2:!SSLv3", NULL, 86400, NULL },
	{ "5: DANE, all bad", NULL, SIGNED DANE("usable-all")
	    HOST("mx.a.example", "usable") IP(1, "tlsa-mismatch", 999000, 1),
	    "action=defer", "", "dane-only dane",
	    "undeliverable defer tlsa-mismatch", 2600, NULL },
	{ "5: dane-only passes over hosts without records", NULL,
	    SIGNED DANE("usable-some") POLICY("enforce")
	    HOST("mx.a.example", "usable") IP(1, "tlsa-mismatch", 999000, 1)
	    HOST("mx2.a.example", "none") GOOD(2), "action=defer", "",
	    "dane-only dane", "undeliverable defer tlsa-mismatch", 2600,
	    NULL },
	{ "5: dane does not", NULL, SIGNED DANE("usable-some")
	    HOST("mx.a.example", "usable") IP(1, "tlsa-mismatch", 999000, 1)
	    HOST("mx2.a.example", "none") GOOD(2), "action=defer", "",
	    "dane dane", "deliverable degraded log tlsa-mismatch", 2600,
	    NULL },
	{ "5: dane, a host without records may go out in clear", NULL,
	    SIGNED DANE("usable-some") HOST("mx.a.example", "usable")
	    IP(1, "tlsa-mismatch", 999000, 1) HOST("mx2.a.example", "none")
	    IP(2, "starttls-missing", 999000, 9), "action=defer", "",
	    "dane dane", "unknown log tlsa-mismatch", 2600, NULL },
	{ "5: dane, unusable records take any certificate", NULL,
	    SIGNED DANE("none-usable") HOST("mx.a.example", "unusable")
	    IP(1, "cert-self-signed", 999000, 1), "action=defer", "",
	    "dane dane", "deliverable log", 85400, NULL },
	{ "5: dane, unusable records need TLS", NULL,
	    SIGNED DANE("none-usable") HOST("mx.a.example", "unusable")
	    IP(1, "starttls-refused", 999000, 2), "action=defer", "",
	    "dane dane", "undeliverable defer starttls-refused", 2600, NULL },
};

#define ALL_BAD	ENFORCED A_HOST BAD(1)
#define CERT	"cert-expired"

static const struct row step_6[] = {
	{ "6: no rule", NULL, ALL_BAD, NULL, "", ENFORCE_WORDS,
	    "undeliverable log " CERT, 2600, NULL },
	{ "6: a rule without an action", NULL, ALL_BAD, "require=encrypt", "",
	    ENFORCE_WORDS, "undeliverable log " CERT, 2600, NULL },
	{ "6: defer", NULL, ALL_BAD, "action=defer", "", ENFORCE_WORDS,
	    "undeliverable defer " CERT, 2600, NULL },
	{ "6: hold", NULL, ALL_BAD, "action=hold", "", ENFORCE_WORDS,
	    "undeliverable hold " CERT, 2600, NULL },
	{ "6: tag", NULL, ALL_BAD, "action=tag", "", ENFORCE_WORDS,
	    "undeliverable tag " CERT, 2600, NULL },
	{ "6: log", NULL, ALL_BAD, "action=log", "", ENFORCE_WORDS,
	    "undeliverable log " CERT, 2600, NULL },
	{ "6: deliverable is logged at most", NULL, ENFORCED A_HOST GOOD(1),
	    "action=hold", "", ENFORCE_WORDS, "deliverable log", 50000, NULL },
	{ "6: degraded is logged at most", NULL,
	    ENFORCED TWO(BAD(1), GOOD(2)), "action=defer", "", ENFORCE_WORDS,
	    "deliverable degraded log " CERT, 2600, NULL },
	{ "6: unknown is logged at most", NULL, ENFORCED A_HOST UNSEEN(1),
	    "action=tag", "", ENFORCE_WORDS, NULL, 50000, NULL },
	{ "6: testing: defer becomes log", NULL, TESTED A_HOST BAD(1),
	    "action=defer", "", "notfound sts reports testing=may",
	    "undeliverable log " CERT, 2600, NULL },
	{ "6: testing: hold becomes log", NULL, TESTED A_HOST BAD(1),
	    "action=hold", "", "notfound sts reports testing=may",
	    "undeliverable log " CERT, 2600, NULL },
	{ "6: testing: tag stays", NULL, TESTED A_HOST BAD(1), "action=tag",
	    "", "notfound sts reports testing=may",
	    "undeliverable tag " CERT, 2600, NULL },
	{ "6: testing, raised to encrypt: still testing", NULL,
	    TESTED A_HOST BAD(1), "action=defer require=encrypt", "",
	    "encrypt rule reports", "undeliverable log " CERT, 2600, NULL },
	{ "6: testing, raised to verify: the rule's action", NULL,
	    TESTED A_HOST BAD(1), "action=defer require=verify", "",
	    "secure rule names reports", "undeliverable defer " CERT, 2600, NULL },
	{ "6: fallback relay: defer becomes tag", NULL, ALL_BAD,
	    "action=defer", "fallback", ENFORCE_WORDS,
	    "undeliverable tag " CERT, 2600, NULL },
	{ "6: fallback relay: hold becomes tag", NULL, ALL_BAD,
	    "action=hold", "fallback", ENFORCE_WORDS,
	    "undeliverable tag " CERT, 2600, NULL },
	{ "6: fallback relay: log stays", NULL, ALL_BAD, "action=log",
	    "fallback", ENFORCE_WORDS, "undeliverable log " CERT, 2600, NULL },
	{ "6: fallback relay, testing", NULL, TESTED A_HOST BAD(1),
	    "action=defer", "fallback", "notfound sts reports testing=may",
	    "undeliverable log " CERT, 2600, NULL },
	{ "6: mail may go elsewhere: at most log", NULL, ALL_BAD,
	    "action=defer", "vary", ENFORCE_WORDS,
	    "undeliverable log " CERT, 2600, NULL },
};

static const struct row step_7[] = {
	{ "7: breaker: defer becomes log", NULL, ALL_BAD, "action=defer",
	    "breaker", ENFORCE_WORDS, "undeliverable log " CERT, 2600, NULL },
	{ "7: breaker: hold becomes log", NULL, ALL_BAD, "action=hold",
	    "breaker", ENFORCE_WORDS, "undeliverable log " CERT, 2600, NULL },
	{ "7: breaker: tag stays", NULL, ALL_BAD, "action=tag", "breaker",
	    ENFORCE_WORDS, "undeliverable tag " CERT, 2600, NULL },
	{ "7: breaker: the delivery stays", NULL,
	    SIGNED DANE("usable-all"), "action=defer", "breaker",
	    "dane-only dane", NULL, 0, NULL },
};

/* ---------------------------------------------------------- running them */

static struct tls_site
site_of(const char *words)
{
	struct tls_site site = { .dane = FACT_PRESENT, .level = TLS_LEVEL_MAY,
	    .stale_ttl_s = 86400, .good_ttl_s = 86400, .bad_ttl_s = 3600,
	    .reprobe_after_s = 600 };
	struct text rest = text_of(words), word;

	while (text_next_word(&rest, &word)) {
		if (text_equals(word, "off"))
			site.dane = FACT_ABSENT;
		else if (text_equals(word, "unchecked"))
			site.dane = FACT_UNKNOWN;
		else if (text_equals(word, "fallback"))
			site.has_fallback_relay = true;
		else if (text_equals(word, "vary"))
			site.next_hops_vary = true;
		else if (text_equals(word, "strict"))
			site.is_strict = true;
		else if (text_equals(word, "breaker"))
			site.breaker_is_open = true;
		else if (text_equals(word, "nobody"))
			site.answers_nobody = true;
		else if (text_equals(word, "level="))
			site.level = TLS_LEVEL_UNSET;
		else if (!text_starts_with(word, "level=") ||
		    !tls_level_parse((struct text){ word.data + 6,
		    word.len - 6 }, &site.level))
			abort();
	}
	return site;
}

static struct facts *
facts_of(const char *hop, const char *lines)
{
	struct buffer record;
	struct facts *facts;
	const char *why = "";

	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	buffer_addf(&record, "hopseal-facts 1\nnext_hop=%s\nlooked_at=%d\n"
	    "learned_at=%d\n%s", hop, NOW, NOW, lines);
	facts = facts_parse((struct text){ record.data, record.len }, &why);
	if (facts == NULL) {
		printf("# %s in %s\n", why, record.data);
		abort();
	}
	buffer_clear(&record);
	return facts;
}

static struct domain_rules *
rules_of(const char *hop_name, const char *options)
{
	struct domain_rules *rules;
	struct buffer table, errors;

	buffer_init(&table, 4096);
	buffer_init(&errors, 4096);
	buffer_addf(&table, "%s out %s\n", hop_name, options);
	if (domain_rules_parse("rules", (struct text){ table.data, table.len },
	    &rules, &errors) == -1) {
		printf("# %s\n", buffer_text(&errors));
		abort();
	}
	buffer_clear(&table);
	buffer_clear(&errors);
	return rules;
}

static void
say_delivery(const struct tls_decision *d, char out[WORDS_SIZE])
{
	struct buffer b;

	buffer_init(&b, WORDS_SIZE - 1);
	buffer_addf(&b, "%s %s", d->map == MAP_NOT_FOUND ? "notfound" :
	    d->map == MAP_TEMPORARY ? "temp" : tls_level_name(d->level),
	    tls_policy_kind_name(d->kind));
	if (d->uses_sts_names)
		buffer_add_text(&b, " names");
	if (d->reports_sts)
		buffer_add_text(&b, " reports");
	if (d->testing_level != TLS_LEVEL_UNSET)
		buffer_addf(&b, " testing=%s",
		    tls_level_name(d->testing_level));
	if (d->protocols != NULL)
		buffer_addf(&b, " protocols=%s", d->protocols);
	if (d->has_warning)
		buffer_add_text(&b, " warns");
	memcpy(out, b.data, b.len + 1);
	buffer_clear(&b);
}

static void
say_intake(const struct tls_decision *d, char out[WORDS_SIZE])
{
	snprintf(out, WORDS_SIZE, "%s%s %s%s%s", verdict_name(d->verdict),
	    d->is_degraded ? " degraded" : "", rule_action_name(d->action),
	    d->finding != FINDING_UNKNOWN ? " " : "",
	    d->finding != FINDING_UNKNOWN ? finding_name(d->finding) : "");
}

static void
check_row(const struct row *row)
{
	const char *hop = row->hop != NULL ? row->hop : "a.example";
	const char *name = hop[0] == '[' ? "mx.a.example" : "a.example";
	struct tls_site site = site_of(row->site);
	struct facts *facts = NULL;
	struct domain_rules *rules = NULL;
	const struct domain_rule *rule = NULL;
	struct tls_decision d, again;
	char words[WORDS_SIZE];

	if (row->facts != NULL)
		facts = facts_of(hop, row->facts);
	if (row->rule != NULL) {
		rules = rules_of(name, row->rule);
		rule = domain_rules_match(rules, name, RULE_OUT, NOW);
	}
	memset(&d, 0xee, sizeof(d));
	tls_decision_make(facts, rule, &site, NOW, &d);
	say_delivery(&d, words);
	check_text(row->label, words, row->delivery);
	say_intake(&d, words);
	check_text(" at intake", words,
	    row->intake != NULL ? row->intake : "unknown log");
	check_int(" holds until", d.valid_until == 0 ? 0 :
	    d.valid_until - NOW, row->until);
	if (row->reason != NULL)
		check_contains(" reason", d.reason, row->reason);
	if (d.map == MAP_TEMPORARY)
		check_bool(" with words", d.reason[0] != '\0', true);
	check_bool(" carries its rule", d.rule == rule, true);
	if (d.valid_until != 0) {
		/* Until its end it is the same. */
		tls_decision_make(facts, rule, &site, d.valid_until - 1,
		    &again);
		check_text(" the same to its end", again.reason, d.reason);
		check_bool(" the same answer", again.map == d.map &&
		    again.level == d.level && again.verdict == d.verdict &&
		    again.valid_until == d.valid_until, true);
	}
	facts_free(facts);
	domain_rules_free(rules);
}

static void
check_rows(const struct row *rows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		check_row(&rows[i]);
}

static void
test_counts(void)
{
	struct tls_site site = site_of("");
	struct facts *facts = facts_of("a.example",
	    ENFORCED A_HOST UNSEEN(1));
	struct facts_address *address = &facts->hosts[0].addresses[0];
	struct tls_decision d;
	char label[128];
	unsigned seen;
	size_t i;

	for (i = 0; i < ROWS(counts); i++)
		for (seen = 1; seen <= 2; seen++) {
			snprintf(label, sizeof(label), "4: %s seen %u times",
			    finding_name(counts[i].finding), seen);
			*address = (struct facts_address){
				.address = address->address,
				.finding = counts[i].finding,
				.seen_at = NOW, .seen_count = seen
			};
			tls_decision_make(facts, NULL, &site, NOW, &d);
			check_bool(label, d.verdict == VERDICT_UNDELIVERABLE,
			    counts[i].seen != 0 && seen >= counts[i].seen);
		}
	facts_free(facts);
}

/* What a probe saw, by the light of what governs, and when it was seen. */
static void
test_observed(void)
{
	static const struct {
		const char	*label, *facts;
		enum finding	 finding, dane_finding;
		int64_t		 seen_at, not_after;
		enum verdict	 want;
		bool		 asks_again;
	} looks[] = {
		{ "4: DANE does not ask the web's trust",
		    SIGNED DANE("usable-all") HOST("mx.a.example", "usable")
		    UNSEEN(1),
		    FINDING_CERT_SELF_SIGNED, FINDING_OK, NOW, NOW + 900,
		    VERDICT_DELIVERABLE, false },
		{ "4: DANE-EE does not ask the dates",
		    SIGNED DANE("usable-all") HOST("mx.a.example", "usable")
		    UNSEEN(1),
		    FINDING_CERT_EXPIRED, FINDING_OK, NOW, NOW - 900,
		    VERDICT_DELIVERABLE, false },
		{ "4: nor does MTA-STS ask DANE",
		    ENFORCED A_HOST UNSEEN(1), FINDING_OK,
		    FINDING_TLSA_MISMATCH, NOW, NOW + 900,
		    VERDICT_DELIVERABLE, false },
		{ "4: DANE mismatch under DANE",
		    SIGNED DANE("usable-all") HOST("mx.a.example", "usable")
		    UNSEEN(1),
		    FINDING_OK, FINDING_TLSA_MISMATCH, NOW, NOW + 900,
		    VERDICT_UNDELIVERABLE, false },
		{ "4: of TLS behind injected octets nothing is known",
		    ENFORCED A_HOST UNSEEN(1), FINDING_STARTTLS_INJECTION,
		    FINDING_UNKNOWN, NOW, 0, VERDICT_UNKNOWN, false },
		{ "5: seen after DNS was asked: it is asked again first",
		    ENFORCED A_HOST UNSEEN(1), FINDING_CERT_EXPIRED,
		    FINDING_UNKNOWN, NOW + 1, NOW - 900, VERDICT_UNKNOWN,
		    true },
	};
	struct tls_site site = site_of("");
	struct facts_address *address;
	struct tls_decision d;
	struct facts *facts;
	size_t i;

	for (i = 0; i < ROWS(looks); i++) {
		facts = facts_of("a.example", looks[i].facts);
		address = &facts->hosts[0].addresses[0];
		address->finding = looks[i].finding;
		address->dane_finding = looks[i].dane_finding;
		address->seen_at = looks[i].seen_at;
		address->not_after = looks[i].not_after;
		address->seen_count = 1;
		tls_decision_make(facts, NULL, &site, NOW + 2, &d);
		check_text(looks[i].label, verdict_name(d.verdict),
		    verdict_name(looks[i].want));
		check_bool("  asks again", d.asks_again, looks[i].asks_again);
		facts_free(facts);
	}
}

#define SEEN_HOST(finding) A_HOST "address=192.0.2.1\nfinding=" finding "\n" \
	"seen_at=999000\nnot_after=900000\nseen_count=2\ndetail=CN=R3\n"

/* What a person is told, who is to mend it. */
static const struct {
	const char *label, *facts, *want;
} said[] = {
	{ "5: date and issuer", SEEN_HOST("cert-expired")
	    "words=certificate expired 1970-01-11\n",
	    "certificate expired 1970-01-11 (issuer CN=R3, " },
	{ "5: an issuer that is named already", SEEN_HOST("cert-expired")
	    "words=intermediate CN=R3 expired 1970-01-11\n",
	    "intermediate CN=R3 expired 1970-01-11 (" },
	{ "5: without words the date all the same",
	    SEEN_HOST("cert-expired"),
	    "certificate expired 1970-01-11 (issuer CN=R3, " },
	{ "5: words of what Postfix lets pass", SEEN_HOST("cert-revoked")
	    "postfix_finding=cert-weak\nwords=certificate revoked\n",
	    "certificate signature or key weak (issuer CN=R3, " },
	{ "5: words of DANE, which does not govern",
	    SEEN_HOST("cert-expired") "dane_finding=tlsa-mismatch\n"
	    "words=no TLSA record matches\n",
	    "certificate expired 1970-01-11 (issuer CN=R3, " },
	{ "5: no issuer where TLS did not stand",
	    SEEN_HOST("handshake-failed")
	    "words=TLS handshake failed: no shared cipher\n",
	    "TLS handshake failed: no shared cipher (" },
	{ "5: who signed itself is no issuer", SEEN_HOST("cert-self-signed"),
	    "certificate self-signed (" },
};

static void
test_said(void)
{
	struct tls_site site = site_of("");
	struct tls_decision d;
	struct facts *facts;
	char text[1024], want[512];
	size_t i;

	for (i = 0; i < ROWS(said); i++) {
		snprintf(text, sizeof(text), "%s%s", ENFORCED, said[i].facts);
		facts = facts_of("a.example", text);
		tls_decision_make(facts, NULL, &site, NOW, &d);
		snprintf(want, sizeof(want), "no usable mail host for "
		    "a.example: mx.a.example: %sMTA-STS enforce, policy id 7)",
		    said[i].want);
		check_text(said[i].label, d.reason, want);
		facts_free(facts);
	}
}

/* What explain shows of a host, whatever the level asks. */
static void
test_host_finding(void)
{
	struct tls_site site = site_of("");
	struct facts *facts = facts_of("a.example", ENFORCED A_HOST BAD(1)
	    HOST("mx.c.example", "none") GOOD(2));

	check_int("a bad host without a promise", tls_decision_host_finding(
	    facts, &facts->hosts[0], TLS_POLICY_NONE, &site, NOW),
	    FINDING_CERT_EXPIRED);
	check_int("a host outside of the policy", tls_decision_host_finding(
	    facts, &facts->hosts[1], TLS_POLICY_STS, &site, NOW),
	    FINDING_MX_NOT_IN_POLICY);
	check_int("which DANE does not ask", tls_decision_host_finding(facts,
	    &facts->hosts[1], TLS_POLICY_DANE, &site, NOW), FINDING_OK);
	facts_free(facts);
}

/* However long the words are that it quotes, a reason is terminated. */
static void
test_long_reason(void)
{
	struct tls_site site = site_of("");
	struct facts *facts = facts_of("a.example", SIGNED DANE("unknown"));
	struct tls_decision d;

	memset(facts->hop.name, 'a', HOST_NAME_MAX_BYTES);
	memset(facts->dane_error, 'b', FACTS_ERROR_MAX_BYTES);
	tls_decision_make(facts, NULL, &site, NOW, &d);
	check_int("reason of the longest", (int64_t)strlen(d.reason),
	    TLS_REASON_MAX_BYTES);
	check_text("is cut with dots", d.reason + TLS_REASON_MAX_BYTES - 4,
	    "b...");
	facts_free(facts);
}

int
main(void)
{
	check_rows(step_1, ROWS(step_1));
	check_rows(step_2, ROWS(step_2));
	check_rows(step_3, ROWS(step_3));
	check_rows(step_4, ROWS(step_4));
	test_counts();
	check_rows(step_5, ROWS(step_5));
	check_rows(step_6, ROWS(step_6));
	check_rows(step_7, ROWS(step_7));
	test_observed();
	test_said();
	test_host_finding();
	test_long_reason();
	check_text("verdict", verdict_name(VERDICT_UNDELIVERABLE),
	    "undeliverable");
	check_text("kind", tls_policy_kind_name(TLS_POLICY_STS), "sts");
	return check_end();
}
