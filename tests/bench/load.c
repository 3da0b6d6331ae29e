/*
 * A load generator.  It sends requests over many connections, compares every
 * reply with the one that is wanted, and prints what it saw as one line of
 * JSON.  It speaks no protocol: the requests and their replies stand in a
 * file, as netstrings in turn.
 *
 *	load [-1] [-c connections] [-r rate] [-s seconds] [-p pid]...
 *	    endpoint file
 *
 * Closed loop: each connection asks again as soon as it is answered.  With a
 * rate, open loop: requests fall due whether or not the server keeps up, and
 * waiting counts from when they were due.
 */

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/frame.h"
#include "shared/io/endpoint.h"
#include "shared/io/file.h"
#include "shared/xalloc.h"

#define SECOND_NS	UINT64_C(1000000000)
#define WARM_UP_NS	(SECOND_NS / 5)		/* is not counted */
#define SILENCE_MS	5000			/* then something is broken */
#define FILE_MAX_BYTES	(256 * 1024 * 1024)
#define REPLY_MAX_BYTES	131072
#define EVENTS_AT_ONCE	64
#define PIDS_MAX	8

/* Steps of 1/32: a percentile is right to 3 in a hundred. */
#define STEP_BITS	5
#define STEPS		(1 << STEP_BITS)
#define BUCKETS		(64 * STEPS)

struct pair {
	struct text	request, reply;
};

struct connection {
	int			 fd;
	const struct pair	*pair;		/* asked, or NULL: idle */
	size_t			 got;		/* octets of its reply */
	uint64_t		 due_ns;	/* when it should be asked */
	uint64_t		 owed;		/* due and not yet asked */
	uint64_t		 answered;
};

static struct {
	struct endpoint_address	 server;
	bool			 connects_anew;
	size_t			 count;		/* of connections */
	uint64_t		 interval_ns;	/* 0: closed loop */
	uint64_t		 length_ns;
	pid_t			 pids[PIDS_MAX];
	size_t			 pid_count;
	struct pair		*pairs;
	size_t			 pair_count, next_pair;
	struct connection	*connections;
	int			 epoll_fd;

	uint64_t		 counts_from_ns, ends_ns;
	uint64_t		 answered, buckets[BUCKETS], worst_ns;
	double			 cpu_s;
} load = { .count = 1, .length_ns = SECOND_NS };

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* ---------------------------------------------------------------- results */

static size_t
bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < STEPS)
		return ns;
	shift = 63 - (unsigned)__builtin_clzll(ns) - STEP_BITS;
	return (shift + 1) * STEPS + (ns >> shift) - STEPS;
}

static double
bucket_us(size_t bucket)
{
	size_t shift = bucket / STEPS;

	if (shift == 0)
		return (double)bucket / 1000;
	return (double)((bucket % STEPS + STEPS) << (shift - 1)) / 1000;
}

static double
percentile_us(double share)
{
	uint64_t below = 0, wanted = (uint64_t)((double)load.answered * share);
	size_t i;

	for (i = 0; i < BUCKETS - 1; i++) {
		below += load.buckets[i];
		if (below > wanted)
			break;
	}
	return bucket_us(i);
}

/* What the watched processes have used so far. */
static double
used_cpu_s(void)
{
	char path[64];
	uint64_t ns, sum_ns = 0;
	size_t i;
	FILE *f;

	for (i = 0; i < load.pid_count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/schedstat",
		    (int)load.pids[i]);
		f = fopen(path, "r");
		if (f == NULL || fscanf(f, "%" SCNu64, &ns) != 1)
			errx(1, "%s cannot be read", path);
		fclose(f);
		sum_ns += ns;
	}
	return (double)sum_ns / (double)SECOND_NS;
}

static void
count_answer(struct connection *c, uint64_t now)
{
	uint64_t waited = now - c->due_ns;

	if (now < load.counts_from_ns)
		return;
	c->answered++;
	load.answered++;
	load.buckets[bucket_of(waited)]++;
	if (waited > load.worst_ns)
		load.worst_ns = waited;
}

