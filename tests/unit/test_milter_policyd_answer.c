/*
 * What policyd answers: each refusal has its row, made from a good answer by
 * replacing one part.
 */

#include "milter/policyd_answer.h"

#include "shared/buffer.h"
#include "tests/unit/check.h"

static const char site[] = "{\"known\": true, \"own_domains\": "
    "[\"a.example\", \"b.example\"], \"own_networks\": [\"127.0.0.0/8\", "
    "\"2001:db8::/32\"], \"dane\": \"present\", \"level\": \"may\", "
    "\"fallback_relay\": false, \"strict\": true, \"breaker_open\": false, "
    "\"answers_nobody\": false, \"stale_ttl\": 1, \"good_ttl\": 2, "
    "\"bad_ttl\": 3, \"reprobe_after\": 4}";

static const char explanation[] = "{\"domain\": \"a.example\", "
    "\"action\": \"defer\", \"policy\": \"sts\", "
    "\"verdict\": \"undeliverable\", \"finding\": \"cert-expired\", "
    "\"reason\": \"because\"}";

static const struct row {
	const char *label, *part, *with;
	const char *why;		/* NULL: good */
} site_rows[] = {
	{ "a site", "", "", NULL },
	{ "a member more", "{", "{\"more\": [], ", NULL },
	{ "whose Authentication-Results count", "4}",
	    "4, \"authserv_id\": \"mx.a.example\"}", NULL },
	{ "that of another type", "4}", "4, \"authserv_id\": 1}", "missing" },
	{ "ports whose certificate has ended", "4}",
	    "4, \"expired_ports\": [25, 65535]}", NULL },
	{ "a port that is none", "4}", "4, \"expired_ports\": [0]}",
	    "missing" },
	{ "a port that is too large", "4}", "4, \"expired_ports\": [65536]}",
	    "missing" },
	{ "no level", "\"may\"", "null", NULL },
	{ "no domains, no networks", "\"a.example\", \"b.example\"", "", NULL },
	{ "not JSON", "{", "", "no JSON object" },
	{ "something behind it", "4}", "4} {}", "no JSON object" },
	{ "a member twice", "{", "{\"known\": true, ", "no JSON object" },
	{ "an error", "{", "{\"error\": \"the front is away\", ",
	    "policyd cannot say" },
	{ "a member less", "\"strict\"", "\"strikt\"", "missing" },
	{ "a truth that is none", "\"strict\": true", "\"strict\": 1",
	    "missing" },
	{ "an unknown state", "\"present\"", "\"perhaps\"", "missing" },
	{ "an unknown level", "\"may\"", "\"might\"", "missing" },
	{ "a level of another type", "\"may\"", "2", "missing" },
	{ "a domain not as we spell it", "b.example", "B.example", "missing" },
	{ "a domain of another type", "\"b.example\"", "1", "missing" },
	{ "domains of another type", "[\"a.example\", \"b.example\"]",
	    "\"a.example\"", "missing" },
	{ "no network", "127.0.0.0/8", "127.0.0.0/33", "missing" },
	{ "a network of another type", "\"127.0.0.0/8\"", "127", "missing" },
	{ "a negative time", "\"bad_ttl\": 3", "\"bad_ttl\": -1", "missing" },
	{ "a time beyond all", "\"bad_ttl\": 3", "\"bad_ttl\": 4294967296",
	    "missing" }
}, explanation_rows[] = {
	{ "a judgement", "", "", NULL },
	{ "no reason", "\"because\"", "null", NULL },
	{ "empty", explanation, "", "no JSON object" },
	{ "an array", explanation, "[]", "no JSON object" },
	{ "an error", "\"domain\"", "\"error\"", "policyd cannot say" },
	{ "an unknown action", "defer", "bounce", "missing" },
	{ "an action that is not for out", "defer", "reject", "missing" },
	{ "an unknown policy", "\"sts\"", "\"none2\"", "missing" },
	{ "an unknown verdict", "undeliverable", "bad", "missing" },
	{ "an unknown finding", "cert-expired", "cert-old", "missing" },
	{ "a finding of another type", "\"cert-expired\"", "1", "missing" },
	{ "no verdict", "\"verdict\"", "\"verdikt\"", "missing" }
};

/* text with with in the place of part, in a block of its exact size. */
static struct text
replaced(const char *text, const struct row *row)
{
	const char *at = strstr(text, row->part);
	struct buffer out;
	struct text exact;

	buffer_init(&out, 65536);
	buffer_add(&out, text, (size_t)(at - text));
	buffer_add_text(&out, row->with);
	buffer_add_text(&out, at + strlen(row->part));
	exact.len = out.len;
	exact.data = check_exact(buffer_text(&out), out.len);
	buffer_clear(&out);
	return exact;
}

static void
check_why(const struct row *row, int result, const char *why)
{
	check_int(row->label, result, row->why == NULL ? 0 : -1);
	if (row->why != NULL)
		check_contains(row->label, why, row->why);
}

static void
free_text(struct text t)
{
	union { const char *kept; char *freed; } data = { t.data };

	free(data.freed);
}

