/*
 * hopseal.conf: each type of value at its edges, main.cf's syntax, each
 * refusal with its message, and the table against the sample file.
 */

#include "shared/io/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/check.h"

#define ERRORS_MAX 65536

/* Parses text as "t.conf" and returns the errors, which the caller frees. */
static char *
parse(struct config *c, const char *text, size_t len, int *result)
{
	struct buffer errors;
	char *exact = check_exact(text, len);

	buffer_init(&errors, ERRORS_MAX);
	*result = config_parse(c, "t.conf", (struct text){ exact, len },
	    &errors);
	free(exact);
	return buffer_take(&errors);
}

/* What -n prints after text was read. */
static const struct {
	const char *label, *text, *want;
} good_rows[] = {
	{ "empty file", "", "" },
	{ "comment", "# map_deadline = 9s\n  # and this\n", "" },
	{ "a value", "map_deadline = 9s\n", "map_deadline = 9s\n" },
	{ "no blanks, no line end", "map_deadline=9s", "map_deadline = 9s\n" },
	{ "blanks around", "map_deadline \t=  9s \t\n", "map_deadline = 9s\n" },
	{ "CRLF", "map_deadline = 9s\r\nstrict = yes\r\n",
	    "strict = yes\nmap_deadline = 9s\n" },
	{ "the default is not a change", "map_deadline = 5000ms\n", "" },
	{ "continuation", "own_domains = a.example\n\tb.example\n  c.example\n",
	    "own_domains = a.example b.example c.example\n" },
	{ "comment and empty line inside a continuation",
	    "own_domains = a.example\n# not c.example\n\n b.example\n",
	    "own_domains = a.example b.example\n" },
	{ "value begins on the next line", "own_domains =\n a.example\n",
	    "own_domains = a.example\n" },
	{ "\"=\" and \"#\" inside a value", "report_contact = a=b # c\n",
	    "report_contact = a=b # c\n" },
	{ "UTF-8 in a value", "report_organization = B\xc3\xbcro \xe2\x82\xac "
	    "\xf0\x9f\x93\xa7\n", "report_organization = B\xc3\xbcro "
	    "\xe2\x82\xac \xf0\x9f\x93\xa7\n" },
	{ "milliseconds", "first_contact_wait = 250ms\n",
	    "first_contact_wait = 250ms\n" },
	{ "a bare number is seconds", "map_deadline = 7\n",
	    "map_deadline = 7s\n" },
	{ "minutes", "bad_ttl = 90m\n", "bad_ttl = 90m\n" },
	{ "hours become days", "good_ttl = 48h\n", "good_ttl = 2d\n" },
	{ "weeks", "stale_ttl = 2w\n", "stale_ttl = 2w\n" },
	{ "nothing is 0", "stale_ttl = 0\n", "stale_ttl = 0\n" },
	{ "seconds from milliseconds", "l1_ttl = 2000ms\n", "l1_ttl = 2s\n" },
	{ "least", "map_deadline = 1s\n", "map_deadline = 1s\n" },
	{ "most", "map_deadline = 60s\n", "map_deadline = 1m\n" },
	{ "bytes", "cache_bytes = 2G\n", "cache_bytes = 2G\n" },
	{ "bare bytes", "cache_bytes = 1048577\n", "cache_bytes = 1048577\n" },
	{ "octal mode", "socket_mode = 666\n", "socket_mode = 0666\n" },
	{ "number", "connection_limit = 100\n", "connection_limit = 100\n" },
	{ "word", "dane = off\n", "dane = off\n" },
	{ "no is the default", "strict = no\n", "" },
	{ "several endpoints",
	    "map_listen = inet:127.0.0.1:1, unix:/a inet:[::1]:2\n",
	    "map_listen = inet:127.0.0.1:1, unix:/a inet:[::1]:2\n" },
	{ "no endpoint", "status_listen =\n", "status_listen = \n" },
	{ "no Redis", "redis =\n", "redis = \n" },
	{ "Redis by TCP", "redis = redis://cache.example:6380/2\n",
	    "redis = redis://cache.example:6380/2\n" },
	{ "the journal as mail log", "maillog = journal\n",
	    "maillog = journal\n" },
	{ "a TLS level", "site_tls_level = dane-only\n",
	    "site_tls_level = dane-only\n" },
	{ "networks", "own_networks = 127.0.0.0/8, [::1]/128 192.0.2.1\n",
	    "own_networks = 127.0.0.0/8, [::1]/128 192.0.2.1\n" },
	{ "domains", "private_zones = corp, B\xc3\xbcro.example.\n",
	    "private_zones = corp, B\xc3\xbcro.example.\n" },
	{ "ports", "reinject_ports = 1, 65535\n",
	    "reinject_ports = 1, 65535\n" },
	{ "name servers", "dns_servers = 192.0.2.1, ::1@5353\n",
	    "dns_servers = 192.0.2.1, ::1@5353\n" },
	{ "next hops", "next_hops = a.example=[relay.example]:587 "
	    "b.example=[192.0.2.1]\n", "next_hops = "
	    "a.example=[relay.example]:587 b.example=[192.0.2.1]\n" },
	{ "an account with its group", "user = nobody:65534\n",
	    "user = nobody:65534\n" },
	{ "sockets may be root's", "socket_owner = root:postfix\n",
	    "socket_owner = root:postfix\n" },
	{ "no socket for the map", "map_listen =\n", "map_listen = \n" },
	{ "mailboxes", "alert_mailto = root, o'neil+tls@b.example\n",
	    "alert_mailto = root, o'neil+tls@b.example\n" },
	{ "a webhook", "alert_webhook = https://u:p@a.example/x?y\n",
	    "alert_webhook = https://u:p@a.example/x?y\n" },
	{ "a webhook in clear to loopback",
	    "alert_webhook = http://127.0.0.1:9000/\n",
	    "alert_webhook = http://127.0.0.1:9000/\n" },
	{ "authserv_id is resolved later", "authserv_id = $myhostname\n", "" },
};

