/*
 * A log line, cut into pieces.  Formats are those of Postfix's sources, 3.4 to
 * 3.12, read from the left as far as something is needed: tails grow with
 * every release.
 */

#include "shared/postfix/log_line.h"

#include <stddef.h>
#include <string.h>

#define TRADITIONAL_TIME_BYTES	15	/* "Nov 22 04:18:45" */
#define RFC3339_MAX_BYTES	48
#define DAY_S			86400
#define LEAP_YEARS_APART	8	/* 1896 to 1904 */
#define QUEUE_ID_MIN_BYTES	5
#define QUEUE_ID_MAX_BYTES	32

/* ---------------------------------------------------------------- cursor */

static void
skip_bytes(struct text *t, size_t n)
{
	t->data += n;
	t->len -= n;
}

static inline bool
take(struct text *t, const char *prefix)
{
	size_t len = strlen(prefix);

	if (t->len < len || memcmp(t->data, prefix, len) != 0)
		return false;
	skip_bytes(t, len);
	return true;
}

/* Cuts what stands before mark, and mark; false when there is none. */
static inline bool
take_until(struct text *t, const char *mark, struct text *before)
{
	const char *end = memmem(t->data, t->len, mark, strlen(mark));

	if (end == NULL)
		return false;
	*before = (struct text){ t->data, (size_t)(end - t->data) };
	skip_bytes(t, before->len + strlen(mark));
	return true;
}

static bool
take_char(struct text *t, char c)
{
	if (t->len == 0 || t->data[0] != c)
		return false;
	skip_bytes(t, 1);
	return true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number of at most nine digits; false without one. */
static bool
take_number(struct text *t, unsigned *out)
{
	unsigned value = 0;
	size_t n;

	for (n = 0; n < t->len && n < 9 && is_digit(t->data[n]); n++)
		value = value * 10 + (unsigned)(t->data[n] - '0');
	if (n == 0)
		return false;
	skip_bytes(t, n);
	*out = value;
	return true;
}

/* ------------------------------------------------------------------ time */

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Two digits, of which the first may be a blank; -1 for anything else. */
static int
two_digits(const char *p)
{
	if (!is_digit(p[1]) || (!is_digit(p[0]) && p[0] != ' '))
		return -1;
	return (p[0] == ' ' ? 0 : p[0] - '0') * 10 + p[1] - '0';
}

/* "04:18:45" at p. */
static bool
clock_parse(const char *p, struct log_time *out)
{
	out->hour = two_digits(p);
	out->minute = two_digits(p + 3);
	out->second = two_digits(p + 6);
	return p[2] == ':' && p[5] == ':' && out->hour >= 0 &&
	    out->hour <= 23 && out->minute >= 0 && out->minute <= 59 &&
	    out->second >= 0 && out->second <= 60;
}

/* Of any year; February has 29. */
static int
days_of_month(int month)
{
	return month == 2 ? 29 : 30 + (month + month / 8) % 2;
}

/* "Nov 22 04:18:45", "Nov  2 04:18:45" */
static bool
traditional_time_parse(struct text t, struct log_time *out)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int month = 0;

	while (month < 12 && memcmp(t.data, names + 3 * month, 3) != 0)
		month++;
	*out = (struct log_time){ .month = month + 1,
	    .day = two_digits(t.data + 4) };
	return month < 12 && t.data[3] == ' ' && t.data[6] == ' ' &&
	    out->day >= 1 && out->day <= days_of_month(out->month) &&
	    clock_parse(t.data + 7, out);
}

/* journalctl -o short-iso may write "+0100": RFC 3339 wants a colon. */
static bool
rfc3339_time_parse(struct text t, struct log_time *out)
{
	char copy[RFC3339_MAX_BYTES + 1];
	char sign = t.len > 5 ? t.data[t.len - 5] : '\0';

	if (t.len > RFC3339_MAX_BYTES)
		return false;
	if (sign == '+' || sign == '-') {
		memcpy(copy, t.data, t.len - 2);
		copy[t.len - 2] = ':';
		memcpy(copy + t.len - 1, t.data + t.len - 2, 2);
		t = (struct text){ copy, t.len + 1 };
	}
	*out = (struct log_time){ .has_year = true };
	return text_parse_time(t, &out->at, &out->has_zone);
}

