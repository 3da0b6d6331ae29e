/*
 * Which certificates Postfix's and Dovecot's settings name, and where they
 * should be served.
 */

#include "shared/postfix/own_certificates.h"

#include "shared/buffer.h"
#include "tests/unit/check.h"

#define MASTER_SMTP \
	"smtp       inet  n       -       y       -       -       smtpd\n"
#define MASTER_SUBMISSION \
	"submission inet  n       -       y       -       -       smtpd " \
	"-o syslog_name=postfix/submission\n"
#define MASTER_SMTPS \
	"smtps      inet  n       -       y       -       -       smtpd\n"
#define MAY	"smtpd_tls_security_level = may\n"
#define ONE	"smtpd_tls_cert_file = /c.pem\nsmtpd_tls_key_file = /k.pem\n"

/* "name kind sni files key ports" a line, as found. */
static const char *
told(const struct own_certificates *own)
{
	static const char *const kinds[] = { "server", "sni", "client" };
	static char out[4096];
	const struct own_certificate *c;
	char address[ADDRESS_TEXT_SIZE];
	struct buffer b;
	size_t i, j;

	buffer_init(&b, sizeof(out) - 1);
	for (i = 0; i < own->count; i++) {
		c = &own->certificates[i];
		buffer_addf(&b, "%s|%s|%s|", c->name, kinds[c->kind],
		    c->sni != NULL ? c->sni : "");
		for (j = 0; j < c->file_count; j++)
			buffer_addf(&b, "%s%s", j > 0 ? "," : "",
			    c->files[j]);
		buffer_addf(&b, "|%s|", c->key_file != NULL ?
		    c->key_file : "");
		for (j = 0; j < c->port_count; j++)
			buffer_addf(&b, "%s%s@%s:%u", j > 0 ? " " : "",
			    probe_service_name(c->ports[j].service),
			    address_format(&c->ports[j].address, address),
			    c->ports[j].port);
		buffer_add_text(&b, "\n");
	}
	snprintf(out, sizeof(out), "%s", buffer_text(&b));
	buffer_clear(&b);
	return out;
}

