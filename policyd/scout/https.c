/*
 * Policy files, by libcurl.  Who the policy host must be is
 * checked by OpenSSL in the handshake, before a byte of HTTP is sent: by DNS-ID
 * only, with the system's or the operator's trust store (RFC 8461, 3.3).
 */

#include "policyd/scout/https.h"

#include <sys/queue.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "policyd/scout/curl_loop.h"
#include "shared/address.h"
#include "shared/io/clock.h"
#include "shared/policy/policy_answer.h"
#include "shared/xalloc.h"

#define CONNECT_TIMEOUT_S	30

struct https_fetch {
	TAILQ_ENTRY(https_fetch) entry;		/* in one of https' lists */
	struct https		*https;
	char			 host[HOST_NAME_SIZE];
	CURL			*easy;		/* NULL until it runs */
	struct curl_slist	*pinned, *headers;
	struct policy_answer	 answer;
	enum finding		 refusal;	/* of the answer so far */
	int64_t			 answered_at;	/* its header's end */
	char			 curl_error[CURL_ERROR_SIZE];
	/* why it ends, where that is known before curl */
	char			 error[HTTPS_ERROR_MAX_BYTES + 1];
	enum finding		 finding;
	struct event		*at_once;	/* ends what cannot begin */
	struct event		*slow_at;
	bool			 is_slow;
	https_cb		*callback;
	void			*arg;
};

TAILQ_HEAD(https_fetches, https_fetch);

struct https {
	struct event_base	*base;
	struct curl_loop	*loop;
	X509_STORE		*trust;
	https_date_cb		*on_date;
	void			*arg;
	struct network_list	 allowed;
	struct https_fetches	 waiting, running, slow, failing;
	unsigned		 waiting_count, running_count, slow_count;
};

static void	https_run_next(struct https *https);

/* ----------------------------------------------------------- certificate */

static char *
format_date(char out[TEXT_TIME_SIZE], const ASN1_TIME *time)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1 ||
	    strftime(out, TEXT_TIME_SIZE, "%Y-%m-%d", &tm) == 0)
		snprintf(out, TEXT_TIME_SIZE, "an unreadable date");
	return out;
}

/* What is wrong with a certificate, and with whose. */
static void
describe_certificate(struct https_fetch *f, X509_STORE_CTX *ctx)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	int error = X509_STORE_CTX_get_error(ctx);
	char who[HOST_NAME_SIZE + 48], date[TEXT_TIME_SIZE];

	snprintf(who, sizeof(who), "%scertificate of %s",
	    X509_STORE_CTX_get_error_depth(ctx) > 0 ? "an issuer of the " : "",
	    f->host);
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		facts_set_error(f->error, "%s expired %s", who,
		    format_date(date, X509_get0_notAfter(cert)));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		facts_set_error(f->error, "%s is not valid before %s", who,
		    format_date(date, X509_get0_notBefore(cert)));
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		facts_set_error(f->error, "%s does not name that host", who);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		facts_set_error(f->error, "%s is self-signed", who);
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		facts_set_error(f->error, "certificate of %s is issued by "
		    "an authority that is not trusted", f->host);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		facts_set_error(f->error, "certificate of %s: its issuer is "
		    "not trusted, or an intermediate was not sent", f->host);
		break;
	default:
		facts_set_error(f->error, "%s: %s", who,
		    X509_verify_cert_error_string(error));
		break;
	}
}

static int
verify_certificate(X509_STORE_CTX *ctx, void *arg)
{
	struct https_fetch *f = arg;

	if (X509_verify_cert(ctx) == 1)
		return 1;
	f->finding = FINDING_POLICY_WEBPKI_INVALID;
	describe_certificate(f, ctx);
	return 0;
}

