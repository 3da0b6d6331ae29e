/*
 * The option "redis": an endpoint in the spelling that Redis' users know.
 */

#include "shared/io/redis_address.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_PORT "6379"

int
redis_address_parse(struct text t, struct redis_address *out, const char **why)
{
	struct redis_address a = { .database = 0 };
	struct text rest, authority;
	char inet[ENDPOINT_TEXT_SIZE];
	bool has_port;
	uint64_t database;
	int len;

	if (text_starts_with(t, "unix:")) {
		if (endpoint_parse(t, &a.endpoint, why) == -1)
			return -1;
		*out = a;
		return 0;
	}
	if (!text_starts_with(t, "redis://")) {
		*why = "must be unix:PATH or redis://HOST:PORT";
		return -1;
	}
	rest = (struct text){ t.data + 8, t.len - 8 };
	text_next_field(&rest, '/', &authority);
	if (authority.len == 0 || authority.data[0] == ':') {
		*why = "the host is missing";
		return -1;
	}
	if (!text_is_printable(authority)) {
		*why = "the host is neither a name nor an address";
		return -1;
	}
	if (memchr(authority.data, '@', authority.len) != NULL) {
		*why = "user and password stand in redis_user and "
		    "redis_password_file";
		return -1;
	}
	has_port = authority.data[authority.len - 1] != ']' &&
	    memchr(authority.data, ':', authority.len) != NULL;
	len = snprintf(inet, sizeof(inet), "inet:%.*s%s", (int)authority.len,
	    authority.data, has_port ? "" : ":" DEFAULT_PORT);
	if (len < 0 || (size_t)len >= sizeof(inet)) {
		*why = "the host is too long";
		return -1;
	}
	if (endpoint_parse(text_of(inet), &a.endpoint, why) == -1)
		return -1;
	if (rest.len > 0) {
		if (!text_parse_u64(rest, REDIS_ADDRESS_DATABASE_MAX,
		    &database)) {
			*why = "the database must be 0 to 65535";
			return -1;
		}
		a.database = (unsigned)database;
	}
	*out = a;
	return 0;
}
