/*
 * Questions on the control socket: each refusal has its row.
 */

#include "policyd/clerk/request_json.h"

#include "tests/unit/check.h"

static const struct {
	const char		*label, *line;
	const char		*why;		/* part of it; NULL: good */
	enum control_command	 command;
	const char		*hop;
	bool			 forgets_policy;
} rows[] = {
	{ "explain", "{\"version\":1,\"command\":\"explain\","
	    "\"domain\":\"Example.COM.\"}", NULL, CONTROL_EXPLAIN,
	    "example.com", false },
	{ "a host", "{\"command\":\"refresh\",\"domain\":\"[mx.a.example]\"}",
	    NULL, CONTROL_REFRESH, "[mx.a.example]:25", false },
	{ "a U-label", "{\"command\":\"rules\","
	    "\"domain\":\"b\\u00fccher.example\"}", NULL, CONTROL_RULES,
	    "xn--bcher-kva.example", false },
	{ "forget", "{\"command\":\"forget\",\"domain\":\"a.example\"}",
	    NULL, CONTROL_FORGET, "a.example", false },
	{ "forget the policy", "{\"command\":\"forget\","
	    "\"domain\":\"a.example\",\"policy\":true}", NULL,
	    CONTROL_FORGET, "a.example", true },
	{ "policy means nothing elsewhere", "{\"command\":\"explain\","
	    "\"domain\":\"a.example\",\"policy\":true}", NULL,
	    CONTROL_EXPLAIN, "a.example", false },
	{ "status", "{\"command\":\"status\"}", NULL, CONTROL_STATUS, "",
	    false },
	{ "site", "{\"command\":\"site\"}", NULL, CONTROL_SITE, "", false },
	{ "clear", "{\"command\":\"clear\"}", NULL, CONTROL_CLEAR, "", false },
	{ "reload", "{\"command\":\"reload\"}", NULL, CONTROL_RELOAD, "",
	    false },
	{ "route", "{\"command\":\"route\",\"recipient\":\"a@b\"}", NULL,
	    CONTROL_ROUTE, "", false },
	{ "received", "{\"command\":\"received\",\"record\":\"x\"}", NULL,
	    CONTROL_RECEIVED, "", false },
	{ "own promises", "{\"command\":\"own-promises\"}", NULL,
	    CONTROL_OWN_PROMISES, "", false },
	{ "certificates", "{\"command\":\"certificates\"}", NULL,
	    CONTROL_CERTIFICATES, "", false },
	{ "explain a next hop", "{\"command\":\"explain\","
	    "\"domain\":\"a.example\",\"next_hop\":true}", NULL,
	    CONTROL_EXPLAIN, "a.example", false },
	{ "unknown members are ignored", "{\"command\":\"status\",\"x\":[]}",
	    NULL, CONTROL_STATUS, "", false },

	{ "empty", "", "not one JSON object", 0, NULL, false },
	{ "garbage", "explain a.example", "not one JSON object", 0, NULL,
	    false },
	{ "two objects", "{\"command\":\"status\"}{}", "not one JSON object",
	    0, NULL, false },
	{ "a member twice", "{\"command\":\"status\",\"command\":\"status\"}",
	    "not one JSON object", 0, NULL, false },
	{ "U+0000", "{\"command\":\"explain\",\"domain\":\"a\\u0000b\"}",
	    "not one JSON object", 0, NULL, false },
	{ "broken UTF-8", "{\"command\":\"explain\",\"domain\":\"\xff\"}",
	    "not one JSON object", 0, NULL, false },
	{ "an array", "[]", "no object", 0, NULL, false },
	{ "command of another type", "{\"command\":1}", "type", 0, NULL,
	    false },
	{ "domain of another type", "{\"command\":\"explain\",\"domain\":{}}",
	    "type", 0, NULL, false },
	{ "policy of another type", "{\"command\":\"forget\","
	    "\"domain\":\"a.example\",\"policy\":1}", "type", 0, NULL, false },
	{ "next_hop of another type", "{\"command\":\"explain\","
	    "\"domain\":\"a.example\",\"next_hop\":\"yes\"}", "type", 0, NULL,
	    false },
	{ "version of another type", "{\"version\":\"1\","
	    "\"command\":\"status\"}", "type", 0, NULL, false },
	{ "another version", "{\"version\":2,\"command\":\"status\"}",
	    "another version", 0, NULL, false },
	{ "no command", "{\"version\":1}", "no command", 0, NULL, false },
	{ "unknown command", "{\"command\":\"Status\"}", "unknown command",
	    0, NULL, false },
	{ "no domain", "{\"command\":\"explain\"}", "no domain", 0, NULL,
	    false },
	{ "empty domain", "{\"command\":\"explain\",\"domain\":\"\"}",
	    "empty", 0, NULL, false },
	{ "a parent", "{\"command\":\"rules\",\"domain\":\".example\"}",
	    "parent", 0, NULL, false }
};

int
main(void)
{
	struct control_question q;
	char hop[NEXT_HOP_TEXT_SIZE];
	const char *why;
	char *exact;
	size_t i, len;
	int result;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = strlen(rows[i].line);
		exact = check_exact(rows[i].line, len);
		result = request_parse((struct text){ exact, len }, &q, &why);
		free(exact);
		check_int(rows[i].label, result, rows[i].why == NULL ? 0 : -1);
		if (rows[i].why != NULL) {
			check_contains("why", why, rows[i].why);
			continue;
		}
		check_int("command", q.command, rows[i].command);
		check_text("next hop", next_hop_format(&q.hop, hop),
		    rows[i].hop);
		check_bool("policy", q.forgets_policy,
		    rows[i].forgets_policy);
	}
	return check_end();
}
