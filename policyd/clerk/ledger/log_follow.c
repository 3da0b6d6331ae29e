/*
 * Following the mail log.  A position is known again by the octets before it,
 * wherever they stand now: in the same file, in one that was renamed, in a
 * copy, or in a packed one, which zlib reads as it reads plain ones.
 *
 * When the log is no more what it was, its older files are searched for the
 * position, newest first.  From there each newer one is read to its end, and
 * at last the log itself.  As files may be renamed meanwhile, they are
 * searched anew after each that had something to tell.
 */

#include "policyd/clerk/ledger/log_follow.h"

#include <sys/stat.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "shared/io/clock.h"
#include "shared/pack.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define VERSION		1
#define POLL_MS		500
#define READ_MS		5000	/* so long the end was the end, some polls */
#define MARK_MAX	512	/* octets by which a position is known */
#define BLOCK_BYTES	(128 * 1024)
#define LINE_MAX_BYTES	(64 * 1024)	/* longer ones are nobody's */
#define QUIET_POLLS	2	/* at the end of a file that was renamed */

/* Where reading stopped: a line's end in a file. */
struct position {
	uint64_t	device, number, offset;
	uint64_t	mark;		/* checksum of the octets before it */
	bool		is_set;
};

enum mode {
	MODE_WAIT,	/* for the log to be there */
	MODE_SEARCH,	/* older files, for the position */
	MODE_CATCH_UP,	/* reading an older file, to its end */
	MODE_FOLLOW	/* reading the log as it grows */
};

struct log_follow {
	const struct log_follow_callbacks *callbacks;
	void			*arg;
	enum mode		 mode;
	struct position		 at;
	char			 before[MARK_MAX];	/* at.offset */
	size_t			 before_len;
	bool			 begins_at_end;
	int			 fd;		/* the log, or -1 */
	int			 next;		/* the log after it, or -1 */
	bool			 is_finished;	/* the one before fd */
	gzFile			 older;		/* or NULL */
	unsigned		 older_n;
	bool			 has_told;	/* a line of older */
	unsigned		 quiet_polls;
	int64_t			 end_ms;	/* at the log's end; or 0 */
	struct event		*turn;
	char			*block;		/* octets behind at.offset */
	size_t			 block_len;
	bool			 is_skipping;	/* the rest of a long line */
	uint64_t		 line_count;
};

static const struct siphash_key mark_key = { 'l', 'o' };

static void
follow_turn_in(struct log_follow *f, unsigned ms)
{
	struct timeval delay = { ms / 1000, ms % 1000 * 1000 };

	event_add(f->turn, &delay);
}

/* ------------------------------------------------------------ positions */

void
log_follow_format(const struct log_follow *f, struct buffer *out)
{
	if (!f->at.is_set)
		return;
	pack_u8(out, VERSION);
	pack_u64(out, f->at.device);
	pack_u64(out, f->at.number);
	pack_u64(out, f->at.offset);
	pack_u64(out, siphash(&mark_key, f->before, f->before_len));
}

static bool
position_parse(struct text text, struct position *out)
{
	struct position p = { .is_set = true };
	struct unpack u;
	uint8_t version;

	unpack_init(&u, text.data, text.len);
	version = unpack_u8(&u);
	p.device = unpack_u64(&u);
	p.number = unpack_u64(&u);
	p.offset = unpack_u64(&u);
	p.mark = unpack_u64(&u);
	if (!unpack_is_done(&u) || version != VERSION)
		return false;
	*out = p;
	return true;
}

static bool
is_file_of(const struct position *at, int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 &&
	    (uint64_t)status.st_dev == at->device &&
	    (uint64_t)status.st_ino == at->number;
}

static size_t
mark_len(const struct position *at)
{
	return at->offset < MARK_MAX ? (size_t)at->offset : MARK_MAX;
}

/* True when these are the octets before the position, which are then kept. */
static bool
take_mark(struct log_follow *f, const char *octets)
{
	size_t len = mark_len(&f->at);

	if (siphash(&mark_key, octets, len) != f->at.mark)
		return false;
	memcpy(f->before, octets, len);
	f->before_len = len;
	return true;
}

/* True when the position lies in the log. */
static bool
is_in_log(struct log_follow *f)
{
	size_t len = mark_len(&f->at);
	char octets[MARK_MAX];

	return (len > 0 || is_file_of(&f->at, f->fd)) &&
	    pread(f->fd, octets, len, (off_t)(f->at.offset - len)) ==
	    (ssize_t)len && take_mark(f, octets);
}

/* The same of an older file, which is then read on from there. */
static bool
is_in_older(struct log_follow *f, int fd)
{
	size_t len = mark_len(&f->at);
	z_off_t begin = (z_off_t)(f->at.offset - len);
	char octets[MARK_MAX];

	return (len > 0 || is_file_of(&f->at, fd)) &&
	    gzseek(f->older, begin, SEEK_SET) == begin &&
	    gzread(f->older, octets, (unsigned)len) == (int)len &&
	    take_mark(f, octets);
}

