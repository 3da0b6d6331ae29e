/*
 * One conversation with a mail host, on a non-blocking socket: stage_ask says
 * what each stage asks, stage_answered what its answer means.  OpenSSL's
 * security level is that of Postfix: 1 where it verifies, which leaves out TLS
 * 1.0 and 1.1 (they sign with SHA-1), else 0, so that a host that Postfix
 * reaches is never called dead.  Weakness is judged afterwards.
 */

#include "policyd/scout/smtp_probe.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "shared/buffer.h"
#include "shared/io/clock.h"
#include "shared/mail_reply.h"
#include "shared/tls_hello.h"
#include "shared/xalloc.h"

#define READ_BYTES	4096
#define IN_MAX_BYTES	(MAIL_REPLY_MAX_BYTES + READ_BYTES)
#define REPLY_SIZE	160	/* of a reply in words */
/* Everything but what names nobody or hides nothing. */
#define CIPHERS		"ALL:!aNULL:!eNULL:@STRENGTH:@SECLEVEL=0"
#define STRICT_LEVEL	1

static const struct {
	const char	*words;
	unsigned	 timeout_s;
	enum finding	 finding;	/* refused, timed out or cut */
} stages[PROBE_STAGE_COUNT] = {
	[PROBE_CONNECT] = { "connection", 10, FINDING_UNREACHABLE },
	[PROBE_BANNER] = { "banner", 15, FINDING_UNREACHABLE },
	[PROBE_EHLO] = { "EHLO", 15, FINDING_UNREACHABLE },
	[PROBE_STARTTLS] = { "STARTTLS", 15, FINDING_STARTTLS_REFUSED },
	[PROBE_HANDSHAKE] = { "TLS handshake", 15, FINDING_HANDSHAKE_FAILED },
	[PROBE_QUIT] = { "QUIT", 5, FINDING_OK },
};

static const struct {
	bool		  is_implicit;	/* TLS before all else */
	bool		  has_ehlo;
	enum mail_dialect greeting, dialect;
	const char	 *starttls, *quit;
} services[PROBE_SERVICE_COUNT] = {
	[PROBE_SMTP] = { false, true, MAIL_SMTP, MAIL_SMTP,
	    "STARTTLS\r\n", "QUIT\r\n" },
	[PROBE_SUBMISSION] = { false, true, MAIL_SMTP, MAIL_SMTP,
	    "STARTTLS\r\n", "QUIT\r\n" },
	[PROBE_SMTPS] = { true, true, MAIL_SMTP, MAIL_SMTP, "", "QUIT\r\n" },
	[PROBE_IMAP] = { false, false, MAIL_IMAP_GREETING, MAIL_IMAP,
	    MAIL_REPLY_TAG " STARTTLS\r\n", MAIL_REPLY_TAG " LOGOUT\r\n" },
	[PROBE_IMAPS] = { true, false, MAIL_IMAP_GREETING, MAIL_IMAP,
	    "", MAIL_REPLY_TAG " LOGOUT\r\n" },
	[PROBE_POP3] = { false, false, MAIL_POP3, MAIL_POP3,
	    "STLS\r\n", "QUIT\r\n" },
	[PROBE_POP3S] = { true, false, MAIL_POP3, MAIL_POP3, "", "QUIT\r\n" },
};

/* Not const: OpenSSL's macro casts it away. */
static char rsa_signatures[] = "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:"
    "rsa_pss_rsae_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512";
static char ecdsa_signatures[] = "ecdsa_secp256r1_sha256:"
    "ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512";

static const struct {
	int		 min_version, max_version;	/* 0: what OpenSSL has */
	bool		 has_sni;
	char		*signatures;	/* NULL: what OpenSSL has */
} manners[PROBE_MANNER_COUNT] = {
	[PROBE_AS_POSTFIX] = { TLS1_VERSION, 0, true, NULL },
	[PROBE_WITHOUT_SNI] = { TLS1_VERSION, 0, false, NULL },
	[PROBE_TLS_1_0] = { TLS1_VERSION, TLS1_VERSION, true, NULL },
	[PROBE_TLS_1_1] = { TLS1_1_VERSION, TLS1_1_VERSION, true, NULL },
	[PROBE_TLS_1_2] = { TLS1_2_VERSION, TLS1_2_VERSION, true, NULL },
	[PROBE_TLS_1_3] = { TLS1_3_VERSION, TLS1_3_VERSION, true, NULL },
	[PROBE_WEAK_CIPHERS] = { 0, 0, true, NULL },
	[PROBE_ANONYMOUS_CIPHERS] = { 0, 0, true, NULL },
	/* By signatures alone TLS 1.3 chooses, and from them TLS 1.2. */
	[PROBE_RSA] = { TLS1_2_VERSION, 0, true, rsa_signatures },
	[PROBE_ECDSA] = { TLS1_2_VERSION, 0, true, ecdsa_signatures },
};

