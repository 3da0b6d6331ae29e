/*
 * The ledger on disk: the folder state_dir/ledger with "writer", a journal of
 * changed totals, and a file for each day.  Totals are absolute and only grow,
 * so that reading anything twice changes nothing.
 *
 * A journal's record: version, which parts follow, position and state,
 * datagrams, then day and items (tally_format_changes) for each day.  A file of
 * a day: a record with version, day and total, then records of items.  Files of
 * days are written by a child process from its copy of the memory, and after
 * that the old segments of the journal go.
 */

#include "policyd/clerk/ledger/ledger.h"

#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/ledger/journal.h"
#include "policyd/clerk/ledger/session_counts.h"
#include "shared/io/clock.h"
#include "shared/io/config.h"
#include "shared/io/file.h"
#include "shared/io/log.h"
#include "shared/pack.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define RECORD_VERSION	1
#define RECORD_POSITION	1
#define RECORD_DATAGRAMS 2
#define DAY_S		86400
#define AHEAD_MAX_S	3600	/* of our clock; beyond is the present */
#define DAYS_MAX	(LEDGER_DAYS_KEPT + 4)
#define IDLE_MS		(10 * 60 * 1000)	/* a past day in memory */
#define OLD_MS		(60 * 60 * 1000)	/* until that is certain */
#define REOPEN_MS	5000
#define SAVE_AGAIN_MS	60000	/* after files could not be written */
#define SAVE_BYTES	(8 * 1024 * 1024)	/* of journal, at least */
#define FILE_ITEMS_BYTES (1024 * 1024)
#define PATH_SIZE	4096

struct ledger {
	const struct config	*config;
	struct siphash_key	 hash_key;
	char			*folder;
	char			 writer[LEDGER_WRITER_SIZE];
	struct journal		*journal;	/* NULL: not open */
	int64_t			 reopen_ms;
	int64_t			 old_ms;	/* too old a day is there since */
	struct ledger_day	 days[DAYS_MAX];	/* ascending */
	size_t			 day_count;
	char			*position, *state;	/* as last written */
	size_t			 position_len, state_len;
	struct ledger_datagrams	 datagrams, kept;	/* now; written */
	char			 trouble[JOURNAL_ERROR_SIZE];
	pid_t			 saver;		/* 0: none is at work */
	uint64_t		 saving_totals[DAYS_MAX];
	int64_t			 saving_days[DAYS_MAX];
	size_t			 saving_count;
	int64_t			 save_ms;	/* not before */
	struct session_counts	 counts;
};

/* --------------------------------------------------------------- names */

static char *
day_path(const struct ledger *l, int64_t day, const char *suffix,
    char out[PATH_SIZE])
{
	char date[TALLY_DATE_SIZE];

	snprintf(out, PATH_SIZE, "%s/%s%s", l->folder,
	    tally_date_format(day, date), suffix);
	return out;
}

/* Says trouble once, and its end. */
static void
note_trouble(struct ledger *l, const char *what, int error)
{
	char words[JOURNAL_ERROR_SIZE];

	snprintf(words, sizeof(words), "%s: %s", what, strerror(error));
	if (strcmp(words, l->trouble) == 0)
		return;
	strcpy(l->trouble, words);
	log_error("ledger: what is counted stays in memory until the disk "
	    "takes it: reason=%s", words);
}

static void
note_recovery(struct ledger *l)
{
	if (l->trouble[0] != '\0')
		log_info("ledger: the disk takes it again");
	l->trouble[0] = '\0';
}

/* ---------------------------------------------------------------- days */

static struct ledger_day *
find_day(struct ledger *l, int64_t day)
{
	size_t i;

	for (i = 0; i < l->day_count; i++)
		if (l->days[i].day == day)
			return &l->days[i];
	return NULL;
}

static void
drop_day(struct ledger *l, struct ledger_day *d)
{
	tally_free(d->tally);
	l->day_count--;
	memmove(d, d + 1, (size_t)(&l->days[l->day_count] - d) * sizeof(*d));
}

