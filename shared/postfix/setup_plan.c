/*
 * The plan for main.cf and master.cf.  Lists of the operator are taken as
 * written, with their $names, and ours goes where it must stand: our map behind
 * other tables, which win, our restriction and our milter in front.
 */

#include "shared/postfix/setup_plan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/postfix/map_reply_check.h"
#include "shared/postfix/table.h"
#include "shared/xalloc.h"

#define OLDEST		304
#define NEWEST		312
#define TLSRPT_SINCE	310	/* knows the attributes of QUERYwithTLSRPT */
#define RELAY_SINCE	306	/* smtpd_relay_before_recipient_restrictions */

#define VALUE_MAX	65536

/* name type private unpriv chroot wakeup maxproc command */
enum { COLUMN_NAME, COLUMN_CHROOT = 4, COLUMN_COMMAND = 7, SERVICE_COLUMNS };

const char *const setup_parameters[] = {
	"mail_version", "queue_directory", "compatibility_level",
	"config_directory", "multi_instance_directories",
	"smtp_dns_support_level", "smtp_host_lookup",
	"smtp_tls_CAfile", "smtp_tls_CApath", "smtp_tls_loglevel",
	"smtp_tls_security_level", "smtp_tls_dane_insecure_mx_policy",
	"smtp_tlsrpt_enable", "smtp_tlsrpt_socket_name",
	"smtpd_authorized_xclient_hosts",
	"smtpd_relay_before_recipient_restrictions", "smtpd_tls_loglevel",
	"tls_append_default_CA", NULL
};

/* smtp_tls_dane_insecure_mx_policy is right by default from this patch on. */
static const struct {
	unsigned	series, patch;
} dane_fixed[] = { { 306, 17 }, { 307, 13 }, { 308, 8 }, { 309, 2 } };

static const char because_map[] =
    "What TLS next hops have promised.  While it is away all mail is deferred.";
static const char because_access[] =
    "Refuses mail that could not be delivered, where your rules say so.";
static const char because_milter[] = "Never in non_smtpd_milters: "
    "nobody would hear why a mail is refused.";
static const char because_dnssec[] =
    "DANE needs it, and a resolver that validates.";
static const char because_level[] =
    "Without it mail to all other domains goes out in clear.";

const char *
setup_file_name(enum setup_file file)
{
	static const char *const names[] = {
		[SETUP_MAIN_CF] = "main.cf", [SETUP_MASTER_CF] = "master.cf",
		[SETUP_HOPSEAL_CONF] = "hopseal.conf"
	};

	return names[file];
}

/* What is being planned, with what it is planned from. */
struct planning {
	const struct setup_host	*host;
	struct setup_plan	*plan;
	unsigned		 series, patch;
	struct text		 queue_directory;
	/* Endpoints as Postfix finds them. */
	char			*map, *access, *milter;
};

/* ------------------------------------------------------------------ reading */

struct text
setup_value(struct text lines, const char *name)
{
	struct text line, key;

	while (text_next_line(&lines, &line)) {
		text_next_field(&line, '=', &key);
		if (line.data != NULL && text_equals(text_trim(key), name))
			return text_trim(line);
	}
	return (struct text){ NULL, 0 };
}

static struct text
setting(const struct planning *p, const char *name)
{
	return setup_value(p->host->settings, name);
}

static bool
is_set(const struct planning *p, const char *name)
{
	return setting(p, name).len > 0;
}

/* "3.7.11", "3.12-20260821"; none is the oldest. */
static void
read_version(struct planning *p)
{
	struct text version = setting(p, "mail_version"), rest = version, field;
	uint64_t patch = 0;
	int i;

	p->series = OLDEST;
	if (!map_reply_version_parse(version, &p->series))
		return;
	for (i = 0; i < 3; i++)
		if (!text_next_field(&rest, '.', &field))
			return;
	if (text_parse_u64(field, 999, &patch))
		p->patch = (unsigned)patch;
}

