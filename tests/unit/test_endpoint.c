/*
 * Endpoints and Redis' addresses as text, and sockets that are bound where
 * something already is.
 */

#include "shared/io/endpoint.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/redis_address.h"
#include "tests/unit/check.h"

#define LONGEST_PATH "/123456789012345678901234567890123456789012345678901234" \
	"5678901234567890123456789012345678901234567890123456"
#define LABEL "a23456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *label, *text;
	size_t len;		/* 0: strlen */
	const char *want;	/* formatted again, or why it is refused */
	bool is_good;
} rows[] = {
	{ "v4", "inet:127.0.0.1:8461", 0, "inet:127.0.0.1:8461", true },
	{ "v6", "inet:[::1]:25", 0, "inet:[::1]:25", true },
	{ "name", "inet:mx-1.example_2.org:65535", 0,
	    "inet:mx-1.example_2.org:65535", true },
	{ "all addresses", "inet::8461", 0, "inet::8461", true },
	{ "leading zeros", "inet:a:0025", 0, "inet:a:25", true },
	{ "path", "unix:/run/a b.sock", 0, "unix:/run/a b.sock", true },
	{ "longest path", "unix:" LONGEST_PATH, 0, "unix:" LONGEST_PATH,
	    true },

	{ "path too long", "unix:" LONGEST_PATH "x", 0,
	    "the path of a unix socket has at most 107 bytes", false },
	{ "relative path", "unix:run/a", 0,
	    "the path of a unix socket must begin with \"/\"", false },
	{ "no path", "unix:", 0,
	    "the path of a unix socket must begin with \"/\"", false },
	{ "NUL in a path", "unix:/a\0b", 9, "a path holds no NUL", false },
	{ "empty", "", 0, "must be inet:HOST:PORT or unix:PATH", false },
	{ "no kind", "127.0.0.1:8461", 0,
	    "must be inet:HOST:PORT or unix:PATH", false },
	{ "upper case kind", "INET:a:1", 0,
	    "must be inet:HOST:PORT or unix:PATH", false },
	{ "no port", "inet:8461", 0, "must be inet:HOST:PORT", false },
	{ "empty port", "inet:a:", 0, "the port must be 1 to 65535", false },
	{ "port 0", "inet:a:0", 0, "the port must be 1 to 65535", false },
	{ "port too large", "inet:a:65536", 0,
	    "the port must be 1 to 65535", false },
	{ "port with a sign", "inet:a:+1", 0,
	    "the port must be 1 to 65535", false },
	{ "port is a name", "inet:a:smtp", 0,
	    "the port must be 1 to 65535", false },
	{ "the milter's order", "inet:8464@127.0.0.1", 0,
	    "must be inet:HOST:PORT", false },
	{ "v6 without brackets", "inet:::1:25", 0,
	    "an IPv6 address stands in brackets", false },
	{ "v4 in brackets", "inet:[127.0.0.1]:25", 0,
	    "brackets hold an IPv6 address", false },
	{ "empty brackets", "inet:[]:25", 0,
	    "brackets hold an IPv6 address", false },
	{ "NUL in brackets", "inet:[::1\0]:25", 14,
	    "brackets hold an IPv6 address", false },
	{ "half a bracket", "inet:[a:25", 0,
	    "the host is neither a name nor an address", false },
	{ "blank in a host", "inet:a b:25", 0,
	    "the host is neither a name nor an address", false },
	{ "NUL in a host", "inet:a\0b:25", 11,
	    "the host is neither a name nor an address", false },
	{ "host too long",
	    "inet:" LABEL "." LABEL "." LABEL "." LABEL ":25", 0,
	    "the host is too long", false },
};