static const struct {
	const char	*label, *settings, *services, *overrides, *want;
} postfix_rows[] = {
	{ "one certificate, one service", MAY ONE, MASTER_SMTP, "",
	    "postfix smtp|server||/c.pem|/k.pem|smtp@127.0.0.1:25\n" },
	{ "TLS forgotten where strangers come", ONE, MASTER_SMTP
	    "127.0.0.1:10026 inet n - y - - smtpd\n", "",
	    "postfix smtp|server||/c.pem|/k.pem|smtp@127.0.0.1:25\n" },
	{ "level none is no TLS", "smtpd_tls_security_level = none\n" ONE,
	    MASTER_SMTP, "", "" },
	{ "smtpd_use_tls of old", "smtpd_use_tls = yes\n" ONE, MASTER_SMTP,
	    "", "postfix smtp|server||/c.pem|/k.pem|smtp@127.0.0.1:25\n" },
	{ "two services share it", MAY ONE, MASTER_SMTP MASTER_SUBMISSION, "",
	    "postfix smtp|server||/c.pem|/k.pem|smtp@127.0.0.1:25 "
	    "submission@127.0.0.1:587\n" },
	{ "a service has its own", MAY ONE, MASTER_SMTP MASTER_SUBMISSION,
	    "submission/inet/smtpd_tls_cert_file = /s.pem\n"
	    "submission/inet/smtpd_tls_key_file = /s.pem\n",
	    "postfix smtp|server||/c.pem|/k.pem|smtp@127.0.0.1:25\n"
	    "postfix submission|server||/s.pem|/s.pem|"
	    "submission@127.0.0.1:587\n" },
	{ "TLS at once", ONE, MASTER_SMTPS,
	    "smtps/inet/smtpd_tls_wrappermode = yes\n",
	    "postfix smtps|server||/c.pem|/k.pem|smtps@127.0.0.1:465\n" },
	{ "a service switches TLS on", ONE, MASTER_SMTP MASTER_SUBMISSION,
	    "smtp/inet/smtpd_tls_security_level = none\n"
	    "submission/inet/smtpd_tls_security_level = encrypt\n",
	    "postfix submission|server||/c.pem|/k.pem|"
	    "submission@127.0.0.1:587\n" },
	{ "RSA and ECDSA", MAY ONE "smtpd_tls_eccert_file = /ec.pem\n"
	    "smtpd_tls_eckey_file = /eck.pem\n", MASTER_SMTP, "",
	    "postfix smtp|server||/c.pem|/k.pem|smtp@127.0.0.1:25\n"
	    "postfix smtp|server||/ec.pem|/eck.pem|smtp@127.0.0.1:25\n" },
	{ "chain files win", MAY ONE
	    "smtpd_tls_chain_files = /rsa.pem, /ec.pem\n", MASTER_SMTP, "",
	    "postfix smtp|server||/rsa.pem,/ec.pem||smtp@127.0.0.1:25\n" },
	{ "cert file none", MAY "smtpd_tls_cert_file = none\n", MASTER_SMTP,
	    "", "" },
	{ "an address of its own", MAY ONE,
	    "192.0.2.7:25 inet n - y - - smtpd\n"
	    "[2001:db8::1]:2525 inet n - y - - smtpd\n", "",
	    "postfix 192.0.2.7:25|server||/c.pem|/k.pem|smtp@192.0.2.7:25 "
	    "submission@2001:db8::1:2525\n" },
	{ "inet_interfaces without loopback", MAY ONE
	    "inet_interfaces = 192.0.2.9, 192.0.2.10\n", MASTER_SMTP, "",
	    "postfix smtp|server||/c.pem|/k.pem|smtp@192.0.2.9:25\n" },
	{ "another name is another server", MAY ONE "myhostname = a.example\n",
	    MASTER_SMTP MASTER_SUBMISSION,
	    "submission/inet/myhostname = b.example\n",
	    "postfix smtp|server||/c.pem|/k.pem|smtp@127.0.0.1:25\n"
	    "postfix submission|server||/c.pem|/k.pem|"
	    "submission@127.0.0.1:587\n" },
	{ "no listener, no smtpd", MAY ONE,
	    "smtpd pass - - y - - smtpd\nqmqp inet n - y - - qmqpd\n"
	    "maildrop unix - n n - - pipe\nshort inet\n", "", "" },
	{ "postscreen serves what smtpd does", MAY ONE,
	    "smtp inet n - y - 1 postscreen\n", "",
	    "postfix smtp|server||/c.pem|/k.pem|smtp@127.0.0.1:25\n" },
	{ "what we show to others",
	    "smtp_tls_cert_file = /out.pem\nsmtp_tls_key_file = /out.key\n",
	    "", "", "postfix client|client||/out.pem|/out.key|\n" },
	{ "one of the senders shows its own",
	    "smtp_tls_chain_files = /out.pem\n",
	    "smtp unix - - y - - smtp\nrelay unix - - y - - smtp\n"
	    "old unix - - y - - smtp\nlmtp unix - - y - - lmtp\n",
	    "relay/unix/smtp_tls_chain_files = /relay.pem\n"
	    "old/unix/smtp_tls_chain_files = \n"
	    "old/unix/smtp_tls_eccert_file = /ec.pem\n"
	    "old/unix/smtp_tls_eckey_file = /ec.key\n",
	    "postfix client|client||/out.pem||\n"
	    "postfix client|client||/relay.pem||\n"
	    "postfix client|client||/ec.pem|/ec.key|\n" },
	{ "a line of names", MAY "tls_server_sni_maps = inline:{ "
	    "a.example=/a.pem, { .b.example = /b.key, /b.pem } "
	    "c.example = }\n", MASTER_SMTP, "",
	    "postfix SNI|sni|a.example|/a.pem||smtp@127.0.0.1:25\n"
	    "postfix SNI|sni|.b.example|/b.key,/b.pem||"
	    "smtp@127.0.0.1:25\n" },
	{ "a line of names for one service", MAY ONE,
	    MASTER_SMTP MASTER_SUBMISSION,
	    "submission/inet/tls_server_sni_maps = inline:{a.example=/a}\n",
	    "postfix smtp|server||/c.pem|/k.pem|smtp@127.0.0.1:25 "
	    "submission@127.0.0.1:587\n"
	    "postfix SNI|sni|a.example|/a||submission@127.0.0.1:587\n" },
	{ "lines of names that are broken", MAY "tls_server_sni_maps = "
	    "inline: inline:{ inline:{} inline:{a} inline:{{} }, static\n",
	    MASTER_SMTP, "", "" },
};