/* Cuts the next line that describes a service. */
static bool
next_service(struct text *lines, struct text columns[SERVICE_COLUMNS])
{
	struct text line;
	size_t i;

	while (text_next_line(lines, &line)) {
		for (i = 0; i < SERVICE_COLUMNS; i++)
			if (!text_next_word(&line, &columns[i]))
				break;
		if (i == SERVICE_COLUMNS)
			return true;
	}
	return false;
}

/*
 * Below the queue directory a relative path is right for processes with and
 * without chroot, which all work there.
 */
char *
setup_as_postfix_finds(struct text queue, const char *endpoint)
{
	static const char everywhere[] = "inet::";
	struct text t = text_of(endpoint);
	struct buffer b;

	buffer_init(&b, VALUE_MAX);
	if (text_starts_with(t, "unix:")) {
		t.data += strlen("unix:");
		t.len -= strlen("unix:");
		if (queue.len > 0 && t.len > queue.len + 1 &&
		    memcmp(t.data, queue.data, queue.len) == 0 &&
		    t.data[queue.len] == '/') {
			t.data += queue.len + 1;
			t.len -= queue.len + 1;
		}
		buffer_add_text(&b, "unix:");
	} else if (text_starts_with(t, everywhere)) {
		t.data += strlen(everywhere);
		t.len -= strlen(everywhere);
		buffer_add_text(&b, "inet:127.0.0.1:");
	}
	buffer_add(&b, t.data, t.len);
	return buffer_take(&b);
}

/* ----------------------------------------------------------------- writing */

static char *
copy_of(struct text t)
{
	return t.data == NULL ? NULL : xstrndup(t.data, t.len);
}

static void
add_change(struct planning *p, enum setup_file file, const char *name,
    struct text old, const char *value, const char *because)
{
	struct setup_plan *plan = p->plan;

	plan->changes = xreallocarray(plan->changes, plan->change_count + 1,
	    sizeof(*plan->changes));
	plan->changes[plan->change_count++] = (struct setup_change){
		file, xstrdup(name), copy_of(old), xstrdup(value), because };
}

/* A parameter of main.cf, unless it has that value. */
static void
want(struct planning *p, const char *name, const char *value,
    const char *because)
{
	if (!text_equals(setting(p, name), value))
		add_change(p, SETUP_MAIN_CF, name,
		    setup_value(p->host->written, name), value, because);
}

static bool
has_option(const struct planning *p, const char *name, const char *value)
{
	return text_equals(setup_value(p->host->options, name), value);
}

static void
add_option(struct planning *p, const char *name, const char *value,
    const char *because)
{
	struct setup_plan *plan = p->plan;

	if (has_option(p, name, value))
		return;
	plan->options = xreallocarray(plan->options, plan->option_count + 1,
	    sizeof(*plan->options));
	plan->options[plan->option_count++] = (struct setup_option){ name,
		xstrdup(value), because };
}

void
setup_plan_warn(struct setup_plan *plan, const char *what, const char *advice)
{
	plan->warnings = xreallocarray(plan->warnings, plan->warning_count + 1,
	    sizeof(*plan->warnings));
	plan->warnings[plan->warning_count++] = (struct setup_warning){
		xstrdup(what), xstrdup(advice) };
}

/* ------------------------------------------------------------------- lists */

bool
setup_compact(struct text value, struct buffer *out)
{
	static const char marks[] = "{},=";
	bool has_gap = false;
	char last = ',', c;
	int depth = 0;
	size_t i;

	for (i = 0; i < value.len; i++) {
		c = value.data[i];
		if (c == ' ' || c == '\t' || (c == ',' && depth == 0)) {
			has_gap = true;
			continue;
		}
		if (has_gap && depth == 0 && out->len > 0)
			buffer_add_text(out, ",");
		else if (has_gap && strchr(marks, last) == NULL &&
		    strchr(marks, c) == NULL)
			return false;
		depth += (c == '{') - (c == '}');
		buffer_add(out, &c, 1);
		last = c;
		has_gap = false;
	}
	return true;
}

/* The operator's list with ours before it; as it is where we are in it. */
static void
add_in_front(const char *ours, const char *endpoint, struct text list,
    struct buffer *out)
{
	if (!text_contains(list, endpoint)) {
		buffer_add_text(out, ours);
		if (list.len > 0)
			buffer_add_text(out, ", ");
	}
	buffer_add(out, list.data, list.len);
}

