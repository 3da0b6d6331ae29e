/*
 * Headers, parameters, multiparts and transfer encodings (RFC 2045, 2046,
 * 2231).
 */

#include "shared/tlsrpt/mime.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static char *
copy_of(struct text t)
{
	char *copy = calloc(1, t.len + 1);

	if (copy == NULL)
		abort();
	if (t.len > 0)
		memcpy(copy, t.data, t.len);
	return copy;
}

static void
check_slice(const char *label, struct text got, const char *want)
{
	char *copy = copy_of(got);

	check_text(label, copy, want);
	free(copy);
}

static void
test_headers(void)
{
	static const char mail[] = "From x Sat Nov 21\r\nno header\r\n"
	    "A: b\r\nC :\td\r\n\te  \r\n f\r\nEmpty:\r\n\r\nbody\r\n\r\nmore";
	struct text whole = text_of(mail), headers, body, name, value;

	mime_split(whole, &headers, &body);
	check_slice("body", body, "body\r\n\r\nmore");
	check_bool("a header", mime_next_header(&headers, &name, &value),
	    true);
	check_slice("its name", name, "A");
	check_slice("its value", value, "b");
	check_bool("a folded one", mime_next_header(&headers, &name, &value),
	    true);
	check_slice("its name", name, "C");
	check_slice("its value", value, "d\r\n\te  \r\n f");
	check_bool("an empty one", mime_next_header(&headers, &name, &value),
	    true);
	check_slice("its value", value, "");
	check_bool("no more", mime_next_header(&headers, &name, &value),
	    false);

	mime_split(text_of("A: b\nC: d"), &headers, &body);
	check_int("no body", (int64_t)body.len, 0);
	check_slice("all headers", headers, "A: b\nC: d");
	mime_split(text_of("\nx"), &headers, &body);
	check_int("no headers", (int64_t)headers.len, 0);
	check_slice("all body", body, "x");
	mime_split((struct text){ NULL, 0 }, &headers, &body);
	check_bool("nothing", mime_next_header(&headers, &name, &value),
	    false);
}

static void
test_parameters(void)
{
	static const struct {
		const char *label, *value, *want;	/* of "name" */
	} rows[] = {
		{ "plain", "a/b; name=c", "c" },
		{ "quoted", "a/b; name=\"c; d\"; x=y", "c; d" },
		{ "quotes in quotes", "a/b; name=\"c\\\"\\\\d\"", "c\"\\d" },
		{ "letter case and blanks", "a/b ;\r\n\tNAME = c ; x=y", "c" },
		{ "behind a quoted one", "a/b; x=\"; name=no\"; name=c",
		    "c" },
		{ "empty", "a/b; name=", "" },
		{ "RFC 2231", "a/b; name*=utf-8'en'c%21d%2", "c!d%2" },
		{ "RFC 2231 without a charset", "a/b; name*=c%21", "c!" },
		{ "sections", "a/b; name*0=\"c\"; name*1=d; name*2=\"e\"",
		    "cde" },
		{ "encoded sections", "a/b; name*0*=''c%21; name*1*=d%21'e",
		    "c!d!'e" },
		{ "folded inside of quotes", "a/b; name=\"c\r\n d\"", "c d" },
		{ "an open quote", "a/b; name=\"c; d", "\"c; d" },
		{ "a percent sign of its own", "a/b; name=c%21", "c%21" },
		{ "none", "a/b; filename=c", NULL },
		{ "no parameters", "a/b", NULL },
		{ "no value", "a/b; name", NULL },
		{ "nothing", "", NULL },
		{ "an encoded NUL", "a/b; name*=c%00d", NULL },
		{ "longer than its room", "a/b; name=0123456789012345", NULL },
		{ "just not", "a/b; name=012345678901234", "012345678901234" },
	};
	char out[16], *exact;
	size_t i, len;
	bool is_found;

	for (i = 0; i < ROWS(rows); i++) {
		len = strlen(rows[i].value);
		exact = check_exact(rows[i].value, len);
		is_found = mime_parameter((struct text){ exact, len }, "name",
		    out, sizeof(out));
		check_text(rows[i].label, is_found ? out : NULL,
		    rows[i].want);
		free(exact);
	}
	check_slice("the type", mime_token(text_of("A/b ; c=d")), "A/b");
	check_slice("alone", mime_token(text_of("a/b")), "a/b");
	check_slice("nothing", mime_token((struct text){ NULL, 0 }), "");
}

