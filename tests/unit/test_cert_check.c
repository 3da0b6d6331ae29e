/*
 * The zoo of tests/zoo/make, judged at midnight of 1 January 2040: what is
 * found, whether Postfix finds it too, and what is only a warning.
 */

#include "shared/policy/cert_check.h"

#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "shared/policy/cert_check_identity.h"
#include "tests/unit/check.h"

#define HOST	"mx.example.com"
#define NOW	INT64_C(2208988800)
#define BEGIN	(NOW - 365 * INT64_C(86400))	/* of the good leaf */
#define END	(NOW + 366 * INT64_C(86400))

static char zoo[] = "/tmp/test_cert_check.XXXXXX";

/* ---------------------------------------------------------------- the zoo */

struct file {
	char	*data;
	size_t	 len;
};

/* Of its exact size; the caller frees data. */
static struct file
read_zoo(const char *name, const char *suffix)
{
	char path[256];
	struct file file;
	char *block;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s", zoo, name, suffix);
	f = fopen(path, "r");
	if (f == NULL) {
		perror(path);
		exit(1);
	}
	block = malloc(2 * 1024 * 1024);
	if (block == NULL)
		abort();
	file.len = fread(block, 1, 2 * 1024 * 1024, f);
	file.data = check_exact(block, file.len);
	free(block);
	fclose(f);
	return file;
}

static void
load_chain(const char *name, struct cert_chain *chain)
{
	struct file file = read_zoo(name, "pem");
	const char *why = NULL;

	if (cert_chain_parse_pem((struct text){ file.data, file.len }, chain,
	    &why) == -1) {
		printf("# %s: %s\n", name, why);
		exit(1);
	}
	free(file.data);
}

static void
load_store(struct cert_store *store, const char *name)
{
	struct file file = read_zoo(name, "pem");
	const char *why = NULL;

	if (cert_store_add_pem(store, (struct text){ file.data, file.len },
	    &why) == -1) {
		printf("# %s: %s\n", name, why);
		exit(1);
	}
	free(file.data);
}

/* ---------------------------------------------------------------- in words */

/* In the order of precedence, as JSON shows it. */
static const char *
findings_text(char *out, size_t size, uint32_t findings)
{
	size_t at = 0;
	int f;

	out[0] = '\0';
	for (f = 0; f < FINDING_COUNT; f++)
		if ((findings & CERT_FINDING(f)) != 0)
			at += (size_t)snprintf(out + at, size - at, "%s%s",
			    at > 0 ? " " : "", finding_name((enum finding)f));
	return out;
}

static const char *
warnings_text(char *out, size_t size, unsigned warnings)
{
	size_t at = 0;
	int w;

	out[0] = '\0';
	for (w = 0; w < CERT_WARNING_COUNT; w++)
		if ((warnings & CERT_WARNING(w)) != 0)
			at += (size_t)snprintf(out + at, size - at, "%s%s",
			    at > 0 ? " " : "",
			    cert_warning_name((enum cert_warning)w));
	return out;
}

static void
check_verdict(const char *label, const struct cert_verdict *verdict,
    const char *findings, const char *postfix)
{
	char got[512], first[64];

	check_text(label, findings_text(got, sizeof(got), verdict->findings),
	    findings);
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(findings, " "),
	    findings);
	if (first[0] == '\0')
		snprintf(first, sizeof(first), "ok");
	/* staple-missing stands first among the words, last in precedence */
	if (strcmp(first, "staple-missing") != 0 ||
	    strcmp(findings, first) == 0)
		check_text(label, finding_name(verdict->finding), first);
	check_text(label, finding_name(verdict->postfix_finding),
	    postfix != NULL ? postfix : first);
}

/* ---------------------------------------------------------------- chains */

enum {
	WITH_CRL = 1, WITH_OLD_CRL = 2, WITH_KNOWN = 4, WITH_LEAF = 8,
	WITHOUT_TRUST = 16, ASKED_FOR_STAPLE = 32
};

#define CASE(l, c, f, ...) \
	{ .label = (l), .chain = (c), .findings = (f), __VA_ARGS__ }