/* Seconds from 1970 to the begin of a day, Gregorian. */
static int64_t
day_at(int year, int month, int day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243,
	    273, 304, 334 };
	int64_t y = year - 1;
	int64_t days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;

	return (days + before[month - 1] + (month > 2 && is_leap(year)) +
	    day - 1) * DAY_S;
}

static int64_t
local_to_utc(const struct log_clock *clock, int64_t local_s)
{
	return clock->zone == NULL ? local_s : local_s - clock->zone(local_s);
}

/* The year of a time, not exactly at its ends. */
static int
about_year(int64_t at)
{
	return (int)(1970 + at / 31556952);
}

/* The hour of a local time: the same for many lines, and dear to find out. */
static void
read_hour(struct log_clock *clock, const struct log_time *t)
{
	int year = about_year(clock->now) + 1;
	int oldest = year - LEAP_YEARS_APART - 1;

	for (; year >= oldest; year--) {
		if (t->month == 2 && t->day == 29 && !is_leap(year))
			continue;
		clock->hour_at = local_to_utc(clock,
		    day_at(year, t->month, t->day) + t->hour * 3600);
		if (clock->hour_at <= clock->now + DAY_S)
			break;
	}
	clock->month = t->month;
	clock->day = t->day;
	clock->hour = t->hour;
}

int64_t
log_clock_read(struct log_clock *clock, const struct log_time *t)
{
	if (t->has_year)
		return t->has_zone ? t->at : local_to_utc(clock, t->at);
	if (clock->month != t->month || clock->day != t->day ||
	    clock->hour != t->hour)
		read_hour(clock, t);
	return clock->hour_at + t->minute * 60 + t->second;
}

/* ------------------------------------------------------------------- tag */

static bool
ends_in_login(struct text t)
{
	return t.len > 6 && memcmp(t.data + t.len - 6, "-login", 6) == 0;
}

/* By the last component: "postfix/smtp", "postfix-out/relay/smtp". */
static enum log_daemon
daemon_of(struct text tag)
{
	const char *slash = memrchr(tag.data, '/', tag.len);
	struct text name;

	if (slash == NULL)
		return text_equals(tag, "dovecot") || ends_in_login(tag) ?
		    DAEMON_LOGIN : DAEMON_OTHER;
	name.data = slash + 1;
	name.len = tag.len - (size_t)(name.data - tag.data);
	switch (name.len) {
	case 4:
		return memcmp(name.data, "smtp", 4) == 0 ||
		    memcmp(name.data, "lmtp", 4) == 0 ?
		    DAEMON_SMTP : DAEMON_OTHER;
	case 5:
		return memcmp(name.data, "smtpd", 5) == 0 ?
		    DAEMON_SMTPD : DAEMON_OTHER;
	case 8:
		return memcmp(name.data, "tlsproxy", 8) == 0 ?
		    DAEMON_TLSPROXY : DAEMON_OTHER;
	default:
		return DAEMON_OTHER;
	}
}

/* "postfix/smtp[5448]:" or "dovecot:" */
static bool
tag_parse(struct text word, struct log_line *out)
{
	const char *bracket;
	uint64_t pid = 0;
	struct text digits;

	out->tag = (struct text){ word.data, word.len - 1 };
	if (out->tag.len > 0 && word.data[out->tag.len - 1] == ']') {
		bracket = memrchr(word.data, '[', out->tag.len);
		if (bracket == NULL)
			return false;
		digits.data = bracket + 1;
		digits.len = (size_t)(word.data + out->tag.len - 1 -
		    digits.data);
		if (!text_parse_u64(digits, UINT32_MAX, &pid))
			return false;
		out->tag.len = (size_t)(bracket - word.data);
	}
	out->pid = (uint32_t)pid;
	out->daemon = daemon_of(out->tag);
	return out->daemon != DAEMON_OTHER;
}

