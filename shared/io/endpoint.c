/*
 * Endpoints: the text form of the options, and the sockets behind it.  What is
 * said over them is nobody's business here.
 */

#include "shared/io/endpoint.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOST_OCTETS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789.-_"

/* ------------------------------------------------------------------ text */

static int
parse_path(struct text t, struct endpoint *e, const char **why)
{
	if (t.len == 0 || t.data[0] != '/') {
		*why = "the path of a unix socket must begin with \"/\"";
		return -1;
	}
	if (t.len >= sizeof(e->path)) {
		*why = "the path of a unix socket has at most 107 bytes";
		return -1;
	}
	if (memchr(t.data, '\0', t.len) != NULL) {
		*why = "a path holds no NUL";
		return -1;
	}
	memcpy(e->path, t.data, t.len);
	return 0;
}

/* The host before its colon, or "[v6]". */
static int
parse_host(struct text t, struct endpoint *e, const char **why)
{
	struct in6_addr v6;
	bool is_bracketed;

	is_bracketed = t.len >= 2 && t.data[0] == '[' &&
	    t.data[t.len - 1] == ']';
	if (is_bracketed)
		t = (struct text){ t.data + 1, t.len - 2 };
	if (t.len >= sizeof(e->host)) {
		*why = "the host is too long";
		return -1;
	}
	if (t.len > 0)
		memcpy(e->host, t.data, t.len);
	if (is_bracketed) {
		if (strlen(e->host) == t.len &&
		    inet_pton(AF_INET6, e->host, &v6) == 1)
			return 0;
		*why = "brackets hold an IPv6 address";
		return -1;
	}
	if (memchr(e->host, ':', t.len) != NULL) {
		*why = "an IPv6 address stands in brackets";
		return -1;
	}
	if (strspn(e->host, HOST_OCTETS) != t.len) {
		*why = "the host is neither a name nor an address";
		return -1;
	}
	return 0;
}

static int
parse_inet(struct text t, struct endpoint *e, const char **why)
{
	const char *colon;
	struct text port;
	uint64_t number;

	colon = memrchr(t.data, ':', t.len);
	if (colon == NULL) {
		*why = "must be inet:HOST:PORT";
		return -1;
	}
	port.data = colon + 1;
	port.len = (size_t)(t.data + t.len - port.data);
	if (!text_parse_u64(port, 65535, &number) || number == 0) {
		*why = "the port must be 1 to 65535";
		return -1;
	}
	e->port = (uint16_t)number;
	return parse_host((struct text){ t.data, (size_t)(colon - t.data) }, e,
	    why);
}

int
endpoint_parse(struct text t, struct endpoint *out, const char **why)
{
	struct endpoint e = { .kind = ENDPOINT_INET };
	int result;

	if (text_starts_with(t, "unix:")) {
		e.kind = ENDPOINT_UNIX;
		result = parse_path((struct text){ t.data + 5, t.len - 5 }, &e,
		    why);
	} else if (text_starts_with(t, "inet:")) {
		result = parse_inet((struct text){ t.data + 5, t.len - 5 }, &e,
		    why);
	} else {
		*why = "must be inet:HOST:PORT or unix:PATH";
		result = -1;
	}
	if (result == 0)
		*out = e;
	return result;
}

static bool
is_separator(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

/* Cuts the next item of a list from *rest; false when none is left. */
static bool
next_item(struct text *rest, struct text *item)
{
	size_t i = 0, start;

	while (i < rest->len && is_separator(rest->data[i]))
		i++;
	start = i;
	while (i < rest->len && !is_separator(rest->data[i]))
		i++;
	*item = (struct text){ rest->data + start, i - start };
	*rest = (struct text){ rest->data + i, rest->len - i };
	return item->len > 0;
}

int
endpoint_parse_list(struct text t, struct endpoint *out, size_t max,
    size_t *count, const char **why)
{
	struct text item;
	size_t n = 0;

	while (next_item(&t, &item)) {
		if (n == max) {
			*why = "too many endpoints";
			return -1;
		}
		if (endpoint_parse(item, &out[n], why) == -1)
			return -1;
		n++;
	}
	*count = n;
	return 0;
}

bool
endpoint_equals(const struct endpoint *a, const struct endpoint *b)
{
	return a->kind == b->kind && a->port == b->port &&
	    strcmp(a->host, b->host) == 0 && strcmp(a->path, b->path) == 0;
}

char *
endpoint_format(const struct endpoint *e, char out[ENDPOINT_TEXT_SIZE])
{
	bool is_v6 = strchr(e->host, ':') != NULL;

	if (e->kind == ENDPOINT_UNIX)
		snprintf(out, ENDPOINT_TEXT_SIZE, "unix:%s", e->path);
	else
		snprintf(out, ENDPOINT_TEXT_SIZE, "inet:%s%s%s:%u",
		    is_v6 ? "[" : "", e->host, is_v6 ? "]" : "",
		    (unsigned)e->port);
	return out;
}

/* --------------------------------------------------------------- sockets */

static int
fail(const struct endpoint *e, const char *reason,
    char error[ENDPOINT_ERROR_SIZE])
{
	char name[ENDPOINT_TEXT_SIZE];

	snprintf(error, ENDPOINT_ERROR_SIZE, "%s: %s",
	    endpoint_format(e, name), reason);
	return -1;
}

static void
unix_address(const struct endpoint *e, struct endpoint_address *out)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memcpy(un.sun_path, e->path, sizeof(e->path));
	memset(out, 0, sizeof(*out));
	memcpy(&out->sockaddr, &un, sizeof(un));
	out->len = sizeof(un);
}