static const struct chain_case {
	const char	*label, *chain, *findings;
	const char	*postfix;	/* NULL: the first of findings */
	const char	*warnings;	/* NULL: none */
	const char	*host;		/* NULL: HOST */
	unsigned	 with;
	const char	*staple;
	int64_t		 now;		/* 0: NOW */
} chain_cases[] = {
	/* good ones */
	CASE("leaf and issuer", "good", ""),
	CASE("root sent too", "good-with-root", ""),
	CASE("root in the middle", "good-disordered", "",
	    .warnings = "chain-disordered"),
	CASE("stranger's root sent too", "good-unused", "",
	    .warnings = "chain-unused"),
	CASE("unused expired certificate does not count",
	    "good-unused-expired", "", .warnings = "chain-unused"),
	CASE("leaf sent twice", "good-twice", "", .warnings = "chain-unused"),
	CASE("leaf below the root", "good-from-root", ""),
	CASE("RSA", "good-rsa", ""),
	CASE("P-384", "good-p384", ""),
	CASE("Ed25519", "good-ed25519", ""),
	CASE("no extended key usage", "good-no-eku", ""),
	CASE("client and server", "good-client-too", ""),
	CASE("with SCTs", "good-scts", ""),
	CASE("within the name constraints", "good-constrained", ""),
	CASE("SHA-1 in the root's own signature", "good-sha1-root", ""),
	CASE("as deep as Postfix goes", "good-deep", ""),
	CASE("self-signed and trusted", "self-signed", "", .with = WITH_LEAF),

	/* dates */
	CASE("expired", "expired", "cert-expired"),
	CASE("not yet valid", "not-yet", "cert-not-yet-valid"),
	CASE("issuer expired, leaf good", "expired-issuer", "cert-expired"),
	CASE("issuer not yet valid", "not-yet-issuer", "cert-not-yet-valid"),
	CASE("root expired", "expired-root", "cert-expired"),
	CASE("expired cross-signed root, good path", "expired-cross", "",
	    .warnings = "chain-unused"),
	CASE("issuer expired, its twin good", "expired-twin", "",
	    .warnings = "chain-unused"),
	CASE("issuer expired, its twin not sent", "expired-twin-only",
	    "cert-expired"),
	CASE("last second", "good", "", .now = END),
	CASE("after the end", "good", "cert-expired", .now = END + 1),
	CASE("first second", "good", "", .now = BEGIN),
	CASE("before the beginning", "good", "cert-not-yet-valid",
	    .now = BEGIN - 1),

	/* paths */
	CASE("self-signed", "self-signed", "cert-self-signed"),
	CASE("self-signed comes before expired and name",
	    "self-signed-expired",
	    "cert-self-signed cert-expired cert-name-mismatch"),
	CASE("self-signed, others sent", "self-signed-then-others",
	    "cert-self-signed", .warnings = "chain-unused"),
	CASE("unknown root, sent", "stranger-all-sent", "cert-untrusted"),
	CASE("unknown root, not sent", "stranger-no-root", "cert-untrusted"),
	CASE("leaf of an unknown issuer", "stranger-leaf-only",
	    "cert-untrusted"),
	CASE("nobody is trusted", "good-with-root", "cert-untrusted",
	    .with = WITHOUT_TRUST),
	CASE("untrusted comes before expired", "expired-stranger",
	    "cert-untrusted cert-expired"),
	CASE("issuer not sent, URL told", "incomplete",
	    "cert-chain-incomplete"),
	CASE("root sent in place of the issuer", "incomplete-root-sent",
	    "cert-chain-incomplete", .warnings = "chain-unused"),
	CASE("issuer not sent, no URL", "incomplete-no-url", "cert-untrusted"),
	CASE("issuer not sent, seen elsewhere", "incomplete-no-url",
	    "cert-chain-incomplete", .with = WITH_KNOWN),
	CASE("issuer of the issuer not sent", "incomplete-high",
	    "cert-chain-incomplete"),
	CASE("incomplete and SHA-1", "incomplete-sha1",
	    "cert-chain-incomplete cert-weak"),
	CASE("incomplete comes before expired", "incomplete-expired",
	    "cert-chain-incomplete cert-expired"),
	CASE("issuer is no authority", "issuer-no-authority",
	    "cert-untrusted"),
	CASE("issuer may not sign", "issuer-may-not-sign", "cert-untrusted"),
	CASE("longer than the issuer allows", "path-too-long",
	    "cert-untrusted"),
	CASE("outside the name constraints", "constraint-violated",
	    "cert-untrusted", .host = "mx.other.example"),
	CASE("deeper than Postfix goes", "too-deep", "cert-untrusted"),
	CASE("unknown critical extension", "critical-unknown",
	    "cert-untrusted"),
	CASE("issuer of the same name and another key", "wrong-issuer",
	    "cert-untrusted", .warnings = "chain-unused"),

	/* purpose */
	CASE("for clients only", "client-only", "cert-purpose"),
	CASE("for any purpose, which OpenSSL does not take", "any-purpose",
	    "cert-purpose"),
	CASE("issuer for clients only", "issuer-client-only", "cert-purpose"),
	CASE("key for CRLs only", "usage-crl-only", "cert-purpose"),

	/* names: RFC 9525, 6.3 */
	CASE("other name", "other-name", "cert-name-mismatch"),
	CASE("one of several", "several-names", ""),
	CASE("upper case", "upper-case", ""),
	CASE("star for one label", "wildcard", ""),
	CASE("star is not two labels", "wildcard", "cert-name-mismatch",
	    .host = "a.mx.example.com"),
	CASE("star is not none", "wildcard", "cert-name-mismatch",
	    .host = "example.com"),
	CASE("star and A-label", "wildcard", "",
	    .host = "xn--bcher-kva.example.com"),
	CASE("star below the top", "wildcard-top", "cert-name-mismatch",
	    .host = "example.com"),
	CASE("star alone", "wildcard-alone", "cert-name-mismatch",
	    .warnings = "name-malformed", .host = "com"),
	CASE("part of a label", "wildcard-part", "cert-name-mismatch",
	    .warnings = "name-malformed"),
	CASE("star inside", "wildcard-inside", "cert-name-mismatch",
	    .warnings = "name-malformed", .host = "mx.example.com"),
	CASE("two stars", "wildcard-twice", "cert-name-mismatch",
	    .warnings = "name-malformed"),
	CASE("final dot", "final-dot", "cert-name-mismatch",
	    .warnings = "name-malformed"),
	CASE("NUL inside", "nul", "cert-name-mismatch",
	    .warnings = "name-malformed"),
	CASE("NUL at the end", "nul-at-end", "cert-name-mismatch",
	    .warnings = "name-malformed"),
	CASE("blank", "blank", "cert-name-mismatch",
	    .warnings = "name-malformed"),
	CASE("U-label in a dNSName", "utf8", "cert-name-mismatch",
	    .warnings = "name-malformed", .host = "mx.xn--bcher-kva.example"),
	CASE("A-label", "a-label", "", .host = "mx.xn--bcher-kva.example"),
	CASE("reference not in the one spelling", "good", "cert-name-mismatch",
	    .host = "MX.example.com"),
	CASE("empty name", "empty-name", "cert-name-mismatch",
	    .warnings = "name-malformed"),
	CASE("empty reference", "empty-name", "cert-name-mismatch",
	    .warnings = "name-malformed", .host = ""),
	CASE("empty reference, good names", "good", "cert-name-mismatch",
	    .host = ""),
	CASE("name too long", "long-name", "cert-name-mismatch",
	    .warnings = "name-malformed"),
	CASE("address", "address", "cert-name-mismatch",
	    .warnings = "name-malformed", .host = "192.0.2.1"),
	CASE("star and address", "address-wildcard", "cert-name-mismatch",
	    .warnings = "name-malformed", .host = "192.0.2.1"),
	CASE("CN only: Postfix takes it", "cn-only", "cert-name-mismatch",
	    .postfix = "ok", .warnings = "name-in-cn"),
	CASE("CN with star", "cn-wildcard", "cert-name-mismatch",
	    .postfix = "ok", .warnings = "name-in-cn"),
	CASE("CN beside a mail address", "cn-beside-mail",
	    "cert-name-mismatch", .postfix = "ok", .warnings = "name-in-cn"),
	CASE("CN beside a dNSName", "cn-beside-other-name",
	    "cert-name-mismatch", .warnings = "name-in-cn"),
	CASE("no name at all", "no-name", "cert-name-mismatch"),
	CASE("name of another MX", "other-name", "cert-name-mismatch",
	    .warnings = "name-of-other-host", .host = "mx2.example.com"),
	CASE("the last of 10001 names", "many-names", ""),
	CASE("expired and other name", "expired-other-name",
	    "cert-expired cert-name-mismatch"),

	/* weak */
	CASE("SHA-1", "sha1", "cert-weak"),
	CASE("MD5", "md5", "cert-weak"),
	CASE("SHA-1 above the leaf", "sha1-issuer", "cert-weak"),
	CASE("RSA 512", "rsa512", "cert-weak", .warnings = "key-small"),
	CASE("RSA 512, and no issuer", "rsa512-alone",
	    "cert-untrusted cert-weak", .warnings = "key-small"),
	CASE("RSA 768", "rsa768", "cert-weak", .warnings = "key-small"),
	CASE("RSA 1024 is only small", "rsa1024", "", .warnings = "key-small"),
	CASE("EC 192 is only small", "ec192", "", .warnings = "key-small"),
	CASE("issuer with RSA 512", "rsa512-issuer", "cert-weak",
	    .warnings = "key-small"),
	CASE("issuer with RSA 1024", "rsa1024-issuer", "",
	    .warnings = "key-small"),

	/* revocation, which Postfix does not look at */
	CASE("revoked, no CRL at hand", "revoked", ""),
	CASE("revoked by CRL", "revoked", "cert-revoked", .postfix = "ok",
	    .with = WITH_CRL),
	CASE("issuer revoked by CRL", "revoked-issuer", "cert-revoked",
	    .postfix = "ok", .with = WITH_CRL),
	CASE("revoked and weak", "revoked-sha1", "cert-revoked cert-weak",
	    .postfix = "cert-weak", .with = WITH_CRL),
	CASE("not revoked", "good", "", .with = WITH_CRL),
	CASE("no CRL of this issuer", "good-rsa", "", .with = WITH_CRL),
	CASE("CRL out of date", "good", "", .warnings = "crl-unusable",
	    .with = WITH_OLD_CRL),
	CASE("staple: good", "good", "", .staple = "good"),
	CASE("staple: good, by SHA-256", "good", "", .staple = "good-sha256"),
	CASE("staple: good, delegated", "good", "",
	    .staple = "good-delegated"),
	CASE("staple: revoked", "good", "cert-revoked", .postfix = "ok",
	    .staple = "good-revoked"),
	CASE("staple: responder does not know", "good", "",
	    .staple = "good-not-known"),
	CASE("staple: out of date", "good", "", .warnings = "staple-unusable",
	    .staple = "good-old"),
	CASE("staple: signed by a stranger", "good", "",
	    .warnings = "staple-unusable", .staple = "good-stranger"),
	CASE("staple: signed by another leaf", "good", "",
	    .warnings = "staple-unusable", .staple = "good-not-delegated"),
	CASE("staple: about another leaf", "good", "",
	    .warnings = "staple-unusable", .staple = "must-staple"),
	CASE("must-staple, staple sent", "must-staple", "",
	    .with = ASKED_FOR_STAPLE, .staple = "must-staple"),
	CASE("must-staple, none sent", "must-staple", "staple-missing",
	    .postfix = "ok", .with = ASKED_FOR_STAPLE),
	CASE("must-staple, unusable staple", "must-staple", "staple-missing",
	    .postfix = "ok", .warnings = "staple-unusable",
	    .with = ASKED_FOR_STAPLE, .staple = "good-stranger"),
	CASE("must-staple, not asked for", "must-staple", ""),
	CASE("staple missing comes last", "must-staple",
	    "staple-missing cert-untrusted", .postfix = "cert-untrusted",
	    .with = ASKED_FOR_STAPLE | WITHOUT_TRUST),

	/* beyond the limits */
	CASE("a hundred certificates", "hundred", "",
	    .warnings = "chain-cut chain-unused"),
	CASE("a large certificate", "large", ""),
};