static void
test_postfix(void)
{
	struct own_certificates *own;
	size_t i;

	for (i = 0; i < sizeof(postfix_rows) / sizeof(postfix_rows[0]); i++) {
		own = own_certificates_new();
		own_certificates_add_postfix(own, NULL,
		    text_of(postfix_rows[i].settings),
		    text_of(postfix_rows[i].services),
		    text_of(postfix_rows[i].overrides));
		check_text(postfix_rows[i].label, told(own),
		    postfix_rows[i].want);
		own_certificates_free(own);
	}
}

static const struct {
	const char	*table, *source, *index;
} sni_rows[] = {
	{ "hash:/etc/sni", "/etc/sni", "/etc/sni.db" },
	{ "btree:/etc/sni", "/etc/sni", "/etc/sni.db" },
	{ "lmdb:/etc/sni", "/etc/sni", "/etc/sni.lmdb" },
	{ "cdb:/etc/sni", "/etc/sni", "/etc/sni.cdb" },
	{ "texthash:/etc/sni", "/etc/sni", NULL },
	{ "mysql:/etc/sni.cf", NULL, NULL },
};

static void
test_sni_types(void)
{
	struct own_certificates *own;
	char settings[256];
	size_t i;

	for (i = 0; i < sizeof(sni_rows) / sizeof(sni_rows[0]); i++) {
		own = own_certificates_new();
		snprintf(settings, sizeof(settings),
		    MAY "tls_server_sni_maps = inline:{a=b, c=d} %s\n",
		    sni_rows[i].table);
		own_certificates_add_postfix(own, "/etc/postfix-in",
		    text_of(settings), text_of(MASTER_SMTP), text_of(""));
		check_int(sni_rows[i].table, (int64_t)own->map_count, 1);
		check_text(sni_rows[i].table, own->maps[0].table,
		    sni_rows[i].table);
		check_text(sni_rows[i].table, own->maps[0].source,
		    sni_rows[i].source);
		check_text(sni_rows[i].table, own->maps[0].index,
		    sni_rows[i].index);
		own_certificates_free(own);
	}
}

static void
test_sni(void)
{
	struct own_certificates *own = own_certificates_new();

	own_certificates_add_postfix(own, "/etc/postfix", text_of(MAY
	    "tls_server_sni_maps = hash:/etc/sni\n"),
	    text_of(MASTER_SMTP MASTER_SUBMISSION), text_of(""));
	own_certificates_add_sni(own, 0, text_of(
	    "# comment\n\na.example /a.key /a.pem\n  # /c.pem\n"
	    ".b.example /b.pem,\n  /b2.pem\nempty.example\n"));
	check_text("names and files", told(own),
	    "postfix SNI|sni|a.example|/a.key,/a.pem||smtp@127.0.0.1:25 "
	    "submission@127.0.0.1:587\n"
	    "postfix SNI|sni|.b.example|/b.pem,/b2.pem||smtp@127.0.0.1:25 "
	    "submission@127.0.0.1:587\n");
	check_text("their table", own->certificates[0].map, "hash:/etc/sni");
	own_certificates_free(own);
}

/* Who is to be told of a new one, of each that shares the files. */
static void
test_instances(void)
{
	static const char *const dirs[] = { "/etc/postfix", "/etc/postfix-in",
	    "/srv/mail/etc" };
	struct own_certificates *own = own_certificates_new();
	size_t i;

	for (i = 0; i < 3; i++)
		own_certificates_add_postfix(own, dirs[i],
		    text_of(MAY ONE "tls_server_sni_maps = hash:/sni\n"),
		    text_of(MASTER_SMTP), text_of(""));
	own_certificates_add_dovecot(own, text_of("protocols = imap\n"
	    "ssl_cert = </c.pem\nssl_key = </k.pem\n"));
	check_int("four servers", (int64_t)own->count, 4);
	check_int("three tables", (int64_t)own->map_count, 3);
	check_text("the first", own->certificates[0].reload,
	    "postfix reload");
	check_text("another", own->certificates[1].reload,
	    "postfix -c /etc/postfix-in reload");
	check_text("its name", own->certificates[1].name,
	    "postfix-in smtp");
	check_text("one without", own->certificates[2].name, "postfix smtp");
	check_text("Dovecot", own->certificates[3].reload, "doveadm reload");
	own_certificates_free(own);
}

