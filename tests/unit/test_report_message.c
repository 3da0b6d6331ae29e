/*
 * Messages about reports that go out: there and back, cut, and refused.
 */

#include "shared/report_message.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define T(s) { s, sizeof(s) - 1 }

static const struct {
	const char		*label;
	struct report_request	 m;
	bool			 want;
} requests[] = {
	{ "a mail", { REPORT_BY_MAIL, T("a@b.example"),
	    T("inet:127.0.0.1:25"), T("r@us.example"), T("us.example"),
	    T("From: x\r\n\r\ny") }, true },
	{ "a post", { REPORT_BY_HTTPS, T("https://b.example/r"), T(""), T(""),
	    T(""), T("\037\213") }, true },
	{ "no way", { 0, T("a@b.example"), T("inet:127.0.0.1:25"),
	    T("r@us.example"), T("us.example"), T("x") }, false },
	{ "another way", { 3, T("a@b.example"), T("inet:127.0.0.1:25"),
	    T("r@us.example"), T("us.example"), T("x") }, false },
	{ "no target", { REPORT_BY_HTTPS, T(""), T(""), T(""), T(""), T("x") },
	    false },
	{ "a target with a line end", { REPORT_BY_MAIL,
	    T("a@b.example>\r\nDATA"), T("inet:127.0.0.1:25"),
	    T("r@us.example"), T("us.example"), T("x") }, false },
	{ "a sender with a line end", { REPORT_BY_MAIL, T("a@b.example"),
	    T("inet:127.0.0.1:25"), T("r@us.example\n"), T("us.example"),
	    T("x") }, false },
	{ "no relay", { REPORT_BY_MAIL, T("a@b.example"), T(""),
	    T("r@us.example"), T("us.example"), T("x") }, false },
	{ "no name of ours", { REPORT_BY_MAIL, T("a@b.example"),
	    T("inet:127.0.0.1:25"), T("r@us.example"), T(""), T("x") },
	    false },
	{ "no body", { REPORT_BY_HTTPS, T("https://b.example/"), T(""), T(""),
	    T(""), T("") }, false },
};

static void
test_requests(void)
{
	struct report_request back;
	struct buffer payload;
	char *exact;
	size_t i, len;

	for (i = 0; i < ROWS(requests); i++) {
		buffer_init(&payload, REPORT_MESSAGE_MAX);
		report_request_format(&requests[i].m, &payload);
		exact = check_exact(payload.data, payload.len);
		check_bool(requests[i].label, report_request_parse(
		    (struct text){ exact, payload.len }, &back),
		    requests[i].want);
		if (requests[i].want)
			check_bool("comes back", text_equals(back.target,
			    requests[i].m.target.data) && back.body.len ==
			    requests[i].m.body.len, true);
		free(exact);
		for (len = 0; len < payload.len; len++) {
			exact = check_exact(payload.data, len);
			if (report_request_parse((struct text){ exact, len },
			    &back))
				check_bool("cut", true, false);
			free(exact);
		}
		buffer_clear(&payload);
	}
}

static void
test_body_limit(void)
{
	struct report_request m = requests[1].m, back;
	struct buffer payload;
	char *body = calloc(1, REPORT_BODY_MAX + 1);
	size_t extra;

	for (extra = 0; extra < 2; extra++) {
		buffer_init(&payload, REPORT_MESSAGE_MAX);
		m.body = (struct text){ body, REPORT_BODY_MAX + extra };
		report_request_format(&m, &payload);
		check_bool(extra == 0 ? "the longest body" : "one octet more",
		    report_request_parse((struct text){ payload.data,
		    payload.len }, &back), extra == 0);
		buffer_clear(&payload);
	}
	free(body);
}

static void
test_results(void)
{
	struct report_result m, back;
	struct buffer payload;
	int outcome;

	for (outcome = 0; outcome <= REPORT_DOUBTFUL + 1; outcome++) {
		m = (struct report_result){ (enum report_outcome)outcome,
		    T("250 ok") };
		buffer_init(&payload, 100);
		report_result_format(&m, &payload);
		check_bool("result", report_result_parse((struct text){
		    payload.data, payload.len }, &back), outcome >=
		    REPORT_SENT && outcome <= REPORT_DOUBTFUL);
		check_bool("cut result", report_result_parse((struct text){
		    payload.data, payload.len - 1 }, &back), false);
		buffer_clear(&payload);
	}
}

int
main(void)
{
	test_requests();
	test_body_limit();
	test_results();
	return check_end();
}
