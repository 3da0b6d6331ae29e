/*
 * Errands: the addresses of the relay or of the URL's host first, then the
 * conversation.  A domain that chooses where its reports go would else choose
 * whom we contact in our own networks; relay and webhook are the operator's.
 */

#include "policyd/scout/errands.h"

#include <sys/queue.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/scout/dns.h"
#include "policyd/scout/http_post.h"
#include "policyd/scout/mail_relay.h"
#include "shared/address.h"
#include "shared/io/endpoint.h"
#include "shared/xalloc.h"

#define ADDRESSES_MAX	8
#define RESULT_MAX	4096
#define REPORT_TIMEOUT_S	60
#define WEBHOOK_TIMEOUT_S	15

struct sending {
	LIST_ENTRY(sending)	 entry;
	struct errands		*errands;
	uint64_t		 number;	/* 0: who asked is gone */
	char			*payload;	/* what errand points into */
	struct errand		 errand;
	char			*url;
	struct endpoint		 relay;
	char			 host[HOST_NAME_SIZE];
	struct dns_query	*query;
	enum dns_type		 asked;
	struct address		 addresses[ADDRESSES_MAX];
	size_t			 address_count;
	struct mail_relay	*mail;
	struct http_post	*post;
	int			 relay_fd;	/* came with it; or -1 */
	const char		*words;		/* why it ends at once */
	struct event		*at_once;
};

struct errands {
	struct event_base	*base;
	struct dns		*dns;
	struct http_poster	*poster;
	struct http_poster_options trust;
	struct network_list	 allowed;
	errands_tell_cb		*tell;
	void			*arg;
	LIST_HEAD(, sending)	 list;
};

static void
sending_free(struct sending *s)
{
	LIST_REMOVE(s, entry);
	if (s->query != NULL)
		dns_cancel(s->query);
	event_free(s->at_once);
	if (s->relay_fd != -1)
		close(s->relay_fd);
	free(s->url);
	free(s->payload);
	free(s);
}

static void
sending_finish(enum errand_outcome outcome, const char *words, void *arg)
{
	struct sending *s = arg;
	struct errand_result result = { outcome, text_of(words) };
	struct buffer payload;

	buffer_init(&payload, RESULT_MAX);
	errand_result_format(&result, &payload);
	if (s->number != 0)
		s->errands->tell(s->number, (struct text){ payload.data,
		    payload.len }, s->errands->arg);
	buffer_clear(&payload);
	sending_free(s);
}

static void
on_at_once(evutil_socket_t fd, short events, void *arg)
{
	struct sending *s = arg;

	(void)fd;
	(void)events;
	sending_finish(ERRAND_FAILED, s->words, s);
}

static void
sending_fail(struct sending *s, const char *words)
{
	struct timeval now = { 0, 0 };

	s->words = words;
	evtimer_add(s->at_once, &now);
}

/* ------------------------------------------------------------- on its way */

/* Nobody listens on the way to ourselves: there a webhook needs no TLS. */
static bool
stays_here(const struct sending *s)
{
	size_t i;

	for (i = 0; i < s->address_count; i++)
		if (!address_is_loopback(&s->addresses[i]))
			return false;
	return true;
}

static void
sending_post(struct sending *s)
{
	bool is_webhook = s->errand.way == ERRAND_WEBHOOK;
	struct http_post_request request = {
		.url = s->url, .body = s->errand.body,
		.type = is_webhook ? "application/json" :
		    "application/tlsrpt+gzip",
		.timeout_s = is_webhook ? WEBHOOK_TIMEOUT_S :
		    REPORT_TIMEOUT_S,
		.is_plain = is_webhook && stays_here(s)
	};

	s->post = http_post_start(s->errands->poster, &s->errands->trust,
	    &request, s->addresses, s->address_count, sending_finish, s);
}

/* By TLS where others could listen. */
static void
sending_mail(struct sending *s)
{
	struct mail_relay_way way = { .fd = s->relay_fd };
	struct endpoint_address where[ENDPOINT_ADDRESS_MAX];
	char error[ENDPOINT_ERROR_SIZE];
	size_t count;

	/* An address by now, so that nothing is resolved here. */
	if (s->address_count > 0)
		address_format(&s->addresses[0], s->relay.host);
	if (way.fd == -1 && endpoint_resolve(&s->relay, ENDPOINT_TO_CONNECT,
	    where, &count, error) == -1) {
		sending_fail(s, "report_relay has no address");
		return;
	}
	if (way.fd == -1) {
		way.where = where[0];
		way.may_use_tls = !stays_here(s);
	}
	s->relay_fd = -1;
	s->mail = mail_relay_start(s->errands->base, &way, &s->errand,
	    sending_finish, s);
}

