/*
 * The payloads between clerk and front: what was formatted parses to the same,
 * and no proper prefix of it, nor more than it, parses at all.
 */

/* The source itself: no archive that a test links holds this folder. */
#include "policyd/process/control_message.c"

#include "tests/unit/check_payload.h"

static bool
parse_question(struct text t)
{
	struct control_question q;

	return control_question_parse(t, &q);
}

static bool
parse_explanation(struct text t)
{
	struct control_explanation e;

	return control_explanation_parse(t, &e);
}

static bool
parse_outcome(struct text t)
{
	struct control_outcome o;

	return control_outcome_parse(t, &o);
}

/* ------------------------------------------------------------ questions */

static const struct {
	const char *label, *hop;
	uint8_t command, flags;
	bool is_good;
} questions[] = {
	{ "explain", "example.com", CONTROL_EXPLAIN, 0, true },
	{ "refresh of a host", "[mx.example.com]:587",
	    CONTROL_REFRESH, 0, true },
	{ "forget, policy too", "example.com", CONTROL_FORGET, 1, true },
	{ "status", "", CONTROL_STATUS, 0, true },
	{ "site", "", CONTROL_SITE, 0, true },
	{ "clear", "", CONTROL_CLEAR, 0, true },
	{ "explain of nothing", "", CONTROL_EXPLAIN, 0, false },
	{ "explain of no name", ".example.com", CONTROL_EXPLAIN, 0, false },
	{ "status of a domain", "example.com", CONTROL_STATUS, 0, false },
	{ "site of a domain", "example.com", CONTROL_SITE, 0, false },
	{ "clear of a domain", "example.com", CONTROL_CLEAR, 0, false },
	{ "rules: the clerk's", "example.com", CONTROL_RULES, 0, false },
	{ "no command", "example.com", 0, 0, false },
	{ "unknown command", "example.com", 200, 0, false },
	{ "unknown flag", "example.com", CONTROL_FORGET, 2, false }
};

static void
test_questions(void)
{
	struct control_question q;
	char hop[NEXT_HOP_TEXT_SIZE];
	size_t i;

	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		pack_u8(&payload, questions[i].command);
		pack_string(&payload, questions[i].hop);
		pack_u8(&payload, questions[i].flags);
		check_bool(questions[i].label, control_question_parse(
		    payload_text(), &q), questions[i].is_good);
		buffer_reset(&payload);
		if (!questions[i].is_good)
			continue;
		check_int("its command", q.command, questions[i].command);
		check_bool("its flag", q.forgets_policy,
		    questions[i].flags == 1);
		check_text("its next hop", next_hop_format(&q.hop, hop),
		    questions[i].hop);
		control_question_format(&q, &payload);
		check_only_whole("formatted again", parse_question);
	}
}

/* -------------------------------------------------------------- answers */

static void
test_explanation(void)
{
	struct control_explanation e = {
		.facts = { "a\0b", 3 }, .query = text_of("NOTFOUND "),
		.query_with_tlsrpt = text_of("OK may"),
		.access = text_of("DUNNO"), .source = text_of("memory"),
		.site = {
			.dane = FACT_ABSENT, .level = TLS_LEVEL_MAY,
			.has_fallback_relay = true, .answers_nobody = true,
			.stale_ttl_s = 1, .good_ttl_s = 2, .bad_ttl_s = 3,
			.reprobe_after_s = UINT32_MAX
		},
		.breaker = text_of("our clock is late"),
		.error = text_of("the scout is away")
	}, got;

	control_explanation_format(&e, &payload);
	check_bool("an explanation", control_explanation_parse(
	    payload_text(), &got), true);
	check_bool("facts", got.facts.len == 3 &&
	    memcmp(got.facts.data, "a\0b", 3) == 0, true);
	check_bool("query", text_equals(got.query, "NOTFOUND "), true);
	check_bool("query with TLSRPT",
	    text_equals(got.query_with_tlsrpt, "OK may"), true);
	check_bool("access", text_equals(got.access, "DUNNO"), true);
	check_bool("source", text_equals(got.source, "memory"), true);
	check_bool("breaker", text_equals(got.breaker, "our clock is late"),
	    true);
	check_bool("error", text_equals(got.error, "the scout is away"), true);
	check_int("site: dane", got.site.dane, FACT_ABSENT);
	check_int("site: level", got.site.level, TLS_LEVEL_MAY);
	check_bool("site: fallback", got.site.has_fallback_relay, true);
	check_bool("site: strict", got.site.is_strict, false);
	check_bool("site: breaker", got.site.breaker_is_open, false);
	check_bool("site: nobody", got.site.answers_nobody, true);
	check_int("site: stale_ttl", got.site.stale_ttl_s, 1);
	check_int("site: good_ttl", got.site.good_ttl_s, 2);
	check_int("site: bad_ttl", got.site.bad_ttl_s, 3);
	check_int("site: reprobe_after", got.site.reprobe_after_s, UINT32_MAX);
	check_only_whole("all of it", parse_explanation);

	e.site.dane = (enum fact_state)(FACT_PRESENT + 1);
	control_explanation_format(&e, &payload);
	check_bool("an unknown state", parse_explanation(payload_text()),
	    false);
	buffer_reset(&payload);
}

