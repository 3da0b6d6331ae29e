/*
 * Following the mail log.  A file is known again by its device and number, or
 * by its first octets where it was copied; older ones are read through zlib,
 * which passes on what is not compressed.
 *
 * An older file is searched, newest first, until the one in which the
 * position lies; from there on each newer one is read to its end, and at last
 * the log itself.
 */

#include "policyd/clerk/log_follow.h"

#include <sys/stat.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "shared/pack.h"
#include "shared/siphash.h"
#include "shared/xalloc.h"

#define VERSION		1
#define POLL_MS		500
#define HEAD_MAX	512	/* octets by which a file is known */
#define BLOCK_BYTES	(128 * 1024)
#define LINE_MAX_BYTES	(64 * 1024)	/* longer ones are nobody's */
#define NEXT_MAX	8	/* files that wait for their turn */
#define QUIET_POLLS	2	/* at the end of a file that was renamed */

/* Where reading stopped: the last line's end in a file. */
struct position {
	uint64_t	device, number, offset;
	uint32_t	head_len;
	uint64_t	head;		/* checksum of so many first octets */
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
	int			 fd;		/* the log, or -1 */
	gzFile			 older;		/* or NULL */
	unsigned		 older_n;
	int			 next[NEXT_MAX];	/* logs that follow fd */
	size_t			 next_count;
	unsigned		 quiet_polls;
	struct event		*turn;
	char			*block;		/* octets behind at.offset */
	size_t			 block_len;
	bool			 is_skipping;	/* the rest of a long line */
	uint64_t		 line_count;
};

static const struct siphash_key head_key = { 'l', 'o' };

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
	pack_u32(out, f->at.head_len);
	pack_u64(out, f->at.head);
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
	p.head_len = unpack_u32(&u);
	p.head = unpack_u64(&u);
	if (!unpack_is_done(&u) || version != VERSION ||
	    p.head_len > HEAD_MAX)
		return false;
	*out = p;
	return true;
}

/* How many first octets of the log have been read is what it is known by. */
static void
note_head(struct log_follow *f)
{
	char head[HEAD_MAX];
	uint32_t len = f->at.offset < HEAD_MAX ? (uint32_t)f->at.offset :
	    HEAD_MAX;

	if (f->at.head_len >= len ||
	    pread(f->fd, head, len, 0) != (ssize_t)len)
		return;
	f->at.head_len = len;
	f->at.head = siphash(&head_key, head, len);
}

static bool
has_head(const struct position *at, const char *head, ssize_t len)
{
	return at->head_len == 0 || (len >= (ssize_t)at->head_len &&
	    siphash(&head_key, head, at->head_len) == at->head);
}

/* True when the position lies in this file. */
static bool
is_at(const struct position *at, int fd)
{
	char head[HEAD_MAX];
	struct stat status;
	bool is_same;

	if (fstat(fd, &status) == -1)
		return false;
	is_same = (uint64_t)status.st_dev == at->device &&
	    (uint64_t)status.st_ino == at->number;
	return (is_same || at->head_len > 0) &&
	    (uint64_t)status.st_size >= at->offset &&
	    has_head(at, head, pread(fd, head, sizeof(head), 0));
}

static bool
is_at_older(const struct position *at, int fd, gzFile file)
{
	char head[HEAD_MAX];
	struct stat status;
	int len;

	if (fstat(fd, &status) == -1)
		return false;
	len = gzread(file, head, sizeof(head));
	if (at->head_len == 0)
		return (uint64_t)status.st_dev == at->device &&
		    (uint64_t)status.st_ino == at->number;
	return has_head(at, head, len) && gzrewind(file) == 0 &&
	    gzseek(file, (z_off_t)at->offset, SEEK_SET) ==
	    (z_off_t)at->offset;
}

/* ----------------------------------------------------------------- lines */

/* Tells the lines of the block; at its file's end also what has no line end. */
static void
tell_lines(struct log_follow *f, bool is_end)
{
	size_t done = 0;
	char *end;
	struct text line;

	while ((end = memchr(f->block + done, '\n', f->block_len - done)) !=
	    NULL) {
		line = (struct text){ f->block + done,
		    (size_t)(end - f->block) - done };
		done += line.len + 1;
		if (!f->is_skipping) {
			f->line_count++;
			f->callbacks->on_line(line, f->arg);
		}
		f->is_skipping = false;
	}
	if (is_end && done < f->block_len && !f->is_skipping)
		f->callbacks->on_line((struct text){ f->block + done,
		    f->block_len - done }, f->arg);
	if (is_end || (done == 0 && f->block_len >= LINE_MAX_BYTES)) {
		f->is_skipping = !is_end;
		done = f->block_len;
	}
	f->at.offset += done;
	f->block_len -= done;
	memmove(f->block, f->block + done, f->block_len);
}