/* In its place; the oldest leaves when there are too many. */
static struct ledger_day *
insert_day(struct ledger *l, int64_t day)
{
	struct ledger_day *d;
	size_t i = l->day_count;

	if (l->day_count == DAYS_MAX) {
		drop_day(l, &l->days[0]);
		i--;
	}
	while (i > 0 && l->days[i - 1].day > day)
		i--;
	d = &l->days[i];
	memmove(d + 1, d, (l->day_count - i) * sizeof(*d));
	l->day_count++;
	*d = (struct ledger_day){ .day = day };
	return d;
}

/* The first record of a day's file. */
static bool
read_day_header(struct text payload, struct ledger_day *out)
{
	struct unpack u;
	uint8_t version;

	unpack_init(&u, payload.data, payload.len);
	version = unpack_u8(&u);
	out->day = (int64_t)unpack_u64(&u);
	out->total = unpack_u64(&u);
	return unpack_is_done(&u) && version == RECORD_VERSION;
}

struct day_reader {
	struct ledger_day	 header;
	bool			 has_header;
	struct tally		*tally;		/* NULL: the header alone */
};

static bool
on_day_record(struct text payload, void *arg)
{
	struct day_reader *r = arg;

	if (!r->has_header) {
		r->has_header = read_day_header(payload, &r->header);
		return r->has_header && r->tally != NULL;
	}
	return tally_replay(r->tally, payload);
}

static void
load_day(struct ledger *l, struct ledger_day *d)
{
	struct day_reader reader = { 0 };
	char path[PATH_SIZE];

	d->tally = reader.tally = tally_new(d->day,
	    l->config->tally_max_domains, &l->hash_key);
	d->used_ms = clock_monotonic_ms();
	if (d->saved_total == 0)
		return;
	if (journal_read_file(day_path(l, d->day, "", path), on_day_record,
	    &reader) == -1 || !reader.has_header ||
	    tally_total(d->tally) < reader.header.total)
		log_error("ledger: a day is not whole: file=%s, sessions and "
		    "texts=%" PRIu64 " of %" PRIu64, path,
		    tally_total(d->tally), reader.header.total);
	tally_unmark_all(d->tally, TALLY_MARK_CACHE);
	d->total = tally_total(d->tally);
}

struct tally *
ledger_load(struct ledger *l, int64_t day)
{
	struct ledger_day *d = find_day(l, day);

	if (d == NULL)
		return NULL;
	if (d->tally == NULL)
		load_day(l, d);
	d->used_ms = clock_monotonic_ms();
	return d->tally;
}

struct tally *
ledger_tally(struct ledger *l, int64_t at)
{
	int64_t now = clock_now_s(), day;

	if (at > now + AHEAD_MAX_S)
		at = now;
	day = at / DAY_S;
	if (at < 0 || day <= now / DAY_S - LEDGER_DAYS_KEPT)
		return NULL;
	if (find_day(l, day) == NULL)
		insert_day(l, day);
	return ledger_load(l, day);
}

struct ledger_day *
ledger_days(struct ledger *l, size_t *count)
{
	size_t i;

	for (i = 0; i < l->day_count; i++)
		if (l->days[i].tally != NULL)
			l->days[i].total = tally_total(l->days[i].tally);
	*count = l->day_count;
	return l->days;
}

/* ------------------------------------------------------------- at start */

/* Which days have a file, with what is in their headers. */
static void
find_days(struct ledger *l)
{
	DIR *folder = opendir(l->folder);
	struct day_reader reader;
	struct dirent *entry;
	struct ledger_day *d;
	char path[PATH_SIZE];
	int64_t day;

	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL) {
		day = tally_date_parse(text_of(entry->d_name));
		reader = (struct day_reader){ 0 };
		if (day == -1 || journal_read_file(day_path(l, day, "", path),
		    on_day_record, &reader) == -1)
			continue;
		if (!reader.has_header || reader.header.day != day) {
			log_error("ledger: a day cannot be read: file=%s",
			    path);
			continue;
		}
		d = insert_day(l, day);
		d->total = d->saved_total = reader.header.total;
	}
	closedir(folder);
}

static void
keep_text(char **to, size_t *to_len, struct text text)
{
	free(*to);
	*to = xmemdup(text.data, text.len);
	*to_len = text.len;
}

