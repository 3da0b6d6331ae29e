/*
 * Messages about errands: there and back, cut, and refused.
 */

#include "shared/errand_message.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define T(s) { s, sizeof(s) - 1 }

static const struct {
	const char		*label;
	struct errand	 m;
	bool			 want;
} requests[] = {
	{ "a mail", { ERRAND_MAIL, T("a@b.example"),
	    T("inet:127.0.0.1:25"), T("r@us.example"), T("us.example"),
	    T("From: x\r\n\r\ny") }, true },
	{ "a post", { ERRAND_REPORT, T("https://b.example/r"), T(""), T(""),
	    T(""), T("\037\213") }, true },
	{ "a webhook", { ERRAND_WEBHOOK, T("http://127.0.0.1:8/x"), T(""),
	    T(""), T(""), T("{}") }, true },
	{ "no way", { 0, T("a@b.example"), T("inet:127.0.0.1:25"),
	    T("r@us.example"), T("us.example"), T("x") }, false },
	{ "another way", { 4, T("a@b.example"), T("inet:127.0.0.1:25"),
	    T("r@us.example"), T("us.example"), T("x") }, false },
	{ "no target", { ERRAND_REPORT, T(""), T(""), T(""), T(""), T("x") },
	    false },
	{ "a target with a line end", { ERRAND_MAIL,
	    T("a@b.example>\r\nDATA"), T("inet:127.0.0.1:25"),
	    T("r@us.example"), T("us.example"), T("x") }, false },
	{ "a sender with a line end", { ERRAND_MAIL, T("a@b.example"),
	    T("inet:127.0.0.1:25"), T("r@us.example\n"), T("us.example"),
	    T("x") }, false },
	{ "no relay", { ERRAND_MAIL, T("a@b.example"), T(""),
	    T("r@us.example"), T("us.example"), T("x") }, false },
	{ "no name of ours", { ERRAND_MAIL, T("a@b.example"),
	    T("inet:127.0.0.1:25"), T("r@us.example"), T(""), T("x") },
	    false },
	{ "no body", { ERRAND_REPORT, T("https://b.example/"), T(""), T(""),
	    T(""), T("") }, false },
};

static void
test_requests(void)
{
	struct errand back;
	struct buffer payload;
	char *exact;
	size_t i, len;

	for (i = 0; i < ROWS(requests); i++) {
		buffer_init(&payload, ERRAND_MESSAGE_MAX);
		errand_format(&requests[i].m, &payload);
		exact = check_exact(payload.data, payload.len);
		check_bool(requests[i].label, errand_parse(
		    (struct text){ exact, payload.len }, &back),
		    requests[i].want);
		if (requests[i].want)
			check_bool("comes back", text_equals(back.target,
			    requests[i].m.target.data) && back.body.len ==
			    requests[i].m.body.len, true);
		free(exact);
		for (len = 0; len < payload.len; len++) {
			exact = check_exact(payload.data, len);
			if (errand_parse((struct text){ exact, len },
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
	struct errand m = requests[1].m, back;
	struct buffer payload;
	char *body = calloc(1, ERRAND_BODY_MAX + 1);
	size_t extra;

	for (extra = 0; extra < 2; extra++) {
		buffer_init(&payload, ERRAND_MESSAGE_MAX);
		m.body = (struct text){ body, ERRAND_BODY_MAX + extra };
		errand_format(&m, &payload);
		check_bool(extra == 0 ? "the longest body" : "one octet more",
		    errand_parse((struct text){ payload.data,
		    payload.len }, &back), extra == 0);
		buffer_clear(&payload);
	}
	free(body);
}

static void
test_results(void)
{
	struct errand_result m, back;
	struct buffer payload;
	int outcome;

	for (outcome = 0; outcome <= ERRAND_DOUBTFUL + 1; outcome++) {
		m = (struct errand_result){ (enum errand_outcome)outcome,
		    T("250 ok") };
		buffer_init(&payload, 100);
		errand_result_format(&m, &payload);
		check_bool("result", errand_result_parse((struct text){
		    payload.data, payload.len }, &back), outcome >=
		    ERRAND_DONE && outcome <= ERRAND_DOUBTFUL);
		check_bool("cut result", errand_result_parse((struct text){
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
