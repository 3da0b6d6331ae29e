/*
 * Replies of a TLS policy map and what Postfix 3.4 to 3.12 make of them: good
 * ones with their attributes, and a row for each way to be refused.
 */

#include "shared/postfix/map_reply_check.h"

#include "shared/buffer.h"
#include "shared/postfix/socketmap.h"
#include "tests/unit/check.h"

#define T(s)	{ (s), sizeof(s) - 1 }
#define LABEL_63	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

enum { V34 = 304, V37 = 307, V38 = 308, V39 = 309, V310 = 310, V312 = 312 };

static const struct {
	const char		*label;
	unsigned		 version;
	struct text		 payload;
	enum map_reply_status	 status;
	enum tls_level		 level;
	const char		*attributes;	/* "name=value;" each */
} good_rows[] = {
	/* Status words. */
	{ "not found", V37, T("NOTFOUND "), MAP_REPLY_NOTFOUND, 0, "" },
	{ "not found without blank", V37, T("NOTFOUND"), MAP_REPLY_NOTFOUND,
	    0, "" },
	{ "what follows is not looked at", V37, T("NOTFOUND match={ \377"),
	    MAP_REPLY_NOTFOUND, 0, "" },
	{ "temporary", V37, T("TEMP the resolver is away"), MAP_REPLY_TEMP, 0,
	    "" },
	{ "a reason is not needed", V37, T("TEMP"), MAP_REPLY_TEMP, 0, "" },
	{ "timeout", V37, T("TIMEOUT x"), MAP_REPLY_TIMEOUT, 0, "" },
	{ "permanent", V37, T("PERM unknown map"), MAP_REPLY_PERM, 0, "" },
	/* Levels. */
	{ "none", V37, T("OK none"), MAP_REPLY_OK, TLS_LEVEL_NONE, "" },
	{ "none ignores attributes, even bad ones", V37,
	    T("OK none match= x {"), MAP_REPLY_OK, TLS_LEVEL_NONE, "" },
	{ "may", V37, T("OK may"), MAP_REPLY_OK, TLS_LEVEL_MAY, "" },
	{ "encrypt", V37, T("OK encrypt"), MAP_REPLY_OK, TLS_LEVEL_ENCRYPT,
	    "" },
	{ "fingerprint", V37, T("OK fingerprint match=AB:CD|EF:01"),
	    MAP_REPLY_OK, TLS_LEVEL_FINGERPRINT, "match=AB:CD|EF:01;" },
	{ "dane", V37, T("OK dane"), MAP_REPLY_OK, TLS_LEVEL_DANE, "" },
	{ "dane-only", V37, T("OK dane-only"), MAP_REPLY_OK,
	    TLS_LEVEL_DANE_ONLY, "" },
	{ "verify", V37, T("OK verify match=hostname"), MAP_REPLY_OK,
	    TLS_LEVEL_VERIFY, "match=hostname;" },
	{ "secure", V37, T("OK secure match=mx.example:.example "
	    "servername=hostname"), MAP_REPLY_OK, TLS_LEVEL_SECURE,
	    "match=mx.example:.example;servername=hostname;" },
	{ "letter case of a level", V37, T("OK Secure"), MAP_REPLY_OK,
	    TLS_LEVEL_SECURE, "" },
	/* Separators. */
	{ "all separators", V37,
	    T("OK , may\tciphers=high,,protocols=TLSv1.2\r\nexclude=x "),
	    MAP_REPLY_OK, TLS_LEVEL_MAY,
	    "ciphers=high;protocols=TLSv1.2;exclude=x;" },
	{ "form feeds are blanks around a name", V37,
	    T("OK may \fciphers\v=\fhigh"), MAP_REPLY_OK, TLS_LEVEL_MAY,
	    "ciphers=high;" },
	{ "the first = counts", V37, T("OK may protocols=>=TLSv1.2"),
	    MAP_REPLY_OK, TLS_LEVEL_MAY, "protocols=>=TLSv1.2;" },
	{ "letter case of a name", V37, T("OK secure Match=X"), MAP_REPLY_OK,
	    TLS_LEVEL_SECURE, "match=X;" },
	{ "UTF-8", V37,
	    T("OK secure match=\303\274\342\202\254\360\237\222\214"),
	    MAP_REPLY_OK, TLS_LEVEL_SECURE,
	    "match=\303\274\342\202\254\360\237\222\214;" },
	/* Attributes. */
	{ "empty protocols and exclude", V37, T("OK may protocols= exclude="),
	    MAP_REPLY_OK, TLS_LEVEL_MAY, "protocols=;exclude=;" },
	{ "match again", V37, T("OK secure match=a match=b"), MAP_REPLY_OK,
	    TLS_LEVEL_SECURE, "match=a;match=b;" },
	{ "tafile at verify, again", V37, T("OK verify tafile=/a tafile=/b"),
	    MAP_REPLY_OK, TLS_LEVEL_VERIFY, "tafile=/a;tafile=/b;" },
	{ "connection_reuse, again", V34,
	    T("OK may connection_reuse=yes connection_reuse=NO"),
	    MAP_REPLY_OK, TLS_LEVEL_MAY,
	    "connection_reuse=yes;connection_reuse=NO;" },
	{ "enable_rpk since 3.9", V39, T("OK dane enable_rpk=yes"),
	    MAP_REPLY_OK, TLS_LEVEL_DANE, "enable_rpk=yes;" },
	{ "servername since 3.4", V34, T("OK may servername=a_b.example"),
	    MAP_REPLY_OK, TLS_LEVEL_MAY, "servername=a_b.example;" },
	{ "a servername of digits and a hyphen", V37,
	    T("OK may servername=1-2"), MAP_REPLY_OK, TLS_LEVEL_MAY,
	    "servername=1-2;" },
	{ "the longest servername", V37, T("OK may servername=" LABEL_63 "."
	    LABEL_63 "." LABEL_63 "." LABEL_63), MAP_REPLY_OK, TLS_LEVEL_MAY,
	    "servername=" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63
	    ";" },
	{ "braces are text before 3.10", V39, T("OK secure match={a}b"),
	    MAP_REPLY_OK, TLS_LEVEL_SECURE, "match={a}b;" },
	/* The policy's attributes, since 3.10. */
	{ "a whole policy", V310, T("OK secure match=mx.example "
	    "servername=hostname policy_type=sts policy_domain=example "
	    "mx_host_pattern=mx.example mx_host_pattern=*.example "
	    "{ policy_string = version: STSv1 } "
	    "{ policy_string = mode: enforce }"), MAP_REPLY_OK,
	    TLS_LEVEL_SECURE, "match=mx.example;servername=hostname;"
	    "policy_type=sts;policy_domain=example;"
	    "mx_host_pattern=mx.example;mx_host_pattern=*.example;"
	    "policy_string=version: STSv1;policy_string=mode: enforce;" },
	{ "the type may come last", V310,
	    T("OK may policy_string=a policy_type=STS"), MAP_REPLY_OK,
	    TLS_LEVEL_MAY, "policy_string=a;policy_type=STS;" },
	{ "a type alone", V312, T("OK may policy_type=no-policy-found"),
	    MAP_REPLY_OK, TLS_LEVEL_MAY, "policy_type=no-policy-found;" },
	{ "a failure and a ttl", V310, T("OK may policy_type=sts "
	    "policy_failure=sts-policy-invalid policy_ttl=2147483647"),
	    MAP_REPLY_OK, TLS_LEVEL_MAY, "policy_type=sts;"
	    "policy_failure=sts-policy-invalid;policy_ttl=2147483647;" },
	{ "the other failures", V310, T("OK may policy_type=sts "
	    "policy_failure=sts-policy-fetch-error"), MAP_REPLY_OK,
	    TLS_LEVEL_MAY,
	    "policy_type=sts;policy_failure=sts-policy-fetch-error;" },
	{ "the other failures", V310, T("OK may policy_type=sts "
	    "policy_failure=sts-webpki-invalid"), MAP_REPLY_OK,
	    TLS_LEVEL_MAY,
	    "policy_type=sts;policy_failure=sts-webpki-invalid;" },
	{ "the other failures", V310, T("OK may policy_type=sts "
	    "policy_failure=Validation-Failure"), MAP_REPLY_OK,
	    TLS_LEVEL_MAY,
	    "policy_type=sts;policy_failure=Validation-Failure;" },
	{ "an empty string", V310, T("OK may policy_type=sts "
	    "policy_string= {policy_string=}"), MAP_REPLY_OK, TLS_LEVEL_MAY,
	    "policy_type=sts;policy_string=;policy_string=;" },
	{ "blanks within braces", V310, T("OK may policy_type=sts "
	    "{\tpolicy_string\r\n=  a,\n\tb  }"), MAP_REPLY_OK, TLS_LEVEL_MAY,
	    "policy_type=sts;policy_string=a,  b;" },
	{ "balanced braces within braces", V310, T("OK may policy_type=sts "
	    "{policy_string={a {b}} c}"), MAP_REPLY_OK, TLS_LEVEL_MAY,
	    "policy_type=sts;policy_string={a {b}} c;" },
	{ "braces hold a value together without being its form", V310,
	    T("OK secure match=a{b c}d"), MAP_REPLY_OK, TLS_LEVEL_SECURE,
	    "match=a{b c}d;" },
	{ "a closing brace alone is text", V310, T("OK secure match=a}b"),
	    MAP_REPLY_OK, TLS_LEVEL_SECURE, "match=a}b;" },
	{ "braces around any attribute", V310, T("OK secure {match=a}"),
	    MAP_REPLY_OK, TLS_LEVEL_SECURE, "match=a;" }
};

