/*
 * Lines to sessions: what each way of delivering and of being asked leaves in
 * the log, the real logs of Postfix 3.7 and 3.12 over domains with every kind
 * of trouble, and that neither a restart at any line nor the order of the
 * processes changes what is told.
 */

#include "shared/postfix/log_sessions.h"

#include "shared/xalloc.h"
#include "tests/unit/check.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))
#define TEXT(t) (int)(t).len, (t).len > 0 ? (t).data : ""
#define OUTPUT_MAX (1024 * 1024)
#define NOW 1795321800		/* 2026-11-22T04:30:00Z */

static void
add_field(struct buffer *out, const char *name, struct text value)
{
	if (value.len > 0)
		buffer_addf(out, " %s=%.*s", name, TEXT(value));
}

/* One line a session, without what is empty. */
static void
describe(void *context, const struct tls_session *s)
{
	const char *trust = session_trust_name(s->trust);
	struct buffer *out = context;

	buffer_addf(out, "%s %.*s[%.*s]", session_direction_name(s->direction),
	    TEXT(s->host), TEXT(s->address));
	if (s->port != 0)
		buffer_addf(out, ":%u", s->port);
	buffer_addf(out, " %s", finding_name(s->finding));
	if (trust != NULL)
		buffer_addf(out, " %s %.*s", trust, TEXT(s->protocol));
	add_field(out, "domain", s->domain);
	add_field(out, "id", s->queue_id);
	add_field(out, "status", s->status);
	add_field(out, "reason", s->reason);
	add_field(out, "alert", s->alert);
	buffer_addf(out, "%s%s%s\n", s->had_handshake ? " handshake" : "",
	    s->refuses_our_certificate ? " ours" : "",
	    s->has_datagram ? " datagram" : "");
}

struct run {
	struct buffer		 told;
	struct log_sessions	*sessions;
	struct log_clock	 clock;
};

static void
run_start(struct run *run)
{
	buffer_init(&run->told, OUTPUT_MAX);
	run->sessions = log_sessions_new(describe, &run->told);
	run->clock = (struct log_clock){ .now = NOW };
}

static void
run_line(struct run *run, struct text text)
{
	struct log_line line;
	char *copy = check_exact(text.data, text.len);

	if (log_line_parse((struct text){ copy, text.len }, &line))
		log_sessions_feed(run->sessions, &line,
		    log_clock_read(&run->clock, &line.time));
	free(copy);
}

static void
run_lines(struct run *run, struct text rest)
{
	struct text line;

	while (text_next_line(&rest, &line))
		run_line(run, line);
}

/* Everything told, the caller's. */
static char *
run_end(struct run *run)
{
	log_sessions_flush(run->sessions);
	log_sessions_free(run->sessions);
	return run->told.data != NULL ? buffer_take(&run->told) : xstrdup("");
}

static char *
sessions_of(struct text lines)
{
	struct run run;

	run_start(&run);
	run_lines(&run, lines);
	return run_end(&run);
}

/* ------------------------------------------------------------------ rows */

#define T	"Nov 22 04:18:45 mx "
#define SMTP	T "postfix/smtp[1]: "
#define SMTPD	T "postfix/smtpd[2]: "
#define PROXY	T "postfix/tlsproxy[3]: "
#define MX1	"mx1.a.example[192.0.2.1]"
#define MX2	"mx2.a.example[192.0.2.2]"
#define C	"client.example[192.0.2.9]"
#define CIPHER	"TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
#define ESTABLISHED(trust, peer) trust " TLS connection established to " peer \
	":25: " CIPHER
#define DELIVERY(id, to, peer) id ": to=<" to ">, relay=" peer ", delay=1, " \
	"delays=0/0/0.5/0.5, dsn=2.0.0, "
#define SENT(to, peer) DELIVERY("ABCDE1", to, peer) "status=sent (250 ok)\n"
#define DEFERRED(to, peer, why) DELIVERY("ABCDE1", to, peer) \
	"status=deferred (" why ")\n"
#define OK1	"out " MX1 ":25 ok verified TLSv1.3 domain=a.example " \
	"id=ABCDE1 status=sent handshake\n"
#define OK2	"out " MX2 ":25 ok verified TLSv1.3 domain=a.example " \
	"id=ABCDE1 status=sent handshake\n"
#define CLEAR1	"out " MX1 ":25 unknown domain=a.example id=ABCDE1 " \
	"status=sent\n"