static struct cert_store *
store_with(unsigned with, const struct cert_chain *chain)
{
	struct cert_store *store;

	if ((with & WITHOUT_TRUST) != 0)
		return NULL;
	store = cert_store_new();
	load_store(store, "trust");
	if ((with & WITH_CRL) != 0)
		load_store(store, "crl");
	if ((with & WITH_OLD_CRL) != 0)
		load_store(store, "crl-old");
	if ((with & WITH_LEAF) != 0)
		check_bool("a leaf is taken into the store",
		    cert_store_add_der(store, (struct text){
		    chain->certs[0].data, chain->certs[0].len }), true);
	return store;
}

static void
test_chain(const struct chain_case *c)
{
	static const char *const others[] = { "mx3.example.com",
	    "other.example" };
	struct cert_chain chain;
	struct cert_question q = { .chain = &chain, .other_hosts = others,
	    .now = c->now != 0 ? c->now : NOW,
	    .host = c->host != NULL ? c->host : HOST,
	    .is_staple_asked = (c->with & ASKED_FOR_STAPLE) != 0 };
	struct cert_result result;
	struct file staple = { NULL, 0 };
	const char *why = NULL;
	char got[512];

	load_chain(c->chain, &chain);
	q.store = store_with(c->with, &chain);
	if (c->warnings != NULL && strstr(c->warnings, "other-host") != NULL)
		q.other_host_count = 2;
	if ((c->with & WITH_KNOWN) != 0) {
		q.known = cert_store_new();
		load_store(q.known, "known");
	}
	if (c->staple != NULL)
		staple = read_zoo(c->staple, "ocsp");
	q.staple = (struct text){ staple.data, staple.len };
	if (check_note(cert_check(&q, &result, &why) == 0, c->label)) {
		check_verdict(c->label, &result.pkix, c->findings,
		    c->postfix);
		check_text(c->label, warnings_text(got, sizeof(got),
		    result.warnings), c->warnings != NULL ? c->warnings : "");
		check_text("whose it is", result.other_host,
		    q.other_host_count > 0 ? others[1] : "");
		check_int("no DANE without records",
		    result.dane.finding, FINDING_UNKNOWN);
		cert_result_clear(&result);
	}
	free(staple.data);
	cert_store_free(q.store);
	cert_store_free(q.known);
	cert_chain_clear(&chain);
}

