/*
 * The configuration: the table of options, main.cf's syntax around it, and the
 * text form of each type of value.  A new option is a row here, a field in
 * struct config, and a paragraph in the manual.
 */

#include "shared/io/config.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/address.h"
#include "shared/host_name.h"
#include "shared/io/endpoint.h"
#include "shared/io/file.h"
#include "shared/io/redis_address.h"
#include "shared/postfix/next_hop.h"
#include "shared/web_url.h"
#include "shared/xalloc.h"

#define FILE_BYTES_MAX	(1024 * 1024)
#define LISTEN_MAX	8		/* endpoints of one option */
#define MAILBOX_MAX	254		/* RFC 5321, 4.5.3.1.3 */
#define MAILBOXES_MAX	10		/* alert_queue has room for them */
#define QUOTE_SIZE	80		/* of a bad value in a message */

/* ------------------------------------------------------------- the table */

enum option_type {
	OPTION_TEXT,		/* not empty */
	OPTION_TEXT_OR_NONE,	/* empty, or one of the allowed if there are */
	OPTION_PATH,		/* absolute */
	OPTION_PATH_OR_NONE,	/* absolute, empty, or one of the allowed */
	OPTION_SOCKET,		/* absolute and short, or empty */
	OPTION_ENDPOINT,	/* one, or empty */
	OPTION_ENDPOINTS,	/* several, or empty */
	OPTION_REDIS,		/* redis_address, or empty */
	OPTION_WEBHOOK,		/* an https URL, http to loopback, or empty */
	OPTION_USER,		/* USER or USER:GROUP, not root */
	OPTION_OWNER,		/* the same, also root */
	/* lists, or empty: */
	OPTION_NETWORKS,
	OPTION_DOMAINS,
	OPTION_PORTS,
	OPTION_NEXT_HOPS,	/* DOMAIN=NEXTHOP */
	OPTION_SERVERS,		/* ADDRESS or ADDRESS@PORT */
	OPTION_MAILBOXES,	/* USER@DOMAIN or USER */
	OPTION_TIMES,
	OPTION_NUMBER,
	OPTION_BYTES,
	OPTION_MODE,		/* octal */
	OPTION_SECONDS,
	OPTION_MILLISECONDS,
	OPTION_WORD,		/* an enum in the order of the words */
	OPTION_YES_NO
};

/* For the manual; the allowed words say it all where there is none. */
static const char *const type_syntaxes[] = {
	[OPTION_TEXT] = "text",
	[OPTION_TEXT_OR_NONE] = "text",
	[OPTION_PATH] = "path",
	[OPTION_PATH_OR_NONE] = "path",
	[OPTION_SOCKET] = "path",
	[OPTION_ENDPOINT] = "endpoint",
	[OPTION_ENDPOINTS] = "endpoint ...",
	[OPTION_REDIS] = "unix:PATH | redis://HOST:PORT/DATABASE",
	[OPTION_WEBHOOK] = "https://HOST/...",
	[OPTION_USER] = "USER:GROUP",
	[OPTION_OWNER] = "USER:GROUP",
	[OPTION_NETWORKS] = "network ...",
	[OPTION_DOMAINS] = "domain ...",
	[OPTION_PORTS] = "port ...",
	[OPTION_NEXT_HOPS] = "DOMAIN=NEXTHOP ...",
	[OPTION_SERVERS] = "ADDRESS@PORT ...",
	[OPTION_MAILBOXES] = "mailbox ...",
	[OPTION_TIMES] = "time ...",
	[OPTION_NUMBER] = "number",
	[OPTION_BYTES] = "size",
	[OPTION_MODE] = "octal",
	[OPTION_SECONDS] = "time",
	[OPTION_MILLISECONDS] = "time",
	[OPTION_YES_NO] = NULL
};

struct option {
	const char	*name;
	enum option_type type;
	size_t		 offset;
	const char	*value;		/* the default */
	const char	*allowed;	/* "MIN to MAX", "word|word" or NULL */
	const char	*help;
};

#define AT(field) offsetof(struct config, field)
#define TLS_LEVELS "none|may|encrypt|fingerprint|dane|dane-only|verify|secure"

