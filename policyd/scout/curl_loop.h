/*
 * libcurl's multi interface on libevent: transfers that run beside all else.
 */

#ifndef HOPSEAL_CURL_LOOP_H
#define HOPSEAL_CURL_LOOP_H

#include <curl/curl.h>

struct curl_loop;
struct event_base;

/* A transfer ended; it is still added, and the callee may remove it. */
typedef void curl_loop_done_cb(CURL *easy, CURLcode code);

struct curl_loop *curl_loop_new(struct event_base *base,
		    curl_loop_done_cb *on_done);
/* None may be added any more. */
void		 curl_loop_free(struct curl_loop *loop);
/* easy stays the caller's; the callback comes through the loop. */
void		 curl_loop_add(struct curl_loop *loop, CURL *easy);
void		 curl_loop_remove(struct curl_loop *loop, CURL *easy);

/*
 * As we speak with strangers: HTTPS 1.1 with TLS 1.2 at least, no proxy, no
 * redirect, no passwords, a connection of its own that is kept for nobody.
 */
void		 curl_loop_set_polite(CURL *easy);
/* After that: where the URL is the operator's own. */
void		 curl_loop_allow_http(CURL *easy);

#endif
