/*
 * Postfix's access policy delegation protocol (SMTPD_POLICY_README): lines
 * name=value closed by an empty line; and the one reply line.  The lines are
 * read once, when the empty one is there; attributes that Hopseal does not read
 * are passed over, as each release of Postfix may add some.
 */

#include "shared/postfix/access_request.h"

#include <string.h>

struct reading {
	struct access_request	out;
	struct text		request;	/* what kind of request it is */
	struct text		passed_over;
};

#define ROW(name, field) \
	{ name "=", sizeof(name), offsetof(struct reading, field) }
#define TAKE(field)	ROW(#field, out.field)
#define PASS(name)	ROW(name, passed_over)

/*
 * In the order in which Postfix sends them, with those that are passed over,
 * so that each line is found at the first try.
 */
static const struct attribute {
	const char	*begin;		/* of its line */
	size_t		 begin_len, offset;
} attributes[] = {
	ROW("request", request), TAKE(protocol_state), TAKE(protocol_name),
	TAKE(client_address), TAKE(client_name), TAKE(client_port),
	PASS("reverse_client_name"), TAKE(server_address), TAKE(server_port),
	TAKE(helo_name), TAKE(sender), TAKE(recipient), TAKE(recipient_count),
	TAKE(queue_id), TAKE(instance), PASS("size"), PASS("etrn_domain"),
	PASS("stress"), TAKE(sasl_method), TAKE(sasl_username),
	PASS("sasl_sender"), TAKE(ccert_subject), TAKE(ccert_issuer),
	TAKE(ccert_fingerprint), PASS("ccert_pubkey_fingerprint"),
	TAKE(encryption_protocol), TAKE(encryption_cipher),
	TAKE(encryption_keysize), TAKE(tls_sni), TAKE(policy_context),
	PASS("compatibility_level"), TAKE(mail_version)
};

#define ATTRIBUTE_COUNT	(sizeof(attributes) / sizeof(attributes[0]))

static struct text *
reading_field(struct reading *reading, size_t offset)
{
	return (struct text *)(void *)((char *)reading + offset);
}

/*
 * The row that a line begins with, or ATTRIBUTE_COUNT.  The search begins at
 * hint: the row after the last one found is the likeliest.
 */
static size_t
attribute_find(struct text line, size_t hint)
{
	const struct attribute *a;
	size_t i, n;

	for (n = 0, i = hint; n < ATTRIBUTE_COUNT; n++, i++) {
		if (i >= ATTRIBUTE_COUNT)
			i = 0;
		a = &attributes[i];
		if (line.len >= a->begin_len &&
		    line.data[a->begin_len - 1] == '=' &&
		    memcmp(line.data, a->begin, a->begin_len) == 0)
			return i;
	}
	return ATTRIBUTE_COUNT;
}

/* Whether an empty line is there: nearly always as the last that came. */
static bool
has_end(const char *data, size_t len)
{
	return len >= 2 && (memcmp(data + len - 2, "\n\n", 2) == 0 ||
	    memmem(data, len, "\n\n", 2) != NULL);
}

/*
 * request   = 1*line LF
 * line      = name "=" value LF
 *
 * Neither holds NUL or LF; a value may hold "=".
 */
enum access_request_result
access_request_parse(const char *data, size_t len, struct access_request *out,
    size_t *used, const char **why)
{
	struct reading reading;
	struct text rest = { data, len }, line;
	size_t i, begin_len, next = 0;

	/* Its end before any line: what follows would never make it whole. */
	if (len > 0 && data[0] == '\n') {
		*why = "policy request: no line before its end";
		return ACCESS_REQUEST_BAD;
	}
	if (rest.len > ACCESS_REQUEST_MAX_BYTES)
		rest.len = ACCESS_REQUEST_MAX_BYTES;
	if (!has_end(rest.data, rest.len)) {
		if (len < ACCESS_REQUEST_MAX_BYTES)
			return ACCESS_REQUEST_MORE;
		*why = "policy request: too long";
		return ACCESS_REQUEST_BAD;
	}
	reading.out.begin = data;
	for (i = 0; i < ATTRIBUTE_COUNT; i++)
		*reading_field(&reading, attributes[i].offset) =
		    (struct text){ data, 0 };
	text_next_field(&rest, '\n', &line);
	do {
		i = attribute_find(line, next);
		if (i < ATTRIBUTE_COUNT) {
			begin_len = attributes[i].begin_len;
			*reading_field(&reading, attributes[i].offset) =
			    (struct text){ line.data + begin_len,
			    line.len - begin_len };
			next = i + 1;
		} else if (memchr(line.data, '=', line.len) == NULL) {
			*why = "policy request: a line without \"=\"";
			return ACCESS_REQUEST_BAD;
		}
	} while (text_next_field(&rest, '\n', &line) && line.len > 0);
	if (memchr(data, '\0', (size_t)(line.data - data)) != NULL) {
		*why = "policy request: a NUL in it";
		return ACCESS_REQUEST_BAD;
	}
	if (!text_equals(reading.request, "smtpd_access_policy")) {
		*why = "policy request: no request=smtpd_access_policy";
		return ACCESS_REQUEST_BAD;
	}
	*out = reading.out;
	*used = out->len = (size_t)(line.data - data) + 1;
	return ACCESS_REQUEST_DONE;
}

/* A value has at least its name before it. */
bool
access_request_has(const struct access_request *request, struct text field)
{
	return field.data != request->begin;
}

void
access_reply_format(struct buffer *b, struct text action)
{
	char line[ACCESS_REPLY_LINE_MAX - sizeof("action=") + 1];

	buffer_addf(b, "action=%s\n\n",
	    text_quote(line, sizeof(line), action));
}
