/*
 * Log lines: words, cutting, cleaning, levels and the sink; a stderr that is
 * full; a journal and a syslog daemon that come, go and sleep.
 */

#define JOURNAL_PATH	"journal.sock"	/* in a folder of the test's own */
#define SYSLOG_PATH	"log.sock"
#include "shared/io/log.c"

#include <fcntl.h>
#include <regex.h>

#include "tests/unit/check.h"

static enum config_log_level last_level;
static char last_line[LOG_LINE_MAX + 100];
static unsigned line_count;

static void
note_line(enum config_log_level level, const char *line, void *arg)
{
	last_level = level;
	snprintf(last_line, sizeof(last_line), "%s", line);
	line_count++;
	check_text("argument of the sink", arg, "sink");
}

static void
test_lines(void)
{
	static char argument[] = "sink";
	char long_text[LOG_LINE_MAX * 2];

	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_INFO);
	log_set_sink(note_line, argument);

	log_error("%s is away", "Redis");
	check_text("error", last_line, "error: Redis is away");
	check_int("error", last_level, CONFIG_LOG_ERROR);
	log_warn("late by %d ms", 7);
	check_text("warning", last_line, "warning: late by 7 ms");
	check_int("warning", last_level, CONFIG_LOG_WARN);
	log_info("decision");
	check_text("info", last_line, "decision");
	check_int("info", last_level, CONFIG_LOG_INFO);

	line_count = 0;
	log_debug("step");
	check_int("debug is not written at info", line_count, 0);
	log_set_level(CONFIG_LOG_DEBUG);
	log_debug("step");
	check_text("debug", last_line, "step");
	log_set_level(CONFIG_LOG_ERROR);
	line_count = 0;
	log_warn("no");
	check_int("warning is not written at error", line_count, 0);
	log_set_level(CONFIG_LOG_INFO);

	log_info("a\nb\tc\x7f\x1b[31m");
	check_text("control bytes", last_line, "a?b?c??[31m");

	memset(long_text, 'x', sizeof(long_text));
	long_text[LOG_LINE_MAX] = '\0';
	log_info("%s", long_text);
	check_text("longest line", last_line, long_text);
	long_text[LOG_LINE_MAX] = 'x';
	long_text[LOG_LINE_MAX + 1] = '\0';
	log_info("%s", long_text);
	check_int("cut", (int64_t)strlen(last_line), LOG_LINE_MAX);
	check_text("cut", last_line + LOG_LINE_MAX - 4, "x...");
	long_text[LOG_LINE_MAX + 1] = 'x';
	long_text[sizeof(long_text) - 1] = '\0';
	log_error("%s", long_text);
	check_int("cut far", (int64_t)strlen(last_line), LOG_LINE_MAX);
	check_text("cut far", last_line + LOG_LINE_MAX - 4, "x...");

	log_set_sink(NULL, NULL);
}

static void
check_match(const char *label, const char *got, const char *pattern)
{
	regex_t regex;
	bool is_match;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	is_match = regexec(&regex, got, 0, NULL, 0) == 0;
	check_bool(label, is_match, true);
	if (!is_match)
		printf("# got \"%s\"\n", got);
	regfree(&regex);
}

static size_t
read_pipe(int fd, char *out, size_t size)
{
	ssize_t got = read(fd, out, size - 1);

	out[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

/* stderr becomes a pipe that this test reads; also one that nobody reads. */
static void
test_stderr(void)
{
	char text[65536];
	int ends[2], saved, i;

	saved = dup(STDERR_FILENO);
	if (pipe2(ends, O_CLOEXEC) == -1)
		abort();
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	dup2(ends[1], STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_INFO);

	log_warn("one");
	read_pipe(ends[0], text, sizeof(text));
	check_match("stderr", text, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z "
	    "hopseal/test\\[[0-9]+\\]: warning: one\n$");
	log_forward(CONFIG_LOG_INFO, "scout", 4711, "warning: two\n");
	read_pipe(ends[0], text, sizeof(text));
	check_match("forwarded", text,
	    "Z hopseal/scout\\[4711\\]: warning: two\\?\n$");

	for (i = 0; i < 3000; i++)
		log_info("line %d of too many for a pipe", i);
	check_bool("a full pipe does not block", true, true);
	while (read_pipe(ends[0], text, sizeof(text)) > 0)
		;
	log_info("after");
	read_pipe(ends[0], text, sizeof(text));
	check_match("the loss is told", text,
	    ": warning: [0-9]+ log lines were lost\n.*: after\n$");
	log_info("later");
	read_pipe(ends[0], text, sizeof(text));
	check_match("once", text, "^[^\n]*: later\n$");

	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) == -1)
		abort();
	return fd;
}

