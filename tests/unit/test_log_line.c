/*
 * Lines of mail logs: what is read at all, their times, and every kind of
 * message that Postfix 3.4 to 3.12 and Dovecot's login processes write about
 * TLS.
 */

#include "shared/postfix/log_line.h"

#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define TEXT(t) (int)(t).len, (t).len > 0 ? (t).data : ""

static const char *const daemon_names[] = { "other", "smtp", "smtpd",
    "tlsproxy", "login" };

/* want: daemon, tag, pid, message; NULL where the line is refused. */
static const struct {
	const char *label, *line, *want;
} lines[] = {
	{ "traditional time", "Nov 22 04:18:45 mx postfix/smtp[5448]: text",
	    "smtp postfix/smtp 5448 text" },
	{ "a day of one digit", "Nov  2 04:18:45 mx postfix/smtp[5448]: text",
	    "smtp postfix/smtp 5448 text" },
	{ "no host", "Nov 22 04:18:45 postfix/smtp[5448]: text",
	    "smtp postfix/smtp 5448 text" },
	{ "a priority before it", "<22>Nov 22 04:18:45 mx postfix/smtp[1]: t",
	    "smtp postfix/smtp 1 t" },
	{ "RFC 3339", "2026-11-22T04:18:45.123456+01:00 mx postfix/smtp[1]: t",
	    "smtp postfix/smtp 1 t" },
	{ "journalctl's zone", "2026-11-22T04:18:45+0100 mx postfix/smtp[1]: t",
	    "smtp postfix/smtp 1 t" },
	{ "a service", "Nov 22 04:18:45 mx postfix/submission/smtpd[1]: text",
	    "smtpd postfix/submission/smtpd 1 text" },
	{ "an instance", "Nov 22 04:18:45 mx postfix-out/relay/smtp[1]: text",
	    "smtp postfix-out/relay/smtp 1 text" },
	{ "lmtp", "Nov 22 04:18:45 mx postfix/lmtp[1]: text",
	    "smtp postfix/lmtp 1 text" },
	{ "tlsproxy", "Nov 22 04:18:45 mx postfix/tlsproxy[1]: text",
	    "tlsproxy postfix/tlsproxy 1 text" },
	{ "no pid", "Nov 22 04:18:45 mx postfix/smtp: text",
	    "smtp postfix/smtp 0 text" },
	{ "a level", "Nov 22 04:18:45 mx postfix/smtp[1]: warning: text",
	    "smtp postfix/smtp 1 text" },
	{ "Dovecot", "Nov 22 04:18:45 mx dovecot: imap-login: Login: x",
	    "login imap-login 0 Login: x" },
	{ "Dovecot in a journal", "Nov 22 04:18:45 mx dovecot[9]: "
	    "pop3-login: Login: x", "login pop3-login 9 Login: x" },
	{ "Dovecot's own file", "Nov 22 04:18:45 imap-login: Info: Login: x",
	    "login imap-login 0 Login: x" },
	{ "another part of Dovecot", "Nov 22 04:18:45 mx dovecot: "
	    "imap(user)<1><x>: Logged out", NULL },
	{ "Dovecot without a part", "Nov 22 04:18:45 mx dovecot: text", NULL },
	{ "another daemon", "Nov 22 04:18:45 mx postfix/qmgr[1]: text", NULL },
	{ "another of five letters", "Nov 22 04:18:45 mx postfix/local[1]: t",
	    NULL },
	{ "another of eight letters", "Nov 22 04:18:45 mx postfix/postdrop[1]: "
	    "t", NULL },
	{ "another program", "Nov 22 04:18:45 mx sshd[1]: text", NULL },
	{ "a tag in the text", "Nov 22 04:18:45 mx sshd[1]: postfix/smtp[1]: x",
	    NULL },
	{ "no month", "Nox 22 04:18:45 mx postfix/smtp[1]: text", NULL },
	{ "no day", "Nov  0 04:18:45 mx postfix/smtp[1]: text", NULL },
	{ "a day too many", "Nov 31 04:18:45 mx postfix/smtp[1]: text", NULL },
	{ "an hour too many", "Nov 22 24:18:45 mx postfix/smtp[1]: t", NULL },
	{ "a minute too many", "Nov 22 04:60:45 mx postfix/smtp[1]: t", NULL },
	{ "a second too many", "Nov 22 04:18:61 mx postfix/smtp[1]: t", NULL },
	{ "no digits", "Nov 2x 04:18:45 mx postfix/smtp[1]: text", NULL },
	{ "no colon", "Nov 22 04.18:45 mx postfix/smtp[1]: text", NULL },
	{ "no blank", "Nov 22 04:18:45_mx postfix/smtp[1]: text", NULL },
	{ "an RFC 3339 month too many", "2026-13-22T04:18:45Z postfix/smtp[1]: "
	    "t", NULL },
	{ "an RFC 3339 time too long", "2026-11-22T04:18:45.00000000000000000"
	    "00000000000000Z postfix/smtp[1]: t", NULL },
	{ "no tag", "Nov 22 04:18:45 mx is up", NULL },
	{ "a tag too late", "Nov 22 04:18:45 mx is postfix/smtp[1]: t", NULL },
	{ "a pid of letters", "Nov 22 04:18:45 mx postfix/smtp[x]: t", NULL },
	{ "a pid too large", "Nov 22 04:18:45 mx postfix/smtp[4294967296]: t",
	    NULL },
	{ "a pid without begin", "Nov 22 04:18:45 mx postfix/smtp1]: t", NULL },
	{ "a priority without end", "<22 Nov 22 04:18:45 postfix/smtp[1]: t",
	    NULL },
	{ "only a time", "Nov 22 04:18:45", NULL },
	{ "one word", "postfix/smtp[5448]:text", NULL },
	{ "nothing", "", NULL }
};

