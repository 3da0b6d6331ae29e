/*
 * The book of reports.  In memory a list of pages, one for each domain and
 * day, whose marks only ever are added; the file has them line by line.
 */

#include "policyd/clerk/report/report_book.h"

#include <sys/queue.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/clerk/ledger/ledger_share.h"
#include "shared/host_name.h"
#include "shared/io/clock.h"
#include "shared/io/config.h"
#include "shared/io/file.h"
#include "shared/io/log.h"
#include "shared/io/redis_link.h"
#include "shared/mail_reply.h"
#include "shared/tlsrpt/tally_name.h"
#include "shared/xalloc.h"

#define DAY_S		86400
#define FILE_MAX_BYTES	(64 * 1024 * 1024)
#define PATH_SIZE	4096
#define FIELD_SIZE	64
#define MARK_SIZE	256
#define PAGE_NAME_SIZE	(HOST_NAME_SIZE + 32)
#define PUSHED_A_TICK	50	/* pages */
#define CHECK_TICKS	10	/* whether Redis was flushed */

struct page {
	int64_t	 day;
	char	*domain;
	json_t	*marks;		/* "REF.DEST.1.begin": "begun 1763800000" */
};

struct report_book_question {
	LIST_ENTRY(report_book_question) entry;
	struct report_book	*book;
	struct redis_question	*asked;
	struct event		*at_once;	/* an answer without Redis */
	bool			 is_fine;
	/* what is claimed, or read where field is "" */
	int64_t			 day;
	char			*domain;
	char			 field[FIELD_SIZE], value[MARK_SIZE];
	report_book_cb		*callback;
	void			*arg;
};

struct report_book {
	struct event_base	*base;
	struct ledger_share	*share;
	const struct config	*config;
	struct event		*tick;
	struct page		*pages;
	size_t			 count, capacity;
	json_t			*index;		/* "DAY DOMAIN": number */
	json_t			*queue_ids;	/* a set, of mails that left */
	int			 fd;		/* -1: not open */
	int64_t			 opened_day;
	bool			 is_told;	/* that it cannot be */
	int64_t			 up_since_ms;	/* of Redis; 0: away */
	size_t			 push_next;	/* pages that Redis may lack */
	unsigned		 ticks;
	LIST_HEAD(, report_book_question) questions;
};

/* ---------------------------------------------------------------- pages */

static struct page *
find_page(const struct report_book *book, int64_t day, const char *domain)
{
	char name[PAGE_NAME_SIZE];
	json_t *number;

	snprintf(name, sizeof(name), "%" PRId64 " %s", day, domain);
	number = json_object_get(book->index, name);
	return number != NULL ? &book->pages[json_integer_value(number)] :
	    NULL;
}

static struct page *
make_page(struct report_book *book, int64_t day, const char *domain)
{
	struct page *page = find_page(book, day, domain);
	char name[PAGE_NAME_SIZE];

	if (page != NULL)
		return page;
	if (book->count == book->capacity) {
		book->capacity = book->capacity * 2 + 64;
		book->pages = xreallocarray(book->pages, book->capacity,
		    sizeof(*book->pages));
	}
	snprintf(name, sizeof(name), "%" PRId64 " %s", day, domain);
	json_object_set_new(book->index, name,
	    json_integer((json_int_t)book->count));
	page = &book->pages[book->count++];
	*page = (struct page){ day, xstrdup(domain), json_object() };
	return page;
}

/* "sent 1763800001 250 2.0.0 Ok: queued as 4Wz1": as Postfix answers. */
static void
note_queue_id(struct report_book *book, const char *value)
{
	char id[MAIL_QUEUE_ID_SIZE];

	if (strncmp(value, "sent ", 5) == 0 && mail_reply_queue_id(value, id))
		json_object_set_new(book->queue_ids, id, json_true());
}