static void
sending_run(struct sending *s)
{
	if (s->errand.way == ERRAND_MAIL)
		sending_mail(s);
	else
		sending_post(s);
}

static void
add_address(struct sending *s, const struct address *a)
{
	if (s->address_count < ADDRESSES_MAX &&
	    (s->errand.way != ERRAND_REPORT || !address_is_special(a) ||
	    network_list_contains(&s->errands->allowed, a)))
		s->addresses[s->address_count++] = *a;
}

static void
on_addresses(const struct dns_answer *answer, void *arg)
{
	struct sending *s = arg;
	struct address a;
	size_t i;

	s->query = NULL;
	for (i = 0; i < answer->record_count; i++)
		if (dns_address_parse(answer->records[i], &a))
			add_address(s, &a);
	if (s->asked == DNS_A) {
		s->asked = DNS_AAAA;
		s->query = dns_start(s->errands->dns, DNS_AAAA, s->host,
		    on_addresses, s);
	} else if (s->address_count > 0)
		sending_run(s);
	else
		sending_fail(s, "the host has no address that may be "
		    "contacted");
}

static void
sending_resolve(struct sending *s, const char *host)
{
	const char *why;

	if (s->errand.way != ERRAND_REPORT && strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (s->errand.way != ERRAND_REPORT &&
	    address_parse(text_of(host), &s->addresses[0])) {
		s->address_count = 1;
		sending_run(s);
	} else if (host_name_normalize(text_of(host), s->host, &why) == -1)
		sending_fail(s, why);
	else {
		s->asked = DNS_A;
		s->query = dns_start(s->errands->dns, DNS_A, s->host,
		    on_addresses, s);
	}
}

static void
sending_begin(struct sending *s)
{
	char host[HOST_NAME_SIZE];
	const char *why;
	unsigned port;

	if (s->errand.way != ERRAND_MAIL) {
		if (http_post_host(s->url, host, &port))
			sending_resolve(s, host);
		else
			sending_fail(s, "the URL names no host");
	} else if (endpoint_parse(s->errand.relay, &s->relay, &why) == -1)
		sending_fail(s, why);
	else if (s->relay.kind == ENDPOINT_UNIX && s->relay_fd == -1)
		sending_fail(s, "no connection to report_relay came along");
	else if (s->relay.kind == ENDPOINT_UNIX || s->relay.host[0] == '\0')
		sending_run(s);
	else
		sending_resolve(s, s->relay.host);
}

bool
errands_start(struct errands *errands, uint64_t number,
    struct text payload, int relay_fd)
{
	struct sending *s = xcalloc(1, sizeof(*s));

	s->payload = xmemdup(payload.data, payload.len);
	if (!errand_parse((struct text){ s->payload, payload.len },
	    &s->errand)) {
		if (relay_fd != -1)
			close(relay_fd);
		free(s->payload);
		free(s);
		return false;
	}
	s->errands = errands;
	s->number = number;
	s->relay_fd = relay_fd;
	s->url = xstrndup(s->errand.target.data, s->errand.target.len);
	s->at_once = evtimer_new(errands->base, on_at_once, s);
	LIST_INSERT_HEAD(&errands->list, s, entry);
	sending_begin(s);
	return true;
}

void
errands_forget_askers(struct errands *errands)
{
	struct sending *s;

	LIST_FOREACH(s, &errands->list, entry)
		s->number = 0;
}

/* ----------------------------------------------------------------- whole */

struct errands *
errands_new(struct event_base *base, struct dns *dns,
    errands_tell_cb *tell, void *arg)
{
	struct errands *errands = xcalloc(1, sizeof(*errands));

	errands->base = base;
	errands->dns = dns;
	errands->poster = http_poster_new(base);
	errands->trust = (struct http_poster_options){ "", "" };
	errands->tell = tell;
	errands->arg = arg;
	LIST_INIT(&errands->list);
	return errands;
}

void
errands_configure(struct errands *errands,
    const struct errands_options *options)
{
	struct network_list allowed;
	const char *why;
	size_t skipped;

	errands->trust = (struct http_poster_options){ options->ca_file,
	    options->ca_path };
	if (network_list_parse(text_of(options->allow_networks), &allowed,
	    &skipped, &why) == 0) {
		network_list_clear(&errands->allowed);
		errands->allowed = allowed;
	}
}

void
errands_free(struct errands *errands)
{
	struct sending *s;

	if (errands == NULL)
		return;
	while ((s = LIST_FIRST(&errands->list)) != NULL) {
		mail_relay_cancel(s->mail);
		http_post_cancel(s->post);
		sending_free(s);
	}
	http_poster_free(errands->poster);
	network_list_clear(&errands->allowed);
	free(errands);
}