static const char *
describe_line(const struct log_line *line, char *out, size_t size)
{
	snprintf(out, size, "%s %.*s %u %.*s", daemon_names[line->daemon],
	    TEXT(line->tag), line->pid, TEXT(line->message));
	return out;
}

static void
check_line(const char *label, const char *line, const char *want)
{
	size_t len = strlen(line);
	char *copy = check_exact(line, len), got[512];
	struct log_line parsed;

	check_text(label, log_line_parse((struct text){ copy, len }, &parsed) ?
	    describe_line(&parsed, got, sizeof(got)) : NULL, want);
	free(copy);
}

static void
check_parts(void)
{
	struct log_line line;
	char got[512];

	check_bool("a journal's fields", log_line_from_parts(
	    text_of("postfix/smtp"), 7, text_of("warning: text"), &line), true);
	check_text("their line", describe_line(&line, got, sizeof(got)),
	    "smtp postfix/smtp 7 text");
	check_bool("a journal's Dovecot", log_line_from_parts(
	    text_of("dovecot"), 7, text_of("imap-login: Login: x"), &line),
	    true);
	check_text("its line", describe_line(&line, got, sizeof(got)),
	    "login imap-login 7 Login: x");
	check_bool("another program of a journal", log_line_from_parts(
	    text_of("sshd"), 7, text_of("text"), &line), false);
	check_bool("no identifier", log_line_from_parts(
	    (struct text){ NULL, 0 }, 7, text_of("text"), &line), false);
	check_bool("no message", log_line_from_parts(
	    text_of("postfix/smtp"), 7, (struct text){ NULL, 0 }, &line),
	    false);
}

/* An hour ahead, and two from 1 April to 1 October 2026. */
static int32_t
summer(int64_t local_s)
{
	return local_s >= 1775001600 && local_s < 1790812800 ? 7200 : 3600;
}

/* now is 2026-11-22T04:30:00Z unless told. */
#define NOW 1795321800