static const struct {
	const char	*label;
	unsigned	 version;
	struct text	 payload;
	const char	*why;
} bad_rows[] = {
	{ "nothing", V37, T(""), "reply is empty" },
	{ "another status", V37, T("FOUND may"), "status" },
	{ "letter case of a status", V37, T("ok may"), "status" },
	{ "a status and no blank", V37, T("OK\tmay"), "status" },
	{ "a blank first", V37, T(" OK may"), "status" },
	{ "OK without data", V37, T("OK"), "OK without a policy" },
	{ "OK and a blank", V37, T("OK "), "policy is empty" },
	{ "OK and separators", V37, T("OK , \t"), "policy is empty" },
	{ "a NUL", V37, T("OK may\0"), "NUL" },
	{ "no UTF-8", V37, T("OK secure match=\374"), "UTF-8" },
	{ "an overlong form", V37, T("OK secure match=\300\200"), "UTF-8" },
	{ "another overlong form", V37, T("OK secure match=\340\200\200"),
	    "UTF-8" },
	{ "a surrogate", V37, T("OK secure match=\355\240\200"), "UTF-8" },
	{ "beyond Unicode", V37, T("OK secure match=\364\220\200\200"),
	    "UTF-8" },
	{ "UTF-8 cut short", V37, T("OK secure match=\342\202"), "UTF-8" },
	{ "a bad third octet", V37, T("OK secure match=\342\202x"),
	    "UTF-8" },
	{ "an unknown level", V37, T("OK strict"), "unknown security level" },
	{ "halfdane is for output only", V310, T("OK halfdane"),
	    "unknown security level" },
	{ "an attribute first", V37, T("OK match=a secure"),
	    "unknown security level" },
	/* Attributes. */
	{ "an unknown attribute", V312, T("OK may x=y"),
	    "unknown attribute" },
	{ "no =", V37, T("OK secure match"), "without \"=\"" },
	{ "a blank before =", V37, T("OK secure match =a"),
	    "without \"=\"" },
	{ "no name", V37, T("OK secure =a"), "without a name" },
	{ "empty match", V37, T("OK secure match="), "match is empty" },
	{ "empty match within others", V37,
	    T("OK secure match= servername=hostname"), "match is empty" },
	{ "match at may", V37, T("OK may match=a"), "match does not fit" },
	{ "match at encrypt", V37, T("OK encrypt match=a"),
	    "match does not fit" },
	{ "match at dane", V37, T("OK dane match=a"), "match does not fit" },
	{ "match at dane-only", V37, T("OK dane-only match=a"),
	    "match does not fit" },
	{ "empty ciphers", V37, T("OK may ciphers="), "ciphers is empty" },
	{ "ciphers twice", V37, T("OK may ciphers=high ciphers=high"),
	    "ciphers is given twice" },
	{ "protocols twice", V37, T("OK may protocols=a PROTOCOLS=b"),
	    "protocols is given twice" },
	{ "exclude twice", V37, T("OK may exclude=a exclude=b"),
	    "exclude is given twice" },
	{ "servername twice", V37, T("OK may servername=a servername=b"),
	    "servername is given twice" },
	{ "servername before 3.4", 303, T("OK may servername=a"),
	    "servername needs Postfix 3.4" },
	{ "empty servername", V37, T("OK may servername="), "no host name" },
	{ "servername with a final dot", V37, T("OK may servername=a."),
	    "no host name" },
	{ "servername with an empty label", V37, T("OK may servername=a..b"),
	    "no host name" },
	{ "servername with a dot first", V37, T("OK may servername=.a"),
	    "no host name" },
	{ "servername with a hyphen first", V37, T("OK may servername=-a"),
	    "no host name" },
	{ "servername with a hyphen last", V37, T("OK may servername=a-"),
	    "no host name" },
	{ "servername with a hyphen before a dot", V37,
	    T("OK may servername=a-.b"), "no host name" },
	{ "servername of digits", V37, T("OK may servername=192.0.2.1"),
	    "no host name" },
	{ "servername with a star", V37, T("OK may servername=*.a"),
	    "no host name" },
	{ "servername with U-labels", V37, T("OK may servername=\303\274.de"),
	    "no host name" },
	{ "servername with a label too long", V37,
	    T("OK may servername=a" LABEL_63), "no host name" },
	{ "servername too long", V37, T("OK may servername=" LABEL_63 "."
	    LABEL_63 "." LABEL_63 "." LABEL_63 ".a"), "no host name" },
	{ "tafile at encrypt", V37, T("OK encrypt tafile=/a"),
	    "tafile does not fit" },
	{ "tafile at fingerprint", V37, T("OK fingerprint tafile=/a"),
	    "tafile does not fit" },
	{ "empty tafile", V37, T("OK secure tafile="), "tafile is empty" },
	{ "connection_reuse", V37, T("OK may connection_reuse=1"),
	    "neither yes nor no" },
	{ "enable_rpk", V310, T("OK may enable_rpk="),
	    "neither yes nor no" },
	{ "enable_rpk before 3.9", V38, T("OK may enable_rpk=yes"),
	    "enable_rpk needs Postfix 3.9" },
	/* The policy's attributes. */
	{ "policy_type before 3.10", V39, T("OK may policy_type=sts"),
	    "policy_type needs Postfix 3.10" },
	{ "policy_domain before 3.10", V37, T("OK may policy_domain=a"),
	    "policy_domain needs Postfix 3.10" },
	{ "policy_string before 3.10", V37, T("OK may policy_string=a"),
	    "policy_string needs Postfix 3.10" },
	{ "mx_host_pattern before 3.10", V37, T("OK may mx_host_pattern=a"),
	    "mx_host_pattern needs Postfix 3.10" },
	{ "policy_failure before 3.10", V37,
	    T("OK may policy_failure=validation-failure"),
	    "policy_failure needs Postfix 3.10" },
	{ "policy_ttl before 3.10", V37, T("OK may policy_ttl=1"),
	    "policy_ttl needs Postfix 3.10" },
	{ "braces before 3.10", V39, T("OK secure { match = a }"),
	    "without \"=\"" },
	{ "braces before 3.10, without blanks", V39, T("OK secure {match=a}"),
	    "unknown attribute" },
	{ "another type", V310, T("OK may policy_type=tlsa"),
	    "neither sts nor" },
	{ "an empty type", V310, T("OK may policy_type="),
	    "neither sts nor" },
	{ "policy_type twice", V310,
	    T("OK may policy_type=sts policy_type=sts"), "twice" },
	{ "policy_domain twice", V310,
	    T("OK may policy_type=sts policy_domain=a policy_domain=a"),
	    "twice" },
	{ "policy_failure twice", V310, T("OK may policy_type=sts "
	    "policy_failure=sts-policy-invalid "
	    "policy_failure=sts-policy-invalid"), "twice" },
	{ "policy_ttl twice", V310,
	    T("OK may policy_type=sts policy_ttl=1 policy_ttl=1"), "twice" },
	{ "a bad policy_domain", V310,
	    T("OK may policy_type=sts policy_domain=a."), "no host name" },
	{ "a bad policy_failure", V310,
	    T("OK may policy_type=sts policy_failure=certificate-expired"),
	    "no failure" },
	{ "an empty policy_ttl", V310,
	    T("OK may policy_type=sts policy_ttl="), "number of seconds" },
	{ "a signed policy_ttl", V310,
	    T("OK may policy_type=sts policy_ttl=-1"), "number of seconds" },
	{ "a policy_ttl too large", V310,
	    T("OK may policy_type=sts policy_ttl=2147483648"),
	    "number of seconds" },
	{ "a pattern like a match entry", V310,
	    T("OK may policy_type=sts mx_host_pattern=.a"), "\"*.name\"" },
	{ "a bare star", V310,
	    T("OK may policy_type=sts mx_host_pattern=*."), "\"*.name\"" },
	{ "policy_domain without a type", V310, T("OK may policy_domain=a"),
	    "without policy_type" },
	{ "policy_string without a type", V310, T("OK may policy_string=a"),
	    "without policy_type" },
	{ "mx_host_pattern without a type", V310,
	    T("OK secure match=a mx_host_pattern=a"), "without policy_type" },
	{ "policy_failure without a type", V310,
	    T("OK may policy_failure=sts-policy-invalid"),
	    "without policy_type" },
	{ "policy_ttl without a type", V310, T("OK may policy_ttl=1"),
	    "without policy_type" },
	{ "a policy_string that is not held together", V310,
	    T("OK may policy_type=sts policy_string=mode: enforce"),
	    "without \"=\"" },
	{ "an open brace", V310,
	    T("OK may policy_type=sts { policy_string = a"),
	    "not closed" },
	{ "an open brace within", V310,
	    T("OK may policy_type=sts { policy_string = { }"),
	    "not closed" },
	{ "text after a brace", V310,
	    T("OK may policy_type=sts {policy_string=a}b"),
	    "after a closing brace" },
	{ "a brace too many", V310,
	    T("OK may policy_type=sts { policy_string = a } }"),
	    "without \"=\"" },
	{ "empty braces", V310, T("OK may { }"), "without a name" },
	{ "no = in braces", V310, T("OK may { ciphers high }"),
	    "without \"=\"" },
	{ "an attribute smuggled in", V310, T("OK may policy_type=sts "
	    "{ policy_string = a } x=y { b }"), "unknown attribute" }
};