struct smtp_prober {
	struct event_base	*base;
	SSL_CTX			*ctx;
};

struct smtp_probe {
	struct smtp_prober	*prober;
	struct probe_request	 request;
	char			 helo[HOST_NAME_SIZE];
	int			 newest;	/* of TLS, 0: what OpenSSL has */
	bool			 is_strict;
	int			 fd;		/* -1: no connection */
	struct event		*readable, *writable;	/* NULL without fd */
	struct event		*stage_timer, *deadline;
	struct event		*at_once;	/* ends what cannot begin */
	int64_t			 stage_began_ms;
	struct buffer		 in, out;	/* in clear */
	SSL			*ssl;
	struct smtp_seen	 seen;
	smtp_probe_cb		*callback;
	void			*arg;
};

/* ----------------------------------------------------------- begin and end */

static void
probe_free(struct smtp_probe *p)
{
	if (p->readable != NULL) {
		event_free(p->readable);
		event_free(p->writable);
	}
	event_free(p->stage_timer);
	event_free(p->deadline);
	event_free(p->at_once);
	SSL_free(p->ssl);
	if (p->fd != -1)
		close(p->fd);
	buffer_clear(&p->in);
	buffer_clear(&p->out);
	cert_chain_clear(&p->seen.chain);
	free(p);
}

static void
probe_note_time(struct smtp_probe *p)
{
	int64_t now = clock_monotonic_ms();

	p->seen.stage_ms[p->seen.stage] = (uint32_t)(now - p->stage_began_ms);
	p->stage_began_ms = now;
}

static void
probe_finish(struct smtp_probe *p)
{
	probe_note_time(p);
	p->callback(&p->seen, p->arg);
	probe_free(p);
}

/* What was learned before QUIT stands, however that ends. */
static void __attribute__((format(printf, 3, 4)))
probe_fail(struct smtp_probe *p, enum finding finding, const char *format, ...)
{
	char text[FACTS_ERROR_MAX_BYTES + 1];
	va_list args;

	if (p->seen.stage != PROBE_QUIT) {
		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		facts_set_error(p->seen.words, "%s%s%s",
		    finding == FINDING_UNREACHABLE ?
		    stages[p->seen.stage].words : finding_words(finding),
		    text[0] != '\0' ? ": " : "", text);
		p->seen.finding = finding;
	}
	probe_finish(p);
}

/* The same for the stage's own finding. */
static void
probe_fail_stage(struct smtp_probe *p, const char *why)
{
	probe_fail(p, stages[p->seen.stage].finding, "%s", why);
}

static void
on_timeout(evutil_socket_t fd, short events, void *arg)
{
	struct smtp_probe *p = arg;

	(void)fd;
	(void)events;
	probe_fail(p, stages[p->seen.stage].finding, "no answer within %u s",
	    stages[p->seen.stage].timeout_s);
}

static void
on_deadline(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	probe_fail_stage(arg, "not done 60 s after the begin");
}

static void
on_at_once(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	probe_finish(arg);
}

/* ---------------------------------------------------------------- handshake */

static void
note_key_exchange(struct smtp_probe *p)
{
	char group[sizeof(p->seen.key_exchange)];
	EVP_PKEY *key = NULL;
	size_t len;

	snprintf(p->seen.key_exchange, sizeof(p->seen.key_exchange), "RSA");
	if (SSL_get_peer_tmp_key(p->ssl, &key) != 1)
		return;
	/* X25519 has no group by name. */
	if (EVP_PKEY_get_group_name(key, group, sizeof(group), &len) != 1 ||
	    len == 0)
		snprintf(group, sizeof(group), "%s",
		    EVP_PKEY_get0_type_name(key));
	text_quote(p->seen.key_exchange, sizeof(p->seen.key_exchange),
	    text_of(group));
	EVP_PKEY_free(key);
}

