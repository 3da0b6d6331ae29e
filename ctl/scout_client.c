/*
 * A scout of our own.  Its channels are read by poll: what it says as a child
 * (ticks) is passed over, errors that it logs go to standard error.
 */

#include "ctl/scout_client.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/postconf.h"
#include "shared/io/account.h"
#include "shared/io/clock.h"
#include "shared/io/config.h"
#include "shared/io/file.h"
#include "shared/pack.h"
#include "shared/settings_message.h"
#include "shared/xalloc.h"

#define DEFAULT_CONFIG	HOPSEAL_SYSCONFDIR "/hopseal.conf"
#define CONFIG_MAX_BYTES (1024 * 1024)
#define SCOUT_FD	3	/* where it finds its parent */
#define READ_BYTES	65536
#define IN_MAX_BYTES	(FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX + READ_BYTES)
#define LEAVE_MS	1000
#define RESOLVER_MS	6000	/* for its check */

/* Our end of a channel; what was given out is dropped at the next read. */
struct end {
	int		fd;
	struct buffer	in;
	size_t		used;
};

enum { END_PARENT, END_CLERK, END_FRONT, END_COUNT };

struct scout_client {
	pid_t		 pid;
	struct end	 ends[END_COUNT];
	unsigned	 log_level;	/* what of its log is shown */
	uint64_t	 block_count;
	bool		 has_resolver, is_validating;
	enum scout_client_result resolver_result;
};

/* ----------------------------------------------------------------- settings */

/* For a child that needs no rules and may know no secrets. */
static void
format_settings(const struct config *config, const char *path,
    const char *text, const char *overrides, struct buffer *out)
{
	struct settings_message m = { .generation = 1,
	    .config_path = text_of(path), .config_text = text_of(text),
	    .overrides = text_of(overrides), .rules = text_of("") };
	struct buffer site;

	buffer_init(&site, 256 * 1024);
	postconf_read(config->postfix_config_dir, &site);
	m.site = text_of(buffer_text(&site));
	settings_message_format(&m, out);
	buffer_clear(&site);
}

static void
join_overrides(const struct ctl_options *options, const char *extra,
    struct buffer *out)
{
	size_t i;

	buffer_add_text(out, extra);
	for (i = 0; i < options->override_count; i++)
		buffer_addf(out, "%s\n", options->overrides[i]);
}

/* 0 with config and settings' payload, or -1 when all has been said. */
static int
read_settings(struct config *config, const struct ctl_options *options,
    const char *extra, struct buffer *payload, enum ctl_exit *status)
{
	const char *path = options->config_path != NULL ?
	    options->config_path : DEFAULT_CONFIG;
	struct buffer text, overrides, errors;
	struct text rest, line;
	int result = 0;

	*status = CTL_UNKNOWN;
	buffer_init(&text, CONFIG_MAX_BYTES);
	buffer_init(&overrides, CONFIG_MAX_BYTES);
	buffer_init(&errors, 65536);
	if (file_read(path, &text) == -1 &&
	    (options->config_path != NULL || errno != ENOENT)) {
		buffer_addf(&errors, "%s: %s\n", path, strerror(errno));
		result = -1;
	} else
		result = config_parse(config, path,
		    text_of(buffer_text(&text)), &errors);
	join_overrides(options, extra, &overrides);
	rest = text_of(buffer_text(&overrides));
	while (text_next_line(&rest, &line))
		if (config_set(config, line, &errors) == -1) {
			*status = CTL_USAGE;
			result = -1;
		}
	if (result == 0)
		format_settings(config, path, buffer_text(&text),
		    buffer_text(&overrides), payload);
	rest = text_of(buffer_text(&errors));
	while (text_next_line(&rest, &line))
		ctl_complain("%.*s", (int)line.len, line.data);
	buffer_clear(&text);
	buffer_clear(&overrides);
	buffer_clear(&errors);
	return result;
}

/* ------------------------------------------------------------------ frames */

static void
send_all(int fd, struct msghdr *message, size_t len)
{
	struct iovec *piece = message->msg_iov;
	ssize_t sent;

	while (len > 0) {
		sent = sendmsg(fd, message, MSG_NOSIGNAL);
		if (sent == -1 && errno == EINTR)
			continue;
		if (sent <= 0)
			return;		/* reading finds out that it is gone */
		piece->iov_base = (char *)piece->iov_base + sent;
		piece->iov_len -= (size_t)sent;
		len -= (size_t)sent;
		message->msg_control = NULL;
		message->msg_controllen = 0;
	}
}

