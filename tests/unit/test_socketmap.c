/*
 * Requests and replies of socketmap_table(5): each refusal, each proper prefix,
 * and requests that come together.
 */

#include "shared/postfix/socketmap.h"

#include "tests/unit/check.h"

#define T(s)	{ (s), sizeof(s) - 1 }

static const struct {
	const char	*label;
	struct text	 input;
	const char	*map, *key;
} good_rows[] = {
	{ "a domain", T("15:QUERY a.example,"), "QUERY", "a.example" },
	{ "the key may be empty", T("6:QUERY ,"), "QUERY", "" },
	{ "the map's name may be empty", T("4: key,"), "", "key" },
	{ "the first blank ends the name", T("7:QUERY  ,"), "QUERY", " " },
	{ "blanks, brackets, colons, commas in the key",
	    T("16:QUERY [a]:25 b,c,"), "QUERY", "[a]:25 b,c" },
	{ "a U-label", T("11:QUERY \303\274.de,"), "QUERY", "\303\274.de" },
	{ "a line end is no NUL", T("8:QUERY \r\n,"), "QUERY", "\r\n" }
};

static const struct {
	const char	*label;
	struct text	 input;
	const char	*why;
} bad_rows[] = {
	{ "letters in the length", T("1x:QUERY a,"), "no number" },
	{ "letters first", T("QUERY a,"), "no number" },
	{ "no length", T(":QUERY a,"), "no number" },
	{ "a sign", T("+7:QUERY a,"), "no number" },
	{ "a negative length", T("-7:QUERY a,"), "no number" },
	{ "a blank before the length", T(" 7:QUERY a,"), "no number" },
	{ "a blank after the length", T("7 :QUERY a,"), "no number" },
	{ "a NUL in the length", T("7\0:QUERY a,"), "no number" },
	{ "HTTP", T("GET / HTTP/1.0\r\n\r\n"), "no number" },
	{ "TLS", T("\026\003\001\002"), "no number" },
	{ "a leading zero", T("07:QUERY a,"), "begins with a zero" },
	{ "nothing", T("0:,"), "begins with a zero" },
	{ "one octet too long, at its last digit", T("10241"), "too long" },
	{ "a length that would wrap", T("18446744073709551623:QUERY a,"),
	    "too long" },
	{ "no comma", T("7:QUERY a;"), "no comma" },
	{ "longer than it says", T("7:QUERY ab,"), "no comma" },
	{ "a NUL in the key", T("9:QUERY a\0b,"), "NUL" },
	{ "a NUL in the map's name", T("8:QU\0RY ab,"), "NUL" },
	{ "no blank", T("5:QUERY,"), "no blank" },
	{ "one octet", T("1:x,"), "no blank" }
};

static enum socketmap_result
parse(const char *data, size_t len, struct socketmap_request *out,
    size_t *used, const char **why)
{
	char *exact = check_exact(data, len);
	enum socketmap_result result;

	result = socketmap_parse(exact, len, out, used, why);
	if (result == SOCKETMAP_DONE) {
		/* The slices must survive the copy. */
		out->map.data = data + (out->map.data - exact);
		out->key.data = data + (out->key.data - exact);
	}
	free(exact);
	return result;
}

static void
test_good(void)
{
	struct socketmap_request request;
	const char *why;
	size_t i, used, len;

	for (i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		struct text t = good_rows[i].input;

		check_int(good_rows[i].label, parse(t.data, t.len, &request,
		    &used, &why), SOCKETMAP_DONE);
		check_int("all of it is used", (int64_t)used, (int64_t)t.len);
		check_bool("map", text_equals(request.map, good_rows[i].map),
		    true);
		check_bool("key", text_equals(request.key, good_rows[i].key),
		    true);
		for (len = 0; len < t.len; len++)
			if (parse(t.data, len, &request, &used, &why) !=
			    SOCKETMAP_MORE)
				break;
		check_int("each proper prefix wants more", (int64_t)len,
		    (int64_t)t.len);
	}
}

static void
test_bad(void)
{
	struct socketmap_request request;
	const char *why;
	size_t i, used;

	for (i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		used = 99;
		why = "";
		check_int(bad_rows[i].label, parse(bad_rows[i].input.data,
		    bad_rows[i].input.len, &request, &used, &why),
		    SOCKETMAP_BAD);
		check_contains("its reason", why, bad_rows[i].why);
		check_int("nothing is used", (int64_t)used, 99);
	}
}

static void
test_several(void)
{
	static const char data[] = "7:QUERY a,8:QUERY bb,9:QUERY c";
	struct socketmap_request request;
	const char *why;
	size_t used, at = 0;

	check_int("the first of several", parse(data, sizeof(data) - 1,
	    &request, &used, &why), SOCKETMAP_DONE);
	check_bool("its key", text_equals(request.key, "a"), true);
	at += used;
	check_int("the second", parse(data + at, sizeof(data) - 1 - at,
	    &request, &used, &why), SOCKETMAP_DONE);
	check_bool("its key", text_equals(request.key, "bb"), true);
	at += used;
	check_int("the third is begun", parse(data + at,
	    sizeof(data) - 1 - at, &request, &used, &why), SOCKETMAP_MORE);
}

static void
test_longest(void)
{
	struct socketmap_request request;
	struct buffer b;
	const char *why;
	size_t used;
	char *key;

	key = malloc(SOCKETMAP_REQUEST_MAX);
	if (key == NULL)
		abort();
	memset(key, 'k', SOCKETMAP_REQUEST_MAX);
	memcpy(key, "QUERY ", 6);
	buffer_init(&b, SOCKETMAP_REPLY_MAX + 16);
	socketmap_format(&b, (struct text){ key, SOCKETMAP_REQUEST_MAX });
	check_int("the longest request", parse(b.data, b.len, &request, &used,
	    &why), SOCKETMAP_DONE);
	check_int("its key", (int64_t)request.key.len,
	    SOCKETMAP_REQUEST_MAX - 6);
	buffer_clear(&b);
	free(key);
}

static void
test_format(void)
{
	static const char *const payloads[] = { "", "NOTFOUND ",
	    "OK secure match=a.example:b.example servername=hostname" };
	static const char *const wanted[] = { "0:,", "9:NOTFOUND ,",
	    "55:OK secure match=a.example:b.example servername=hostname," };
	struct buffer b;
	char *longest;
	size_t i;

	buffer_init(&b, SOCKETMAP_REPLY_MAX + 16);
	for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		buffer_reset(&b);
		socketmap_format(&b, text_of(payloads[i]));
		check_text("a reply", buffer_text(&b), wanted[i]);
	}
	longest = calloc(1, SOCKETMAP_REPLY_MAX);
	if (longest == NULL)
		abort();
	buffer_reset(&b);
	socketmap_format(&b,
	    (struct text){ longest, SOCKETMAP_REPLY_MAX });
	check_int("the longest reply", (int64_t)b.len,
	    SOCKETMAP_REPLY_MAX + 8);
	free(longest);
	buffer_clear(&b);
}

int
main(void)
{
	test_good();
	test_bad();
	test_several();
	test_longest();
	test_format();
	return check_end();
}
