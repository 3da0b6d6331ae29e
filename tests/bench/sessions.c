/*
 * Sessions for the ledger, and the least that anybody needs to take them in:
 *
 *	sessions send PATH COUNT RATE DOMAINS	datagrams, at a steady rate
 *	sessions fill PATH COUNT DOMAINS	the same, waiting for room
 *	sessions read PATH COUNT	recvmmsg and jansson, and nothing else
 *	sessions lines COUNT		a log's lines, parsed and put together
 *	sessions tally COUNT DOMAINS	sessions counted
 *
 * Prints what it did as one line of JSON.  A sender does not wait, as
 * libtlsrpt does not: what the queue has no room for is dropped.
 */

#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/postfix/log_line.h"
#include "shared/postfix/log_sessions.h"
#include "shared/tlsrpt/tally.h"
#include "shared/xalloc.h"

#define SECOND_NS	UINT64_C(1000000000)
#define DATAGRAM_MAX	(256 * 1024)
#define BATCH		32
#define QUIET_MS	2000	/* then nothing more comes */
#define FAILING		10	/* one in so many */
#define BEHIND_NS	1000000

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------ datagrams */

static int
format_datagram(char *out, size_t size, unsigned n, unsigned domain)
{
	bool is_failed = n % FAILING == 0;
	char failure[256] = "";

	if (is_failed)
		snprintf(failure, sizeof(failure), "\"failure-details\":[{"
		    "\"c\":204,\"s\": \"192.0.2.1\",\"n\": "
		    "\"mx.d%u.example\",\"r\": \"198.51.100.%u\",\"f\": "
		    "\"certificate has expired\"}],", domain, domain % 250);
	return snprintf(out, size, "{\"dpv\": \"1\",\"d\": \"d%u.example\","
	    "\"pr\": \"v=TLSRPTv1; rua=mailto:reports@d%u.example\","
	    "\"policies\":[{\"policy-type\":2,\"policy-domain\": "
	    "\"d%u.example\",\"policy-string\":[\"version: STSv1\",\"mode: "
	    "enforce\",\"mx: mx.d%u.example\",\"max_age: 604800\"],"
	    "\"mx-host\":[\"mx.d%u.example\"],%s\"t\":%d,\"f\":%d}]}",
	    domain, domain, domain, domain, domain, failure, is_failed,
	    is_failed);
}

static void
name_socket(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path))
		errx(1, "%s: too long", path);
	strcpy(address->sun_path, path);
}

static void
send_all(const char *path, unsigned count, unsigned rate, unsigned domains,
    int flags)
{
	struct sockaddr_un address;
	struct timespec pause = { 0, 200000 };
	uint64_t began = clock_ns(CLOCK_MONOTONIC), due = began, now;
	unsigned n, dropped = 0;
	char datagram[2048];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), len;

	name_socket(&address, path);
	if (fd == -1 || connect(fd, (struct sockaddr *)&address,
	    sizeof(address)) == -1)
		err(1, "%s", path);
	for (n = 0; n < count; n++) {
		due += SECOND_NS / rate;
		now = clock_ns(CLOCK_MONOTONIC);
		/* Held up by others: what was due then is no burst now. */
		if (now > due + BEHIND_NS)
			due = now;
		while (now < due) {
			if (due - now > 400000)
				nanosleep(&pause, NULL);
			now = clock_ns(CLOCK_MONOTONIC);
		}
		len = format_datagram(datagram, sizeof(datagram), n,
		    n % domains);
		if (send(fd, datagram, (size_t)len, flags) == len)
			continue;
		if (errno != EAGAIN)
			err(1, "send");
		dropped++;
	}
	printf("{\"sent\": %u, \"dropped\": %u, \"seconds\": %.3f}\n",
	    count - dropped, dropped, (double)(clock_ns(CLOCK_MONOTONIC) -
	    began) / (double)SECOND_NS);
}

