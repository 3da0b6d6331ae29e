/*
 * One report by HTTPS (RFC 8460, 5.4): a POST whose answer's status counts.
 */

#ifndef HOPSEAL_REPORT_POST_H
#define HOPSEAL_REPORT_POST_H

#include "policyd/scout/report_relay.h"
#include "shared/address.h"
#include "shared/host_name.h"

#define REPORT_POST_TIMEOUT_S	60

struct curl_loop;
struct event_base;
struct report_post;
struct report_poster;

struct report_poster_options {
	const char	*ca_file, *ca_path;	/* both "": libcurl's own */
};

struct report_poster *report_poster_new(struct event_base *base);
/* None may be under way. */
void		 report_poster_free(struct report_poster *poster);

/* The host and port of an https URL; false when it has none that is a name. */
bool		 report_post_host(const char *url, char host[HOST_NAME_SIZE],
		    unsigned *port);
/*
 * Connects to no other than these addresses of the URL's host.  url and body
 * are borrowed until the callback, which comes through the loop; afterwards the
 * post is gone.  options are borrowed for the call.
 */
struct report_post *report_post_start(struct report_poster *poster,
		    const struct report_poster_options *options,
		    const char *url, const struct address *addresses,
		    size_t address_count, struct text body,
		    report_done_cb *callback, void *arg);
void		 report_post_cancel(struct report_post *post);

#endif