static const struct {
	const char	*label, *doveconf, *want;
} dovecot_rows[] = {
	{ "imap and pop3", "# 2.3.19\nprotocols = imap pop3 lmtp\n"
	    "ssl_cert = </d.pem\nssl_key = # hidden, use -P to show it\n",
	    "dovecot|server||/d.pem||imap@127.0.0.1:143 imaps@127.0.0.1:993 "
	    "pop3@127.0.0.1:110 pop3s@127.0.0.1:995\n" },
	{ "ssl = no", "protocols = imap\nssl = no\nssl_cert = </d.pem\n",
	    "" },
	{ "its own ports, one switched off", "protocols = imap\n"
	    "ssl_cert = </d.pem\nservice imap-login {\n"
	    "  inet_listener imap {\n    port = 0\n  }\n"
	    "  inet_listener imaps {\n    port = 1993\n    ssl = yes\n  }\n"
	    "}\n", "dovecot|server||/d.pem||imaps@127.0.0.1:1993\n" },
	{ "names of their own", "protocols = imap\nssl_cert = </d.pem\n"
	    "local_name imap.example.org {\n  ssl_cert = </e.pem\n"
	    "  ssl_key = # hidden\n}\n",
	    "dovecot|server||/d.pem||imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n"
	    "dovecot|sni|imap.example.org|/e.pem||imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n" },
	{ "two keys, whose files -P tells", "protocols = imap\n"
	    "ssl_cert = </d.pem\nssl_key = </d.key\n"
	    "ssl_alt_cert = </rsa.pem\nssl_alt_key = </rsa.key\n",
	    "dovecot|server||/d.pem|/d.key|imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n"
	    "dovecot|server||/rsa.pem|/rsa.key|imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n" },
	{ "several names, and one of many", "protocols = pop3\n"
	    "local_name \"a.example b.example\" {\n  ssl_cert = </e.pem\n}\n"
	    "local_name *.c.example {\n  ssl_cert = </c.pem\n}\n",
	    "dovecot|sni|a.example|/e.pem||pop3@127.0.0.1:110 "
	    "pop3s@127.0.0.1:995\n"
	    "dovecot|sni|b.example|/e.pem||pop3@127.0.0.1:110 "
	    "pop3s@127.0.0.1:995\n"
	    "dovecot|sni|.c.example|/c.pem||pop3@127.0.0.1:110 "
	    "pop3s@127.0.0.1:995\n" },
	{ "Dovecot 2.4", "protocols {\n  imap = yes\n}\nprotocols = imap\n"
	    "ssl_server {\n  cert_file = /d.pem\n  key_file = /d.key\n}\n"
	    "local_name a.example {\n  ssl_server_cert_file = /e.pem\n"
	    "  ssl_server_key_file = /e.key\n}\n",
	    "dovecot|server||/d.pem|/d.key|imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n"
	    "dovecot|sni|a.example|/e.pem|/e.key|imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n" },
	{ "addresses", "protocols = imap\nlisten = 192.0.2.1\n"
	    "ssl_cert = </d.pem\nservice imap-login {\n"
	    "  inet_listener imaps {\n    address = 192.0.2.2\n  }\n}\n",
	    "dovecot|server||/d.pem||imap@192.0.2.1:143 "
	    "imaps@192.0.2.2:993\n" },
	{ "protocols of their own", "protocols = imap pop3\n"
	    "ssl_cert = </d.pem\nssl_alt_cert = </a.pem\nprotocol imap {\n"
	    "  ssl_cert = </i.pem\n  ssl_key = </i.key\n}\n"
	    "protocol lmtp {\n  ssl_cert = </l.pem\n}\n",
	    "dovecot|server||/d.pem||pop3@127.0.0.1:110 "
	    "pop3s@127.0.0.1:995\n"
	    "dovecot|server||/a.pem||imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993 pop3@127.0.0.1:110 pop3s@127.0.0.1:995\n"
	    "dovecot|server||/i.pem|/i.key|imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n"
	    "dovecot|server||/l.pem||\n" },
	{ "all protocols but one", "protocols = imap pop3\n"
	    "ssl_cert = </d.pem\nprotocol !imap {\n  ssl_server {\n"
	    "    cert_file = /p.pem\n  }\n}\n",
	    "dovecot|server||/d.pem||imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n"
	    "dovecot|server||/p.pem||pop3@127.0.0.1:110 "
	    "pop3s@127.0.0.1:995\n" },
	{ "addresses of their own", "protocols = imap\nssl_cert = </d.pem\n"
	    "local 192.0.2.1 {\n"
	    "  ssl_cert = </l.pem\n}\nlocal 2001:db8::1 {\n"
	    "  ssl_cert = </s.pem\n}\n",
	    "dovecot|server||/d.pem||imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n"
	    "dovecot|server||/l.pem||imap@192.0.2.1:143 "
	    "imaps@192.0.2.1:993\n"
	    "dovecot|server||/s.pem||imap@2001:db8::1:143 "
	    "imaps@2001:db8::1:993\n" },
	{ "the only address has its own", "protocols = imap\n"
	    "ssl_cert = </d.pem\nlisten = 192.0.2.1\nlocal 192.0.2.1 {\n"
	    "  ssl_cert = </l.pem\n}\n", "dovecot|server||/d.pem||\n"
	    "dovecot|server||/l.pem||imap@192.0.2.1:143 "
	    "imaps@192.0.2.1:993\n" },
	{ "blocks in blocks", "protocols = imap pop3\nssl_cert = </d.pem\n"
	    "local 192.0.2.1 {\n  ssl_cert = </l.pem\n}\n"
	    "local 192.0.2.1 {\n  protocol imap {\n    ssl_cert = </i.pem\n"
	    "  }\n}\nlocal_name b.example {\n  ssl_cert = </b.pem\n}\n"
	    "local_name b.example {\n  protocol imap {\n"
	    "    ssl_cert = </bi.pem\n  }\n}\n",
	    "dovecot|server||/d.pem||imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993 pop3@127.0.0.1:110 pop3s@127.0.0.1:995\n"
	    "dovecot|server||/l.pem||pop3@192.0.2.1:110 "
	    "pop3s@192.0.2.1:995\n"
	    "dovecot|server||/i.pem||imap@192.0.2.1:143 "
	    "imaps@192.0.2.1:993\n"
	    "dovecot|sni|b.example|/b.pem||pop3@127.0.0.1:110 "
	    "pop3s@127.0.0.1:995\n"
	    "dovecot|sni|b.example|/bi.pem||imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n" },
	{ "a block that goes on behind another", "protocols = imap\n"
	    "local_name b.example {\n  ssl_cert = </b.pem\n"
	    "  protocol pop3 {\n    a = b\n  }\n  ssl_key = </b.key\n}\n"
	    "ssl_cert = </d.pem\n",
	    "dovecot|server||/d.pem||imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n"
	    "dovecot|sni|b.example|/b.pem|/b.key|imap@127.0.0.1:143 "
	    "imaps@127.0.0.1:993\n" },
	{ "the last word on the top level", "protocols = imap\n"
	    "ssl_cert = </d.pem\nprotocols = pop3\nlisten = *, ::\n",
	    "dovecot|server||/d.pem||pop3@127.0.0.1:110 "
	    "pop3s@127.0.0.1:995\n" },
	{ "a certificate in the text is no file", "protocols = imap\n"
	    "ssl_cert = -----BEGIN\n", "" },
	{ "blocks that never end", "protocols = imap\nssl_cert = </d.pem\n"
	    "a {\nb {\nc {\nd {\ne {\nf {\ng {\nh {\ni {\n", "dovecot|server|"
	    "|/d.pem||imap@127.0.0.1:143 imaps@127.0.0.1:993\n" },
	{ "ends that never began", "}\n}\nprotocols = imap\n"
	    "ssl_cert = </d.pem\n", "dovecot|server||/d.pem||"
	    "imap@127.0.0.1:143 imaps@127.0.0.1:993\n" },
	{ "nothing", "", "" },
};

