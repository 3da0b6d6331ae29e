/*
 * The status port.  libevent reads and writes HTTP; here are the bounds that it
 * lacks: how many connections, how long each may take, which Host is ours
 * (against DNS rebinding), and who must know the password.
 */

#include "policyd/clerk/http/http_status.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/process/settings.h"
#include "shared/address.h"
#include "shared/io/clock.h"
#include "shared/io/endpoint.h"
#include "shared/io/log.h"
#include "shared/tlsrpt/mime.h"
#include "shared/xalloc.h"

#define LISTENERS_MAX	16
#define NAME_SIZE	256
#define CHECK_S		1
#define COMPLAIN_S	60	/* between two lines about wrong passwords */

/*
 * libevent tells nobody that a connection has ended: the second reference to
 * its bufferevent does, by being the last.
 */
struct connection {
	TAILQ_ENTRY(connection)	 entry;
	struct bufferevent	*bev;
	int64_t			 deadline_ms;
	bool			 is_idle;	/* no request in hand */
	bool			 is_shut;	/* its end comes */
};

struct request {
	LIST_ENTRY(request)	 entry;
	struct evhttp_request	*http;
	uint64_t		 number;
};

struct http_status {
	struct evhttp		*evhttp;
	struct evconnlistener	*listeners[LISTENERS_MAX];
	size_t			 listener_count;
	struct event		*check;
	const struct settings	*settings;
	char			 host_name[NAME_SIZE];
	http_status_cb		*on_request;
	void			*arg;
	uint64_t		 last_number;
	/* The one idle for longest first. */
	TAILQ_HEAD(, connection) connections;
	size_t			 open_count;	/* of those not shut */
	LIST_HEAD(, request)	 requests;
	int64_t			 complained_ms;
};

/* ---------------------------------------------------------- connections */

static void
connection_expect(struct http_status *h, struct connection *c, int seconds)
{
	c->deadline_ms = clock_monotonic_ms() + seconds * 1000;
	TAILQ_REMOVE(&h->connections, c, entry);
	TAILQ_INSERT_TAIL(&h->connections, c, entry);
}

static struct connection *
connection_of(struct http_status *h, struct evhttp_request *request)
{
	struct evhttp_connection *evcon =
	    evhttp_request_get_connection(request);
	struct connection *c;

	if (evcon != NULL)
		TAILQ_FOREACH(c, &h->connections, entry)
			if (c->bev == evhttp_connection_get_bufferevent(evcon))
				return c;
	return NULL;
}

/* libevent sees the end and frees its part. */
static void
connection_shut(struct http_status *h, struct connection *c)
{
	shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
	if (!c->is_shut)
		h->open_count--;
	c->is_shut = true;
}

/* Forgets connections that libevent has freed. */
static void
drop_ended(struct http_status *h)
{
	struct connection *c, *next;

	for (c = TAILQ_FIRST(&h->connections); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (bufferevent_decref(c->bev)) {
			TAILQ_REMOVE(&h->connections, c, entry);
			if (!c->is_shut)
				h->open_count--;
			free(c);
		} else
			bufferevent_incref(c->bev);
	}
}

static void
set_listening(struct http_status *h)
{
	size_t i;

	for (i = 0; i < h->listener_count; i++)
		if (h->open_count < HTTP_CONNECTIONS_MAX)
			evconnlistener_enable(h->listeners[i]);
		else
			evconnlistener_disable(h->listeners[i]);
}

/* When full the one idle for longest goes; when none is, nobody comes in. */
static void
make_room(struct http_status *h)
{
	struct connection *c;

	drop_ended(h);
	if (h->open_count < HTTP_CONNECTIONS_MAX)
		return;
	TAILQ_FOREACH(c, &h->connections, entry)
		if (c->is_idle && !c->is_shut) {
			connection_shut(h, c);
			return;
		}
}

/* libevent accepted somebody. */
static struct bufferevent *
http_on_accept(struct event_base *base, void *arg)
{
	struct http_status *h = arg;
	struct connection *c = xcalloc(1, sizeof(*c));

	/*
	 * Closed with our reference, the last.  Else evhttp would close it
	 * under the bufferevent's events, and libevent would never hear of
	 * whoever gets the same descriptor.
	 */
	c->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	assert(c->bev != NULL);
	/* It goes on reading until then, and nobody takes it out. */
	bufferevent_setwatermark(c->bev, EV_READ, 0,
	    4 * HTTP_HEADERS_MAX_BYTES);
	bufferevent_incref(c->bev);
	c->is_idle = true;
	TAILQ_INSERT_TAIL(&h->connections, c, entry);
	connection_expect(h, c, HTTP_IDLE_S);
	h->open_count++;
	make_room(h);
	set_listening(h);
	return c->bev;
}

static void
http_on_check(evutil_socket_t fd, short events, void *arg)
{
	struct http_status *h = arg;
	struct connection *c;
	int64_t now_ms = clock_monotonic_ms();

	(void)fd;
	(void)events;
	drop_ended(h);
	TAILQ_FOREACH(c, &h->connections, entry)
		if (now_ms > c->deadline_ms)
			connection_shut(h, c);
	set_listening(h);
}