/* The operator's own tables; other TLS policy services go. */
static void
add_own_tables(struct text tables, struct buffer *out)
{
	struct text item;

	while (table_next_item(&tables, &item))
		if (!text_starts_with(item, "socketmap:"))
			buffer_addf(out, "%s%.*s", out->len > 0 ? ", " : "",
			    (int)item.len, item.data);
}

static void
add_tables(const struct planning *p, struct text tables, struct buffer *out)
{
	add_own_tables(tables, out);
	buffer_addf(out, "%ssocketmap:%s:%s", out->len > 0 ? ", " : "", p->map,
	    p->series >= TLSRPT_SINCE ? "QUERYwithTLSRPT" : "QUERY");
}

static bool
has_same_items(struct text a, struct text b)
{
	struct text in_a, in_b;
	bool has_a, has_b;

	do {
		has_a = table_next_item(&a, &in_a);
		has_b = table_next_item(&b, &in_b);
		if (has_a != has_b || in_a.len != in_b.len ||
		    (has_a && memcmp(in_a.data, in_b.data, in_a.len) != 0))
			return false;
	} while (has_a);
	return true;
}

enum list { LIST_TABLES, LIST_ACCESS, LIST_MILTERS, LIST_COUNT };

static const struct {
	const char	*name, *because;
} lists[LIST_COUNT] = {
	[LIST_TABLES] = { "smtp_tls_policy_maps", because_map },
	[LIST_ACCESS] = { "smtpd_recipient_restrictions", because_access },
	[LIST_MILTERS] = { "smtpd_milters", because_milter }
};

static void
add_list(const struct planning *p, enum list list, struct text old,
    struct buffer *out)
{
	struct buffer ours;

	buffer_init(&ours, VALUE_MAX);
	switch (list) {
	case LIST_TABLES:
		add_tables(p, old, out);
		break;
	case LIST_ACCESS:
		buffer_addf(&ours, "check_policy_service { %s, timeout=10s, "
		    "default_action=DUNNO }", p->access);
		add_in_front(buffer_text(&ours), p->access, old, out);
		break;
	case LIST_MILTERS:
		buffer_addf(&ours, "{ %s, default_action=accept, "
		    "connect_timeout=2s, command_timeout=5s }", p->milter);
		add_in_front(buffer_text(&ours), p->milter, old, out);
		break;
	case LIST_COUNT:
		break;
	}
	buffer_clear(&ours);
}

static bool
is_wanted(const struct planning *p, enum list list)
{
	const char *const endpoints[LIST_COUNT] = {
		[LIST_TABLES] = p->host->map,
		[LIST_ACCESS] = p->host->access,
		[LIST_MILTERS] = p->host->milter };

	return endpoints[list][0] != '\0';
}

static void
plan_list(struct planning *p, enum list list)
{
	struct text old = setup_value(p->host->written, lists[list].name);
	struct buffer value;

	if (!is_wanted(p, list))
		return;
	buffer_init(&value, VALUE_MAX);
	add_list(p, list, old, &value);
	if (!has_same_items(old, (struct text){ buffer_text(&value),
	    value.len }))
		add_change(p, SETUP_MAIN_CF, lists[list].name, old,
		    buffer_text(&value), lists[list].because);
	buffer_clear(&value);
}

/* ------------------------------------------------------------------ main.cf */

static bool
lacks_level(struct text level)
{
	return level.len == 0 || text_equals(level, "none");
}

/* Where the MX records are not signed, TLSA records count all the same. */
static bool
needs_insecure_mx(const struct planning *p)
{
	size_t i;

	if (text_equals(setting(p, "smtp_tls_security_level"), "dane") ||
	    p->series >= TLSRPT_SINCE)
		return false;
	for (i = 0; i < sizeof(dane_fixed) / sizeof(dane_fixed[0]); i++)
		if (p->series == dane_fixed[i].series)
			return p->patch < dane_fixed[i].patch;
	return true;
}

