/*
 * The payloads between scout and those who ask it: round trips, every prefix,
 * and each refusal.
 */

#include "shared/probe_message.h"

#include "shared/pack.h"
#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static struct text
payload_of(const struct buffer *b)
{
	return (struct text){ buffer_text(b), b->len };
}

static const struct probe_request sample = {
	.host = "mx.example.org", .address = { 4, { 192, 0, 2, 1 } },
	.port = 25, .service = PROBE_SMTP, .manner = PROBE_TLS_1_2,
	.domain = "example.org",
	.others = { "mx2.example.org", "mx3.example.org" }, .other_count = 2
};

/* -------------------------------------------------------------------- words */

static void
test_services(void)
{
	static const struct {
		const char *word;
		enum probe_service service;
		uint16_t port;
	} rows[] = {
		{ "smtp", PROBE_SMTP, 25 },
		{ "Submission", PROBE_SUBMISSION, 587 },
		{ "smtps", PROBE_SMTPS, 465 }, { "imap", PROBE_IMAP, 143 },
		{ "imaps", PROBE_IMAPS, 993 }, { "pop3", PROBE_POP3, 110 },
		{ "pop3s", PROBE_POP3S, 995 },
	};
	enum probe_service service;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		service = PROBE_SERVICE_COUNT;
		check_bool(rows[i].word, probe_service_parse(
		    text_of(rows[i].word), &service), true);
		check_int(rows[i].word, service, rows[i].service);
		check_int("its port", probe_service_port(service),
		    rows[i].port);
		check_int("by its port", probe_service_of_port(rows[i].port),
		    rows[i].service);
	}
	check_bool("no service", probe_service_parse(text_of("http"),
	    &service), false);
	check_int("another port is smtp", probe_service_of_port(2525),
	    PROBE_SMTP);
}

/* ----------------------------------------------------------------- requests */

static void
test_request(void)
{
	struct probe_request got = { 0 };
	struct buffer b;
	bool is_refused = true;
	char *cut;
	size_t len;

	buffer_init(&b, 4096);
	probe_request_format(&sample, &b);
	check_bool("a request", probe_request_parse(payload_of(&b), &got),
	    true);
	check_text("host", got.host, "mx.example.org");
	check_text("domain", got.domain, "example.org");
	check_bool("address", address_equals(&got.address, &sample.address),
	    true);
	check_int("port", got.port, 25);
	check_int("manner", got.manner, PROBE_TLS_1_2);
	check_int("others", (int)got.other_count, 2);
	check_text("the last of them", got.others[1], "mx3.example.org");
	for (len = 0; len < b.len; len++) {
		cut = check_exact(b.data, len);
		is_refused = is_refused && !probe_request_parse(
		    (struct text){ cut, len }, &got);
		free(cut);
	}
	check_bool("no proper prefix is one", is_refused, true);
	pack_u8(&b, 0);
	check_bool("nor with an octet more", probe_request_parse(
	    payload_of(&b), &got), false);
	buffer_clear(&b);
}

static void
test_refusals(void)
{
	struct {
		const char *label;
		struct probe_request m;
	} rows[] = {
		{ "no host", sample }, { "host in capitals", sample },
		{ "port 0", sample }, { "no such service", sample },
		{ "no such manner", sample }, { "no such family", sample },
		{ "domain with a blank", sample },
		{ "other host with a blank", sample },
	};
	struct probe_request got;
	struct buffer b;
	size_t i;

	rows[0].m.host[0] = '\0';
	rows[1].m.host[0] = 'M';
	rows[2].m.port = 0;
	rows[3].m.service = PROBE_SERVICE_COUNT;
	rows[4].m.manner = PROBE_MANNER_COUNT;
	rows[5].m.address.family = 5;
	rows[6].m.domain[3] = ' ';
	rows[7].m.others[1][3] = ' ';
	for (i = 0; i < ROWS(rows); i++) {
		buffer_init(&b, 4096);
		probe_request_format(&rows[i].m, &b);
		check_bool(rows[i].label, probe_request_parse(payload_of(&b),
		    &got), false);
		buffer_clear(&b);
	}
}

/* ------------------------------------------------------------- observations */

