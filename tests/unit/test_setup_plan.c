/*
 * What Postfix is to be told: by version, beside what is there already, in
 * master.cf, and what is warned of.
 */

#include "shared/postfix/setup_plan.h"

#include "tests/unit/check.h"

#define ROWS(table)	(sizeof(table) / sizeof(table[0]))
#define PLAN_MAX	65536

#define MAP	"inet:127.0.0.1:8461"
#define ACCESS	"inet:127.0.0.1:8462"
#define MILTER	"inet:127.0.0.1:8464"
#define SERVICE	"check_policy_service { " ACCESS ", timeout=10s, " \
		"default_action=DUNNO }"
#define FILTER	"{ " MILTER ", default_action=accept, connect_timeout=2s, " \
		"command_timeout=5s }"
#define TIGHT	"check_policy_service,{" ACCESS ",timeout=10s," \
		"default_action=DUNNO}"
#define TIGHT_FILTER "{" MILTER ",default_action=accept,connect_timeout=2s," \
		"command_timeout=5s}"

#define LOGS	"smtp_tls_loglevel = 1\nsmtpd_tls_loglevel = 1\n"
#define DNSSEC	"smtp_dns_support_level = dnssec\n"
#define CA	"smtp_tls_CAfile = /ca.pem\n"
#define LISTS	"smtp_tls_policy_maps = socketmap:" MAP ":QUERY\n" \
		INTAKE
#define INTAKE	"smtpd_recipient_restrictions = " SERVICE "\n" \
		"smtpd_milters = " FILTER "\n"
#define LEVEL	"smtp_tls_security_level = may\n"
#define RELAY	"smtpd_relay_before_recipient_restrictions = yes\n"
#define V37	"mail_version = 3.7.13\n"
#define DONE	V37 LISTS LEVEL DNSSEC CA LOGS RELAY

#define OWN_LISTS \
	"smtp_tls_policy_maps = hash:/etc/postfix/tls, " \
	"socketmap:inet:localhost:8461:q\n" \
	"smtpd_recipient_restrictions = permit_mynetworks, " \
	"reject_unlisted_recipient\n" \
	"smtpd_milters = inet:localhost:8891 $rspamd\n"

static void
format_changes(const struct setup_plan *plan, struct buffer *out)
{
	size_t i;

	for (i = 0; i < plan->change_count; i++)
		buffer_addf(out, "%s = %s\n", plan->changes[i].name,
		    plan->changes[i].value);
}

static struct setup_plan *
make(const char *settings, const char *overrides, const char *services,
    const char *map)
{
	struct setup_host host = {
		.has_main_cf = true, .settings = text_of(settings),
		.written = text_of(settings),
		.overrides = text_of(overrides),
		.services = text_of(services),
		.map = map, .access = ACCESS, .milter = MILTER,
		.ca_file = "/system.pem"
	};

	return setup_plan_make(&host);
}

/* ----------------------------------------------------------------- versions */

#define WANT(name, more) \
	"smtp_tls_policy_maps = socketmap:" MAP ":" name "\n" LEVEL more
#define INSECURE "smtp_tls_dane_insecure_mx_policy = dane\n"

static const struct {
	const char	*version, *want;
} versions[] = {
	{ "3.4.0", WANT("QUERY", INSECURE INTAKE) },
	{ "3.5.25", WANT("QUERY", INSECURE INTAKE) },
	{ "3.6.16", WANT("QUERY", INSECURE INTAKE RELAY) },
	{ "3.6.17", WANT("QUERY", INTAKE RELAY) },
	{ "3.7.11", WANT("QUERY", INSECURE INTAKE RELAY) },
	{ "3.7.13", WANT("QUERY", INTAKE RELAY) },
	{ "3.8.7", WANT("QUERY", INSECURE INTAKE RELAY) },
	{ "3.9.2", WANT("QUERY", INTAKE RELAY) },
	{ "3.10.0", WANT("QUERYwithTLSRPT", INTAKE RELAY) },
	{ "3.12-20260821", WANT("QUERYwithTLSRPT", INTAKE RELAY) },
};