static const struct {
	const char *label, *text, *want;
} bad_rows[] = {
	{ "unknown option with a guess", "\n#\nmap_listn = inet:a:1\n",
	    "t.conf:3: unknown option \"map_listn\" "
	    "(did you mean \"map_listen\"?)\n" },
	{ "unknown option without", "smtpd_banner = x\n",
	    "t.conf:1: unknown option \"smtpd_banner\"\n" },
	{ "names are lower case", "Strict = yes\n",
	    "t.conf:1: unknown option \"Strict\" "
	    "(did you mean \"strict\"?)\n" },
	{ "no name", "= yes\n", "t.conf:1: unknown option \"\"\n" },
	{ "no value", "strict\n",
	    "t.conf:1: \"strict\": must be NAME = VALUE\n" },
	{ "twice", "strict = yes\ndane = off\nstrict = yes\n",
	    "t.conf:3: strict is set twice, first in line 1\n" },
	{ "continues nothing", "# x\n strict = yes\n",
	    "t.conf:2: begins with a blank but continues nothing\n" },
	{ "mistake of a continued line",
	    "\nown_domains = a\n b\ndane = a\n b\n",
	    "t.conf:4: dane = a b: must be auto|off\n" },
	{ "$name", "own_domains = $mydomain\n",
	    "t.conf:1: own_domains = $mydomain: $name is not expanded here, "
	    "write the value itself\n" },
	{ "$name beside the default", "authserv_id = x.$myhostname\n",
	    "t.conf:1: authserv_id = x.$myhostname: $name is not expanded "
	    "here, write the value itself\n" },
	{ "a mailbox in brackets", "alert_mailto = a@b.example <c@d.example>\n",
	    "t.conf:1: alert_mailto = <c@d.example>: must be a plain mailbox "
	    "like admin@example.org\n" },
	{ "two ats", "alert_mailto = a@b@c.example\n", "t.conf:1: alert_mailto "
	    "= a@b@c.example: must be a plain mailbox like "
	    "admin@example.org\n" },
	{ "not ASCII", "alert_mailto = a@b\xc3\xbcro.example\n", "t.conf:1: "
	    "alert_mailto = a@b??ro.example: must be a plain mailbox like "
	    "admin@example.org\n" },
	{ "no user", "alert_mailto = @b.example\n", "t.conf:1: alert_mailto = "
	    "@b.example: must be a plain mailbox like admin@example.org\n" },
	{ "no domain", "alert_mailto = a@\n", "t.conf:1: alert_mailto = a@: "
	    "must be a plain mailbox like admin@example.org\n" },
	{ "a webhook in clear, and nothing of it is said",
	    "alert_webhook = http://u:secret@a.example/\n", "t.conf:1: "
	    "alert_webhook = ...: must begin with https://, unless its host "
	    "is loopback\n" },
	{ "nor of another one", "alert_webhook = https://u:$secret@a.example/\n",
	    "t.conf:1: alert_webhook = ...: $name is not expanded here, write "
	    "the value itself\n" },
	{ "control character", "strict = yes\x01\n",
	    "t.conf:1: holds a control character (octet 1)\n" },
	{ "control character in a comment", "# \x7f\n",
	    "t.conf:1: holds a control character (octet 127)\n" },
	{ "carriage return inside", "strict = \r yes\n",
	    "t.conf:1: holds a control character (octet 13)\n" },
	{ "lone continuation octet", "# \x80\n", "t.conf:1: is not UTF-8\n" },
	{ "Latin-1", "# B\xfcro\n", "t.conf:1: is not UTF-8\n" },
	{ "overlong", "# \xc0\xaf\n", "t.conf:1: is not UTF-8\n" },
	{ "overlong by three", "# \xe0\x80\xaf\n", "t.conf:1: is not UTF-8\n" },
	{ "surrogate", "# \xed\xa0\x80\n", "t.conf:1: is not UTF-8\n" },
	{ "overlong by four", "# \xf0\x80\x80\xaf\n",
	    "t.conf:1: is not UTF-8\n" },
	{ "beyond Unicode", "# \xf4\x90\x80\x80\n",
	    "t.conf:1: is not UTF-8\n" },
	{ "cut UTF-8", "# \xe2\x82\n", "t.conf:1: is not UTF-8\n" },
	{ "too long", "map_deadline = 99h\n",
	    "t.conf:1: map_deadline = 99h: must be 1s to 60s\n" },
	{ "too short", "map_deadline = 999ms\n",
	    "t.conf:1: map_deadline = 999ms: must be 1s to 60s\n" },
	{ "no number", "map_deadline = s\n",
	    "t.conf:1: map_deadline = s: must be 1s to 60s\n" },
	{ "empty number", "map_deadline =\n",
	    "t.conf:1: map_deadline = : must be 1s to 60s\n" },
	{ "unknown unit", "map_deadline = 5y\n",
	    "t.conf:1: map_deadline = 5y: must be 1s to 60s\n" },
	{ "blank before the unit", "map_deadline = 5 s\n",
	    "t.conf:1: map_deadline = 5 s: must be 1s to 60s\n" },
	{ "negative", "map_deadline = -5\n",
	    "t.conf:1: map_deadline = -5: must be 1s to 60s\n" },
	{ "fraction", "map_deadline = 1.5s\n",
	    "t.conf:1: map_deadline = 1.5s: must be 1s to 60s\n" },
	{ "wraps with its unit", "good_ttl = 30500568905w\n",
	    "t.conf:1: good_ttl = 30500568905w: must be 1s to 30d\n" },
	{ "wraps", "good_ttl = 18446744073709551617\n",
	    "t.conf:1: good_ttl = 18446744073709551617: "
	    "must be 1s to 30d\n" },
	{ "part of a second", "l1_ttl = 1500ms\n",
	    "t.conf:1: l1_ttl = 1500ms: must be 1s to 1h\n" },
	{ "bytes have no time", "cache_bytes = 64s\n",
	    "t.conf:1: cache_bytes = 64s: must be 1M to 2G\n" },
	{ "counts have no unit", "connection_limit = 16k\n",
	    "t.conf:1: connection_limit = 16k: must be 10 to 1000000\n" },
	{ "mode is octal", "socket_mode = 0680\n",
	    "t.conf:1: socket_mode = 0680: must be 0000 to 0777\n" },
	{ "mode without set-id", "socket_mode = 4755\n",
	    "t.conf:1: socket_mode = 4755: must be 0000 to 0777\n" },
	{ "mode of five digits", "socket_mode = 00660\n",
	    "t.conf:1: socket_mode = 00660: must be 0000 to 0777\n" },
	{ "empty mode", "socket_mode =\n",
	    "t.conf:1: socket_mode = : must be 0000 to 0777\n" },
	{ "not yes, not no", "strict = true\n",
	    "t.conf:1: strict = true: must be no|yes\n" },
	{ "not a word of the list", "log_level = warning\n",
	    "t.conf:1: log_level = warning: must be error|warn|info|debug\n" },
	{ "part of a word", "log_level = inf\n",
	    "t.conf:1: log_level = inf: must be error|warn|info|debug\n" },
	{ "not a TLS level", "site_tls_level = high\n",
	    "t.conf:1: site_tls_level = high: must be none|may|encrypt|"
	    "fingerprint|dane|dane-only|verify|secure\n" },
	{ "must not be empty", "user =\n",
	    "t.conf:1: user = : must not be empty\n" },
	{ "relative path", "rules_file = rules\n",
	    "t.conf:1: rules_file = rules: must be an absolute path\n" },
	{ "a path that is needed", "state_dir =\n",
	    "t.conf:1: state_dir = : must be an absolute path\n" },
	{ "neither path nor word", "maillog = auto\n",
	    "t.conf:1: maillog = auto: must be an absolute path or one of "
	    "journal|none\n" },
	{ "socket is a path", "tlsrpt_socket = unix:/a\n",
	    "t.conf:1: tlsrpt_socket = unix:/a: must be an absolute path\n" },
	{ "socket path too long", "tlsrpt_socket = /a23456789012345678901234567"
	    "8901234567890123456789012345678901234567890123456789012345678901"
	    "2345678901234567\n",
	    "t.conf:1: tlsrpt_socket = /a234567890123456789012345678901234567"
	    "89012345678901234567890123456789012345...: the path of a unix "
	    "socket has at most 107 bytes\n" },
	{ "endpoint", "map_listen = 127.0.0.1:8461\n",
	    "t.conf:1: map_listen = 127.0.0.1:8461: must be inet:HOST:PORT or "
	    "unix:PATH\n" },
	{ "one endpoint only", "status_listen = inet:a:1 inet:b:1\n",
	    "t.conf:1: status_listen = inet:a:1 inet:b:1: too many "
	    "endpoints\n" },
	{ "prefix too long", "allow_networks = 10.0.0.0/33\n",
	    "t.conf:1: allow_networks = 10.0.0.0/33: "
	    "bad prefix length of a network\n" },
	{ "no network", "own_networks = 10.0.0.0/8, bogus/99\n",
	    "t.conf:1: own_networks = bogus/99: "
	    "neither an address, a network nor a table\n" },
	{ "host bits", "own_networks = 10.0.0.1/8\n",
	    "t.conf:1: own_networks = 10.0.0.1/8: "
	    "network with host bits that are not zero\n" },
	{ "a table of networks", "own_networks = /etc/networks\n",
	    "t.conf:1: own_networks = /etc/networks: "
	    "a table is not read here, write the networks\n" },
	{ "no domain", "own_domains = a.example @@ b.example\n",
	    "t.conf:1: own_domains = @@: character that no name holds\n" },
	{ "no zone", "private_zones = a b@\n",
	    "t.conf:1: private_zones = b@: character that no name holds\n" },
	{ "a parent domain", "private_zones = .corp.example\n",
	    "t.conf:1: private_zones = .corp.example: "
	    "empty label in a name\n" },
	{ "a list of nothing", "own_domains = ,\n",
	    "t.conf:1: own_domains = ,: names nothing\n" },
	{ "port too large", "reinject_ports = 25 99999\n",
	    "t.conf:1: reinject_ports = 99999: must be a port, 1 to 65535\n" },
	{ "port 0", "reinject_ports = 0\n",
	    "t.conf:1: reinject_ports = 0: must be a port, 1 to 65535\n" },
	{ "port in another spelling", "reinject_ports = 025\n",
	    "t.conf:1: reinject_ports = 025: must be a port, 1 to 65535\n" },
	{ "port by name", "reinject_ports = smtp\n",
	    "t.conf:1: reinject_ports = smtp: must be a port, 1 to 65535\n" },
	{ "name server by name", "dns_servers = foo\n",
	    "t.conf:1: dns_servers = foo: must be ADDRESS or ADDRESS@PORT\n" },
	{ "name server out of range", "dns_servers = 192.0.2.1 300.1.1.1\n",
	    "t.conf:1: dns_servers = 300.1.1.1: "
	    "must be ADDRESS or ADDRESS@PORT\n" },
	{ "name server in brackets", "dns_servers = [::1]\n",
	    "t.conf:1: dns_servers = [::1]: "
	    "must be ADDRESS or ADDRESS@PORT\n" },
	{ "name server with a bad port", "dns_servers = 192.0.2.1@0\n",
	    "t.conf:1: dns_servers = 192.0.2.1@0: "
	    "must be ADDRESS or ADDRESS@PORT\n" },
	{ "name server without its port", "dns_servers = 192.0.2.1@\n",
	    "t.conf:1: dns_servers = 192.0.2.1@: "
	    "must be ADDRESS or ADDRESS@PORT\n" },
	{ "no next hop", "next_hops = xx\n",
	    "t.conf:1: next_hops = xx: must be DOMAIN=NEXTHOP\n" },
	{ "next hop of no domain", "next_hops = @=b.example\n",
	    "t.conf:1: next_hops = @=b.example: "
	    "character that no name holds\n" },
	{ "next hop is an address", "next_hops = a.example=b@c\n",
	    "t.conf:1: next_hops = a.example=b@c: "
	    "an address is no next hop\n" },
	{ "socket_owner of three", "socket_owner = a:b:c\n",
	    "t.conf:1: socket_owner = a:b:c: must be USER or USER:GROUP\n" },
	{ "socket_owner without group", "socket_owner = a:\n",
	    "t.conf:1: socket_owner = a:: must be USER or USER:GROUP\n" },
	{ "socket_owner without user", "socket_owner = :b\n",
	    "t.conf:1: socket_owner = :b: must be USER or USER:GROUP\n" },
	{ "user is root", "user = root\n",
	    "t.conf:1: user = root: must not be root\n" },
	{ "user is uid 0", "user = 0\n",
	    "t.conf:1: user = 0: must not be root\n" },
	{ "scout_user is uid 0", "scout_user = 00:nogroup\n",
	    "t.conf:1: scout_user = 00:nogroup: must not be root\n" },
	{ "Redis", "redis = localhost\n",
	    "t.conf:1: redis = localhost: must be unix:PATH or "
	    "redis://HOST:PORT\n" },
	{ "all at once", "strct = yes\ndane = maybe\n# fine\nuser\n",
	    "t.conf:1: unknown option \"strct\" (did you mean \"strict\"?)\n"
	    "t.conf:2: dane = maybe: must be auto|off\n"
	    "t.conf:4: \"user\": must be NAME = VALUE\n" },
};