static void
read_all(const char *path, unsigned count)
{
	static char memory[BATCH][DATAGRAM_MAX];
	struct mmsghdr headers[BATCH] = { 0 };
	struct iovec blocks[BATCH];
	struct sockaddr_un address;
	struct pollfd readable = { socket(AF_UNIX, SOCK_DGRAM, 0), POLLIN, 0 };
	unsigned received = 0, bad = 0;
	uint64_t began = 0;
	json_t *json;
	int i, n;

	name_socket(&address, path);
	unlink(path);
	if (bind(readable.fd, (struct sockaddr *)&address,
	    sizeof(address)) == -1)
		err(1, "%s", path);
	for (i = 0; i < BATCH; i++) {
		blocks[i] = (struct iovec){ memory[i], DATAGRAM_MAX };
		headers[i].msg_hdr.msg_iov = &blocks[i];
		headers[i].msg_hdr.msg_iovlen = 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (received < count && poll(&readable, 1, received > 0 ?
	    QUIET_MS : 60000) == 1) {
		if (began == 0)
			began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		n = recvmmsg(readable.fd, headers, BATCH, MSG_DONTWAIT, NULL);
		for (i = 0; i < n; i++) {
			json = json_loadb(memory[i], headers[i].msg_len,
			    JSON_REJECT_DUPLICATES, NULL);
			bad += json == NULL;
			json_decref(json);
		}
		received += n > 0 ? (unsigned)n : 0;
	}
	printf("{\"received\": %u, \"bad\": %u, \"cpu_s\": %.6f}\n", received,
	    bad, (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began) /
	    (double)SECOND_NS);
}

/* ------------------------------------------------------------------ lines */

static void
count_session(void *context, const struct tls_session *session)
{
	(void)session;
	++*(unsigned *)context;
}

/* Of ten lines two are about TLS, as in a log of mail that goes out. */
static void
add_lines(struct buffer *log, unsigned n)
{
	static const char *const others[] = {
		"postfix/smtpd[77]: connect from localhost[127.0.0.1]",
		"postfix/smtpd[77]: 4jXMWy: client=localhost[127.0.0.1]",
		"postfix/cleanup[78]: 4jXMWy: message-id=<a@b.example>",
		"postfix/qmgr[79]: 4jXMWy: from=<a@b.example>, size=350, "
		    "nrcpt=1 (queue active)",
		"opendkim[90]: 4jXMWy: DKIM-Signature field added",
		"kernel: [12345.678] eth0: link becomes ready",
		"postfix/qmgr[79]: 4jXMWy: removed",
		"amavis[91]: (1-1) Passed CLEAN, a@b.example -> c@d.example"
	};
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		buffer_addf(log, "Nov 22 04:18:45 host %s\n", others[i]);
	buffer_addf(log, "Nov 22 04:18:45 host postfix/smtp[%u]: Verified TLS "
	    "connection established to mx.d%u.example[192.0.2.%u]:25: TLSv1.3 "
	    "with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n", n % 100,
	    n % 1000, n % 250);
	buffer_addf(log, "Nov 22 04:18:45 host postfix/smtp[%u]: %010X: to=<u@"
	    "d%u.example>, relay=mx.d%u.example[192.0.2.%u]:25, delay=1, "
	    "delays=0/0/1/0, dsn=2.0.0, status=sent (250 ok)\n", n % 100, n,
	    n % 1000, n % 1000, n % 250);
}

static void
parse_lines(unsigned count)
{
	struct log_clock reader = { .now = 1795335689 };
	struct log_sessions *sessions;
	struct text rest, line;
	struct log_line parsed;
	unsigned lines = 0, told = 0, n;
	struct buffer log;
	uint64_t began;

	buffer_init(&log, UINT32_MAX);
	for (n = 0; n < count / 10; n++)
		add_lines(&log, n);
	sessions = log_sessions_new(count_session, &told);
	rest = (struct text){ log.data, log.len };
	began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	while (text_next_line(&rest, &line)) {
		lines++;
		if (log_line_parse(line, &parsed))
			log_sessions_feed(sessions, &parsed,
			    log_clock_read(&reader, &parsed.time));
	}
	printf("{\"lines\": %u, \"sessions\": %u, \"cpu_s\": %.6f}\n", lines,
	    told, (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began) /
	    (double)SECOND_NS);
	log_sessions_free(sessions);
	buffer_clear(&log);
}

/* ------------------------------------------------------------------ counts */

static void
count_all(unsigned count, unsigned domains)
{
	static const struct siphash_key hash_key = { 1, 2 };
	struct tally *tally = tally_new(20779, domains, &hash_key);
	struct tally_key key = { .direction = SESSION_OUT,
	    .outcome = TALLY_SUCCESS, .finding = FINDING_OK,
	    .trust = SESSION_TRUST_VERIFIED, .policy = text_of("sts"),
	    .protocol = text_of("TLSv1.3"),
	    .cipher = text_of("TLS_AES_256_GCM_SHA384") };
	char (*names)[32] = xcalloc(domains, sizeof(*names));
	uint64_t began;
	unsigned n;

	for (n = 0; n < domains; n++)
		snprintf(names[n], sizeof(names[n]), "d%u.example", n);
	began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (n = 0; n < count; n++) {
		key.host = text_of(names[n % domains]);
		tally_add(tally, text_of(names[n % domains]), &key,
		    INT64_C(20779) * 86400 + n % 86400, TALLY_ONCE);
	}
	printf("{\"sessions\": %u, \"bytes\": %zu, \"cpu_s\": %.6f}\n", count,
	    tally_bytes(tally), (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) -
	    began) / (double)SECOND_NS);
	tally_free(tally);
	free(names);
}

static unsigned
number(const char *word)
{
	uint64_t value;

	if (!text_parse_u64(text_of(word), UINT32_MAX, &value) || value == 0)
		errx(64, "%s: no number", word);
	return (unsigned)value;
}

int
main(int argc, char *argv[])
{
	if (argc == 6 && strcmp(argv[1], "send") == 0)
		send_all(argv[2], number(argv[3]), number(argv[4]),
		    number(argv[5]), MSG_DONTWAIT);
	else if (argc == 5 && strcmp(argv[1], "fill") == 0)
		send_all(argv[2], number(argv[3]), UINT32_MAX,
		    number(argv[4]), 0);
	else if (argc == 4 && strcmp(argv[1], "read") == 0)
		read_all(argv[2], number(argv[3]));
	else if (argc == 3 && strcmp(argv[1], "lines") == 0)
		parse_lines(number(argv[2]));
	else if (argc == 4 && strcmp(argv[1], "tally") == 0)
		count_all(number(argv[2]), number(argv[3]));
	else
		errx(64, "usage: sessions send|fill|read|lines|tally ...");
	return 0;
}
