/*
 * What was promised, and what follows for sessions that Postfix called a
 * success, a name mismatch, or clear.
 */

#include "policyd/clerk/ledger/promises.h"

#include "policyd/process/session_message.h"
#include "tests/unit/check.h"

#define LINES	"version: STSv1\nmode: x\nmx: *.example.com\nmax_age: 1\n"
#define NOON	INT64_C(1795348800)

static const struct siphash_key hash_key = { 1, 2 };

static struct promise
promise_of(enum tls_policy_kind kind, enum mtasts_mode mode)
{
	struct promise p = { .domain = text_of("example.com"), .kind = kind,
	    .mode = mode, .lines = text_of(""), .mx = text_of("") };

	if (kind != TLS_POLICY_STS)
		return p;
	p.lines = text_of(LINES);
	p.mx = text_of("*.example.com\n");
	p.host_count = 2;
	p.hosts[0].name = text_of("good.example.com");
	p.hosts[0].finding = FINDING_OK;
	p.hosts[1].name = text_of("bad.example.com");
	p.hosts[1].finding = FINDING_CERT_EXPIRED;
	return p;
}

static const struct {
	const char		*label;
	enum tls_policy_kind	 kind;
	enum mtasts_mode	 mode;
	const char		*host;
	enum tally_outcome	 before;
	enum finding		 finding;
	enum tally_outcome	 after;
	enum finding		 completed;
	bool			 is_probe;
	const char		*policy;	/* its type */
} rows[] = {
	{ "testing, a bad host: what enforce would have done", TLS_POLICY_STS,
	    MTASTS_TESTING, "bad.example.com", TALLY_SUCCESS, FINDING_OK,
	    TALLY_FAILURE, FINDING_CERT_EXPIRED, true, "sts" },
	{ "testing, a good host", TLS_POLICY_STS, MTASTS_TESTING,
	    "good.example.com", TALLY_SUCCESS, FINDING_OK, TALLY_SUCCESS,
	    FINDING_OK, false, "sts" },
	{ "testing, a host that nobody looked at", TLS_POLICY_STS,
	    MTASTS_TESTING, "new.example.com", TALLY_SUCCESS, FINDING_OK,
	    TALLY_SUCCESS, FINDING_OK, false, "sts" },
	{ "testing, a host that is not in the policy", TLS_POLICY_STS,
	    MTASTS_TESTING, "a.b.example.com", TALLY_SUCCESS, FINDING_OK,
	    TALLY_FAILURE, FINDING_MX_NOT_IN_POLICY, true, "sts" },
	{ "testing, in clear", TLS_POLICY_STS, MTASTS_TESTING,
	    "good.example.com", TALLY_CLEAR, FINDING_UNKNOWN, TALLY_FAILURE,
	    FINDING_STARTTLS_MISSING, true, "sts" },
	{ "testing, a failure that Postfix saw stays its own", TLS_POLICY_STS,
	    MTASTS_TESTING, "bad.example.com", TALLY_FAILURE,
	    FINDING_HANDSHAKE_FAILED, TALLY_FAILURE, FINDING_HANDSHAKE_FAILED,
	    false, "sts" },
	{ "enforce: Postfix verified, whatever we saw", TLS_POLICY_STS,
	    MTASTS_ENFORCE, "bad.example.com", TALLY_SUCCESS, FINDING_OK,
	    TALLY_SUCCESS, FINDING_OK, false, "sts" },
	{ "enforce: no name fits, as the host is none of the policy's",
	    TLS_POLICY_STS, MTASTS_ENFORCE, "mx.elsewhere.example",
	    TALLY_FAILURE, FINDING_CERT_NAME_MISMATCH, TALLY_FAILURE,
	    FINDING_MX_NOT_IN_POLICY, true, "sts" },
	{ "enforce: no name fits", TLS_POLICY_STS, MTASTS_ENFORCE,
	    "good.example.com", TALLY_FAILURE, FINDING_CERT_NAME_MISMATCH,
	    TALLY_FAILURE, FINDING_CERT_NAME_MISMATCH, false, "sts" },
	{ "mode none promises nothing", TLS_POLICY_STS, MTASTS_NONE,
	    "bad.example.com", TALLY_SUCCESS, FINDING_OK, TALLY_SUCCESS,
	    FINDING_OK, false, "sts" },
	{ "DANE is Postfix's", TLS_POLICY_DANE, MTASTS_NONE,
	    "bad.example.com", TALLY_SUCCESS, FINDING_OK, TALLY_SUCCESS,
	    FINDING_OK, false, "tlsa" },
	{ "a rule is the operator's", TLS_POLICY_RULE, MTASTS_NONE,
	    "bad.example.com", TALLY_CLEAR, FINDING_UNKNOWN, TALLY_CLEAR,
	    FINDING_UNKNOWN, false, "" },
};

static void
test_completion(void)
{
	struct tally *tally = tally_new(20779, 10, &hash_key);
	char ref[TALLY_REF_SIZE], type[TALLY_REF_SIZE];
	struct tls_session s = { .at = NOON };
	struct promise promise;
	struct tally_key key;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		promise = promise_of(rows[i].kind, rows[i].mode);
		key = (struct tally_key){ .outcome = rows[i].before,
		    .finding = rows[i].finding };
		s.host = text_of(rows[i].host);
		ref[0] = '\0';
		promise_complete(&promise, tally, &s, TALLY_ONCE, &key, ref);
		check_int(rows[i].label, key.outcome, rows[i].after);
		check_int(rows[i].label, key.finding, rows[i].completed);
		check_bool(rows[i].label, key.is_probe, rows[i].is_probe);
		check_bool(rows[i].label, key.is_let_pass, rows[i].is_probe &&
		    rows[i].before != TALLY_FAILURE);
		check_text(rows[i].label, text_quote(type, sizeof(type),
		    tally_policy_type(key.policy)), rows[i].policy);
	}
	check_int("the policy's text is kept once",
	    (int64_t)tally_entry_count(tally), 1);
	tally_free(tally);
}