static bool
on_journal_record(struct text payload, void *arg)
{
	struct ledger *l = arg;
	struct text position, state, items;
	struct ledger_datagrams datagrams = l->kept;
	struct unpack u;
	uint8_t parts;
	int64_t day;

	unpack_init(&u, payload.data, payload.len);
	if (unpack_u8(&u) != RECORD_VERSION)
		return false;
	parts = unpack_u8(&u);
	if ((parts & RECORD_POSITION) != 0) {
		position = unpack_text(&u);
		state = unpack_text(&u);
	}
	if ((parts & RECORD_DATAGRAMS) != 0) {
		datagrams.since = (int64_t)unpack_u64(&u);
		datagrams.received = unpack_u64(&u);
		datagrams.announced = unpack_u64(&u);
	}
	while (u.left > 0 && !u.is_bad) {
		day = (int64_t)unpack_u64(&u);
		items = unpack_text(&u);
		if (u.is_bad)
			return false;
		if (find_day(l, day) == NULL)
			insert_day(l, day);
		if (!tally_replay(ledger_load(l, day), items))
			return false;
	}
	if (u.is_bad)
		return false;
	if ((parts & RECORD_POSITION) != 0) {
		keep_text(&l->position, &l->position_len, position);
		keep_text(&l->state, &l->state_len, state);
	}
	l->datagrams = l->kept = datagrams;
	return true;
}

/* Made once for this folder; 0 or -1 with errno. */
static int
make_writer(struct ledger *l, const char *path)
{
	char temporary[PATH_SIZE];
	uint64_t number;
	ssize_t written;
	int fd;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		abort();
	snprintf(l->writer, sizeof(l->writer), "%016" PRIx64, number);
	snprintf(temporary, sizeof(temporary), "%s/writer.new", l->folder);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	written = write(fd, l->writer, strlen(l->writer));
	if (written != (ssize_t)strlen(l->writer) || fsync(fd) == -1) {
		close(fd);
		return -1;
	}
	close(fd);
	return rename(temporary, path);
}

static int
find_writer(struct ledger *l)
{
	char path[PATH_SIZE];
	struct buffer content;
	int result;

	snprintf(path, sizeof(path), "%s/writer", l->folder);
	buffer_init(&content, 64);
	result = file_read(path, &content);
	if (result == 0 && content.len == LEDGER_WRITER_SIZE - 1 &&
	    strspn(buffer_text(&content), "0123456789abcdef") == content.len)
		strcpy(l->writer, buffer_text(&content));
	else if (result == 0 || errno == ENOENT)
		result = make_writer(l, path);
	buffer_clear(&content);
	return result;
}

static void
forget(struct ledger *l)
{
	while (l->day_count > 0)
		drop_day(l, &l->days[l->day_count - 1]);
	keep_text(&l->position, &l->position_len, text_of(""));
	keep_text(&l->state, &l->state_len, text_of(""));
	l->datagrams = l->kept = (struct ledger_datagrams){ 0 };
}

bool
ledger_open(struct ledger *l)
{
	char error[JOURNAL_ERROR_SIZE];
	size_t i;

	if (l->journal != NULL)
		return true;
	forget(l);
	find_days(l);
	l->journal = journal_open(l->folder, on_journal_record, l, error);
	if (l->journal != NULL && find_writer(l) == -1) {
		snprintf(error, sizeof(error), "%s: writer: %s", l->folder,
		    strerror(errno));
		journal_free(l->journal);
		l->journal = NULL;
	}
	if (l->journal == NULL) {
		if (strcmp(error, l->trouble) != 0)
			log_error("ledger: nothing is counted: reason=%s",
			    error);
		strcpy(l->trouble, error);
		return false;
	}
	l->trouble[0] = '\0';
	if (journal_torn_bytes(l->journal) > 0)
		log_warn("ledger: a torn end was cut off the journal: "
		    "octets=%" PRIu64, journal_torn_bytes(l->journal));
	for (i = 0; i < l->day_count; i++)
		if (l->days[i].tally != NULL)
			tally_unmark_all(l->days[i].tally, TALLY_MARK_CACHE);
	log_info("ledger: open: writer=%s, days=%zu, journal=%" PRIu64,
	    l->writer, l->day_count, journal_bytes(l->journal));
	return true;
}