static void
drop_level(struct text *message)
{
	static const char *const levels[] = { "warning: ", "error: ",
	    "fatal: ", "panic: ", "info: ", "Info: ", "Warning: ",
	    "Error: " };
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (take(message, levels[i]))
			return;
}

/* Dovecot's master names the process in the text: that becomes the tag. */
static bool
finish_line(struct log_line *out)
{
	if (out->daemon == DAEMON_LOGIN && !ends_in_login(out->tag) &&
	    !take_until(&out->message, ": ", &out->tag))
		return false;
	drop_level(&out->message);
	return out->daemon != DAEMON_LOGIN || ends_in_login(out->tag);
}

/* A host's name may stand before the tag, which alone ends in a colon. */
static bool
take_tag(struct text *t, struct log_line *out)
{
	const char *blank;
	struct text word;
	int i;

	for (i = 0; i < 2; i++) {
		blank = memchr(t->data, ' ', t->len);
		if (blank == NULL)
			return false;
		word = (struct text){ t->data, (size_t)(blank - t->data) };
		skip_bytes(t, word.len + 1);
		if (word.len > 0 && word.data[word.len - 1] == ':')
			return tag_parse(word, out);
	}
	return false;
}

bool
log_line_parse(struct text line, struct log_line *out)
{
	const char *end;
	struct text t = line, time;
	bool is_traditional;

	if (take_char(&t, '<') && !take_until(&t, ">", &time))
		return false;
	if (t.len <= TRADITIONAL_TIME_BYTES)
		return false;
	is_traditional = !is_digit(t.data[0]);
	end = memchr(t.data, ' ', t.len);
	if (is_traditional)
		end = t.data + TRADITIONAL_TIME_BYTES;
	if (end == NULL || *end != ' ')
		return false;
	time = (struct text){ t.data, (size_t)(end - t.data) };
	skip_bytes(&t, time.len + 1);
	/* Most lines are refused by their tag, before anything is computed. */
	if (!take_tag(&t, out))
		return false;
	out->message = t;
	return (is_traditional ? traditional_time_parse(time, &out->time) :
	    rfc3339_time_parse(time, &out->time)) && finish_line(out);
}

bool
log_line_from_parts(struct text identifier, uint32_t pid,
    struct text message, struct log_line *out)
{
	if (identifier.len == 0 || message.len == 0)
		return false;
	*out = (struct log_line){ .tag = identifier, .pid = pid,
	    .message = message, .daemon = daemon_of(identifier) };
	return out->daemon != DAEMON_OTHER && finish_line(out);
}

/* ---------------------------------------------------------------- pieces */

/* "host[address]:25", "host[address]", "[address]:25", "host[private/lmtp]" */
static bool
take_peer(struct text *t, struct log_peer *out)
{
	struct text rest = *t;
	struct log_peer peer = { .port = 0 };
	unsigned port;

	if (!take_until(&rest, "[", &peer.host) ||
	    memchr(peer.host.data, ' ', peer.host.len) != NULL ||
	    !take_until(&rest, "]", &peer.address))
		return false;
	*t = rest;
	if (take_char(&rest, ':') && take_number(&rest, &port) &&
	    port <= UINT16_MAX) {
		peer.port = (uint16_t)port;
		*t = rest;
	}
	if (text_equals(peer.host, "unknown"))
		peer.host.len = 0;
	*out = peer;
	return true;
}