static void
test_good(void)
{
	struct config *c;
	struct buffer changed;
	char *errors;
	size_t i;
	int result;

	for (i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		c = config_new();
		buffer_init(&changed, ERRORS_MAX);
		errors = parse(c, good_rows[i].text, strlen(good_rows[i].text),
		    &result);
		check_text(good_rows[i].label, errors, "");
		check_int(good_rows[i].label, result, 0);
		config_format_changed(c, &changed);
		check_text(good_rows[i].label, buffer_text(&changed),
		    good_rows[i].want);
		buffer_clear(&changed);
		free(errors);
		config_free(c);
	}
}

static void
test_bad(void)
{
	struct config *c;
	char *errors;
	size_t i;
	int result;

	for (i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		c = config_new();
		errors = parse(c, bad_rows[i].text, strlen(bad_rows[i].text),
		    &result);
		check_int(bad_rows[i].label, result, -1);
		check_text(bad_rows[i].label, errors, bad_rows[i].want);
		free(errors);
		config_free(c);
	}
	c = config_new();
	errors = parse(c, "dane = \0off\n", 12, &result);
	check_text("NUL", errors,
	    "t.conf:1: holds a control character (octet 0)\n");
	free(errors);
	config_free(c);
}

/* The defaults are a contract: these stand in the design's units. */
static void
test_defaults(void)
{
	struct config *c = config_new();
	struct buffer defaults, errors;
	int result;

	check_text("redis", c->redis, "unix:/run/hopseal/redis.sock");
	check_int("socket_mode", c->socket_mode, 0660);
	check_int("connection_limit", c->connection_limit, 16000);
	check_int("first_contact_wait", c->first_contact_wait_ms, 2000);
	check_int("map_deadline", c->map_deadline_ms, 5000);
	check_int("reprobe_after", c->reprobe_after_s, 600);
	check_int("good_ttl", c->good_ttl_s, 86400);
	check_int("bad_ttl", c->bad_ttl_s, 3600);
	check_int("stale_ttl", c->stale_ttl_s, 86400);
	check_int("l1_ttl", c->l1_ttl_s, 60);
	check_int("cache_entries", c->cache_entries, 200000);
	check_int("cache_bytes", c->cache_bytes, 64 * 1024 * 1024);
	check_int("report_window", c->report_window_s, 4 * 3600);
	check_int("report", c->report, CONFIG_REPORT_OFF);
	check_int("log_target", c->log_target, CONFIG_LOG_AUTO);
	check_int("log_level", c->log_level, CONFIG_LOG_INFO);
	check_bool("strict", c->strict, false);

	/* What -d prints is a configuration that changes nothing. */
	buffer_init(&defaults, ERRORS_MAX);
	buffer_init(&errors, ERRORS_MAX);
	config_format_defaults(&defaults);
	result = config_parse(c, "-d", (struct text){ defaults.data,
	    defaults.len }, &errors);
	check_int("-d is a configuration", result, 0);
	check_text("-d has no mistake", buffer_text(&errors), "");
	buffer_reset(&defaults);
	config_format_changed(c, &defaults);
	check_text("-d changes nothing", buffer_text(&defaults), "");
	check_int("defaults fit together", config_check(c, &errors), 0);
	buffer_clear(&errors);
	buffer_clear(&defaults);
	config_free(c);
}