/* passed is a descriptor to go with the frame, or -1. */
static void
send_frame(int fd, uint8_t type, uint64_t number, struct text payload,
    int passed)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct buffer frame;
	struct iovec piece;
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	struct cmsghdr *header;

	buffer_init(&frame, FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX);
	frame_format(&frame, passed == -1 ? type : type | MESSAGE_HAS_FD,
	    number, payload);
	piece = (struct iovec){ frame.data, frame.len };
	if (passed != -1) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &passed, sizeof(int));
	}
	send_all(fd, &message, frame.len);
	buffer_clear(&frame);
}

/* True with the next whole frame of what was read. */
static bool
end_next(struct end *end, struct frame *out)
{
	const char *why;
	size_t used;

	buffer_drain(&end->in, end->used);
	end->used = 0;
	if (frame_parse(end->in.data, end->in.len, out, &used, &why) !=
	    FRAME_DONE)
		return false;
	end->used = used;
	return true;
}

/* False when the other side is gone. */
static bool
end_read(struct end *end)
{
	char block[READ_BYTES];
	ssize_t len = recv(end->fd, block, sizeof(block), MSG_DONTWAIT);

	if (len == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (len <= 0)
		return false;
	buffer_add(&end->in, block, (size_t)len);
	return true;
}

static void
show_log(const struct scout_client *c, const struct frame *frame)
{
	struct unpack u;
	struct text line;
	unsigned level;

	unpack_init(&u, frame->payload.data, frame->payload.len);
	level = unpack_u8(&u);
	unpack_u32(&u);
	line = unpack_text(&u);
	if (frame->type == MESSAGE_LOG && unpack_is_done(&u) &&
	    level <= c->log_level)
		fprintf(stderr, "hopseal: scout: %.*s\n", (int)line.len,
		    line.data);
}

enum scout_client_result
scout_client_next(struct scout_client *c, int64_t deadline_ms,
    struct frame *out)
{
	struct pollfd polled[END_COUNT];
	struct frame frame;
	int64_t left;
	int i;

	for (;;) {
		while (end_next(&c->ends[END_PARENT], &frame))
			;
		while (end_next(&c->ends[END_CLERK], &frame))
			show_log(c, &frame);
		if (end_next(&c->ends[END_FRONT], out))
			return SCOUT_CLIENT_FRAME;
		left = deadline_ms - clock_monotonic_ms();
		if (left <= 0)
			return SCOUT_CLIENT_LATE;
		for (i = 0; i < END_COUNT; i++)
			polled[i] = (struct pollfd){ .fd = c->ends[i].fd,
			    .events = POLLIN };
		if (poll(polled, END_COUNT, (int)left) == -1)
			continue;
		for (i = 0; i < END_COUNT; i++)
			if (polled[i].revents != 0 && !end_read(&c->ends[i]))
				return SCOUT_CLIENT_GONE;
	}
}

void
scout_client_ask(struct scout_client *c, enum message_type type,
    uint64_t number, const struct buffer *payload)
{
	send_frame(c->ends[END_FRONT].fd, (uint8_t)type, number,
	    (struct text){ buffer_text(payload), payload->len }, -1);
}

/* -------------------------------------------------------------- the process */

/* Beside this program, as in a folder of builds, or where it is installed. */
static int
open_scout(const char *path)
{
	char beside[PATH_MAX + sizeof("/hopseal-scout")];
	ssize_t len;
	int fd = -1;

	if (path[0] != '\0')
		return open(path, O_RDONLY | O_CLOEXEC);
	len = readlink("/proc/self/exe", beside, PATH_MAX);
	if (len > 0) {
		beside[len] = '\0';
		strcpy(strrchr(beside, '/'), "/hopseal-scout");
		fd = open(beside, O_RDONLY | O_CLOEXEC);
	}
	return fd != -1 ? fd : open(HOPSEAL_LIBEXECDIR "/hopseal-scout",
	    O_RDONLY | O_CLOEXEC);
}

/* Only root can become another; without the account it stays what it is. */
static bool
find_account(const char *name, struct account *out)
{
	struct buffer errors;
	int result = -1;

	if (geteuid() != 0)
		return false;
	buffer_init(&errors, 4096);
	result = account_find("scout_user", name, out, &errors);
	if (result == -1)
		ctl_complain("the scout runs as root: %.*s",
		    (int)strcspn(buffer_text(&errors), "\n"),
		    buffer_text(&errors));
	buffer_clear(&errors);
	return result == 0;
}

static _Noreturn void
exec_scout(int program, int parent, const struct account *account)
{
	static char name[] = "hopseal-scout";
	char *arguments[] = { name, NULL };
	extern char **environ;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (account != NULL && account_become(account) == -1)
		_exit(126);
	if (parent == SCOUT_FD)
		fcntl(parent, F_SETFD, 0);
	else if (program == SCOUT_FD)
		program = fcntl(program, F_DUPFD_CLOEXEC, SCOUT_FD + 1);
	if (parent != SCOUT_FD)
		dup2(parent, SCOUT_FD);
	fexecve(program, arguments, environ);
	_exit(127);
}

/* Our end stays here, the other one is the caller's. */
static int
end_open(struct end *end)
{
	int fds[2];

	buffer_init(&end->in, IN_MAX_BYTES);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1) {
		ctl_complain("no socket: %s", strerror(errno));
		exit(CTL_UNKNOWN);
	}
	end->fd = fds[0];
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	return fds[1];
}