static void
test_dovecot(void)
{
	struct own_certificates *own;
	size_t i;

	for (i = 0; i < sizeof(dovecot_rows) / sizeof(dovecot_rows[0]); i++) {
		own = own_certificates_new();
		own_certificates_add_dovecot(own,
		    text_of(dovecot_rows[i].doveconf));
		check_text(dovecot_rows[i].label, told(own),
		    dovecot_rows[i].want);
		own_certificates_free(own);
	}
}

/* What is not read is not passed over either. */
static const struct {
	const char	*label, *doveconf;
	bool		 want;
} unread_rows[] = {
	{ "nothing", "", false },
	{ "a network", "local 192.0.2.0/24 {\n  ssl_cert = </n.pem\n}\n",
	    true },
	{ "a host's name", "local a.example {\n  ssl_cert = </n.pem\n}\n",
	    true },
	{ "clients", "remote 192.0.2.1 {\n  ssl_cert = </n.pem\n}\n", true },
	{ "a second key", "remote 192.0.2.1 {\n  ssl_alt_cert = </n.pem\n}\n",
	    true },
	{ "inside, of 2.4", "remote 192.0.2.1 {\n  ssl_server {\n"
	    "    cert_file = /n.pem\n  }\n}\n", true },
	{ "a block in one that is read", "protocol imap {\n  other {\n"
	    "    ssl_server_cert_file = /n.pem\n  }\n}\n", true },
	{ "a block for no name", "local_name {\n  ssl_cert = </n.pem\n}\n",
	    true },
	{ "no name at all", "{\n  ssl_cert = </n.pem\n}\n", true },
	{ "no file", "remote 192.0.2.1 {\n  ssl_cert =\n}\n", false },
	{ "what we show to others", "ssl_client {\n  cert_file = /n.pem\n}\n",
	    false },
	{ "another setting", "service auth {\n  user = root\n}\n", false },
	{ "blocks that never end", "a {\nb {\nc {\nd {\ne {\nf {\ng {\nh {\n",
	    true },
};

