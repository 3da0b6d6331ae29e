/*
 * SMTP as a client: relay_ask says what each step asks, relay_answered what its
 * answer means.  Before the final dot has left nothing is taken; once it has,
 * and no answer comes, nobody can tell.  TLS that does not come about is left
 * out in a second conversation.
 */

#include "policyd/scout/mail_relay.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/mail_reply.h"
#include "shared/xalloc.h"

#define TIMEOUT_S	60
#define END_TIMEOUT_S	600	/* for the answer to the final dot */
#define WORDS_SIZE	256

enum relay_step {
	RELAY_BANNER, RELAY_EHLO, RELAY_STARTTLS, RELAY_HANDSHAKE,
	RELAY_EHLO_AGAIN, RELAY_MAIL, RELAY_RCPT, RELAY_DATA, RELAY_END
};

struct mail_relay {
	struct event_base	*base;
	struct mail_relay_way	 way;
	struct bufferevent	*bev;
	const struct errand	*errand;
	enum relay_step		 step;
	bool			 takes_size;	/* RFC 1870 */
	errand_done_cb		*callback;
	void			*arg;
};

static void	relay_connect(struct mail_relay *r);
static void	relay_begin_tls(struct mail_relay *r);

static void
relay_free(struct mail_relay *r)
{
	bufferevent_free(r->bev);
	free(r);
}

void
mail_relay_cancel(struct mail_relay *r)
{
	if (r != NULL)
		relay_free(r);
}

static void
relay_set_timeout(struct mail_relay *r, int seconds)
{
	struct timeval timeout = { seconds, 0 };

	bufferevent_set_timeouts(r->bev, &timeout, &timeout);
}

static void
relay_say(struct mail_relay *r, const char *verb, struct text argument,
    const char *end)
{
	struct evbuffer *out = bufferevent_get_output(r->bev);

	evbuffer_add(out, verb, strlen(verb));
	evbuffer_add(out, argument.data, argument.len);
	evbuffer_add(out, end, strlen(end));
}

/* Lines that begin with a dot get another one (RFC 5321, 4.5.2). */
static void
relay_send_body(struct mail_relay *r)
{
	struct text rest = r->errand->body, line;

	while (text_next_line(&rest, &line))
		relay_say(r, line.len > 0 && line.data[0] == '.' ? "." : "",
		    line, "\r\n");
	relay_say(r, ".", text_of(""), "\r\n");
	relay_set_timeout(r, END_TIMEOUT_S);
}

/* SIZE lets a server refuse before it has all of it. */
static void
relay_say_sender(struct mail_relay *r)
{
	char end[64];

	snprintf(end, sizeof(end), "> SIZE=%zu\r\n", r->errand->body.len);
	relay_say(r, "MAIL FROM:<", r->errand->sender, r->takes_size ? end :
	    ">\r\n");
}

static void
relay_ask(struct mail_relay *r)
{
	switch (r->step) {
	case RELAY_BANNER:
		break;
	case RELAY_STARTTLS:
		relay_say(r, "STARTTLS", text_of(""), "\r\n");
		break;
	case RELAY_HANDSHAKE:
		relay_begin_tls(r);
		break;
	case RELAY_EHLO:
	case RELAY_EHLO_AGAIN:
		relay_say(r, "EHLO ", r->errand->helo, "\r\n");
		break;
	case RELAY_MAIL:
		relay_say_sender(r);
		break;
	case RELAY_RCPT:
		relay_say(r, "RCPT TO:<", r->errand->target, ">\r\n");
		break;
	case RELAY_DATA:
		relay_say(r, "DATA", text_of(""), "\r\n");
		break;
	case RELAY_END:
		relay_send_body(r);
		break;
	}
}

/* May free r. */
static void
relay_fail(struct mail_relay *r, const char *words)
{
	bool is_doubtful = r->step == RELAY_END &&
	    evbuffer_get_length(bufferevent_get_output(r->bev)) == 0;

	if (r->step == RELAY_HANDSHAKE) {
		r->way.may_use_tls = false;
		bufferevent_free(r->bev);
		relay_connect(r);
		return;
	}
	r->callback(is_doubtful ? ERRAND_DOUBTFUL : ERRAND_FAILED, words,
	    r->arg);
	relay_free(r);
}

/* There was an answer, and it was the last that is waited for. */
static void
relay_finish(struct mail_relay *r, enum errand_outcome outcome,
    const char *words)
{
	static const char quit[] = "QUIT\r\n";
	SSL *ssl = bufferevent_openssl_get_ssl(r->bev);

	if (ssl != NULL)
		SSL_write(ssl, quit, sizeof(quit) - 1);
	else
		send(bufferevent_getfd(r->bev), quit, sizeof(quit) - 1,
		    MSG_NOSIGNAL);
	r->callback(outcome, words, r->arg);
	relay_free(r);
}