/* The first that was said stands. */
static void
add_mark(struct report_book *book, int64_t day, const char *domain,
    const char *field, const char *value)
{
	struct page *page = make_page(book, day, domain);

	if (json_object_get(page->marks, field) == NULL) {
		json_object_set_new(page->marks, field, json_string(value));
		note_queue_id(book, value);
	}
}

static void
forget_pages(struct report_book *book)
{
	while (book->count > 0) {
		free(book->pages[--book->count].domain);
		json_decref(book->pages[book->count].marks);
	}
	json_object_clear(book->index);
	json_object_clear(book->queue_ids);
	book->push_next = 0;
}

static void
format_field(const struct report_destination *to, unsigned n,
    enum report_mark mark, char out[FIELD_SIZE])
{
	snprintf(out, FIELD_SIZE, "%s.%016" PRIx64 ".%u.%s", to->ref,
	    to->hash, n, mark == REPORT_MARK_BEGIN ? "begin" : "end");
}

bool
report_book_has_mail(const struct report_book *book, struct text queue_id)
{
	char id[MAIL_QUEUE_ID_SIZE];

	/* Asked of every session, most often where no report was sent. */
	return json_object_size(book->queue_ids) > 0 &&
	    queue_id.len > 0 && queue_id.len < sizeof(id) &&
	    json_object_get(book->queue_ids, text_quote(id, sizeof(id),
	    queue_id)) != NULL;
}

void
report_book_tries(const struct report_book *book,
    const struct report_destination *to, struct report_tries *out)
{
	const struct page *page = find_page(book, to->day, to->domain);
	char field[FIELD_SIZE];
	enum report_mark mark;
	const char *value;
	unsigned n;

	memset(out, 0, sizeof(*out));
	for (n = 1; page != NULL && n <= REPORT_TRIES_MAX; n++)
		for (mark = REPORT_MARK_BEGIN; mark <= REPORT_MARK_END;
		    mark++) {
			format_field(to, n, mark, field);
			value = json_string_value(json_object_get(page->marks,
			    field));
			if (value != NULL)
				report_tries_note(out, n, mark,
				    text_of(value));
		}
}

/* ----------------------------------------------------------------- disk */

static void
say_trouble(struct report_book *book, const char *path)
{
	if (!book->is_told)
		log_error("reports are not sent: file=%s, reason=%s", path,
		    strerror(errno));
	book->is_told = true;
}

static bool
write_line(int fd, int64_t day, const char *domain, const char *field,
    const char *value)
{
	struct buffer line;
	bool is_written;

	buffer_init(&line, 4096);
	buffer_addf(&line, "%" PRId64 "\t%s\t%s\t%s\n", day, domain, field,
	    value);
	is_written = write(fd, line.data, line.len) == (ssize_t)line.len;
	buffer_clear(&line);
	return is_written;
}

/* What was cut by a crash is no line, and stands for nothing that was sent. */
static void
read_line(struct report_book *book, struct text line, int64_t oldest)
{
	struct text day, domain, field, value = { NULL, 0 };
	char name[HOST_NAME_SIZE], f[FIELD_SIZE], v[MARK_SIZE];
	uint64_t number;

	if (!text_next_field(&line, '\t', &day) ||
	    !text_next_field(&line, '\t', &domain) ||
	    !text_next_field(&line, '\t', &field) ||
	    !text_next_field(&line, '\t', &value) || line.data != NULL ||
	    !text_parse_u64(day, INT32_MAX, &number) ||
	    (int64_t)number < oldest || !host_name_is_normal(domain) ||
	    field.len >= sizeof(f) || value.len >= sizeof(v))
		return;
	memcpy(name, domain.data, domain.len);
	name[domain.len] = '\0';
	add_mark(book, (int64_t)number, name, text_quote(f, sizeof(f), field),
	    text_quote(v, sizeof(v), value));
}