static const struct {
	const char *label, *text, *want;
} check_rows[] = {
	{ "same endpoint twice", "access_listen = inet:127.0.0.1:8461\n",
	    "map_listen and access_listen are both inet:127.0.0.1:8461\n" },
	{ "same endpoint in one list", "map_listen = unix:/a unix:/a\n",
	    "map_listen and map_listen are both unix:/a\n" },
	{ "nothing for Postfix", "map_listen =\naccess_listen =\n",
	    "map_listen and access_listen are both empty: Postfix could ask "
	    "nothing\n" },
	{ "the map alone", "access_listen =\n", "" },
	{ "the access service alone", "map_listen =\n", "" },
	{ "user without password", "redis_user = hopseal\n",
	    "redis_user needs redis_password_file\n" },
	{ "status port for strangers without password",
	    "status_listen = inet:192.0.2.1:8463\n",
	    "status_listen is not on loopback: it needs "
	    "status_password_file\n" },
	{ "status port of all addresses without password",
	    "status_listen = inet::8463\n",
	    "status_listen is not on loopback: it needs "
	    "status_password_file\n" },
	{ "status port for strangers with password",
	    "status_listen = inet:192.0.2.1:8463\n"
	    "status_password_file = /x\n", "" },
	{ "status port on other loopback addresses",
	    "status_listen = inet:[::1]:8463\n", "" },
	{ "many mailboxes", "alert_mailto = a b c d e f g h i j\n", "" },
	{ "too many mailboxes", "alert_mailto = a b c d e f g h i j k\n",
	    "alert_mailto names more than 10 mailboxes\n" },
	{ "bad observations that end too soon", "bad_ttl = 5m\n",
	    "bad_ttl is shorter than reprobe_after: what counts only when seen "
	    "twice would never count\n" },
	{ "reports of nobody", "report = on\nreport_contact = a@b.example\n",
	    "report = on needs report_organization, report_contact and "
	    "report_sender\n" },
	{ "datagrams without a socket",
	    "outbound_source = both\ntlsrpt_socket =\n",
	    "outbound_source needs tlsrpt_socket\n" },
	{ "reports of somebody", "report = on\nreport_contact = a@b.example\n"
	    "report_organization = B\nreport_sender = tls@B.example\n", "" },
	{ "a contact elsewhere", "report = on\nreport_contact = a@c.example\n"
	    "report_organization = B\nreport_sender = tls@b.example\n",
	    "report_contact and report_sender are no mailboxes of one domain, "
	    "as RFC 8460, 5.3 wants\n" },
	{ "a contact that is no mailbox", "report = on\nreport_contact = 112\n"
	    "report_organization = B\nreport_sender = tls@b.example\n",
	    "report_contact and report_sender are no mailboxes of one domain, "
	    "as RFC 8460, 5.3 wants\n" },
};