static void
print_results(void)
{
	uint64_t least = UINT64_MAX, most = 0;
	double seconds = (double)load.length_ns / (double)SECOND_NS;
	size_t i;

	for (i = 0; i < load.count; i++) {
		if (load.connections[i].answered < least)
			least = load.connections[i].answered;
		if (load.connections[i].answered > most)
			most = load.connections[i].answered;
	}
	printf("{\"requests\": %" PRIu64 ", \"rate\": %.1f, \"cpu_s\": %.6f, "
	    "\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
	    "\"p999_us\": %.1f, \"max_us\": %.1f, "
	    "\"least\": %" PRIu64 ", \"most\": %" PRIu64 "}\n",
	    load.answered, (double)load.answered / seconds, load.cpu_s,
	    percentile_us(0.5), percentile_us(0.9), percentile_us(0.99),
	    percentile_us(0.999), (double)load.worst_ns / 1000, least, most);
}

/* ------------------------------------------------------------ connections */

static void
connection_open(struct connection *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	const struct sockaddr *sockaddr =
	    (const struct sockaddr *)&load.server.sockaddr;
	int one = 1;

	c->fd = socket(sockaddr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1 || connect(c->fd, sockaddr, load.server.len) == -1)
		err(1, "connect");
	if (sockaddr->sa_family != AF_UNIX)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(load.epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == -1)
		err(1, "epoll_ctl");
}

static void
connection_ask(struct connection *c)
{
	const struct pair *pair = &load.pairs[load.next_pair];

	load.next_pair = (load.next_pair + 1) % load.pair_count;
	if (load.connects_anew)
		connection_open(c);
	c->pair = pair;
	c->got = 0;
	if (send(c->fd, pair->request.data, pair->request.len, MSG_NOSIGNAL) !=
	    (ssize_t)pair->request.len)
		err(1, "send");
}

static void
connection_on_answer(struct connection *c)
{
	uint64_t now = now_ns();

	count_answer(c, now);
	c->pair = NULL;
	if (load.connects_anew)
		close(c->fd);
	if (now >= load.ends_ns)
		return;
	if (load.interval_ns == 0) {
		c->due_ns = now;
		connection_ask(c);
		return;
	}
	c->due_ns += load.interval_ns * load.count;
	if (c->owed > 0) {
		c->owed--;
		connection_ask(c);
	}
}

static void
connection_on_readable(struct connection *c)
{
	static char block[REPLY_MAX_BYTES];
	const struct pair *pair = c->pair;
	ssize_t len;

	len = recv(c->fd, block, sizeof(block), MSG_DONTWAIT);
	if (len == -1 && errno == EAGAIN)
		return;
	if (len == -1)
		err(1, "recv");
	if (len == 0)
		errx(1, "the server closed a connection");
	if (pair == NULL || (size_t)len > pair->reply.len - c->got ||
	    memcmp(block, pair->reply.data + c->got, (size_t)len) != 0)
		errx(1, "wrong reply: %.*s", (int)len, block);
	c->got += (size_t)len;
	if (c->got == pair->reply.len)
		connection_on_answer(c);
}

/* --------------------------------------------------------------- the loop */

/* Gives each connection in turn what is due; returns when the next one is. */
static uint64_t
send_due(uint64_t *due_ns, size_t *turn)
{
	struct connection *c;

	for (; *due_ns <= now_ns() && *due_ns < load.ends_ns;
	    *due_ns += load.interval_ns) {
		c = &load.connections[*turn];
		*turn = (*turn + 1) % load.count;
		if (c->pair != NULL)
			c->owed++;
		else
			connection_ask(c);
	}
	return *due_ns;
}

static void
wait_for_answers(uint64_t until_ns)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	uint64_t now = now_ns(), wait_ns = 0;
	struct timespec wait;
	int i, n;

	if (until_ns > now)
		wait_ns = until_ns - now;
	wait = (struct timespec){ (time_t)(wait_ns / SECOND_NS),
	    (long)(wait_ns % SECOND_NS) };
	n = epoll_pwait2(load.epoll_fd, events, EVENTS_AT_ONCE, &wait, NULL);
	if (n == -1 && errno != EINTR)
		err(1, "epoll_pwait2");
	for (i = 0; i < n; i++)
		connection_on_readable(events[i].data.ptr);
}

