/*
 * What the status port answers (docs/api.md): health, metrics, the page's
 * files, and under /api/v1/ the same JSON as the commands.  Most of it is a
 * question on the control socket in other words; the same question is asked
 * once, however many readers wait for it.
 */

#ifndef HOPSEAL_HTTP_API_H
#define HOPSEAL_HTTP_API_H

#include <stddef.h>
#include <stdint.h>

#include "shared/text.h"

struct cert_states;
struct event_base;
struct http_api;
struct session_counts;
struct settings;

/* Numbers of ours, beside those of the control socket's connections. */
#define HTTP_API_ASKER	(UINT64_C(1) << 63)

/* A line as on the control socket; answered by http_api_answer. */
typedef void http_api_ask_cb(uint64_t asker, struct text line, void *arg);

/* Takes the listening fds; counts and certs are read when asked for. */
struct http_api	*http_api_new(struct event_base *base, const int *fds,
		    size_t fd_count, const struct session_counts *counts,
		    const struct cert_states *certs,
		    http_api_ask_cb *ask, void *arg);
void		 http_api_free(struct http_api *api);
/* Borrowed until the next call. */
void		 http_api_set_settings(struct http_api *api,
		    const struct settings *settings);
/* The answer to an asker's line; borrowed. */
void		 http_api_answer(struct http_api *api, uint64_t asker,
		    const char *line);

#endif