int
endpoint_resolve(const struct endpoint *e, enum endpoint_use use,
    struct endpoint_address out[ENDPOINT_ADDRESS_MAX], size_t *count,
    char error[ENDPOINT_ERROR_SIZE])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *ai;
	const char *host = e->host[0] != '\0' ? e->host : NULL;
	char port[8];
	size_t n = 0;
	int code;

	if (e->kind == ENDPOINT_UNIX) {
		unix_address(e, &out[0]);
		*count = 1;
		return 0;
	}
	snprintf(port, sizeof(port), "%u", (unsigned)e->port);
	hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST;
	if (use == ENDPOINT_TO_BIND)
		hints.ai_flags |= AI_PASSIVE;
	code = getaddrinfo(host, port, &hints, &list);
	if (code == EAI_NONAME) {
		hints.ai_flags &= ~AI_NUMERICHOST;
		code = getaddrinfo(host, port, &hints, &list);
	}
	if (code != 0)
		return fail(e, code == EAI_SYSTEM ? strerror(errno) :
		    gai_strerror(code), error);
	for (ai = list; ai != NULL && n < ENDPOINT_ADDRESS_MAX;
	    ai = ai->ai_next, n++) {
		memset(&out[n], 0, sizeof(out[n]));
		memcpy(&out[n].sockaddr, ai->ai_addr, ai->ai_addrlen);
		out[n].len = ai->ai_addrlen;
	}
	freeaddrinfo(list);
	*count = n;
	return 0;
}

static int
open_socket(const struct endpoint_address *a, int type)
{
	return socket(a->sockaddr.ss_family,
	    type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int
endpoint_connect(const struct endpoint_address *address, int type)
{
	int fd, on = 1, saved;

	fd = open_socket(address, type);
	if (fd == -1)
		return -1;
	if (address->sockaddr.ss_family != AF_UNIX && type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&address->sockaddr,
	    address->len) == -1 && errno != EINPROGRESS) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* True when path is a socket that nobody listens on any more. */
static bool
is_stale(const struct endpoint_address *a, const char *path, int type)
{
	struct stat st;
	bool is_refused;
	int fd;

	if (lstat(path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	fd = open_socket(a, type);
	if (fd == -1)
		return false;
	is_refused = connect(fd, (const struct sockaddr *)&a->sockaddr,
	    a->len) == -1 && errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

/*
 * The node is born without any permission and gets its own only when its owner
 * is right, so that nobody slips in between.
 */
static int
bind_unix(int fd, const struct endpoint_address *a, const char *path, int type,
    const struct endpoint_access *access)
{
	mode_t mask;
	int result, saved;

	mask = umask(0777);
	result = bind(fd, (const struct sockaddr *)&a->sockaddr, a->len);
	if (result == -1 && errno == EADDRINUSE) {
		if (is_stale(a, path, type) && unlink(path) == 0)
			result = bind(fd,
			    (const struct sockaddr *)&a->sockaddr, a->len);
		else
			errno = EADDRINUSE;
	}
	saved = errno;
	umask(mask);
	errno = saved;
	if (result == -1)
		return -1;
	if (lchown(path, access->uid, access->gid) == -1 ||
	    chmod(path, access->mode) == -1) {
		saved = errno;
		unlink(path);
		errno = saved;
		return -1;
	}
	return 0;
}

static int
bind_inet(int fd, const struct endpoint_address *a)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return -1;
	if (a->sockaddr.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) == -1)
		return -1;
	return bind(fd, (const struct sockaddr *)&a->sockaddr, a->len);
}

/* A bound socket, or -1 with errno. */
static int
bind_one(const struct endpoint *e, const struct endpoint_address *a, int type,
    const struct endpoint_access *access)
{
	int fd, result, saved;

	fd = open_socket(a, type);
	if (fd == -1)
		return -1;
	if (e->kind == ENDPOINT_UNIX)
		result = bind_unix(fd, a, e->path, type, access);
	else
		result = bind_inet(fd, a);
	if (result == 0 && type == SOCK_STREAM)
		result = listen(fd, SOMAXCONN);
	if (result == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
endpoint_bind(const struct endpoint *e, int type,
    const struct endpoint_access *access, int fds[ENDPOINT_ADDRESS_MAX],
    size_t *count, char error[ENDPOINT_ERROR_SIZE])
{
	struct endpoint_address addresses[ENDPOINT_ADDRESS_MAX];
	size_t address_count, i, n = 0;
	int reason = 0;

	if (endpoint_resolve(e, ENDPOINT_TO_BIND, addresses, &address_count,
	    error) == -1)
		return -1;
	for (i = 0; i < address_count; i++) {
		fds[n] = bind_one(e, &addresses[i], type, access);
		if (fds[n] != -1) {
			n++;
			continue;
		}
		reason = errno;
		if (reason != EAFNOSUPPORT && reason != EADDRNOTAVAIL)
			break;
	}
	if (n > 0 && i == address_count) {
		*count = n;
		return 0;
	}
	while (n > 0)
		close(fds[--n]);
	return fail(e, strerror(reason), error);
}