static const struct {
	const char *label, *lines, *want;
} rows[] = {
	{ "verified and delivered",
	    SMTP ESTABLISHED("Verified", MX1)
	    SMTP SENT("u@a.example", MX1 ":25"), OK1 },
	{ "our own TLS reports are not told",
	    "Nov 22 04:00:00 h postfix/hopseal-report/smtp[1]: "
	    ESTABLISHED("Verified", MX1)
	    "Nov 22 04:00:00 h postfix/hopseal-report/smtp[1]: "
	    SENT("u@a.example", MX1 ":25"), "" },
	{ "several recipients are one session",
	    SMTP ESTABLISHED("Verified", MX1)
	    SMTP SENT("u@a.example", MX1 ":25")
	    SMTP SENT("v@a.example", MX1 ":25"), OK1 },
	{ "so they are in clear",
	    SMTP SENT("u@a.example", MX1 ":25")
	    SMTP SENT("v@a.example", MX1 ":25"), CLEAR1 },
	{ "the next mail in clear is another session",
	    SMTP SENT("u@a.example", MX1 ":25")
	    SMTP DELIVERY("ABCDE2", "v@a.example", MX1 ":25")
	    "status=sent (ok)\n", CLEAR1 "out " MX1 ":25 unknown "
	    "domain=a.example id=ABCDE2 status=sent\n" },
	{ "a connection used again is none",
	    SMTP "Verified TLS connection reused to " MX1 ":25: " CIPHER
	    SMTP "ABCDE1: to=<u@a.example>, relay=" MX1 ":25, conn_use=2, "
	    "delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)\n", "" },
	{ "nor is one in clear",
	    SMTP "ABCDE1: to=<u@a.example>, relay=" MX1 ":25, conn_use=2, "
	    "delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)\n", "" },
	{ "a certificate that nobody asked about",
	    SMTP "server certificate verification failed for " MX1 ":25: "
	    "certificate has expired\n"
	    SMTP ESTABLISHED("Untrusted", MX1)
	    SMTP SENT("u@a.example", MX1 ":25"),
	    "out " MX1 ":25 ok untrusted TLSv1.3 domain=a.example id=ABCDE1 "
	    "status=sent handshake\n" },
	{ "the mail refused over it changes nothing",
	    SMTP ESTABLISHED("Untrusted", MX1)
	    SMTP DEFERRED("u@a.example", MX1 ":25", "host " MX1 " said: 450"),
	    "out " MX1 ":25 ok untrusted TLSv1.3 domain=a.example id=ABCDE1 "
	    "status=deferred handshake\n" },
	{ "a reason and the log ends",
	    SMTP "server certificate verification failed for " MX1 ":25: "
	    "certificate has expired\n"
	    SMTP ESTABLISHED("Untrusted", MX1),
	    "out " MX1 ":25 cert-expired untrusted TLSv1.3 "
	    "reason=certificate has expired handshake\n" },
	{ "unverified for no reason that was logged",
	    SMTP MX1 ":25: re-using session with untrusted certificate, look "
	    "for details earlier in the log\n"
	    SMTP ESTABLISHED("Untrusted", MX1)
	    SMTP DEFERRED("u@a.example", MX1 ":25", "Server certificate not "
	    "verified"),
	    "out " MX1 ":25 cert-untrusted untrusted TLSv1.3 "
	    "domain=a.example id=ABCDE1 status=deferred reason=re-using "
	    "session with untrusted certificate, look for details earlier in "
	    "the log handshake\n" },
	{ "nothing logged but the delivery",
	    SMTP DEFERRED("u@a.example", MX1 ":25", "Server certificate not "
	    "verified"),
	    "out " MX1 ":25 cert-untrusted domain=a.example id=ABCDE1 "
	    "status=deferred reason=Server certificate not verified "
	    "handshake\n" },
	{ "the first host failed, the second delivered",
	    SMTP "certificate verification failed for " MX1 ":25: "
	    "self-signed certificate\n"
	    SMTP ESTABLISHED("Untrusted", MX1)
	    SMTP "ABCDE1: Server certificate not verified\n"
	    SMTP ESTABLISHED("Verified", MX2)
	    SMTP SENT("u@a.example", MX2 ":25"),
	    "out " MX1 ":25 cert-self-signed untrusted TLSv1.3 "
	    "domain=a.example id=ABCDE1 reason=self-signed certificate "
	    "handshake\n" OK2 },
	{ "the first deferred one of two, the second took it",
	    SMTP ESTABLISHED("Verified", MX1)
	    SMTP "ABCDE1: host " MX1 " said: 450 later (in reply to RCPT)\n"
	    SMTP SENT("u@a.example", MX1 ":25")
	    SMTP ESTABLISHED("Verified", MX2)
	    SMTP SENT("v@a.example", MX2 ":25"), OK1 OK2 },
	{ "one refused, one deferred, one taken",
	    SMTP ESTABLISHED("Verified", MX1)
	    SMTP SENT("u@a.example", MX1 ":25")
	    SMTP "ABCDE1: host " MX1 " said: 450 later (in reply to RCPT)\n"
	    SMTP SENT("w@a.example", MX1 ":25")
	    SMTP ESTABLISHED("Verified", MX2)
	    SMTP SENT("v@a.example", MX2 ":25"), OK1 OK2 },
	{ "the same in clear",
	    SMTP "ABCDE1: host " MX1 " said: 450 later (in reply to RCPT)\n"
	    SMTP SENT("u@a.example", MX1 ":25")
	    SMTP SENT("v@a.example", MX2 ":25"),
	    CLEAR1 "out " MX2 ":25 unknown domain=a.example id=ABCDE1 "
	    "status=sent\n" },
	{ "a handshake that failed, where TLS is required",
	    SMTP "SSL_connect error to " MX1 ":25: -1\n"
	    SMTP "warning: TLS library problem: error:0A000102:SSL routines::"
	    "unsupported protocol:../ssl/statem/statem_lib.c:2145:\n"
	    SMTP "warning: TLS library problem: error:1:2:3:later:4:\n"
	    SMTP DEFERRED("u@a.example", MX1 ":25", "Cannot start TLS: "
	    "handshake failure"),
	    "out " MX1 ":25 protocol-old domain=a.example id=ABCDE1 "
	    "status=deferred reason=unsupported protocol handshake\n" },
	{ "cut in the handshake",
	    SMTP "SSL_connect error to " MX1 ":25: lost connection\n"
	    SMTP DEFERRED("u@a.example", MX1 ":25", "Cannot start TLS: "
	    "handshake failure"),
	    "out " MX1 ":25 handshake-failed domain=a.example id=ABCDE1 "
	    "status=deferred reason=lost connection handshake\n" },
	{ "a failed handshake without a reason",
	    SMTP "SSL_connect error to " MX1 ":25: -1\n"
	    SMTP DEFERRED("u@a.example", MX1 ":25", "Cannot start TLS: "
	    "handshake failure"),
	    "out " MX1 ":25 handshake-failed domain=a.example id=ABCDE1 "
	    "status=deferred reason=Cannot start TLS: handshake failure "
	    "handshake\n" },
	{ "and after it in clear, where it is not",
	    SMTP "SSL_connect error to " MX1 ":25: lost connection\n"
	    SMTP "ABCDE1: Cannot start TLS: handshake failure\n"
	    SMTP SENT("u@a.example", MX1 ":25"),
	    "out " MX1 ":25 handshake-failed domain=a.example id=ABCDE1 "
	    "reason=lost connection handshake\n" CLEAR1 },
	{ "our client certificate refused",
	    SMTP "SSL_connect error to " MX1 ":25: -1\n"
	    SMTP "warning: TLS library problem: error:0A000415:SSL routines::"
	    "ssl/tls alert certificate expired:f.c:1:SSL alert number 45:\n"
	    SMTP DEFERRED("u@a.example", MX1 ":25", "Cannot start TLS: "
	    "handshake failure"),
	    "out " MX1 ":25 handshake-failed domain=a.example id=ABCDE1 "
	    "status=deferred reason=ssl/tls alert certificate expired "
	    "alert=certificate expired handshake ours\n" },
	{ "STARTTLS not offered by the first",
	    SMTP "ABCDE1: TLS is required, but was not offered by host " MX1
	    "\n" SMTP ESTABLISHED("Verified", MX2)
	    SMTP SENT("u@a.example", MX2 ":25"),
	    "out " MX1 " starttls-missing domain=a.example id=ABCDE1 "
	    "reason=TLS is required, but was not offered by host " MX1 "\n"
	    OK2 },
	{ "STARTTLS refused",
	    SMTP DEFERRED("u@a.example", MX1 ":25", "TLS is required, but host "
	    MX1 " refused to start TLS: 454 no"),
	    "out " MX1 ":25 starttls-refused domain=a.example id=ABCDE1 "
	    "status=deferred reason=TLS is required, but host " MX1
	    " refused to start TLS: 454 no\n" },
	{ "refused and in clear, which only TLSRPT says",
	    SMTP "TLSRPT: status=failure, domain=a.example, receiving_mx=" MX1
	    ", failure_type=starttls_not_supported\n"
	    SMTP SENT("u@a.example", MX1 ":25"),
	    "out " MX1 ":25 starttls-refused domain=a.example id=ABCDE1 "
	    "status=sent reason=starttls_not_supported datagram\n" },
	{ "TLSRPT before the summary, of the next hop's domain",
	    SMTP "TLSRPT: status=success, domain=hop.example, receiving_mx=" MX1
	    "\n" SMTP ESTABLISHED("Verified", MX1)
	    SMTP SENT("u@a.example", MX1 ":25"),
	    "out " MX1 ":25 ok verified TLSv1.3 domain=hop.example id=ABCDE1 "
	    "status=sent handshake datagram\n" },
	{ "TLSA records of no use",
	    SMTP "warning: " MX1 ":25: all TLSA records unusable, fallback to "
	    "unauthenticated TLS\n"
	    SMTP ESTABLISHED("Anonymous", MX1)
	    SMTP SENT("u@a.example", MX1 ":25"),
	    "out " MX1 ":25 tlsa-invalid anonymous TLSv1.3 domain=a.example "
	    "id=ABCDE1 status=sent reason=all TLSA records unusable, fallback "
	    "to unauthenticated TLS handshake\n" },
	{ "a host that is not in the policy",
	    SMTP "warning: MX name 'mx.b.example' does not match STS MX "
	    "pattern for 'a.example'\n"
	    SMTP ESTABLISHED("Verified", MX2)
	    SMTP SENT("u@a.example", MX2 ":25"),
	    "out mx.b.example[] mx-not-in-policy domain=a.example id=ABCDE1 "
	    "reason=MX name 'mx.b.example' does not match STS MX pattern for "
	    "'a.example'\n" OK2 },
	{ "DANE required and not there",
	    SMTP "warning: TLS policy lookup for a.example/mx1.a.example: "
	    "non DNSSEC destination\n"
	    SMTP DEFERRED("u@a.example", "none", "non DNSSEC destination"),
	    "out mx1.a.example[] dnssec-invalid domain=a.example id=ABCDE1 "
	    "reason=non DNSSEC destination\n" },
	{ "our own map is down",
	    SMTP "warning: TLS policy lookup for a.example/mx1.a.example: "
	    "client TLS configuration problem\n"
	    SMTP DEFERRED("u@a.example", "none", "client TLS configuration "
	    "problem"), "" },
	{ "no connection",
	    SMTP "connect to " MX1 ":25: Connection refused\n"
	    SMTP DEFERRED("u@a.example", "none", "connect to " MX1
	    ":25: Connection refused"), "" },
	{ "turned away before TLS",
	    SMTP DEFERRED("u@a.example", MX1 ":25", "host " MX1
	    " refused to talk to me: 554 no"), "" },
	{ "cut before TLS",
	    SMTP DEFERRED("u@a.example", MX1 ":25", "lost connection with " MX1
	    " while performing the EHLO handshake"), "" },
	{ "3.11 says TLS where loglevel 0 hides it",
	    SMTP "ABCDE1: to=<u@a.example>, relay=" MX1 ":25, delay=1, "
	    "delays=0/0/0/1, tls=secure, dsn=2.0.0, status=sent (ok)\n",
	    "out " MX1 ":25 ok domain=a.example id=ABCDE1 status=sent "
	    "handshake\n" },
	{ "3.11 in clear",
	    SMTP "ABCDE1: to=<u@a.example>, relay=" MX1 ":25, delay=1, "
	    "delays=0/0/0/1, tls=may:none, dsn=2.0.0, status=sent (ok)\n",
	    CLEAR1 },
	{ "a domain of another spelling",
	    SMTP ESTABLISHED("Verified", MX1)
	    SMTP SENT("u@A.Example.", MX1 ":25"), OK1 },
	{ "an address literal is no domain",
	    SMTP SENT("u@[192.0.2.1]", MX1 ":25"),
	    "out " MX1 ":25 unknown id=ABCDE1 status=sent\n" },
	{ "a content filter",
	    SMTP SENT("u@a.example", "127.0.0.1[127.0.0.1]:10024"),
	    "local 127.0.0.1[127.0.0.1]:10024 unknown domain=a.example "
	    "id=ABCDE1 status=sent\n" },
	{ "a mail store behind a socket",
	    T "postfix/lmtp[1]: " SENT("u@a.example", "mx[private/lmtp]"),
	    "local mx[private/lmtp] unknown domain=a.example id=ABCDE1 "
	    "status=sent\n" },
	{ "control characters are no log line's end",
	    SMTP SENT("u@a.example", "mx\t\x80[192.0.2.1]:25"),
	    "out mx??[192.0.2.1]:25 unknown domain=a.example id=ABCDE1 "
	    "status=sent\n" },

	/* tlsproxy for smtp */
	{ "tlsproxy shakes hands, both say so",
	    PROXY ESTABLISHED("Verified", MX1)
	    SMTP ESTABLISHED("Verified", MX1)
	    SMTP SENT("u@a.example", MX1 ":25"), OK1 },
	{ "tlsproxy knows why",
	    PROXY "server certificate verification failed for " MX1 ":25: "
	    "certificate has expired\n"
	    PROXY "TLSRPT: status=failure, domain=a.example, receiving_mx=" MX1
	    ", failure_type=certificate_expired\n"
	    PROXY ESTABLISHED("Untrusted", MX1)
	    SMTP ESTABLISHED("Untrusted", MX1)
	    SMTP DEFERRED("u@a.example", MX1 ":25", "Server certificate not "
	    "verified"),
	    "out " MX1 ":25 cert-expired untrusted TLSv1.3 domain=a.example "
	    "id=ABCDE1 status=deferred reason=certificate has expired "
	    "handshake datagram\n" },
	{ "tlsproxy knows why the handshake failed",
	    PROXY "warning: TLS library problem: error:0A00010B:SSL routines::"
	    "wrong version number:f.c:350:\n"
	    PROXY "TLS handshake failed for service=smtp peer=[192.0.2.1]:25\n"
	    PROXY "DISCONNECT [192.0.2.1]:25\n"
	    SMTP DEFERRED("u@a.example", MX1 ":25", "Cannot start TLS: "
	    "handshake failure"),
	    "out " MX1 ":25 handshake-failed domain=a.example id=ABCDE1 "
	    "status=deferred reason=wrong version number handshake\n" },
	{ "and of the host that smtp left",
	    PROXY "TLS handshake failed for service=smtp peer=[192.0.2.1]:25\n"
	    SMTP "ABCDE1: Cannot start TLS: handshake failure\n"
	    PROXY ESTABLISHED("Verified", MX2)
	    SMTP ESTABLISHED("Verified", MX2)
	    SMTP SENT("u@a.example", MX2 ":25"),
	    "out [192.0.2.1]:25 handshake-failed domain=a.example id=ABCDE1 "
	    "reason=Cannot start TLS: handshake failure handshake\n" OK2 },
	{ "what tlsproxy does for nobody is not told",
	    PROXY ESTABLISHED("Verified", MX1), "" },

	/* inbound */
	{ "a client with TLS",
	    SMTPD "connect from " C "\n"
	    SMTPD "Anonymous TLS connection established from " C ": " CIPHER
	    SMTPD "ABCDE1: client=" C "\n"
	    SMTPD "ABCDE2: client=" C "\n"
	    SMTPD "disconnect from " C " ehlo=2 starttls=1 quit=1\n",
	    "in " C " ok anonymous TLSv1.3 id=ABCDE1 handshake\n" },
	{ "a client in clear",
	    SMTPD "connect from " C "\n"
	    SMTPD "disconnect from " C " ehlo=1 quit=1 commands=2\n",
	    "in " C " unknown\n" },
	{ "STARTTLS that failed",
	    SMTPD "connect from " C "\n"
	    SMTPD "SSL_accept error from " C ": -1\n"
	    SMTPD "warning: TLS library problem: error:0A000416:SSL routines::"
	    "sslv3 alert certificate unknown:f.c:1:SSL alert number 46:\n"
	    SMTPD "lost connection after STARTTLS from " C "\n"
	    SMTPD "disconnect from " C " ehlo=1 starttls=0/1 commands=1/2\n",
	    "in " C " handshake-failed reason=sslv3 alert certificate unknown "
	    "alert=certificate unknown handshake ours\n" },
	{ "a client too old",
	    SMTPD "connect from " C "\n"
	    SMTPD "SSL_accept error from " C ": -1\n"
	    SMTPD "warning: TLS library problem: error:0A000102:SSL routines::"
	    "unsupported protocol:f.c:1:\n"
	    SMTPD "disconnect from " C " ehlo=1 starttls=0/1 commands=1/2\n",
	    "in " C " protocol-old reason=unsupported protocol handshake\n" },
	{ "a failure that only the counts tell",
	    SMTPD "connect from " C "\n"
	    SMTPD "disconnect from " C " ehlo=1 starttls=0/1 commands=1/2\n",
	    "in " C " handshake-failed reason=STARTTLS failed handshake\n" },
	{ "TLS that only the counts tell",
	    SMTPD "connect from " C "\n"
	    SMTPD "disconnect from " C " ehlo=2 starttls=1 commands=3\n",
	    "in " C " ok handshake\n" },
	{ "STARTTLS that we refused",
	    SMTPD "connect from " C "\n"
	    SMTPD "warning: Refusing STARTTLS request from " C " for service "
	    "smtp\n"
	    SMTPD "disconnect from " C " ehlo=1 starttls=0/1 commands=1/2\n",
	    "in " C " starttls-refused reason=Refusing STARTTLS request from "
	    C " for service smtp\n" },
	{ "a client certificate that we refused",
	    SMTPD "connect from " C "\n"
	    SMTPD "Untrusted TLS connection established from " C ": " CIPHER
	    SMTPD "NOQUEUE: abort: TLS from " C ": Client certificate not "
	    "trusted\n"
	    SMTPD "disconnect from " C " ehlo=1 starttls=1 commands=2\n",
	    "in " C " cert-untrusted untrusted TLSv1.3 reason=Client "
	    "certificate not trusted handshake\n" },
	{ "a client that logs in",
	    SMTPD "connect from " C "\n"
	    SMTPD "ABCDE1: client=" C ", sasl_method=PLAIN, sasl_username=u\n"
	    SMTPD "disconnect from " C " ehlo=1 commands=2\n",
	    "submission " C " unknown id=ABCDE1\n" },
	{ "the submission service",
	    T "postfix/submission/smtpd[2]: connect from " C "\n"
	    T "postfix/submission/smtpd[2]: disconnect from " C " quit=1\n",
	    "submission " C " unknown\n" },
	{ "a client on this host",
	    SMTPD "connect from localhost[::1]\n"
	    SMTPD "disconnect from localhost[::1] quit=1\n",
	    "local localhost[::1] unknown\n" },
	{ "a client without a name",
	    SMTPD "connect from unknown[192.0.2.9]\n"
	    SMTPD "disconnect from unknown[192.0.2.9] quit=1\n",
	    "in [192.0.2.9] unknown\n" },
	{ "a client whose begin was not seen",
	    SMTPD "disconnect from " C " ehlo=2 starttls=1 commands=3\n", "" },
	{ "a process that died",
	    SMTPD "connect from " C "\n"
	    SMTPD "connect from " C "\n"
	    SMTPD "disconnect from " C " quit=1\n",
	    "in " C " unknown\nin " C " unknown\n" },
	{ "handshakes alone",
	    SMTPD "Anonymous TLS connection established from " C ": " CIPHER
	    SMTPD "Trusted TLS connection established from " C ": " CIPHER,
	    "in " C " ok anonymous TLSv1.3 handshake\n"
	    "in " C " ok trusted TLSv1.3 handshake\n" },
	{ "postscreen's tlsproxy, two clients",
	    PROXY "CONNECT from [192.0.2.8]:1\n"
	    PROXY "CONNECT from [192.0.2.9]:2\n"
	    PROXY "Anonymous TLS connection established from [192.0.2.9]:2: "
	    CIPHER
	    PROXY "warning: TLS library problem: error:0A000418:SSL routines::"
	    "tlsv1 alert unknown ca:f.c:1:SSL alert number 48:\n"
	    PROXY "TLS handshake failed for service=smtpd peer=[192.0.2.8]:1\n"
	    PROXY "DISCONNECT [192.0.2.8]:1\n"
	    PROXY "DISCONNECT [192.0.2.9]:2\n",
	    "in [192.0.2.8]:1 handshake-failed reason=tlsv1 alert unknown ca "
	    "alert=unknown ca handshake ours\n"
	    "in [192.0.2.9]:2 ok anonymous TLSv1.3 handshake\n" },
	{ "Dovecot, in TLS, in clear, in vain",
	    T "dovecot: imap-login: Login: user=<u>, rip=192.0.2.9, "
	    "lip=192.0.2.1, TLS, session=<x>\n"
	    T "dovecot: pop3-login: Login: user=<u>, rip=192.0.2.9, "
	    "lip=192.0.2.1, session=<x>\n"
	    T "dovecot: imap-login: Disconnected: user=<>, rip=192.0.2.9, "
	    "lip=192.0.2.1, TLS handshaking: SSL_accept() failed: "
	    "error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL "
	    "alert number 42, session=<x>\n"
	    T "dovecot: imap-login: Disconnected: user=<>, rip=192.0.2.9, "
	    "lip=192.0.2.1, session=<x>\n",
	    "submission [192.0.2.9] ok handshake\n"
	    "submission [192.0.2.9] unknown\n"
	    "submission [192.0.2.9] handshake-failed reason=ssl/tls alert bad "
	    "certificate alert=bad certificate handshake ours\n" }
};