static const struct {
	const char *label, *time;
	int64_t now;
	log_zone *zone;
	const char *want;
} times[] = {
	{ "today", "Nov 22 04:18:45", NOW, NULL, "2026-11-22T04:18:45Z" },
	{ "local time", "Nov 22 04:18:45", NOW, summer,
	    "2026-11-22T03:18:45Z" },
	{ "in summer", "Jul 22 04:18:45", NOW, summer, "2026-07-22T02:18:45Z" },
	{ "an hour ahead of us", "Nov 22 05:18:45", NOW, NULL,
	    "2026-11-22T05:18:45Z" },
	{ "not a day ahead of us", "Nov 23 04:18:45", NOW, NULL,
	    "2026-11-23T04:18:45Z" },
	{ "more than a day ahead of us", "Nov 23 05:18:45", NOW, NULL,
	    "2025-11-23T05:18:45Z" },
	{ "last December", "Dec 31 23:59:59", NOW, NULL,
	    "2025-12-31T23:59:59Z" },
	{ "read at New Year", "Dec 31 23:59:59", 1798761600, NULL,
	    "2026-12-31T23:59:59Z" },
	{ "logged after New Year, by a clock ahead", "Jan  1 00:00:01",
	    1798761595, NULL, "2027-01-01T00:00:01Z" },
	{ "29 February", "Feb 29 12:00:00", NOW, NULL, "2024-02-29T12:00:00Z" },
	{ "29 February over a year without", "Feb 29 12:00:00", 4123699200,
	    NULL, "2096-02-29T12:00:00Z" },
	{ "a leap second", "Dec 31 23:59:60", NOW, NULL,
	    "2026-01-01T00:00:00Z" },
	{ "a year and a zone", "2020-02-29T04:18:45.9+01:30", NOW, summer,
	    "2020-02-29T02:48:45Z" },
	{ "a year, local time", "2026-11-22T04:18:45", NOW, summer,
	    "2026-11-22T03:18:45Z" },
	{ "UTC", "2026-11-22T04:18:45Z", NOW, summer, "2026-11-22T04:18:45Z" }
};

static void
check_times(void)
{
	char text[128], got[TEXT_TIME_SIZE];
	struct log_clock clock;
	struct log_line line;
	size_t i;

	for (i = 0; i < ROWS(times); i++) {
		clock = (struct log_clock){ .now = times[i].now,
		    .zone = times[i].zone };
		snprintf(text, sizeof(text), "%s mx postfix/smtp[1]: text",
		    times[i].time);
		if (!check_note(log_line_parse(text_of(text), &line),
		    times[i].label))
			continue;
		check_text(times[i].label, text_format_time(got,
		    log_clock_read(&clock, &line.time)), times[i].want);
	}
	/* One clock for all: what it remembers of an hour changes nothing. */
	clock = (struct log_clock){ .now = NOW, .zone = summer };
	for (i = 0; i < ROWS(times); i++) {
		if (times[i].now != NOW || times[i].zone != summer)
			continue;
		snprintf(text, sizeof(text), "%s mx postfix/smtp[1]: text",
		    times[i].time);
		log_line_parse(text_of(text), &line);
		check_text(times[i].label, text_format_time(got,
		    log_clock_read(&clock, &line.time)), times[i].want);
	}
}

static const char *const kind_names[] = {
	[EVENT_NONE] = "none", [EVENT_ESTABLISHED] = "established",
	[EVENT_CERT_TROUBLE] = "cert", [EVENT_HANDSHAKE_ERROR] = "handshake",
	[EVENT_TLS_LIBRARY] = "library",
	[EVENT_RESUMED_UNTRUSTED] = "resumed", [EVENT_TLSA_UNUSABLE] = "tlsa",
	[EVENT_TLSRPT] = "tlsrpt", [EVENT_MX_NOT_IN_POLICY] = "mx",
	[EVENT_POLICY_LOOKUP] = "policy", [EVENT_TROUBLE] = "trouble",
	[EVENT_DELIVERY] = "delivery", [EVENT_CONNECT] = "connect",
	[EVENT_CLIENT] = "client", [EVENT_CLIENT_REFUSED] = "refused",
	[EVENT_STARTTLS_REFUSED] = "starttls",
	[EVENT_DISCONNECT] = "disconnect", [EVENT_LOGIN] = "login"
};