/* ---------------------------------------------------------------- DANE */

#define RECORDS_MAX 3

#define DANE_AT(l, c, n, f, m, ...) \
	{ .label = (l), .chain = (c), .dane_name = (n), .findings = (f), \
	  .matched = (m), .records = { __VA_ARGS__ } }
#define DANE(l, c, f, m, ...) DANE_AT(l, c, NULL, f, m, __VA_ARGS__)

static const struct dane_case {
	const char	*label, *chain;
	const char	*dane_name;	/* beside HOST, or NULL */
	const char	*findings;
	const char	*matched;	/* "U S M at DEPTH", or "" */
	/* "U S M NAME": of the first of that chain; "!" spoils it. */
	const char	*records[RECORDS_MAX];
} dane_cases[] = {
	DANE("3 1 1", "good", "", "3 1 1 at 0", "3 1 1 good"),
	DANE("3 0 1", "good", "", "3 0 1 at 0", "3 0 1 good"),
	DANE("3 1 2", "good", "", "3 1 2 at 0", "3 1 2 good"),
	DANE("3 0 0", "good", "", "3 0 0 at 0", "3 0 0 good"),
	DANE("3 1 0", "good", "", "3 1 0 at 0", "3 1 0 good"),
	DANE("none matches", "good", "tlsa-mismatch", "", "!3 1 1 good",
	    "!2 1 1 ica"),
	DANE("one of two", "good", "", "3 1 1 at 0", "!3 1 1 good",
	    "3 1 1 good"),
	DANE("EE: expired is good (RFC 7672, 3.1.1)", "expired", "",
	    "3 0 1 at 0", "3 0 1 expired"),
	DANE("EE: neither name nor issuer count", "self-signed-expired", "",
	    "3 1 1 at 0", "3 1 1 self-signed-expired"),
	DANE("EE: the key's size does", "rsa512", "cert-weak", "3 1 1 at 0",
	    "3 1 1 rsa512"),
	DANE("EE: the issuer's digest is no leaf's", "good", "tlsa-mismatch",
	    "", "3 0 1 ica"),

	DANE("TA: 2 0 1", "private", "", "2 0 1 at 1", "2 0 1 stranger"),
	DANE("TA: 2 1 1", "private", "", "2 1 1 at 1", "2 1 1 stranger"),
	DANE("TA: 2 0 2", "private", "", "2 0 2 at 1", "2 0 2 stranger"),
	DANE("TA: an intermediate", "good", "", "2 1 1 at 1", "2 1 1 ica"),
	DANE("TA: 2 0 0, not sent", "private-leaf-only", "", "2 0 0 at 1",
	    "2 0 0 stranger"),
	DANE("TA: 2 1 0, not sent", "private-leaf-only", "", "2 1 0 at 0",
	    "2 1 0 stranger"),
	DANE("TA: 2 1 0, not sent, two up", "stranger-no-root", "",
	    "2 1 0 at 1", "2 1 0 stranger"),
	DANE("TA: 2 0 1, not sent", "private-leaf-only", "tlsa-mismatch", "",
	    "2 0 1 stranger"),
	DANE("TA: an unused one that was sent", "good-unused", "tlsa-mismatch",
	    "", "2 0 1 stranger"),
	DANE("TA: the leaf is no anchor", "good", "tlsa-mismatch", "",
	    "2 0 1 good"),
	DANE("TA: nor when sent twice", "good-twice", "tlsa-mismatch", "",
	    "2 1 1 good"),
	DANE("TA: nor when it stands in the record", "good", "tlsa-mismatch",
	    "", "2 0 0 good"),
	DANE("TA: self-signed leaf", "self-signed", "tlsa-mismatch", "",
	    "2 0 1 self-signed"),
	DANE("TA: trust of others does not count", "good", "tlsa-mismatch", "",
	    "2 1 1 stranger"),
	DANE("TA: dates count", "private-expired", "cert-expired",
	    "2 0 1 at 1", "2 0 1 stranger"),
	DANE("TA: names count", "private-other-name", "cert-name-mismatch",
	    "2 0 1 at 1", "2 0 1 stranger"),
	DANE_AT("TA: next hop's name counts (RFC 7672, 3.2.2)",
	    "private-other-name", "example.com", "", "2 0 1 at 1",
	    "2 0 1 stranger"),
	DANE("TA: CN counts without DNS-IDs", "private-cn-only", "",
	    "2 0 1 at 1", "2 0 1 stranger"),
	DANE("TA: CN does not beside DNS-IDs", "cn-beside-other-name",
	    "cert-name-mismatch", "2 0 1 at 1", "2 0 1 ica"),
	DANE("TA: purpose counts", "client-only", "cert-purpose", "2 0 1 at 1",
	    "2 0 1 ica"),
	DANE("TA: a small key does not hide what is missing", "rsa512-alone",
	    "tlsa-mismatch", "", "2 0 1 ica"),
	DANE("TA: SHA-1 counts", "sha1", "cert-weak", "2 0 1 at 1",
	    "2 0 1 ica"),
	DANE("EE before TA", "expired", "", "3 1 1 at 0", "2 0 1 ica",
	    "3 1 1 expired"),
	DANE("TA where EE does not match", "good", "", "2 0 1 at 1",
	    "!3 1 1 good", "2 0 1 ica"),

	DANE("usages 0 and 1 alone (RFC 7672, 3.1.3)", "good", "tlsa-invalid",
	    "", "1 1 1 good", "0 0 1 ica"),
	DANE("unknown matching type alone", "good", "tlsa-invalid", "",
	    "3 1 9 good"),
	DANE("unknown selector beside a match", "good", "", "3 1 1 at 0",
	    "3 2 1 good", "1 1 1 good", "3 1 1 good"),
	DANE("full value that is no certificate", "good", "tlsa-invalid", "",
	    "!3 0 0 good"),
	DANE("full value that is no key", "good", "tlsa-invalid", "",
	    "!2 1 0 ica"),
	DANE("the stronger digest counts (RFC 7671, 9)", "good",
	    "tlsa-mismatch", "", "!3 1 2 good", "3 1 1 good"),
	DANE("of its own selector only", "good", "", "3 1 1 at 0",
	    "!3 0 2 good", "3 1 1 good"),
	DANE("full values count beside digests", "good", "", "3 1 0 at 0",
	    "!3 1 2 good", "3 1 0 good"),
};