static void
check_rows(void)
{
	char *told;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		told = sessions_of(text_of(rows[i].lines));
		check_text(rows[i].label, told, rows[i].want);
		free(told);
	}
}

/* --------------------------------------------------------------- samples */

static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	struct buffer b;
	char block[4096];
	size_t n;

	if (f == NULL)
		return NULL;
	buffer_init(&b, OUTPUT_MAX);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buffer_add(&b, block, n);
	fclose(f);
	return buffer_take(&b);
}

/* What Postfix 3.7 and 3.12 say of each domain of the samples. */
static const struct {
	const char *domain, *by_3_7, *by_3_12;
} domains[] = {
	{ "both", "ok verified TLSv1.3", "ok verified TLSv1.3" },
	{ "dane-bad", "tlsa-mismatch untrusted TLSv1.3",
	    "tlsa-mismatch untrusted TLSv1.3" },
	{ "dane-ok", "ok verified TLSv1.3", "ok verified TLSv1.3" },
	{ "plain", "unknown", "unknown" },
	{ "sha1", "cert-weak untrusted TLSv1.3",
	    "cert-weak untrusted TLSv1.3" },
	{ "sts-expired", "cert-expired untrusted TLSv1.3",
	    "cert-expired untrusted TLSv1.3" },
	{ "sts-garbage", "handshake-failed", "handshake-failed" },
	{ "sts-incomplete-chain", "cert-untrusted untrusted TLSv1.3",
	    "cert-untrusted untrusted TLSv1.3" },
	{ "sts-mismatch", "cert-name-mismatch untrusted TLSv1.3",
	    "cert-name-mismatch trusted TLSv1.3" },
	{ "sts-notls", "starttls-missing", "starttls-missing" },
	{ "sts-ok", "ok verified TLSv1.3", "ok verified TLSv1.3" },
	{ "sts-selfsigned", "cert-self-signed untrusted TLSv1.3",
	    "cert-self-signed untrusted TLSv1.3" },
	{ "sts-testing", "ok untrusted TLSv1.3", "ok untrusted TLSv1.3" },
	{ "sts-wrongmx", "cert-name-mismatch untrusted TLSv1.3",
	    "mx-not-in-policy" }
};

