/*
 * Two questions for the root's SOA record, which every true root signs: one to
 * a fresh validating resolver of our own, one to resolv.conf's servers.  Both
 * are three-valued: a resolver that does not answer has not said no.
 */

#include "policyd/scout/resolver_watch.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "policyd/scout/dns.h"
#include "shared/io/file.h"
#include "shared/resolver_probe.h"
#include "shared/xalloc.h"

#define RESOLV_CONF		"/etc/resolv.conf"
#define RESOLV_CONF_MAX_BYTES	65536
#define SERVER_TIMEOUT_S	2
#define PAUSE_S			3600
#define PAUSE_UNKNOWN_S		10
#define REPLY_MAX_BYTES		512	/* without EDNS (RFC 1035, 4.2.1) */
#define WORDS_MAX_BYTES		255
#define DNS_PORT		53

struct resolver_watch {
	struct event_base	*base;
	resolver_watch_cb	*callback;
	void			*arg;
	char			*own_servers, *trust_anchor;
	struct event		*pause;		/* to the next look */
	struct event		*at_once;	/* tells what is known early */

	/* our own resolver */
	struct dns		*dns;
	enum scout_check	 validates;
	char			 own_words[WORDS_MAX_BYTES + 1];

	/* resolv.conf's servers, one after the other */
	struct address		 servers[RESOLVER_SERVERS_MAX];
	size_t			 server_count, server;
	int			 fd;		/* -1: not asking */
	struct event		*readable;
	uint16_t		 id;
	enum scout_check	 postfix_ad;
	char			 postfix_words[WORDS_MAX_BYTES + 1];

	unsigned		 open_count;	/* of the two */
};

static void	watch_on_pause(evutil_socket_t fd, short events, void *arg);
static void	watch_ask_server(struct resolver_watch *w);

static void
watch_tell(struct resolver_watch *w)
{
	char detail[2 * WORDS_MAX_BYTES + 64];
	struct scout_resolver state = {
		.validates = w->validates, .postfix_ad = w->postfix_ad
	};
	struct timeval pause = { PAUSE_S, 0 };

	if (state.validates == SCOUT_CHECK_UNKNOWN ||
	    state.postfix_ad == SCOUT_CHECK_UNKNOWN)
		pause.tv_sec = PAUSE_UNKNOWN_S;
	evtimer_add(w->pause, &pause);
	snprintf(detail, sizeof(detail), "ours: %s; Postfix's: %s",
	    w->own_words, w->postfix_words);
	state.detail = text_of(detail);
	w->callback(&state, w->arg);
}

static void
watch_is_told(struct resolver_watch *w)
{
	if (--w->open_count == 0)
		event_active(w->at_once, EV_TIMEOUT, 0);
}

static void
watch_on_end(evutil_socket_t fd, short events, void *arg)
{
	struct resolver_watch *w = arg;

	(void)fd;
	(void)events;
	dns_free(w->dns);
	w->dns = NULL;
	watch_tell(w);
}

/* ----------------------------------------------------------- our resolver */

static void
set_words(char words[WORDS_MAX_BYTES + 1], const char *what, const char *why)
{
	char text[2 * WORDS_MAX_BYTES];

	snprintf(text, sizeof(text), "%s%s%s", what, why[0] != '\0' ? ": " :
	    "", why);
	text_quote(words, WORDS_MAX_BYTES + 1, text_of(text));
}

static void
watch_on_root(const struct dns_answer *answer, void *arg)
{
	struct resolver_watch *w = arg;

	w->validates = SCOUT_CHECK_NO;
	switch (answer->result) {
	case DNS_FAILED:
		w->validates = SCOUT_CHECK_UNKNOWN;
		set_words(w->own_words, "the root was not found", answer->why);
		break;
	case DNS_BOGUS:
		set_words(w->own_words, "the root does not validate; does a "
		    "server strip DNSSEC?", answer->why);
		break;
	case DNS_ABSENT:
	case DNS_PRESENT:
		if (answer->is_secure) {
			w->validates = SCOUT_CHECK_YES;
			set_words(w->own_words, "validates", "");
		} else
			set_words(w->own_words, "the root is not signed", "");
		break;
	}
	watch_is_told(w);
}

static void
watch_ask_own(struct resolver_watch *w)
{
	struct dns_options options = {
		.servers = w->own_servers, .trust_anchor = w->trust_anchor,
		.is_validating = true
	};
	char error[DNS_ERROR_MAX_BYTES + 1];

	w->dns = dns_new(w->base);
	if (dns_configure(w->dns, &options, error) == 0) {
		dns_start(w->dns, DNS_SOA, ".", watch_on_root, w);
		return;
	}
	w->validates = SCOUT_CHECK_NO;
	set_words(w->own_words, "cannot validate", error);
	watch_is_told(w);
}

/* ------------------------------------------------------- Postfix's servers */