static void
test_check(void)
{
	struct config *c;
	struct buffer errors;
	char *parse_errors;
	size_t i;
	int result;

	for (i = 0; i < sizeof(check_rows) / sizeof(check_rows[0]); i++) {
		c = config_new();
		parse_errors = parse(c, check_rows[i].text,
		    strlen(check_rows[i].text), &result);
		check_int(check_rows[i].label, result, 0);
		buffer_init(&errors, ERRORS_MAX);
		result = config_check(c, &errors);
		check_text(check_rows[i].label, buffer_text(&errors),
		    check_rows[i].want);
		check_int(check_rows[i].label, result,
		    check_rows[i].want[0] == '\0' ? 0 : -1);
		buffer_clear(&errors);
		free(parse_errors);
		config_free(c);
	}
}

static void
test_command_line(void)
{
	struct config *c = config_new();
	struct buffer errors;

	buffer_init(&errors, ERRORS_MAX);
	check_int("-o", config_set(c, text_of("dane=off"), &errors), 0);
	check_int("-o again overrides", config_set(c, text_of("dane = auto"),
	    &errors), 0);
	check_int("-o sets", c->dane, CONFIG_DANE_AUTO);
	check_int("-o bad", config_set(c, text_of("dane=x"), &errors), -1);
	check_int("-o two lines", config_set(c, text_of("user=a\nb"), &errors),
	    -1);
	check_text("-o errors", buffer_text(&errors),
	    "-o: dane = x: must be auto|off\n"
	    "-o: holds a control character (octet 10)\n");
	buffer_clear(&errors);
	config_free(c);
}

