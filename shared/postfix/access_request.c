/*
 * Postfix's access policy delegation protocol (SMTPD_POLICY_README): lines
 * name=value closed by an empty line; and the one reply line.  The lines are
 * read once, when the empty one is there; attributes that Hopseal does not read
 * are passed over, as each release of Postfix may add some.
 */

#include "shared/postfix/access_request.h"

#include <string.h>

#define AT(field)	offsetof(struct access_request, field)

/* In the order in which Postfix sends them. */
static const struct attribute {
	const char	*name;
	size_t		 offset;
} attributes[] = {
	{ "protocol_state",	AT(protocol_state) },
	{ "protocol_name",	AT(protocol_name) },
	{ "client_address",	AT(client_address) },
	{ "client_name",	AT(client_name) },
	{ "client_port",	AT(client_port) },
	{ "server_address",	AT(server_address) },
	{ "server_port",	AT(server_port) },
	{ "helo_name",		AT(helo_name) },
	{ "sender",		AT(sender) },
	{ "recipient",		AT(recipient) },
	{ "recipient_count",	AT(recipient_count) },
	{ "queue_id",		AT(queue_id) },
	{ "instance",		AT(instance) },
	{ "sasl_method",	AT(sasl_method) },
	{ "sasl_username",	AT(sasl_username) },
	{ "ccert_subject",	AT(ccert_subject) },
	{ "ccert_issuer",	AT(ccert_issuer) },
	{ "ccert_fingerprint",	AT(ccert_fingerprint) },
	{ "encryption_protocol", AT(encryption_protocol) },
	{ "encryption_cipher",	AT(encryption_cipher) },
	{ "encryption_keysize",	AT(encryption_keysize) },
	{ "tls_sni",		AT(tls_sni) },
	{ "policy_context",	AT(policy_context) },
	{ "mail_version",	AT(mail_version) }
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

	for (n = 0; n < ATTRIBUTE_COUNT; n++) {
		i = (hint + n) % ATTRIBUTE_COUNT;
		if (text_equals(name, attributes[i].name))
			return i;
	}
	return ATTRIBUTE_COUNT;
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
	struct text type = { data, 0 }, rest, line, name, value;
	size_t i, window, next = 0;
	const char *end;

	if (len == 0)
		return ACCESS_REQUEST_MORE;
	window = len < ACCESS_REQUEST_MAX_BYTES ? len :
	    ACCESS_REQUEST_MAX_BYTES;
	end = memmem(data, window, "\n\n", 2);
	if (end == NULL && len < ACCESS_REQUEST_MAX_BYTES)
		return ACCESS_REQUEST_MORE;
	if (end == NULL) {
		*why = "policy request: too long";
		return ACCESS_REQUEST_BAD;
	}
	rest = (struct text){ data, (size_t)(end - data) };
	if (memchr(rest.data, '\0', rest.len) != NULL) {
		*why = "policy request: a NUL in it";
		return ACCESS_REQUEST_BAD;
	}
	for (i = 0; i < ATTRIBUTE_COUNT; i++)
		*request_field(&request, attributes[i].offset) =
		    (struct text){ data, 0 };
	while (text_next_field(&rest, '\n', &line)) {
		value = line;
		text_next_field(&value, '=', &name);
		if (value.data == NULL) {
			*why = "policy request: a line without \"=\"";
			return ACCESS_REQUEST_BAD;
		}
		if (text_equals(name, "request"))
			type = value;
		i = attribute_find(name, next);
		if (i == ATTRIBUTE_COUNT)
			continue;
		*request_field(&request, attributes[i].offset) = value;
		next = i + 1;
	}
	if (!text_equals(type, "smtpd_access_policy")) {
		*why = "policy request: no request=smtpd_access_policy";
		return ACCESS_REQUEST_BAD;
	}
	*out = request;
	*used = (size_t)(end - data) + 2;
	return ACCESS_REQUEST_DONE;
}

void
access_reply_format(struct buffer *b, struct text action)
{
	char line[ACCESS_REPLY_LINE_MAX - sizeof("action=") + 1];

	buffer_addf(b, "action=%s\n\n",
	    text_quote(line, sizeof(line), action));
}