static void
plan_authorities(struct planning *p)
{
	if (is_set(p, "smtp_tls_CAfile") || is_set(p, "smtp_tls_CApath") ||
	    text_equals(setting(p, "tls_append_default_CA"), "yes"))
		return;
	if (p->host->ca_file != NULL)
		want(p, "smtp_tls_CAfile", p->host->ca_file, "Without it no "
		    "certificate is Trusted, and enforced mail waits.");
	else
		setup_plan_warn(p->plan, "smtp_tls_CAfile is empty, and this "
		    "host has no file of authorities: nothing is ever Trusted",
		    "install ca-certificates and run this again");
}

static void
plan_log(struct planning *p, const char *name)
{
	static const char because[] = "Or nothing can be counted.";

	if (!is_set(p, name) || text_equals(setting(p, name), "0"))
		want(p, name, "1", because);
}

static void
plan_main(struct planning *p)
{
	plan_list(p, LIST_TABLES);
	want(p, "smtp_dns_support_level", "dnssec", because_dnssec);
	if (lacks_level(setting(p, "smtp_tls_security_level")))
		want(p, "smtp_tls_security_level", "may", because_level);
	if (needs_insecure_mx(p))
		want(p, "smtp_tls_dane_insecure_mx_policy", "dane",
		    "This Postfix is older than the fix of its default.");
	plan_authorities(p);
	plan_list(p, LIST_ACCESS);
	plan_list(p, LIST_MILTERS);
	if (p->series >= RELAY_SINCE)
		want(p, "smtpd_relay_before_recipient_restrictions", "yes",
		    "Who may not relay is refused before Hopseal is asked.");
	plan_log(p, "smtp_tls_loglevel");
	plan_log(p, "smtpd_tls_loglevel");
}

/* ---------------------------------------------------------------- master.cf */

static bool
is_loopback(struct text service)
{
	return text_starts_with(service, "127.") ||
	    text_starts_with(service, "[::1]:") ||
	    text_starts_with(service, "localhost:");
}

static void
want_override(struct planning *p, const char *place, struct text old,
    struct text value, const char *because)
{
	struct buffer what, compact;

	buffer_init(&what, VALUE_MAX);
	buffer_init(&compact, VALUE_MAX);
	if (setup_compact(value, &compact)) {
		add_change(p, SETUP_MASTER_CF, place, old,
		    buffer_text(&compact), because);
	} else {
		buffer_addf(&what, "master.cf: %s cannot be set by postconf",
		    place);
		buffer_reset(&compact);
		buffer_addf(&compact, "edit it: { %s = %.*s }",
		    strrchr(place, '/') + 1, (int)value.len, value.data);
		setup_plan_warn(p->plan, buffer_text(&what),
		    buffer_text(&compact));
	}
	buffer_clear(&what);
	buffer_clear(&compact);
}

/*
 * A service that empties its milters does so on purpose, while submission's
 * sample empties restrictions; what listens on loopback takes mail back from a
 * content filter, which was judged when it came.
 */
static void
plan_override_list(struct planning *p, enum list list, const char *place,
    struct text old)
{
	struct buffer value;

	if (!is_wanted(p, list) || (list == LIST_MILTERS && old.len == 0) ||
	    (list != LIST_TABLES && is_loopback(text_of(place))))
		return;
	buffer_init(&value, VALUE_MAX);
	add_list(p, list, old, &value);
	if (!has_same_items(old, (struct text){ buffer_text(&value),
	    value.len }))
		want_override(p, place, old, (struct text){
		    buffer_text(&value), value.len }, lists[list].because);
	buffer_clear(&value);
}

/* A service that goes to a content filter, say, and need not ask us. */
static bool
asks_nobody(const struct planning *p, struct text place, struct text name)
{
	struct text maps;
	struct buffer b;

	buffer_init(&b, VALUE_MAX);
	buffer_add(&b, place.data, place.len - name.len);
	buffer_add_text(&b, lists[LIST_TABLES].name);
	maps = setup_value(p->host->overrides, buffer_text(&b));
	buffer_clear(&b);
	return maps.data != NULL && maps.len == 0;
}