/* ----------------------------------------------------------- the log itself */

static void
follow_from(struct log_follow *f, uint64_t offset)
{
	struct stat status;

	f->mode = MODE_FOLLOW;
	f->block_len = 0;
	f->is_skipping = false;
	f->quiet_polls = 0;
	if (fstat(f->fd, &status) == 0) {
		f->at.device = (uint64_t)status.st_dev;
		f->at.number = (uint64_t)status.st_ino;
	}
	if (offset == 0)
		f->at.head_len = 0;
	f->at.offset = offset;
	f->at.is_set = true;
	follow_turn_in(f, 0);
}

static void
search_older(struct log_follow *f)
{
	f->mode = MODE_SEARCH;
	f->older_n = 1;
	f->callbacks->on_want(1, f->arg);
}

/* At the log's end: was it cut, or has another one begun? */
static void
follow_at_end(struct log_follow *f)
{
	struct stat status;
	size_t i;

	if (!is_at(&f->at, f->fd)) {
		/* Cut: perhaps after somebody has copied it. */
		f->block_len = 0;
		search_older(f);
		return;
	}
	follow_turn_in(f, POLL_MS);
	if (f->next_count == 0 || fstat(f->next[0], &status) == -1)
		return;
	/* Who writes may still have the old one open until it has begun the
	   new one. */
	if (status.st_size == 0 && f->next_count == 1)
		return;
	if (++f->quiet_polls < QUIET_POLLS)
		return;
	tell_lines(f, true);
	close(f->fd);
	f->fd = f->next[0];
	f->next_count--;
	for (i = 0; i < f->next_count; i++)
		f->next[i] = f->next[i + 1];
	follow_from(f, 0);
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
	note_head(f);
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
	close_older(f);
	if (len < 0)
		f->callbacks->on_gap("an older file of it is broken", f->arg);
	/* Logs that were renamed meanwhile are open here. */
	if (--f->older_n > f->next_count)
		f->callbacks->on_want(f->older_n, f->arg);
	else
		follow_from(f, 0);
}

static void
take_older(struct log_follow *f, unsigned n, int fd)
{
	struct stat status;

	if (n != f->older_n || (f->mode != MODE_SEARCH &&
	    (f->mode != MODE_CATCH_UP || f->older != NULL))) {
		if (fd != -1)
			close(fd);
		return;
	}
	f->older = fd != -1 && fstat(fd, &status) == 0 ? gzdopen(fd, "rb") :
	    NULL;
	if (f->older == NULL && fd != -1)
		close(fd);
	if (f->older == NULL) {
		f->callbacks->on_gap(f->mode == MODE_SEARCH ?
		    "the file in which reading had stopped is not there" :
		    "an older file of it is not there", f->arg);
		follow_from(f, 0);
	} else if (f->mode == MODE_CATCH_UP) {
		/* The next newer one, from its begin. */
		f->at.device = (uint64_t)status.st_dev;
		f->at.number = (uint64_t)status.st_ino;
		f->at.offset = f->at.head_len = 0;
		follow_turn_in(f, 0);
	} else if (is_at_older(&f->at, fd, f->older)) {
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

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
	    x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The log, or the one that has taken its name. */
static void
take_log(struct log_follow *f, int fd)
{
	int newest = f->next_count > 0 ? f->next[f->next_count - 1] : f->fd;

	if (fd == -1)
		return;
	if (newest != -1 && is_same_file(fd, newest)) {
		close(fd);
		return;
	}
	if (f->mode != MODE_WAIT) {
		if (f->next_count == NEXT_MAX)
			close(f->next[--f->next_count]);
		f->next[f->next_count++] = fd;
		if (f->older != NULL)
			f->older_n++;	/* all are one older now */
		return;
	}
	f->fd = fd;
	if (!f->at.is_set)
		follow_from(f, 0);
	else if (is_at(&f->at, fd))
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
	f->fd = -1;
	f->block = xcalloc(1, BLOCK_BYTES);
	f->turn = evtimer_new(base, follow_on_turn, f);
	if (position.len > 0 && !position_parse(position, &f->at))
		callbacks->on_gap("where reading had stopped cannot be read",
		    arg);
	callbacks->on_want(0, arg);
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
	while (f->next_count > 0)
		close(f->next[--f->next_count]);
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

uint64_t
log_follow_lag_bytes(const struct log_follow *f)
{
	struct stat status;

	if (f->fd == -1 || fstat(f->fd, &status) == -1 ||
	    (uint64_t)status.st_size < f->at.offset)
		return 0;
	return f->mode == MODE_FOLLOW ?
	    (uint64_t)status.st_size - f->at.offset :
	    (uint64_t)status.st_size;
}