static void
run(void)
{
	uint64_t begin_ns = now_ns(), due_ns = begin_ns, now = begin_ns;
	bool counts = false;
	size_t i, turn = 0;

	load.counts_from_ns = begin_ns + WARM_UP_NS;
	load.ends_ns = load.counts_from_ns + load.length_ns;
	for (i = 0; i < load.count; i++) {
		load.connections[i].due_ns = begin_ns + i * load.interval_ns;
		if (load.interval_ns == 0)
			connection_ask(&load.connections[i]);
	}
	for (; now < load.ends_ns; now = now_ns()) {
		if (!counts && now >= load.counts_from_ns) {
			counts = true;
			load.cpu_s = -used_cpu_s();
		}
		wait_for_answers(load.interval_ns > 0 ?
		    send_due(&due_ns, &turn) : load.ends_ns);
		if (load.answered == 0 &&
		    now > load.counts_from_ns + SILENCE_MS * (SECOND_NS / 1000))
			errx(1, "no answers");
	}
	load.cpu_s += used_cpu_s();
}

/* --------------------------------------------------------------- begin */

/* "LENGTH:OCTETS," */
static struct text
next_netstring(struct text *rest)
{
	char *end;
	size_t len = strtoul(rest->data, &end, 10);
	struct text found = { end + 1, len };

	if (*end != ':' || len + 1 >= rest->len || found.data[len] != ',')
		errx(1, "the file of requests holds no netstrings");
	rest->len -= (size_t)(found.data + len + 1 - rest->data);
	rest->data = found.data + len + 1;
	return found;
}

static void
read_pairs(const char *path)
{
	struct buffer file;
	struct text rest;

	buffer_init(&file, FILE_MAX_BYTES);
	if (file_read(path, &file) == -1)
		err(1, "%s", path);
	rest = (struct text){ buffer_text(&file), file.len };
	while (rest.len > 0) {
		load.pairs = xreallocarray(load.pairs, load.pair_count + 1,
		    sizeof(*load.pairs));
		load.pairs[load.pair_count].request = next_netstring(&rest);
		load.pairs[load.pair_count++].reply = next_netstring(&rest);
	}
	if (load.pair_count == 0)
		errx(1, "%s: no requests", path);
}

static void
find_server(const char *word)
{
	struct endpoint_address addresses[ENDPOINT_ADDRESS_MAX];
	char error[ENDPOINT_ERROR_SIZE];
	struct endpoint endpoint;
	const char *why;
	size_t count;

	if (endpoint_parse(text_of(word), &endpoint, &why) == -1)
		errx(64, "%s: %s", word, why);
	if (endpoint_resolve(&endpoint, ENDPOINT_TO_CONNECT, addresses, &count,
	    error) == -1)
		errx(1, "%s", error);
	load.server = addresses[0];
}

static void
read_options(int argc, char **argv)
{
	double rate;
	int option;

	while ((option = getopt(argc, argv, "1c:p:r:s:")) != -1)
		switch (option) {
		case '1':
			load.connects_anew = true;
			break;
		case 'c':
			load.count = strtoul(optarg, NULL, 10);
			break;
		case 'p':
			if (load.pid_count == PIDS_MAX)
				errx(64, "too many processes");
			load.pids[load.pid_count++] =
			    (pid_t)strtol(optarg, NULL, 10);
			break;
		case 'r':
			rate = strtod(optarg, NULL);
			load.interval_ns = (uint64_t)((double)SECOND_NS / rate);
			break;
		case 's':
			load.length_ns = (uint64_t)(strtod(optarg, NULL) *
			    (double)SECOND_NS);
			break;
		default:
			exit(64);
		}
	if (argc - optind != 2 || load.count == 0 || load.length_ns == 0)
		errx(64, "usage: load [-1] [-c connections] [-r rate] "
		    "[-s seconds] [-p pid]... endpoint file");
	find_server(argv[optind]);
	read_pairs(argv[optind + 1]);
}

int
main(int argc, char **argv)
{
	struct rlimit files;
	size_t i;

	read_options(argc, argv);
	prctl(PR_SET_TIMERSLACK, 1);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (load.epoll_fd == -1)
		err(1, "epoll_create1");
	load.connections = xcalloc(load.count, sizeof(*load.connections));
	for (i = 0; i < load.count && !load.connects_anew; i++)
		connection_open(&load.connections[i]);
	run();
	print_results();
	return 0;
}
