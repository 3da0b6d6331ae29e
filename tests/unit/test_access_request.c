/*
 * Requests of Postfix's policy delegation protocol: whole ones as releases from
 * 3.4 to 3.12 send them (tests/data/access_request), each refusal, each proper
 * prefix, and requests that come together.
 */

#include "shared/postfix/access_request.h"

#include <glob.h>

#include "tests/unit/check.h"

#define T(s)	{ (s), sizeof(s) - 1 }
#define REQUEST	"request=smtpd_access_policy\n"

static const struct {
	const char	*label;
	struct text	 input;
	const char	*sender;
} good_rows[] = {
	{ "the least", T(REQUEST "\n"), "" },
	{ "a value", T(REQUEST "sender=a@b.example\n\n"), "a@b.example" },
	{ "request= may stand anywhere", T("sender=a\n" REQUEST "\n"), "a" },
	{ "a value may hold =", T(REQUEST "sender=a=b=\n\n"), "a=b=" },
	{ "a value may hold anything but NUL and LF",
	    T(REQUEST "sender=\"a b\"@\303\274.example\r\t\177\n\n"),
	    "\"a b\"@\303\274.example\r\t\177" },
	{ "of a repeated attribute the last counts",
	    T(REQUEST "sender=a\nsender=b\n\n"), "b" },
	{ "an empty value", T(REQUEST "sender=a\nsender=\n\n"), "" },
	{ "unknown attributes are ignored",
	    T(REQUEST "new_in_4=x\nSENDER=x\nsender_=x\nsende=x\n=x\n"
	    "sender=a\n\n"), "a" }
};

static const struct {
	const char	*label;
	struct text	 input;
	const char	*why;
} bad_rows[] = {
	{ "no request=", T("sender=a\n\n"), "no request=" },
	{ "an empty request=", T("request=\n\n"), "no request=" },
	{ "another request", T("request=junk\n\n"), "no request=" },
	{ "the last request= counts", T(REQUEST "request=junk\n\n"),
	    "no request=" },
	{ "names have one case", T("REQUEST=smtpd_access_policy\n\n"),
	    "no request=" },
	{ "a line without =", T(REQUEST "sender\n\n"), "a line without" },
	{ "an empty line alone", T("\n"), "no line" },
	{ "two empty lines", T("\n\n"), "no line" },
	{ "an empty line first", T("\n" REQUEST "\n"), "no line" },
	{ "garbage", T("\001\002\377\n\n"), "a line without" },
	{ "HTTP", T("GET / HTTP/1.0\n\n"), "a line without" },
	{ "a NUL in a value", T(REQUEST "sender=a\0b\n\n"), "NUL" },
	{ "a NUL in a name", T(REQUEST "sen\0der=a\n\n"), "NUL" }
};

static enum access_request_result
parse(const char *data, size_t len, struct access_request *out, size_t *used,
    const char **why)
{
	char *exact = check_exact(data, len);
	enum access_request_result result;

	result = access_request_parse(exact, len, out, used, why);
	if (result == ACCESS_REQUEST_DONE)
		out->sender.data = data + (out->sender.data - exact);
	free(exact);
	return result;
}

/* The shortest prefix that is not answered by "more". */
static size_t
first_decided(const char *data, size_t len)
{
	struct access_request request;
	const char *why;
	size_t i, used;

	for (i = 0; i < len; i++)
		if (parse(data, i, &request, &used, &why) !=
		    ACCESS_REQUEST_MORE)
			break;
	return i;
}

static void
test_good(void)
{
	struct access_request request;
	const char *why;
	size_t i, used;

	for (i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		struct text t = good_rows[i].input;

		check_int(good_rows[i].label, parse(t.data, t.len, &request,
		    &used, &why), ACCESS_REQUEST_DONE);
		check_int("all of it is used", (int64_t)used, (int64_t)t.len);
		check_bool("sender", text_equals(request.sender,
		    good_rows[i].sender), true);
		check_int("each proper prefix wants more",
		    (int64_t)first_decided(t.data, t.len), (int64_t)t.len);
	}
}

