/*
 * A POST by libcurl.  Certificates are verified, redirects not followed; what
 * comes back beside the status is of no interest.
 */

#include "policyd/scout/http_post.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/scout/curl_loop.h"
#include "shared/xalloc.h"

#define CONNECT_TIMEOUT_S	30
#define WORDS_SIZE		(CURL_ERROR_SIZE + 32)
#define PINS_MAX		16
#define TYPE_MAX		128

struct http_poster {
	struct curl_loop	*loop;
};

struct http_post {
	struct http_poster	*poster;
	CURL			*easy;
	struct curl_slist	*headers, *pinned;
	size_t			 body_len;
	char			 error[CURL_ERROR_SIZE];
	errand_done_cb		*callback;
	void			*arg;
};

/* What stands in a URL for an IPv6 address has brackets. */
static bool
read_host(struct text name, char host[HOST_NAME_SIZE])
{
	struct address literal;
	const char *why;

	if (name.len > 2 && name.data[0] == '[')
		name = (struct text){ name.data + 1, name.len - 2 };
	if (address_parse(name, &literal)) {
		address_format(&literal, host);
		return true;
	}
	/* Pins are found by the name as it stands in the URL. */
	return host_name_normalize(name, host, &why) == 0 &&
	    text_equals_nocase(name, host);
}

bool
http_post_host(const char *url, char host[HOST_NAME_SIZE], unsigned *port)
{
	CURLU *u = curl_url();
	char *name = NULL, *number = NULL;
	uint64_t value;
	bool is_fine = u != NULL &&
	    curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &name, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &number,
	    CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    text_parse_u64(text_of(number), 65535, &value) &&
	    read_host(text_of(name), host);

	if (is_fine)
		*port = (unsigned)value;
	curl_free(name);
	curl_free(number);
	curl_url_cleanup(u);
	return is_fine;
}

static void
post_free(struct http_post *p)
{
	curl_loop_remove(p->poster->loop, p->easy);
	curl_easy_cleanup(p->easy);
	curl_slist_free_all(p->headers);
	curl_slist_free_all(p->pinned);
	free(p);
}

void
http_post_cancel(struct http_post *p)
{
	if (p != NULL)
		post_free(p);
}

/* A status is an answer, however the rest of it ended. */
static void
on_done(CURL *easy, CURLcode code)
{
	struct http_post *p;
	enum errand_outcome outcome = ERRAND_FAILED;
	char words[WORDS_SIZE];
	curl_off_t sent = 0;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&p);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (status >= 200) {
		snprintf(words, sizeof(words), "status %ld", status);
		if (status <= 299)
			outcome = ERRAND_DONE;
	} else {
		snprintf(words, sizeof(words), "%s", p->error[0] != '\0' ?
		    p->error : curl_easy_strerror(code));
		if (sent >= (curl_off_t)p->body_len)
			outcome = ERRAND_DOUBTFUL;
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
post_pin(struct http_post *p, const char *host, unsigned port,
    const struct address *addresses, size_t count)
{
	char entry[HOST_NAME_SIZE + 16 + PINS_MAX * (ADDRESS_TEXT_SIZE + 3)];
	struct address literal;
	char text[ADDRESS_TEXT_SIZE];
	size_t i;
	int at;

	if (address_parse(text_of(host), &literal))
		return;		/* it is its own */
	at = snprintf(entry, sizeof(entry), "+%s:%u:", host, port);
	for (i = 0; i < count && i < PINS_MAX; i++)
		at += snprintf(entry + at, sizeof(entry) - (size_t)at,
		    addresses[i].family == 6 ? "%s[%s]" : "%s%s",
		    i == 0 ? "" : ",", address_format(&addresses[i], text));
	p->pinned = curl_slist_append(NULL, entry);
}

static void
post_set_trust(CURL *easy, const struct http_poster_options *options)
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

static void
post_add_headers(struct http_post *p, const char *type)
{
	char line[TYPE_MAX];

	snprintf(line, sizeof(line), "Content-Type: %s", type);
	p->headers = curl_slist_append(NULL, line);
	p->headers = curl_slist_append(p->headers, "Expect:");
	p->headers = curl_slist_append(p->headers, "Connection: close");
	curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
}

struct http_post *
http_post_start(struct http_poster *poster,
    const struct http_poster_options *options,
    const struct http_post_request *request,
    const struct address *addresses, size_t address_count,
    errand_done_cb *callback, void *arg)
{
	struct http_post *p = xcalloc(1, sizeof(*p));
	char host[HOST_NAME_SIZE];
	unsigned port = 0;

	p->poster = poster;
	p->callback = callback;
	p->arg = arg;
	p->body_len = request->body.len;
	p->easy = curl_easy_init();
	assert(p->easy != NULL);
	if (http_post_host(request->url, host, &port))
		post_pin(p, host, port, addresses, address_count);
	curl_loop_set_polite(p->easy);
	if (request->is_plain)
		curl_loop_allow_http(p->easy);
	post_set_trust(p->easy, options);
	post_add_headers(p, request->type);
	curl_easy_setopt(p->easy, CURLOPT_PRIVATE, p);
	curl_easy_setopt(p->easy, CURLOPT_URL, request->url);
	curl_easy_setopt(p->easy, CURLOPT_RESOLVE, p->pinned);
	curl_easy_setopt(p->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)request->body.len);
	curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, request->body.data);
	curl_easy_setopt(p->easy, CURLOPT_TIMEOUT, (long)request->timeout_s);
	curl_easy_setopt(p->easy, CURLOPT_CONNECTTIMEOUT,
	    (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(p->easy, CURLOPT_ERRORBUFFER, p->error);
	curl_loop_add(poster->loop, p->easy);
	return p;
}

struct http_poster *
http_poster_new(struct event_base *base)
{
	struct http_poster *poster = xcalloc(1, sizeof(*poster));

	poster->loop = curl_loop_new(base, on_done);
	return poster;
}

void
http_poster_free(struct http_poster *poster)
{
	curl_loop_free(poster->loop);
	free(poster);
}
