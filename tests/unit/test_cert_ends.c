/*
 * Ends of certificates by port.
 */

#include "policyd/process/cert_ends.h"

#include "tests/unit/check.h"

int
main(void)
{
	struct cert_ends ends = { .count = 0 }, back;
	struct buffer payload;
	uint16_t port;
	size_t len;

	check_bool("nothing is known", cert_ends_is_past(&ends, 25, 1), false);
	cert_ends_add(&ends, 25, 200);
	cert_ends_add(&ends, 25, 100);
	cert_ends_add(&ends, 25, 300);
	cert_ends_add(&ends, 587, -5);
	check_bool("until its end", cert_ends_is_past(&ends, 25, 100), false);
	check_bool("the earliest counts", cert_ends_is_past(&ends, 25, 101),
	    true);
	check_bool("another port", cert_ends_is_past(&ends, 465, 101), false);
	check_bool("before 1970", cert_ends_is_past(&ends, 587, 0), true);
	check_bool("a port that is none", cert_ends_is_past(&ends, 65561, 101),
	    false);
	buffer_init(&payload, 1000);
	cert_ends_format(&ends, &payload);
	check_bool("parsed", cert_ends_parse((struct text){ payload.data,
	    payload.len }, &back), true);
	check_bool("the same", back.count == 2 && back.ends[0].port == 25 &&
	    back.ends[0].at == 100 && back.ends[1].at == -5, true);
	for (len = 0; len < payload.len; len++)
		check_bool("cut", cert_ends_parse((struct text){ payload.data,
		    len }, &back), len % 10 == 0);
	for (port = 1; port <= CERT_ENDS_MAX + 1; port++)
		cert_ends_add(&back, port, 1);
	check_int("no more than so many", (int64_t)back.count, CERT_ENDS_MAX);
	buffer_clear(&payload);
	return check_end();
}
