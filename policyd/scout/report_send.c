/*
 * Sending reports: the addresses of the relay or of the URL's host first, then
 * the conversation.  By HTTPS a domain would else choose whom we contact in our
 * own networks; the relay is the operator's choice.
 */

#include "policyd/scout/report_send.h"

#include <sys/queue.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/scout/dns.h"
#include "policyd/scout/report_post.h"
#include "policyd/scout/report_relay.h"
#include "shared/address.h"
#include "shared/io/endpoint.h"
#include "shared/xalloc.h"

#define ADDRESSES_MAX	8
#define RESULT_MAX	4096

struct sending {
	LIST_ENTRY(sending)	 entry;
	struct report_sender	*sender;
	uint64_t		 number;
	char			*payload;	/* what request points into */
	struct report_request	 request;
	char			*url;
	struct endpoint		 relay;
	char			 host[HOST_NAME_SIZE];
	struct dns_query	*query;
	enum dns_type		 asked;
	struct address		 addresses[ADDRESSES_MAX];
	size_t			 address_count;
	struct report_relay	*mail;
	struct report_post	*post;
	const char		*words;		/* why it ends at once */
	struct event		*at_once;
};

struct report_sender {
	struct event_base	*base;
	struct dns		*dns;
	struct report_poster	*poster;
	struct report_poster_options trust;
	struct network_list	 allowed;
	report_send_tell_cb	*tell;
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
	free(s->url);
	free(s->payload);
	free(s);
}

static void
sending_finish(enum report_outcome outcome, const char *words, void *arg)
{
	struct sending *s = arg;
	struct report_result result = { outcome, text_of(words) };
	struct buffer payload;

	buffer_init(&payload, RESULT_MAX);
	report_result_format(&result, &payload);
	s->sender->tell(s->number, (struct text){ payload.data, payload.len },
	    s->sender->arg);
	buffer_clear(&payload);
	sending_free(s);
}

static void
on_at_once(evutil_socket_t fd, short events, void *arg)
{
	struct sending *s = arg;

	(void)fd;
	(void)events;
	sending_finish(REPORT_FAILED, s->words, s);
}

static void
sending_fail(struct sending *s, const char *words)
{
	struct timeval now = { 0, 0 };

	s->words = words;
	evtimer_add(s->at_once, &now);
}

/* ------------------------------------------------------------- on its way */

static void
sending_run(struct sending *s)
{
	struct report_sender *sender = s->sender;
	struct endpoint_address where[ENDPOINT_ADDRESS_MAX];
	char error[ENDPOINT_ERROR_SIZE];
	size_t count;

	if (s->request.way == REPORT_BY_HTTPS) {
		s->post = report_post_start(sender->poster, &sender->trust,
		    s->url, s->addresses, s->address_count, s->request.body,
		    sending_finish, s);
		return;
	}
	/* An address by now, so that nothing is resolved here. */
	if (s->address_count > 0)
		address_format(&s->addresses[0], s->relay.host);
	if (endpoint_resolve(&s->relay, ENDPOINT_TO_CONNECT, where, &count,
	    error) == -1)
		sending_fail(s, "report_relay has no address");
	else
		s->mail = report_relay_start(sender->base, &where[0],
		    &s->request, sending_finish, s);
}

static void
add_address(struct sending *s, const struct address *a)
{
	if (s->address_count < ADDRESSES_MAX &&
	    (s->request.way == REPORT_BY_MAIL || !address_is_special(a) ||
	    network_list_contains(&s->sender->allowed, a)))
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
		s->query = dns_start(s->sender->dns, DNS_AAAA, s->host,
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

	if (strcmp(host, "localhost") == 0) {
		address_parse(text_of("127.0.0.1"), &s->addresses[0]);
		s->address_count = 1;
		sending_run(s);
	} else if (host_name_normalize(text_of(host), s->host, &why) == -1)
		sending_fail(s, why);
	else {
		s->asked = DNS_A;
		s->query = dns_start(s->sender->dns, DNS_A, s->host,
		    on_addresses, s);
	}
}

static void
sending_begin(struct sending *s)
{
	struct address literal;
	char host[HOST_NAME_SIZE];
	const char *why;
	unsigned port;

	if (s->request.way == REPORT_BY_HTTPS) {
		if (report_post_host(s->url, host, &port))
			sending_resolve(s, host);
		else
			sending_fail(s, "the URL names no host");
	} else if (endpoint_parse(s->request.relay, &s->relay, &why) == -1)
		sending_fail(s, why);
	else if (s->relay.kind == ENDPOINT_UNIX)
		sending_fail(s, "report_relay is a unix socket, which the "
		    "scout may not use: name an inet endpoint");
	else if (s->relay.host[0] == '\0' ||
	    address_parse(text_of(s->relay.host), &literal))
		sending_run(s);
	else
		sending_resolve(s, s->relay.host);
}

bool
report_sender_start(struct report_sender *sender, uint64_t number,
    struct text payload)
{
	struct sending *s = xcalloc(1, sizeof(*s));

	s->payload = xmemdup(payload.data, payload.len);
	if (!report_request_parse((struct text){ s->payload, payload.len },
	    &s->request)) {
		free(s->payload);
		free(s);
		return false;
	}
	s->sender = sender;
	s->number = number;
	s->url = xstrndup(s->request.target.data, s->request.target.len);
	s->at_once = evtimer_new(sender->base, on_at_once, s);
	LIST_INSERT_HEAD(&sender->list, s, entry);
	sending_begin(s);
	return true;
}

/* ----------------------------------------------------------------- whole */

struct report_sender *
report_sender_new(struct event_base *base, struct dns *dns,
    report_send_tell_cb *tell, void *arg)
{
	struct report_sender *sender = xcalloc(1, sizeof(*sender));

	sender->base = base;
	sender->dns = dns;
	sender->poster = report_poster_new(base);
	sender->trust = (struct report_poster_options){ "", "" };
	sender->tell = tell;
	sender->arg = arg;
	LIST_INIT(&sender->list);
	return sender;
}

void
report_sender_configure(struct report_sender *sender,
    const struct report_send_options *options)
{
	struct network_list allowed;
	const char *why;
	size_t skipped;

	sender->trust = (struct report_poster_options){ options->ca_file,
	    options->ca_path };
	if (network_list_parse(text_of(options->allow_networks), &allowed,
	    &skipped, &why) == 0) {
		network_list_clear(&sender->allowed);
		sender->allowed = allowed;
	}
}

void
report_sender_free(struct report_sender *sender)
{
	struct sending *s;

	if (sender == NULL)
		return;
	while ((s = LIST_FIRST(&sender->list)) != NULL) {
		report_relay_cancel(s->mail);
		report_post_cancel(s->post);
		sending_free(s);
	}
	report_poster_free(sender->poster);
	network_list_clear(&sender->allowed);
	free(sender);
}