static size_t
count_lines_with(const char *text, const char *part)
{
	const char *end;
	size_t n = 0;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1)
		n += memmem(text, (size_t)(end - text), part, strlen(part)) !=
		    NULL;
	return n;
}

static void
check_sample(const char *path, bool is_3_7)
{
	char *log = read_file(path), *told, want[256];
	size_t i;

	if (!check_note(log != NULL, path))
		return;
	told = sessions_of(text_of(log));
	for (i = 0; i < ROWS(domains); i++) {
		snprintf(want, sizeof(want), "out mx.%s.test",
		    domains[i].domain);
		check_int(want, (int64_t)count_lines_with(told, want), 1);
		snprintf(want, sizeof(want), " %s domain=%s.test ", is_3_7 ?
		    domains[i].by_3_7 : domains[i].by_3_12,
		    domains[i].domain);
		check_contains(domains[i].domain, told, want);
	}
	check_contains("the first host of two", told, "out mx1.mixed.test"
	    "[10.99.1.51]:25 cert-expired untrusted TLSv1.3 domain=mixed.test");
	check_contains("the second", told, "out mx2.mixed.test[10.99.1.52]:25 "
	    "ok verified TLSv1.3 domain=mixed.test");
	check_int("no session for a null MX", (int64_t)count_lines_with(told,
	    "nullmx.test"), 0);
	check_int("outbound sessions", (int64_t)count_lines_with(told, "out "),
	    ROWS(domains) + 2);
	check_int("with a datagram", (int64_t)count_lines_with(told,
	    " datagram"), is_3_7 ? 0 : ROWS(domains));
	free(told);
	free(log);
}

