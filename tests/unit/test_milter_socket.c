/*
 * Our spelling of an endpoint, and libmilter's.
 */

#include "milter/socket.h"

#include "tests/unit/check.h"

static const struct {
	const char *label, *ours, *theirs;
} rows[] = {
	{ "IPv4", "inet:127.0.0.1:8464", "inet:8464@127.0.0.1" },
	{ "IPv6", "inet:[::1]:8464", "inet6:8464@::1" },
	{ "a name", "inet:mx.example:8464", "inet:8464@mx.example" },
	{ "all of IPv4", "inet::8464", "inet:8464" },
	{ "all of IPv6", "inet:[::]:8464", "inet6:8464@::" },
	{ "unix", "unix:/run/hopseal/milter.sock",
	    "unix:/run/hopseal/milter.sock" }
};

int
main(void)
{
	char spelling[SOCKET_SPELLING_SIZE];
	struct endpoint endpoint;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_int(rows[i].label, endpoint_parse(text_of(rows[i].ours),
		    &endpoint, &why), 0);
		check_text(rows[i].label, socket_spell(&endpoint, spelling),
		    rows[i].theirs);
	}
	return check_end();
}