static void
test_bad(void)
{
	struct access_request request;
	const char *why;
	size_t i, used;

	for (i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		used = 99;
		why = "";
		check_int(bad_rows[i].label, parse(bad_rows[i].input.data,
		    bad_rows[i].input.len, &request, &used, &why),
		    ACCESS_REQUEST_BAD);
		check_contains("its reason", why, bad_rows[i].why);
		check_int("nothing is used", (int64_t)used, 99);
	}
}

static void
test_several(void)
{
	static const char data[] = REQUEST "sender=a\n\n" REQUEST
	    "sender=b\n\n" REQUEST "sender=c\n";
	struct access_request request;
	const char *why;
	size_t used, at = 0;

	check_int("the first of several", parse(data, sizeof(data) - 1,
	    &request, &used, &why), ACCESS_REQUEST_DONE);
	check_bool("its sender", text_equals(request.sender, "a"), true);
	at += used;
	check_int("the second", parse(data + at, sizeof(data) - 1 - at,
	    &request, &used, &why), ACCESS_REQUEST_DONE);
	check_bool("its sender", text_equals(request.sender, "b"), true);
	at += used;
	check_int("the third is begun", parse(data + at,
	    sizeof(data) - 1 - at, &request, &used, &why),
	    ACCESS_REQUEST_MORE);
}

/* A request of exactly len octets. */
static char *
padded(size_t len)
{
	char *data = malloc(len);

	if (data == NULL)
		abort();
	memset(data, 'x', len);
	memcpy(data, REQUEST "stress=", sizeof(REQUEST "stress=") - 1);
	memcpy(data + len - 2, "\n\n", 2);
	return data;
}

static void
test_limit(void)
{
	struct access_request request;
	const char *why = "";
	size_t used;
	char *data;

	data = padded(ACCESS_REQUEST_MAX_BYTES);
	check_int("the longest request", parse(data,
	    ACCESS_REQUEST_MAX_BYTES, &request, &used, &why),
	    ACCESS_REQUEST_DONE);
	check_int("one octet before its end", parse(data,
	    ACCESS_REQUEST_MAX_BYTES - 1, &request, &used, &why),
	    ACCESS_REQUEST_MORE);
	free(data);
	data = padded(ACCESS_REQUEST_MAX_BYTES + 1);
	check_int("one octet too long", parse(data,
	    ACCESS_REQUEST_MAX_BYTES + 1, &request, &used, &why),
	    ACCESS_REQUEST_BAD);
	check_contains("its reason", why, "too long");
	check_int("too long is known before the end comes", parse(data,
	    ACCESS_REQUEST_MAX_BYTES, &request, &used, &why),
	    ACCESS_REQUEST_BAD);
	free(data);
}

static void
test_all_fields(void)
{
	static const char data[] = "request=smtpd_access_policy\n"
	    "protocol_state=1\nprotocol_name=2\nclient_address=3\n"
	    "client_name=4\nclient_port=5\nreverse_client_name=-\n"
	    "server_address=6\nserver_port=7\nhelo_name=8\nsender=9\n"
	    "recipient=10\nrecipient_count=11\nqueue_id=12\ninstance=13\n"
	    "size=-\netrn_domain=-\nstress=-\nsasl_method=14\n"
	    "sasl_username=15\nsasl_sender=-\nccert_subject=16\n"
	    "ccert_issuer=17\nccert_fingerprint=18\n"
	    "ccert_pubkey_fingerprint=-\nencryption_protocol=19\n"
	    "encryption_cipher=20\nencryption_keysize=21\ntls_sni=22\n"
	    "policy_context=23\ncompatibility_level=-\nmail_version=24\n\n";
	struct access_request r;
	const char *why;
	char number[8];
	size_t i, used;

	check_int("a request with all attributes", access_request_parse(data,
	    sizeof(data) - 1, &r, &used, &why), ACCESS_REQUEST_DONE);
	const struct text fields[] = { r.protocol_state, r.protocol_name,
	    r.client_address, r.client_name, r.client_port, r.server_address,
	    r.server_port, r.helo_name, r.sender, r.recipient,
	    r.recipient_count, r.queue_id, r.instance, r.sasl_method,
	    r.sasl_username, r.ccert_subject, r.ccert_issuer,
	    r.ccert_fingerprint, r.encryption_protocol, r.encryption_cipher,
	    r.encryption_keysize, r.tls_sni, r.policy_context,
	    r.mail_version };
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		snprintf(number, sizeof(number), "%zu", i + 1);
		check_bool(number, text_equals(fields[i], number), true);
	}
	check_int("no attribute is forgotten here",
	    (int64_t)(offsetof(struct access_request, begin) /
	    sizeof(struct text)), 24);
}