static void
test_versions(void)
{
	struct setup_plan *plan;
	char settings[1024];
	struct buffer got;
	size_t i;

	for (i = 0; i < ROWS(versions); i++) {
		snprintf(settings, sizeof(settings), CA LOGS DNSSEC
		    "mail_version = %s\n", versions[i].version);
		plan = make(settings, "", "", MAP);
		buffer_init(&got, PLAN_MAX);
		format_changes(plan, &got);
		check_text(versions[i].version, buffer_text(&got),
		    versions[i].want);
		check_int(versions[i].version, (int64_t)plan->warning_count, 0);
		buffer_clear(&got);
		setup_plan_free(plan);
	}
}

/* ------------------------------------------------------------------ main.cf */

static const struct {
	const char	*label, *settings, *want;
} mains[] = {
	{ "all is there", DONE, "" },
	{ "other blanks and commas are as good", V37 LEVEL DNSSEC CA LOGS RELAY
	    "smtp_tls_policy_maps =  socketmap:" MAP ":QUERY,\n"
	    "smtpd_recipient_restrictions = check_policy_service {" ACCESS
	    "},permit\nsmtpd_milters = " MILTER "\n", "" },
	{ "own lists stay, other policy services go",
	    V37 LEVEL DNSSEC CA LOGS RELAY OWN_LISTS,
	    "smtp_tls_policy_maps = hash:/etc/postfix/tls, socketmap:" MAP
	    ":QUERY\nsmtpd_recipient_restrictions = " SERVICE
	    ", permit_mynetworks, reject_unlisted_recipient\n"
	    "smtpd_milters = " FILTER ", inet:localhost:8891 $rspamd\n" },
	{ "tables with braces stay whole", V37 LEVEL DNSSEC CA LOGS RELAY
	    INTAKE "smtp_tls_policy_maps = unionmap:{a:b, c:d} x:y\n",
	    "smtp_tls_policy_maps = unionmap:{a:b, c:d}, x:y, socketmap:" MAP
	    ":QUERY\n" },
	{ "none is no level", V37 LISTS DNSSEC CA LOGS RELAY
	    "smtp_tls_security_level = none\n", LEVEL },
	{ "a level of one's own stays", V37 LISTS DNSSEC CA LOGS RELAY
	    "smtp_tls_security_level = encrypt\n", "" },
	{ "dane needs no word about MX", "mail_version = 3.7.11\n" LISTS DNSSEC
	    CA LOGS RELAY "smtp_tls_security_level = dane\n", "" },
	{ "no authorities", V37 LISTS LEVEL DNSSEC LOGS RELAY
	    "smtp_tls_CAfile =\n",
	    "smtp_tls_CAfile = /system.pem\n" },
	{ "a folder of authorities", V37 LISTS LEVEL DNSSEC LOGS RELAY
	    "smtp_tls_CApath = /etc/ssl/certs\n", "" },
	{ "the default authorities", V37 LISTS LEVEL DNSSEC LOGS RELAY
	    "tls_append_default_CA = yes\n", "" },
	{ "a silent log", V37 LISTS LEVEL DNSSEC CA RELAY
	    "smtp_tls_loglevel = 0\nsmtpd_tls_loglevel = 2\n",
	    "smtp_tls_loglevel = 1\n" },
};

static void
test_main_cf(void)
{
	struct setup_plan *plan;
	struct buffer got;
	size_t i;

	for (i = 0; i < ROWS(mains); i++) {
		plan = make(mains[i].settings, "", "", MAP);
		buffer_init(&got, PLAN_MAX);
		format_changes(plan, &got);
		check_text(mains[i].label, buffer_text(&got), mains[i].want);
		buffer_clear(&got);
		setup_plan_free(plan);
	}
}

/* ---------------------------------------------------------------- master.cf */