static const struct {
	const char	*text;
	unsigned	 number;	/* 0: refused */
} versions[] = {
	{ "3.4", 304 }, { "3.7", 307 }, { "3.7.11", 307 }, { "3.10", 310 },
	{ "3.10.13", 310 }, { "3.12-20260821", 312 }, { "3.11-RC1", 311 },
	{ "2.11.0", 211 }, { "", 0 }, { "3", 0 }, { "3.", 0 }, { ".7", 0 },
	{ "3.x", 0 }, { "3.7x", 0 }, { "3.7 ", 0 }, { " 3.7", 0 },
	{ "3.7.", 0 }, { "3.7-", 0 }, { "-3.7", 0 }, { "3.100", 0 },
	{ "100.1", 0 }, { "3.18446744073709551623", 0 }, { "3,7", 0 },
	{ "3.7.\001", 0 }
};

static int
check_reply(struct text payload, unsigned version, struct map_reply *reply,
    const char **why)
{
	char *exact = check_exact(payload.data, payload.len);
	int result;

	result = map_reply_check((struct text){ exact, payload.len }, version,
	    reply, why);
	free(exact);
	return result;
}

static void
test_good(void)
{
	struct map_reply reply;
	struct buffer b;
	const char *why;
	size_t i, k;

	buffer_init(&b, 4096);
	for (i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		why = "";
		if (check_reply(good_rows[i].payload, good_rows[i].version,
		    &reply, &why) == -1) {
			check_text(good_rows[i].label, why, "");
			continue;
		}
		check_text(good_rows[i].label, why, "");
		check_int("its status", reply.status, good_rows[i].status);
		check_int("its level", reply.level, good_rows[i].level);
		buffer_reset(&b);
		for (k = 0; k < reply.attribute_count; k++)
			buffer_addf(&b, "%s=%s;", reply.attributes[k].name,
			    reply.attributes[k].value);
		check_text("its attributes", buffer_text(&b),
		    good_rows[i].attributes);
		map_reply_clear(&reply);
	}
	buffer_clear(&b);
}