/* ----------------------------------------------------------- answering */

static void
add_headers(struct evhttp_request *request, const char *type)
{
	static const char *const always[][2] = {
		{ "Cache-Control", "no-store" },
		{ "Content-Security-Policy", "default-src 'none'; "
		    "script-src 'self'; style-src 'self'; img-src 'self'; "
		    "connect-src 'self'; base-uri 'none'; form-action 'none'; "
		    "frame-ancestors 'none'" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Referrer-Policy", "no-referrer" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
	};
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	size_t i;

	for (i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		evhttp_add_header(headers, always[i][0], always[i][1]);
	evhttp_add_header(headers, "Content-Type", type);
}

static void
http_on_sent(struct evhttp_request *request, void *arg)
{
	struct http_status *h = arg;
	struct connection *c = connection_of(h, request);

	if (c != NULL) {
		c->is_idle = true;
		connection_expect(h, c, HTTP_IDLE_S);
	}
}

static void
send_answer(struct http_status *h, struct evhttp_request *request,
    const struct http_answer *answer)
{
	struct connection *c = connection_of(h, request);
	struct evbuffer *body = evbuffer_new();

	if (c != NULL)
		connection_expect(h, c, HTTP_WRITE_S);
	add_headers(request, answer->type);
	evhttp_request_set_on_complete_cb(request, http_on_sent, h);
	evbuffer_add(body, answer->body, answer->len);
	evhttp_send_reply(request, answer->code, NULL, body);
	evbuffer_free(body);
}

static void
refuse(struct http_status *h, struct evhttp_request *request, int code,
    const char *words)
{
	struct http_answer answer = { code, "text/plain; charset=utf-8", words,
	    strlen(words) };

	send_answer(h, request, &answer);
}

void
http_status_answer(struct http_status *h, uint64_t number,
    const struct http_answer *answer)
{
	struct request *r;

	LIST_FOREACH(r, &h->requests, entry)
		if (r->number == number) {
			send_answer(h, r->http, answer);
			LIST_REMOVE(r, entry);
			free(r);
			return;
		}
}

/* --------------------------------------------------------- who may ask */

static const char *
header(struct evhttp_request *request, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(request),
	    name);
}

/*
 * A name that a stranger's DNS points at us is his page's way in; addresses
 * are no names, and ours are told by settings and system.
 */
static bool
is_our_host(const struct http_status *h, const char *host)
{
	const struct site *site = h->settings->site;
	struct text name = text_of(host);
	const char *colon = strrchr(host, ':');
	struct endpoint listen = { .host = "" };
	struct address address;
	const char *why;

	if (colon != NULL && strchr(colon, ']') == NULL)
		name.len = (size_t)(colon - host);
	endpoint_parse(text_of(h->settings->config->status_listen), &listen,
	    &why);
	return address_parse(name, &address) ||
	    text_equals_nocase(name, "localhost") ||
	    (listen.host[0] != '\0' &&
	    text_equals_nocase(name, listen.host)) ||
	    text_equals_nocase(name, h->host_name) ||
	    (site->myhostname != NULL &&
	    text_equals_nocase(name, site->myhostname));
}

/* Time does not tell how much of it was right. */
static bool
is_secret(struct text given, const char *secret)
{
	size_t len = strlen(secret), i;
	unsigned char difference = given.len != len;

	for (i = 0; i < given.len; i++)
		difference |= (unsigned char)(given.data[i] ^
		    secret[len > 0 ? i % len : 0]);
	return difference == 0;
}

/* Basic authentication (RFC 7617), whatever the user's name. */
static bool
knows_password(const struct http_status *h, const char *authorization)
{
	struct text word, rest, user;
	struct buffer plain;
	bool knows = false;

	if (authorization == NULL)
		return false;
	rest = text_of(authorization);
	if (!text_next_word(&rest, &word) ||
	    !text_equals_nocase(word, "Basic"))
		return false;
	buffer_init(&plain, HTTP_HEADERS_MAX_BYTES);
	if (mime_decode(text_of("base64"), text_trim(rest), &plain)) {
		rest = (struct text){ buffer_text(&plain), plain.len };
		if (text_next_field(&rest, ':', &user))
			knows = is_secret(rest, h->settings->status_password);
	}
	buffer_clear(&plain);
	return knows;
}

static bool
is_local(struct evhttp_request *request)
{
	struct address address;
	char *peer = NULL;
	uint16_t port;

	evhttp_connection_get_peer(evhttp_request_get_connection(request),
	    &peer, &port);
	/* A unix socket's peer has none. */
	return peer == NULL || !address_parse(text_of(peer), &address) ||
	    address_is_loopback(&address);
}

static void
ask_password(struct http_status *h, struct evhttp_request *request)
{
	int64_t now_ms = clock_monotonic_ms();

	if (header(request, "Authorization") != NULL &&
	    now_ms >= h->complained_ms + COMPLAIN_S * 1000) {
		h->complained_ms = now_ms;
		log_warn("status port: a wrong password was given");
	}
	evhttp_add_header(evhttp_request_get_output_headers(request),
	    "WWW-Authenticate", "Basic realm=\"Hopseal\", charset=\"UTF-8\"");
	refuse(h, request, 401, "The password stands in the file that the "
	    "option status_password_file names; any user name will do.\n");
}

/* Answers those who may not. */
static bool
may_ask(struct http_status *h, struct evhttp_request *request,
    const char *path)
{
	const char *host = header(request, "Host");
	const char *from = header(request, "Sec-Fetch-Site");
	bool is_open = strcmp(path, "/metrics") == 0 ||
	    strcmp(path, "/health") == 0;

	if (host != NULL && !is_our_host(h, host)) {
		refuse(h, request, 403, "This host does not go by that "
		    "name.\n");
		return false;
	}
	/* A page of somebody else's, in a browser that knows the password. */
	if (strncmp(path, "/api/", 5) == 0 && from != NULL &&
	    strcmp(from, "same-origin") != 0 && strcmp(from, "none") != 0) {
		refuse(h, request, 403, "Not for other pages.\n");
		return false;
	}
	if (is_open && is_local(request))
		return true;
	if (h->settings->status_password == NULL) {
		refuse(h, request, 403, "Without status_password_file there "
		    "are only /metrics and /health, and only for this "
		    "host.\n");
		return false;
	}
	if (!knows_password(h, header(request, "Authorization"))) {
		ask_password(h, request);
		return false;
	}
	return true;
}

/* -------------------------------------------------------------- requests */

static void
http_on_request(struct evhttp_request *http, void *arg)
{
	struct http_status *h = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	const char *query = uri != NULL ? evhttp_uri_get_query(uri) : NULL;
	struct connection *c = connection_of(h, http);
	struct evkeyvalq members;
	struct request *r;

	if (path == NULL) {
		refuse(h, http, 400, "That is no path.\n");
		return;
	}
	if (c != NULL) {
		c->is_idle = false;
		connection_expect(h, c, HTTP_ANSWER_S);
	}
	if (!may_ask(h, http, path))
		return;
	if (evhttp_parse_query_str(query != NULL ? query : "",
	    &members) == -1) {
		refuse(h, http, 400, "That query cannot be read.\n");
		return;
	}
	r = xcalloc(1, sizeof(*r));
	r->http = http;
	r->number = ++h->last_number;
	LIST_INSERT_HEAD(&h->requests, r, entry);
	h->on_request(r->number, path, &members, h->arg);
	evhttp_clear_headers(&members);
}

struct http_status *
http_status_new(struct event_base *base, const int *fds, size_t fd_count,
    http_status_cb *on_request, void *arg)
{
	struct http_status *h = xcalloc(1, sizeof(*h));
	struct timeval interval = { CHECK_S, 0 };
	struct evconnlistener *listener;
	size_t i;

	h->on_request = on_request;
	h->arg = arg;
	TAILQ_INIT(&h->connections);
	LIST_INIT(&h->requests);
	gethostname(h->host_name, sizeof(h->host_name) - 1);
	h->evhttp = evhttp_new(base);
	assert(h->evhttp != NULL);
	evhttp_set_allowed_methods(h->evhttp, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(h->evhttp, HTTP_HEADERS_MAX_BYTES);
	evhttp_set_max_body_size(h->evhttp, 0);
	evhttp_set_timeout(h->evhttp, HTTP_ANSWER_S);
	evhttp_set_gencb(h->evhttp, http_on_request, h);
	evhttp_set_bevcb(h->evhttp, http_on_accept, h);
	for (i = 0; i < fd_count && i < LISTENERS_MAX; i++) {
		/* It listens already: no backlog, and closed with evhttp. */
		listener = evconnlistener_new(base, NULL, NULL,
		    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fds[i]);
		assert(listener != NULL);
		evhttp_bind_listener(h->evhttp, listener);
		h->listeners[h->listener_count++] = listener;
	}
	h->check = event_new(base, -1, EV_PERSIST, http_on_check, h);
	event_add(h->check, &interval);
	return h;
}

void
http_status_free(struct http_status *h)
{
	struct connection *c;
	struct request *r;

	if (h == NULL)
		return;
	event_free(h->check);
	evhttp_free(h->evhttp);
	while ((r = LIST_FIRST(&h->requests)) != NULL) {
		LIST_REMOVE(r, entry);
		free(r);
	}
	while ((c = TAILQ_FIRST(&h->connections)) != NULL) {
		TAILQ_REMOVE(&h->connections, c, entry);
		bufferevent_decref(c->bev);
		free(c);
	}
	free(h);
}

void
http_status_set_settings(struct http_status *h,
    const struct settings *settings)
{
	h->settings = settings;
}