static void
introduce(struct scout_client *c, int end, enum role role)
{
	int fd = end_open(&c->ends[end]);

	send_frame(c->ends[END_PARENT].fd, MESSAGE_PEER, role, text_of(""),
	    fd);
	close(fd);
}

struct scout_client *
scout_client_start(const struct ctl_options *options,
    const char *extra_overrides, enum ctl_exit *status)
{
	struct config *config = config_new();
	struct scout_client *c = NULL;
	struct account account;
	struct buffer settings;
	int program = -1, fd;
	bool has_account;

	buffer_init(&settings, FRAME_PAYLOAD_MAX);
	if (read_settings(config, options, extra_overrides, &settings,
	    status) == -1)
		goto out;
	program = open_scout(config->scout_program);
	if (program == -1) {
		ctl_complain("hopseal-scout cannot be opened: %s; is it "
		    "installed, or named by scout_program?", strerror(errno));
		goto out;
	}
	has_account = find_account(config->scout_user, &account);
	c = xcalloc(1, sizeof(*c));
	c->log_level = config->log_level == CONFIG_LOG_DEBUG ?
	    CONFIG_LOG_DEBUG : CONFIG_LOG_ERROR;
	fd = end_open(&c->ends[END_PARENT]);
	c->pid = fork();
	if (c->pid == 0)
		exec_scout(program, fd, has_account ? &account : NULL);
	close(fd);
	send_frame(c->ends[END_PARENT].fd, MESSAGE_SETTINGS, 0,
	    (struct text){ settings.data, settings.len }, -1);
	introduce(c, END_CLERK, ROLE_CLERK);
	introduce(c, END_FRONT, ROLE_FRONT);
out:
	if (program != -1)
		close(program);
	buffer_clear(&settings);
	config_free(config);
	return c;
}

/* It leaves at once; if not, it is ended. */
void
scout_client_stop(struct scout_client *c)
{
	int64_t deadline = clock_monotonic_ms() + LEAVE_MS;
	int i;

	if (c == NULL)
		return;
	send_frame(c->ends[END_PARENT].fd, MESSAGE_LEAVE, 0, text_of(""), -1);
	for (i = 0; i < END_COUNT; i++) {
		close(c->ends[i].fd);
		buffer_clear(&c->ends[i].in);
	}
	while (c->pid > 0 && waitpid(c->pid, NULL, WNOHANG) == 0) {
		if (clock_monotonic_ms() > deadline)
			kill(c->pid, SIGKILL);
		poll(NULL, 0, 5);
	}
	free(c);
}

enum scout_client_result
scout_client_next_resolver(struct scout_client *client,
    struct scout_resolver *out)
{
	int64_t deadline = clock_monotonic_ms() + RESOLVER_MS;
	enum scout_client_result result;
	struct frame frame;

	do
		result = scout_client_next(client, deadline, &frame);
	while (result == SCOUT_CLIENT_FRAME &&
	    (frame.type != MESSAGE_RESOLVER ||
	    !scout_resolver_parse(frame.payload, out)));
	return result;
}

enum scout_client_result
scout_client_validates(struct scout_client *client, bool *out)
{
	struct scout_resolver m;

	if (!client->has_resolver) {
		client->has_resolver = true;
		client->resolver_result = scout_client_next_resolver(client,
		    &m);
		client->is_validating = client->resolver_result ==
		    SCOUT_CLIENT_FRAME && m.validates == SCOUT_CHECK_YES;
	}
	*out = client->is_validating;
	return client->resolver_result;
}

uint64_t
scout_client_numbers(struct scout_client *client)
{
	return client->block_count++ * SCOUT_CLIENT_BLOCK;
}
