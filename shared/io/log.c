/*
 * Log lines, and the three places where they go.  Writing never waits: a line
 * that the journal, syslog or stderr cannot take at once is dropped and
 * counted, and the count is told as soon as a line gets through again.
 */

#include "shared/io/log.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#ifndef JOURNAL_PATH		/* the test brings its own */
#define JOURNAL_PATH	"/run/systemd/journal/socket"
#define SYSLOG_PATH	"/dev/log"
#endif

#define PROGRAM_MAX	32
#define RECORD_SIZE	(LOG_LINE_MAX + 256)	/* a line with all around it */

static struct {
	char			 program[PROGRAM_MAX];
	enum config_log_target	 target;	/* never AUTO */
	enum config_log_level	 level;
	int			 fd;		/* journal or syslog, or -1 */
	unsigned long		 lost;		/* since the last written line */
	log_sink		*sink;
	void			*sink_arg;
} state = {
	.program = "hopseal", .target = CONFIG_LOG_STDERR,
	.level = CONFIG_LOG_INFO, .fd = -1
};

/* As Postfix begins its own. */
static const char *const words[] = {
	[CONFIG_LOG_ERROR] = "error: ", [CONFIG_LOG_WARN] = "warning: ",
	[CONFIG_LOG_INFO] = "", [CONFIG_LOG_DEBUG] = "",
};
static const int priorities[] = {
	[CONFIG_LOG_ERROR] = LOG_ERR, [CONFIG_LOG_WARN] = LOG_WARNING,
	[CONFIG_LOG_INFO] = LOG_INFO, [CONFIG_LOG_DEBUG] = LOG_DEBUG,
};

/* ---------------------------------------------------------------- places */

static int
connect_socket(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	return connect(state.fd, (const struct sockaddr *)&un, sizeof(un));
}

/*
 * One datagram.  A log daemon that was restarted has a new socket at the old
 * path, so a failure is answered by connecting once more; a full queue is not.
 */
static bool
send_record(const char *path, const char *record, size_t len)
{
	if (send(state.fd, record, len, MSG_DONTWAIT | MSG_NOSIGNAL) != -1)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS || connect_socket(path) == -1)
		return false;
	return send(state.fd, record, len, MSG_DONTWAIT | MSG_NOSIGNAL) != -1;
}

/* The journal's native protocol: FIELD=value lines; no value has a newline. */
static bool
write_journal(enum config_log_level level, const char *program, int pid,
    const char *line)
{
	char record[RECORD_SIZE];
	int len;

	len = snprintf(record, sizeof(record), "MESSAGE=%s\nPRIORITY=%d\n"
	    "SYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=hopseal/%s\n"
	    "SYSLOG_PID=%d\n", line, priorities[level], LOG_MAIL >> 3,
	    program, pid);
	return send_record(JOURNAL_PATH, record, (size_t)len);
}

/* As syslog(3) writes it, which may block. */
static bool
write_syslog(enum config_log_level level, const char *program, int pid,
    const char *line)
{
	char record[RECORD_SIZE], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int len;

	if (localtime_r(&now, &tm) == NULL ||
	    strftime(stamp, sizeof(stamp), "%h %e %T", &tm) == 0)
		return false;
	len = snprintf(record, sizeof(record), "<%d>%s hopseal/%s[%d]: %s",
	    LOG_MAIL | priorities[level], stamp, program, pid, line);
	return send_record(SYSLOG_PATH, record, (size_t)len);
}

/* A pipe that has room takes a line below PIPE_BUF without waiting. */
static bool
write_stderr(const char *program, int pid, const char *line)
{
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
	char record[RECORD_SIZE], stamp[TEXT_TIME_SIZE];
	int len;

	len = snprintf(record, sizeof(record), "%s hopseal/%s[%d]: %s\n",
	    text_format_time(stamp, time(NULL)), program, pid, line);
	return poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0 &&
	    write(STDERR_FILENO, record, (size_t)len) != -1;
}