/* ------------------------------------------------------------ the journal */

static void
format_days(struct ledger *l, bool with_held, struct buffer *out)
{
	struct buffer items;
	size_t i;

	buffer_init(&items, JOURNAL_RECORD_MAX_BYTES / 2);
	for (i = 0; i < l->day_count; i++) {
		if (l->days[i].tally == NULL)
			continue;
		buffer_reset(&items);
		tally_format_changes(l->days[i].tally, with_held, &items);
		if (items.len == 0)
			continue;
		pack_u64(out, (uint64_t)l->days[i].day);
		pack_text(out, (struct text){ items.data, items.len });
	}
	out->is_overfull |= items.is_overfull;
	buffer_clear(&items);
}

static bool
has_news(const struct ledger_datagrams *d, const struct ledger_datagrams *kept)
{
	return d->since != kept->since || d->received != kept->received ||
	    d->announced != kept->announced;
}

static bool
write_record(struct ledger *l, bool has_position, struct text position,
    struct text state)
{
	struct ledger_datagrams datagrams = l->datagrams;
	bool has_datagrams = datagrams.since != 0, is_done;
	struct buffer record;
	size_t empty, i;

	/* Lines behind the position will be read again. */
	if (!has_position)
		datagrams.announced = l->kept.announced;
	buffer_init(&record, JOURNAL_RECORD_MAX_BYTES);
	pack_u8(&record, RECORD_VERSION);
	pack_u8(&record, (has_position ? RECORD_POSITION : 0) |
	    (has_datagrams ? RECORD_DATAGRAMS : 0));
	if (has_position) {
		pack_text(&record, position);
		pack_text(&record, state);
	}
	if (has_datagrams) {
		pack_u64(&record, (uint64_t)datagrams.since);
		pack_u64(&record, datagrams.received);
		pack_u64(&record, datagrams.announced);
	}
	empty = record.len;
	format_days(l, has_position, &record);
	if (record.len == empty && !has_position &&
	    !has_news(&datagrams, &l->kept)) {
		buffer_clear(&record);
		return true;
	}
	assert(!record.is_overfull);
	is_done = journal_append(l->journal, (struct text){ record.data,
	    record.len });
	buffer_clear(&record);
	if (!is_done) {
		note_trouble(l, "the journal", errno);
		return false;
	}
	note_recovery(l);
	l->kept = datagrams;
	for (i = 0; i < l->day_count; i++)
		if (l->days[i].tally != NULL)
			tally_commit(l->days[i].tally, has_position);
	return true;
}

bool
ledger_commit(struct ledger *l)
{
	return write_record(l, false, text_of(""), text_of(""));
}

static bool
has_changes(const struct ledger *l)
{
	size_t i;

	for (i = 0; i < l->day_count; i++)
		if (l->days[i].tally != NULL && tally_has_marked(
		    l->days[i].tally, TALLY_MARK_JOURNAL))
			return true;
	return false;
}

static bool
is_kept(const char *kept, size_t kept_len, struct text text)
{
	return kept_len == text.len && (text.len == 0 ||
	    memcmp(kept, text.data, text.len) == 0);
}

bool
ledger_commit_log(struct ledger *l, struct text position, struct text state)
{
	if (!has_changes(l) && !has_news(&l->datagrams, &l->kept) &&
	    is_kept(l->position, l->position_len, position) &&
	    is_kept(l->state, l->state_len, state))
		return true;
	if (!write_record(l, true, position, state))
		return false;
	keep_text(&l->position, &l->position_len, position);
	keep_text(&l->state, &l->state_len, state);
	return true;
}

struct text
ledger_log_position(const struct ledger *l)
{
	return (struct text){ l->position, l->position_len };
}

struct ledger_datagrams *
ledger_datagrams(struct ledger *l)
{
	return &l->datagrams;
}

struct text
ledger_log_state(const struct ledger *l)
{
	return (struct text){ l->state, l->state_len };
}

/* --------------------------------------------------------- files of days */