static void
test_file(void)
{
	char path[] = "/tmp/hopseal-test-config-XXXXXX";
	struct config *c = config_new();
	struct buffer errors;
	int fd;

	buffer_init(&errors, ERRORS_MAX);
	fd = mkstemp(path);
	check_bool("temporary file", fd != -1, true);
	check_int("written", write(fd, "l1_ttl = 7s\n", 12), 12);
	check_int("a file", config_read(c, path, false, &errors), 0);
	check_int("a file's value", c->l1_ttl_s, 7);
	check_int("too large", ftruncate(fd, 1024 * 1024 + 1), 0);
	check_int("too large", config_read(c, path, false, &errors), -1);
	check_contains("too large", buffer_text(&errors),
	    ": File too large\n");
	close(fd);
	unlink(path);
	buffer_reset(&errors);
	check_int("may be missing", config_read(c, path, true, &errors), 0);
	check_text("may be missing", buffer_text(&errors), "");
	check_int("missing", config_read(c, path, false, &errors), -1);
	check_contains("missing", buffer_text(&errors),
	    ": No such file or directory\n");
	buffer_reset(&errors);
	check_int("a folder", config_read(c, "/tmp", true, &errors), -1);
	check_text("a folder", buffer_text(&errors),
	    "/tmp: Is a directory\n");
	buffer_clear(&errors);
	config_free(c);
}