#define H	"mx.a.example[192.0.2.1]:25"
#define C	"client.example[192.0.2.9]"
#define CIPHER	"TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"

/* want: the kind, and each field that is not empty. */
static const struct {
	enum log_daemon daemon;
	const char *message, *want;
} events[] = {
	{ DAEMON_SMTP, "Verified TLS connection established to " H ": " CIPHER
	    " key-exchange X25519 server-signature ECDSA (prime256v1) "
	    "server-digest SHA256", "established peer=" H " trust=verified "
	    "protocol=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 out" },
	{ DAEMON_SMTP, "Untrusted TLS connection established to "
	    "mx.a.example[2001:db8::1]:25: TLSv1 with cipher AES128-SHA "
	    "(128/128 bits)", "established "
	    "peer=mx.a.example[2001:db8::1]:25 trust=untrusted "
	    "protocol=TLSv1 cipher=AES128-SHA bits=128 out" },
	{ DAEMON_SMTP, "Trusted TLS connection reused to " H ": " CIPHER,
	    "established peer=" H " trust=trusted protocol=TLSv1.3 "
	    "cipher=TLS_AES_256_GCM_SHA384 bits=256 out reused" },
	{ DAEMON_SMTPD, "Anonymous TLS connection established from " C ": "
	    CIPHER, "established peer=" C " trust=anonymous protocol=TLSv1.3 "
	    "cipher=TLS_AES_256_GCM_SHA384 bits=256" },
	{ DAEMON_SMTPD, "Anonymous TLS connection established from " C " to "
	    "mx.example.org: " CIPHER, "established peer=" C " trust=anonymous "
	    "protocol=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256" },
	{ DAEMON_TLSPROXY, "Anonymous TLS connection established from "
	    "[192.0.2.9]:4711: " CIPHER, "established peer=[192.0.2.9]:4711 "
	    "trust=anonymous protocol=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 "
	    "bits=256" },
	{ DAEMON_SMTP, "Verified TLS connection lost to " H ": " CIPHER,
	    "none" },
	{ DAEMON_SMTP, "Verified TLS connection established at " H ": " CIPHER,
	    "none" },
	{ DAEMON_SMTP, "Verified TLS connection established to " H ": TLSv1.3",
	    "none" },
	{ DAEMON_SMTP, "Verified TLS connection established to host: " CIPHER,
	    "none" },
	{ DAEMON_SMTP, "Verified certificate", "none" },

	{ DAEMON_SMTP, "certificate verification failed for " H ": untrusted "
	    "issuer /O=A/CN=B: C", "cert peer=" H " reason=untrusted issuer "
	    "/O=A/CN=B: C" },
	{ DAEMON_SMTP, "server certificate verification failed for " H
	    ": certificate has expired", "cert peer=" H " reason=certificate "
	    "has expired" },
	{ DAEMON_SMTP, "CA certificate verification failed for " H
	    ": certificate has expired", "cert peer=" H " reason=certificate "
	    "has expired" },
	{ DAEMON_SMTPD, "client certificate verification failed for " C
	    ": certificate has expired", "cert peer=" C " reason=certificate "
	    "has expired" },
	{ DAEMON_SMTP, "server certificate verification failed for " H,
	    "none" },
	{ DAEMON_SMTP, "SSL_connect error to " H ": -1", "handshake peer=" H
	    " reason=-1 out" },
	{ DAEMON_SMTP, "SSL_connect error to " H ": lost connection",
	    "handshake peer=" H " reason=lost connection out" },
	{ DAEMON_SMTPD, "SSL_accept error from " C ": -1", "handshake peer=" C
	    " reason=-1" },
	{ DAEMON_SMTPD, "SSL_accept error from " C, "none" },
	{ DAEMON_SMTPD, "SSL_shutdown error from " C ": -1", "none" },
	{ DAEMON_SMTP, "TLS library problem: error:0A00010B:SSL routines::"
	    "wrong version number:../ssl/record/ssl3_record.c:350:",
	    "library reason=wrong version number" },
	{ DAEMON_SMTPD, "TLS library problem: error:0A000415:SSL routines::"
	    "ssl/tls alert certificate expired:../ssl/record/rec_layer_s3.c:"
	    "1605:SSL alert number 45:", "library reason=ssl/tls alert "
	    "certificate expired alert=certificate expired" },
	{ DAEMON_SMTPD, "TLS library problem: 4711:error:14094418:SSL routines:"
	    "ssl3_read_bytes:tlsv1 alert unknown ca:s3_pkt.c:1472:SSL alert "
	    "number 48:", "library reason=tlsv1 alert unknown ca "
	    "alert=unknown ca" },
	{ DAEMON_SMTP, "TLS library problem: something else",
	    "library reason=something else" },
	{ DAEMON_SMTP, "TLS library problem: error:1:2:", "library reason="
	    "error:1:2:" },

	{ DAEMON_SMTP, H ": re-using session with untrusted certificate, look "
	    "for details earlier in the log", "resumed peer=" H " reason="
	    "re-using session with untrusted certificate, look for details "
	    "earlier in the log" },
	{ DAEMON_SMTP, H ": re-using session with untrusted peer credential, "
	    "look for details earlier in the log", "resumed peer=" H " reason="
	    "re-using session with untrusted peer credential, look for details "
	    "earlier in the log" },
	{ DAEMON_SMTP, H ": all TLSA records unusable, fallback to "
	    "unauthenticated TLS", "tlsa peer=" H " reason=all TLSA records "
	    "unusable, fallback to unauthenticated TLS" },
	{ DAEMON_SMTP, "mx.a.example: all TLSA records unusable",
	    "tlsa peer=mx.a.example reason=all TLSA records unusable" },
	{ DAEMON_SMTP, H ": subject_CN=mx.a.example, issuer=CA", "none" },
	{ DAEMON_SMTP, "TLSRPT: status=success, domain=a.example, "
	    "receiving_mx=mx.a.example[192.0.2.1]", "tlsrpt "
	    "peer=mx.a.example[192.0.2.1] domain=a.example" },
	{ DAEMON_SMTP, "TLSRPT: status=failure, domain=a.example, "
	    "receiving_mx=mx.a.example[192.0.2.1], failure_type="
	    "validation_failure, failure_reason=self-signed_certificate",
	    "tlsrpt peer=mx.a.example[192.0.2.1] domain=a.example "
	    "reason=self-signed_certificate type=validation_failure failure" },
	{ DAEMON_TLSPROXY, "TLSRPT: status=failure, domain=a.example, "
	    "receiving_mx=mx.a.example[192.0.2.1], failure_type="
	    "certificate_expired", "tlsrpt peer=mx.a.example[192.0.2.1] "
	    "domain=a.example type=certificate_expired failure" },
	{ DAEMON_SMTP, "TLSRPT: status=maybe, domain=a.example", "none" },
	{ DAEMON_SMTP, "TLSRPT: status=success, receiving_mx=x[y]", "none" },
	{ DAEMON_SMTP, "TLSRPT: status=success, domain=a.example", "none" },
	{ DAEMON_SMTP, "TLSRPT: status=success, domain=a.example, "
	    "receiving_mx=(Null)", "none" },
	{ DAEMON_SMTP, "MX name 'mx.evil.example' does not match STS MX "
	    "pattern for 'a.example'", "mx peer=mx.evil.example "
	    "domain=a.example reason=MX name 'mx.evil.example' does not match "
	    "STS MX pattern for 'a.example'" },
	{ DAEMON_SMTP, "MX name 'mx.evil.example'", "none" },
	{ DAEMON_SMTP, "TLS policy lookup for a.example/mx.a.example: client "
	    "TLS configuration problem", "policy peer=mx.a.example "
	    "domain=a.example reason=client TLS configuration problem" },
	{ DAEMON_SMTP, "TLS policy lookup error for [mx.a.example]:25/"
	    "mx.a.example: non DNSSEC destination", "policy "
	    "peer=mx.a.example domain=[mx.a.example]:25 reason=non DNSSEC "
	    "destination" },
	{ DAEMON_SMTP, "TLS policy lookup for nothing: x", "none" },
	{ DAEMON_SMTP, "TLS policy lookup for a/b", "none" },

	{ DAEMON_SMTP, "9D6F05246E8: Server certificate not verified",
	    "trouble queue_id=9D6F05246E8 reason=Server certificate not "
	    "verified" },
	{ DAEMON_SMTP, "4ZxKJb2Vx3z9pQ: host mx.a.example[192.0.2.1] said: 450 "
	    "no [x]", "trouble peer=mx.a.example[192.0.2.1] queue_id="
	    "4ZxKJb2Vx3z9pQ reason=host mx.a.example[192.0.2.1] said: 450 no "
	    "[x]" },
	{ DAEMON_SMTP, "9D6F05246E8: TLS is required, but was not offered by "
	    "host mx.a.example[192.0.2.1]", "trouble "
	    "peer=mx.a.example[192.0.2.1] queue_id=9D6F05246E8 reason=TLS is "
	    "required, but was not offered by host mx.a.example[192.0.2.1]" },
	{ DAEMON_SMTP, "9D6F05246E8: enabling PIX workarounds: x for "
	    "mx.a.example[192.0.2.1]:25", "trouble queue_id=9D6F05246E8 "
	    "reason=enabling PIX workarounds: x for "
	    "mx.a.example[192.0.2.1]:25" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<user@a.example>, relay=" H ", "
	    "delay=0.03, delays=0.01/0/0.02/0, dsn=4.7.5, status=deferred "
	    "(Server certificate not verified)", "delivery peer=" H
	    " queue_id=9D6F05246E8 domain=a.example status=deferred "
	    "reason=Server certificate not verified handoff=0.01/0/0.02" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<user@a.example>, orig_to=<u>, "
	    "relay=" H ", conn_use=2, delay=1, delays=0/0/0/0, tls=may:none, "
	    "dsn=2.0.0, status=sent (250 ok (x))", "delivery peer=" H
	    " queue_id=9D6F05246E8 domain=a.example status=sent reason=250 "
	    "ok (x) handoff=0/0/0 level=may:none reused" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<user>, relay=none, delay=0, "
	    "delays=0/0/0/0, dsn=5.1.0, status=bounced (x)", "delivery "
	    "queue_id=9D6F05246E8 status=bounced reason=x handoff=0/0/0" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<\"a>, relay=x[192.0.2.6]:25, \\\"\""
	    "@a.example>, relay=" H ", delays=0/0/0/0, status=sent (ok)",
	    "delivery peer=" H " queue_id=9D6F05246E8 domain=a.example "
	    "status=sent reason=ok handoff=0/0/0" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<u@a.example>, relay=mx[private/lmtp], "
	    "delays=0/0/0/0, status=sent (ok)", "delivery "
	    "peer=mx[private/lmtp] queue_id=9D6F05246E8 domain=a.example "
	    "status=sent reason=ok handoff=0/0/0" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<u@a.example>, relay=" H, "none" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<u@a.example>, status=sent", "none" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<\"u@a.example>, relay=none", "none" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<\"u\\", "none" },
	{ DAEMON_SMTP, "9D6F05246E8: to=<u", "none" },
	{ DAEMON_SMTP, "connect to " H ": Connection refused", "none" },
	{ DAEMON_SMTP, "Host offered STARTTLS: [mx.a.example]", "none" },
	{ DAEMON_SMTP, "DANE TLSA lookup problem: x", "none" },
	{ DAEMON_SMTP, "x", "none" },

	{ DAEMON_SMTPD, "connect from unknown[192.0.2.9]",
	    "connect peer=[192.0.2.9]" },
	{ DAEMON_SMTPD, "connect from nowhere", "none" },
	{ DAEMON_SMTPD, "9D6F05246E8: client=" C, "client peer=" C
	    " queue_id=9D6F05246E8" },
	{ DAEMON_SMTPD, "9D6F05246E8: client=" C ", sasl_method=PLAIN, "
	    "sasl_username=u@a.example", "client peer=" C
	    " queue_id=9D6F05246E8 user" },
	{ DAEMON_SMTPD, "NOQUEUE: client=" C, "client peer=" C },
	{ DAEMON_SMTPD, "9D6F05246E8: client=nowhere", "none" },
	{ DAEMON_SMTPD, "disconnect from " C " ehlo=2 starttls=1 mail=1 "
	    "quit=1 commands=5", "disconnect peer=" C " starttls=1/1" },
	{ DAEMON_SMTPD, "disconnect from " C " ehlo=1 starttls=0/1 commands="
	    "1/2", "disconnect peer=" C " starttls=0/1" },
	{ DAEMON_SMTPD, "disconnect from " C " ehlo=1 quit=1 commands=2",
	    "disconnect peer=" C },
	{ DAEMON_SMTPD, "disconnect from nowhere", "none" },
	{ DAEMON_SMTPD, "NOQUEUE: abort: TLS from " C ": Client certificate "
	    "not trusted", "refused peer=" C " reason=Client certificate not "
	    "trusted" },
	{ DAEMON_SMTPD, "NOQUEUE: reject: RCPT from " C ": 530 x", "none" },
	{ DAEMON_SMTPD, "Refusing STARTTLS request from " C " for service smtp",
	    "starttls peer=" C " reason=Refusing STARTTLS request from " C
	    " for service smtp" },
	{ DAEMON_SMTPD, "Refusing nothing", "none" },
	{ DAEMON_SMTPD, "lost connection after STARTTLS from " C, "none" },
	{ DAEMON_SMTPD, "TLS SNI x from " C " not matched, using default chain",
	    "none" },
	{ DAEMON_SMTPD, "", "none" },
	{ DAEMON_TLSPROXY, "CONNECT from [192.0.2.9]:4711",
	    "connect peer=[192.0.2.9]:4711" },
	{ DAEMON_TLSPROXY, "DISCONNECT [192.0.2.9]:4711",
	    "disconnect peer=[192.0.2.9]:4711" },
	{ DAEMON_TLSPROXY, "CONNECT to " H, "none" },
	{ DAEMON_TLSPROXY, "TLS handshake failed for service=smtp "
	    "peer=[192.0.2.1]:25", "handshake peer=[192.0.2.1]:25 out" },
	{ DAEMON_TLSPROXY, "TLS handshake failed for service=smtpd "
	    "peer=[192.0.2.9]:4711", "handshake peer=[192.0.2.9]:4711" },
	{ DAEMON_TLSPROXY, "TLS handshake failed for service=smtp", "none" },

	{ DAEMON_LOGIN, "Login: user=<u>, method=PLAIN, rip=192.0.2.9, "
	    "lip=192.0.2.1, mpid=12, TLS, session=<x>", "login "
	    "peer=[192.0.2.9] user tls" },
	{ DAEMON_LOGIN, "Login: user=<u>, method=PLAIN, rip=192.0.2.9, "
	    "lip=192.0.2.1, mpid=12, session=<x>", "login peer=[192.0.2.9] "
	    "user" },
	{ DAEMON_LOGIN, "Login: user=<u>, rip=192.0.2.9, lip=192.0.2.1, "
	    CIPHER ", session=<x>", "login peer=[192.0.2.9] "
	    "protocol=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 user "
	    "tls" },
	{ DAEMON_LOGIN, "Disconnected: Connection closed: SSL_accept() failed: "
	    "error:0A000418:SSL routines::tlsv1 alert unknown ca: SSL alert "
	    "number 48 (no auth attempts in 0 secs): user=<>, rip=192.0.2.9, "
	    "lip=192.0.2.1, TLS handshaking: SSL_accept() failed: "
	    "error:0A000418:SSL routines::tlsv1 alert unknown ca: SSL alert "
	    "number 48, session=<x>", "login peer=[192.0.2.9] reason=tlsv1 "
	    "alert unknown ca alert=unknown ca failure tls" },
	{ DAEMON_LOGIN, "Disconnected (no auth attempts in 0 secs): user=<>, "
	    "rip=192.0.2.9, lip=192.0.2.1, TLS handshaking: Connection closed, "
	    "session=<x>", "login peer=[192.0.2.9] reason=Connection closed "
	    "failure tls" },
	{ DAEMON_LOGIN, "Aborted login (auth failed): user=<a>, rip=1.2.3.4, "
	    "TLS>, method=PLAIN, rip=192.0.2.9, lip=192.0.2.1, session=<x>",
	    "login peer=[192.0.2.9]" },
	{ DAEMON_LOGIN, "Warning: SSL failed: where=0x2001", "none" },
	{ DAEMON_OTHER, "connect from " C, "none" }
};

