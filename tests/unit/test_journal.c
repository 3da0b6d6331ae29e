/*
 * The journal on a disk of its own: whole records come back in order, and of a
 * file that was torn at any octet all that were whole before.
 */

#include "policyd/clerk/ledger/journal.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/check.h"

#define PATH_SIZE 256

static char folder[] = "/tmp/hopseal-journal-XXXXXX";
static char read_back[4096];

static bool
on_record(struct text payload, void *arg)
{
	size_t len = strlen(read_back);

	(void)arg;
	snprintf(read_back + len, sizeof(read_back) - len, "%.*s;",
	    (int)payload.len, payload.data);
	return true;
}

static struct journal *
reopen(struct journal *j)
{
	char error[JOURNAL_ERROR_SIZE] = "";

	journal_free(j);
	read_back[0] = '\0';
	j = journal_open(folder, on_record, NULL, error);
	if (j == NULL)
		printf("# %s\n", error);
	return j;
}

static char *
segment(unsigned number, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s/journal.%010u", folder, number);
	return out;
}

static void
remove_folder(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[PATH_SIZE * 2];

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(folder);
}

static void
test_torn(struct journal **j)
{
	static const char *const words[] = { "one", "two", "", "four" };
	char path[PATH_SIZE], bytes[256];
	size_t i, ends[4], end = 0, len, whole;
	const char *want;
	ssize_t size;
	int fd;

	for (i = 0; i < 4; i++) {
		journal_append(*j, text_of(words[i]));
		ends[i] = end += 12 + strlen(words[i]);
	}
	*j = reopen(*j);
	check_text("records come back", read_back, "one;two;;four;");
	check_int("nothing was torn", (int64_t)journal_torn_bytes(*j), 0);
	fd = open(segment(1, path), O_RDONLY);
	size = read(fd, bytes, sizeof(bytes));
	close(fd);
	check_int("its size", size, (int64_t)end);
	for (len = 0; len < end; len++) {
		fd = open(path, O_WRONLY | O_TRUNC);
		if (write(fd, bytes, len) != (ssize_t)len)
			abort();
		close(fd);
		*j = reopen(*j);
		for (whole = 0; whole < 4 && ends[whole] <= len; whole++)
			;
		want = whole == 0 ? "" : whole == 1 ? "one;" :
		    whole == 2 ? "one;two;" : "one;two;;";
		if (strcmp(read_back, want) != 0)
			check_text("torn at an octet", read_back, want);
		check_int("the torn end is told", (int64_t)
		    journal_torn_bytes(*j), (int64_t)(len -
		    (whole > 0 ? ends[whole - 1] : 0)));
		journal_append(*j, text_of("next"));
		*j = reopen(*j);
		check_contains("and it goes on", read_back, "next;");
	}
	bytes[13] ^= 1;
	fd = open(path, O_WRONLY | O_TRUNC);
	if (write(fd, bytes, end) != (ssize_t)end)
		abort();
	close(fd);
	*j = reopen(*j);
	check_text("a changed octet ends it", read_back, "");
}

static void
test_segments(struct journal **j)
{
	char path[PATH_SIZE];
	int old;

	journal_append(*j, text_of("a"));
	old = journal_begin_segment(*j);
	check_bool("a new segment", old != -1, true);
	close(old);
	journal_append(*j, text_of("b"));
	*j = reopen(*j);
	check_text("both are read, in order", read_back, "a;b;");
	close(journal_begin_segment(*j));
	journal_append(*j, text_of("c"));
	journal_remove_old(*j);
	*j = reopen(*j);
	check_text("the old ones are gone", read_back, "c;");
	check_int("and not counted", (int64_t)journal_bytes(*j), 13);

	/* What follows a gap would claim to be all that there was. */
	close(journal_begin_segment(*j));
	journal_append(*j, text_of("d"));
	if (truncate(segment(3, path), 5) == -1)
		abort();
	*j = reopen(*j);
	check_text("nothing behind a gap", read_back, "");
	journal_append(*j, text_of("e"));
	*j = reopen(*j);
	check_text("it goes on where the gap is", read_back, "e;");
}

static void
test_lock(struct journal *j)
{
	char error[JOURNAL_ERROR_SIZE] = "";

	(void)j;
	check_bool("two cannot have it", journal_open(folder, on_record, NULL,
	    error) == NULL, true);
	check_contains("who has it is said", error, "in use");
}

int
main(void)
{
	struct journal *j;

	if (mkdtemp(folder) == NULL)
		abort();
	j = reopen(NULL);
	check_bool("a new folder", j != NULL, true);
	if (j != NULL) {
		test_torn(&j);
		test_segments(&j);
		test_lock(j);
	}
	journal_free(j);
	remove_folder();
	return check_end();
}
