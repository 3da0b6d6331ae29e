/*
 * libtlsrpt's datagrams: what its own samples and Postfix send, each code, and
 * all that a forger or a broken sender may send.
 */

#include "shared/tlsrpt/datagram.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

/* From libtlsrpt's test program, with its octet that is no UTF-8. */
static const char sample[] =
    "{\"dpv\": \"1\",\"d\": \"example.com\",\"pr\": \"v=TLSRPTv1; "
    "rua=mailto:r@example.com\",\"policies\":[{\"policy-type\":1,"
    "\"policy-domain\": \"mx.example.com\",\"policy-string\":["
    "\"3 1 1 00AA\"],\"failure-details\":[{\"c\":204,\"s\": \"192.0.2.1\","
    "\"n\": \"mx.example.com\",\"h\": \"mx \\\"q\\\" \\\\ \\r\\nx"
    "\\u007f\377\",\"r\": \"2001:db8::1\",\"f\": \"certificate has expired\""
    "}],\"t\":1,\"f\":1}]}";

static const char two_policies[] =
    "{\"dpv\": \"1\",\"d\": \"example.com\",\"pr\": \"v=TLSRPTv1\","
    "\"policies\":[{\"policy-type\":9,\"failure-details\":[{\"c\":201}],"
    "\"t\":1,\"f\":1},{\"policy-type\":2,\"policy-domain\": \"x\",\"t\":0,"
    "\"f\":0}]}";

static int
parse(const char *text, size_t len, struct datagram *out, const char **why)
{
	char *exact = check_exact(text, len);
	int result = datagram_parse(exact, len, out, why);

	free(exact);
	return result;
}

static const struct {
	const char	*label, *reply, *want;
} helos[] = {
	{ "a reply of several lines", "250-mx.a.example Hello\r\n250 SIZE",
	    "mx.a.example" },
	{ "a reply of one line", "250 mx.a.example", "mx.a.example" },
	{ "no code", "mx.a.example", "mx.a.example" },
	{ "no name", "250-\r\n250 SIZE", "" },
	{ "an empty one", "", "" },
	{ "none", NULL, "" },
};

static void
test_helos(void)
{
	struct datagram_failure f = { 0 };
	size_t i;

	for (i = 0; i < sizeof(helos) / sizeof(helos[0]); i++) {
		f.mx_helo = helos[i].reply;
		check_bool(helos[i].label, text_equals(datagram_helo_name(&f),
		    helos[i].want), true);
	}
}

static void
test_samples(void)
{
	struct datagram d;
	const struct datagram_failure *f;
	const char *why;

	if (parse(sample, sizeof(sample) - 1, &d, &why) == -1) {
		check_text("libtlsrpt's sample", why, NULL);
		return;
	}
	check_text("domain", d.domain, "example.com");
	check_text("record", d.record, "v=TLSRPTv1; rua=mailto:r@example.com");
	check_int("one octet mended", (int64_t)d.repaired_count, 1);
	check_bool("the count is right", d.has_wrong_count, false);
	check_int("one policy", (int64_t)d.policy_count, 1);
	check_text("its type", d.policies[0].type, "tlsa");
	check_text("its domain", d.policies[0].domain, "mx.example.com");
	check_text("its string", d.policies[0].strings[0], "3 1 1 00AA");
	check_int("no patterns", (int64_t)d.policies[0].mx_count, 0);
	check_bool("failed", d.policies[0].is_failed, true);
	check_int("one failure", (int64_t)d.policies[0].failure_count, 1);
	f = &d.policies[0].failures[0];
	check_int("code", f->code, 204);
	check_text("result-type", f->result_type, "certificate-expired");
	check_text("sending-mta-ip", f->sending_ip, "192.0.2.1");
	check_text("receiving-mx-hostname", f->mx_host, "mx.example.com");
	check_text("receiving-mx-helo", f->mx_helo,
	    "mx \"q\" \\ \r\nx\177?");
	check_bool("its name", text_equals(datagram_helo_name(f), "mx"), true);
	check_text("receiving-ip", f->receiving_ip, "2001:db8::1");
	check_text("no additional-information", f->additional, NULL);
	check_text("reason", f->reason, "certificate has expired");
	datagram_clear(&d);

	if (parse(two_policies, sizeof(two_policies) - 1, &d, &why) == -1) {
		check_text("two policies", why, NULL);
		return;
	}
	check_int("two policies", (int64_t)d.policy_count, 2);
	check_text("without a policy", d.policies[0].type, "no-policy-found");
	check_text("a missing policy-domain is d", d.policies[0].domain,
	    "example.com");
	check_bool("the first failed", d.policies[0].is_failed, true);
	check_text("the second", d.policies[1].type, "sts");
	check_text("its domain", d.policies[1].domain, "x");
	check_bool("it did not fail", d.policies[1].is_failed, false);
	datagram_clear(&d);
}