static void
add_text(char *out, size_t size, const char *name, struct text t)
{
	size_t len = strlen(out);

	if (t.len > 0)
		snprintf(out + len, size - len, " %s=%.*s", name, TEXT(t));
}

static const char *
describe_event(const struct log_event *e, char *out, size_t size)
{
	static const char *const trusts[] = { "", "anonymous", "untrusted",
	    "trusted", "verified" };
	char number[64], peer[512];

	snprintf(out, size, "%s", kind_names[e->kind]);
	if (e->kind == EVENT_NONE)
		return out;
	snprintf(peer, sizeof(peer), "%.*s", TEXT(e->peer.host));
	if (e->peer.address.len > 0)
		snprintf(peer + strlen(peer), sizeof(peer) - strlen(peer),
		    "[%.*s]", TEXT(e->peer.address));
	if (e->peer.port != 0)
		snprintf(peer + strlen(peer), sizeof(peer) - strlen(peer),
		    ":%u", e->peer.port);
	add_text(out, size, "peer", text_of(peer));
	add_text(out, size, "trust", text_of(trusts[e->trust]));
	add_text(out, size, "protocol", e->protocol);
	add_text(out, size, "cipher", e->cipher);
	snprintf(number, sizeof(number), "%u", e->bits);
	add_text(out, size, "bits", text_of(e->bits > 0 ? number : ""));
	add_text(out, size, "queue_id", e->queue_id);
	add_text(out, size, "domain", e->domain);
	add_text(out, size, "status", e->status);
	add_text(out, size, "reason", e->reason);
	add_text(out, size, "type", e->failure_type);
	add_text(out, size, "alert", e->alert);
	add_text(out, size, "handoff", e->handoff);
	add_text(out, size, "level", e->level);
	snprintf(number, sizeof(number), "%u/%u", e->starttls_ok_count,
	    e->starttls_count);
	add_text(out, size, "starttls",
	    text_of(e->starttls_count > 0 ? number : ""));
	snprintf(out + strlen(out), size - strlen(out), "%s%s%s%s%s",
	    e->is_outbound ? " out" : "", e->is_reused ? " reused" : "",
	    e->is_failure ? " failure" : "", e->is_user ? " user" : "",
	    e->has_tls ? " tls" : "");
	return out;
}

static void
check_event(enum log_daemon daemon, const char *message, const char *want)
{
	size_t len = strlen(message);
	char *copy = check_exact(message, len), got[1024];
	struct log_line line = { .daemon = daemon, .message = { copy, len } };
	struct log_event event;

	log_event_parse(&line, &event);
	check_text(message, describe_event(&event, got, sizeof(got)), want);
	free(copy);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < ROWS(lines); i++)
		check_line(lines[i].label, lines[i].line, lines[i].want);
	check_parts();
	check_times();
	for (i = 0; i < ROWS(events); i++)
		check_event(events[i].daemon, events[i].message,
		    events[i].want);
	return check_end();
}