/* libcurl would also take the CN of a certificate without names. */
static CURLcode
set_up_tls(CURL *easy, void *context, void *arg)
{
	struct https_fetch *f = arg;
	SSL_CTX *ctx = context;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	(void)easy;
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (X509_VERIFY_PARAM_set1_host(param, f->host, 0) != 1)
		return CURLE_OUT_OF_MEMORY;
	SSL_CTX_set1_cert_store(ctx, f->https->trust);
	SSL_CTX_set_cert_verify_callback(ctx, verify_certificate, f);
	return CURLE_OK;
}

/* ---------------------------------------------------------------- answer */

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	struct https_fetch *f = arg;

	if (!f->answer.is_body)
		f->answered_at = clock_now_s();
	f->refusal = policy_answer_line(&f->answer,
	    (struct text){ data, size * count });
	return f->refusal == FINDING_OK ? size * count : 0;
}

static size_t
on_data(char *data, size_t size, size_t count, void *arg)
{
	struct https_fetch *f = arg;

	f->refusal = policy_answer_data(&f->answer,
	    (struct text){ data, size * count });
	return f->refusal == FINDING_OK ? size * count : 0;
}

static void
fetch_free(struct https_fetch *f)
{
	if (f->easy != NULL) {
		curl_loop_remove(f->https->loop, f->easy);
		curl_easy_cleanup(f->easy);
	}
	curl_slist_free_all(f->pinned);
	curl_slist_free_all(f->headers);
	policy_answer_clear(&f->answer);
	event_free(f->at_once);
	event_free(f->slow_at);
	free(f);
}

/* What libcurl's result means; finding and error are set where it is bad. */
static void
fetch_judge(struct https_fetch *f, CURLcode code)
{
	if (f->finding == FINDING_POLICY_WEBPKI_INVALID)
		return;
	if (f->refusal == FINDING_OK && code == CURLE_OK)
		f->refusal = policy_answer_end(&f->answer);
	f->finding = f->refusal;
	if (f->refusal != FINDING_OK)
		facts_set_error(f->error, "%s: %s", f->host, f->answer.error);
	else if (code != CURLE_OK) {
		f->finding = FINDING_POLICY_FETCH_FAILED;
		facts_set_error(f->error, "%s: %s%s", f->host,
		    code == CURLE_SSL_CONNECT_ERROR ? "no TLS: " : "",
		    f->curl_error[0] != '\0' ? f->curl_error :
		    curl_easy_strerror(code));
	}
}

/* Out of the list of those under way. */
static void
fetch_leave(struct https_fetch *f)
{
	struct https *https = f->https;

	TAILQ_REMOVE(f->is_slow ? &https->slow : &https->running, f, entry);
	if (f->is_slow)
		https->slow_count--;
	else
		https->running_count--;
}

static void
fetch_tell_date(const struct https_fetch *f)
{
	struct address host;
	char *text = NULL;

	curl_easy_getinfo(f->easy, CURLINFO_PRIMARY_IP, &text);
	if (f->answer.date != 0 && text != NULL &&
	    address_parse(text_of(text), &host))
		f->https->on_date(&host, f->answered_at - f->answer.date -
		    (int64_t)f->answer.age_s, f->https->arg);
}

static void
fetch_finish(struct https_fetch *f, CURLcode code)
{
	struct https *https = f->https;

	fetch_leave(f);
	fetch_judge(f, code);
	if (f->finding == FINDING_OK)
		fetch_tell_date(f);
	https_run_next(https);
	f->callback(f->finding, f->finding == FINDING_OK ?
	    (struct text){ f->answer.body.data, f->answer.body.len } :
	    text_of(""), f->error, f->arg);
	fetch_free(f);
}

static void
on_done(CURL *easy, CURLcode code)
{
	struct https_fetch *f;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&f);
	fetch_finish(f, code);
}

/* --------------------------------------------------------------- fetches */