static bool
write_pages(const struct report_book *book, int fd)
{
	const struct page *page;
	const char *field;
	json_t *value;
	size_t i;

	for (i = 0; i < book->count; i++) {
		page = &book->pages[i];
		json_object_foreach(page->marks, field, value)
			if (!write_line(fd, page->day, page->domain, field,
			    json_string_value(value)))
				return false;
	}
	return fsync(fd) == 0;
}

/* Reads the file and writes anew what is young enough. */
static bool
open_file(struct report_book *book)
{
	int64_t oldest = clock_now_s() / DAY_S - REPORT_BOOK_DAYS;
	char path[PATH_SIZE], new_path[PATH_SIZE + 4];
	struct buffer content;
	struct text rest, line;

	snprintf(path, sizeof(path), "%s/reports-sent",
	    book->config->state_dir);
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	buffer_init(&content, FILE_MAX_BYTES);
	if (file_read(path, &content) == -1 && errno != ENOENT) {
		say_trouble(book, path);
		buffer_clear(&content);
		return false;
	}
	forget_pages(book);
	rest = (struct text){ buffer_text(&content), content.len };
	while (text_next_line(&rest, &line))
		read_line(book, line, oldest);
	buffer_clear(&content);
	book->fd = open(new_path, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC |
	    O_CLOEXEC, 0640);
	if (book->fd != -1 && write_pages(book, book->fd) &&
	    rename(new_path, path) == 0) {
		book->is_told = false;
		book->opened_day = clock_now_s() / DAY_S;
		return true;
	}
	say_trouble(book, path);
	if (book->fd != -1)
		close(book->fd);
	book->fd = -1;
	return false;
}

/* False when the disk did not take it. */
static bool
write_mark(struct report_book *book, int64_t day, const char *domain,
    const char *field, const char *value)
{
	add_mark(book, day, domain, field, value);
	if (book->fd != -1 && write_line(book->fd, day, domain, field,
	    value) && fdatasync(book->fd) == 0)
		return true;
	say_trouble(book, "reports-sent");
	if (book->fd != -1)
		close(book->fd);
	book->fd = -1;	/* once more from the begin, when there is room */
	return false;
}

/* ---------------------------------------------------------------- Redis */

static char *
shared_key(int64_t day, const char *domain, char out[TALLY_NAME_SIZE])
{
	char date[TALLY_DATE_SIZE];

	snprintf(out, TALLY_NAME_SIZE, "hopseal:report:{%s}:%s", domain,
	    tally_date_format(day, date));
	return out;
}

static void
on_ignored(const struct redis_reply *reply, void *arg)
{
	struct report_book *book = arg;

	/* It may lack this: all of it again, once it is back. */
	if (reply == NULL || reply->type == REDIS_ERROR)
		book->up_since_ms = 0;
}

static struct redis_question *
share_mark(struct report_book *book, int64_t day, const char *domain,
    const char *field, const char *value, redis_link_reply_cb *callback,
    void *arg)
{
	struct redis_link *link = ledger_share_link(book->share);
	char key[TALLY_NAME_SIZE], at[24];
	const char *set[] = { "HSETNX", shared_key(day, domain, key), field,
	    value };
	const char *expire[] = { "EXPIREAT", key, at };
	struct redis_question *asked;

	snprintf(at, sizeof(at), "%" PRId64,
	    (day + REPORT_BOOK_DAYS + 1) * DAY_S);
	asked = redis_link_ask(link, callback, arg, 4, set, NULL);
	redis_link_ask(link, on_ignored, book, 3, expire, NULL);
	return asked;
}

static void
push_page(struct report_book *book, const struct page *page)
{
	const char *field;
	json_t *value;

	json_object_foreach(page->marks, field, value)
		share_mark(book, page->day, page->domain, field,
		    json_string_value(value), on_ignored, book);
}

static void
on_exists(const struct redis_reply *reply, void *arg)
{
	struct report_book *book = arg;

	if (reply != NULL && reply->type == REDIS_INTEGER &&
	    reply->integer == 0)
		book->push_next = 0;
}