static void
note_session(struct smtp_probe *p)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(p->ssl);
	const SSL_CIPHER *cipher = SSL_get_current_cipher(p->ssl);
	const unsigned char *staple;
	long staple_len;
	int i;

	snprintf(p->seen.protocol, sizeof(p->seen.protocol), "%s",
	    SSL_get_version(p->ssl));
	snprintf(p->seen.cipher, sizeof(p->seen.cipher), "%s",
	    SSL_CIPHER_get_name(cipher));
	p->seen.cipher_bits = (unsigned)SSL_CIPHER_get_bits(cipher, NULL);
	note_key_exchange(p);
	for (i = 0; i < sk_X509_num(sent); i++)
		cert_chain_add_decoded(&p->seen.chain,
		    sk_X509_value(sent, i));
	staple_len = SSL_get_tlsext_status_ocsp_resp(p->ssl, &staple);
	if (staple_len > 0)
		p->seen.staple = (struct text){ (const char *)staple,
		    (size_t)staple_len };
}

/* Servers say in several ways that the offered versions are too new. */
static bool
is_about_versions(unsigned long error)
{
	int reason = ERR_GET_REASON(error);

	return ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    (reason == SSL_R_UNSUPPORTED_PROTOCOL ||
	    reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION ||
	    reason == SSL_R_WRONG_SSL_VERSION);
}

static const char *
handshake_words(unsigned long error)
{
	const char *words = ERR_reason_error_string(error);

	if (error == 0)
		return "the connection was closed";
	if (ERR_GET_LIB(error) == ERR_LIB_SSL)
		switch (ERR_GET_REASON(error)) {
		case SSL_R_UNEXPECTED_EOF_WHILE_READING:
			return "the connection was closed";
		case SSL_R_WRONG_VERSION_NUMBER:
			return "the answer is no TLS";
		}
	return words != NULL ? words : "failed";
}

static void
handshake_fail(struct smtp_probe *p)
{
	unsigned long error = ERR_peek_error();
	bool is_open = manners[p->request.manner].max_version == 0;

	/* What is no TLS at all has a wrong version. */
	p->seen.was_refused = ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(error) != SSL_R_WRONG_VERSION_NUMBER;
	probe_fail(p, is_open && is_about_versions(error) ?
	    FINDING_PROTOCOL_OLD : FINDING_HANDSHAKE_FAILED, "%s",
	    handshake_words(error));
}

static void	stage_enter(struct smtp_probe *p, enum probe_stage stage);

static void
handshake_advance(struct smtp_probe *p)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(p->ssl);
	if (result == 1) {
		p->seen.finding = FINDING_OK;
		note_session(p);
		stage_enter(p, PROBE_QUIT);
		return;
	}
	switch (SSL_get_error(p->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		event_add(p->readable, NULL);
		break;
	case SSL_ERROR_WANT_WRITE:
		event_add(p->writable, NULL);
		break;
	default:
		handshake_fail(p);
		break;
	}
}

static void
handshake_begin(struct smtp_probe *p)
{
	enum probe_manner manner = p->request.manner;
	int newest = manners[manner].max_version;

	p->ssl = SSL_new(p->prober->ctx);
	assert(p->ssl != NULL);
	if (p->is_strict)
		SSL_set_security_level(p->ssl, STRICT_LEVEL);
	SSL_set_fd(p->ssl, p->fd);
	SSL_set_connect_state(p->ssl);
	SSL_set_min_proto_version(p->ssl, manners[manner].min_version);
	SSL_set_max_proto_version(p->ssl, newest != 0 ? newest : p->newest);
	if (manners[manner].signatures != NULL)
		SSL_set1_sigalgs_list(p->ssl, manners[manner].signatures);
	SSL_set_tlsext_status_type(p->ssl, TLSEXT_STATUSTYPE_ocsp);
	if (manners[manner].has_sni)
		SSL_set_tlsext_host_name(p->ssl, p->request.host);
	handshake_advance(p);
}

