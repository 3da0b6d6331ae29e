/*
 * Counts of TLS sessions for one UTC day: by domain, and there by a key that
 * holds all that a session is counted under (RFC 8460, 4.3), so that each
 * session is one count and every sum is exact.  Totals only grow.  Strangers
 * choose names and reasons: what is above a bound is counted as "(other)".
 */

#ifndef HOPSEAL_TLSRPT_TALLY_H
#define HOPSEAL_TLSRPT_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/policy/finding.h"
#include "shared/siphash.h"
#include "shared/text.h"
#include "shared/tlsrpt/session.h"

#define TALLY_OTHER		"(other)"
#define TALLY_DOMAIN_MAX	253	/* octets */
#define TALLY_KEYS_MAX		200	/* of a domain; then without details */
#define TALLY_TEXTS_MAX		16	/* policies and records of a domain */
#define TALLY_TEXT_MAX_BYTES	16384	/* of one of them */
#define TALLY_LINE_MAX_BYTES	(TALLY_TEXT_MAX_BYTES + 1024)
#define TALLY_REF_SIZE		40	/* "sts:0123456789abcdef" */
#define TALLY_NONE		UINT32_MAX

/* How a session ended for its domain. */
enum tally_outcome {
	TALLY_UNKNOWN,		/* encrypted, and nothing asked for more */
	TALLY_SUCCESS,
	TALLY_FAILURE,
	TALLY_CLEAR		/* without TLS, and nothing asked for it */
};

/* Slices are borrowed; empty where not known. */
struct tally_key {
	/* Counts no session: a further failure of one, or beside all. */
	bool			is_detail;
	enum session_direction	direction;
	enum tally_outcome	outcome;
	enum finding		finding;
	enum session_trust	trust;
	bool			is_probe;	/* evidence=probe */
	bool			is_let_pass;	/* of these: by Postfix */
	bool			refuses_our_certificate;
	struct text		policy;		/* "sts:REF", "sts" */
	struct text		record;		/* a TLSRPT record's REF */
	struct text		protocol, cipher;
	struct text		host, address;	/* the peer's */
	struct text		helo;		/* its name in its EHLO reply */
	struct text		sender;		/* our own address */
	struct text		service;	/* of ours: "smtpd", "imap" */
	struct text		result;	/* result-type, if not its */
	struct text		reason;
};

/* A policy as reports quote it (RFC 8460, 4.4). */
struct tally_policy {
	const char		*type;	/* "sts", "tlsa", "no-policy-found" */
	const char		*domain;
	const char *const	*strings, *const *mx;
	size_t			 string_count, mx_count;
};

/*
 * Where a count comes from.  What is read again after a crash is held back
 * until its reader's position is written down with it (tally_format_changes).
 */
enum tally_source { TALLY_ONCE, TALLY_REPEATABLE };

/* Who has not yet seen the latest totals of a domain. */
enum tally_mark { TALLY_MARK_JOURNAL, TALLY_MARK_CACHE, TALLY_MARK_COUNT };

struct tally_entry {
	uint64_t	 total;
	const char	*line;		/* a key; a policy's, record's text */
	uint32_t	 held;		/* of total: not yet written */
	uint32_t	 first_at, last_at;	/* s since 1970 */
	uint32_t	 hash;
	uint32_t	 next;		/* of the same domain, or TALLY_NONE */
	uint8_t		 changes;	/* private */
};

struct tally;

/*
 * day counts from 1970; at most domain_max names, "(other)" beside them.  key
 * is random, so that strangers cannot choose names that collide.
 */
struct tally	*tally_new(int64_t day, unsigned domain_max,
		    const struct siphash_key *key);
void		 tally_free(struct tally *t);
int64_t		 tally_day(const struct tally *t);

/* One more at that time; at is of the tally's day. */
void		 tally_add(struct tally *t, struct text domain,
		    const struct tally_key *key, int64_t at,
		    enum tally_source source);
/*
 * Keeps the text of a policy or record once and writes its reference for keys
 * to ref: of a policy only its type when there are too many.
 */
void		 tally_add_policy(struct tally *t, struct text domain,
		    const struct tally_policy *policy, int64_t at,
		    enum tally_source source, char ref[TALLY_REF_SIZE]);
void		 tally_add_record(struct tally *t, struct text domain,
		    struct text record, int64_t at, enum tally_source source,
		    char ref[TALLY_REF_SIZE]);

/*
 * The next total of a line: TALLY_RAISE never lowers one (a journal may say
 * the same twice), TALLY_SUM adds (another writer's).  False, and nothing
 * done, for a line that is none.
 */
enum tally_merge { TALLY_RAISE, TALLY_SUM };
bool		 tally_merge(struct tally *t, struct text domain,
		    struct text line, uint64_t total, uint32_t first_at,
		    uint32_t last_at, enum tally_merge how);

/* Domains are numbered from 0 and stay. */
uint32_t	 tally_domain_count(const struct tally *t);
const char	*tally_domain_name(const struct tally *t, uint32_t domain);
/* TALLY_NONE when it is not there. */
uint32_t	 tally_find(const struct tally *t, struct text domain);
/* Entries of a domain: from tally_first, by their next. */
uint32_t	 tally_first(const struct tally *t, uint32_t domain);
const struct tally_entry *tally_entry(const struct tally *t, uint32_t entry);
size_t		 tally_entry_count(const struct tally *t);
/* Of all lines: grows whenever anything does. */
uint64_t	 tally_total(const struct tally *t);
size_t		 tally_bytes(const struct tally *t);

/* What a line says; slices of it.  False for a line that is no key. */
bool		 tally_key_parse(struct text line, struct tally_key *out);
/*
 * "p", the reference, the policy's domain, then "s" or "m" before each string
 * or pattern; "r", the reference, the record.  Cut field by field.
 */
bool		 tally_line_is_text(struct text line);
/* "sts" of "sts:REF". */
struct text	 tally_policy_type(struct text policy);

/*
 * The journal's part: items of changed totals, read by tally_replay.  Without
 * with_held, what is repeatable stays out and changed.  tally_commit follows
 * once the items are safe, with the same with_held and nothing in between.
 */
void		 tally_format_changes(const struct tally *t, bool with_held,
		    struct buffer *out);
void		 tally_commit(struct tally *t, bool with_held);
/* All totals, for a file of the day; domain by domain from *domain on, until
   out holds limit octets. */
void		 tally_format_all(const struct tally *t, uint32_t *domain,
		    size_t limit, struct buffer *out);
/* False at the first item that is none. */
bool		 tally_replay(struct tally *t, struct text items);

/*
 * The shared cache's part (docs/cache.md): all totals of one domain by one
 * writer, "hopseal-tally 1" and a line each.
 */
void		 tally_format_domain(const struct tally *t, uint32_t domain,
		    struct buffer *out);
/* Adds up.  False for another version; bad lines are passed over. */
bool		 tally_merge_domain(struct tally *t, struct text domain,
		    struct text value);
/* A domain whose mark is set, which is taken off it; false when none is. */
bool		 tally_take_marked(struct tally *t, enum tally_mark mark,
		    uint32_t *domain);
void		 tally_mark(struct tally *t, enum tally_mark mark,
		    uint32_t domain);
bool		 tally_has_marked(const struct tally *t, enum tally_mark mark);
void		 tally_mark_all(struct tally *t, enum tally_mark mark);
void		 tally_unmark_all(struct tally *t, enum tally_mark mark);

const char	*tally_outcome_name(enum tally_outcome outcome);

#endif