static const struct {
	const char	*label, *override, *want;
} overrides[] = {
	{ "restrictions",
	    "submission/inet/smtpd_recipient_restrictions = "
	    "permit_sasl_authenticated,reject",
	    "submission/inet/smtpd_recipient_restrictions = " TIGHT
	    ",permit_sasl_authenticated,reject\n" },
	{ "blanks become commas",
	    "submission/inet/smtpd_recipient_restrictions = "
	    "check_policy_service { inet:[::1]:9, timeout = 3s }  permit",
	    "submission/inet/smtpd_recipient_restrictions = " TIGHT
	    ",check_policy_service,{inet:[::1]:9,timeout=3s},permit\n" },
	{ "emptied restrictions", "smtps/inet/smtpd_recipient_restrictions =",
	    "smtps/inet/smtpd_recipient_restrictions = " TIGHT "\n" },
	{ "milters", "smtps/inet/smtpd_milters = $rspamd",
	    "smtps/inet/smtpd_milters = " TIGHT_FILTER ",$rspamd\n" },
	{ "milters with ours", "10.0.0.1:25/inet/smtpd_milters = " FILTER,
	    "" },
	{ "emptied milters", "10.0.0.1:26/inet/smtpd_milters =", "" },
	{ "back from a content filter",
	    "127.0.0.1:10025/inet/smtpd_recipient_restrictions = permit", "" },
	{ "no level", "slow/unix/smtp_tls_security_level = none",
	    "slow/unix/smtp_tls_security_level = may\n" },
	{ "a level of its own", "relay/unix/smtp_tls_security_level = encrypt",
	    "" },
	{ "no DNSSEC", "relay/unix/smtp_dns_support_level = enabled",
	    "relay/unix/smtp_dns_support_level = dnssec\n" },
	{ "tables", "relay/unix/smtp_tls_policy_maps = hash:/x",
	    "relay/unix/smtp_tls_policy_maps = hash:/x,socketmap:" MAP
	    ":QUERY\n" },
	{ "emptied tables", "relay/unix/smtp_tls_policy_maps =", "" },
	{ "to a content filter",
	    "f/unix/smtp_tls_security_level = none\n"
	    "f/unix/smtp_tls_policy_maps =\n"
	    "f/unix/smtp_dns_support_level = disabled\n", "" },
	{ "beside a content filter",
	    "f/unix/smtp_tls_policy_maps =\n"
	    "g/unix/smtp_tls_security_level = none\n",
	    "g/unix/smtp_tls_security_level = may\n" },
	{ "nothing of ours", "relay/unix/syslog_name = postfix/relay", "" },
	{ "no override", "relay/syslog_name = x", "" },
	{ "no value", "relay/unix/smtpd_milters", "" },
};

static void
test_overrides(void)
{
	struct setup_plan *plan;
	struct buffer got;
	size_t i;

	for (i = 0; i < ROWS(overrides); i++) {
		plan = make(DONE, overrides[i].override, "", MAP);
		buffer_init(&got, PLAN_MAX);
		format_changes(plan, &got);
		check_text(overrides[i].label, buffer_text(&got),
		    overrides[i].want);
		check_bool(overrides[i].label, plan->change_count == 0 ||
		    plan->changes[0].file == SETUP_MASTER_CF, true);
		buffer_clear(&got);
		setup_plan_free(plan);
	}
}

static void
test_compact(void)
{
	static const struct {
		const char	*value, *want;	/* NULL: cannot be done */
	} rows[] = {
		{ "", "" }, { "a", "a" }, { " a, b\tc ,", "a,b,c" },
		{ "{ a, b = c } d", "{a,b=c},d" },
		{ "x { a, { b } } y", "x,{a,{b}},y" },
		{ "{ a b }", NULL }, { "{ a, b = c d }", NULL },
	};
	struct buffer got;
	bool is_done;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		buffer_init(&got, PLAN_MAX);
		is_done = setup_compact(text_of(rows[i].value), &got);
		check_text(rows[i].value, is_done ? buffer_text(&got) : NULL,
		    rows[i].want);
		buffer_clear(&got);
	}
}

/* -------------------------------------------------------- options, warnings */

#define JAIL	"queue_directory = /spool\n"
#define SMTPD	"smtp inet n - y - - smtpd\n"
#define SMTP	"smtp unix - - y - - smtp\n"