/*
 * conf/hopseal.conf holds "#name = default" for each option in the table's
 * order, and nothing else that looks like one.
 */
static void
test_sample(void)
{
	char line[1024], want[1024];
	struct config *c = config_new();
	struct buffer defaults, errors;
	struct text rest, row;
	size_t i = 0;
	FILE *file;

	buffer_init(&errors, ERRORS_MAX);
	check_int("sample file", config_read(c, "conf/hopseal.conf", false,
	    &errors), 0);
	check_text("sample file", buffer_text(&errors), "");
	buffer_init(&defaults, ERRORS_MAX);
	config_format_changed(c, &defaults);
	check_text("sample changes nothing", buffer_text(&defaults), "");
	buffer_reset(&defaults);
	config_format_defaults(&defaults);
	rest = text_of(buffer_text(&defaults));

	file = fopen("conf/hopseal.conf", "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (line[0] != '#' || line[1] < 'a' || line[1] > 'z')
			continue;
		if (!text_next_line(&rest, &row))
			row = (struct text){ "", 0 };
		row = text_trim(row);
		line[strcspn(line, "\n")] = '\0';
		snprintf(want, sizeof(want), "#%.*s", (int)row.len, row.data);
		check_text(config_option_name(i), line, want);
		i++;
	}
	if (file != NULL)
		fclose(file);
	check_text("sample names every option", config_option_name(i), NULL);
	buffer_clear(&defaults);
	buffer_clear(&errors);
	config_free(c);
}