/* A daemon that is away at first, comes, is restarted, and sleeps. */
static void
test_daemon(enum config_log_target target, const char *path,
    const char *pattern)
{
	char text[4096];
	int fd, i;

	log_open("test", target, CONFIG_LOG_INFO);
	log_info("nobody hears it");
	fd = listen_at(path);
	log_warn("hello");
	read_pipe(fd, text, sizeof(text));
	check_contains("the loss is told", text, "warning: 1 log lines were");
	read_pipe(fd, text, sizeof(text));
	check_match("format", text, pattern);

	close(fd);
	fd = listen_at(path);
	log_warn("hello");
	read_pipe(fd, text, sizeof(text));
	check_match("after its restart", text, pattern);

	for (i = 0; i < 2000; i++)
		log_info("more than its queue takes");
	while (read_pipe(fd, text, sizeof(text)) > 0)
		;
	log_warn("hello");
	read_pipe(fd, text, sizeof(text));
	check_contains("the loss is told", text, " log lines were lost");
	read_pipe(fd, text, sizeof(text));
	check_match("after a full queue", text, pattern);
	close(fd);
}

/* stderr is the journal's stream, or is not. */
static void
test_auto(void)
{
	char stream[64];
	struct stat st;
	int journal, syslogd;

	unsetenv("JOURNAL_STREAM");
	unlink(JOURNAL_PATH);
	unlink(SYSLOG_PATH);
	check_int("nothing there", choose_target(CONFIG_LOG_AUTO),
	    CONFIG_LOG_STDERR);
	syslogd = listen_at(SYSLOG_PATH);
	check_int("syslog", choose_target(CONFIG_LOG_AUTO),
	    CONFIG_LOG_SYSLOG);
	journal = listen_at(JOURNAL_PATH);
	check_int("a journal, not ours", choose_target(CONFIG_LOG_AUTO),
	    CONFIG_LOG_SYSLOG);
	setenv("JOURNAL_STREAM", "1:2", 1);
	check_int("another stream", choose_target(CONFIG_LOG_AUTO),
	    CONFIG_LOG_SYSLOG);
	if (fstat(STDERR_FILENO, &st) == -1)
		abort();
	snprintf(stream, sizeof(stream), "%llu:%llu",
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	check_int("our stream", choose_target(CONFIG_LOG_AUTO),
	    CONFIG_LOG_JOURNAL);
	check_int("as told", choose_target(CONFIG_LOG_STDERR),
	    CONFIG_LOG_STDERR);
	close(journal);
	close(syslogd);
	unlink(JOURNAL_PATH);
	unlink(SYSLOG_PATH);
}

int
main(void)
{
	char folder[] = "/tmp/hopseal-test-log-XXXXXX";

	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		abort();
	test_lines();
	test_stderr();
	test_daemon(CONFIG_LOG_JOURNAL, JOURNAL_PATH,
	    "^MESSAGE=warning: hello\nPRIORITY=4\nSYSLOG_FACILITY=2\n"
	    "SYSLOG_IDENTIFIER=hopseal/test\nSYSLOG_PID=[0-9]+\n$");
	test_daemon(CONFIG_LOG_SYSLOG, SYSLOG_PATH,
	    "^<20>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} "
	    "hopseal/test\\[[0-9]+\\]: warning: hello$");
	test_auto();
	rmdir(folder);
	return check_end();
}