static bool
write_file(const char *path, int fd, const struct buffer *out)
{
	size_t done = 0;
	ssize_t n;

	while (done < out->len) {
		n = write(fd, out->data + done, out->len - done);
		if (n == -1 && errno != EINTR) {
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
			return false;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool
write_day(const struct ledger *l, const struct ledger_day *d)
{
	char path[PATH_SIZE], temporary[PATH_SIZE];
	struct buffer payload, out;
	uint32_t domain = 0;
	bool is_done;
	int fd;

	day_path(l, d->day, "", path);
	fd = open(day_path(l, d->day, ".new", temporary),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		return false;
	buffer_init(&payload, JOURNAL_RECORD_MAX_BYTES);
	buffer_init(&out, JOURNAL_RECORD_MAX_BYTES + 64);
	pack_u8(&payload, RECORD_VERSION);
	pack_u64(&payload, (uint64_t)d->day);
	pack_u64(&payload, tally_total(d->tally));
	do {
		buffer_reset(&out);
		journal_format_record((struct text){ payload.data,
		    payload.len }, &out);
		is_done = write_file(temporary, fd, &out);
		buffer_reset(&payload);
		tally_format_all(d->tally, &domain, FILE_ITEMS_BYTES,
		    &payload);
	} while (is_done && payload.len > 0);
	is_done = is_done && fsync(fd) == 0;
	close(fd);
	is_done = is_done && rename(temporary, path) == 0;
	if (!is_done)
		unlink(temporary);
	buffer_clear(&payload);
	buffer_clear(&out);
	return is_done;
}

static bool
is_saved(const struct ledger_day *d)
{
	return d->tally == NULL || d->saved_total == tally_total(d->tally);
}

/* The child: its memory is as it was when it began. */
static _Noreturn void
save_days(const struct ledger *l, int old_fd)
{
	size_t i;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* No file may know more than the journal, whatever happens. */
	if (fdatasync(old_fd) == -1)
		_exit(1);
	for (i = 0; i < l->day_count; i++)
		if (!is_saved(&l->days[i]) && !write_day(l, &l->days[i]))
			_exit(1);
	fd = open(l->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_exit(fd != -1 && fsync(fd) == 0 ? 0 : 1);
}

static void
start_saving(struct ledger *l)
{
	struct text position = ledger_log_position(l);
	struct text state = ledger_log_state(l);
	int old_fd;
	size_t i;

	l->save_ms = clock_monotonic_ms() + SAVE_AGAIN_MS;
	/* Files hold all that memory does: nothing may be held back. */
	if (has_changes(l))
		return;
	old_fd = journal_begin_segment(l->journal);
	if (old_fd == -1) {
		note_trouble(l, "a new journal", errno);
		return;
	}
	/* The new one stands alone when the old ones go. */
	if (position.len > 0 && !write_record(l, true, position, state)) {
		close(old_fd);
		return;
	}
	journal_sync(l->journal);
	l->saving_count = 0;
	for (i = 0; i < l->day_count; i++)
		if (!is_saved(&l->days[i])) {
			l->saving_days[l->saving_count] = l->days[i].day;
			l->saving_totals[l->saving_count++] =
			    tally_total(l->days[i].tally);
		}
	l->saver = fork();
	if (l->saver == 0)
		save_days(l, old_fd);
	if (l->saver == -1) {
		note_trouble(l, "a process that writes files", errno);
		l->saver = 0;
	}
	close(old_fd);
}

/* Not at once: a clock that jumps ahead may soon be right again. */
static void
remove_old_days(struct ledger *l)
{
	int64_t oldest = clock_now_s() / DAY_S - LEDGER_DAYS_KEPT;
	int64_t now_ms = clock_monotonic_ms();
	char path[PATH_SIZE];

	if (l->day_count == 0 || l->days[0].day >= oldest)
		l->old_ms = 0;
	else if (l->old_ms == 0)
		l->old_ms = now_ms;
	if (l->old_ms == 0 || now_ms - l->old_ms < OLD_MS)
		return;
	while (l->day_count > 0 && l->days[0].day < oldest) {
		unlink(day_path(l, l->days[0].day, "", path));
		drop_day(l, &l->days[0]);
	}
}

static void
check_saving(struct ledger *l)
{
	struct ledger_day *d;
	size_t i;
	int status;

	if (waitpid(l->saver, &status, WNOHANG) == 0)
		return;
	l->saver = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		log_warn("ledger: files of days could not be written; the "
		    "journal grows until they are");
		return;
	}
	for (i = 0; i < l->saving_count; i++) {
		d = find_day(l, l->saving_days[i]);
		if (d != NULL)
			d->saved_total = l->saving_totals[i];
	}
	journal_remove_old(l->journal);
	l->save_ms = 0;
}

/* ------------------------------------------------------------ in its time */

/* A past day that nobody asked for in a while. */
static bool
is_idle(const struct ledger_day *d)
{
	return d->tally != NULL && d->day != clock_now_s() / DAY_S &&
	    clock_monotonic_ms() - d->used_ms > IDLE_MS &&
	    !tally_has_marked(d->tally, TALLY_MARK_JOURNAL);
}

static bool
is_time_to_save(const struct ledger *l)
{
	uint64_t limit = SAVE_BYTES;
	size_t i;

	if (clock_monotonic_ms() < l->save_ms)
		return false;
	for (i = 0; i < l->day_count; i++) {
		if (is_idle(&l->days[i]) && !is_saved(&l->days[i]))
			return true;
		if (l->days[i].tally != NULL)
			limit += tally_bytes(l->days[i].tally);
	}
	return journal_bytes(l->journal) > limit;
}

static void
close_idle_days(struct ledger *l, bool is_shared)
{
	struct ledger_day *d;
	size_t i;

	for (i = 0; i < l->day_count; i++) {
		d = &l->days[i];
		if (!is_idle(d) || !is_saved(d) ||
		    (is_shared && tally_has_marked(d->tally,
		    TALLY_MARK_CACHE)))
			continue;
		d->total = tally_total(d->tally);
		tally_free(d->tally);
		d->tally = NULL;
	}
}

void
ledger_tick(struct ledger *l, bool is_shared)
{
	int64_t now_ms = clock_monotonic_ms();
	int error;

	if (l->journal == NULL) {
		if (now_ms >= l->reopen_ms) {
			l->reopen_ms = now_ms + REOPEN_MS;
			ledger_open(l);
		}
		return;
	}
	journal_sync(l->journal);
	error = journal_sync_error(l->journal);
	if (error != 0)
		note_trouble(l, "the journal", error);
	if (l->saver != 0)
		check_saving(l);
	else if (is_time_to_save(l))
		start_saving(l);
	else
		close_idle_days(l, is_shared);
	remove_old_days(l);
}

/* ---------------------------------------------------------------- the rest */

struct ledger *
ledger_new(const struct config *config)
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	if (getrandom(&l->hash_key, sizeof(l->hash_key), 0) !=
	    (ssize_t)sizeof(l->hash_key))
		abort();
	l->config = config;
	l->folder = xcalloc(1, strlen(config->state_dir) + sizeof("/ledger"));
	sprintf(l->folder, "%s/ledger", config->state_dir);
	return l;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	if (l->saver != 0)
		waitpid(l->saver, NULL, 0);
	while (l->day_count > 0)
		drop_day(l, &l->days[l->day_count - 1]);
	journal_free(l->journal);
	free(l->position);
	free(l->state);
	free(l->folder);
	free(l);
}

void
ledger_set_config(struct ledger *l, const struct config *config)
{
	l->config = config;
}

bool
ledger_is_open(const struct ledger *l)
{
	return l->journal != NULL;
}

const char *
ledger_writer(const struct ledger *l)
{
	return l->writer;
}

const char *
ledger_trouble(const struct ledger *l)
{
	return l->trouble[0] != '\0' ? l->trouble : NULL;
}

struct session_counts *
ledger_session_counts(struct ledger *l)
{
	return &l->counts;
}

uint64_t
ledger_journal_bytes(const struct ledger *l)
{
	return l->journal != NULL ? journal_bytes(l->journal) : 0;
}

size_t
ledger_memory_bytes(struct ledger *l)
{
	size_t sum = 0, i;

	for (i = 0; i < l->day_count; i++)
		if (l->days[i].tally != NULL)
			sum += tally_bytes(l->days[i].tally);
	return sum;
}
