/*
 * SMTP as a client: relay_ask says what each step asks, relay_answered what its
 * answer means.  Before the final dot has left nothing is taken; once it has,
 * and no answer comes, nobody can tell.
 */

#include "policyd/scout/mail_relay.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/mail_reply.h"
#include "shared/xalloc.h"

#define TIMEOUT_S	60
#define END_TIMEOUT_S	600	/* for the answer to the final dot */
#define WORDS_SIZE	256

enum relay_step {
	RELAY_BANNER, RELAY_EHLO, RELAY_MAIL, RELAY_RCPT, RELAY_DATA,
	RELAY_END
};

struct mail_relay {
	struct bufferevent		*bev;
	const struct errand	*errand;
	enum relay_step			 step;
	errand_done_cb			*callback;
	void				*arg;
};

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

static void
relay_ask(struct mail_relay *r)
{
	switch (r->step) {
	case RELAY_BANNER:
		break;
	case RELAY_EHLO:
		relay_say(r, "EHLO ", r->errand->helo, "\r\n");
		break;
	case RELAY_MAIL:
		relay_say(r, "MAIL FROM:<", r->errand->sender, ">\r\n");
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

	send(bufferevent_getfd(r->bev), quit, sizeof(quit) - 1, MSG_NOSIGNAL);
	r->callback(outcome, words, r->arg);
	relay_free(r);
}

static void
relay_answered(struct mail_relay *r, const struct mail_reply *reply)
{
	bool is_yes = r->step == RELAY_DATA ?
	    text_starts_with(reply->last, "354") :
	    text_starts_with(reply->last, "2");
	char words[WORDS_SIZE];

	text_quote(words, sizeof(words), reply->last);
	if (!is_yes || r->step == RELAY_END)
		relay_finish(r, is_yes ? ERRAND_DONE : ERRAND_FAILED, words);
	else {
		r->step++;
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
	if ((events & BEV_EVENT_CONNECTED) != 0)
		return;
	if ((events & BEV_EVENT_TIMEOUT) != 0)
		snprintf(words, sizeof(words), "no answer in time");
	else if ((events & BEV_EVENT_ERROR) != 0)
		snprintf(words, sizeof(words), "%s", strerror(errno));
	else
		snprintf(words, sizeof(words), "the connection was closed");
	relay_fail(r, words);
}

struct mail_relay *
mail_relay_start(struct event_base *base,
    const struct endpoint_address *where,
    const struct errand *errand, errand_done_cb *callback, void *arg)
{
	struct mail_relay *r = xcalloc(1, sizeof(*r));
	const struct sockaddr *to =
	    (const struct sockaddr *)(const void *)&where->sockaddr;

	r->errand = errand;
	r->callback = callback;
	r->arg = arg;
	r->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE |
	    BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(r->bev, on_read, NULL, on_event, r);
	relay_set_timeout(r, TIMEOUT_S);
	bufferevent_enable(r->bev, EV_READ | EV_WRITE);
	bufferevent_socket_connect(r->bev, to, (int)where->len);
	return r;
}