/* One policy with one failure. */
static void
test_codes(void)
{
	static const struct {
		const char *label, *failure;
		int policy_type;
		const char *finding, *result_type, *reason;
	} rows[] = {
		{ "201", "\"c\":201", 2, "starttls-missing",
		    "starttls-not-supported", NULL },
		{ "201 and no STARTTLS in the EHLO reply", "\"c\":201,\"h\":"
		    "\"250-mx STARTTLS\\r\\n250 SIZE\"", 2,
		    "starttls-missing", "starttls-not-supported", NULL },
		{ "201 after STARTTLS in the EHLO reply", "\"c\":201,\"h\":"
		    "\"250-mx.example\\r\\n250-SIZE 1\\r\\n250 STARTTLS\"", 2,
		    "starttls-refused", "starttls-not-supported", NULL },
		{ "202", "\"c\":202", 2, "cert-name-mismatch",
		    "certificate-host-mismatch", NULL },
		{ "203", "\"c\":203", 2, "cert-untrusted",
		    "certificate-not-trusted", NULL },
		{ "203 with DANE", "\"c\":203", 1, "tlsa-mismatch",
		    "certificate-not-trusted", NULL },
		{ "203 by its reason", "\"c\":203,\"f\":"
		    "\"self-signed_certificate\"", 2, "cert-self-signed",
		    "certificate-not-trusted", "self-signed_certificate" },
		{ "203 with DANE, by its reason", "\"c\":203,\"f\":"
		    "\"certificate_revoked\"", 1, "cert-revoked",
		    "certificate-not-trusted", "certificate_revoked" },
		{ "204", "\"c\":204", 2, "cert-expired",
		    "certificate-expired", NULL },
		{ "205 without a reason", "\"c\":205", 2, "unknown",
		    "validation-failure", NULL },
		{ "205 with DANE is not about TLSA", "\"c\":205", 1,
		    "unknown", "validation-failure", NULL },
		{ "205, handshake", "\"c\":205,\"f\":"
		    "\"tls-handshake-failure\"", 2, "handshake-failed",
		    "validation-failure", "tls-handshake-failure" },
		{ "205, self-signed: the result-type follows the finding",
		    "\"c\":205,\"f\":\"self-signed_certificate\"", 2,
		    "cert-self-signed", "certificate-not-trusted",
		    "self-signed_certificate" },
		{ "205, not yet valid", "\"c\":205,\"f\":"
		    "\"certificate_is_not_yet_valid\"", 2,
		    "cert-not-yet-valid", "validation-failure",
		    "certificate_is_not_yet_valid" },
		{ "205 in words that nobody knows", "\"c\":205,\"f\":\"why\"",
		    2, "unknown", "validation-failure", "why" },
		{ "301", "\"c\":301", 2, "policy-fetch-failed",
		    "sts-policy-fetch-error", NULL },
		{ "302", "\"c\":302", 2, "policy-invalid",
		    "sts-policy-invalid", NULL },
		{ "303", "\"c\":303", 2, "policy-webpki-invalid",
		    "sts-webpki-invalid", NULL },
		{ "304", "\"c\":304,\"f\":\"all-TLSA-records-unusable\"", 1,
		    "tlsa-invalid", "tlsa-invalid",
		    "all-TLSA-records-unusable" },
		{ "305", "\"c\":305", 1, "dnssec-invalid", "dnssec-invalid",
		    NULL },
		{ "306 is no finding", "\"c\":306", 1, "unknown",
		    "dane-required", NULL },
		{ "an unknown code", "\"c\":999", 2, "unknown",
		    "validation-failure", "code 999" },
		{ "an unknown code with a reason", "\"c\":901,\"f\":\"so\"",
		    2, "unknown", "validation-failure", "code 901: so" },
	};
	const struct datagram_failure *f;
	struct datagram d;
	char text[512];
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		snprintf(text, sizeof(text), "{\"d\":\"a.test\",\"pr\":\"\","
		    "\"policies\":[{\"policy-type\":%d,\"f\":1,"
		    "\"failure-details\":[{%s}]}]}", rows[i].policy_type,
		    rows[i].failure);
		if (parse(text, strlen(text), &d, &why) == -1) {
			check_text(rows[i].label, why, NULL);
			continue;
		}
		f = &d.policies[0].failures[0];
		check_text(rows[i].label, finding_name(f->finding),
		    rows[i].finding);
		check_text("its result-type", f->result_type,
		    rows[i].result_type);
		check_text("its reason", f->reason, rows[i].reason);
		datagram_clear(&d);
	}
}

#define HEAD "{\"d\":\"a.test\",\"pr\":\"v=TLSRPTv1\","
#define STS "{\"policy-type\":2,\"f\":0"
#define FAILURE(members) HEAD "\"policies\":[{\"policy-type\":2,\"f\":1," \
	"\"failure-details\":[{" members "}]}]}"

