/*
 *	URL		= ("https" / "http") "://" authority [path] ["?" query]
 *	authority	= [userinfo "@"] host [":" port]
 *	host		= name / IPv4 / "[" IPv6 "]"
 */

#include "shared/web_url.h"

#include <string.h>

#include "shared/address.h"

static struct text
behind(struct text t, size_t len)
{
	return (struct text){ t.data + len, t.len - len };
}

/* Printable, and none of what programs read in different ways. */
static bool
is_clean(struct text t)
{
	return text_is_printable(t) && memchr(t.data, ' ', t.len) == NULL &&
	    memchr(t.data, '\\', t.len) == NULL &&
	    memchr(t.data, '#', t.len) == NULL;
}

static int
read_host(struct text host, struct web_url *out, const char **why)
{
	struct address address;
	bool is_bracketed = host.len > 2 && host.data[0] == '[' &&
	    host.data[host.len - 1] == ']';

	if (is_bracketed)
		host = (struct text){ host.data + 1, host.len - 2 };
	if (address_parse(host, &address)) {
		if (is_bracketed != (address.family == 6)) {
			*why = "an IPv6 address, and no other, has brackets";
			return -1;
		}
		address_format(&address, out->host);
		out->is_loopback = address_is_loopback(&address);
		return 0;
	}
	if (is_bracketed || host_name_normalize(host, out->host, why) == -1) {
		*why = "names no host";
		return -1;
	}
	out->is_loopback = strcmp(out->host, "localhost") == 0;
	return 0;
}

int
web_url_parse(struct text t, struct web_url *out, const char **why)
{
	struct web_url url = { .port = 443 };
	struct text authority, part, port = { NULL, 0 };
	uint64_t number;
	size_t len = 0;

	url.is_https = text_starts_with(t, "https://");
	if (!url.is_https && !text_starts_with(t, "http://")) {
		*why = "must begin with https:// or http://";
		return -1;
	}
	if (!is_clean(t)) {
		*why = "holds what no URL may hold";
		return -1;
	}
	authority = behind(t, url.is_https ? 8 : 7);
	while (len < authority.len && authority.data[len] != '/' &&
	    authority.data[len] != '?')
		len++;
	authority.len = len;
	while (text_next_field(&authority, '@', &part))
		;		/* the last one is the host */
	/* A colon behind the brackets, or the only one. */
	for (len = part.len; len > 0 && part.data[len - 1] != ']'; len--)
		if (part.data[len - 1] == ':') {
			port = behind(part, len);
			part.len = len - 1;
			break;
		}
	if (!url.is_https)
		url.port = 80;
	if (port.data != NULL) {
		if (!text_parse_u64(port, 65535, &number) || number == 0) {
			*why = "has no port behind the colon";
			return -1;
		}
		url.port = (unsigned)number;
	}
	if (read_host(part, &url, why) == -1)
		return -1;
	*out = url;
	return 0;
}