static const struct {
	const char	*label, *settings, *overrides, *services, *map;
	const char	*want;		/* the first warning, or "" */
} warnings[] = {
	{ "chroot and a port", DONE JAIL, "", SMTPD SMTP, MAP, "" },
	{ "chroot and a socket inside", V37 JAIL LEVEL, "", SMTPD SMTP,
	    "unix:/spool/h/map", "" },
	{ "chroot and a socket outside", DONE JAIL, "", SMTPD SMTP,
	    "unix:/run/h/map", "map_listen = unix:/run/h/map: smtp runs "
	    "chrooted below /spool and cannot reach it" },
	{ "a socket beside the jail", DONE JAIL, "", SMTP,
	    "unix:/spooler/map", "map_listen = unix:/spooler/map: smtp runs "
	    "chrooted below /spool and cannot reach it" },
	{ "another service's chroot", DONE JAIL, "", SMTPD,
	    "unix:/run/h/map", "" },
	{ "no chroot", DONE JAIL, "", "smtp unix - - n - - smtp\n",
	    "unix:/run/h/map", "" },
	{ "a default of today", DONE JAIL "compatibility_level = 3.6\n", "",
	    "smtp unix - - - - - smtp\n", "unix:/run/h/map", "" },
	{ "a default of old", DONE JAIL "compatibility_level = 0\n", "",
	    "smtp unix - - - - - smtp\n", "unix:/run/h/map",
	    "map_listen = unix:/run/h/map: smtp runs chrooted below /spool "
	    "and cannot reach it" },
	{ "too old", "mail_version = 3.3.1\n", "", "", MAP,
	    "Postfix 3.3.1: tried are 3.4 to 3.12" },
	{ "too new", "mail_version = 3.13.0\n", "", "", MAP,
	    "Postfix 3.13.0: tried are 3.4 to 3.12" },
	{ "hosts by /etc/hosts alone", DONE "smtp_host_lookup = native\n", "",
	    "", MAP, "smtp_host_lookup is without dns, so DANE cannot be used"
	    },
	{ "hosts by both", DONE "smtp_host_lookup = native, dns\n", "", "",
	    MAP, "" },
	{ "other instances", DONE "multi_instance_directories = /p2 /p3\n",
	    "", "", MAP, "Postfix has other instances: /p2 /p3" },
	{ "a policy service with every service's limits", V37
	    "smtpd_recipient_restrictions = check_policy_service " ACCESS
	    ", permit\n", "", "", MAP, "check_policy_service " ACCESS
	    ": smtpd waits for it as long as for any, and refuses mail when "
	    "it is away" },
	{ "a policy service with its own", V37
	    "smtpd_recipient_restrictions = check_policy_service { " ACCESS
	    ", timeout = 3s }, permit\n", "", "", MAP, "" },
	{ "blanks that cannot go", DONE,
	    "a/inet/smtpd_milters = { inet:h:1 default_action=accept }", "",
	    MAP, "master.cf: a/inet/smtpd_milters cannot be set by postconf" },
};

static void
test_warnings(void)
{
	struct setup_plan *plan;
	size_t i;

	for (i = 0; i < ROWS(warnings); i++) {
		plan = make(warnings[i].settings, warnings[i].overrides,
		    warnings[i].services, warnings[i].map);
		check_text(warnings[i].label, plan->warning_count > 0 ?
		    plan->warnings[0].what : "", warnings[i].want);
		setup_plan_free(plan);
	}
}

static void
test_bare_host(void)
{
	struct setup_host host = { .map = MAP, .access = ACCESS,
	    .milter = "", .settings = text_of("mail_version = 3.7.11\n") };
	struct setup_plan *plan = setup_plan_make(&host);
	struct buffer lines;

	check_int("no main.cf and no authorities",
	    (int64_t)plan->warning_count, 2);
	check_text("no authorities", plan->warnings[0].what, "smtp_tls_CAfile "
	    "is empty, and this host has no file of authorities: nothing is "
	    "ever Trusted");
	check_text("no main.cf", plan->warnings[1].what,
	    "Postfix has no main.cf yet");
	setup_plan_free(plan);
	host.settings = text_of("");
	host.ca_file = "/system.pem";
	plan = setup_plan_make(&host);
	buffer_init(&lines, SETUP_LINES_MAX);
	setup_plan_lines(plan, "", &lines);
	check_bool("without a milter nothing of one",
	    strstr(buffer_text(&lines), "milter") == NULL, true);
	check_contains("without Postfix what the oldest needs",
	    buffer_text(&lines), "socketmap:" MAP ":QUERY'");
	check_int("without Postfix no warning", (int64_t)plan->warning_count,
	    0);
	buffer_clear(&lines);
	setup_plan_free(plan);
}

