/*
 * Bounded reading of untrusted text, and its quoting.  Nothing here relies on
 * a final NUL of its input, and nothing depends on the locale.
 */

#include "shared/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DISTANCE_WORD_MAX 64
/* RFC 3339 writes the years 0000 to 9999; certificates may claim others. */
#define TIME_MIN_S	INT64_C(-62167219200)
#define TIME_MAX_S	INT64_C(253402300799)

struct text
text_of(const char *terminated)
{
	return (struct text){ terminated, strlen(terminated) };
}

bool
text_equals(struct text t, const char *word)
{
	return t.len == strlen(word) &&
	    (t.len == 0 || memcmp(t.data, word, t.len) == 0);
}

bool
text_equals_nocase(struct text t, const char *word)
{
	return t.len == strlen(word) &&
	    (t.len == 0 || strncasecmp(t.data, word, t.len) == 0);
}

bool
text_starts_with(struct text t, const char *prefix)
{
	size_t len = strlen(prefix);

	return t.len >= len && memcmp(t.data, prefix, len) == 0;
}

bool
text_contains(struct text t, const char *part)
{
	return t.len > 0 &&
	    memmem(t.data, t.len, part, strlen(part)) != NULL;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct text
text_trim(struct text t)
{
	while (t.len > 0 && is_blank(t.data[0])) {
		t.data++;
		t.len--;
	}
	while (t.len > 0 && is_blank(t.data[t.len - 1]))
		t.len--;
	return t;
}

bool
text_next_line(struct text *rest, struct text *line)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->data, '\n', rest->len);
	line->data = rest->data;
	line->len = end != NULL ? (size_t)(end - rest->data) : rest->len;
	rest->data += line->len;
	rest->len -= line->len;
	if (end != NULL) {
		rest->data++;
		rest->len--;
		if (line->len > 0 && line->data[line->len - 1] == '\r')
			line->len--;
	}
	return true;
}

bool
text_next_word(struct text *rest, struct text *word)
{
	size_t i = 0;

	*rest = text_trim(*rest);
	if (rest->len == 0)
		return false;
	while (i < rest->len && !is_blank(rest->data[i]))
		i++;
	*word = (struct text){ rest->data, i };
	rest->data += i;
	rest->len -= i;
	return true;
}

static bool
is_list_separator(char c)
{
	return is_blank(c) || c == ',' || c == '\n' || c == '\r';
}

bool
text_next_item(struct text *rest, struct text *item)
{
	size_t i = 0;

	while (rest->len > 0 && is_list_separator(rest->data[0])) {
		rest->data++;
		rest->len--;
	}
	while (i < rest->len && !is_list_separator(rest->data[i]))
		i++;
	*item = (struct text){ rest->data, i };
	rest->data += i;
	rest->len -= i;
	return i > 0;
}

bool
text_next_field(struct text *rest, char separator, struct text *field)
{
	const char *end;

	if (rest->data == NULL)
		return false;
	end = memchr(rest->data, separator, rest->len);
	field->data = rest->data;
	if (end == NULL) {
		field->len = rest->len;
		*rest = (struct text){ NULL, 0 };
		return true;
	}
	field->len = (size_t)(end - rest->data);
	rest->data += field->len + 1;
	rest->len -= field->len + 1;
	return true;
}