/* Into storage, the record data that "U S M NAME" describes. */
static void
make_record(const char *words, unsigned char *storage, struct tlsa *out)
{
	const EVP_MD *md[] = { [1] = EVP_sha256(), [2] = EVP_sha512() };
	unsigned usage, selector, matching_type, len;
	bool is_spoilt = words[0] == '!';
	unsigned char *der = NULL;
	char name[64];
	struct file file;
	int der_len;
	X509 *cert;
	BIO *bio;

	if (sscanf(words + is_spoilt, "%u %u %u %63s", &usage, &selector,
	    &matching_type, name) != 4)
		abort();
	file = read_zoo(name, "pem");
	bio = BIO_new_mem_buf(file.data, (int)file.len);
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	der_len = selector == 0 ? i2d_X509(cert, &der) :
	    i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (der_len < 0 || der_len > TLSA_DATA_MAX_BYTES)
		abort();
	if (matching_type == 0) {
		memcpy(storage, der, (size_t)der_len);
		len = (unsigned)der_len;
	} else
		EVP_Digest(der, (size_t)der_len, storage, &len,
		    md[matching_type == 2 ? 2 : 1], NULL);
	if (is_spoilt)
		storage[0] ^= 0xff;
	*out = (struct tlsa){ (uint8_t)usage, (uint8_t)selector,
	    (uint8_t)matching_type, { (char *)storage, len } };
	OPENSSL_free(der);
	X509_free(cert);
	BIO_free(bio);
	free(file.data);
}