static void
set_position(struct log_follow *f, int fd, uint64_t offset)
{
	struct stat status;

	if (fstat(fd, &status) == 0) {
		f->at.device = (uint64_t)status.st_dev;
		f->at.number = (uint64_t)status.st_ino;
	}
	if (offset == 0) {
		f->before_len = 0;
		f->at.mark = siphash(&mark_key, "", 0);
	}
	f->at.offset = offset;
	f->at.is_set = true;
	f->block_len = 0;
	f->is_skipping = false;
}

/* So many octets of the block are told. */
static void
advance(struct log_follow *f, size_t len)
{
	size_t kept;

	if (len == 0)
		return;
	if (len >= MARK_MAX) {
		memcpy(f->before, f->block + len - MARK_MAX, MARK_MAX);
		f->before_len = MARK_MAX;
	} else {
		kept = f->before_len + len > MARK_MAX ? MARK_MAX - len :
		    f->before_len;
		memmove(f->before, f->before + f->before_len - kept, kept);
		memcpy(f->before + kept, f->block, len);
		f->before_len = kept + len;
	}
	f->at.mark = siphash(&mark_key, f->before, f->before_len);
	f->at.offset += len;
	f->block_len -= len;
	memmove(f->block, f->block + len, f->block_len);
}

/* ----------------------------------------------------------------- lines */

static void
tell(struct log_follow *f, size_t begin, size_t end)
{
	f->line_count++;
	f->has_told = true;
	f->callbacks->on_line((struct text){ f->block + begin, end - begin },
	    f->arg);
}

/* Tells the lines of the block; at its file's end also what has no line end. */
static void
tell_lines(struct log_follow *f, bool is_end)
{
	size_t done = 0, end;
	char *found;

	while ((found = memchr(f->block + done, '\n',
	    f->block_len - done)) != NULL) {
		end = (size_t)(found - f->block);
		if (!f->is_skipping)
			tell(f, done, end);
		f->is_skipping = false;
		done = end + 1;
	}
	if (is_end && done < f->block_len) {
		if (!f->is_skipping)
			tell(f, done, f->block_len);
		done = f->block_len;
	} else if (done == 0 && f->block_len >= LINE_MAX_BYTES) {
		f->is_skipping = true;
		done = f->block_len;
	}
	advance(f, done);
}

/* ----------------------------------------------------------- the log itself */

static void
follow_from(struct log_follow *f, uint64_t offset)
{
	f->mode = MODE_FOLLOW;
	f->quiet_polls = 0;
	f->is_finished = false;
	set_position(f, f->fd, offset);
	follow_turn_in(f, 0);
}

static void
follow_from_end(struct log_follow *f)
{
	struct stat status;
	size_t len;

	f->begins_at_end = false;
	f->at.offset = fstat(f->fd, &status) == 0 ? (uint64_t)status.st_size :
	    0;
	len = mark_len(&f->at);
	if (pread(f->fd, f->before, len, (off_t)(f->at.offset - len)) !=
	    (ssize_t)len) {
		follow_from(f, 0);
		return;
	}
	f->before_len = len;
	f->at.mark = siphash(&mark_key, f->before, len);
	follow_from(f, f->at.offset);
}

static void
search_older(struct log_follow *f)
{
	f->mode = MODE_SEARCH;
	f->block_len = 0;
	f->older_n = 1;
	f->callbacks->on_want(1, f->arg);
}

/* The log is finished; those between it and the next one come first. */
static void
follow_next(struct log_follow *f)
{
	tell_lines(f, true);
	close(f->fd);
	f->fd = f->next;
	f->next = -1;
	f->is_finished = true;
	search_older(f);
}

/* At the log's end: was it cut, or has another one begun? */
static void
follow_at_end(struct log_follow *f)
{
	struct stat status;

	if (!is_in_log(f)) {
		/* Cut: perhaps after somebody has copied it. */
		search_older(f);
		return;
	}
	/* Who writes may have the old one open until it begins the new one. */
	if (f->next == -1 || fstat(f->next, &status) == -1 ||
	    status.st_size == 0) {
		f->quiet_polls = 0;
		f->end_ms = clock_monotonic_ms();
	} else if (++f->quiet_polls == QUIET_POLLS) {
		follow_next(f);
		return;
	}
	follow_turn_in(f, POLL_MS);
}

static void
follow_read(struct log_follow *f)
{
	ssize_t len = pread(f->fd, f->block + f->block_len,
	    BLOCK_BYTES - f->block_len,
	    (off_t)(f->at.offset + f->block_len));

	if (len <= 0) {
		follow_at_end(f);
		return;
	}
	f->quiet_polls = 0;
	f->block_len += (size_t)len;
	tell_lines(f, false);
	follow_turn_in(f, 0);
}

/* ------------------------------------------------------------ older files */

static void
close_older(struct log_follow *f)
{
	if (f->older != NULL)
		gzclose(f->older);
	f->older = NULL;
}