static bool
parse_site(struct text t)
{
	struct tls_site site;

	return control_site_parse(t, &site);
}

static void
test_site(void)
{
	const struct tls_site site = { .dane = FACT_PRESENT,
	    .level = TLS_LEVEL_ENCRYPT, .is_strict = true,
	    .breaker_is_open = true, .good_ttl_s = 7 };
	struct tls_site got;

	control_site_format(&site, &payload);
	check_bool("a site", control_site_parse(payload_text(), &got), true);
	check_int("its dane", got.dane, FACT_PRESENT);
	check_int("its level", got.level, TLS_LEVEL_ENCRYPT);
	check_bool("its truths", got.is_strict && got.breaker_is_open &&
	    !got.has_fallback_relay && !got.answers_nobody, true);
	check_int("its times", got.good_ttl_s, 7);
	check_only_whole("a site", parse_site);
	pack_u8(&payload, FACT_PRESENT + 1);
	check_bool("a site of nonsense", parse_site(payload_text()), false);
	buffer_reset(&payload);
}

static void
test_outcome(void)
{
	struct control_outcome o = { false, text_of("why") }, got;

	control_outcome_format(&o, &payload);
	check_bool("an outcome", control_outcome_parse(payload_text(), &got),
	    true);
	check_bool("not done", got.is_done, false);
	check_bool("its reason", text_equals(got.words, "why"), true);
	check_only_whole("all of it", parse_outcome);
	pack_u8(&payload, 2);
	pack_string(&payload, "");
	check_bool("neither done nor not", parse_outcome(payload_text()),
	    false);
	buffer_reset(&payload);
}


static struct control_part got_part;
static struct control_counter got_counter;

static void
check_item(const char *label, struct unpack *u, enum control_item want)
{
	check_int(label, control_status_next(u, &got_part, &got_counter),
	    want);
}

static void
test_status(void)
{
	struct control_part part = { text_of("redis"), CONTROL_WARNING,
	    text_of("slow"), text_of("look") };
	struct control_counter counter = { text_of("hits"), UINT64_MAX };
	struct unpack u;
	size_t len;

	unpack_init(&u, "", 0);
	check_item("nothing is a status", &u, CONTROL_ITEM_END);
	control_part_format(&part, &payload);
	len = payload.len;
	control_counter_format(&counter, &payload);
	unpack_init(&u, payload.data, payload.len);
	check_item("a part", &u, CONTROL_ITEM_PART);
	check_bool("name", text_equals(got_part.name, "redis"), true);
	check_int("state", got_part.state, CONTROL_WARNING);
	check_bool("detail", text_equals(got_part.detail, "slow"), true);
	check_bool("advice", text_equals(got_part.advice, "look"), true);
	check_item("a counter", &u, CONTROL_ITEM_COUNTER);
	check_bool("name", text_equals(got_counter.name, "hits"), true);
	check_bool("value", got_counter.value == UINT64_MAX, true);
	check_item("the end", &u, CONTROL_ITEM_END);

	unpack_init(&u, payload.data, len - 1);
	check_item("a part cut short", &u, CONTROL_ITEM_MALFORMED);
	unpack_init(&u, payload.data + len, payload.len - len - 1);
	check_item("a counter cut short", &u, CONTROL_ITEM_MALFORMED);
	payload.data[len] = 7;
	unpack_init(&u, payload.data + len, payload.len - len);
	check_item("an unknown item", &u, CONTROL_ITEM_MALFORMED);
	buffer_reset(&payload);
	part.state = (enum control_state)(CONTROL_WARNING + 1);
	control_part_format(&part, &payload);
	unpack_init(&u, payload.data, payload.len);
	check_item("an unknown state", &u, CONTROL_ITEM_MALFORMED);
	buffer_reset(&payload);
}

static void
test_names(void)
{
	enum control_command command = CONTROL_EXPLAIN, got;

	for (; command <= CONTROL_REPORT; command++)
		check_bool(control_command_name(command),
		    control_command_parse(text_of(
		    control_command_name(command)), &got) && got == command,
		    true);
	check_bool("no command", control_command_parse(text_of("Explain"),
	    &got), false);
	check_bool("empty", control_command_parse(text_of(""), &got), false);
}

int
main(void)
{
	buffer_init(&payload, 65536);
	test_questions();
	test_explanation();
	test_site();
	test_outcome();
	test_status();
	test_names();
	buffer_clear(&payload);
	return check_end();
}