static bool
relay_agrees(const struct mail_relay *r, const struct mail_reply *reply)
{
	return text_starts_with(reply->last, r->step == RELAY_DATA ? "354" :
	    "2");
}

/* TLS that is not offered or refused is left out. */
static enum relay_step
relay_next_step(struct mail_relay *r, const struct mail_reply *reply)
{
	switch (r->step) {
	case RELAY_EHLO:
		r->takes_size = mail_reply_offers(reply, "SIZE");
		return r->way.may_use_tls && mail_reply_offers(reply,
		    "STARTTLS") ? RELAY_STARTTLS : RELAY_MAIL;
	case RELAY_STARTTLS:
		return relay_agrees(r, reply) ? RELAY_HANDSHAKE : RELAY_MAIL;
	case RELAY_EHLO_AGAIN:
		r->takes_size = mail_reply_offers(reply, "SIZE");
		return RELAY_MAIL;
	default:
		return r->step + 1;
	}
}

static void
relay_answered(struct mail_relay *r, const struct mail_reply *reply)
{
	bool is_yes = relay_agrees(r, reply);
	char words[WORDS_SIZE];

	text_quote(words, sizeof(words), reply->last);
	if (r->step == RELAY_END || (!is_yes && r->step != RELAY_STARTTLS))
		relay_finish(r, is_yes ? ERRAND_DONE : ERRAND_FAILED, words);
	else {
		r->step = relay_next_step(r, reply);
		relay_ask(r);
	}
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct mail_relay *r = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(in), used;
	struct mail_reply reply;
	const char *why;
	char *data = xmemdup(evbuffer_pullup(in, -1), len);

	/* One answer at a time: we never ask two things at once. */
	switch (mail_reply_parse(MAIL_SMTP, data, len, &reply, &used, &why)) {
	case MAIL_REPLY_DONE:
		evbuffer_drain(in, used);
		relay_answered(r, &reply);
		break;
	case MAIL_REPLY_MORE:
		break;
	case MAIL_REPLY_BAD:
		relay_fail(r, why);
		break;
	}
	free(data);
}

static void
on_event(struct bufferevent *bev, short events, void *arg)
{
	struct mail_relay *r = arg;
	char words[WORDS_SIZE];

	(void)bev;
	if ((events & BEV_EVENT_CONNECTED) != 0) {
		if (r->step == RELAY_HANDSHAKE) {
			r->step = RELAY_EHLO_AGAIN;
			relay_ask(r);
		}
		return;
	}
	if ((events & BEV_EVENT_TIMEOUT) != 0)
		snprintf(words, sizeof(words), "no answer in time");
	else if ((events & BEV_EVENT_ERROR) != 0)
		snprintf(words, sizeof(words), "%s", strerror(errno));
	else
		snprintf(words, sizeof(words), "the connection was closed");
	relay_fail(r, words);
}

/* Takes bev. */
static void
relay_use(struct mail_relay *r, struct bufferevent *bev)
{
	r->bev = bev;
	bufferevent_setcb(bev, on_read, NULL, on_event, r);
	relay_set_timeout(r, TIMEOUT_S);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* What came in clear behind the answer is dropped with the old one. */
static void
relay_begin_tls(struct mail_relay *r)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;
	evutil_socket_t fd = bufferevent_getfd(r->bev);

	assert(ssl != NULL);
	SSL_CTX_free(ctx);
	bufferevent_setfd(r->bev, -1);
	bufferevent_free(r->bev);
	relay_use(r, bufferevent_openssl_socket_new(r->base, fd, ssl,
	    BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE |
	    BEV_OPT_DEFER_CALLBACKS));
}

static void
relay_connect(struct mail_relay *r)
{
	r->step = RELAY_BANNER;
	relay_use(r, bufferevent_socket_new(r->base, r->way.fd,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS));
	if (r->way.fd == -1)
		bufferevent_socket_connect(r->bev, (const struct sockaddr *)
		    (const void *)&r->way.where.sockaddr,
		    (int)r->way.where.len);
}

struct mail_relay *
mail_relay_start(struct event_base *base, const struct mail_relay_way *way,
    const struct errand *errand, errand_done_cb *callback, void *arg)
{
	struct mail_relay *r = xcalloc(1, sizeof(*r));

	r->base = base;
	r->way = *way;
	r->errand = errand;
	r->callback = callback;
	r->arg = arg;
	relay_connect(r);
	return r;
}