static void
test_unread(void)
{
	struct own_certificates *own;
	size_t i;

	for (i = 0; i < sizeof(unread_rows) / sizeof(unread_rows[0]); i++) {
		own = own_certificates_new();
		own_certificates_add_dovecot(own,
		    text_of(unread_rows[i].doveconf));
		check_bool(unread_rows[i].label, own->has_unread,
		    unread_rows[i].want);
		check_int(unread_rows[i].label, (int64_t)own->count, 0);
		own_certificates_free(own);
	}
}

static const struct {
	const char	*label, *option, *want;	/* NULL: refused */
} option_rows[] = {
	{ "none", "", "" },
	{ "a file", "web /w.pem", "web|server||/w.pem||\n" },
	{ "key and ports", "web /w.pem /w.key 443 993",
	    "web|server||/w.pem|/w.key|smtp@127.0.0.1:443 "
	    "imaps@127.0.0.1:993\n" },
	{ "two", "a /a.pem 993, b /b.pem",
	    "a|server||/a.pem||imaps@127.0.0.1:993\nb|server||/b.pem||\n" },
	{ "no file", "web", NULL },
	{ "a port before the file", "web 443 /w.pem", NULL },
	{ "three files", "web /a /b /c", NULL },
	{ "port 0", "web /a 0", NULL },
	{ "a file behind the ports", "web /a 443 /k", NULL },
	{ "a word", "web /a imaps", NULL },
};

static void
test_option(void)
{
	struct own_certificates *own;
	const char *why;
	int result;
	size_t i;

	for (i = 0; i < sizeof(option_rows) / sizeof(option_rows[0]); i++) {
		own = own_certificates_new();
		why = NULL;
		result = own_certificates_add_option(own,
		    text_of(option_rows[i].option), &why);
		if (option_rows[i].want == NULL)
			check_bool(option_rows[i].label, result == -1 &&
			    why != NULL, true);
		else
			check_text(option_rows[i].label, told(own),
			    option_rows[i].want);
		own_certificates_free(own);
	}
}

int
main(void)
{
	test_postfix();
	test_sni_types();
	test_sni();
	test_instances();
	test_dovecot();
	test_unread();
	test_option();
	return check_end();
}