static void
test_dane(const struct dane_case *c)
{
	static unsigned char storage[RECORDS_MAX][TLSA_DATA_MAX_BYTES];
	struct tlsa records[RECORDS_MAX];
	struct cert_chain chain;
	struct cert_question q = { .chain = &chain, .now = NOW,
	    .host = HOST, .tlsa = records,
	    .dane_names = &c->dane_name,
	    .dane_name_count = c->dane_name != NULL ? 1 : 0 };
	struct cert_result result;
	const char *why = NULL;
	char got[64] = "";

	load_chain(c->chain, &chain);
	q.store = store_with(0, &chain);
	for (; q.tlsa_count < RECORDS_MAX &&
	    c->records[q.tlsa_count] != NULL; q.tlsa_count++)
		make_record(c->records[q.tlsa_count], storage[q.tlsa_count],
		    &records[q.tlsa_count]);
	if (check_note(cert_check(&q, &result, &why) == 0, c->label)) {
		check_verdict(c->label, &result.dane, c->findings, NULL);
		if (result.has_dane_match)
			snprintf(got, sizeof(got), "%u %u %u at %u",
			    result.dane_usage, result.dane_selector,
			    result.dane_matching_type, result.dane_depth);
		check_text(c->label, got, c->matched);
		cert_result_clear(&result);
	}
	cert_store_free(q.store);
	cert_chain_clear(&chain);
}

/* ---------------------------------------------------------------- facts */

static void
ask(const char *name, struct cert_result *result)
{
	struct cert_chain chain;
	struct cert_question q = { .chain = &chain, .now = NOW, .host = HOST };
	const char *why = NULL;

	load_chain(name, &chain);
	q.store = store_with(0, &chain);
	if (cert_check(&q, result, &why) == -1) {
		printf("# %s: %s\n", name, why);
		exit(1);
	}
	cert_store_free(q.store);
	cert_chain_clear(&chain);
}

static void
check_time(const char *label, int64_t got, const char *want)
{
	char text[TEXT_TIME_SIZE];

	check_text(label, text_format_time(text, got), want);
}