static const struct {
	const char	*label, *settings, *services, *options, *want;
} options[] = {
	{ "none", DONE JAIL, SMTPD SMTP, "", "" },
	{ "content filters", DONE,
	    "127.0.0.1:10025 inet n - n - - smtpd\n"
	    "[::1]:10026 inet n - n - - smtpd -o x=y\n"
	    "localhost:10027 inet n - n - - smtp\n", "",
	    "reinject_ports = 10025, 10026\n" },
	{ "clients of this host alone", DONE,
	    "127.0.0.1:25 inet n - n - - smtpd\n"
	    "127.0.0.1:submission inet n - n - - smtpd\n", "", "" },
	{ "known", DONE, "127.0.0.1:10025 inet n - n - - smtpd\n",
	    "reinject_ports = 10025\n", "" },
	{ "behind a proxy",
	    DONE "smtpd_authorized_xclient_hosts = 10.0.0.1\n", "", "",
	    "inbound_tls = unknown\n" },
};

static void
format_options(const struct setup_plan *plan, struct buffer *out)
{
	size_t i;

	for (i = 0; i < plan->option_count; i++)
		buffer_addf(out, "%s = %s\n", plan->options[i].name,
		    plan->options[i].value);
}

static void
test_options(void)
{
	struct setup_host host = { .has_main_cf = true, .map = MAP,
	    .access = ACCESS, .milter = MILTER };
	struct setup_plan *plan;
	struct buffer got;
	size_t i;

	for (i = 0; i < ROWS(options); i++) {
		host.settings = host.written = text_of(options[i].settings);
		host.services = text_of(options[i].services);
		host.options = text_of(options[i].options);
		plan = setup_plan_make(&host);
		buffer_init(&got, PLAN_MAX);
		format_options(plan, &got);
		check_text(options[i].label, buffer_text(&got),
		    options[i].want);
		buffer_clear(&got);
		setup_plan_free(plan);
	}
}

#define TLSRPT(socket) \
	"smtp_tlsrpt_enable = yes\nsmtp_tlsrpt_socket_name = " socket "\n"

static const struct {
	const char	*label, *settings, *options;
	bool		 is_unit_off;
	const char	*want;
	const char	*warning;	/* NULL: none */
} datagrams[] = {
	{ "below the queue", TLSRPT("run/tlsrpt"), "", false,
	    "tlsrpt_socket = /spool/run/tlsrpt\noutbound_source = both\n",
	    NULL },
	{ "to a path", TLSRPT("/run/tlsrpt"), "outbound_source = both\n",
	    false, "tlsrpt_socket = /run/tlsrpt\n", NULL },
	{ "none", "smtp_tlsrpt_enable = no\n"
	    "smtp_tlsrpt_socket_name = run/tlsrpt\n", "", true, "", NULL },
	{ "to nowhere", TLSRPT(""), "", true, "", NULL },
	{ "policyd may make no socket", TLSRPT("run/tlsrpt"),
	    "tlsrpt_socket = /spool/run/tlsrpt\n", true, "",
	    "Postfix sends TLSRPT datagrams to /spool/run/tlsrpt, but "
	    "hopseal-tlsrpt.socket is not enabled" },
	{ "policyd makes it all the same", TLSRPT("/run/tlsrpt"),
	    "tlsrpt_socket = /run/tlsrpt\noutbound_source = both\n", true,
	    "", NULL },
};

static void
test_datagrams(void)
{
	struct setup_host host = { .has_main_cf = true, .map = MAP,
	    .access = ACCESS, .milter = MILTER };
	struct setup_plan *plan;
	struct buffer settings, got;
	size_t i;

	for (i = 0; i < ROWS(datagrams); i++) {
		buffer_init(&settings, PLAN_MAX);
		buffer_addf(&settings, DONE JAIL "%s", datagrams[i].settings);
		host.settings = host.written = text_of(buffer_text(&settings));
		host.options = text_of(datagrams[i].options);
		host.is_tlsrpt_unit_off = datagrams[i].is_unit_off;
		plan = setup_plan_make(&host);
		buffer_init(&got, PLAN_MAX);
		format_options(plan, &got);
		check_text(datagrams[i].label, buffer_text(&got),
		    datagrams[i].want);
		check_text(datagrams[i].label, plan->warning_count > 0 ?
		    plan->warnings[0].what : NULL, datagrams[i].warning);
		buffer_clear(&got);
		buffer_clear(&settings);
		setup_plan_free(plan);
	}
}