/* "submission/inet/smtpd_milters = value" */
static void
plan_override(struct planning *p, struct text line)
{
	struct text level = setting(p, "smtp_tls_security_level"), place, name;
	struct text rest;
	char *terminated;
	int slashes = 0, i;

	if (!text_next_field(&line, '=', &place) || line.data == NULL)
		return;
	place = text_trim(place);
	line = text_trim(line);
	rest = place;
	while (text_next_field(&rest, '/', &name))
		slashes++;
	if (slashes != 3 || asks_nobody(p, place, name))
		return;
	terminated = copy_of(place);
	for (i = 0; i < LIST_COUNT; i++)
		if (text_equals(name, lists[i].name))
			plan_override_list(p, (enum list)i, terminated, line);
	if (text_equals(name, "smtp_dns_support_level") &&
	    !text_equals(line, "dnssec"))
		want_override(p, terminated, line, text_of("dnssec"),
		    because_dnssec);
	if (text_equals(name, "smtp_tls_security_level") && lacks_level(line))
		want_override(p, terminated, line, lacks_level(level) ?
		    text_of("may") : level, because_level);
	free(terminated);
}

bool
setup_runs_chrooted(struct text services, struct text compatibility_level,
    const char *command)
{
	bool is_default = text_equals(compatibility_level, "0");
	struct text columns[SERVICE_COLUMNS];

	while (next_service(&services, columns))
		if (text_equals(columns[COLUMN_COMMAND], command) &&
		    (text_equals(columns[COLUMN_CHROOT], "y") ||
		    (text_equals(columns[COLUMN_CHROOT], "-") && is_default)))
			return true;
	return false;
}

static void
check_reach(struct planning *p, const char *option, const char *endpoint,
    const char *command)
{
	struct buffer what, advice;

	if (!text_starts_with(text_of(endpoint), "unix:/") ||
	    !setup_runs_chrooted(p->host->services, setting(p,
	    "compatibility_level"), command))
		return;
	buffer_init(&what, VALUE_MAX);
	buffer_init(&advice, VALUE_MAX);
	buffer_addf(&what, "%s = %s: %s runs chrooted below %.*s and cannot "
	    "reach it", option, endpoint, command,
	    (int)p->queue_directory.len, p->queue_directory.data);
	buffer_addf(&advice, "%s = unix:%.*s/hopseal/%s.sock, or inet:",
	    option, (int)p->queue_directory.len, p->queue_directory.data,
	    option);
	setup_plan_warn(p->plan, buffer_text(&what), buffer_text(&advice));
	buffer_clear(&what);
	buffer_clear(&advice);
}

/* Where mail comes from clients, be it those of this host alone. */
static bool
is_for_clients(struct text port)
{
	static const char *const ports[] = { "25", "smtp", "465", "smtps",
	    "submissions", "587", "submission" };
	size_t i;

	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (text_equals(port, ports[i]))
			return true;
	return false;
}

/* Ports on loopback where mail comes back from content filters. */
static void
plan_reinject_ports(struct planning *p)
{
	struct text lines = p->host->services, columns[SERVICE_COLUMNS];
	struct text port, rest;
	struct buffer ports;

	buffer_init(&ports, VALUE_MAX);
	while (next_service(&lines, columns)) {
		if (!is_loopback(columns[COLUMN_NAME]) ||
		    !text_equals(columns[COLUMN_COMMAND], "smtpd"))
			continue;
		rest = columns[COLUMN_NAME];
		while (text_next_field(&rest, ':', &port))
			;
		if (is_for_clients(port))
			continue;
		buffer_addf(&ports, "%s%.*s", ports.len > 0 ? ", " : "",
		    (int)port.len, port.data);
	}
	if (ports.len > 0)
		add_option(p, "reinject_ports", buffer_text(&ports),
		    "Mail that comes back from a content filter there.");
	buffer_clear(&ports);
}

/* -------------------------------------------------------------------- whole */

/*
 * Under its packaged unit policyd cannot make a socket for Postfix, and would
 * not start: systemd has to.
 */