static void
fetch_run(struct https_fetch *f)
{
	char url[HOST_NAME_SIZE + 48];
	CURL *easy = curl_easy_init();

	assert(easy != NULL);
	f->easy = easy;
	f->headers = curl_slist_append(NULL, "Connection: close");
	snprintf(url, sizeof(url), "https://%s/.well-known/mta-sts.txt",
	    f->host);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, f);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_loop_set_polite(easy);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(easy, CURLOPT_RESOLVE, f->pinned);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)HTTPS_TIMEOUT_S);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT,
	    (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, f);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, f->curl_error);
	curl_loop_add(f->https->loop, easy);
}

/* Hosts that send an octet now and then would else hold up all the others. */
static void
on_slow(evutil_socket_t fd, short events, void *arg)
{
	struct https_fetch *f = arg;
	struct https *https = f->https;

	(void)fd;
	(void)events;
	fetch_leave(f);
	f->is_slow = true;
	TAILQ_INSERT_TAIL(&https->slow, f, entry);
	if (++https->slow_count > HTTPS_SLOW_MAX)
		fetch_finish(TAILQ_FIRST(&https->slow),
		    CURLE_OPERATION_TIMEDOUT);
	else
		https_run_next(https);
}

static void
https_run_next(struct https *https)
{
	struct timeval slow_at = { HTTPS_SLOW_S, 0 };
	struct https_fetch *f;

	while (https->running_count < HTTPS_FETCHES_MAX &&
	    (f = TAILQ_FIRST(&https->waiting)) != NULL) {
		TAILQ_REMOVE(&https->waiting, f, entry);
		https->waiting_count--;
		TAILQ_INSERT_TAIL(&https->running, f, entry);
		https->running_count++;
		evtimer_add(f->slow_at, &slow_at);
		fetch_run(f);
	}
}

static void
on_failure(evutil_socket_t fd, short events, void *arg)
{
	struct https_fetch *f = arg;

	(void)fd;
	(void)events;
	TAILQ_REMOVE(&f->https->failing, f, entry);
	f->callback(f->finding, text_of(""), f->error, f->arg);
	fetch_free(f);
}

static void
fetch_fail(struct https_fetch *f, enum finding finding)
{
	struct timeval at_once = { 0, 0 };

	f->finding = finding;
	TAILQ_INSERT_TAIL(&f->https->failing, f, entry);
	evtimer_add(f->at_once, &at_once);
}

/*
 * Whoever makes us send mail to a domain would otherwise choose whom we contact
 * in our own networks.
 */
static bool
fetch_pin(struct https_fetch *f, const struct facts_host *host)
{
	char text[ADDRESS_TEXT_SIZE], entry[HOST_NAME_SIZE + 16 +
	    FACTS_ADDRESSES_MAX * (ADDRESS_TEXT_SIZE + 3)];
	const struct address *a;
	bool is_first = true;
	size_t i;
	int at;

	/* "+": not kept beyond this fetch. */
	at = snprintf(entry, sizeof(entry), "+%s:443:", host->name);
	for (i = 0; i < host->address_count; i++) {
		a = &host->addresses[i].address;
		if (address_is_special(a) &&
		    !network_list_contains(&f->https->allowed, a))
			continue;
		address_format(a, text);
		at += snprintf(entry + at, sizeof(entry) - (size_t)at,
		    a->family == 6 ? "%s[%s]" : "%s%s", is_first ? "" : ",",
		    text);
		is_first = false;
	}
	if (!is_first)
		f->pinned = curl_slist_append(NULL, entry);
	return !is_first;
}

