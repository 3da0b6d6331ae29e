/*
 * Where URLs lead, and each that is refused.
 */

#include "shared/web_url.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static const struct {
	const char	*label, *url, *want;	/* "s HOST PORT", "h"; "l" */
} good_rows[] = {
	{ "a name", "https://hooks.example.org/x/y",
	    "s hooks.example.org 443" },
	{ "nothing behind", "https://a.example", "s a.example 443" },
	{ "a port", "https://a.example:8443/", "s a.example 8443" },
	{ "a query", "https://a.example?token=1", "s a.example 443" },
	{ "a question mark ends the host", "https://a.example?@b.example",
	    "s a.example 443" },
	{ "letter case", "https://A.Example/X", "s a.example 443" },
	{ "user and password", "https://u:p@a.example/", "s a.example 443" },
	{ "the last @ counts", "https://u@x.example:1@a.example/",
	    "s a.example 443" },
	{ "an address", "https://192.0.2.1:1/", "s 192.0.2.1 1" },
	{ "an IPv6 address", "https://[2001:db8::1]/", "s 2001:db8::1 443" },
	{ "with a port", "https://[::1]:8/", "sl ::1 8" },
	{ "in clear", "http://a.example/", "h a.example 80" },
	{ "loopback", "http://127.0.0.1:9000/hook", "hl 127.0.0.1 9000" },
	{ "all of that network", "http://127.9.9.9/", "hl 127.9.9.9 80" },
	{ "by name", "http://localhost/", "hl localhost 80" },
	{ "localhost is no part of a name", "http://localhost.example/",
	    "h localhost.example 80" },
	{ "nor of a user", "http://localhost@a.example/", "h a.example 80" },
};

static const struct {
	const char	*label, *url, *why;
} bad_rows[] = {
	{ "empty", "", "must begin with https:// or http://" },
	{ "another scheme", "ftp://a.example/",
	    "must begin with https:// or http://" },
	{ "no scheme", "a.example/x", "must begin with https:// or http://" },
	{ "capitals", "HTTPS://a.example/",
	    "must begin with https:// or http://" },
	{ "no host", "https:///x", "names no host" },
	{ "only a user", "https://u@/x", "names no host" },
	{ "only a port", "https://:443/", "names no host" },
	{ "a bad name", "https://a..example/", "names no host" },
	{ "an open bracket", "https://[::1/", "names no host" },
	{ "a name in brackets", "https://[a.example]/", "names no host" },
	{ "IPv4 in brackets", "https://[127.0.0.1]/",
	    "an IPv6 address, and no other, has brackets" },
	{ "no port", "https://a.example:/", "has no port behind the colon" },
	{ "port 0", "https://a.example:0/", "has no port behind the colon" },
	{ "a large port", "https://a.example:65536/",
	    "has no port behind the colon" },
	{ "a word as port", "https://a.example:x/",
	    "has no port behind the colon" },
	{ "a blank", "https://a.example/ x", "holds what no URL may hold" },
	{ "a line end", "https://a.example/\r\nx",
	    "holds what no URL may hold" },
	{ "a backslash", "https://a.example\\@b.example/",
	    "holds what no URL may hold" },
	{ "a fragment", "https://a.example#@b.example/",
	    "holds what no URL may hold" },
	{ "not ASCII", "https://b\xc3\xbc.example/",
	    "holds what no URL may hold" },
};

static int
parse(const char *url, struct web_url *out, const char **why)
{
	size_t len = strlen(url);
	char *exact = check_exact(url, len);
	int result = web_url_parse((struct text){ exact, len }, out, why);

	free(exact);
	return result;
}

int
main(void)
{
	struct web_url url;
	const char *why;
	char got[300];
	size_t i;

	for (i = 0; i < ROWS(good_rows); i++) {
		why = "";
		if (parse(good_rows[i].url, &url, &why) == 0)
			snprintf(got, sizeof(got), "%s%s %s %u", url.is_https ?
			    "s" : "h", url.is_loopback ? "l" : "", url.host,
			    url.port);
		else
			snprintf(got, sizeof(got), "%s", why);
		check_text(good_rows[i].label, got, good_rows[i].want);
	}
	for (i = 0; i < ROWS(bad_rows); i++) {
		url.port = 7;
		why = "";
		check_int(bad_rows[i].label, parse(bad_rows[i].url, &url,
		    &why), -1);
		check_text(bad_rows[i].label, why, bad_rows[i].why);
		check_int("untouched", url.port, 7);
	}
	return check_end();
}
