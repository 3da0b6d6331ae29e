/*
 * libcurl says which sockets and which timer it waits for; libevent waits.
 */

#include "policyd/scout/curl_loop.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#include "shared/xalloc.h"

struct curl_loop {
	struct event_base	*base;
	CURLM			*multi;
	struct event		*timer;
	curl_loop_done_cb	*on_done;
};

static void
collect(struct curl_loop *loop)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)
			loop->on_done(message->easy_handle,
			    message->data.result);
}

static void
on_socket(evutil_socket_t fd, short events, void *arg)
{
	struct curl_loop *loop = arg;
	int running;

	curl_multi_socket_action(loop->multi, fd,
	    (events & EV_READ ? CURL_CSELECT_IN : 0) |
	    (events & EV_WRITE ? CURL_CSELECT_OUT : 0), &running);
	collect(loop);
}

static void
on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct curl_loop *loop = arg;
	int running;

	(void)fd;
	(void)events;
	curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0,
	    &running);
	collect(loop);
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
    void *socket_arg)
{
	struct curl_loop *loop = arg;
	struct event *event = socket_arg;

	(void)easy;
	if (event != NULL)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		event = event_new(loop->base, fd, EV_PERSIST |
		    (what & CURL_POLL_IN ? EV_READ : 0) |
		    (what & CURL_POLL_OUT ? EV_WRITE : 0), on_socket, loop);
		event_add(event, NULL);
	}
	curl_multi_assign(loop->multi, fd, event);
	return 0;
}

static int
watch_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct curl_loop *loop = arg;
	struct timeval timeout = {
		timeout_ms / 1000, timeout_ms % 1000 * 1000
	};

	(void)multi;
	if (timeout_ms < 0)
		evtimer_del(loop->timer);
	else
		evtimer_add(loop->timer, &timeout);
	return 0;
}

struct curl_loop *
curl_loop_new(struct event_base *base, curl_loop_done_cb *on_done)
{
	struct curl_loop *loop = xcalloc(1, sizeof(*loop));

	curl_global_init(CURL_GLOBAL_DEFAULT);
	loop->base = base;
	loop->on_done = on_done;
	loop->multi = curl_multi_init();
	assert(loop->multi != NULL);
	loop->timer = evtimer_new(base, on_timer, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	return loop;
}

void
curl_loop_free(struct curl_loop *loop)
{
	curl_multi_cleanup(loop->multi);
	event_free(loop->timer);
	curl_global_cleanup();
	free(loop);
}

void
curl_loop_add(struct curl_loop *loop, CURL *easy)
{
	curl_multi_add_handle(loop->multi, easy);
}

void
curl_loop_remove(struct curl_loop *loop, CURL *easy)
{
	curl_multi_remove_handle(loop->multi, easy);
}

void
curl_loop_allow_http(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
	    (long)(CURLPROTO_HTTPS | CURLPROTO_HTTP));
#endif
}

static void
set_protocol(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
}

void
curl_loop_set_polite(CURL *easy)
{
	set_protocol(easy);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "hopseal/" HOPSEAL_VERSION);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}