static const struct {
	const char *label, *text;
	size_t len;
	unsigned database;
	const char *want;
	bool is_good;
} redis_rows[] = {
	{ "socket", "unix:/run/redis.sock", 0, 0, "unix:/run/redis.sock",
	    true },
	{ "host", "redis://cache.example", 0, 0, "inet:cache.example:6379",
	    true },
	{ "port", "redis://127.0.0.1:6380", 0, 0, "inet:127.0.0.1:6380",
	    true },
	{ "database", "redis://cache.example/3", 0, 3,
	    "inet:cache.example:6379", true },
	{ "port and database", "redis://cache.example:1/65535", 0, 65535,
	    "inet:cache.example:1", true },
	{ "final slash", "redis://cache.example/", 0, 0,
	    "inet:cache.example:6379", true },
	{ "v6", "redis://[::1]", 0, 0, "inet:[::1]:6379", true },
	{ "v6 and port", "redis://[::1]:6380/1", 0, 1, "inet:[::1]:6380",
	    true },

	{ "neither", "localhost:6379", 0, 0,
	    "must be unix:PATH or redis://HOST:PORT", false },
	{ "TLS is not yet here", "rediss://cache.example", 0, 0,
	    "must be unix:PATH or redis://HOST:PORT", false },
	{ "no host", "redis://", 0, 0, "the host is missing", false },
	{ "no host but a port", "redis://:6379", 0, 0, "the host is missing",
	    false },
	{ "no host but a database", "redis:///1", 0, 0,
	    "the host is missing", false },
	{ "password inside", "redis://u:p@cache.example", 0, 0,
	    "user and password stand in redis_user and redis_password_file",
	    false },
	{ "NUL", "redis://a\0b", 11, 0,
	    "the host is neither a name nor an address", false },
	{ "bad port", "redis://a:0", 0, 0, "the port must be 1 to 65535",
	    false },
	{ "bad database", "redis://a/x", 0, 0,
	    "the database must be 0 to 65535", false },
	{ "database too large", "redis://a/65536", 0, 0,
	    "the database must be 0 to 65535", false },
	{ "path behind the database", "redis://a/1/2", 0, 0,
	    "the database must be 0 to 65535", false },
	{ "bad path", "unix:a", 0, 0,
	    "the path of a unix socket must begin with \"/\"", false },
	{ "host too long", "redis://" LABEL "." LABEL "." LABEL "." LABEL "."
	    LABEL, 0, 0, "the host is too long", false },
};

static void
test_parse(void)
{
	char text[ENDPOINT_TEXT_SIZE], *exact;
	struct endpoint e;
	const char *why;
	size_t i, len;
	int result;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = rows[i].len > 0 ? rows[i].len : strlen(rows[i].text);
		exact = check_exact(rows[i].text, len);
		why = "";
		result = endpoint_parse((struct text){ exact, len }, &e, &why);
		check_bool(rows[i].label, result == 0, rows[i].is_good);
		check_text(rows[i].label, result == 0 ?
		    endpoint_format(&e, text) : why, rows[i].want);
		free(exact);
	}
}

static void
test_redis_address(void)
{
	char text[ENDPOINT_TEXT_SIZE], *exact;
	struct redis_address a;
	const char *why;
	size_t i, len;
	int result;

	for (i = 0; i < sizeof(redis_rows) / sizeof(redis_rows[0]); i++) {
		len = redis_rows[i].len > 0 ? redis_rows[i].len :
		    strlen(redis_rows[i].text);
		exact = check_exact(redis_rows[i].text, len);
		why = "";
		result = redis_address_parse((struct text){ exact, len }, &a,
		    &why);
		check_bool(redis_rows[i].label, result == 0,
		    redis_rows[i].is_good);
		check_text(redis_rows[i].label, result == 0 ?
		    endpoint_format(&a.endpoint, text) : why,
		    redis_rows[i].want);
		if (result == 0)
			check_int(redis_rows[i].label, a.database,
			    redis_rows[i].database);
		free(exact);
	}
}

