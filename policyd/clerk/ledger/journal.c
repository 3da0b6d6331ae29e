/*
 * Segments "journal.N" in a folder.  N grows; the highest is appended to, the
 * others wait for the ledger to have their totals in files of days.
 */

#include "policyd/clerk/ledger/journal.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/io/disk_sync.h"
#include "shared/pack.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define HEADER_BYTES	12
#define SEGMENT_PREFIX	"journal."
#define SEGMENTS_MAX	64

struct journal {
	char			*folder;
	int			 lock_fd, fd;
	uint64_t		 segments[SEGMENTS_MAX];	/* ascending */
	size_t			 segment_count;
	uint64_t		 bytes, old_bytes;	/* of it; others */
	uint64_t		 torn_bytes;
	struct disk_sync	*sync;
};

static const struct siphash_key checksum_key = { 'h', 's' };

/* -------------------------------------------------------------- records */

void
journal_format_record(struct text payload, struct buffer *out)
{
	assert(payload.len <= JOURNAL_RECORD_MAX_BYTES);
	pack_u32(out, (uint32_t)payload.len);
	pack_u64(out, siphash(&checksum_key, payload.data, payload.len));
	buffer_add(out, payload.data, payload.len);
}

/* The octets of whole records that were read, left bytes being there. */
static uint64_t
read_records(FILE *file, uint64_t left, journal_record_cb *on_record,
    void *arg)
{
	unsigned char header[HEADER_BYTES];
	char *payload = NULL;
	uint64_t good = 0, checksum;
	struct unpack u;
	uint32_t len;

	while (fread(header, sizeof(header), 1, file) == 1) {
		unpack_init(&u, header, sizeof(header));
		len = unpack_u32(&u);
		checksum = unpack_u64(&u);
		if (len > JOURNAL_RECORD_MAX_BYTES ||
		    len > left - good - HEADER_BYTES)
			break;
		payload = xreallocarray(payload, (size_t)len + 1, 1);
		if (len > 0 && fread(payload, len, 1, file) != 1)
			break;
		if (siphash(&checksum_key, payload, len) != checksum ||
		    !on_record((struct text){ payload, len }, arg))
			break;
		good += HEADER_BYTES + len;
	}
	free(payload);
	return good;
}

/* Octets of the file and of its good records; -1 with errno. */
static int
read_file(const char *path, journal_record_cb *on_record, void *arg,
    uint64_t *size, uint64_t *good)
{
	struct stat status;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return -1;
	if (fstat(fileno(file), &status) == -1) {
		fclose(file);
		return -1;
	}
	*size = (uint64_t)status.st_size;
	*good = read_records(file, *size, on_record, arg);
	fclose(file);
	return 0;
}

int
journal_read_file(const char *path, journal_record_cb *on_record, void *arg)
{
	uint64_t size, good;

	return read_file(path, on_record, arg, &size, &good);
}

/* ------------------------------------------------------------- segments */

static char *
segment_path(const struct journal *j, uint64_t number)
{
	struct buffer path;

	buffer_init(&path, 8192);
	buffer_addf(&path, "%s/" SEGMENT_PREFIX "%010" PRIu64, j->folder,
	    number);
	return buffer_take(&path);
}

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int
find_segments(struct journal *j)
{
	const size_t prefix = sizeof(SEGMENT_PREFIX) - 1;
	DIR *folder = opendir(j->folder);
	struct dirent *entry;
	uint64_t number;

	if (folder == NULL)
		return -1;
	while ((entry = readdir(folder)) != NULL &&
	    j->segment_count < SEGMENTS_MAX)
		if (strncmp(entry->d_name, SEGMENT_PREFIX, prefix) == 0 &&
		    text_parse_u64(text_of(entry->d_name + prefix),
		    UINT64_MAX / 2, &number))
			j->segments[j->segment_count++] = number;
	closedir(folder);
	qsort(j->segments, j->segment_count, sizeof(j->segments[0]),
	    compare_numbers);
	return 0;
}

static int
open_segment(const struct journal *j, uint64_t number)
{
	char *path = segment_path(j, number);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	free(path);
	return fd;
}

/* What follows a gap would claim to be all that there was. */
static void
drop_segments_after(struct journal *j, size_t last)
{
	char *path;

	while (j->segment_count > last + 1) {
		path = segment_path(j, j->segments[--j->segment_count]);
		unlink(path);
		free(path);
	}
}