/* ------------------------------------------------------- a hello by hand */

static bool
is_by_hand(const struct smtp_probe *p)
{
	return p->request.manner == PROBE_WEAK_CIPHERS ||
	    p->request.manner == PROBE_ANONYMOUS_CIPHERS;
}

static enum tls_hello_offer
hello_offer(const struct smtp_probe *p)
{
	return p->request.manner == PROBE_WEAK_CIPHERS ? TLS_HELLO_WEAK :
	    TLS_HELLO_ANONYMOUS;
}

static void
hello_add(struct smtp_probe *p)
{
	unsigned char random[TLS_HELLO_RANDOM_BYTES];

	RAND_bytes(random, sizeof(random));
	tls_hello_format(hello_offer(p), p->request.host, random, &p->out);
}

static void
hello_answered(struct smtp_probe *p)
{
	const char *suite;

	switch (tls_hello_parse(hello_offer(p), p->in.data, p->in.len,
	    &suite)) {
	case TLS_HELLO_MORE:
		event_add(p->readable, NULL);
		break;
	case TLS_HELLO_TAKEN:
		p->seen.finding = FINDING_OK;
		snprintf(p->seen.cipher, sizeof(p->seen.cipher), "%s", suite);
		probe_finish(p);
		break;
	case TLS_HELLO_REFUSED:
		probe_fail_stage(p, "refused");
		break;
	case TLS_HELLO_BAD:
		probe_fail_stage(p, "no answer of TLS");
		break;
	}
}

/* ------------------------------------------------------------ the stages */

/* Sends what there is to be sent; then waits for the answer. */
static void
probe_flush(struct smtp_probe *p)
{
	ssize_t len = 0;

	if (p->out.len > 0)
		len = send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL);
	if (len == -1 && errno != EAGAIN && errno != EINTR) {
		probe_fail_stage(p, strerror(errno));
		return;
	}
	if (len > 0)
		buffer_drain(&p->out, (size_t)len);
	event_add(p->out.len > 0 ? p->writable : p->readable, NULL);
}

/* The host may be gone already, which is all the same now. */
static void
quit_say(struct smtp_probe *p)
{
	const char *quit = services[p->request.service].quit;

	ERR_clear_error();
	if (SSL_write(p->ssl, quit, (int)strlen(quit)) <= 0) {
		probe_finish(p);
		return;
	}
	event_add(p->readable, NULL);
}

/* Whatever comes, be it the end: it has read our QUIT. */
static void
quit_answered(struct smtp_probe *p)
{
	char block[READ_BYTES];
	int len;

	ERR_clear_error();
	len = SSL_read(p->ssl, block, sizeof(block));
	if (len <= 0 && SSL_get_error(p->ssl, len) == SSL_ERROR_WANT_READ) {
		event_add(p->readable, NULL);
		return;
	}
	if (len > 0)
		SSL_shutdown(p->ssl);
	probe_finish(p);
}

/* What each stage asks. */
static void
stage_ask(struct smtp_probe *p)
{
	switch (p->seen.stage) {
	case PROBE_CONNECT:
		event_add(p->writable, NULL);
		break;
	case PROBE_BANNER:
		event_add(p->readable, NULL);
		break;
	case PROBE_EHLO:
		buffer_addf(&p->out, "EHLO %s\r\n", p->helo);
		probe_flush(p);
		break;
	case PROBE_STARTTLS:
		buffer_add_text(&p->out,
		    services[p->request.service].starttls);
		probe_flush(p);
		break;
	case PROBE_HANDSHAKE:
		if (is_by_hand(p)) {
			hello_add(p);
			probe_flush(p);
		} else
			handshake_begin(p);
		break;
	case PROBE_QUIT:
		quit_say(p);
		break;
	case PROBE_STAGE_COUNT:
		abort();
	}
}

static void
stage_enter(struct smtp_probe *p, enum probe_stage stage)
{
	struct timeval timeout = { stages[stage].timeout_s, 0 };

	probe_note_time(p);
	p->seen.stage = stage;
	evtimer_add(p->stage_timer, &timeout);
	stage_ask(p);
}

static void
stage_connected(struct smtp_probe *p)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		probe_fail_stage(p, strerror(error));
	else
		stage_enter(p, services[p->request.service].is_implicit ?
		    PROBE_HANDSHAKE : PROBE_BANNER);
}