static void
test_list(void)
{
	struct endpoint list[2];
	char text[ENDPOINT_TEXT_SIZE];
	const char *why = "";
	size_t count = 7;

	check_int("empty list", endpoint_parse_list(text_of(" ,\t"), list, 2,
	    &count, &why), 0);
	check_int("empty list", (int64_t)count, 0);
	check_int("two", endpoint_parse_list(text_of(
	    ",inet:a:1 ,\tunix:/b,"), list, 2, &count, &why), 0);
	check_int("two", (int64_t)count, 2);
	check_text("first", endpoint_format(&list[0], text), "inet:a:1");
	check_text("second", endpoint_format(&list[1], text), "unix:/b");
	check_bool("not equal", endpoint_equals(&list[0], &list[1]), false);
	check_bool("equal", endpoint_equals(&list[1], &list[1]), true);
	check_int("three", endpoint_parse_list(text_of(
	    "inet:a:1 inet:b:1 inet:c:1"), list, 2, &count, &why), -1);
	check_text("three", why, "too many endpoints");
	check_int("one is bad", endpoint_parse_list(text_of("inet:a:1 b"),
	    list, 2, &count, &why), -1);
	check_text("one is bad", why, "must be inet:HOST:PORT or unix:PATH");
}

/* --------------------------------------------------------------- sockets */

static char folder[] = "/tmp/hopseal-test-endpoint-XXXXXX";

static struct endpoint
unix_endpoint(const char *name)
{
	struct endpoint e = { .kind = ENDPOINT_UNIX };

	snprintf(e.path, sizeof(e.path), "%s/%s", folder, name);
	return e;
}

static const struct endpoint_access access_all = { 0600, (uid_t)-1,
    (gid_t)-1 };

static void
close_all(const int *fds, size_t count)
{
	while (count > 0)
		close(fds[--count]);
}

static bool
can_connect(const struct endpoint *e, int type)
{
	struct endpoint_address addresses[ENDPOINT_ADDRESS_MAX];
	struct pollfd arrival = { .events = POLLOUT };
	char error[ENDPOINT_ERROR_SIZE];
	socklen_t len = sizeof(int);
	size_t count;
	int reason = -1;

	if (endpoint_resolve(e, ENDPOINT_TO_CONNECT, addresses, &count,
	    error) == -1)
		return false;
	arrival.fd = endpoint_connect(&addresses[0], type);
	if (arrival.fd == -1)
		return false;
	if (poll(&arrival, 1, 2000) == 1)
		getsockopt(arrival.fd, SOL_SOCKET, SO_ERROR, &reason, &len);
	close(arrival.fd);
	return reason == 0;
}

