/*
 * One POST by HTTPS whose answer's status counts (RFC 8460, 5.4).
 */

#ifndef HOPSEAL_HTTP_POST_H
#define HOPSEAL_HTTP_POST_H

#include "policyd/scout/mail_relay.h"
#include "shared/address.h"
#include "shared/host_name.h"

struct curl_loop;
struct event_base;
struct http_post;
struct http_poster;

struct http_poster_options {
	const char	*ca_file, *ca_path;	/* both "": libcurl's own */
};

struct http_post_request {
	const char	*url;
	const char	*type;		/* "application/json" */
	struct text	 body;
	unsigned	 timeout_s;	/* of the whole */
	bool		 is_plain;	/* the URL may be http */
};

struct http_poster *http_poster_new(struct event_base *base);
/* None may be under way. */
void		 http_poster_free(struct http_poster *poster);

/*
 * The host and port of a URL, as libcurl will read it; a name is normal, an
 * address without brackets.  False when there is neither.
 */
bool		 http_post_host(const char *url, char host[HOST_NAME_SIZE],
		    unsigned *port);
/*
 * Connects to no other than these addresses of the URL's host.  What request
 * points to is borrowed until the callback, which comes through the loop;
 * afterwards the post is gone.  options are borrowed for the call.
 */
struct http_post *http_post_start(struct http_poster *poster,
		    const struct http_poster_options *options,
		    const struct http_post_request *request,
		    const struct address *addresses, size_t address_count,
		    errand_done_cb *callback, void *arg);
void		 http_post_cancel(struct http_post *post);

#endif