static bool
is_alphanumeric(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* "9D6F05246E8: ", "4ZxKJb2Vx3z9pQ: ", "NOQUEUE: " */
static bool
take_queue_id(struct text *t, struct text *out)
{
	size_t n = 0;

	while (n < t->len && n <= QUEUE_ID_MAX_BYTES &&
	    is_alphanumeric(t->data[n]))
		n++;
	if (n < QUEUE_ID_MIN_BYTES || n > QUEUE_ID_MAX_BYTES ||
	    n + 2 > t->len || t->data[n] != ':' || t->data[n + 1] != ' ')
		return false;
	*out = (struct text){ t->data, n };
	skip_bytes(t, n + 2);
	return true;
}

/* The value of "name=value, " or of the last such item. */
static struct text
take_value(struct text *t)
{
	struct text value = *t;

	if (!take_until(t, ", ", &value))
		skip_bytes(t, t->len);
	return value;
}

/*
 * "error:0A00010B:SSL routines::wrong version number:file:350:data": the
 * fifth field is the reason, which may name the peer's alert.
 */
static void
openssl_error_parse(struct text t, struct log_event *out)
{
	struct text field, reason = { NULL, 0 };
	int i;

	out->reason = text_trim(t);
	if (!take_until(&t, "error:", &field))
		return;
	for (i = 0; i < 4; i++)
		if (!text_next_field(&t, ':', &reason))
			return;
	if (reason.len == 0)
		return;
	out->reason = reason;
	if (take_until(&reason, "alert ", &field))
		out->alert = reason;
}

/* "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) ..." */
static bool
cipher_parse(struct text t, struct log_event *out)
{
	return take_until(&t, " with cipher ", &out->protocol) &&
	    take_until(&t, " (", &out->cipher) &&
	    take_number(&t, &out->bits);
}

/*
 * "Verified TLS connection established to host[address]:25: TLSv1.3 with ...";
 * a server adds " to " and the name that the client asked for.
 */
static enum log_event_kind
established_parse(struct text t, struct log_event *out)
{
	struct text asked;

	out->trust = take(&t, "Anonymous") ? SESSION_TRUST_ANONYMOUS :
	    take(&t, "Untrusted") ? SESSION_TRUST_UNTRUSTED :
	    take(&t, "Trusted") ? SESSION_TRUST_TRUSTED :
	    take(&t, "Verified") ? SESSION_TRUST_VERIFIED :
	    SESSION_TRUST_UNKNOWN;
	if (out->trust == SESSION_TRUST_UNKNOWN ||
	    !take(&t, " TLS connection "))
		return EVENT_NONE;
	out->is_reused = take(&t, "reused ");
	if (!out->is_reused && !take(&t, "established "))
		return EVENT_NONE;
	out->is_outbound = take(&t, "to ");
	return (out->is_outbound || take(&t, "from ")) &&
	    take_peer(&t, &out->peer) && take_until(&t, ": ", &asked) &&
	    cipher_parse(t, out) ? EVENT_ESTABLISHED : EVENT_NONE;
}

/* What smtp, smtpd and tlsproxy say alike. */
static enum log_event_kind
handshake_parse(struct text t, struct log_event *out)
{
	struct text m = t;

	if (m.len == 0)
		return EVENT_NONE;
	switch (m.data[0]) {
	case 'c': case 's': case 'C':
		if (!take(&m, "server ") && !take(&m, "client "))
			take(&m, "CA ");
		if (!take(&m, "certificate verification failed for ") ||
		    !take_peer(&m, &out->peer) || !take(&m, ": "))
			return EVENT_NONE;
		out->reason = m;
		return EVENT_CERT_TROUBLE;
	case 'S':
		out->is_outbound = take(&m, "SSL_connect error to ");
		if (!out->is_outbound && !take(&m, "SSL_accept error from "))
			return EVENT_NONE;
		if (!take_peer(&m, &out->peer) || !take(&m, ": "))
			return EVENT_NONE;
		out->reason = m;
		return EVENT_HANDSHAKE_ERROR;
	case 'T':
		if (take(&m, "TLS library problem: ")) {
			openssl_error_parse(m, out);
			return EVENT_TLS_LIBRARY;
		}
		return established_parse(t, out);
	case 'A': case 'U': case 'V':
		return established_parse(t, out);
	default:
		return EVENT_NONE;
	}
}

/* ------------------------------------------------------------------ smtp */

/*
 * "to=<user@domain>, orig_to=<...>, relay=host[address]:25, conn_use=2,
 * delay=.., delays=a/b/c/d, tls=dane, dsn=2.0.0, status=sent (text)".  The
 * local part may be quoted and hold anything.
 */
static enum log_event_kind
delivery_parse(struct text t, struct log_event *out)
{
	struct text address, host;
	const char *at, *slash;
	size_t n = 0;

	if (take_char(&t, '"')) {
		while (n < t.len && t.data[n] != '"')
			n += t.data[n] == '\\' ? 2 : 1;
		if (n >= t.len)
			return EVENT_NONE;
		skip_bytes(&t, n);
	}
	if (!take_until(&t, ">, ", &address))
		return EVENT_NONE;
	at = memrchr(address.data, '@', address.len);
	if (at != NULL)
		out->domain = (struct text){ at + 1, (size_t)(address.data +
		    address.len - at - 1) };
	while (t.len > 0) {
		if (take(&t, "relay=")) {
			host = take_value(&t);
			take_peer(&host, &out->peer);
		} else if (take(&t, "conn_use=")) {
			out->is_reused = true;
			take_value(&t);
		} else if (take(&t, "delays=")) {
			out->handoff = take_value(&t);
			slash = memrchr(out->handoff.data, '/',
			    out->handoff.len);
			if (slash != NULL)
				out->handoff.len = (size_t)(slash -
				    out->handoff.data);
		} else if (take(&t, "tls=")) {
			out->level = take_value(&t);
		} else if (take(&t, "status=")) {
			if (!take_until(&t, " (", &out->status))
				return EVENT_NONE;
			out->reason = t;
			if (t.len > 0 && t.data[t.len - 1] == ')')
				out->reason.len--;
			return EVENT_DELIVERY;
		} else
			take_value(&t);
	}
	return EVENT_NONE;
}

/*
 * "status=failure, domain=D, receiving_mx=H[A], failure_type=T,
 * failure_reason=R"
 */
static enum log_event_kind
tlsrpt_parse(struct text t, struct log_event *out)
{
	struct text host;

	out->is_failure = take(&t, "status=failure, ");
	if ((!out->is_failure && !take(&t, "status=success, ")) ||
	    !take(&t, "domain="))
		return EVENT_NONE;
	out->domain = take_value(&t);
	if (!take(&t, "receiving_mx="))
		return EVENT_NONE;
	host = take_value(&t);
	if (!take_peer(&host, &out->peer))
		return EVENT_NONE;
	if (take(&t, "failure_type="))
		out->failure_type = take_value(&t);
	if (take(&t, "failure_reason="))
		out->reason = t;
	return EVENT_TLSRPT;
}

/* "TLS policy lookup for NEXTHOP/HOST: REASON" */
static enum log_event_kind
policy_lookup_parse(struct text t, struct log_event *out)
{
	const char *slash;

	if ((!take(&t, "for ") && !take(&t, "error for ")) ||
	    !take_until(&t, ": ", &out->domain))
		return EVENT_NONE;
	slash = memrchr(out->domain.data, '/', out->domain.len);
	if (slash == NULL)
		return EVENT_NONE;
	out->peer.host.data = slash + 1;
	out->peer.host.len = (size_t)(out->domain.data + out->domain.len -
	    slash - 1);
	out->domain.len = (size_t)(slash - out->domain.data);
	out->reason = t;
	return EVENT_POLICY_LOOKUP;
}

/* "MX name 'HOST' does not match STS MX pattern for 'DOMAIN'" */
static enum log_event_kind
mx_pattern_parse(struct text t, struct log_event *out)
{
	out->reason = t;
	return take(&t, "MX name '") &&
	    take_until(&t, "' does not match STS MX pattern for '",
	    &out->peer.host) && take_until(&t, "'", &out->domain) ?
	    EVENT_MX_NOT_IN_POLICY : EVENT_NONE;
}

/* "HOST[ADDRESS]:25: what", or the host alone */
static enum log_event_kind
host_first_parse(struct text t, struct log_event *out)
{
	struct text host = { t.data, 0 };

	if (!take_peer(&t, &out->peer) || !take(&t, ": ")) {
		if (!take_until(&t, ": ", &host))
			return EVENT_NONE;
		out->peer = (struct log_peer){ .host = host };
	}
	out->reason = t;
	return take(&t, "re-using session with untrusted ") ?
	    EVENT_RESUMED_UNTRUSTED :
	    take(&t, "all TLSA records unusable") ? EVENT_TLSA_UNUSABLE :
	    EVENT_NONE;
}

/*
 * "host HOST[ADDRESS] said: 450 ...", "TLS is required, but was not offered by
 * host HOST[ADDRESS]", "Server certificate not verified"
 */
static enum log_event_kind
trouble_parse(struct text t, struct log_event *out)
{
	static const char *const beginnings[] = { "host ",
	    "lost connection with ", "conversation with ",
	    "TLS is required, but was not offered by host ",
	    "TLS is required, but host ", "Sender requested REQUIRETLS, but " };
	const char *bracket, *blank;
	size_t i;

	out->reason = t;
	for (i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (take(&t, beginnings[i]))
			break;
	bracket = memchr(t.data, '[', t.len);
	if (i == sizeof(beginnings) / sizeof(beginnings[0]) || bracket == NULL)
		return EVENT_TROUBLE;
	blank = memrchr(t.data, ' ', (size_t)(bracket - t.data));
	if (blank != NULL)
		skip_bytes(&t, (size_t)(blank + 1 - t.data));
	take_peer(&t, &out->peer);
	return EVENT_TROUBLE;
}

static enum log_event_kind
smtp_parse(struct text message, struct log_event *out)
{
	struct text t = message;
	enum log_event_kind kind = handshake_parse(t, out);

	if (kind != EVENT_NONE)
		return kind;
	if (take(&t, "TLSRPT: "))
		return tlsrpt_parse(t, out);
	if (take(&t, "TLS policy lookup "))
		return policy_lookup_parse(t, out);
	if (take_queue_id(&t, &out->queue_id)) {
		if (take(&t, "to=<"))
			return delivery_parse(t, out);
		return trouble_parse(t, out);
	}
	if (text_starts_with(t, "MX name '"))
		return mx_pattern_parse(t, out);
	return host_first_parse(t, out);
}

/* ----------------------------------------------------------------- smtpd */

/* "... starttls=1 ...", "... starttls=0/1 ..." */
static void
starttls_parse(struct text t, struct log_event *out)
{
	struct text before;

	if (!take_until(&t, " starttls=", &before) ||
	    !take_number(&t, &out->starttls_ok_count))
		return;
	out->starttls_count = out->starttls_ok_count;
	if (take_char(&t, '/'))
		take_number(&t, &out->starttls_count);
}

/* "client=host[address], sasl_method=PLAIN, sasl_username=user" */
static enum log_event_kind
client_parse(struct text t, struct log_event *out)
{
	struct text before;

	if (!take_peer(&t, &out->peer))
		return EVENT_NONE;
	out->is_user = take_until(&t, ", sasl_username=", &before);
	if (text_equals(out->queue_id, "NOQUEUE"))
		out->queue_id.len = 0;
	return EVENT_CLIENT;
}

static enum log_event_kind
smtpd_parse(struct text message, struct log_event *out)
{
	struct text t = message;
	enum log_event_kind kind = handshake_parse(t, out);

	if (kind != EVENT_NONE || t.len == 0)
		return kind;
	switch (t.data[0]) {
	case 'c':
		if (take(&t, "connect from ") && take_peer(&t, &out->peer))
			return EVENT_CONNECT;
		break;
	case 'd':
		if (take(&t, "disconnect from ") && take_peer(&t, &out->peer)) {
			starttls_parse(t, out);
			return EVENT_DISCONNECT;
		}
		break;
	case 'N':
		if (take(&t, "NOQUEUE: abort: TLS from ") &&
		    take_peer(&t, &out->peer) && take(&t, ": ")) {
			out->reason = t;
			return EVENT_CLIENT_REFUSED;
		}
		break;
	case 'R':
		out->reason = t;
		if (take(&t, "Refusing STARTTLS request from ") &&
		    take_peer(&t, &out->peer))
			return EVENT_STARTTLS_REFUSED;
		break;
	}
	if (take_queue_id(&t, &out->queue_id) && take(&t, "client="))
		return client_parse(t, out);
	return EVENT_NONE;
}

/* "TLS handshake failed for service=smtp peer=[ADDRESS]:25" */
static enum log_event_kind
proxy_failure_parse(struct text t, struct log_event *out)
{
	struct text service;

	if (!take_until(&t, " peer=", &service) || !take_peer(&t, &out->peer))
		return EVENT_NONE;
	out->is_outbound = !text_equals(service, "smtpd");
	return EVENT_HANDSHAKE_ERROR;
}

static enum log_event_kind
tlsproxy_parse(struct text message, struct log_event *out)
{
	struct text t = message;
	enum log_event_kind kind = handshake_parse(t, out);

	if (kind != EVENT_NONE)
		return kind;
	if (take(&t, "TLS handshake failed for service="))
		return proxy_failure_parse(t, out);
	if (take(&t, "CONNECT from "))
		return take_peer(&t, &out->peer) ? EVENT_CONNECT : EVENT_NONE;
	if (take(&t, "DISCONNECT "))
		return take_peer(&t, &out->peer) ? EVENT_DISCONNECT :
		    EVENT_NONE;
	if (take(&t, "TLSRPT: "))
		return tlsrpt_parse(t, out);
	return host_first_parse(t, out);
}

/* --------------------------------------------------------------- Dovecot */

/*
 * "Login: user=<..>, method=PLAIN, rip=A, lip=B, mpid=1, TLS, session=<..>",
 * "Disconnected...: user=<>, rip=A, lip=B, TLS handshaking: REASON, ..."; also
 * "TLSv1.3 with cipher ..." where log elements have %k.  The user's name may
 * hold anything, so that the last rip= counts.
 */
static enum log_event_kind
login_parse(struct text t, struct log_event *out)
{
	struct text before, rest = t, field;
	bool is_found = false;

	out->is_user = text_starts_with(t, "Login: ");
	while (take_until(&rest, " rip=", &before)) {
		t = rest;
		is_found = true;
	}
	if (!is_found)
		return EVENT_NONE;
	out->peer.address = take_value(&t);
	while (t.len > 0) {
		field = take_value(&t);
		if (!take(&field, "TLS"))
			continue;
		out->has_tls = true;
		if (take(&field, " handshaking")) {
			out->is_failure = true;
			take(&field, ": ");
			openssl_error_parse(field, out);
		} else if (field.len > 0 && field.data[0] == 'v')
			cipher_parse((struct text){ field.data - 3,
			    field.len + 3 }, out);
	}
	return EVENT_LOGIN;
}

void
log_event_parse(const struct log_line *line, struct log_event *out)
{
	*out = (struct log_event){ .kind = EVENT_NONE };
	switch (line->daemon) {
	case DAEMON_SMTP:
		out->kind = smtp_parse(line->message, out);
		break;
	case DAEMON_SMTPD:
		out->kind = smtpd_parse(line->message, out);
		break;
	case DAEMON_TLSPROXY:
		out->kind = tlsproxy_parse(line->message, out);
		break;
	case DAEMON_LOGIN:
		out->kind = login_parse(line->message, out);
		break;
	case DAEMON_OTHER:
		break;
	}
}