static void
check_inbound_sample(const char *path)
{
	char *log = read_file(path), *told;

	if (!check_note(log != NULL, path))
		return;
	told = sessions_of(text_of(log));
	check_int("inbound handshakes", (int64_t)count_lines_with(told,
	    " handshake"), 15);
	check_int("with a trusted certificate", (int64_t)count_lines_with(told,
	    " trusted "), 4);
	check_int("with another", (int64_t)count_lines_with(told,
	    " untrusted "), 3);
	free(told);
	free(log);
}

/* With connection reuse, several deliveries at once. */
static void
check_proxied_sample(const char *path)
{
	char *log = read_file(path), *told;

	if (!check_note(log != NULL, path))
		return;
	told = sessions_of(text_of(log));
	check_int("sessions by tlsproxy", (int64_t)count_lines_with(told, ""),
	    7);
	check_contains("its reason for a certificate", told,
	    "mx.enf-expired.test[10.99.1.4]:25 cert-expired untrusted");
	check_contains("its reason for a handshake", told,
	    "mx.enf-garbage.test[10.99.1.12]:25 handshake-failed "
	    "domain=enf-garbage.test id=4jXHRP4PPXz1f8FQ status=deferred "
	    "reason=wrong version number");
	check_contains("the first host of two by tlsproxy", told,
	    "mx1.enf-mixed.test[10.99.1.25]:25 cert-expired untrusted");
	check_contains("the second by tlsproxy", told,
	    "mx2.enf-mixed.test[10.99.1.26]:25 ok verified");
	free(told);
	free(log);
}