/* "No TLS" and "nobody says" differ. */
static void
test_absent(void)
{
	static const char data[] = REQUEST "ccert_issuer=x\n"
	    "encryption_protocol=\n\n";
	struct access_request r;
	const char *why;
	size_t used;

	check_int("a request of few", access_request_parse(data,
	    sizeof(data) - 1, &r, &used, &why), ACCESS_REQUEST_DONE);
	check_bool("one with a value is there",
	    access_request_has(&r, r.ccert_issuer), true);
	check_bool("an empty one is there",
	    access_request_has(&r, r.encryption_protocol), true);
	check_bool("one that was not sent is not",
	    access_request_has(&r, r.ccert_subject), false);
	check_int("and is empty", (int64_t)r.ccert_subject.len, 0);
}

/* Every saved request is whole, alone and before another one. */
static void
test_files(void)
{
	static char data[ACCESS_REQUEST_MAX_BYTES];
	struct access_request request;
	const char *why;
	size_t i, len, used;
	glob_t files;
	FILE *file;

	if (glob("tests/data/access_request/*.ok", 0, NULL, &files) != 0) {
		check_note(false, "tests/data/access_request/*.ok");
		return;
	}
	for (i = 0; i < files.gl_pathc; i++) {
		file = fopen(files.gl_pathv[i], "rb");
		if (file == NULL)
			abort();
		len = fread(data, 1, sizeof(data) / 2, file);
		fclose(file);
		check_int(files.gl_pathv[i], (int64_t)first_decided(data, len),
		    (int64_t)len);
		memcpy(data + len, data, len);
		why = "";
		check_int("twice", parse(data, 2 * len, &request, &used, &why),
		    ACCESS_REQUEST_DONE);
		check_int("it ends where it should", (int64_t)used,
		    (int64_t)len);
		check_text("no reason is set", why, "");
	}
	globfree(&files);
}

static void
test_reply(void)
{
	char text[1000], want[ACCESS_REPLY_LINE_MAX + 2];
	struct buffer b;

	buffer_init(&b, 4096);
	access_reply_format(&b, text_of("DUNNO"));
	check_text("a reply", buffer_text(&b), "action=DUNNO\n\n");
	access_reply_format(&b, text_of("HOLD held"));
	check_text("behind another", buffer_text(&b),
	    "action=DUNNO\n\naction=HOLD held\n\n");
	buffer_reset(&b);
	access_reply_format(&b, (struct text)T("HOLD a\nb\rc\0d\303\274\177"));
	check_text("what is not printable ASCII", buffer_text(&b),
	    "action=HOLD a?b?c?d???\n\n");
	memset(text, 'x', sizeof(text));
	memset(want, 'x', sizeof(want));
	memcpy(want, "action=", 7);
	memcpy(want + ACCESS_REPLY_LINE_MAX - 4, "...\n\n", 6);
	buffer_reset(&b);
	access_reply_format(&b, (struct text){ text, sizeof(text) });
	check_text("a long one is cut", buffer_text(&b), want);
	buffer_reset(&b);
	access_reply_format(&b,
	    (struct text){ text, ACCESS_REPLY_LINE_MAX - 8 });
	check_int("the longest that is not", (int64_t)b.len,
	    ACCESS_REPLY_LINE_MAX + 1);
	check_bool("shows no dots", strchr(buffer_text(&b), '.') == NULL,
	    true);
	buffer_clear(&b);
}

int
main(void)
{
	test_good();
	test_bad();
	test_several();
	test_limit();
	test_all_fields();
	test_absent();
	test_files();
	test_reply();
	return check_end();
}