static void
stage_refused(struct smtp_probe *p, const struct mail_reply *reply)
{
	enum finding finding = stages[p->seen.stage].finding;
	char text[REPLY_SIZE];

	/* Only SMTP has said before that it offers it. */
	if (p->seen.stage == PROBE_STARTTLS &&
	    !services[p->request.service].has_ehlo)
		finding = FINDING_STARTTLS_MISSING;
	probe_fail(p, finding, "%s%s", finding == FINDING_UNREACHABLE ?
	    "refused: " : "", text_quote(text, sizeof(text), reply->last));
}

/*
 * True when octets follow the answer to STARTTLS, which no server may send
 * before our hello: they came in clear and would be taken for protected (RFC
 * 3207, 6).
 */
static bool
has_injection(const struct smtp_probe *p)
{
	char octet;

	return p->in.len > 0 ||
	    recv(p->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* What the answer to each stage means. */
static void
stage_answered(struct smtp_probe *p, const struct mail_reply *reply,
    size_t used)
{
	if (reply->verdict != MAIL_YES) {
		stage_refused(p, reply);
	} else if (p->seen.stage == PROBE_BANNER) {
		buffer_drain(&p->in, used);
		stage_enter(p, services[p->request.service].has_ehlo ?
		    PROBE_EHLO : PROBE_STARTTLS);
	} else if (p->seen.stage == PROBE_EHLO &&
	    !mail_reply_offers(reply, "STARTTLS")) {
		probe_fail(p, FINDING_STARTTLS_MISSING, "%s", "");
	} else if (p->seen.stage == PROBE_EHLO) {
		buffer_drain(&p->in, used);
		stage_enter(p, PROBE_STARTTLS);
	} else {
		buffer_drain(&p->in, used);
		if (has_injection(p))
			probe_fail(p, FINDING_STARTTLS_INJECTION, "%s", "");
		else
			stage_enter(p, PROBE_HANDSHAKE);
	}
}

static void
reply_advance(struct smtp_probe *p)
{
	enum mail_dialect dialect = p->seen.stage == PROBE_BANNER ?
	    services[p->request.service].greeting :
	    services[p->request.service].dialect;
	struct mail_reply reply;
	const char *why;
	size_t used;

	switch (mail_reply_parse(dialect, p->in.data, p->in.len, &reply, &used,
	    &why)) {
	case MAIL_REPLY_DONE:
		stage_answered(p, &reply, used);
		break;
	case MAIL_REPLY_MORE:
		event_add(p->readable, NULL);
		break;
	case MAIL_REPLY_BAD:
		probe_fail_stage(p, why);
		break;
	}
}

/* False when there is nothing new; the probe may then be gone. */
static bool
probe_read(struct smtp_probe *p)
{
	char block[READ_BYTES];
	ssize_t len = recv(p->fd, block, sizeof(block), 0);

	if (len == -1 && (errno == EAGAIN || errno == EINTR)) {
		event_add(p->readable, NULL);
		return false;
	}
	if (len <= 0) {
		probe_fail_stage(p, len == 0 ? "the connection was closed" :
		    strerror(errno));
		return false;
	}
	buffer_add(&p->in, block, (size_t)len);
	return true;
}

static void
on_socket(evutil_socket_t fd, short events, void *arg)
{
	struct smtp_probe *p = arg;

	(void)fd;
	(void)events;
	if (p->seen.stage == PROBE_CONNECT)
		stage_connected(p);
	else if (p->seen.stage == PROBE_QUIT)
		quit_answered(p);
	else if (p->ssl != NULL)
		handshake_advance(p);
	else if (p->out.len > 0)
		probe_flush(p);
	else if (!probe_read(p))
		return;
	else if (p->seen.stage == PROBE_HANDSHAKE)
		hello_answered(p);
	else
		reply_advance(p);
}

/* ------------------------------------------------------------------- whole */

static socklen_t
make_sockaddr(const struct probe_request *request,
    struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (request->address.family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(request->port);
		memcpy(&v4->sin_addr, request->address.octets, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(request->port);
	memcpy(&v6->sin6_addr, request->address.octets, 16);
	return sizeof(*v6);
}

/* Not the host's fault: no IPv6 here, no descriptors, a filter of ours. */
static bool
is_our_trouble(int error)
{
	return error == ENETUNREACH || error == EADDRNOTAVAIL ||
	    error == EAFNOSUPPORT || error == EMFILE || error == ENFILE ||
	    error == ENOBUFS || error == ENOMEM || error == EACCES ||
	    error == EPERM;
}

/* 0 for NULL, and for what is older than all that is probed. */
static int
version_of(const char *protocol)
{
	static const struct {
		const char	*name;
		int		 version;
	} versions[] = {
		{ "TLSv1", TLS1_VERSION }, { "TLSv1.1", TLS1_1_VERSION },
		{ "TLSv1.2", TLS1_2_VERSION }, { "TLSv1.3", TLS1_3_VERSION }
	};
	size_t i;

	for (i = 0; protocol != NULL &&
	    i < sizeof(versions) / sizeof(versions[0]); i++)
		if (strcmp(versions[i].name, protocol) == 0)
			return versions[i].version;
	return 0;
}

/* Non-blocking and on its way, or an error. */
static int
probe_connect(struct smtp_probe *p)
{
	struct sockaddr_storage sockaddr;
	socklen_t len = make_sockaddr(&p->request, &sockaddr);

	p->fd = socket(sockaddr.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd == -1)
		return errno;
	if (connect(p->fd, (struct sockaddr *)&sockaddr, len) == -1 &&
	    errno != EINPROGRESS)
		return errno;
	return 0;
}

struct smtp_probe *
smtp_probe_start(struct smtp_prober *prober,
    const struct probe_request *request,
    const struct smtp_probe_manner *manner, smtp_probe_cb *callback, void *arg)
{
	struct smtp_probe *p = xcalloc(1, sizeof(*p));
	struct event_base *base = prober->base;
	struct timeval deadline = { SMTP_PROBE_TIMEOUT_S, 0 };
	int error;

	p->prober = prober;
	p->request = *request;
	snprintf(p->helo, sizeof(p->helo), "%s", manner->helo);
	p->newest = version_of(manner->newest);
	p->is_strict = manner->is_strict;
	p->callback = callback;
	p->arg = arg;
	p->stage_timer = evtimer_new(base, on_timeout, p);
	p->deadline = evtimer_new(base, on_deadline, p);
	p->at_once = evtimer_new(base, on_at_once, p);
	buffer_init(&p->in, IN_MAX_BYTES);
	buffer_init(&p->out, 4096);
	p->stage_began_ms = clock_monotonic_ms();
	error = probe_connect(p);
	if (error != 0) {
		p->seen.finding = is_our_trouble(error) ? FINDING_UNKNOWN :
		    FINDING_UNREACHABLE;
		facts_set_error(p->seen.words, "%s: %s",
		    stages[PROBE_CONNECT].words, strerror(error));
		event_active(p->at_once, EV_TIMEOUT, 0);
		return p;
	}
	p->readable = event_new(base, p->fd, EV_READ, on_socket, p);
	p->writable = event_new(base, p->fd, EV_WRITE, on_socket, p);
	evtimer_add(p->deadline, &deadline);
	stage_enter(p, PROBE_CONNECT);
	return p;
}

void
smtp_probe_cancel(struct smtp_probe *p)
{
	if (p != NULL)
		probe_free(p);
}

/* Chains are judged by cert_check, once. */
static int
take_any_chain(X509_STORE_CTX *context, void *arg)
{
	(void)context;
	(void)arg;
	return 1;
}

struct smtp_prober *
smtp_prober_new(struct event_base *base)
{
	struct smtp_prober *prober = xcalloc(1, sizeof(*prober));
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	assert(ctx != NULL);
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_cipher_list(ctx, CIPHERS);
	SSL_CTX_set_cert_verify_callback(ctx, take_any_chain, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET |
	    SSL_OP_LEGACY_SERVER_CONNECT);
	prober->base = base;
	prober->ctx = ctx;
	return prober;
}

void
smtp_prober_free(struct smtp_prober *prober)
{
	if (prober == NULL)
		return;
	SSL_CTX_free(prober->ctx);
	free(prober);
}