static void
test_accepted(void)
{
	static const struct {
		const char *label, *text;
		bool has_wrong_count;
	} rows[] = {
		{ "no dpv, no t", HEAD "\"policies\":[" STS "}]}", false },
		{ "dpv 1", "{\"dpv\":\"1\",\"policies\":[" STS "}],"
		    "\"pr\":\"\",\"d\":\"a.test\"}", false },
		{ "letter case and a final dot", "{\"d\":\"A.Test.\","
		    "\"pr\":\"\",\"policies\":[" STS "}]}", false },
		{ "blanks and line ends", " {\n\"d\" : \"a.test\" ,\t"
		    "\"pr\" : \"\", \"policies\" : [ " STS " } ] }\r\n",
		    false },
		{ "unknown members", HEAD "\"x\":{\"y\":[null]},\"policies\":["
		    STS ",\"ttl\":1.5}]}", false },
		{ "brackets in a string", HEAD "\"x\":\"[[[[[[[[[\\\"["
		    "\\\\\",\"policies\":[" STS "}]}", false },
		{ "failed, and no failure", HEAD "\"policies\":["
		    "{\"policy-type\":9,\"f\":1,\"failure-details\":[]}]}",
		    false },
		{ "not failed, and a failure", HEAD "\"policies\":[" STS
		    ",\"failure-details\":[{\"c\":201}],\"t\":1}]}", false },
		{ "an empty policy-domain", HEAD "\"policies\":[" STS
		    ",\"policy-domain\":\"\"}]}", false },
		{ "t says more", HEAD "\"policies\":[" STS ",\"t\":7}]}",
		    true },
		{ "t says less", HEAD "\"policies\":[" STS ",\"t\":0,"
		    "\"failure-details\":[{\"c\":201}]}]}", true },
	};
	struct datagram d;
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		if (parse(rows[i].text, strlen(rows[i].text), &d, &why) == -1) {
			check_text(rows[i].label, why, NULL);
			continue;
		}
		check_text(rows[i].label, d.domain, "a.test");
		check_text("the policy's domain", d.policies[0].domain,
		    "a.test");
		check_bool("its count", d.has_wrong_count,
		    rows[i].has_wrong_count);
		datagram_clear(&d);
	}
}