/* -------------------------------------------------------------------- lines */

static void
test_lines(void)
{
	struct setup_plan *plan = make("mail_version = 3.10.1\n"
	    "smtp_tls_security_level = dane\n" DNSSEC
	    "smtp_tls_CApath = /etc/ssl/certs\n" LOGS RELAY OWN_LISTS,
	    "slow/unix/smtp_tls_security_level = none\n", "", MAP);
	struct buffer lines;

	buffer_init(&lines, SETUP_LINES_MAX);
	setup_plan_lines(plan, " -c /p", &lines);
	check_text("lines", buffer_text(&lines),
	    "# What TLS next hops have promised.  While it is away all mail "
	    "is deferred.\n"
	    "postconf -c /p -e 'smtp_tls_policy_maps = "
	    "hash:/etc/postfix/tls, socketmap:" MAP ":QUERYwithTLSRPT'\n"
	    "# Refuses mail that could not be delivered, where your rules say "
	    "so.\n"
	    "postconf -c /p -e 'smtpd_recipient_restrictions = " SERVICE
	    ", permit_mynetworks, reject_unlisted_recipient'\n"
	    "# Never in non_smtpd_milters: nobody would hear why a mail is "
	    "refused.\n"
	    "postconf -c /p -e 'smtpd_milters = " FILTER
	    ", inet:localhost:8891 $rspamd'\n"
	    "# Without it mail to all other domains goes out in clear.\n"
	    "postconf -c /p -P 'slow/unix/smtp_tls_security_level=dane'\n"
	    "postfix -c /p reload\n");
	check_text("the old list is kept", plan->changes[2].old,
	    "inet:localhost:8891 $rspamd");
	buffer_clear(&lines);
	setup_plan_free(plan);

	plan = make(DONE, "", "", MAP);
	setup_plan_lines(plan, "", &lines);
	check_text("nothing to do", buffer_text(&lines), "");
	setup_plan_free(plan);

	setup_quote("it's $x", &lines);
	check_text("a shell reads one word", buffer_text(&lines),
	    "'it'\\''s $x'");
	buffer_clear(&lines);
}

static void
test_endpoints(void)
{
	static const struct {
		const char	*label, *map, *want;
	} rows[] = {
		{ "a port", MAP, "socketmap:" MAP ":QUERY" },
		{ "every address", "inet::8461", "socketmap:" MAP ":QUERY" },
		{ "below the queue", "unix:/spool/h/map",
		    "socketmap:unix:h/map:QUERY" },
		{ "elsewhere", "unix:/run/map",
		    "socketmap:unix:/run/map:QUERY" },
	};
	struct setup_plan *plan;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		plan = make(V37 JAIL, "", "", rows[i].map);
		check_text(rows[i].label, plan->changes[0].value,
		    rows[i].want);
		check_text(rows[i].label, plan->changes[0].old, NULL);
		setup_plan_free(plan);
	}
}

static void
test_undo(void)
{
	struct setup_host host = { .map = MAP, .access = ACCESS,
	    .milter = MILTER, .written = text_of(OWN_LISTS) };
	struct buffer out;

	buffer_init(&out, SETUP_LINES_MAX);
	setup_plan_undo(&host, "", &out);
	check_text("undo keeps one's own tables", buffer_text(&out),
	    "postconf -e 'smtp_tls_policy_maps = hash:/etc/postfix/tls'");
	buffer_reset(&out);
	host.written = text_of("");
	setup_plan_undo(&host, " -c /p", &out);
	check_text("undo", buffer_text(&out),
	    "postconf -c /p -X smtp_tls_policy_maps");
	buffer_clear(&out);
}

int
main(void)
{
	test_versions();
	test_main_cf();
	test_overrides();
	test_compact();
	test_warnings();
	test_bare_host();
	test_options();
	test_datagrams();
	test_lines();
	test_endpoints();
	test_undo();
	return check_end();
}