static void
test_facts(void)
{
	struct cert_result r;

	ask("good-disordered", &r);
	check_int("certificates sent", (int64_t)r.cert_count, 3);
	check_text("subject", r.certs[0].subject, "O=Zoo, CN=good");
	check_text("issuer", r.certs[0].issuer, "C=DE, O=Zoo, CN=Issuer");
	check_text("key", r.certs[0].key, "EC prime256v1");
	check_int("key bits", r.certs[0].key_bits, 256);
	check_text("signature", r.certs[0].signature, "ecdsa-with-SHA256");
	check_int("digest", (int64_t)strspn(r.certs[0].sha256,
	    "0123456789abcdef"), 64);
	check_int("leaf on the path", r.certs[0].depth, 0);
	check_int("root on the path", r.certs[1].depth, 2);
	check_int("issuer on the path", r.certs[2].depth, 1);
	check_time("begins", r.not_before, "2039-01-01T00:00:00Z");
	check_time("ends", r.not_after, "2041-01-01T00:00:00Z");
	check_int("names", (int64_t)r.name_count, 1);
	check_text("matched", r.matched, HOST);
	check_contains("what to publish", r.tlsa_text, "3 1 1 ");
	check_int("length of it", (int64_t)strlen(r.tlsa_text), 6 + 64);
	check_text("nothing missing", r.missing_issuer, "");
	check_text("no error", r.verify_words, "ok");
	cert_result_clear(&r);

	ask("good-unused", &r);
	check_int("unused is on no path", r.certs[2].depth, -1);
	cert_result_clear(&r);

	ask("good-rsa", &r);
	check_text("RSA", r.certs[0].key, "RSA");
	check_int("RSA bits", r.certs[0].key_bits, 2048);
	check_text("RSA signature", r.certs[0].signature,
	    "sha256WithRSAEncryption");
	cert_result_clear(&r);

	ask("good-ed25519", &r);
	check_text("Ed25519", r.certs[0].key, "ED25519");
	cert_result_clear(&r);

	ask("good-scts", &r);
	check_int("SCTs", r.sct_count, 3);
	check_bool("no must-staple", r.must_staple, false);
	cert_result_clear(&r);

	ask("must-staple", &r);
	check_bool("must-staple", r.must_staple, true);
	check_int("no staple", r.staple, CERT_STAPLE_NONE);
	cert_result_clear(&r);

	ask("expired-issuer", &r);
	check_time("the path ends with its issuer", r.not_after,
	    "2039-01-01T00:00:00Z");
	cert_result_clear(&r);

	ask("incomplete-high", &r);
	check_text("who is missing", r.missing_issuer,
	    "C=DE, O=Zoo, CN=Issuer");
	check_text("where it lies", r.missing_issuer_url,
	    "http://ca.example/issuer.der");
	check_text("OpenSSL's words", r.verify_words,
	    "unable to get local issuer certificate");
	cert_result_clear(&r);

	ask("several-names", &r);
	check_int("several names", (int64_t)r.name_count, 3);
	check_text("in their order", r.names[1], "*.b.example.com");
	cert_result_clear(&r);

	ask("wildcard", &r);
	check_text("matched by star", r.matched, "*.example.com");
	cert_result_clear(&r);

	ask("many-names", &r);
	check_int("names kept", (int64_t)r.name_count, CERT_NAMES_MAX);
	check_int("names dropped", (int64_t)r.names_dropped,
	    10001 - CERT_NAMES_MAX);
	check_text("matched all the same", r.matched, HOST);
	cert_result_clear(&r);

	ask("hundred", &r);
	check_int("certificates kept", (int64_t)r.cert_count, CERT_CHAIN_MAX);
	cert_result_clear(&r);
}

/* ---------------------------------------------------------------- refusals */

static void
test_refusals(void)
{
	static const struct {
		const char	*label;
		const char	*der;
		const char	*why;
	} cases[] = {
		{ "no chain", NULL, "no certificate" },
		{ "an empty one", "", "no certificate" },
		{ "no certificate", "garbage", "no certificate" },
	};
	struct cert_chain chain = { .count = 0 };
	struct cert_question q = { .chain = &chain, .host = HOST, .now = NOW };
	struct cert_result result;
	struct cert_chain good;
	const char *why = NULL;
	char *longer;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].der != NULL)
			cert_chain_add(&chain, text_of(cases[i].der));
		check_int(cases[i].label, cert_check(&q, &result, &why), -1);
		check_text(cases[i].label, why, cases[i].why);
		cert_chain_clear(&chain);
	}

	load_chain("good", &good);
	longer = check_exact(good.certs[0].data, good.certs[0].len);
	cert_chain_add(&chain, (struct text){ longer, good.certs[0].len - 1 });
	check_int("cut short", cert_check(&q, &result, &why), -1);
	cert_chain_clear(&chain);
	longer = realloc(longer, good.certs[0].len + 1);
	if (longer == NULL)
		abort();
	longer[good.certs[0].len] = 0;
	cert_chain_add(&chain, (struct text){ longer, good.certs[0].len + 1 });
	check_int("an octet behind it", cert_check(&q, &result, &why), -1);
	cert_chain_clear(&chain);

	cert_chain_add(&chain, (struct text){ longer, good.certs[0].len });
	cert_chain_add(&chain, text_of("garbage"));
	check_int("garbage behind the leaf", cert_check(&q, &result, &why), 0);
	check_bool("is a warning", (result.warnings &
	    CERT_WARNING(CERT_WARNING_CHAIN_MALFORMED)) != 0, true);
	cert_result_clear(&result);
	cert_chain_clear(&chain);
	free(longer);

	longer = calloc(1, CERT_CHAIN_MAX_BYTES + 1);
	if (longer == NULL)
		abort();
	cert_chain_add(&chain, (struct text){ longer,
	    CERT_CHAIN_MAX_BYTES + 1 });
	check_bool("beyond the limit: cut", chain.is_cut, true);
	cert_chain_add(&chain, (struct text){ good.certs[0].data,
	    good.certs[0].len });
	check_int("and nothing behind it", (int64_t)chain.count, 0);
	check_int("a leaf that is too long", cert_check(&q, &result, &why),
	    -1);
	check_text("says so", why, "the certificate is too long");
	cert_chain_clear(&chain);
	cert_chain_clear(&good);
	free(longer);
}