static void
fill(struct observation *o)
{
	*o = (struct observation){
		.asked = sample, .seen_at = 1000, .stage = PROBE_QUIT,
		.stage_ms = { 1, 2, 3, 4, 5, 6 }, .finding = FINDING_OK,
		.words = text_of("words"), .has_tls = true,
		.protocol = text_of("TLSv1.3"), .cipher_bits = 256,
		.pkix = { OBSERVED(FINDING_CERT_EXPIRED) |
		    OBSERVED(FINDING_CERT_WEAK), FINDING_CERT_EXPIRED,
		    FINDING_CERT_EXPIRED },
		.dane = { 0, FINDING_OK, FINDING_OK },
		.not_after = 5000, .dane_state = OBSERVED_DANE_MATCH,
		.warnings = { text_of("key-small") }, .warning_count = 1,
		.names = { text_of("a.example"), text_of("b.example") },
		.name_count = 2, .names_dropped = 3,
		.certs = { { .subject = text_of("CN=a"), .key_bits = 2048,
		    .not_after = 6000, .is_used = true } },
		.cert_count = 1, .tlsa = { text_of("3 1 1 AB") },
		.tlsa_count = 1
	};
}

static void
test_observation(void)
{
	static struct observation o, got;
	struct buffer b;
	bool is_refused = true;
	size_t len;

	fill(&o);
	buffer_init(&b, OBSERVATION_MAX_BYTES);
	observation_format(&o, &b);
	check_bool("an observation", observation_parse(payload_of(&b), &got),
	    true);
	check_text("host", got.asked.host, "mx.example.org");
	check_int("seen at", got.seen_at, 1000);
	check_int("the last stage's time", got.stage_ms[PROBE_QUIT], 6);
	check_bool("protocol", text_equals(got.protocol, "TLSv1.3"), true);
	check_int("names", (int64_t)got.name_count, 2);
	check_bool("second name", text_equals(got.names[1], "b.example"),
	    true);
	check_int("certificate's end", got.certs[0].not_after, 6000);
	check_bool("certificate is used", got.certs[0].is_used, true);
	check_bool("TLSA", text_equals(got.tlsa[0], "3 1 1 AB"), true);
	for (len = 0; len < b.len; len++)
		is_refused = is_refused && !observation_parse((struct text){
		    b.data, len }, &got);
	check_bool("no proper prefix is one", is_refused, true);
	buffer_clear(&b);

	o.tlsa_count = OBSERVED_TLSA_MAX;
	buffer_init(&b, OBSERVATION_MAX_BYTES);
	observation_format(&o, &b);
	check_bool("as many as there may be",
	    observation_parse(payload_of(&b), &got), true);
	b.data[b.len - 4 * (OBSERVED_TLSA_MAX - 1) - 13]++;
	pack_string(&b, "");
	check_bool("one more", observation_parse(payload_of(&b), &got),
	    false);
	buffer_clear(&b);
}

static void
test_findings(void)
{
	static struct observation o;

	fill(&o);
	check_int("without DANE", observation_finding(&o, false),
	    FINDING_CERT_EXPIRED);
	check_int("with DANE", observation_finding(&o, true), FINDING_OK);
	o.dane.finding = FINDING_UNKNOWN;
	check_int("DANE was not asked for", observation_finding(&o, true),
	    FINDING_CERT_EXPIRED);
	o.finding = FINDING_PROTOCOL_OLD;
	check_int("what comes before certificates",
	    observation_finding(&o, false), FINDING_PROTOCOL_OLD);
	check_int("and all of them", observation_findings(&o, false),
	    OBSERVED(FINDING_PROTOCOL_OLD) | OBSERVED(FINDING_CERT_EXPIRED) |
	    OBSERVED(FINDING_CERT_WEAK));
}

/* -------------------------------------------------------------------- TXT */

static void
test_txt(void)
{
	struct txt_answer m = {
		.is_known = true, .is_secure = true, .why = text_of(""),
		.records = { text_of("v=TLSRPTv1;"), text_of("x") },
		.record_count = 2
	}, got;
	char name[HOST_NAME_SIZE];
	struct buffer b;

	buffer_init(&b, 4096);
	txt_question_format("_smtp._tls.example.org", &b);
	check_bool("a name", txt_question_parse(payload_of(&b), name), true);
	check_text("the same", name, "_smtp._tls.example.org");
	buffer_reset(&b);
	txt_question_format("", &b);
	check_bool("no name", txt_question_parse(payload_of(&b), name),
	    false);
	buffer_reset(&b);
	txt_answer_format(&m, &b);
	check_bool("an answer", txt_answer_parse(payload_of(&b), &got), true);
	check_bool("its record", got.record_count == 2 &&
	    text_equals(got.records[0], "v=TLSRPTv1;"), true);
	check_bool("an answer that is cut", txt_answer_parse((struct text){
	    b.data, b.len - 1 }, &got), false);
	buffer_clear(&b);
}

int
main(void)
{
	test_services();
	test_request();
	test_refusals();
	test_observation();
	test_findings();
	test_txt();
	return check_end();
}