static void
warn_of_datagrams(struct planning *p, const char *path)
{
	struct buffer what, advice;

	buffer_init(&what, VALUE_MAX);
	buffer_init(&advice, VALUE_MAX);
	buffer_addf(&what, "Postfix sends TLSRPT datagrams to %s, but "
	    "hopseal-tlsrpt.socket is not enabled", path);
	buffer_addf(&advice, "enable it with that path, then set "
	    "tlsrpt_socket = %s and outbound_source = both: see "
	    "docs/migrating.md", path);
	setup_plan_warn(p->plan, buffer_text(&what), buffer_text(&advice));
	buffer_clear(&what);
	buffer_clear(&advice);
}

static void
plan_datagrams(struct planning *p)
{
	struct text name = setting(p, "smtp_tlsrpt_socket_name");
	struct buffer b;
	const char *path;

	if (!text_equals(setting(p, "smtp_tlsrpt_enable"), "yes") ||
	    name.len == 0)
		return;
	buffer_init(&b, VALUE_MAX);
	if (name.data[0] != '/')
		buffer_addf(&b, "%.*s/", (int)p->queue_directory.len,
		    p->queue_directory.data);
	buffer_add(&b, name.data, name.len);
	path = buffer_text(&b);
	if (p->host->is_tlsrpt_unit_off &&
	    !(has_option(p, "tlsrpt_socket", path) &&
	    has_option(p, "outbound_source", "both")))
		warn_of_datagrams(p, path);
	else {
		add_option(p, "tlsrpt_socket", path, "Where Postfix sends its "
		    "datagrams; from policyd's next start on.");
		add_option(p, "outbound_source", "both",
		    "A session that has a datagram is counted from it.");
	}
	buffer_clear(&b);
}

static void
plan_options(struct planning *p)
{
	plan_reinject_ports(p);
	if (p->host->password_file != NULL)
		add_option(p, "status_password_file", p->host->password_file,
		    "Who knows the password in it may see the status page.");
	if (is_set(p, "smtpd_authorized_xclient_hosts"))
		add_option(p, "inbound_tls", "unknown", "Behind XCLIENT "
		    "Postfix does not know the client's TLS.");
	plan_datagrams(p);
}

/* Written by hand, our service has the limits of all policy services. */
static void
check_limits(struct planning *p)
{
	struct text list = setup_value(p->host->written,
	    lists[LIST_ACCESS].name);
	struct buffer what, advice;

	if (p->access[0] == '\0' || !text_contains(list, p->access) ||
	    text_contains(list, "timeout"))
		return;
	buffer_init(&what, VALUE_MAX);
	buffer_init(&advice, VALUE_MAX);
	buffer_addf(&what, "check_policy_service %s: smtpd waits for it as "
	    "long as for any, and refuses mail when it is away", p->access);
	buffer_addf(&advice, "check_policy_service { %s, timeout=10s, "
	    "default_action=DUNNO }", p->access);
	setup_plan_warn(p->plan, buffer_text(&what), buffer_text(&advice));
	buffer_clear(&what);
	buffer_clear(&advice);
}

static void
plan_warnings(struct planning *p)
{
	struct text version = setting(p, "mail_version");
	struct text others = setting(p, "multi_instance_directories");
	struct text lookup = setting(p, "smtp_host_lookup");
	struct buffer what;

	buffer_init(&what, VALUE_MAX);
	if (version.len > 0 && (p->series < OLDEST || p->series > NEWEST)) {
		buffer_addf(&what, "Postfix %.*s: tried are 3.4 to 3.12",
		    (int)version.len, version.data);
		setup_plan_warn(p->plan, buffer_text(&what),
		    "see that mail flows afterwards");
	}
	if (version.len > 0 && !p->host->has_main_cf)
		setup_plan_warn(p->plan, "Postfix has no main.cf yet",
		    "write one first; this is what it needs then");
	if (lookup.len > 0 && !text_contains(lookup, "dns"))
		setup_plan_warn(p->plan, "smtp_host_lookup is without dns, so "
		    "DANE cannot be used", "postconf -e smtp_host_lookup=dns, "
		    "or set dane = off");
	if (others.len > 0) {
		buffer_reset(&what);
		buffer_addf(&what, "Postfix has other instances: %.*s",
		    (int)others.len, others.data);
		setup_plan_warn(p->plan, buffer_text(&what), "run this for "
		    "each: hopseal setup -o postfix_config_dir=DIR");
	}
	buffer_clear(&what);
	check_reach(p, "map_listen", p->map, "smtp");
	check_reach(p, "access_listen", p->access, "smtpd");
	check_reach(p, "milter_listen", p->milter, "smtpd");
	check_limits(p);
}

