/*
 * Redis' answers: each type, each limit, and that a stream may be cut anywhere.
 */

#include "shared/io/redis_reply.h"

#include <stdlib.h>
#include <string.h>

#include "shared/buffer.h"
#include "tests/unit/check.h"

static const struct {
	const char *label, *bytes;
	size_t len;		/* 0: strlen */
	const char *want;	/* as format writes it, or why */
	enum redis_reader_result result;
} rows[] = {
	{ "status", "+OK\r\n", 0, "+OK", REDIS_READER_DONE },
	{ "error", "-ERR no such\r\n", 0, "-ERR no such", REDIS_READER_DONE },
	{ "integer", ":-42\r\n", 0, ":-42", REDIS_READER_DONE },
	{ "text", "$5\r\nhello\r\n", 0, "\"hello\"", REDIS_READER_DONE },
	{ "empty text", "$0\r\n\r\n", 0, "\"\"", REDIS_READER_DONE },
	{ "binary text", "$4\r\na\r\n\0\r\n", 10, "\"a???\"",
	    REDIS_READER_DONE },
	{ "nil", "$-1\r\n", 0, "nil", REDIS_READER_DONE },
	{ "nil array", "*-1\r\n", 0, "nil", REDIS_READER_DONE },
	{ "empty array", "*0\r\n", 0, "[]", REDIS_READER_DONE },
	{ "array", "*3\r\n:1\r\n$-1\r\n+a\r\n", 0, "[:1 nil +a]",
	    REDIS_READER_DONE },
	{ "arrays in an array", "*2\r\n*1\r\n$1\r\na\r\n*0\r\n", 0,
	    "[[\"a\"] []]", REDIS_READER_DONE },

	{ "another protocol", "HTTP/1.1 400 Bad Request\r\n", 0, "no RESP2",
	    REDIS_READER_BAD },
	{ "empty line", "\r\n", 0, "no RESP2", REDIS_READER_BAD },
	{ "length without digits", "$x\r\nhello\r\n", 0, "no RESP2",
	    REDIS_READER_BAD },
	{ "negative length", "$-2\r\n", 0, "no RESP2", REDIS_READER_BAD },
	{ "negative count", "*-2\r\n", 0, "no RESP2", REDIS_READER_BAD },
	{ "bad element", "*1\r\nx\r\n", 0, "no RESP2", REDIS_READER_BAD },
	{ "arrays too deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
	    "*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", 0, "no RESP2",
	    REDIS_READER_BAD },
	{ "too many elements", "*65537\r\n", 0, "a reply of too many values",
	    REDIS_READER_BAD },
	{ "far too many elements", "*2147483647\r\n", 0,
	    "a reply of too many values", REDIS_READER_BAD },
	{ "too many elements below", "*2\r\n:1\r\n*65537\r\n", 0,
	    "a reply of too many values", REDIS_READER_BAD },
};

static void
format(const struct redis_reply *r, struct buffer *out)
{
	char quoted[64];
	size_t i;

	text_quote(quoted, sizeof(quoted), r->text);
	switch (r->type) {
	case REDIS_NIL:
		buffer_add_text(out, "nil");
		break;
	case REDIS_INTEGER:
		buffer_addf(out, ":%lld", (long long)r->integer);
		break;
	case REDIS_TEXT:
		buffer_addf(out, "\"%s\"", quoted);
		break;
	case REDIS_STATUS:
		buffer_addf(out, "+%s", quoted);
		break;
	case REDIS_ERROR:
		buffer_addf(out, "-%s", quoted);
		break;
	case REDIS_ARRAY:
		buffer_add_text(out, "[");
		for (i = 0; i < r->count; i++) {
			buffer_add_text(out, i > 0 ? " " : "");
			format(r->elements[i], out);
		}
		buffer_add_text(out, "]");
		break;
	}
}

/* Feeds the bytes up to cut, then the rest; returns the text of the outcome. */
static char *
read_cut(const char *bytes, size_t len, size_t cut,
    enum redis_reader_result *first, enum redis_reader_result *last)
{
	struct redis_reader *r = redis_reader_new();
	struct redis_reply *reply = NULL;
	const char *why = "";
	struct buffer out;
	char *exact;

	buffer_init(&out, 4096);
	exact = check_exact(bytes, cut);
	redis_reader_feed(r, exact, cut);
	free(exact);
	*first = *last = redis_reader_next(r, &reply, &why);
	if (*first == REDIS_READER_MORE) {
		exact = check_exact(bytes + cut, len - cut);
		redis_reader_feed(r, exact, len - cut);
		free(exact);
		*last = redis_reader_next(r, &reply, &why);
	}
	if (reply != NULL)
		format(reply, &out);
	else
		buffer_add_text(&out, why);
	redis_reply_free(reply);
	redis_reader_free(r);
	return buffer_take(&out);
}

static void
test_rows(void)
{
	enum redis_reader_result first, last;
	size_t i, cut, len;
	char *got;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = rows[i].len > 0 ? rows[i].len : strlen(rows[i].bytes);
		for (cut = 0; cut <= len; cut++) {
			got = read_cut(rows[i].bytes, len, cut, &first, &last);
			check_int(rows[i].label, last, rows[i].result);
			check_text(rows[i].label, got, rows[i].want);
			if (rows[i].result == REDIS_READER_DONE && cut < len)
				check_int("a prefix wants more", first,
				    REDIS_READER_MORE);
			free(got);
		}
	}
}

static void
test_several(void)
{
	struct redis_reader *r = redis_reader_new();
	struct redis_reply *reply;
	const char *why;
	int i, done = 0;

	for (i = 0; i < 100000; i++) {
		redis_reader_feed(r, "*1\r\n:7\r\n", 8);
		if (i % 10 != 9)
			continue;
		while (redis_reader_next(r, &reply, &why) ==
		    REDIS_READER_DONE) {
			done += reply->elements[0]->integer == 7;
			redis_reply_free(reply);
		}
	}
	check_int("limits are of one reply", done, 100000);
	redis_reader_free(r);
	redis_reader_free(NULL);
	redis_reply_free(NULL);
}

/* The largest text that is taken, and one that never ends. */
static void
test_bytes(void)
{
	static char chunk[65536];
	struct redis_reader *r = redis_reader_new();
	struct redis_reply *reply = NULL;
	const char *why = "";
	enum redis_reader_result result;
	size_t fed;

	redis_reader_feed(r, "$2097000\r\n", 10);
	for (fed = 0; fed < 2097000; fed += 1000)
		redis_reader_feed(r, chunk, 1000);
	check_int("large", redis_reader_next(r, &reply, &why),
	    REDIS_READER_MORE);
	redis_reader_feed(r, "\r\n", 2);
	check_int("large", redis_reader_next(r, &reply, &why),
	    REDIS_READER_DONE);
	redis_reply_free(reply);

	redis_reader_feed(r, "$999999999\r\n", 12);
	for (fed = 0; fed < 4u * REDIS_REPLY_BYTES_MAX;
	    fed += sizeof(chunk)) {
		redis_reader_feed(r, chunk, sizeof(chunk));
		result = redis_reader_next(r, &reply, &why);
		if (result != REDIS_READER_MORE)
			break;
	}
	check_int("endless", result, REDIS_READER_BAD);
	check_text("endless", why, "a reply of too many bytes");
	check_bool("endless ends early", fed <= REDIS_REPLY_BYTES_MAX +
	    sizeof(chunk), true);
	redis_reader_free(r);
}

int
main(void)
{
	test_rows();
	test_several();
	test_bytes();
	return check_end();
}
