/*
 * The mail log's files.  Nothing is read here.
 */

#include "policyd/mail_log.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/process/settings.h"
#include "shared/io/mail_log_path.h"

#define OLDER_MAX	64	/* the newest of them */

struct older {
	char		name[NAME_MAX + 1];
	struct timespec	written_at;
};

/* "mail.log.1" of "mail.log", "mail.log-20261122.gz" */
static bool
is_older(const char *name, const char *log)
{
	size_t len = strlen(log);

	return strncmp(name, log, len) == 0 &&
	    (name[len] == '.' || name[len] == '-') &&
	    name[len + 1] >= '0' && name[len + 1] <= '9';
}

/* True while "mail.log.1" is there, too: half of "mail.log.1.gz" may be. */
static bool
is_copy(int folder, const char *name)
{
	char plain[NAME_MAX + 1];
	char *dot;

	strcpy(plain, name);
	dot = strrchr(plain, '.');
	if (dot == NULL || strcmp(dot, ".gz") != 0)
		return false;
	*dot = '\0';
	return faccessat(folder, plain, F_OK, 0) == 0;
}

/* The newest first; of the same moment "mail.log.1" before "mail.log.2". */
static int
compare_older(const void *a, const void *b)
{
	const struct older *x = a, *y = b;

	if (x->written_at.tv_sec != y->written_at.tv_sec)
		return x->written_at.tv_sec > y->written_at.tv_sec ? -1 : 1;
	if (x->written_at.tv_nsec != y->written_at.tv_nsec)
		return x->written_at.tv_nsec > y->written_at.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

static size_t
find_older(DIR *folder, const char *log, struct older *out)
{
	struct dirent *entry;
	struct stat status;
	size_t count = 0;

	while ((entry = readdir(folder)) != NULL && count < OLDER_MAX) {
		if (!is_older(entry->d_name, log) ||
		    is_copy(dirfd(folder), entry->d_name) ||
		    fstatat(dirfd(folder), entry->d_name, &status,
		    AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(status.st_mode))
			continue;
		strcpy(out[count].name, entry->d_name);
		out[count++].written_at = status.st_mtim;
	}
	qsort(out, count, sizeof(*out), compare_older);
	return count;
}

static int
open_older(const char *path, unsigned n, const char **why)
{
	const char *slash = strrchr(path, '/');
	char name[PATH_MAX];
	struct older *older;
	DIR *folder;
	int fd = -1;

	snprintf(name, sizeof(name), "%.*s", (int)(slash - path) + 1, path);
	folder = opendir(name);
	if (folder == NULL) {
		*why = strerror(errno);
		return -1;
	}
	older = calloc(OLDER_MAX, sizeof(*older));
	*why = "there is none that old";
	if (older != NULL && find_older(folder, slash + 1, older) >= n) {
		fd = openat(dirfd(folder), older[n - 1].name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		*why = strerror(errno);
	}
	free(older);
	closedir(folder);
	return fd;
}

int
mail_log_open(const struct settings *settings, unsigned n, const char **why)
{
	struct stat status;
	const char *path;
	int fd;

	*why = "the log is systemd's journal";
	if (mail_log_find(settings->config, settings->site, &path, why) !=
	    MAIL_LOG_FILE)
		return -1;
	if (n > 0)
		return open_older(path, n, why);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1) {
		*why = strerror(errno);
		return -1;
	}
	if (fstat(fd, &status) == -1 || !S_ISREG(status.st_mode)) {
		*why = "is no regular file";
		close(fd);
		return -1;
	}
	return fd;
}

uint64_t
mail_log_mark(const struct settings *settings)
{
	struct stat status;
	const char *path, *why;

	switch (mail_log_find(settings->config, settings->site, &path, &why)) {
	case MAIL_LOG_NONE:
		break;
	case MAIL_LOG_JOURNAL:
		return MAIL_LOG_MARK_JOURNAL;
	case MAIL_LOG_FILE:
		if (stat(path, &status) == 0)
			return ((uint64_t)status.st_dev << 32 ^
			    (uint64_t)status.st_ino) << 1 | 1;
	}
	return 0;
}

bool
mail_log_is_other(const struct settings *a, const struct settings *b)
{
	const char *path_a = "", *path_b = "", *why;

	return mail_log_find(a->config, a->site, &path_a, &why) !=
	    mail_log_find(b->config, b->site, &path_b, &why) ||
	    strcmp(path_a, path_b) != 0;
}
