/*
 * What a key of smtp_tls_policy_maps names: a domain with MX hosts, one host,
 * or nothing that Hopseal looks up.  Postfix passes the next hop as it stands
 * in the recipient, transport(5) or relayhost, and asks again for ".parent"
 * names when there is no answer.
 */

#include "shared/postfix/next_hop.h"

#include <stdio.h>
#include <string.h>

#define HAS(key, c)	(memchr((key).data, (c), (key).len) != NULL)

/* What shows at first sight that a key names nothing; NULL when it may. */
static const char *
key_refusal(struct text key)
{
	size_t i;

	if (key.len == 0)
		return "the key is empty";
	if (key.len > NEXT_HOP_KEY_MAX)
		return "the key is too long";
	for (i = 0; i < key.len; i++)
		if ((unsigned char)key.data[i] <= ' ' || key.data[i] == 0x7f)
			return "a blank or control character in the key";
	if (key.data[0] == '.')
		return "a parent domain has no policy of its own";
	if (HAS(key, '@'))
		return "an address is no next hop";
	if (HAS(key, '/'))
		return "a path is no host";
	return NULL;
}

static bool
port_parse(struct text t, uint16_t *out)
{
	uint64_t port;

	if (text_equals(t, "smtp"))
		port = NEXT_HOP_SMTP_PORT;
	else if (text_equals(t, "submission"))
		port = 587;
	else if (!text_parse_u64(t, UINT16_MAX, &port) || port == 0)
		return false;
	*out = (uint16_t)port;
	return true;
}

/*
 * key       = name [":" port] / "[" name "]" [":" port]
 * port      = 1 to 65535 / "smtp" / "submission"
 */
void
next_hop_parse(struct text key, struct next_hop *out, const char **why)
{
	struct next_hop hop = { .kind = NEXT_HOP_DOMAIN,
	    .port = NEXT_HOP_SMTP_PORT };
	struct text rest = key, name;
	const char *refusal = key_refusal(key);
	bool has_port;

	*out = (struct next_hop){ .kind = NEXT_HOP_NONE };
	if (refusal != NULL) {
		*why = refusal;
		return;
	}
	if (key.data[0] == '[') {
		hop.kind = NEXT_HOP_HOST;
		rest.data++;
		rest.len--;
		text_next_field(&rest, ']', &name);
		if (rest.data == NULL) {
			*why = "a bracket is not closed";
			return;
		}
		has_port = rest.len > 0;
		if (has_port && rest.data[0] != ':') {
			*why = "text after the closing bracket";
			return;
		}
		rest.data += has_port;
		rest.len -= has_port;
	} else {
		text_next_field(&rest, ':', &name);
		has_port = rest.data != NULL;
	}
	if (HAS(name, ':') || (has_port && HAS(rest, ':'))) {
		*why = "an address literal has no policy";
		return;
	}
	if (has_port && !port_parse(rest, &hop.port)) {
		*why = "no port number after the colon";
		return;
	}
	if (host_name_normalize(name, hop.name, why) == -1)
		return;
	if (hop.kind == NEXT_HOP_DOMAIN && hop.port != NEXT_HOP_SMTP_PORT)
		hop.kind = NEXT_HOP_DOMAIN_PORT;
	*out = hop;
}

char *
next_hop_format(const struct next_hop *hop, char out[NEXT_HOP_TEXT_SIZE])
{
	switch (hop->kind) {
	case NEXT_HOP_NONE:
		out[0] = '\0';
		break;
	case NEXT_HOP_DOMAIN:
		memcpy(out, hop->name, strlen(hop->name) + 1);
		break;
	case NEXT_HOP_DOMAIN_PORT:
		snprintf(out, NEXT_HOP_TEXT_SIZE, "%s:%u", hop->name,
		    (unsigned)hop->port);
		break;
	case NEXT_HOP_HOST:
		snprintf(out, NEXT_HOP_TEXT_SIZE, "[%s]:%u", hop->name,
		    (unsigned)hop->port);
		break;
	}
	return out;
}