struct https_fetch *
https_start(struct https *https, const struct facts_host *host,
    https_cb *callback, void *arg)
{
	struct https_fetch *f = xcalloc(1, sizeof(*f));
	char text[ADDRESS_TEXT_SIZE];

	assert(host->address_count > 0);
	f->https = https;
	memcpy(f->host, host->name, sizeof(f->host));
	f->callback = callback;
	f->arg = arg;
	f->refusal = FINDING_OK;
	f->at_once = evtimer_new(https->base, on_failure, f);
	f->slow_at = evtimer_new(https->base, on_slow, f);
	policy_answer_init(&f->answer);
	if (!fetch_pin(f, host)) {
		facts_set_error(f->error, "%s has only special-use addresses "
		    "(%s); allow_networks would permit them", f->host,
		    address_format(&host->addresses[0].address, text));
		fetch_fail(f, FINDING_POLICY_FETCH_FAILED);
	} else if (https->trust == NULL ||
	    https->waiting_count == HTTPS_WAITING_MAX) {
		facts_set_error(f->error, "%s was not asked: %s", f->host,
		    https->trust == NULL ? "there is no trust store" :
		    "too many fetches are waiting");
		fetch_fail(f, FINDING_UNKNOWN);
	} else {
		TAILQ_INSERT_TAIL(&https->waiting, f, entry);
		https->waiting_count++;
		https_run_next(https);
	}
	return f;
}

void
https_cancel(struct https_fetch *f)
{
	struct https *https;

	if (f == NULL)
		return;
	https = f->https;
	if (f->easy != NULL)
		fetch_leave(f);
	else if (evtimer_pending(f->at_once, NULL))
		TAILQ_REMOVE(&https->failing, f, entry);
	else {
		TAILQ_REMOVE(&https->waiting, f, entry);
		https->waiting_count--;
	}
	fetch_free(f);
	https_run_next(https);
}

/* ----------------------------------------------------------------- whole */

struct https *
https_new(struct event_base *base, https_date_cb *on_date, void *arg)
{
	struct https *https = xcalloc(1, sizeof(*https));

	https->base = base;
	https->on_date = on_date;
	https->arg = arg;
	https->loop = curl_loop_new(base, on_done);
	TAILQ_INIT(&https->waiting);
	TAILQ_INIT(&https->running);
	TAILQ_INIT(&https->slow);
	TAILQ_INIT(&https->failing);
	return https;
}

void
https_free(struct https *https)
{
	struct https_fetches *lists[4];
	size_t i;

	if (https == NULL)
		return;
	/* None of the waiting may begin in the place of another. */
	lists[0] = &https->waiting;
	lists[1] = &https->failing;
	lists[2] = &https->running;
	lists[3] = &https->slow;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		while (!TAILQ_EMPTY(lists[i]))
			https_cancel(TAILQ_FIRST(lists[i]));
	curl_loop_free(https->loop);
	X509_STORE_free(https->trust);
	network_list_clear(&https->allowed);
	free(https);
}

static X509_STORE *
load_trust(const struct https_options *options)
{
	X509_STORE *store = X509_STORE_new();
	int result;

	if (store == NULL)
		return NULL;
	if (options->ca_file[0] == '\0' && options->ca_path[0] == '\0')
		result = X509_STORE_set_default_paths(store);
	else
		result = X509_STORE_load_locations(store,
		    options->ca_file[0] != '\0' ? options->ca_file : NULL,
		    options->ca_path[0] != '\0' ? options->ca_path : NULL);
	if (result != 1) {
		X509_STORE_free(store);
		return NULL;
	}
	return store;
}

int
https_configure(struct https *https, const struct https_options *options,
    char error[HTTPS_ERROR_MAX_BYTES + 1])
{
	struct network_list allowed;
	X509_STORE *trust = load_trust(options);
	const char *why;
	size_t skipped;
	int result = 0;

	if (network_list_parse(text_of(options->allow_networks), &allowed,
	    &skipped, &why) == 0) {
		network_list_clear(&https->allowed);
		https->allowed = allowed;
	} else {
		facts_set_error(error, "allow_networks: %s", why);
		result = -1;
	}
	if (trust != NULL) {
		X509_STORE_free(https->trust);
		https->trust = trust;
	} else {
		facts_set_error(error, "trust store cannot be read: %s%s%s",
		    options->ca_file, options->ca_file[0] != '\0' ? " " : "",
		    options->ca_path);
		result = -1;
	}
	return result;
}