/* Pages are pushed in their order: where the last is, all are. */
static void
check_last_page(struct report_book *book)
{
	const struct page *page = &book->pages[book->count - 1];
	char key[TALLY_NAME_SIZE];
	const char *words[] = { "EXISTS", shared_key(page->day, page->domain,
	    key) };

	redis_link_ask(ledger_share_link(book->share), on_exists, book, 2,
	    words, NULL);
}

static void
on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct timeval again = { 1, 0 };
	struct report_book *book = arg;
	unsigned i;

	(void)fd;
	(void)events;
	event_add(book->tick, &again);
	if (book->config->report == CONFIG_REPORT_OFF)
		return;
	if (book->fd != -1 && book->opened_day != clock_now_s() / DAY_S) {
		close(book->fd);	/* old days leave with it */
		book->fd = -1;
	}
	if (book->fd == -1 && !open_file(book))
		return;
	if (!ledger_share_is_up(book->share))
		book->up_since_ms = 0;
	else if (book->up_since_ms == 0) {
		book->up_since_ms = clock_monotonic_ms();
		book->push_next = 0;
	} else if (book->push_next < book->count)
		for (i = 0; i < PUSHED_A_TICK && book->push_next <
		    book->count; i++)
			push_page(book, &book->pages[book->push_next++]);
	else if (book->count > 0 && ++book->ticks % CHECK_TICKS == 0)
		check_last_page(book);
}

bool
report_book_is_ready(const struct report_book *book)
{
	if (book->fd == -1)
		return false;
	if (ledger_share_link(book->share) == NULL)
		return true;
	return book->up_since_ms != 0 && clock_monotonic_ms() >=
	    book->up_since_ms + REPORT_BOOK_SETTLE_S * 1000;
}

/* ------------------------------------------------------------- questions */

static void
question_free(struct report_book_question *q)
{
	LIST_REMOVE(q, entry);
	event_free(q->at_once);
	free(q->domain);
	free(q);
}

static void
question_finish(struct report_book_question *q, bool is_fine)
{
	if (q->callback != NULL)
		q->callback(is_fine, q->arg);
	question_free(q);
}

static void
on_at_once(evutil_socket_t fd, short events, void *arg)
{
	struct report_book_question *q = arg;

	(void)fd;
	(void)events;
	question_finish(q, q->is_fine);
}

static void
question_answer(struct report_book_question *q, bool is_fine)
{
	struct timeval now = { 0, 0 };

	q->is_fine = is_fine;
	evtimer_add(q->at_once, &now);
}

static struct report_book_question *
question_new(struct report_book *book, int64_t day, const char *domain,
    report_book_cb *callback, void *arg)
{
	struct report_book_question *q = xcalloc(1, sizeof(*q));

	q->book = book;
	q->day = day;
	q->domain = xstrdup(domain);
	q->callback = callback;
	q->arg = arg;
	q->at_once = evtimer_new(book->base, on_at_once, q);
	LIST_INSERT_HEAD(&book->questions, q, entry);
	return q;
}

static void
on_marks(const struct redis_reply *reply, void *arg)
{
	struct report_book_question *q = arg;
	char field[FIELD_SIZE], value[MARK_SIZE];
	size_t i;

	q->asked = NULL;
	if (reply == NULL || reply->type != REDIS_ARRAY) {
		question_finish(q, false);
		return;
	}
	for (i = 0; i + 1 < reply->count; i += 2)
		add_mark(q->book, q->day, q->domain, text_quote(field,
		    sizeof(field), reply->elements[i]->text),
		    text_quote(value, sizeof(value),
		    reply->elements[i + 1]->text));
	question_finish(q, true);
}

