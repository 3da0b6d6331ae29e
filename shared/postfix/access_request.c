/*
 * Postfix's access policy delegation protocol (SMTPD_POLICY_README): lines
 * name=value closed by an empty line; and the one reply line.  The lines are
 * read once, when the empty one is there; attributes that Hopseal does not read
 * are passed over, as each release of Postfix may add some.
 */

#include "shared/postfix/access_request.h"

#include <string.h>

#define ROW(name) \
	{ #name, sizeof(#name) - 1, offsetof(struct access_request, name) }

/* In the order in which Postfix sends them. */
static const struct attribute {
	const char	*name;
	size_t		 name_len, offset;
} attributes[] = {
	ROW(protocol_state), ROW(protocol_name),
	ROW(client_address), ROW(client_name), ROW(client_port),
	ROW(server_address), ROW(server_port), ROW(helo_name),
	ROW(sender), ROW(recipient), ROW(recipient_count),
	ROW(queue_id), ROW(instance), ROW(sasl_method), ROW(sasl_username),
	ROW(ccert_subject), ROW(ccert_issuer), ROW(ccert_fingerprint),
	ROW(encryption_protocol), ROW(encryption_cipher),
	ROW(encryption_keysize),
	ROW(tls_sni), ROW(policy_context), ROW(mail_version)
};

#define ATTRIBUTE_COUNT	(sizeof(attributes) / sizeof(attributes[0]))

static struct text *
request_field(struct access_request *request, size_t offset)
{
	return (struct text *)(void *)((char *)request + offset);
}

/*
 * The index of name, or ATTRIBUTE_COUNT.  The search begins at hint: the row
 * after the last one found is the likeliest.
 */
static size_t
attribute_find(struct text name, size_t hint)
{
	size_t i, n;

	for (n = 0, i = hint; n < ATTRIBUTE_COUNT; n++, i++) {
		if (i >= ATTRIBUTE_COUNT)
			i = 0;
		if (name.len == attributes[i].name_len &&
		    memcmp(name.data, attributes[i].name, name.len) == 0)
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
	struct access_request request;
	struct text type = { data, 0 }, rest = { data, len }, line, name, value;
	size_t i, next = 0;

	if (rest.len > ACCESS_REQUEST_MAX_BYTES)
		rest.len = ACCESS_REQUEST_MAX_BYTES;
	if (!has_end(rest.data, rest.len)) {
		if (len < ACCESS_REQUEST_MAX_BYTES)
			return ACCESS_REQUEST_MORE;
		*why = "policy request: too long";
		return ACCESS_REQUEST_BAD;
	}
	for (i = 0; i < ATTRIBUTE_COUNT; i++)
		*request_field(&request, attributes[i].offset) =
		    (struct text){ data, 0 };
	text_next_field(&rest, '\n', &line);
	do {
		value = line;
		text_next_field(&value, '=', &name);
		if (value.data == NULL) {
			*why = "policy request: a line without \"=\"";
			return ACCESS_REQUEST_BAD;
		}
		i = attribute_find(name, next);
		if (i < ATTRIBUTE_COUNT) {
			*request_field(&request, attributes[i].offset) = value;
			next = i + 1;
		} else if (text_equals(name, "request"))
			type = value;
	} while (text_next_field(&rest, '\n', &line) && line.len > 0);
	if (memchr(data, '\0', (size_t)(line.data - data)) != NULL) {
		*why = "policy request: a NUL in it";
		return ACCESS_REQUEST_BAD;
	}
	if (!text_equals(type, "smtpd_access_policy")) {
		*why = "policy request: no request=smtpd_access_policy";
		return ACCESS_REQUEST_BAD;
	}
	*out = request;
	*used = (size_t)(line.data - data) + 1;
	return ACCESS_REQUEST_DONE;
}

void
access_reply_format(struct buffer *b, struct text action)
{
	char line[ACCESS_REPLY_LINE_MAX - sizeof("action=") + 1];

	buffer_addf(b, "action=%s\n\n",
	    text_quote(line, sizeof(line), action));
}