static bool
write_line(enum config_log_level level, const char *program, int pid,
    const char *line)
{
	switch (state.target) {
	case CONFIG_LOG_JOURNAL:
		return write_journal(level, program, pid, line);
	case CONFIG_LOG_SYSLOG:
		return write_syslog(level, program, pid, line);
	case CONFIG_LOG_AUTO:
	case CONFIG_LOG_STDERR:
		break;
	}
	return write_stderr(program, pid, line);
}

static void
deliver(enum config_log_level level, const char *program, int pid,
    const char *line)
{
	char notice[64];
	int saved = errno;

	if (state.lost > 0) {
		snprintf(notice, sizeof(notice),
		    "warning: %lu log lines were lost", state.lost);
		if (write_line(CONFIG_LOG_WARN, state.program, getpid(),
		    notice))
			state.lost = 0;
	}
	if (!write_line(level, program, pid, line))
		state.lost++;
	errno = saved;
}

/* -------------------------------------------------------------- choosing */

/* True when JOURNAL_STREAM, "device:inode", is what stderr is. */
static bool
is_journal_stream(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) == -1)
		return false;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	return strcmp(stream, own) == 0;
}

static enum config_log_target
choose_target(enum config_log_target target)
{
	if (target != CONFIG_LOG_AUTO)
		return target;
	if (is_journal_stream() && access(JOURNAL_PATH, W_OK) == 0)
		return CONFIG_LOG_JOURNAL;
	if (access(SYSLOG_PATH, W_OK) == 0)
		return CONFIG_LOG_SYSLOG;
	return CONFIG_LOG_STDERR;
}

void
log_open(const char *program, enum config_log_target target,
    enum config_log_level level)
{
	snprintf(state.program, sizeof(state.program), "%s", program);
	state.target = choose_target(target);
	state.level = level;
	if (state.fd != -1)
		close(state.fd);
	state.fd = -1;
	if (state.target == CONFIG_LOG_STDERR)
		return;
	tzset();	/* a sandbox may hide the time zone's file later */
	state.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	connect_socket(state.target == CONFIG_LOG_JOURNAL ? JOURNAL_PATH :
	    SYSLOG_PATH);
}

void
log_set_level(enum config_log_level level)
{
	state.level = level;
}

void
log_set_sink(log_sink *sink, void *arg)
{
	state.sink = sink;
	state.sink_arg = arg;
}

/* ----------------------------------------------------------------- lines */

void
log_forward(enum config_log_level level, const char *program, int pid,
    const char *line)
{
	char clean_program[PROGRAM_MAX], clean[LOG_LINE_MAX + 1];

	text_quote(clean_program, sizeof(clean_program), text_of(program));
	text_quote(clean, sizeof(clean), text_of(line));
	deliver(level, clean_program, pid, clean);
}

static void log_line(enum config_log_level level, const char *format,
    va_list args) __attribute__((format(printf, 2, 0)));

static void
log_line(enum config_log_level level, const char *format, va_list args)
{
	char raw[LOG_LINE_MAX + 2], line[LOG_LINE_MAX + 1];
	int word_len;

	if (level > state.level)
		return;
	word_len = snprintf(raw, sizeof(raw), "%s", words[level]);
	vsnprintf(raw + word_len, sizeof(raw) - (size_t)word_len, format,
	    args);
	text_quote(line, sizeof(line), text_of(raw));
	if (state.sink != NULL)
		state.sink(level, line, state.sink_arg);
	else
		deliver(level, state.program, getpid(), line);
}

void
log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(CONFIG_LOG_ERROR, format, args);
	va_end(args);
}

void
log_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(CONFIG_LOG_WARN, format, args);
	va_end(args);
}

void
log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(CONFIG_LOG_INFO, format, args);
	va_end(args);
}

void
log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(CONFIG_LOG_DEBUG, format, args);
	va_end(args);
}
