/*
 * Which reports were tried: written to state_dir before a try begins and after
 * it ends, and to Redis for all hosts (docs/cache.md).  What a mark says is
 * report_plan's.  In Redis the first to write the begin of a try owns it, so
 * that no two hosts ever make the same one.
 */

#ifndef HOPSEAL_REPORT_BOOK_H
#define HOPSEAL_REPORT_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "policyd/clerk/report/report_plan.h"

#define REPORT_BOOK_DAYS	4	/* kept; nothing is sent later */
/* After Redis came: other hosts write again what it has lost. */
#define REPORT_BOOK_SETTLE_S	30

struct config;
struct event_base;
struct ledger_share;
struct report_book;
struct report_book_question;

/* One report to one destination. */
struct report_destination {
	int64_t		 day;
	const char	*domain;
	const char	*ref;		/* built_report's */
	uint64_t	 hash;		/* of where it goes */
};

/* is_fine: what was asked was done; else Redis or the disk did not do it. */
typedef void report_book_cb(bool is_fine, void *arg);

struct report_book *report_book_new(struct event_base *base,
		    struct ledger_share *share, const struct config *config);
void		 report_book_free(struct report_book *book);
/* config is borrowed until the next. */
void		 report_book_set_config(struct report_book *book,
		    const struct config *config);
/* Before the connection to Redis is replaced: who waits hears "not fine". */
void		 report_book_abort(struct report_book *book);

/* The disk takes marks, and Redis, if there is one, has had time to settle. */
bool		 report_book_is_ready(const struct report_book *book);

/* Reads what other hosts have done about a domain's day. */
void		 report_book_read(struct report_book *book, int64_t day,
		    const char *domain, report_book_cb *callback, void *arg);
/* Of what was read and written. */
void		 report_book_tries(const struct report_book *book,
		    const struct report_destination *to,
		    struct report_tries *out);
/* A mail of ours, as the relay answered: "queued as" that. */
bool		 report_book_has_mail(const struct report_book *book,
		    struct text queue_id);
/* Claims try n; fine: it is ours alone, and begins now. */
void		 report_book_begin(struct report_book *book,
		    const struct report_destination *to, unsigned n,
		    int64_t now, report_book_cb *callback, void *arg);
void		 report_book_end(struct report_book *book,
		    const struct report_destination *to, unsigned n,
		    enum report_try_end end, int64_t now, const char *words);
/* Nobody hears the answer of what arg asked. */
void		 report_book_forget(struct report_book *book, void *arg);

#endif