struct setup_plan *
setup_plan_make(const struct setup_host *host)
{
	struct planning p = { .host = host };
	struct text lines = host->overrides, line;

	p.plan = xcalloc(1, sizeof(*p.plan));
	p.queue_directory = setting(&p, "queue_directory");
	read_version(&p);
	p.map = setup_as_postfix_finds(p.queue_directory, host->map);
	p.access = setup_as_postfix_finds(p.queue_directory, host->access);
	p.milter = setup_as_postfix_finds(p.queue_directory, host->milter);
	plan_main(&p);
	while (text_next_line(&lines, &line))
		plan_override(&p, line);
	plan_options(&p);
	plan_warnings(&p);
	free(p.map);
	free(p.access);
	free(p.milter);
	return p.plan;
}

void
setup_plan_free(struct setup_plan *plan)
{
	size_t i;

	if (plan == NULL)
		return;
	for (i = 0; i < plan->change_count; i++) {
		free(plan->changes[i].name);
		free(plan->changes[i].old);
		free(plan->changes[i].value);
	}
	for (i = 0; i < plan->option_count; i++)
		free(plan->options[i].value);
	for (i = 0; i < plan->warning_count; i++) {
		free(plan->warnings[i].what);
		free(plan->warnings[i].advice);
	}
	free(plan->changes);
	free(plan->options);
	free(plan->warnings);
	free(plan);
}

/* ----------------------------------------------------------------- commands */

void
setup_quote(const char *words, struct buffer *out)
{
	buffer_add_text(out, "'");
	for (; *words != '\0'; words++)
		if (*words == '\'')
			buffer_add_text(out, "'\\''");
		else
			buffer_add(out, words, 1);
	buffer_add_text(out, "'");
}

void
setup_change_command(const struct setup_change *change, const char *flags,
    struct buffer *out)
{
	bool is_main = change->file == SETUP_MAIN_CF;
	struct buffer words;

	buffer_init(&words, VALUE_MAX);
	buffer_addf(&words, is_main ? "%s = %s" : "%s=%s", change->name,
	    change->value);
	buffer_addf(out, "postconf%s %s ", flags, is_main ? "-e" : "-P");
	setup_quote(buffer_text(&words), out);
	buffer_clear(&words);
}

void
setup_plan_lines(const struct setup_plan *plan, const char *flags,
    struct buffer *out)
{
	const char *because = "";
	size_t i;

	for (i = 0; i < plan->change_count; i++) {
		if (plan->changes[i].because != because)
			buffer_addf(out, "# %s\n", plan->changes[i].because);
		because = plan->changes[i].because;
		setup_change_command(&plan->changes[i], flags, out);
		buffer_add_text(out, "\n");
	}
	if (plan->change_count > 0)
		buffer_addf(out, "postfix%s reload\n", flags);
}

void
setup_plan_undo(const struct setup_host *host, const char *flags,
    struct buffer *out)
{
	static const char name[] = "smtp_tls_policy_maps";
	struct setup_change change = { .file = SETUP_MAIN_CF };
	struct buffer tables;

	buffer_init(&tables, VALUE_MAX);
	add_own_tables(setup_value(host->written, name), &tables);
	if (tables.len == 0) {
		buffer_addf(out, "postconf%s -X %s", flags, name);
	} else {
		change.name = xstrdup(name);
		change.value = buffer_take(&tables);
		setup_change_command(&change, flags, out);
		free(change.name);
		free(change.value);
	}
	buffer_clear(&tables);
}