static int
read_segments(struct journal *j, journal_record_cb *on_record, void *arg)
{
	uint64_t size, good;
	char *path;
	size_t i;
	int result;

	for (i = 0; i < j->segment_count; i++) {
		path = segment_path(j, j->segments[i]);
		result = read_file(path, on_record, arg, &size, &good);
		free(path);
		if (result == -1)
			return -1;
		j->torn_bytes += size - good;
		j->old_bytes += j->bytes;
		j->bytes = good;
		if (good < size)
			drop_segments_after(j, i);
	}
	return 0;
}

static int
journal_start(struct journal *j, journal_record_cb *on_record, void *arg)
{
	char *path;
	int result;

	if (mkdir(j->folder, 0700) == -1 && errno != EEXIST)
		return -1;
	path = xcalloc(1, strlen(j->folder) + sizeof("/lock"));
	sprintf(path, "%s/lock", j->folder);
	j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	if (j->lock_fd == -1 || flock(j->lock_fd, LOCK_EX | LOCK_NB) == -1)
		return -1;
	if (find_segments(j) == -1 || read_segments(j, on_record, arg) == -1)
		return -1;
	if (j->segment_count == 0)
		j->segments[j->segment_count++] = 1;
	j->fd = open_segment(j, j->segments[j->segment_count - 1]);
	if (j->fd == -1)
		return -1;
	result = ftruncate(j->fd, (off_t)j->bytes);
	return result;
}

struct journal *
journal_open(const char *folder, journal_record_cb *on_record, void *arg,
    char error[JOURNAL_ERROR_SIZE])
{
	struct journal *j = xcalloc(1, sizeof(*j));

	j->folder = xstrdup(folder);
	j->fd = j->lock_fd = -1;
	j->sync = disk_sync_new();
	if (journal_start(j, on_record, arg) == 0)
		return j;
	snprintf(error, JOURNAL_ERROR_SIZE, "%s: %s", folder,
	    errno == EWOULDBLOCK ? "in use by another process" :
	    strerror(errno));
	journal_free(j);
	return NULL;
}

void
journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd != -1)
		journal_sync(j);
	disk_sync_free(j->sync);
	if (j->fd != -1)
		close(j->fd);
	if (j->lock_fd != -1)
		close(j->lock_fd);
	free(j->folder);
	free(j);
}

static bool
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

bool
journal_append(struct journal *j, struct text payload)
{
	struct buffer record;
	int error;
	bool is_done;

	buffer_init(&record, JOURNAL_RECORD_MAX_BYTES + HEADER_BYTES);
	journal_format_record(payload, &record);
	is_done = write_all(j->fd, record.data, record.len);
	if (is_done)
		j->bytes += record.len;
	else {
		error = errno;
		/* A half one behind which others stood would hide them. */
		if (ftruncate(j->fd, (off_t)j->bytes) == -1)
			abort();
		errno = error;
	}
	buffer_clear(&record);
	return is_done;
}

void
journal_sync(struct journal *j)
{
	disk_sync_ask(j->sync, j->fd);
}

int
journal_sync_error(struct journal *j)
{
	return disk_sync_error(j->sync);
}

uint64_t
journal_bytes(const struct journal *j)
{
	return j->old_bytes + j->bytes;
}

uint64_t
journal_torn_bytes(const struct journal *j)
{
	return j->torn_bytes;
}

int
journal_begin_segment(struct journal *j)
{
	uint64_t number = j->segments[j->segment_count - 1] + 1;
	int fd, old = j->fd;

	if (j->segment_count == SEGMENTS_MAX) {
		errno = EMFILE;
		return -1;
	}
	fd = open_segment(j, number);
	if (fd == -1)
		return -1;
	j->segments[j->segment_count++] = number;
	j->old_bytes += j->bytes;
	j->bytes = 0;
	j->fd = fd;
	return old;
}

void
journal_remove_old(struct journal *j)
{
	char *path;
	size_t i;

	for (i = 0; i + 1 < j->segment_count; i++) {
		path = segment_path(j, j->segments[i]);
		unlink(path);
		free(path);
	}
	j->segments[0] = j->segments[j->segment_count - 1];
	j->segment_count = 1;
	j->old_bytes = 0;
}