void
report_book_read(struct report_book *book, int64_t day, const char *domain,
    report_book_cb *callback, void *arg)
{
	struct redis_link *link = ledger_share_link(book->share);
	struct report_book_question *q = question_new(book, day, domain,
	    callback, arg);
	char key[TALLY_NAME_SIZE];
	const char *words[] = { "HGETALL", shared_key(day, domain, key) };

	if (link == NULL)
		question_answer(q, true);
	else if (!ledger_share_is_up(book->share))
		question_answer(q, false);
	else
		q->asked = redis_link_ask(link, on_marks, q, 2, words, NULL);
}

/* 1: nobody had begun it; the file has it only now, and then it begins. */
static void
on_claimed(const struct redis_reply *reply, void *arg)
{
	struct report_book_question *q = arg;
	bool is_ours = reply != NULL && reply->type == REDIS_INTEGER &&
	    reply->integer == 1;

	q->asked = NULL;
	question_finish(q, is_ours && write_mark(q->book, q->day, q->domain,
	    q->field, q->value));
}

void
report_book_begin(struct report_book *book,
    const struct report_destination *to, unsigned n, int64_t now,
    report_book_cb *callback, void *arg)
{
	struct report_book_question *q = question_new(book, to->day,
	    to->domain, callback, arg);

	format_field(to, n, REPORT_MARK_BEGIN, q->field);
	report_mark_format(REPORT_TRY_OPEN, now, "", q->value,
	    sizeof(q->value));
	if (ledger_share_link(book->share) == NULL)
		question_answer(q, write_mark(book, to->day, to->domain,
		    q->field, q->value));
	else if (!ledger_share_is_up(book->share))
		question_answer(q, false);
	else
		q->asked = share_mark(book, to->day, to->domain, q->field,
		    q->value, on_claimed, q);
}

void
report_book_end(struct report_book *book,
    const struct report_destination *to, unsigned n, enum report_try_end end,
    int64_t now, const char *words)
{
	char field[FIELD_SIZE], value[MARK_SIZE];

	format_field(to, n, REPORT_MARK_END, field);
	report_mark_format(end, now, words, value, sizeof(value));
	write_mark(book, to->day, to->domain, field, value);
	if (ledger_share_link(book->share) != NULL)
		share_mark(book, to->day, to->domain, field, value,
		    on_ignored, book);
}

void
report_book_forget(struct report_book *book, void *arg)
{
	struct report_book_question *q;

	LIST_FOREACH(q, &book->questions, entry)
		if (q->arg == arg)
			q->callback = NULL;
}

/* ----------------------------------------------------------------- whole */

struct report_book *
report_book_new(struct event_base *base, struct ledger_share *share,
    const struct config *config)
{
	struct report_book *book = xcalloc(1, sizeof(*book));

	book->base = base;
	book->share = share;
	book->config = config;
	book->fd = -1;
	book->index = json_object();
	book->queue_ids = json_object();
	book->tick = evtimer_new(base, on_tick, book);
	LIST_INIT(&book->questions);
	on_tick(-1, 0, book);
	return book;
}

void
report_book_set_config(struct report_book *book, const struct config *config)
{
	book->config = config;
}

void
report_book_abort(struct report_book *book)
{
	struct report_book_question *q;

	LIST_FOREACH(q, &book->questions, entry)
		if (q->asked != NULL) {
			redis_link_cancel(ledger_share_link(book->share),
			    q->asked);
			q->asked = NULL;
			question_answer(q, false);
		}
	book->up_since_ms = 0;
}

void
report_book_free(struct report_book *book)
{
	struct report_book_question *q;

	if (book == NULL)
		return;
	while ((q = LIST_FIRST(&book->questions)) != NULL) {
		if (q->asked != NULL)
			redis_link_cancel(ledger_share_link(book->share),
			    q->asked);
		question_free(q);
	}
	if (book->fd != -1)
		close(book->fd);
	forget_pages(book);
	free(book->pages);
	json_decref(book->index);
	json_decref(book->queue_ids);
	event_free(book->tick);
	free(book);
}