static const struct option options[] = {
	{ "map_listen", OPTION_ENDPOINTS, AT(map_listen),
	    "inet:127.0.0.1:8461", NULL,
	    "where Postfix asks for the TLS policy map" },
	{ "access_listen", OPTION_ENDPOINTS, AT(access_listen),
	    "inet:127.0.0.1:8462", NULL,
	    "where Postfix asks the access policy" },
	{ "status_listen", OPTION_ENDPOINT, AT(status_listen),
	    "inet:127.0.0.1:8463", NULL,
	    "metrics and health over HTTP" },
	{ "status_password_file", OPTION_PATH_OR_NONE, AT(status_password_file),
	    "", NULL,
	    "opens the status page and JSON to those who know the password" },
	{ "control_listen", OPTION_ENDPOINT, AT(control_listen),
	    "unix:/run/hopseal/control.sock", NULL,
	    "where the command hopseal and the milter ask" },
	{ "user", OPTION_USER, AT(user),
	    "hopseal", NULL,
	    "account of all processes but the scout, by name or number" },
	{ "scout_user", OPTION_USER, AT(scout_user),
	    "hopseal-scout", NULL,
	    "account of the scout, by name or number" },
	{ "socket_owner", OPTION_OWNER, AT(socket_owner),
	    "hopseal:postfix", NULL,
	    "USER:GROUP of the unix sockets that Postfix uses" },
	{ "socket_mode", OPTION_MODE, AT(socket_mode),
	    "0660", "0000 to 0777",
	    "mode of the unix sockets that Postfix uses, octal" },
	{ "connection_limit", OPTION_NUMBER, AT(connection_limit),
	    "16000", "10 to 1000000",
	    "above it the connection silent for longest is closed" },
	{ "milter_listen", OPTION_ENDPOINT, AT(milter_listen),
	    "inet:127.0.0.1:8464", NULL,
	    "where Postfix speaks to the milter" },
	{ "tlsrpt_socket", OPTION_SOCKET, AT(tlsrpt_socket),
	    "/run/hopseal/tlsrpt.sock", NULL,
	    "where Postfix sends its TLSRPT datagrams" },
	{ "redis", OPTION_REDIS, AT(redis),
	    "unix:/run/hopseal/redis.sock", NULL,
	    "the shared cache; empty: this host's memory alone" },
	{ "redis_user", OPTION_TEXT_OR_NONE, AT(redis_user),
	    "", NULL,
	    "Redis' ACL user" },
	{ "redis_password_file", OPTION_PATH_OR_NONE, AT(redis_password_file),
	    "", NULL,
	    "a file whose first line is Redis' password" },
	{ "run_dir", OPTION_PATH, AT(run_dir),
	    "/run/hopseal", NULL,
	    "sockets and process id" },
	{ "state_dir", OPTION_PATH, AT(state_dir),
	    "/var/lib/hopseal", NULL,
	    "journal, positions in logs, and what outlives a restart" },
	{ "rules_file", OPTION_PATH_OR_NONE, AT(rules_file),
	    HOPSEAL_SYSCONFDIR "/rules", NULL,
	    "the operator's table of domains" },
	{ "own_domains", OPTION_DOMAINS, AT(own_domains),
	    "", NULL,
	    "domains that we receive for; empty: from postconf" },
	{ "own_networks", OPTION_NETWORKS, AT(own_networks),
	    "", NULL,
	    "networks of our clients; empty: Postfix's mynetworks" },
	{ "postfix_config_dir", OPTION_TEXT_OR_NONE, AT(postfix_config_dir),
	    "", NULL,
	    "where postconf looks; empty: every instance of postmulti" },
	{ "reinject_ports", OPTION_PORTS, AT(reinject_ports),
	    "", NULL,
	    "ports where content filters hand mail back" },
	{ "next_hops", OPTION_NEXT_HOPS, AT(next_hops),
	    "", NULL,
	    "DOMAIN=NEXTHOP ..., instead of what Postfix says" },
	{ "site_tls_level", OPTION_TEXT_OR_NONE, AT(site_tls_level),
	    "", TLS_LEVELS,
	    "instead of Postfix's smtp_tls_security_level" },
	{ "dane", OPTION_WORD, AT(dane),
	    "auto", "auto|off",
	    "auto: where Postfix and its resolver can carry it" },
	{ "private_zones", OPTION_DOMAINS, AT(private_zones),
	    "", NULL,
	    "zones that mean nothing outside and are never looked up" },
	{ "strict", OPTION_YES_NO, AT(strict),
	    "no", "no|yes",
	    "refuse also what Postfix itself lets pass" },
	{ "recipient_judge", OPTION_WORD, AT(recipient_judge),
	    "access", "access|milter",
	    "who may answer 4xx to a recipient" },
	{ "inbound_tls", OPTION_WORD, AT(inbound_tls),
	    "known", "known|unknown",
	    "unknown: a proxy took the TLS off, the milter claims nothing" },
	{ "dns_servers", OPTION_SERVERS, AT(dns_servers),
	    "", NULL,
	    "ADDRESS[@PORT] of resolvers; empty: resolv.conf" },
	{ "dns_trust_anchor", OPTION_PATH_OR_NONE, AT(dns_trust_anchor),
	    "", NULL,
	    "DS or DNSKEY of the root; empty: the system's" },
	{ "tls_ca_file", OPTION_PATH_OR_NONE, AT(tls_ca_file),
	    "", NULL,
	    "trust for policy hosts; empty: the system's" },
	{ "tls_ca_path", OPTION_PATH_OR_NONE, AT(tls_ca_path),
	    "", NULL,
	    "trust for policy hosts, a hashed folder" },
	{ "mx_ca_file", OPTION_PATH_OR_NONE, AT(mx_ca_file),
	    "", NULL,
	    "trust for MX hosts; empty: Postfix's own settings" },
	{ "mx_ca_path", OPTION_PATH_OR_NONE, AT(mx_ca_path),
	    "", NULL,
	    "trust for MX hosts, a hashed folder" },
	{ "crl_file", OPTION_PATH_OR_NONE, AT(crl_file),
	    "", NULL,
	    "revocation lists, PEM" },
	{ "certificate", OPTION_TEXT_OR_NONE, AT(certificates),
	    "", NULL,
	    "our certificates beside Postfix's and Dovecot's" },
	{ "promise_domains", OPTION_DOMAINS, AT(promise_domains),
	    "", NULL,
	    "domains beside own_domains whose promises \"certs\" looks at" },
	{ "cert_warn", OPTION_TIMES, AT(cert_warn),
	    "", NULL,
	    "times before a certificate's end; empty: by its lifetime" },
	{ "cert_interval", OPTION_SECONDS, AT(cert_interval_s),
	    "1h", "0 to 1d",
	    "how often our own certificates are looked at; 0: never" },
	{ "local_cert_action", OPTION_WORD, AT(local_cert_action),
	    "log", "log|tag",
	    "while our own has ended: tag marks mail that comes in" },
	{ "alert_command", OPTION_PATH_OR_NONE, AT(alert_command),
	    "", NULL,
	    "run for each change that a person should know of" },
	{ "alert_mailto", OPTION_MAILBOXES, AT(alert_mailto),
	    "", NULL,
	    "mailboxes that are told of such changes" },
	{ "alert_webhook", OPTION_WEBHOOK, AT(alert_webhook),
	    "", NULL,
	    "URL that such changes are posted to as JSON" },
	{ "alert_quiet", OPTION_SECONDS, AT(alert_quiet_s),
	    "5m", "0s to 1d",
	    "pause behind a message; what comes meanwhile is one more" },
	{ "alert_after", OPTION_SECONDS, AT(alert_after_s),
	    "5m", "0s to 1d",
	    "how long trouble lasts before somebody is told" },
	{ "alert_silence", OPTION_SECONDS, AT(alert_silence_s),
	    "1h", "1s to 7d",
	    "how long mail may flow while no session is recorded" },
	{ "allow_networks", OPTION_NETWORKS, AT(allow_networks),
	    "", NULL,
	    "special-use networks that may be contacted" },
	{ "probe_rate", OPTION_NUMBER, AT(probe_rate),
	    "60", "1 to 100000",
	    "looks at mail hosts that the scout begins a minute" },
	{ "scout_program", OPTION_PATH_OR_NONE, AT(scout_program),
	    "", NULL,
	    "the program that meets strangers; empty: found by itself" },
	{ "first_contact_wait", OPTION_MILLISECONDS, AT(first_contact_wait_ms),
	    "2s", "0s to 9s",
	    "how long a recipient's first question may wait for facts" },
	{ "map_deadline", OPTION_MILLISECONDS, AT(map_deadline_ms),
	    "5s", "1s to 60s",
	    "how long the TLS policy map may wait for facts" },
	{ "reprobe_after", OPTION_SECONDS, AT(reprobe_after_s),
	    "10m", "1s to 1d",
	    "how soon a bad host is looked at again when asked for" },
	{ "good_ttl", OPTION_SECONDS, AT(good_ttl_s),
	    "24h", "1s to 30d",
	    "how long a good observation counts" },
	{ "bad_ttl", OPTION_SECONDS, AT(bad_ttl_s),
	    "1h", "1s to 7d",
	    "how long a bad observation counts" },
	{ "stale_ttl", OPTION_SECONDS, AT(stale_ttl_s),
	    "24h", "0s to 30d",
	    "how long \"neither DANE nor policy\" answers without the scout" },
	{ "l1_ttl", OPTION_SECONDS, AT(l1_ttl_s),
	    "60s", "1s to 1h",
	    "how long memory answers before Redis is asked again" },
	{ "cache_entries", OPTION_NUMBER, AT(cache_entries),
	    "200000", "1 to 100000000",
	    "domains kept in memory" },
	{ "cache_bytes", OPTION_BYTES, AT(cache_bytes),
	    "64M", "1M to 2G",
	    "memory for the domains kept" },
	{ "maillog", OPTION_PATH_OR_NONE, AT(maillog),
	    "", "journal|none",
	    "Postfix's log; empty: found by itself" },
	{ "outbound_source", OPTION_WORD, AT(outbound_source),
	    "maillog", "maillog|tlsrpt|both",
	    "what outbound sessions are counted from" },
	{ "inbound_source", OPTION_WORD, AT(inbound_source),
	    "maillog", "maillog|access",
	    "what inbound sessions are counted from" },
	{ "aggregates_file", OPTION_PATH_OR_NONE, AT(aggregates_file),
	    "/var/log/hopseal/aggregates.jsonl", "journal",
	    "where the sums go, a JSON object a line" },
	{ "aggregate_interval", OPTION_SECONDS, AT(aggregate_interval_s),
	    "1h", "1m to 1d",
	    "how often the sums go there" },
	{ "report", OPTION_WORD, AT(report),
	    "off", "off|on",
	    "send TLS reports (RFC 8460)" },
	{ "report_organization", OPTION_TEXT_OR_NONE, AT(report_organization),
	    "", NULL,
	    "organization-name in reports" },
	{ "report_contact", OPTION_TEXT_OR_NONE, AT(report_contact),
	    "", NULL,
	    "contact-info in reports" },
	{ "report_sender", OPTION_TEXT_OR_NONE, AT(report_sender),
	    "", NULL,
	    "address that reports are sent from" },
	{ "report_relay", OPTION_ENDPOINT, AT(report_relay),
	    "inet:127.0.0.1:25", NULL,
	    "takes reports that go by mail" },
	{ "report_rules", OPTION_TEXT_OR_NONE, AT(report_rules),
	    "", NULL,
	    "domains that get no reports, or elsewhere: domain=off, domain=URI" },
	{ "report_window", OPTION_SECONDS, AT(report_window_s),
	    "4h", "0s to 20h",
	    "reports are spread over this time after midnight UTC" },
	{ "report_addresses", OPTION_TEXT_OR_NONE, AT(report_addresses),
	    "", NULL,
	    "our addresses that receive reports of others" },
	{ "authserv_id", OPTION_TEXT, AT(authserv_id),
	    "$myhostname", NULL,
	    "whose Authentication-Results are believed" },
	{ "tally_max_domains", OPTION_NUMBER, AT(tally_max_domains),
	    "100000", "1 to 10000000",
	    "domains counted a day; the rest is \"(other)\"" },
	{ "log_target", OPTION_WORD, AT(log_target),
	    "auto", "auto|syslog|stderr|journal",
	    "where log lines go" },
	{ "log_level", OPTION_WORD, AT(log_level),
	    "info", "error|warn|info|debug",
	    "the least important lines that are written" },
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* ---------------------------------------------------- numbers with units */

/* The largest first; the last is that of a bare number. */
struct unit {
	const char	*name;
	uint64_t	 factor;
};

static const struct unit count_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit byte_units[] = {
	{ "G", 1024 * 1024 * 1024 }, { "M", 1024 * 1024 }, { "k", 1024 },
	{ "", 1 }, { NULL, 0 }
};
static const struct unit time_units[] = {		/* milliseconds */
	{ "w", 604800000 }, { "d", 86400000 }, { "h", 3600000 },
	{ "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { "", 1000 }, { NULL, 0 }
};

static const struct unit *
units_of(enum option_type type)
{
	switch (type) {
	case OPTION_SECONDS:
	case OPTION_MILLISECONDS:
		return time_units;
	case OPTION_BYTES:
		return byte_units;
	default:
		return count_units;
	}
}

static bool
quantity_parse(struct text t, const struct unit *units, uint64_t *out)
{
	struct text digits = { t.data, 0 }, name;
	uint64_t number;

	while (digits.len < t.len && t.data[digits.len] >= '0' &&
	    t.data[digits.len] <= '9')
		digits.len++;
	name = (struct text){ t.data + digits.len, t.len - digits.len };
	for (; units->name != NULL; units++) {
		if (!text_equals(name, units->name))
			continue;
		if (!text_parse_u64(digits, UINT64_MAX / units->factor,
		    &number))
			return false;
		*out = number * units->factor;
		return true;
	}
	return false;
}

size_t
config_seconds_list(struct text list, int64_t *out, size_t max)
{
	struct text item;
	uint64_t ms;
	int64_t seconds;
	size_t count = 0, i;

	while (count < max && text_next_item(&list, &item)) {
		if (!quantity_parse(item, time_units, &ms))
			continue;
		seconds = (int64_t)(ms / 1000);
		for (i = count++; i > 0 && out[i - 1] < seconds; i--)
			out[i] = out[i - 1];
		out[i] = seconds;
	}
	return count;
}

static void
quantity_format(uint64_t value, const struct unit *units, struct buffer *out)
{
	while (units[1].name != NULL &&
	    (value < units->factor || value % units->factor != 0))
		units++;
	buffer_addf(out, "%llu%s",
	    (unsigned long long)(value / units->factor), units->name);
}

/* What a field's unit of 1 is in the units of its text. */
static uint64_t
field_factor(enum option_type type)
{
	return type == OPTION_SECONDS ? 1000 : 1;
}

static int
number_read(const struct option *o, struct text value, unsigned *out)
{
	const struct unit *units = units_of(o->type);
	struct text range = text_of(o->allowed), least, to, most;
	uint64_t number, min, max;
	bool is_range;

	is_range = text_next_word(&range, &least) &&
	    text_next_word(&range, &to) && text_next_word(&range, &most) &&
	    quantity_parse(least, units, &min) &&
	    quantity_parse(most, units, &max);
	assert(is_range);
	if (!quantity_parse(value, units, &number) || number < min ||
	    number > max || number % field_factor(o->type) != 0)
		return -1;
	*out = (unsigned)(number / field_factor(o->type));
	return 0;
}

static int
mode_read(struct text value, unsigned *out)
{
	unsigned mode = 0;
	size_t i;

	if (value.len < 1 || value.len > 4)
		return -1;
	for (i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '7')
			return -1;
		mode = mode * 8 + (unsigned)(value.data[i] - '0');
	}
	if (mode > 0777)
		return -1;
	*out = mode;
	return 0;
}

/* ---------------------------------------------------------- other values */

/* Which of "word|word" it is. */
static int
word_read(const char *words, struct text value, unsigned *out)
{
	struct text rest = text_of(words), word;
	unsigned i;

	for (i = 0; text_next_field(&rest, '|', &word); i++) {
		if (word.len == value.len &&
		    memcmp(word.data, value.data, word.len) == 0) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

static struct text
word_at(const char *words, unsigned index)
{
	struct text rest = text_of(words), word = { "", 0 };
	unsigned i;

	for (i = 0; i <= index; i++)
		text_next_field(&rest, '|', &word);
	return word;
}

static int
endpoints_check(struct text value, size_t max, const char **why)
{
	struct endpoint list[LISTEN_MAX];
	size_t count;

	return endpoint_parse_list(value, list, max, &count, why);
}

static int
path_check(const struct option *o, struct text value, const char **why)
{
	if (value.len == 0 || value.data[0] != '/') {
		*why = o->allowed == NULL ? "must be an absolute path" : NULL;
		return -1;
	}
	if (o->type == OPTION_SOCKET && value.len >= ENDPOINT_PATH_SIZE) {
		*why = "the path of a unix socket has at most 107 bytes";
		return -1;
	}
	return 0;
}

/* Whether it exists, and who else has uid 0, only the system can tell. */
static int
account_check(struct text value, bool may_be_root, const char **why)
{
	struct text group = value, user;
	uint64_t id;

	text_next_field(&group, ':', &user);
	if (user.len == 0 || (group.data != NULL && (group.len == 0 ||
	    memchr(group.data, ':', group.len) != NULL))) {
		*why = "must be USER or USER:GROUP";
		return -1;
	}
	if (!may_be_root && (text_equals(user, "root") ||
	    (text_parse_u64(user, UINT32_MAX, &id) && id == 0))) {
		*why = "must not be root";
		return -1;
	}
	return 0;
}

/* In clear to loopback alone, as the scout will see to again. */
static int
webhook_check(struct text value, const char **why)
{
	struct web_url url;

	if (web_url_parse(value, &url, why) == -1)
		return -1;
	*why = "must begin with https://, unless its host is loopback";
	return url.is_https || url.is_loopback ? 0 : -1;
}

static int
network_check(struct text item, const char **why)
{
	struct network_list networks;
	size_t skipped;

	if (network_list_parse(item, &networks, &skipped, why) == -1)
		return -1;
	network_list_clear(&networks);
	if (skipped > 0)
		*why = "a table is not read here, write the networks";
	return skipped > 0 ? -1 : 0;
}

/* As Postfix and the macro {daemon_port} write it: compared as text. */
static bool
is_port(struct text t)
{
	uint64_t port;

	return text_parse_u64(t, UINT16_MAX, &port) && t.data[0] != '0';
}

/* domain "=" (next hop / address) */
static int
next_hop_check(struct text item, const char **why)
{
	struct text target = item, domain;
	struct address address;
	struct next_hop hop;
	char name[HOST_NAME_SIZE];

	text_next_field(&target, '=', &domain);
	if (target.data == NULL) {
		*why = "must be DOMAIN=NEXTHOP";
		return -1;
	}
	if (host_name_normalize(domain, name, why) == -1)
		return -1;
	if (address_parse(target, &address))
		return 0;
	next_hop_parse(target, &hop, why);
	return hop.kind == NEXT_HOP_NONE ? -1 : 0;
}

/* address ["@" port], as libunbound reads it: without brackets */
static bool
is_server(struct text item)
{
	struct text port = item, host;
	struct address address;

	text_next_field(&port, '@', &host);
	return host.len > 0 && host.data[0] != '[' &&
	    address_parse(host, &address) &&
	    (port.data == NULL || is_port(port));
}

/* What Postfix takes between the angle brackets of RCPT, without quoting. */
static bool
is_mailbox(struct text item)
{
	static const char others[] = "!#$%&'*+-/=?^_`{|}~.";
	struct text domain = item, local;
	char name[HOST_NAME_SIZE];
	const char *why;
	size_t i;

	text_next_field(&domain, '@', &local);
	for (i = 0; i < local.len; i++)
		if (!text_is_alphanumeric(local.data[i]) &&
		    memchr(others, local.data[i], sizeof(others) - 1) == NULL)
			return false;
	return local.len > 0 && item.len <= MAILBOX_MAX &&
	    text_is_printable(item) &&
	    (domain.data == NULL ||
	    host_name_normalize(domain, name, &why) == 0);
}

static int
item_check(enum option_type type, struct text item, const char **why)
{
	char name[HOST_NAME_SIZE];
	uint64_t quantity;

	switch (type) {
	case OPTION_NETWORKS:
		return network_check(item, why);
	case OPTION_DOMAINS:
		return host_name_normalize(item, name, why);
	case OPTION_PORTS:
		*why = "must be a port, 1 to 65535";
		return is_port(item) ? 0 : -1;
	case OPTION_NEXT_HOPS:
		return next_hop_check(item, why);
	case OPTION_MAILBOXES:
		*why = "must be a plain mailbox like admin@example.org";
		return is_mailbox(item) ? 0 : -1;
	case OPTION_TIMES:
		*why = "must be a time like 14d";
		return quantity_parse(item, time_units, &quantity) ? 0 : -1;
	default:
		*why = "must be ADDRESS or ADDRESS@PORT";
		return is_server(item) ? 0 : -1;
	}
}

/* A refused list is narrowed to its first bad item. */
static int
list_check(enum option_type type, struct text *value, const char **why)
{
	struct text rest = *value, item;
	bool is_empty = true;

	while (text_next_item(&rest, &item)) {
		is_empty = false;
		if (item_check(type, item, why) == -1) {
			*value = item;
			return -1;
		}
	}
	if (is_empty)
		*why = "names nothing";
	return is_empty ? -1 : 0;
}

/*
 * -1 without *why: none of the allowed.  Of a refused list *whole becomes the
 * bad item.
 */
static int
text_check(const struct option *o, struct text *whole, const char **why)
{
	struct text value = *whole;
	struct redis_address address;
	unsigned word;

	if (value.len == 0 && (o->type == OPTION_TEXT ||
	    o->type == OPTION_USER || o->type == OPTION_OWNER)) {
		*why = "must not be empty";
		return -1;
	}
	if (o->type == OPTION_TEXT ||
	    (value.len == 0 && o->type != OPTION_PATH))
		return 0;
	if (o->allowed != NULL && word_read(o->allowed, value, &word) == 0)
		return 0;
	switch (o->type) {
	case OPTION_PATH:
	case OPTION_PATH_OR_NONE:
	case OPTION_SOCKET:
		return path_check(o, value, why);
	case OPTION_ENDPOINT:
		return endpoints_check(value, 1, why);
	case OPTION_ENDPOINTS:
		return endpoints_check(value, LISTEN_MAX, why);
	case OPTION_REDIS:
		return redis_address_parse(value, &address, why);
	case OPTION_WEBHOOK:
		return webhook_check(value, why);
	case OPTION_USER:
	case OPTION_OWNER:
		return account_check(value, o->type == OPTION_OWNER, why);
	case OPTION_NETWORKS:
	case OPTION_DOMAINS:
	case OPTION_PORTS:
	case OPTION_NEXT_HOPS:
	case OPTION_SERVERS:
	case OPTION_MAILBOXES:
	case OPTION_TIMES:
		return list_check(o->type, whole, why);
	default:
		return o->allowed == NULL ? 0 : -1;
	}
}

/* ------------------------------------------------------------ one option */

static void *
field_of(const struct option *o, struct config *c)
{
	return (char *)c + o->offset;
}

static bool
is_text(const struct option *o)
{
	return o->type < OPTION_NUMBER;
}

/*
 * -1 without *why: not what the table allows.  What is wrong is in *bad: the
 * value, or one item of it.
 */
static int
option_set(const struct option *o, struct config *c, struct text value,
    struct text *bad, const char **why)
{
	char **field = field_of(o, c);
	unsigned number;
	int result;

	*why = NULL;
	*bad = value;
	if (is_text(o)) {
		if (text_check(o, bad, why) == -1)
			return -1;
		free(*field);
		*field = xstrndup(value.data, value.len);
		return 0;
	}
	if (o->type == OPTION_WORD || o->type == OPTION_YES_NO)
		result = word_read(o->allowed, value, &number);
	else if (o->type == OPTION_MODE)
		result = mode_read(value, &number);
	else
		result = number_read(o, value, &number);
	if (result == -1)
		return -1;
	if (o->type == OPTION_YES_NO)
		*(bool *)field_of(o, c) = number != 0;
	else
		*(unsigned *)field_of(o, c) = number;
	return 0;
}

static void
option_format(const struct option *o, const struct config *c,
    struct buffer *out)
{
	const void *field = (const char *)c + o->offset;
	struct text word;

	switch (o->type) {
	case OPTION_WORD:
		word = word_at(o->allowed, *(const unsigned *)field);
		buffer_add(out, word.data, word.len);
		break;
	case OPTION_YES_NO:
		word = word_at(o->allowed, *(const bool *)field);
		buffer_add(out, word.data, word.len);
		break;
	case OPTION_MODE:
		buffer_addf(out, "%04o", *(const unsigned *)field);
		break;
	case OPTION_NUMBER:
	case OPTION_BYTES:
	case OPTION_SECONDS:
	case OPTION_MILLISECONDS:
		quantity_format(*(const unsigned *)field *
		    field_factor(o->type), units_of(o->type), out);
		break;
	default:
		buffer_add_text(out, *(char *const *)field);
		break;
	}
}

static const struct option *
option_find(struct text name)
{
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (text_equals(name, options[i].name))
			return &options[i];
	return NULL;
}

/* The name that was probably meant, or NULL. */
static const char *
option_guess(const char *name)
{
	unsigned nearest = 2 + (unsigned)strlen(name) / 4, distance;
	const char *guess = NULL;
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++) {
		distance = text_distance(name, options[i].name);
		if (distance < nearest) {
			nearest = distance;
			guess = options[i].name;
		}
	}
	return guess;
}

/* --------------------------------------------------------------- reading */

/* Where a text stands, and whether it was right so far. */
struct reader {
	struct config	*config;
	const char	*name;			/* of the file, or "-o" */
	unsigned	 line;			/* 0: no line */
	struct buffer	*errors;
	bool		 is_bad;
	unsigned	 set_at[OPTION_COUNT];	/* line; 0: not yet */
};

static void complain(struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
complain(struct reader *r, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (r->line > 0)
		buffer_addf(r->errors, "%s:%u: %s\n", r->name, r->line,
		    message);
	else
		buffer_addf(r->errors, "%s: %s\n", r->name, message);
	r->is_bad = true;
}

/* True for text of this file's kind; complains otherwise. */
static bool
is_clean(struct reader *r, struct text t)
{
	const unsigned char *p = (const unsigned char *)t.data;
	size_t i = 0, size;

	while (i < t.len) {
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f) {
			complain(r, "holds a control character (octet %u)",
			    (unsigned)p[i]);
			return false;
		}
		size = text_utf8_char((struct text){ t.data + i, t.len - i });
		if (size == 0) {
			complain(r, "is not UTF-8");
			return false;
		}
		i += size;
	}
	return true;
}

/* A value in a message, which is logged: a URL may hold a password. */
static const char *
shown(const struct option *o, struct text value, char out[QUOTE_SIZE])
{
	if (o->type == OPTION_WEBHOOK)
		return "...";
	return text_quote(out, QUOTE_SIZE, value);
}

/* "name = value", one logical line. */
static void
assign(struct reader *r, struct text line)
{
	char name_text[QUOTE_SIZE], value_text[QUOTE_SIZE];
	const struct option *o;
	const char *why, *guess;
	struct text name, value = line, bad;

	if (memchr(line.data, '=', line.len) == NULL) {
		complain(r, "\"%s\": must be NAME = VALUE",
		    text_quote(name_text, sizeof(name_text), line));
		return;
	}
	text_next_field(&value, '=', &name);
	name = text_trim(name);
	value = text_trim(value);
	text_quote(name_text, sizeof(name_text), name);

	o = option_find(name);
	if (o == NULL) {
		guess = option_guess(name_text);
		if (guess != NULL)
			complain(r, "unknown option \"%s\" (did you mean "
			    "\"%s\"?)", name_text, guess);
		else
			complain(r, "unknown option \"%s\"", name_text);
		return;
	}
	if (r->set_at[o - options] > 0) {
		complain(r, "%s is set twice, first in line %u", o->name,
		    r->set_at[o - options]);
		return;
	}
	r->set_at[o - options] = r->line;
	if (memchr(value.data, '$', value.len) != NULL &&
	    !text_equals(value, o->value)) {
		complain(r, "%s = %s: $name is not expanded here, write the "
		    "value itself", o->name, shown(o, value, value_text));
		return;
	}
	if (option_set(o, r->config, value, &bad, &why) == 0)
		return;
	if (why != NULL)
		complain(r, "%s = %s: %s", o->name, shown(o, bad, value_text),
		    why);
	else
		complain(r, "%s = %s: must be %s%s", o->name,
		    shown(o, bad, value_text), o->type == OPTION_PATH_OR_NONE ?
		    "an absolute path or one of " : "", o->allowed);
}

/* The logical line is complete: its mistakes belong to its first line. */
static void
finish_line(struct reader *r, struct buffer *logical, unsigned line)
{
	if (logical->len == 0)
		return;
	r->line = line;
	assign(r, (struct text){ logical->data, logical->len });
	buffer_reset(logical);
}

int
config_parse(struct config *c, const char *name, struct text text,
    struct buffer *errors)
{
	struct reader r = { .config = c, .name = name, .errors = errors };
	struct text line, content;
	struct buffer logical;
	unsigned begin = 0, number;

	buffer_init(&logical, text.len);
	for (number = 1; text_next_line(&text, &line); number++) {
		r.line = number;
		content = text_trim(line);
		if (!is_clean(&r, line) || content.len == 0 ||
		    content.data[0] == '#')
			continue;
		if (content.data == line.data) {
			finish_line(&r, &logical, begin);
			begin = number;
		} else if (begin == 0) {
			complain(&r, "begins with a blank but continues "
			    "nothing");
			continue;
		} else {
			buffer_add_text(&logical, " ");
		}
		buffer_add(&logical, content.data, content.len);
	}
	finish_line(&r, &logical, begin);
	buffer_clear(&logical);
	return r.is_bad ? -1 : 0;
}

int
config_set(struct config *c, struct text assignment, struct buffer *errors)
{
	struct reader r = { .config = c, .name = "-o", .errors = errors };

	if (is_clean(&r, assignment))
		assign(&r, assignment);
	return r.is_bad ? -1 : 0;
}

int
config_read(struct config *c, const char *path, bool may_be_missing,
    struct buffer *errors)
{
	struct buffer text;
	int result;

	buffer_init(&text, FILE_BYTES_MAX);
	if (file_read(path, &text) == 0) {
		result = config_parse(c, path,
		    (struct text){ buffer_text(&text), text.len }, errors);
	} else if (errno == ENOENT && may_be_missing) {
		result = 0;
	} else {
		buffer_addf(errors, "%s: %s\n", path, strerror(errno));
		result = -1;
	}
	buffer_clear(&text);
	return result;
}

/* ------------------------------------------------------------- the whole */

struct config *
config_new(void)
{
	struct config *c = xcalloc(1, sizeof(*c));
	struct text bad;
	const char *why;
	size_t i;
	int result;

	for (i = 0; i < OPTION_COUNT; i++) {
		result = option_set(&options[i], c, text_of(options[i].value),
		    &bad, &why);
		assert(result == 0);
	}
	return c;
}

void
config_free(struct config *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < OPTION_COUNT; i++)
		if (is_text(&options[i]))
			free(*(char **)field_of(&options[i], c));
	free(c);
}

/* The status port shows to whom mail goes: to strangers never without password. */
static bool
is_loopback(const char *listen)
{
	struct endpoint endpoint;
	struct address address;
	const char *why;

	if (endpoint_parse(text_of(listen), &endpoint, &why) == -1 ||
	    endpoint.kind == ENDPOINT_UNIX)
		return true;
	return strcmp(endpoint.host, "localhost") == 0 ||
	    (address_parse(text_of(endpoint.host), &address) &&
	    address_is_loopback(&address));
}

/* Two options that name the same endpoint. */
static bool
check_endpoints(const struct config *c, struct buffer *errors)
{
	const struct {
		const char	*name, *value;
	} listens[] = {
		{ "map_listen", c->map_listen },
		{ "access_listen", c->access_listen },
		{ "status_listen", c->status_listen },
		{ "control_listen", c->control_listen },
		{ "milter_listen", c->milter_listen },
	};
	struct endpoint seen[sizeof(listens) / sizeof(listens[0]) * LISTEN_MAX];
	const char *owners[sizeof(seen) / sizeof(seen[0])], *why;
	char text[ENDPOINT_TEXT_SIZE];
	size_t i, j, k, count = 0, added;
	bool is_fine = true;

	for (i = 0; i < sizeof(listens) / sizeof(listens[0]); i++) {
		if (endpoint_parse_list(text_of(listens[i].value),
		    seen + count, LISTEN_MAX, &added, &why) == -1)
			continue;	/* config_parse has said it */
		for (j = count; j < count + added; j++) {
			owners[j] = listens[i].name;
			for (k = 0; k < j; k++) {
				if (!endpoint_equals(&seen[j], &seen[k]))
					continue;
				buffer_addf(errors, "%s and %s are both %s\n",
				    owners[k], owners[j],
				    endpoint_format(&seen[j], text));
				is_fine = false;
			}
		}
		count += added;
	}
	return is_fine;
}

/* RFC 8460, 5.3: who submits is known by the contact's domain, too. */
static bool
is_of_one_domain(const char *mailbox, const char *other)
{
	const char *at = strrchr(mailbox, '@'), *other_at = strrchr(other, '@');

	return at != NULL && other_at != NULL && strcasecmp(at, other_at) == 0;
}

static bool
check_that(bool is_fine, const char *message, struct buffer *errors)
{
	if (!is_fine)
		buffer_addf(errors, "%s\n", message);
	return is_fine;
}

static size_t
count_items(const char *list)
{
	struct text rest = text_of(list), item;
	size_t count = 0;

	while (text_next_item(&rest, &item))
		count++;
	return count;
}

int
config_check(const struct config *c, struct buffer *errors)
{
	bool is_fine = check_endpoints(c, errors);

	is_fine &= check_that(c->map_listen[0] != '\0' ||
	    c->access_listen[0] != '\0',
	    "map_listen and access_listen are both empty: Postfix could ask "
	    "nothing", errors);
	is_fine &= check_that(c->status_password_file[0] != '\0' ||
	    is_loopback(c->status_listen),
	    "status_listen is not on loopback: it needs status_password_file",
	    errors);
	is_fine &= check_that(c->redis_user[0] == '\0' ||
	    c->redis_password_file[0] != '\0',
	    "redis_user needs redis_password_file", errors);
	is_fine &= check_that(c->bad_ttl_s >= c->reprobe_after_s,
	    "bad_ttl is shorter than reprobe_after: what counts only when seen "
	    "twice would never count", errors);
	is_fine &= check_that(c->report == CONFIG_REPORT_OFF ||
	    (c->report_organization[0] != '\0' &&
	    c->report_contact[0] != '\0' && c->report_sender[0] != '\0'),
	    "report = on needs report_organization, report_contact and "
	    "report_sender", errors);
	is_fine &= check_that(c->report == CONFIG_REPORT_OFF ||
	    c->report_contact[0] == '\0' || c->report_sender[0] == '\0' ||
	    is_of_one_domain(c->report_contact, c->report_sender),
	    "report_contact and report_sender are no mailboxes of one domain, "
	    "as RFC 8460, 5.3 wants", errors);
	is_fine &= check_that(count_items(c->alert_mailto) <= MAILBOXES_MAX,
	    "alert_mailto names more than 10 mailboxes", errors);
	is_fine &= check_that(c->outbound_source == CONFIG_OUTBOUND_MAILLOG ||
	    c->tlsrpt_socket[0] != '\0',
	    "outbound_source needs tlsrpt_socket", errors);
	return is_fine ? 0 : -1;
}

void
config_format_changed(const struct config *c, struct buffer *out)
{
	struct config *defaults = config_new();
	struct buffer now, then;
	size_t i;

	buffer_init(&now, FILE_BYTES_MAX);
	buffer_init(&then, FILE_BYTES_MAX);
	for (i = 0; i < OPTION_COUNT; i++) {
		buffer_reset(&now);
		buffer_reset(&then);
		option_format(&options[i], c, &now);
		option_format(&options[i], defaults, &then);
		if (strcmp(buffer_text(&now), buffer_text(&then)) != 0)
			buffer_addf(out, "%s = %s\n", options[i].name,
			    buffer_text(&now));
	}
	buffer_clear(&then);
	buffer_clear(&now);
	config_free(defaults);
}

void
config_format_defaults(struct buffer *out)
{
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++)
		buffer_addf(out, "%s = %s\n", options[i].name,
		    options[i].value);
}

const char *
config_option_name(size_t index)
{
	return index < OPTION_COUNT ? options[index].name : NULL;
}

const char *
config_option_help(size_t index)
{
	return index < OPTION_COUNT ? options[index].help : NULL;
}

const char *
config_option_default(size_t index)
{
	return index < OPTION_COUNT ? options[index].value : NULL;
}

void
config_option_syntax(size_t index, struct buffer *out)
{
	const struct option *o = &options[index];
	const char *syntax = o->allowed != NULL &&
	    o->type == OPTION_TEXT_OR_NONE ? NULL : type_syntaxes[o->type];
	struct text rest, word;

	if (syntax != NULL)
		buffer_add_text(out, syntax);
	if (o->allowed == NULL)
		return;
	if (syntax != NULL && !is_text(o)) {
		buffer_addf(out, ", %s", o->allowed);
		return;
	}
	rest = text_of(o->allowed);
	while (text_next_field(&rest, '|', &word)) {
		if (syntax != NULL || word.data != o->allowed)
			buffer_add_text(out, " | ");
		buffer_add(out, word.data, word.len);
	}
}