static void
test_bad(void)
{
	struct map_reply reply = { .attribute_count = 99 };
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		why = "";
		check_int(bad_rows[i].label, check_reply(bad_rows[i].payload,
		    bad_rows[i].version, &reply, &why), -1);
		check_contains("its reason", why, bad_rows[i].why);
		check_int("the result is untouched",
		    (int64_t)reply.attribute_count, 99);
	}
}

static void
test_ignored(void)
{
	struct map_reply reply;
	const char *why;

	check_int("level none", check_reply(text_of("OK none a {b c} d=e"),
	    V310, &reply, &why), 0);
	check_int("counts what it ignores", (int64_t)reply.ignored_count, 3);
	map_reply_clear(&reply);
}

static void
test_limit(void)
{
	struct map_reply reply;
	const char *why = "";
	struct buffer b;

	buffer_init(&b, SOCKETMAP_REPLY_MAX + 1);
	buffer_add_text(&b, "OK secure match=");
	while (b.len < SOCKETMAP_REPLY_MAX)
		buffer_add(&b, "a", 1);
	check_int("the longest reply", check_reply((struct text){ b.data,
	    b.len }, V37, &reply, &why), 0);
	map_reply_clear(&reply);
	buffer_add(&b, "a", 1);
	check_int("one octet too long", check_reply((struct text){ b.data,
	    b.len }, V37, &reply, &why), -1);
	check_contains("its reason", why, "longer than 100000");
	buffer_clear(&b);
}

static void
test_versions(void)
{
	unsigned number;
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		number = 0;
		check_bool(versions[i].text, map_reply_version_parse(
		    text_of(versions[i].text), &number),
		    versions[i].number != 0);
		check_int("its number", number, versions[i].number);
	}
}

int
main(void)
{
	test_good();
	test_bad();
	test_ignored();
	test_limit();
	test_versions();
	check_text("the name of a status",
	    map_reply_status_name(MAP_REPLY_TIMEOUT), "TIMEOUT");
	return check_end();
}