/* What an option takes, as the manual says it. */
static void
test_syntax(void)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{ "map_listen", "endpoint ..." },
		{ "socket_mode", "octal, 0000 to 0777" },
		{ "strict", "no | yes" },
		{ "recipient_judge", "access | milter" },
		{ "cache_bytes", "size, 1M to 2G" },
		{ "map_deadline", "time, 1s to 60s" },
		{ "maillog", "path | journal | none" },
		{ "site_tls_level", "none | may | encrypt | fingerprint | dane "
		    "| dane-only | verify | secure" },
	};
	struct buffer syntax;
	size_t i, row, found = 0;

	buffer_init(&syntax, ERRORS_MAX);
	for (i = 0; config_option_name(i) != NULL; i++) {
		buffer_reset(&syntax);
		config_option_syntax(i, &syntax);
		check_bool(config_option_name(i), syntax.len > 0, true);
		for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
			if (strcmp(rows[row].name, config_option_name(i)) != 0)
				continue;
			check_text(rows[row].name, buffer_text(&syntax),
			    rows[row].want);
			found++;
		}
	}
	check_int("all rows", (long)found, sizeof(rows) / sizeof(rows[0]));
	buffer_clear(&syntax);
}

static void
test_names(void)
{
	size_t i;

	for (i = 0; config_option_name(i) != NULL; i++) {
		check_bool("help is one short line",
		    strlen(config_option_help(i)) > 0 &&
		    strlen(config_option_help(i)) < 70 &&
		    strchr(config_option_help(i), '\n') == NULL, true);
	}
	check_bool("no help behind the last", config_option_help(i) == NULL,
	    true);
	config_free(NULL);
}

int
main(void)
{
	test_defaults();
	test_good();
	test_bad();
	test_check();
	test_command_line();
	test_file();
	test_sample();
	test_syntax();
	test_names();
	return check_end();
}