/* Nothing new in it: on to the next newer one. */
static void
older_leave(struct log_follow *f)
{
	close_older(f);
	if (f->has_told)
		search_older(f);
	else if (--f->older_n > 0)
		f->callbacks->on_want(f->older_n, f->arg);
	else	/* The log itself, when its renaming was not yet told. */
		follow_from(f, is_file_of(&f->at, f->fd) ? f->at.offset : 0);
}

static void
older_read(struct log_follow *f)
{
	int len = gzread(f->older, f->block + f->block_len,
	    (unsigned)(BLOCK_BYTES - f->block_len));

	if (len > 0) {
		f->block_len += (size_t)len;
		tell_lines(f, false);
		follow_turn_in(f, 0);
		return;
	}
	tell_lines(f, true);
	if (len < 0)
		f->callbacks->on_gap("an older file of it is broken", f->arg);
	older_leave(f);
}

static void
give_up_search(struct log_follow *f)
{
	if (!f->is_finished)
		f->callbacks->on_gap("the file in which reading had stopped "
		    "is not there", f->arg);
	follow_from(f, 0);
}

static void
take_older(struct log_follow *f, unsigned n, int fd)
{
	if (n != f->older_n || f->older != NULL ||
	    (f->mode != MODE_SEARCH && f->mode != MODE_CATCH_UP)) {
		if (fd != -1)
			close(fd);
		return;
	}
	f->older = fd != -1 ? gzdopen(fd, "rb") : NULL;
	f->has_told = false;
	if (f->older == NULL && fd != -1)
		close(fd);
	if (f->older == NULL)
		give_up_search(f);
	else if (f->mode == MODE_CATCH_UP) {
		set_position(f, fd, 0);
		follow_turn_in(f, 0);
	} else if (is_in_older(f, fd)) {
		set_position(f, fd, f->at.offset);
		f->is_finished = false;
		f->mode = MODE_CATCH_UP;
		follow_turn_in(f, 0);
	} else {
		close_older(f);
		f->callbacks->on_want(++f->older_n, f->arg);
	}
}

/* ---------------------------------------------------------------- public */

static void
follow_on_turn(evutil_socket_t fd, short events, void *arg)
{
	struct log_follow *f = arg;

	(void)fd;
	(void)events;
	if (f->mode == MODE_FOLLOW)
		follow_read(f);
	else if (f->mode == MODE_CATCH_UP && f->older != NULL)
		older_read(f);
}

static bool
is_same_file(int a, int b)
{
	struct stat x, y;

	return a != -1 && b != -1 && fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
	    x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The log, or the one that has taken its name. */
static void
take_log(struct log_follow *f, int fd)
{
	int *place = f->mode == MODE_FOLLOW ? &f->next : &f->fd;

	if (fd == -1)
		return;
	if (is_same_file(fd, f->fd) || is_same_file(fd, f->next)) {
		close(fd);
		return;
	}
	/* Who is replaced unread is an older file now, and found as such. */
	if (*place != -1)
		close(*place);
	*place = fd;
	if (f->mode != MODE_WAIT)
		return;
	if (f->begins_at_end)
		follow_from_end(f);
	else if (!f->at.is_set)
		follow_from(f, 0);
	else if (is_in_log(f))
		follow_from(f, f->at.offset);
	else
		search_older(f);
}

void
log_follow_take(struct log_follow *f, unsigned n, int fd)
{
	if (n == 0)
		take_log(f, fd);
	else
		take_older(f, n, fd);
}

struct log_follow *
log_follow_new(struct event_base *base, struct text position,
    const struct log_follow_callbacks *callbacks, void *arg)
{
	struct log_follow *f = xcalloc(1, sizeof(*f));

	f->callbacks = callbacks;
	f->arg = arg;
	f->fd = f->next = -1;
	f->block = xcalloc(1, BLOCK_BYTES);
	f->turn = evtimer_new(base, follow_on_turn, f);
	if (position.len > 0 && !position_parse(position, &f->at)) {
		f->begins_at_end = true;
		callbacks->on_gap("it was read elsewhere until now, and is "
		    "read in its file from here on", arg);
	}
	return f;
}

void
log_follow_free(struct log_follow *f)
{
	if (f == NULL)
		return;
	close_older(f);
	if (f->fd != -1)
		close(f->fd);
	if (f->next != -1)
		close(f->next);
	event_free(f->turn);
	free(f->block);
	free(f);
}

bool
log_follow_has_file(const struct log_follow *f)
{
	return f->fd != -1;
}

uint64_t
log_follow_line_count(const struct log_follow *f)
{
	return f->line_count;
}

bool
log_follow_is_read(const struct log_follow *f)
{
	return f->mode == MODE_FOLLOW && f->end_ms != 0 &&
	    clock_monotonic_ms() - f->end_ms < READ_MS;
}

uint64_t
log_follow_lag_bytes(const struct log_follow *f)
{
	struct stat status;

	if (f->fd == -1 || fstat(f->fd, &status) == -1)
		return 0;
	if (f->mode != MODE_FOLLOW)
		return (uint64_t)status.st_size + 1;
	return (uint64_t)status.st_size > f->at.offset ?
	    (uint64_t)status.st_size - f->at.offset : 0;
}