static void
watch_close_server(struct resolver_watch *w)
{
	if (w->fd == -1)
		return;
	event_free(w->readable);
	close(w->fd);
	w->fd = -1;
}

static void
watch_on_server(evutil_socket_t fd, short events, void *arg)
{
	struct resolver_watch *w = arg;
	enum resolver_reply reply = RESOLVER_FAILED;
	char data[REPLY_MAX_BYTES], text[ADDRESS_TEXT_SIZE];
	const char *words;
	ssize_t len;

	if (events & EV_READ) {
		len = recv(fd, data, sizeof(data), 0);
		if (len >= 0)
			reply = resolver_reply_judge(w->id,
			    (struct text){ data, (size_t)len });
		if (reply == RESOLVER_STRANGE)
			return;		/* ours may still come */
	}
	watch_close_server(w);
	if (reply == RESOLVER_FAILED) {
		w->server++;
		watch_ask_server(w);
		return;
	}
	w->postfix_ad = reply == RESOLVER_VALIDATED ? SCOUT_CHECK_YES :
	    SCOUT_CHECK_NO;
	words = reply == RESOLVER_VALIDATED ? "validates" :
	    "does not validate (no AD for the root)";
	snprintf(w->postfix_words, sizeof(w->postfix_words), "%s %s",
	    address_format(&w->servers[w->server], text), words);
	watch_is_told(w);
}

static int
connect_server(const struct address *address)
{
	struct sockaddr_in v4 = {
		.sin_family = AF_INET, .sin_port = htons(DNS_PORT)
	};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT)
	};
	bool is_v6 = address->family == 6;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET,
	    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	memcpy(&v4.sin_addr, address->octets, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, address->octets, sizeof(v6.sin6_addr));
	if (connect(fd, is_v6 ? (struct sockaddr *)&v6 :
	    (struct sockaddr *)&v4, is_v6 ? sizeof(v6) : sizeof(v4)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The next server, or the end when there is none left. */
static void
watch_ask_server(struct resolver_watch *w)
{
	unsigned char question[RESOLVER_QUESTION_BYTES];
	struct timeval timeout = { SERVER_TIMEOUT_S, 0 };

	for (; w->server < w->server_count; w->server++) {
		w->fd = connect_server(&w->servers[w->server]);
		if (w->fd == -1)
			continue;
		evutil_secure_rng_get_bytes(&w->id, sizeof(w->id));
		resolver_question_format(w->id, question);
		/* Lost or refused, the timer or an error will tell. */
		(void)!send(w->fd, question, sizeof(question), 0);
		w->readable = event_new(w->base, w->fd, EV_READ | EV_PERSIST,
		    watch_on_server, w);
		event_add(w->readable, &timeout);
		return;
	}
	set_words(w->postfix_words, "no server of " RESOLV_CONF " answers",
	    "");
	watch_is_told(w);
}

static void
watch_read_conf(struct resolver_watch *w)
{
	struct buffer conf;

	buffer_init(&conf, RESOLV_CONF_MAX_BYTES);
	/* Without the file the library asks this host, and so do we. */
	file_read(RESOLV_CONF, &conf);
	w->server_count = resolver_conf_parse(
	    (struct text){ buffer_text(&conf), conf.len }, w->servers);
	w->server = 0;
	buffer_clear(&conf);
}

/* ----------------------------------------------------------------- whole */

static void
watch_stop(struct resolver_watch *w)
{
	dns_free(w->dns);
	w->dns = NULL;
	watch_close_server(w);
	evtimer_del(w->pause);
	event_del(w->at_once);
}

static void
watch_look(struct resolver_watch *w)
{
	watch_stop(w);
	w->validates = w->postfix_ad = SCOUT_CHECK_UNKNOWN;
	w->open_count = 2;
	watch_ask_own(w);
	watch_read_conf(w);
	watch_ask_server(w);
}

static void
watch_on_pause(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	watch_look(arg);
}

struct resolver_watch *
resolver_watch_new(struct event_base *base, resolver_watch_cb *callback,
    void *arg)
{
	struct resolver_watch *w = xcalloc(1, sizeof(*w));

	w->base = base;
	w->callback = callback;
	w->arg = arg;
	w->own_servers = xstrdup("");
	w->trust_anchor = xstrdup("");
	w->fd = -1;
	w->pause = evtimer_new(base, watch_on_pause, w);
	w->at_once = evtimer_new(base, watch_on_end, w);
	return w;
}

void
resolver_watch_free(struct resolver_watch *w)
{
	if (w == NULL)
		return;
	watch_stop(w);
	event_free(w->pause);
	event_free(w->at_once);
	free(w->own_servers);
	free(w->trust_anchor);
	free(w);
}

void
resolver_watch_start(struct resolver_watch *w, const char *servers,
    const char *trust_anchor)
{
	free(w->own_servers);
	free(w->trust_anchor);
	w->own_servers = xstrdup(servers);
	w->trust_anchor = xstrdup(trust_anchor);
	watch_look(w);
}