static void
test_parts(void)
{
	static const struct {
		const char *label, *body, *want;	/* "[part]..." */
	} rows[] = {
		{ "two", "--b\na\n--b\nc\n--b--\n", "[a][c]" },
		{ "CR LF", "--b\r\na\r\n\r\n--b\r\nc\r\n--b--\r\n",
		    "[a\r\n][c]" },
		{ "preamble and epilogue", "x\n--b\na\n--b--\ny\n--b\nz\n",
		    "[a]" },
		{ "blanks behind", "--b \t\na\n--b-- \n", "[a]" },
		{ "empty", "--b\n--b\n\n--b--", "[][]" },
		{ "longer boundary", "--b\na\n--bc\nd\n--b--\n",
		    "[a\n--bc\nd]" },
		{ "no end", "--b\na\n--b\nc\n", "[a][c\n]" },
		{ "no boundary", "a\nb\n", "" },
		{ "only the end", "--b--\n", "" },
		{ "not at a line's begin", "x--b\na\n", "" },
		{ "nothing", "", "" },
	};
	struct text rest, part;
	char got[256], *copy, *exact;
	size_t i, len;

	for (i = 0; i < ROWS(rows); i++) {
		len = strlen(rows[i].body);
		exact = check_exact(rows[i].body, len);
		rest = (struct text){ exact, len };
		got[0] = '\0';
		while (mime_next_part(&rest, "b", &part)) {
			copy = copy_of(part);
			strcat(strcat(strcat(got, "["), copy), "]");
			free(copy);
		}
		check_text(rows[i].label, got, rows[i].want);
		free(exact);
	}
}

static void
test_encodings(void)
{
	static const struct {
		const char *label, *encoding, *body, *want;
	} rows[] = {
		{ "none", "", "a\r\nb", "a\r\nb" },
		{ "8bit", "8BIT", "a\374", "a\374" },
		{ "base64", "base64", "YWJj", "abc" },
		{ "letter case", "Base64", "YWI=", "ab" },
		{ "one octet", "base64", "YQ==", "a" },
		{ "line ends", "base64", "YW\r\nJj\r\n", "abc" },
		{ "what is no base64", "base64", "Y W!J\377j", "abc" },
		{ "no padding", "base64", "YWI", "ab" },
		{ "half an octet", "base64", "YWJjY", "abc" },
		{ "behind the padding", "base64", "YQ==YQ==", "a" },
		{ "quoted-printable", "quoted-printable", "a=3Db=\r\nc \r\nd",
		    "a=bc\nd" },
		{ "broken", "Quoted-Printable", "a=3=zz=", "a=3=zz" },
		{ "unknown", "x-uuencode", "a", NULL },
	};
	struct buffer out;
	size_t i, len;
	char *exact;
	bool is_known;

	for (i = 0; i < ROWS(rows); i++) {
		len = strlen(rows[i].body);
		exact = check_exact(rows[i].body, len);
		buffer_init(&out, 100);
		is_known = mime_decode(text_of(rows[i].encoding),
		    (struct text){ exact, len }, &out);
		check_text(rows[i].label, is_known ? buffer_text(&out) : NULL,
		    rows[i].want);
		buffer_clear(&out);
		free(exact);
	}
	buffer_init(&out, 2);
	check_bool("beyond the limit", mime_decode(text_of("base64"),
	    text_of("YWJj"), &out), false);
	buffer_clear(&out);
}

static void
test_base64(void)
{
	char octets[300];
	struct buffer lines, again;
	struct text rest, line;
	size_t i, longest = 0;
	bool is_same = true;

	for (i = 0; i < sizeof(octets); i++)
		octets[i] = (char)(i * 7);
	for (i = 0; i <= sizeof(octets); i++) {
		buffer_init(&lines, 1000);
		buffer_init(&again, 1000);
		mime_add_base64((struct text){ octets, i }, &lines);
		mime_decode(text_of("base64"), (struct text){
		    buffer_text(&lines), lines.len }, &again);
		is_same &= again.len == i && (i == 0 ||
		    memcmp(again.data, octets, i) == 0);
		rest = (struct text){ buffer_text(&lines), lines.len };
		while (text_next_line(&rest, &line))
			if (line.len > longest)
				longest = line.len;
		buffer_clear(&lines);
		buffer_clear(&again);
	}
	check_bool("any length comes back", is_same, true);
	check_int("in lines of", (int64_t)longest, MIME_LINE_BYTES);
}

int
main(void)
{
	test_headers();
	test_parameters();
	test_parts();
	test_encodings();
	test_base64();
	return check_end();
}
