/*
 * The service manager's side of a daemon.
 */

#include "policyd/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/text.h"

#define LISTEN_FDS_START 3

void
service_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len;
	int fd;

	if (path == NULL)
		return;
	len = strlen(path);
	if (len == 0 || len >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	    (struct sockaddr *)&address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

static uint64_t
environment_number(const char *name)
{
	const char *value = getenv(name);
	uint64_t number = 0;

	if (value != NULL)
		text_parse_u64(text_of(value), UINT32_MAX, &number);
	return number;
}

unsigned
service_watchdog_ms(void)
{
	uint64_t pid = environment_number("WATCHDOG_PID");

	if (pid != 0 && pid != (uint64_t)getpid())
		return 0;
	return (unsigned)(environment_number("WATCHDOG_USEC") / 2000);
}

size_t
service_take_fds(const char *name, int *fds, size_t max)
{
	const char *names = getenv("LISTEN_FDNAMES");
	struct text rest, word;
	size_t taken = 0;
	uint64_t count, i;
	int fd;

	if (names == NULL ||
	    environment_number("LISTEN_PID") != (uint64_t)getpid())
		return 0;
	count = environment_number("LISTEN_FDS");
	rest = text_of(names);
	for (i = 0; i < count && text_next_field(&rest, ':', &word); i++) {
		fd = LISTEN_FDS_START + (int)i;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		if (!text_equals(word, name) || taken == max)
			continue;
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		fds[taken++] = fd;
	}
	return taken;
}