static void
test_detail(void)
{
	struct promise promise = promise_of(TLS_POLICY_NONE, MTASTS_NONE);
	struct tally_key key;

	check_bool("nothing is missing", promise_detail(&promise, &key),
	    false);
	promise.fetch_finding = FINDING_POLICY_WEBPKI_INVALID;
	check_bool("a policy that cannot be had", promise_detail(&promise,
	    &key), true);
	check_bool("counts no session", key.is_detail, true);
	check_bool("is our own finding", key.is_probe, true);
	check_int("which", key.finding, FINDING_POLICY_WEBPKI_INVALID);
}

static void
take(struct promises *promises, const struct promise *promise, bool want,
    size_t cut)
{
	struct buffer payload;
	char *exact;

	buffer_init(&payload, SESSION_MESSAGE_MAX);
	promise_format(promise, &payload);
	exact = check_exact(payload.data, payload.len - cut);
	check_bool(cut > 0 ? "a cut message" : "a message",
	    promises_take(promises, (struct text){ exact, payload.len - cut }),
	    want);
	free(exact);
	buffer_clear(&payload);
}

static void
test_book(void)
{
	struct promises *promises = promises_new();
	struct promise promise = promise_of(TLS_POLICY_STS, MTASTS_TESTING);
	const struct promise *got;
	size_t cut;

	take(promises, &promise, true, 0);
	got = promises_find(promises, text_of("example.com"));
	check_bool("it is found", got != NULL, true);
	if (got != NULL) {
		check_int("its mode", got->mode, MTASTS_TESTING);
		check_int("its hosts", (int64_t)got->host_count, 2);
		check_int("what was seen there", got->hosts[1].finding,
		    FINDING_CERT_EXPIRED);
		check_bool("its lines", text_equals(got->lines, LINES), true);
	}
	for (cut = 1; cut < 20; cut++)
		take(promises, &promise, false, cut);
	promise = promise_of(TLS_POLICY_NONE, MTASTS_NONE);
	take(promises, &promise, true, 0);
	check_bool("nothing is promised any more", promises_find(promises,
	    text_of("example.com")) == NULL, true);
	promises_free(promises);
}

static void
test_note(void)
{
	struct tls_session s = { .direction = SESSION_IN,
	    .finding = FINDING_OK, .trust = SESSION_TRUST_ANONYMOUS,
	    .host = text_of("a.example"), .address = text_of("192.0.2.1"),
	    .protocol = text_of("TLSv1.3"), .cipher = text_of("X"),
	    .service = text_of("smtp"), .had_handshake = true }, got;
	struct buffer payload;
	size_t len;

	buffer_init(&payload, SESSION_MESSAGE_MAX);
	session_note_format(&s, &payload);
	check_bool("a client's session", session_note_parse((struct text){
	    payload.data, payload.len }, &got), true);
	check_bool("its name", text_equals(got.host, "a.example"), true);
	check_bool("its protocol", text_equals(got.protocol, "TLSv1.3"),
	    true);
	check_int("its trust", got.trust, SESSION_TRUST_ANONYMOUS);
	for (len = 0; len < payload.len; len++)
		if (session_note_parse((struct text){ payload.data, len },
		    &got))
			check_bool("a cut note", true, false);
	payload.data[0] = SESSION_DIRECTION_COUNT;
	check_bool("no such direction", session_note_parse((struct text){
	    payload.data, payload.len }, &got), false);
	buffer_clear(&payload);
}

static void
test_outcome(void)
{
	struct session_outcome o = { text_of("a.example"),
	    text_of("mx.a.example"), text_of("192.0.2.1"), true }, got;
	struct buffer payload;
	size_t len;

	buffer_init(&payload, SESSION_MESSAGE_MAX);
	session_outcome_format(&o, &payload);
	check_bool("an outcome", session_outcome_parse((struct text){
	    payload.data, payload.len }, &got), true);
	check_bool("its host", text_equals(got.host, "mx.a.example"), true);
	check_bool("verified", got.is_verified, true);
	for (len = 0; len < payload.len; len++)
		if (session_outcome_parse((struct text){ payload.data, len },
		    &got))
			check_bool("a cut outcome", true, false);
	buffer_clear(&payload);
}

static void
test_verdict(void)
{
	struct verdict_note v = { text_of("a.example"), true,
	    text_of("no usable mail host") }, back;
	struct buffer payload;
	size_t len;

	buffer_init(&payload, SESSION_MESSAGE_MAX);
	verdict_note_format(&v, &payload);
	check_bool("a verdict", verdict_note_parse((struct text){ payload.data,
	    payload.len }, &back) && text_equals(back.domain, "a.example") &&
	    back.is_bad && text_equals(back.words, "no usable mail host"),
	    true);
	for (len = 0; len < payload.len; len++)
		if (verdict_note_parse((struct text){ payload.data, len },
		    &back))
			check_bool("a cut verdict", true, false);
	buffer_reset(&payload);
	v.domain = text_of("");
	verdict_note_format(&v, &payload);
	check_bool("of no domain", verdict_note_parse((struct text){
	    payload.data, payload.len }, &back), false);
	buffer_clear(&payload);
}

int
main(void)
{
	test_verdict();
	test_outcome();
	test_completion();
	test_detail();
	test_book();
	test_note();
	return check_end();
}