static void
test_refused(void)
{
	static const struct {
		const char *label, *text, *why;
	} rows[] = {
		/* What ends another receiver. */
		{ "empty", "", "empty" },
		{ "cut", HEAD "\"policies\":[" STS, "grammar" },
		{ "no UTF-8 outside of a string", HEAD "\377\"policies\":["
		    STS "}]}", "grammar" },
		{ "a number", "1", "grammar" },
		{ "null", "null", "grammar" },
		{ "an array", "[]", "no object" },
		{ "a string", "\"d\"", "grammar" },
		{ "policies is no array", HEAD "\"policies\":{}}",
		    "is an array" },
		{ "policies of numbers", HEAD "\"policies\":[1]}", "number" },
		{ "d is a number", "{\"d\":1,\"pr\":\"\",\"policies\":["
		    STS "}]}", "is a string" },
		{ "f is an object", HEAD "\"policies\":[{\"policy-type\":2,"
		    "\"f\":{}}]}", "number" },
		{ "f is missing", HEAD "\"policies\":[{\"policy-type\":2}]}",
		    "number" },
		{ "no policies", HEAD "\"policies\":[]}", "no policy" },
		{ "another version", "{\"dpv\":\"2\",\"d\":\"a.test\","
		    "\"pr\":\"\",\"policies\":[" STS "}]}", "version" },

		{ "a version that is a number", "{\"dpv\":1,\"d\":\"a.test\","
		    "\"pr\":\"\",\"policies\":[" STS "}]}", "is a string" },
		{ "policies is missing", HEAD "\"x\":1}", "no policy" },
		{ "pr is missing", "{\"d\":\"a.test\",\"policies\":[" STS
		    "}]}", "missing" },
		{ "pr is null", "{\"d\":\"a.test\",\"pr\":null,\"policies\":["
		    STS "}]}", "is a string" },
		{ "d is missing", "{\"pr\":\"\",\"policies\":[" STS "}]}",
		    "missing" },
		{ "d is empty", "{\"d\":\"\",\"pr\":\"\",\"policies\":[" STS
		    "}]}", "no name" },
		{ "d is no name", "{\"d\":\"../etc\",\"pr\":\"\","
		    "\"policies\":[" STS "}]}", "no name" },
		{ "d holds a line end", "{\"d\":\"a\\nb\",\"pr\":\"\","
		    "\"policies\":[" STS "}]}", "no name" },
		{ "policy-domain is no name", HEAD "\"policies\":[" STS
		    ",\"policy-domain\":\"a b\"}]}", "no name" },
		{ "policy-type is missing", HEAD "\"policies\":[{\"f\":0}]}",
		    "number" },
		{ "policy-type is a string", HEAD "\"policies\":["
		    "{\"policy-type\":\"2\",\"f\":0}]}", "number" },
		{ "policy-type is broken", HEAD "\"policies\":["
		    "{\"policy-type\":2.5,\"f\":0}]}", "number" },
		{ "policy-type is unknown", HEAD "\"policies\":["
		    "{\"policy-type\":3,\"f\":0}]}", "policy-type" },
		{ "policy-type is negative", HEAD "\"policies\":["
		    "{\"policy-type\":-1,\"f\":0}]}", "number" },
		{ "policy-string is a string", HEAD "\"policies\":[" STS
		    ",\"policy-string\":\"x\"}]}", "is an array" },
		{ "policy-string of numbers", HEAD "\"policies\":[" STS
		    ",\"policy-string\":[1]}]}", "element" },
		{ "mx-host of arrays", HEAD "\"policies\":[" STS
		    ",\"mx-host\":[\"a\",[]]}]}", "element" },
		{ "t is a string", HEAD "\"policies\":[" STS
		    ",\"t\":\"0\"}]}", "number" },
		{ "failure-details is an object", HEAD "\"policies\":[" STS
		    ",\"failure-details\":{}}]}", "is an array" },
		{ "a failure is a string", HEAD "\"policies\":[" STS
		    ",\"failure-details\":[\"c\"]}]}", "failure" },
		{ "c is missing", FAILURE("\"s\":\"\""), "number" },
		{ "c is a string", FAILURE("\"c\":\"201\""), "number" },
		{ "c is huge", FAILURE("\"c\":4294967497"), "number" },
		{ "c is beyond 64 bits", FAILURE("\"c\":99999999999999999999"),
		    "grammar" },
		{ "n is a number", FAILURE("\"c\":201,\"n\":1"),
		    "is a string" },
		{ "the reason is a number", FAILURE("\"c\":201,\"f\":1"),
		    "is a string" },
		{ "a NUL in a string", FAILURE("\"c\":201,\"f\":\"\\u0000\""),
		    "grammar" },
		{ "half of a surrogate pair", FAILURE("\"c\":201,"
		    "\"f\":\"\\ud800\""), "grammar" },
		{ "a line end in a string", FAILURE("\"c\":201,\"f\":\"\n\""),
		    "grammar" },
		{ "twice", HEAD "\"policies\":[" STS ",\"f\":1}]}", "twice" },
		{ "two objects", HEAD "\"policies\":[" STS "}]}{}",
		    "grammar" },
		{ "nine deep", HEAD "\"x\":[[[[[[[[]]]]]]]],\"policies\":["
		    STS "}]}", "deep" },
		{ "nine deep behind a string", HEAD "\"x\":\"\\\\\",\"y\":"
		    "[[[[[[[[]]]]]]]],\"policies\":[" STS "}]}", "deep" },
		{ "a quote that is not closed", "{\"d", "grammar" },
		{ "a backslash at the end", "{\"d\\", "grammar" },
	};
	static char many[DATAGRAM_MAX_BYTES + 1];
	struct datagram d;
	const char *why;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		why = NULL;
		d.json = NULL;
		check_int(rows[i].label, parse(rows[i].text,
		    strlen(rows[i].text), &d, &why), -1);
		check_contains("its reason", why, rows[i].why);
		check_bool("untouched", d.json == NULL, true);
	}
	check_int("a NUL", parse("{\0}", 3, &d, &why), -1);
	memset(many, '[', sizeof(many));
	check_int("100,000 deep", parse(many, 100000, &d, &why), -1);
	check_contains("its reason", why, "deep");
	check_int("too long", parse(many, sizeof(many), &d, &why), -1);
	check_contains("its reason", why, "too long");
	memset(many, 'x', sizeof(many));
	many[0] = '"';
	check_int("a long string", parse(many, 100000, &d, &why), -1);
	check_contains("its reason", why, "string");
	memset(many, ',', sizeof(many));
	many[0] = '[';
	check_int("many values", parse(many, 100000, &d, &why), -1);
	check_contains("its reason", why, "values");
}

/* No prefix of a datagram is one. */
static void
test_prefixes(void)
{
	struct datagram d;
	const char *why;
	size_t i, accepted = 0;

	for (i = 0; i < sizeof(sample) - 1; i++)
		if (parse(sample, i, &d, &why) == 0) {
			datagram_clear(&d);
			accepted++;
		}
	check_int("no prefix of a datagram is one", (int64_t)accepted, 0);
}

int
main(void)
{
	test_helos();
	test_samples();
	test_codes();
	test_accepted();
	test_refused();
	test_prefixes();
	return check_end();
}
