/*
 * A POST by libcurl.  Certificates are verified, redirects not followed; what
 * comes back beside the status is of no interest.
 */

#include "policyd/scout/report_post.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/scout/curl_loop.h"
#include "shared/xalloc.h"

#define CONNECT_TIMEOUT_S	30
#define WORDS_SIZE		(CURL_ERROR_SIZE + 32)
#define PINS_MAX		16

struct report_poster {
	struct curl_loop	*loop;
};

struct report_post {
	struct report_poster	*poster;
	CURL			*easy;
	struct curl_slist	*headers, *pinned;
	size_t			 body_len;
	char			 error[CURL_ERROR_SIZE];
	report_done_cb		*callback;
	void			*arg;
};

bool
report_post_host(const char *url, char host[HOST_NAME_SIZE], unsigned *port)
{
	CURLU *u = curl_url();
	char *name = NULL, *number = NULL;
	const char *why;
	uint64_t value;
	bool is_fine = u != NULL &&
	    curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &name, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &number,
	    CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    text_parse_u64(text_of(number), 65535, &value) &&
	    host_name_normalize(text_of(name), host, &why) == 0 &&
	    /* Pins are found by the name as it stands in the URL. */
	    strcasecmp(host, name) == 0;

	if (is_fine)
		*port = (unsigned)value;
	curl_free(name);
	curl_free(number);
	curl_url_cleanup(u);
	return is_fine;
}

static void
post_free(struct report_post *p)
{
	curl_loop_remove(p->poster->loop, p->easy);
	curl_easy_cleanup(p->easy);
	curl_slist_free_all(p->headers);
	curl_slist_free_all(p->pinned);
	free(p);
}

void
report_post_cancel(struct report_post *p)
{
	if (p != NULL)
		post_free(p);
}

/* A status is an answer, however the rest of it ended. */
static void
on_done(CURL *easy, CURLcode code)
{
	struct report_post *p;
	enum report_outcome outcome = REPORT_FAILED;
	char words[WORDS_SIZE];
	curl_off_t sent = 0;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&p);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (status >= 200) {
		snprintf(words, sizeof(words), "status %ld", status);
		if (status <= 299)
			outcome = REPORT_SENT;
	} else {
		snprintf(words, sizeof(words), "%s", p->error[0] != '\0' ?
		    p->error : curl_easy_strerror(code));
		if (sent >= (curl_off_t)p->body_len)
			outcome = REPORT_DOUBTFUL;
	}
	p->callback(outcome, words, p->arg);
	post_free(p);
}

static size_t
ignore(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

static void
post_pin(struct report_post *p, const char *host, unsigned port,
    const struct address *addresses, size_t count)
{
	char entry[HOST_NAME_SIZE + 16 + PINS_MAX * (ADDRESS_TEXT_SIZE + 3)];
	char text[ADDRESS_TEXT_SIZE];
	size_t i;
	int at;

	at = snprintf(entry, sizeof(entry), "+%s:%u:", host, port);
	for (i = 0; i < count && i < PINS_MAX; i++)
		at += snprintf(entry + at, sizeof(entry) - (size_t)at,
		    addresses[i].family == 6 ? "%s[%s]" : "%s%s",
		    i == 0 ? "" : ",", address_format(&addresses[i], text));
	p->pinned = curl_slist_append(NULL, entry);
}

static void
post_set_trust(CURL *easy, const struct report_poster_options *options)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (options->ca_file[0] == '\0' && options->ca_path[0] == '\0')
		return;
	curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file[0] != '\0' ?
	    options->ca_file : NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, options->ca_path[0] != '\0' ?
	    options->ca_path : NULL);
}

struct report_post *
report_post_start(struct report_poster *poster,
    const struct report_poster_options *options, const char *url,
    const struct address *addresses, size_t address_count, struct text body,
    report_done_cb *callback, void *arg)
{
	struct report_post *p = xcalloc(1, sizeof(*p));
	char host[HOST_NAME_SIZE];
	unsigned port = 0;

	p->poster = poster;
	p->callback = callback;
	p->arg = arg;
	p->body_len = body.len;
	p->easy = curl_easy_init();
	assert(p->easy != NULL);
	if (report_post_host(url, host, &port))
		post_pin(p, host, port, addresses, address_count);
	p->headers = curl_slist_append(NULL,
	    "Content-Type: application/tlsrpt+gzip");
	p->headers = curl_slist_append(p->headers, "Expect:");
	p->headers = curl_slist_append(p->headers, "Connection: close");
	curl_loop_set_polite(p->easy);
	post_set_trust(p->easy, options);
	curl_easy_setopt(p->easy, CURLOPT_PRIVATE, p);
	curl_easy_setopt(p->easy, CURLOPT_URL, url);
	curl_easy_setopt(p->easy, CURLOPT_RESOLVE, p->pinned);
	curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(p->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)body.len);
	curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, body.data);
	curl_easy_setopt(p->easy, CURLOPT_TIMEOUT,
	    (long)REPORT_POST_TIMEOUT_S);
	curl_easy_setopt(p->easy, CURLOPT_CONNECTTIMEOUT,
	    (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(p->easy, CURLOPT_ERRORBUFFER, p->error);
	curl_loop_add(poster->loop, p->easy);
	return p;
}

struct report_poster *
report_poster_new(struct event_base *base)
{
	struct report_poster *poster = xcalloc(1, sizeof(*poster));

	poster->loop = curl_loop_new(base, on_done);
	return poster;
}

void
report_poster_free(struct report_poster *poster)
{
	curl_loop_free(poster->loop);
	free(poster);
}
