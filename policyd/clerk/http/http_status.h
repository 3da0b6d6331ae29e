/*
 * The status port: HTTP by libevent, for readers who may be slow, rude or gone.
 * Knows connections and their bounds, and who may ask for what; what a path
 * means is http_api's.
 */

#ifndef HOPSEAL_HTTP_STATUS_H
#define HOPSEAL_HTTP_STATUS_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct evkeyvalq;
struct http_status;
struct settings;

#define HTTP_CONNECTIONS_MAX	64	/* then those idle for longest go */
#define HTTP_HEADERS_MAX_BYTES	8192
#define HTTP_IDLE_S		20	/* for a request, and between two */
#define HTTP_ANSWER_S		120	/* for ours */
#define HTTP_WRITE_S		30	/* for the reader to take it */

struct http_answer {
	int		 code;
	const char	*type;		/* "application/json" */
	const void	*body;		/* borrowed for the call */
	size_t		 len;
};

/*
 * Somebody who may asks for path; it is answered once, now or later, by
 * http_status_answer.  path and query are borrowed for the call.
 */
typedef void http_status_cb(uint64_t number, const char *path,
    const struct evkeyvalq *query, void *arg);

/* Takes the listening, non-blocking fds. */
struct http_status *http_status_new(struct event_base *base, const int *fds,
		    size_t fd_count, http_status_cb *on_request, void *arg);
void		 http_status_free(struct http_status *http);
/* The password and the names that this host goes by; settings are borrowed
   until the next call. */
void		 http_status_set_settings(struct http_status *http,
		    const struct settings *settings);
/* A number whose asker is gone is ignored. */
void		 http_status_answer(struct http_status *http, uint64_t number,
		    const struct http_answer *answer);

#endif
