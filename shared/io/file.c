/*
 * Whole small files.  A pipe or a device in the place of a file is refused, so
 * that nothing waits for it.
 */

#include "shared/io/file.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static int
file_read_fd(int fd, struct buffer *out)
{
	struct stat status;
	char block[8192];
	ssize_t len;

	if (fstat(fd, &status) == -1)
		return -1;
	if (!S_ISREG(status.st_mode)) {
		errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	while ((len = read(fd, block, sizeof(block))) != 0) {
		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1)
			return -1;
		buffer_add(out, block, (size_t)len);
		if (out->is_overfull) {
			errno = EFBIG;
			return -1;
		}
	}
	return 0;
}

int
file_read(const char *path, struct buffer *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), result, saved;

	if (fd == -1)
		return -1;
	result = file_read_fd(fd, out);
	saved = errno;
	close(fd);
	errno = saved;
	return result;
}

static int
file_write_fd(int fd, struct text content)
{
	ssize_t len;

	while (content.len > 0) {
		len = write(fd, content.data, content.len);
		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1)
			return -1;
		content.data += len;
		content.len -= (size_t)len;
	}
	return fsync(fd);
}

/* like is a file whose owner and mode it shall have, or NULL. */
static int
file_put(const char *path, struct text content, const struct stat *like)
{
	char temporary[PATH_MAX];
	int fd, result, saved;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >=
	    (int)sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd == -1)
		return -1;
	result = file_write_fd(fd, content);
	if (result == 0 && like != NULL &&
	    (fchown(fd, like->st_uid, like->st_gid) == -1 ||
	    fchmod(fd, like->st_mode & 07777) == -1))
		result = -1;
	saved = errno;
	close(fd);
	if (result == 0)
		result = rename(temporary, path);
	else
		errno = saved;
	if (result == -1) {
		saved = errno;
		unlink(temporary);
		errno = saved;
	}
	return result;
}

int
file_replace(const char *path, struct text content)
{
	return file_put(path, content, NULL);
}

int
file_rewrite(const char *path, struct text content)
{
	struct stat status;

	return stat(path, &status) == -1 ? -1 : file_put(path, content,
	    &status);
}

int
file_copy(const char *from, const char *to)
{
	struct buffer content;
	struct stat status;
	int result = -1, saved;

	buffer_init(&content, FILE_COPY_MAX_BYTES);
	if (stat(from, &status) == 0 && file_read(from, &content) == 0)
		result = file_put(to, (struct text){ buffer_text(&content),
		    content.len }, &status);
	saved = errno;
	buffer_clear(&content);
	errno = saved;
	return result;
}

uint64_t
file_mark(const char *path)
{
	struct stat status;

	if (stat(path, &status) == -1)
		return 0;
	return (uint64_t)status.st_mtim.tv_sec * UINT64_C(1000000007) ^
	    (uint64_t)status.st_mtim.tv_nsec ^
	    (uint64_t)status.st_ino << 20 ^ (uint64_t)status.st_size;
}
