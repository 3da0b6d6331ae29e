/*
 * Running journalctl.  It ends by itself when nobody reads it any more, and
 * with us.
 */

#include "policyd/journald_reader.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/privileges.h"
#include "shared/buffer.h"

#define READERS_GROUP	"systemd-journal"
#define PATH_DEFAULT	"/usr/bin:/bin"

static bool
has_ended(pid_t pid)
{
	return pid > 0 && waitpid(pid, NULL, WNOHANG) != 0;
}

void
journald_reader_reap(struct journald_reader *reader)
{
	if (has_ended(reader->pid))
		reader->pid = 0;
	if (has_ended(reader->dying))
		reader->dying = 0;
}

void
journald_reader_stop(struct journald_reader *reader)
{
	if (reader->pid == 0)
		return;
	privileges_kill(reader->pid, &reader->account, SIGKILL);
	reader->dying = reader->pid;
	reader->pid = 0;
}

static char *
cursor_option(struct text cursor)
{
	struct buffer option;

	buffer_init(&option, 1024);
	buffer_addf(&option, "--cursor=%.*s", (int)cursor.len, cursor.data);
	return buffer_take(&option);
}

static _Noreturn void
reader_exec(const struct account *account, struct text begin, int out)
{
	bool is_now = text_equals(begin, "now");
	char *cursor = is_now || begin.len == 0 ? NULL : cursor_option(begin);
	/* By facility, and by program for a Postfix with another one. */
	const char *arguments[] = { "journalctl", "--quiet", "--no-pager",
	    "--system", "--follow", is_now ? "--lines=0" : "--lines=all",
	    "--output=json",
	    "--output-fields=SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,MESSAGE",
	    "SYSLOG_FACILITY=2", "+", "_COMM=smtp", "+", "_COMM=smtpd", "+",
	    "_COMM=lmtp", "+", "_COMM=tlsproxy", "+",
	    "SYSLOG_IDENTIFIER=dovecot", cursor, NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (dup2(null, STDIN_FILENO) == -1 ||
	    dup2(out, STDOUT_FILENO) == -1 ||
	    account_become(account) == -1)
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (getenv("PATH") == NULL)
		setenv("PATH", PATH_DEFAULT, 1);
	execvp(arguments[0], (char *const *)(uintptr_t)arguments);
	_exit(127);
}

int
journald_reader_start(struct journald_reader *reader,
    const struct account *user, struct text begin, const char **why)
{
	const struct group *readers = getgrnam(READERS_GROUP);
	int out[2];

	journald_reader_reap(reader);
	if (reader->dying != 0) {
		*why = "the last journalctl was killed and does not end";
		return -1;
	}
	journald_reader_stop(reader);
	reader->account = *user;
	if (readers != NULL)
		reader->account.gid = readers->gr_gid;
	if (pipe2(out, O_CLOEXEC) == -1) {
		*why = strerror(errno);
		return -1;
	}
	reader->pid = fork();
	if (reader->pid == 0)
		reader_exec(&reader->account, begin, out[1]);
	close(out[1]);
	if (reader->pid > 0)
		return out[0];
	*why = strerror(errno);
	reader->pid = 0;
	close(out[0]);
	return -1;
}
