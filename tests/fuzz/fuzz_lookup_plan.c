/*
 * A world that answers at random: each question takes a control octet (result,
 * DNSSEC status, alias) and one record from the input.  The plan must come to
 * an end, and its facts must survive being written and read.
 */

#include "shared/policy/lookup_plan.h"

#include <assert.h>

#include "tests/fuzz/fuzz.h"

#define NOW 1000000

static uint8_t
take_octet(struct text *rest)
{
	if (rest->len == 0)
		return 0;
	rest->len--;
	return (uint8_t)*rest->data++;
}

static struct text
take_record(struct text *rest)
{
	struct text record = { rest->data, take_octet(rest) };

	record.data = rest->data;
	if (record.len > rest->len)
		record.len = rest->len;
	rest->data += record.len;
	rest->len -= record.len;
	return record;
}

static void
answer(struct lookup_plan *plan, const struct lookup_question *q,
    struct text *rest)
{
	uint8_t control = take_octet(rest);
	struct text records[3] = { 0 };
	struct dns_answer a = {
		.result = (enum dns_result)(control & 3),
		.is_secure = (control & 4) != 0,
		.is_nxdomain = (control & 8) != 0,
		.is_alias = (control & 16) != 0,
		.alias_end = "end.example",
		.records = records, .ttl_s = control * 16u, .why = "why"
	};

	while (a.result == DNS_PRESENT && a.record_count < 3 &&
	    (a.record_count == 0 || control & 32))
		records[a.record_count++] = take_record(rest);
	lookup_plan_answer(plan, q, &a, NOW);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size };
	struct lookup_question q;
	enum lookup_step step;
	struct lookup_plan plan;
	struct next_hop hop;
	struct facts *facts, *again;
	struct buffer record;
	const char *why;
	unsigned asked = 0;
	uint8_t control = take_octet(&rest);

	next_hop_parse(text_of(control & 1 ? "[mx.a.example]" : "a.example"),
	    &hop, &why);
	facts = facts_new(&hop);
	lookup_plan_init(&plan, facts, NULL, control & 2, control & 4);
	while ((step = lookup_plan_next(&plan, &q)) != LOOKUP_DONE) {
		assert(step != LOOKUP_WAIT && asked <= LOOKUP_QUESTIONS_MAX);
		asked++;
		if (step == LOOKUP_ASK)
			answer(&plan, &q, &rest);
		else
			lookup_plan_fetched(&plan, FINDING_OK,
			    take_record(&rest), "", NOW);
	}
	lookup_plan_conclude(&plan, NOW);
	lookup_plan_clear(&plan);
	buffer_init(&record, FACTS_RECORD_MAX_BYTES);
	facts_format(facts, &record);
	again = facts_parse((struct text){ record.data, record.len }, &why);
	assert(again != NULL);
	facts_free(again);
	facts_free(facts);
	buffer_clear(&record);
}