size_t
text_utf8_char(struct text t)
{
	const unsigned char *octets = (const unsigned char *)t.data;
	/* Narrower for a second octet: overlong, surrogate, beyond U+10FFFF. */
	unsigned char low = 0x80, high = 0xbf;
	size_t len, i;

	if (t.len == 0)
		return 0;
	if (octets[0] < 0x80)
		return 1;
	if (octets[0] >= 0xc2 && octets[0] <= 0xdf)
		len = 2;
	else if (octets[0] >= 0xe0 && octets[0] <= 0xef)
		len = 3;
	else if (octets[0] >= 0xf0 && octets[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (octets[0] == 0xe0)
		low = 0xa0;
	else if (octets[0] == 0xed)
		high = 0x9f;
	else if (octets[0] == 0xf0)
		low = 0x90;
	else if (octets[0] == 0xf4)
		high = 0x8f;
	for (i = 1; i < len; i++) {
		if (i == t.len || octets[i] < low || octets[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

bool
text_is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

static int
hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
text_hex_octet(struct text t)
{
	if (t.len < 2 || hex_value(t.data[0]) == -1 ||
	    hex_value(t.data[1]) == -1)
		return -1;
	return hex_value(t.data[0]) * 16 + hex_value(t.data[1]);
}

bool
text_is_printable(struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if (t.data[i] < 0x20 || t.data[i] > 0x7e)
			return false;
	return true;
}

bool
text_parse_u64(struct text t, uint64_t max, uint64_t *out)
{
	uint64_t value = 0, digit;
	size_t i;

	if (t.len == 0)
		return false;
	for (i = 0; i < t.len; i++) {
		if (t.data[i] < '0' || t.data[i] > '9')
			return false;
		digit = (uint64_t)(t.data[i] - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

/* Cuts count digits and what must follow them, '\0' for anything. */
static bool
take_number(struct text *rest, size_t count, char separator, int *out)
{
	uint64_t value;

	if (rest->len < count || !text_parse_u64((struct text){ rest->data,
	    count }, 9999, &value))
		return false;
	rest->data += count;
	rest->len -= count;
	*out = (int)value;
	if (separator == '\0')
		return true;
	if (rest->len == 0 || rest->data[0] != separator)
		return false;
	rest->data++;
	rest->len--;
	return true;
}

/*
 * Cuts "Z" or "+01:00"; *seconds is 0 for nothing.  False for anything else.
 */
static bool
take_offset(struct text rest, int *seconds, bool *has_offset)
{
	int hours, minutes, sign;

	*seconds = 0;
	*has_offset = rest.len > 0;
	if (rest.len == 0 || text_equals_nocase(rest, "Z"))
		return true;
	sign = rest.data[0] == '-' ? -1 : 1;
	if (rest.data[0] != '+' && rest.data[0] != '-')
		return false;
	rest.data++;
	rest.len--;
	if (!take_number(&rest, 2, ':', &hours) ||
	    !take_number(&rest, 2, '\0', &minutes) ||
	    rest.len > 0 || hours > 23 || minutes > 59)
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool
text_parse_time(struct text t, int64_t *out, bool *has_offset)
{
	struct tm tm = { .tm_isdst = 0 };
	int year, month, day, second, offset;
	time_t minute;
	bool is_complete;

	if (!take_number(&t, 4, '-', &year) ||
	    !take_number(&t, 2, '-', &month) ||
	    !take_number(&t, 2, 'T', &day) ||
	    !take_number(&t, 2, ':', &tm.tm_hour) ||
	    !take_number(&t, 2, ':', &tm.tm_min) ||
	    !take_number(&t, 2, '\0', &second))
		return false;
	if (t.len > 1 && t.data[0] == '.')
		do {
			t.data++;
			t.len--;
		} while (t.len > 0 && t.data[0] >= '0' && t.data[0] <= '9');
	if (tm.tm_hour > 23 || tm.tm_min > 59 || second > 60 ||
	    !take_offset(t, &offset, &is_complete))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	minute = timegm(&tm);
	/* timegm makes 2 March of 30 February. */
	if (tm.tm_mon != month - 1 || tm.tm_mday != day)
		return false;
	*out = (int64_t)minute + second - offset;
	*has_offset = is_complete;
	return true;
}

char *
text_quote(char *out, size_t size, struct text t)
{
	size_t keep = t.len < size ? t.len : size - 1;
	size_t i;

	for (i = 0; i < keep; i++)
		out[i] = t.data[i] >= 0x20 && t.data[i] <= 0x7e ?
		    t.data[i] : '?';
	out[keep] = '\0';
	if (keep < t.len)
		memcpy(out + keep - 3, "...", 3);
	return out;
}

char *
text_format_time(char out[TEXT_TIME_SIZE], int64_t time_s)
{
	int64_t s = time_s < TIME_MIN_S ? TIME_MIN_S :
	    time_s > TIME_MAX_S ? TIME_MAX_S : time_s;
	time_t t = (time_t)s;
	struct tm tm;

	gmtime_r(&t, &tm);
	/* strftime does not pad a year. */
	snprintf(out, TEXT_TIME_SIZE, "%04d", tm.tm_year + 1900);
	strftime(out + 4, TEXT_TIME_SIZE - 4, "-%m-%dT%H:%M:%SZ", &tm);
	return out;
}

char *
text_format_day(char out[TEXT_TIME_SIZE], int64_t time_s)
{
	text_format_time(out, time_s);
	out[sizeof("2026-11-22") - 1] = '\0';
	return out;
}

char *
text_format_age(char out[TEXT_TIME_SIZE], int64_t seconds)
{
	int64_t s = seconds < 0 ? 0 : seconds;

	if (s < 60)
		snprintf(out, TEXT_TIME_SIZE, "%llds", (long long)s);
	else if (s < 3600)
		snprintf(out, TEXT_TIME_SIZE, "%lldm %llds",
		    (long long)(s / 60), (long long)(s % 60));
	else if (s < 86400)
		snprintf(out, TEXT_TIME_SIZE, "%lldh %lldm",
		    (long long)(s / 3600), (long long)(s % 3600 / 60));
	else
		snprintf(out, TEXT_TIME_SIZE, "%lldd %lldh",
		    (long long)(s / 86400), (long long)(s % 86400 / 3600));
	return out;
}

unsigned
text_distance(const char *a, const char *b)
{
	unsigned row[DISTANCE_WORD_MAX + 1], diagonal, above, best;
	size_t a_len = strlen(a), b_len = strlen(b), i, j;

	if (a_len > DISTANCE_WORD_MAX || b_len > DISTANCE_WORD_MAX)
		return DISTANCE_WORD_MAX;
	for (j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= a_len; i++) {
		diagonal = row[0];
		row[0] = (unsigned)i;
		for (j = 1; j <= b_len; j++) {
			above = row[j];
			best = diagonal + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[b_len];
}