/* ------------------------------------------------------------ properties */

/* Writes the state and goes on with it in another's place. */
static void
restart(struct run *run, const char *label)
{
	struct log_sessions *next = log_sessions_new(describe, &run->told);
	const char *why = "parsed";
	struct buffer state, again;
	int result;

	buffer_init(&state, LOG_SESSIONS_STATE_MAX);
	buffer_init(&again, LOG_SESSIONS_STATE_MAX);
	log_sessions_format(run->sessions, &state);
	result = log_sessions_parse(next, (struct text){ state.data,
	    state.len }, &why);
	log_sessions_format(next, &again);
	if (result != 0 || state.len != again.len ||
	    memcmp(state.data, again.data, state.len) != 0)
		check_text(label, why, "the same state again");
	log_sessions_free(run->sessions);
	run->sessions = next;
	buffer_clear(&state);
	buffer_clear(&again);
}

/* Killed after each line. */
static void
check_restarts(const char *label, const char *lines)
{
	struct text rest = text_of(lines), line;
	char *want = sessions_of(rest), *told;
	struct run run;
	size_t n = 0;

	run_start(&run);
	for (; text_next_line(&rest, &line); n++) {
		run_line(&run, line);
		restart(&run, label);
	}
	told = run_end(&run);
	if (strcmp(told, want) != 0)
		check_text(label, told, want);
	free(told);
	free(want);
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of a text, sorted; changes the text. */
static char *
sort_lines(char *text)
{
	char *lines[1024], *line, *rest = text;
	struct buffer out;
	size_t n = 0, i;

	buffer_init(&out, OUTPUT_MAX);
	while ((line = strsep(&rest, "\n")) != NULL && n < ROWS(lines))
		lines[n++] = line;
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (i = 0; i < n; i++)
		buffer_addf(&out, "%s\n", lines[i]);
	free(text);
	return buffer_take(&out);
}

/* Whether line is of the process that one[] names, "smtp[5448]". */
static bool
is_of(struct text line, const char *one)
{
	return memmem(line.data, line.len, one, strlen(one)) != NULL;
}

/* First all lines of one process, then the rest, and the other way round. */
static void
check_order(const char *path, const char *one)
{
	char *log = read_file(path), *want, *told;
	struct text rest, line;
	struct run run;
	int turn, part;

	if (!check_note(log != NULL, path))
		return;
	want = sort_lines(sessions_of(text_of(log)));
	for (turn = 0; turn < 2; turn++) {
		run_start(&run);
		for (part = 0; part < 2; part++)
			for (rest = text_of(log); text_next_line(&rest, &line);)
				if (is_of(line, one) == (part == turn))
					run_line(&run, line);
		told = sort_lines(run_end(&run));
		check_text(one, told, want);
		free(told);
	}
	free(want);
	free(log);
}

/* Every line of all rows at once, each row by processes of its own. */
static void
check_interleaved(void)
{
	struct text rests[ROWS(rows)], line, mark;
	char text[1024], *told, *want;
	size_t i, left = ROWS(rows);
	struct buffer all;
	struct run run;

	buffer_init(&all, OUTPUT_MAX);
	for (i = 0; i < ROWS(rows); i++) {
		rests[i] = text_of(rows[i].lines);
		if (strstr(rows[i].lines, "tlsproxy") != NULL)
			rests[i].len = 0;
		else
			buffer_add_text(&all, rows[i].want);
	}
	run_start(&run);
	while (left > 0)
		for (left = 0, i = 0; i < ROWS(rows); i++) {
			if (!text_next_line(&rests[i], &line))
				continue;
			left++;
			mark = line;
			if (!is_of(line, "]: ")) {
				run_line(&run, line);
				continue;
			}
			while (memcmp(mark.data, "]: ", 3) != 0)
				mark.data++;
			snprintf(text, sizeof(text), "%.*s%zu%.*s",
			    (int)(mark.data - line.data), line.data, i,
			    (int)(line.data + line.len - mark.data),
			    mark.data);
			run_line(&run, text_of(text));
		}
	told = sort_lines(run_end(&run));
	want = sort_lines(buffer_take(&all));
	check_text("all rows at once", told, want);
	free(told);
	free(want);
}

static void
check_bounds(void)
{
	const struct log_sessions_counts *counts;
	char text[256];
	struct run run;
	size_t i, extra = 3;

	run_start(&run);
	for (i = 0; i < LOG_PENDING_MAX + extra; i++) {
		snprintf(text, sizeof(text), T "postfix/smtpd[%zu]: connect "
		    "from " C "\n", i + 1);
		run_line(&run, text_of(text));
	}
	counts = log_sessions_counts(run.sessions);
	check_int("the oldest are told early", (int64_t)counts->evicted,
	    (int64_t)extra);
	check_int("and only they", (int64_t)count_lines_with(
	    buffer_text(&run.told), "in "), (int64_t)extra);
	restart(&run, "a full state");
	run_line(&run, text_of(T "postfix/smtpd[1]: disconnect from " C));
	check_int("what was told early is not told again",
	    (int64_t)count_lines_with(buffer_text(&run.told), "in "),
	    (int64_t)(extra + log_sessions_counts(run.sessions)->evicted));
	free(run_end(&run));

	run_start(&run);
	for (i = 0; i < LOG_PENDING_MAX + extra; i++)
		run_line(&run, text_of(SMTP ESTABLISHED("Verified", MX1)));
	check_int("one process alone", (int64_t)count_lines_with(
	    buffer_text(&run.told), "out "), (int64_t)extra);
	free(run_end(&run));
}

static void
check_counts(void)
{
	const struct log_sessions_counts *counts;
	struct run run;
	size_t i;

	run_start(&run);
	for (i = 0; i < ROWS(rows); i++)
		run_lines(&run, text_of(rows[i].lines));
	counts = log_sessions_counts(run.sessions);
	check_int("policy errors", (int64_t)counts->policy_errors, 1);
	check_int("TLSRPT lines", (int64_t)counts->tlsrpt, 3);
	check_bool("deliveries", counts->deliveries > 20, true);
	check_bool("handshakes out", counts->handshakes_out > 15, true);
	check_bool("handshakes in", counts->handshakes_in > 3, true);
	check_bool("connections", counts->connections_in > 10, true);
	check_int("none evicted", (int64_t)counts->evicted, 0);
	free(run_end(&run));
}

/* Refused: each prefix of a state, another version, more behind it. */
static void
check_bad_states(void)
{
	struct log_sessions *s = log_sessions_new(describe, NULL);
	const char *why = NULL;
	struct buffer state;
	size_t len, taken = 0;
	struct run run;
	char *copy;

	run_start(&run);
	run_lines(&run, text_of(SMTPD "connect from " C "\n"
	    PROXY "SSL_connect error to " MX1 ":25: -1\n"
	    SMTP ESTABLISHED("Verified", MX1)));
	buffer_init(&state, LOG_SESSIONS_STATE_MAX);
	log_sessions_format(run.sessions, &state);
	free(run_end(&run));
	for (len = 0; len < state.len; len++) {
		copy = check_exact(state.data, len);
		taken += log_sessions_parse(s, (struct text){ copy, len },
		    &why) == 0;
		free(copy);
	}
	check_int("no prefix is a state", (int64_t)taken, 0);
	check_text("why", why, "the state of log sessions is damaged");
	buffer_add(&state, "x", 1);
	check_int("nor is more", log_sessions_parse(s, (struct text){
	    state.data, state.len }, &why), -1);
	state.data[0]++;
	check_int("another version", log_sessions_parse(s, (struct text){
	    state.data, state.len - 1 }, &why), -1);
	check_text("its why", why,
	    "the state of log sessions is of another version");
	state.data[0]--;
	check_int("itself", log_sessions_parse(s, (struct text){
	    state.data, state.len - 1 }, &why), 0);
	buffer_clear(&state);
	log_sessions_free(s);
}

int
main(void)
{
	static const char *const samples[] = {
		"tests/data/log_sessions/postfix-3.7.log",
		"tests/data/log_sessions/postfix-3.12.log",
		"tests/data/log_sessions/postfix-3.7-inbound.log",
		"tests/data/log_sessions/postfix-3.7-tlsproxy.log"
	};
	char *log;
	size_t i;

	check_rows();
	check_sample(samples[0], true);
	check_sample(samples[1], false);
	check_inbound_sample(samples[2]);
	check_proxied_sample(samples[3]);
	for (i = 0; i < ROWS(rows); i++)
		check_restarts(rows[i].label, rows[i].lines);
	for (i = 0; i < ROWS(samples); i++) {
		log = read_file(samples[i]);
		check_restarts(samples[i], log);
		free(log);
	}
	check_order(samples[0], "smtp[5448]");
	check_order(samples[1], "smtp[5115]");
	check_order(samples[2], "smtpd[6081]");
	check_interleaved();
	check_bounds();
	check_counts();
	check_bad_states();
	return check_end();
}
