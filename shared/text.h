/*
 * Bounded reading of untrusted text: slices of a larger block, numbers that
 * do not wrap, and quoting for log lines and replies.
 */

#ifndef HOPSEAL_TEXT_H
#define HOPSEAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A slice of somebody else's bytes; not terminated, may hold anything. */
struct text {
	const char	*data;
	size_t		 len;
};

struct text	text_of(const char *terminated);
bool		text_equals(struct text t, const char *word);
bool		text_equals_nocase(struct text t, const char *word);
bool		text_starts_with(struct text t, const char *prefix);
bool		text_contains(struct text t, const char *part);
/* Without blanks and tabs at both ends. */
struct text	text_trim(struct text t);
/*
 * Cuts the next line from *rest: without its LF and without one CR before it.
 * False when nothing is left.
 */
bool		text_next_line(struct text *rest, struct text *line);
/* Cuts the next word (blanks and tabs separate) from *rest. */
bool		text_next_word(struct text *rest, struct text *word);
/* Cuts the next item of a list: blanks, commas and line ends separate. */
bool		text_next_item(struct text *rest, struct text *item);
/* Cuts what stands before separator; false when *rest is exhausted. */
bool		text_next_field(struct text *rest, char separator,
		    struct text *field);
/* Octets of the character that t begins with (UTF-8, RFC 3629); 0 for none. */
size_t		text_utf8_char(struct text t);
/* A letter or digit of ASCII, whatever the locale. */
bool		text_is_alphanumeric(char c);
/* The octet that the two hex digits at its begin write; -1 for none. */
int		text_hex_octet(struct text t);
/* True when each byte is printable ASCII (0x20 to 0x7e). */
bool		text_is_printable(struct text t);
/* Only digits, at least one, at most max; no sign, no blanks. */
bool		text_parse_u64(struct text t, uint64_t max, uint64_t *out);

/*
 * "2026-11-22T08:15:00Z" (RFC 3339), also with "+01:00" and a fraction, which
 * is dropped.  Without an offset it is UTC and *has_offset false.
 */
bool		text_parse_time(struct text t, int64_t *out, bool *has_offset);

/*
 * Writes t for a log line or a reply: bytes outside printable ASCII become
 * '?', and what does not fit ends in "...".  Returns out, always terminated;
 * size is at least 4.
 */
char		*text_quote(char *out, size_t size, struct text t);

/* "2026-11-22T08:15:00Z" (RFC 3339, UTC); size of out is at least 32. */
#define TEXT_TIME_SIZE 32
char		*text_format_time(char out[TEXT_TIME_SIZE], int64_t time_s);
char		*text_format_day(char out[TEXT_TIME_SIZE], int64_t time_s);
						/* "2026-11-22" */
/* "3h 5m", "12s", "2d 1h": two units at most. */
char		*text_format_age(char out[TEXT_TIME_SIZE], int64_t seconds);
/*
 * Edit distance of two short words, for "did you mean"; a large number when
 * one of them is longer than 64 bytes.
 */
unsigned	text_distance(const char *a, const char *b);

#endif