static void
test_pem(void)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
	static const char end[] = "-----END CERTIFICATE-----\n";
	static const struct {
		const char	*label, *first, *second, *third, *why;
	} cases[] = {
		{ "empty", "", "", "", "no certificate in it" },
		{ "text", "hello\n", "", "", "no certificate in it" },
		{ "no base64", begin, "%%%%\n", end,
		    "a PEM block cannot be read" },
		{ "no end", begin, "MAA=\n", "",
		    "a PEM block cannot be read" },
		{ "other block", "-----BEGIN FROB-----\n", "MAA=\n",
		    "-----END FROB-----\n", "no certificate in it" },
	};
	struct cert_store *store = cert_store_new();
	struct cert_chain chain;
	const char *why = NULL;
	char pem[256], *exact;
	struct file crl;
	struct text t;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(pem, sizeof(pem), "%s%s%s", cases[i].first,
		    cases[i].second, cases[i].third);
		exact = check_exact(pem, strlen(pem));
		t = (struct text){ exact, strlen(pem) };
		check_int(cases[i].label,
		    cert_chain_parse_pem(t, &chain, &why), -1);
		check_text(cases[i].label, why, cases[i].why);
		check_int(cases[i].label, cert_store_add_pem(store, t, &why),
		    -1);
		check_text(cases[i].label, why, cases[i].why);
		free(exact);
	}
	snprintf(pem, sizeof(pem), "%sMAA=\n%s", begin, end);
	check_int("a store looks into the block",
	    cert_store_add_pem(store, text_of(pem), &why), -1);
	check_bool("no DER", cert_store_add_der(store, text_of("0")), false);

	crl = read_zoo("crl", "pem");
	check_int("a CRL is no chain", cert_chain_parse_pem(
	    (struct text){ crl.data, crl.len }, &chain, &why), -1);
	check_text("a CRL is no chain", why, "no certificate in it");
	free(crl.data);
	cert_store_free(store);
	cert_store_free(NULL);
}

static void
test_words(void)
{
	check_text("warning", cert_warning_name(CERT_WARNING_KEY_SMALL),
	    "key-small");
	check_text("staple", cert_staple_name(CERT_STAPLE_REVOKED), "revoked");
}

/* --------------------------------------------------------------- identity */

/* What the log saw first: with the poison, and without SCTs (RFC 6962, 3.1). */
static struct file
precertificate_of(struct text der)
{
	const unsigned char *at = (const unsigned char *)der.data;
	X509 *cert = d2i_X509(NULL, &at, (long)der.len);
	ASN1_OCTET_STRING *null = ASN1_OCTET_STRING_new();
	unsigned char *out = NULL;
	X509_EXTENSION *poison;
	struct file file;

	X509_EXTENSION_free(X509_delete_ext(cert, X509_get_ext_by_NID(cert,
	    NID_ct_precert_scts, -1)));
	ASN1_OCTET_STRING_set(null, (const unsigned char *)"\5", 2);
	poison = X509_EXTENSION_create_by_NID(NULL, NID_ct_precert_poison, 1,
	    null);
	X509_add_ext(cert, poison, -1);
	i2d_re_X509_tbs(cert, NULL);
	file.len = (size_t)i2d_X509(cert, &out);
	file.data = check_exact((const char *)out, file.len);
	OPENSSL_free(out);
	X509_EXTENSION_free(poison);
	ASN1_OCTET_STRING_free(null);
	X509_free(cert);
	return file;
}

static void
test_identity(void)
{
	struct cert_identity id, before;
	struct cert_chain chain = { .count = 0 };
	struct text der;
	struct file file;

	load_chain("good-scts", &chain);
	der = (struct text){ chain.certs[0].data, chain.certs[0].len };
	file = precertificate_of(der);
	check_bool("identity", cert_identity_read(der, &id), true);
	check_bool("precertificate", cert_identity_read((struct text){
	    file.data, file.len }, &before), true);
	check_text("identity: issuer", id.issuer, "C=DE, O=Zoo, CN=Issuer");
	check_bool("precertificate: another digest",
	    strcmp(id.sha256, before.sha256) != 0, true);
	check_text("precertificate: the same inside", before.tbs_sha256,
	    id.tbs_sha256);
	check_text("precertificate: the same number", before.serial,
	    id.serial);
	check_bool("precertificate: the same", cert_identity_match(&id,
	    &before), true);
	check_bool("no certificate", cert_identity_read(text_of("0"), &id),
	    false);
	free(file.data);
	cert_chain_clear(&chain);
}

int
main(void)
{
	char command[256];
	size_t i;

	if (mkdtemp(zoo) == NULL) {
		perror(zoo);
		return 1;
	}
	snprintf(command, sizeof(command), "tests/zoo/make %s", zoo);
	if (system(command) != 0)
		return 1;
	for (i = 0; i < sizeof(chain_cases) / sizeof(chain_cases[0]); i++)
		test_chain(&chain_cases[i]);
	for (i = 0; i < sizeof(dane_cases) / sizeof(dane_cases[0]); i++)
		test_dane(&dane_cases[i]);
	test_facts();
	test_identity();
	test_refusals();
	test_pem();
	test_words();
	snprintf(command, sizeof(command), "rm -r %s", zoo);
	check_int("the zoo is gone", system(command), 0);
	return check_end();
}