static void
test_site(void)
{
	struct site_answer answer;
	const char *why = NULL;
	struct text line;
	int result;
	size_t i;

	for (i = 0; i < sizeof(site_rows) / sizeof(site_rows[0]); i++) {
		line = replaced(site, &site_rows[i]);
		result = site_answer_parse(line, &answer, &why);
		check_why(&site_rows[i], result, why);
		free_text(line);
		if (result == 0)
			site_answer_clear(&answer);
	}
	site_answer_parse(text_of(site), &answer, &why);
	check_bool("known", answer.is_known, true);
	check_int("domains", (int64_t)answer.own_domain_count, 2);
	check_text("the second", answer.own_domains[1], "b.example");
	check_int("networks", (int64_t)answer.own_networks.count, 2);
	check_int("the second", answer.own_networks.networks[1].prefix_bits,
	    32);
	check_int("dane", answer.tls.dane, FACT_PRESENT);
	check_int("level", answer.tls.level, TLS_LEVEL_MAY);
	check_bool("truths", answer.tls.is_strict &&
	    !answer.tls.has_fallback_relay && !answer.tls.breaker_is_open &&
	    !answer.tls.answers_nobody, true);
	check_int("times", answer.tls.stale_ttl_s * 1000 +
	    answer.tls.good_ttl_s * 100 + answer.tls.bad_ttl_s * 10 +
	    answer.tls.reprobe_after_s, 1234);
	site_answer_clear(&answer);
}

static const char way[] = "{\"client\": \"present\", \"domain\": "
    "\"absent\", \"state\": \"known\", \"next_hops\": "
    "[\"[r.example]:587\", \"b.example\"], \"because\": \"relayhost\"}";

static const struct {
	const char	*label, *line;
	bool		 is_good;
} ways[] = {
	{ "a way", way, true },
	{ "none", "{\"client\": \"unknown\", \"domain\": \"present\", "
	    "\"state\": \"none\", \"next_hops\": []}", true },
	{ "not known", "{\"client\": \"unknown\", \"domain\": \"unknown\", "
	    "\"state\": \"unknown\", \"next_hops\": []}", true },
	{ "policyd's error", "{\"error\": \"unknown command\"}", false },
	{ "no JSON", "way", false },
	{ "no state", "{\"client\": \"unknown\", \"domain\": \"unknown\", "
	    "\"next_hops\": []}", false },
	{ "another state", "{\"client\": \"unknown\", \"domain\": "
	    "\"unknown\", \"state\": \"far\", \"next_hops\": []}", false },
	{ "another client", "{\"client\": \"yes\", \"domain\": "
	    "\"unknown\", \"state\": \"none\", \"next_hops\": []}", false },
	{ "known without hops", "{\"client\": \"unknown\", \"domain\": "
	    "\"unknown\", \"state\": \"known\", \"next_hops\": []}", false },
	{ "hops of nothing", "{\"client\": \"unknown\", \"domain\": "
	    "\"unknown\", \"state\": \"none\", \"next_hops\": [\"a.b\"]}",
	    false },
	{ "a hop that is none", "{\"client\": \"unknown\", \"domain\": "
	    "\"unknown\", \"state\": \"known\", \"next_hops\": [\"a@b\"]}",
	    false },
	{ "a hop that is no text", "{\"client\": \"unknown\", \"domain\": "
	    "\"unknown\", \"state\": \"known\", \"next_hops\": [1]}", false },
	{ "hops that are no array", "{\"client\": \"unknown\", \"domain\": "
	    "\"unknown\", \"state\": \"none\", \"next_hops\": 1}", false },
	{ "too many hops", "{\"client\": \"unknown\", \"domain\": "
	    "\"unknown\", \"state\": \"known\", \"next_hops\": [\"a\",\"a\","
	    "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
	    "\"a\",\"a\",\"a\",\"a\",\"a\"]}", false },
};

static void
test_way(void)
{
	struct route_question q = { text_of("192.0.2.1"), text_of(""),
	    text_of("\"a b\"@c.example") };
	struct route route;
	const char *why;
	char *line;
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		check_bool(ways[i].label, route_answer_parse(
		    text_of(ways[i].line), &route, &why) == 0,
		    ways[i].is_good);
	route_answer_parse(text_of(way), &route, &why);
	check_int("client", route.client_is_ours, FACT_PRESENT);
	check_int("domain", route.domain_is_ours, FACT_ABSENT);
	check_int("hops", (int64_t)route.transport.hop_count, 2);
	check_int("the first's port", route.transport.hops[0].port, 587);

	line = route_request_format(&q);
	check_text("a question", line, "{\"version\":1,\"command\":\"route\","
	    "\"client\":\"192.0.2.1\",\"sender\":\"\",\"recipient\":"
	    "\"\\\"a b\\\"@c.example\"}");
	free(line);
	q.sender = text_of("\xff@c.example");
	check_bool("an address that is no text", route_request_format(&q) ==
	    NULL, true);
}

static void
test_judgement(void)
{
	struct judgement j;
	const char *why = NULL;
	struct text line;
	int result;
	size_t i;

	for (i = 0; i < sizeof(explanation_rows) /
	    sizeof(explanation_rows[0]); i++) {
		line = replaced(explanation, &explanation_rows[i]);
		result = judgement_parse(line, &j, &why);
		check_why(&explanation_rows[i], result, why);
		free_text(line);
	}
	judgement_parse(text_of(explanation), &j, &why);
	check_int("action", j.action, RULE_ACTION_DEFER);
	check_int("policy", j.policy, TLS_POLICY_STS);
	check_int("verdict", j.verdict, VERDICT_UNDELIVERABLE);
	check_int("finding", j.finding, FINDING_CERT_EXPIRED);
	check_text("reason", j.reason, "because");
}

int
main(void)
{
	test_site();
	test_way();
	test_judgement();
	return check_end();
}