static void
test_unix(void)
{
	struct endpoint e = unix_endpoint("s");
	struct endpoint_access access = { 0640, (uid_t)-1, (gid_t)-1 };
	char error[ENDPOINT_ERROR_SIZE], want[ENDPOINT_ERROR_SIZE];
	char name[ENDPOINT_TEXT_SIZE];
	int fds[ENDPOINT_ADDRESS_MAX], others[ENDPOINT_ADDRESS_MAX], file;
	size_t count, other_count;
	struct stat st;
	mode_t mask;

	endpoint_format(&e, name);
	if (geteuid() == 0) {
		access.uid = 12345;
		access.gid = 54321;
	}
	check_int("bind", endpoint_bind(&e, SOCK_STREAM, &access, fds, &count,
	    error), 0);
	check_int("one socket", (int64_t)count, 1);
	mask = umask(022);
	umask(mask);
	check_bool("umask is back", mask != 0777, true);
	check_int("node", lstat(e.path, &st), 0);
	check_int("mode", st.st_mode & 07777, 0640);
	if (geteuid() == 0) {
		check_int("owner", st.st_uid, 12345);
		check_int("group", st.st_gid, 54321);
	}
	check_bool("not blocking", fcntl(fds[0], F_GETFL) & O_NONBLOCK, true);
	check_bool("close on exec", fcntl(fds[0], F_GETFD) & FD_CLOEXEC, true);
	check_bool("listens", can_connect(&e, SOCK_STREAM), true);

	snprintf(want, sizeof(want), "%s: Address already in use", name);
	check_int("a living one stays", endpoint_bind(&e, SOCK_STREAM,
	    &access_all, others, &other_count, error), -1);
	check_text("a living one stays", error, want);
	check_int("of another type, too", endpoint_bind(&e, SOCK_DGRAM,
	    &access_all, others, &other_count, error), -1);
	check_bool("it still answers", can_connect(&e, SOCK_STREAM), true);
	close_all(fds, count);

	check_bool("nobody listens", can_connect(&e, SOCK_STREAM), false);
	check_int("a stale one is replaced", endpoint_bind(&e, SOCK_DGRAM,
	    &access_all, fds, &count, error), 0);
	check_bool("datagrams", can_connect(&e, SOCK_DGRAM), true);
	close_all(fds, count);
	unlink(e.path);

	file = open(e.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(file);
	check_int("a file stays", endpoint_bind(&e, SOCK_STREAM, &access_all,
	    fds, &count, error), -1);
	check_text("a file stays", error, want);
	check_int("it is still there", lstat(e.path, &st), 0);
	unlink(e.path);

	check_int("symbolic link", symlink("/nowhere/at/all", e.path), 0);
	check_int("a link stays", endpoint_bind(&e, SOCK_STREAM, &access_all,
	    fds, &count, error), -1);
	check_int("it is still there", lstat(e.path, &st), 0);
	unlink(e.path);

	e = unix_endpoint("missing/s");
	check_int("no folder", endpoint_bind(&e, SOCK_STREAM, &access_all,
	    fds, &count, error), -1);
	check_contains("no folder", error, "s: No such file or directory");
}

/* A port that was free a moment ago. */
static uint16_t
free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) == -1)
		abort();
	close(fd);
	return ntohs(in.sin_port);
}

static void
test_inet(void)
{
	struct endpoint e = { ENDPOINT_INET, "127.0.0.1", free_port(), "" };
	char error[ENDPOINT_ERROR_SIZE], want[ENDPOINT_ERROR_SIZE];
	int fds[ENDPOINT_ADDRESS_MAX], others[ENDPOINT_ADDRESS_MAX];
	size_t count, other_count;

	check_int("bind", endpoint_bind(&e, SOCK_STREAM, &access_all, fds,
	    &count, error), 0);
	check_int("one", (int64_t)count, 1);
	check_bool("listens", can_connect(&e, SOCK_STREAM), true);
	check_int("taken", endpoint_bind(&e, SOCK_STREAM, &access_all, others,
	    &other_count, error), -1);
	snprintf(want, sizeof(want), "inet:127.0.0.1:%u: Address already in "
	    "use", (unsigned)e.port);
	check_text("taken", error, want);
	close_all(fds, count);

	e.host[0] = '\0';
	check_int("all addresses", endpoint_bind(&e, SOCK_STREAM, &access_all,
	    fds, &count, error), 0);
	check_bool("v4, v6 or both", count == 1 || count == 2, true);
	snprintf(e.host, sizeof(e.host), "127.0.0.1");
	check_bool("v4 listens", can_connect(&e, SOCK_STREAM), true);
	close_all(fds, count);
	check_bool("nobody", can_connect(&e, SOCK_STREAM), false);

	snprintf(e.host, sizeof(e.host), "localhost");
	check_int("a name", endpoint_bind(&e, SOCK_STREAM, &access_all, fds,
	    &count, error), 0);
	close_all(fds, count);

	snprintf(e.host, sizeof(e.host), "192.0.2.1");
	check_int("not our address", endpoint_bind(&e, SOCK_STREAM,
	    &access_all, fds, &count, error), -1);
	check_contains("not our address", error,
	    ": Cannot assign requested address");
}

int
main(void)
{
	test_parse();
	test_list();
	test_redis_address();
	if (mkdtemp(folder) == NULL)
		abort();
	test_unix();
	test_inet();
	rmdir(folder);
	return check_end();
}
