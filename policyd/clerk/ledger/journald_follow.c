/*
 * Following systemd's journal.  journalctl is asked to begin with the entry
 * that was told last: when it comes, nothing is missing, and when it does not,
 * it was removed before what followed it was read.
 */

#include "policyd/clerk/ledger/journald_follow.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/ledger/journald_entry.h"
#include "shared/io/clock.h"
#include "shared/pack.h"
#include "shared/xalloc.h"

#define VERSION		2	/* 1 is log_follow's */
#define BLOCK_BYTES	(128 * 1024)
#define WAIT_MIN_S	1	/* before it is asked for again */
#define WAIT_MAX_S	60
#define PRESENT_S	60	/* so old is an entry while others follow */
#define QUIET_MS	5000	/* none follows */
#define SEEK_MS		60000	/* none comes at all: it may be searching */

struct journald_follow {
	const struct journald_follow_callbacks *callbacks;
	void			*arg;
	struct event_base	*base;
	char			 cursor[JOURNALD_CURSOR_MAX];	/* told last */
	size_t			 cursor_len;	/* 0: none */
	bool			 is_seeking;	/* nothing beyond it came yet */
	bool			 is_found;	/* it did */
	int			 fd;		/* or -1 */
	struct event		*readable, *again;	/* NULL without fd */
	unsigned		 wait_s;
	char			*block;
	size_t			 block_len;
	bool			 is_skipping;	/* the rest of a long line */
	int64_t			 quiet_ms;	/* no output since */
	int64_t			 last_at;	/* the last entry's; or 0 */
	uint64_t		 entry_count;
};

/* ------------------------------------------------------------ positions */

static bool
position_parse(struct text position, struct text *cursor)
{
	struct unpack u;
	uint8_t version;

	unpack_init(&u, position.data, position.len);
	version = unpack_u8(&u);
	*cursor = unpack_text(&u);
	return unpack_is_done(&u) && version == VERSION && cursor->len > 0 &&
	    cursor->len <= JOURNALD_CURSOR_MAX;
}

struct text
journald_follow_begin(struct text position)
{
	struct text cursor;

	if (position.len == 0)
		return text_of("");
	return position_parse(position, &cursor) ? cursor : text_of("now");
}

void
journald_follow_format(const struct journald_follow *f, struct buffer *out)
{
	if (f->cursor_len == 0)
		return;
	pack_u8(out, VERSION);
	pack_text(out, (struct text){ f->cursor, f->cursor_len });
}

/* --------------------------------------------------------------- entries */

/* True for what was told before, or by another process of ours. */
static bool
is_told(struct journald_follow *f, struct text cursor)
{
	bool is_told, is_same;

	if (!f->is_seeking)
		return false;
	is_told = journald_cursor_is_up_to(cursor, (struct text){ f->cursor,
	    f->cursor_len }, &is_same);
	f->is_found |= is_same;
	if (is_told)
		return true;
	f->is_seeking = false;
	if (!f->is_found)
		f->callbacks->on_gap("the journal's entry at which reading had "
		    "stopped is not there", f->arg);
	return false;
}

static void
tell(struct journald_follow *f, struct text line)
{
	struct journald_entry entry;

	if (!journald_entry_parse(line, &entry))
		return;
	f->wait_s = WAIT_MIN_S;
	f->last_at = entry.at;
	if (!is_told(f, entry.cursor)) {
		f->entry_count++;
		f->callbacks->on_entry(&entry, f->arg);
		memcpy(f->cursor, entry.cursor.data, entry.cursor.len);
		f->cursor_len = entry.cursor.len;
	}
	journald_entry_clear(&entry);
}

static void
tell_lines(struct journald_follow *f)
{
	size_t done = 0, end;
	char *found;

	while ((found = memchr(f->block + done, '\n',
	    f->block_len - done)) != NULL) {
		end = (size_t)(found - f->block);
		if (!f->is_skipping)
			tell(f, (struct text){ f->block + done, end - done });
		f->is_skipping = false;
		done = end + 1;
	}
	if (done == 0 && f->block_len == BLOCK_BYTES) {
		f->is_skipping = true;
		done = f->block_len;
	}
	f->block_len -= done;
	memmove(f->block, f->block + done, f->block_len);
}

/* --------------------------------------------------------------- its output */

static void
close_output(struct journald_follow *f)
{
	if (f->fd == -1)
		return;
	event_free(f->readable);
	close(f->fd);
	f->fd = -1;
}

static void
ask_again(struct journald_follow *f)
{
	struct timeval delay = { f->wait_s, 0 };

	event_add(f->again, &delay);
	f->wait_s = f->wait_s * 2 > WAIT_MAX_S ? WAIT_MAX_S : f->wait_s * 2;
}

static void
on_again(evutil_socket_t fd, short events, void *arg)
{
	struct journald_follow *f = arg;

	(void)fd;
	(void)events;
	f->callbacks->on_want(f->arg);
}

static void
on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct journald_follow *f = arg;
	ssize_t len = read(fd, f->block + f->block_len,
	    BLOCK_BYTES - f->block_len);

	(void)events;
	if (len == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		close_output(f);
		ask_again(f);
		return;
	}
	f->quiet_ms = clock_monotonic_ms();
	f->block_len += (size_t)len;
	tell_lines(f);
}

void
journald_follow_take(struct journald_follow *f, int fd)
{
	close_output(f);
	event_del(f->again);
	f->block_len = 0;
	f->is_skipping = f->is_found = false;
	f->is_seeking = f->cursor_len > 0;
	f->last_at = 0;
	f->quiet_ms = clock_monotonic_ms();
	if (fd == -1) {
		ask_again(f);
		return;
	}
	f->fd = fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	f->readable = event_new(f->base, fd, EV_READ | EV_PERSIST,
	    on_readable, f);
	event_add(f->readable, NULL);
}

/* ---------------------------------------------------------------- the rest */

struct journald_follow *
journald_follow_new(struct event_base *base, struct text position,
    const struct journald_follow_callbacks *callbacks, void *arg)
{
	struct journald_follow *f = xcalloc(1, sizeof(*f));
	struct text cursor;

	f->base = base;
	f->callbacks = callbacks;
	f->arg = arg;
	f->fd = -1;
	f->wait_s = WAIT_MIN_S;
	f->block = xcalloc(1, BLOCK_BYTES);
	f->again = evtimer_new(base, on_again, f);
	if (position_parse(position, &cursor)) {
		memcpy(f->cursor, cursor.data, cursor.len);
		f->cursor_len = cursor.len;
	} else if (position.len > 0)
		callbacks->on_gap("it was read elsewhere until now, and is "
		    "read in the journal from here on", arg);
	return f;
}

void
journald_follow_free(struct journald_follow *f)
{
	if (f == NULL)
		return;
	close_output(f);
	event_free(f->again);
	free(f->block);
	free(f);
}

bool
journald_follow_is_read(const struct journald_follow *f)
{
	int64_t late_s = clock_now_s() - f->last_at;
	int64_t quiet_ms = clock_monotonic_ms() - f->quiet_ms;

	return f->fd != -1 &&
	    (quiet_ms >= (f->last_at != 0 ? QUIET_MS : SEEK_MS) ||
	    (late_s >= -PRESENT_S && late_s <= PRESENT_S));
}

uint64_t
journald_follow_entry_count(const struct journald_follow *f)
{
	return f->entry_count;
}
