/*
 * A small MIME reader.  No state but the slices: a multipart is cut at its
 * boundary lines, and its parts are entities again.
 */

#include "shared/tlsrpt/mime.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define PARAMETER_NAME_MAX 32

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+/";

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without blanks and line ends at both ends. */
static struct text
trim(struct text t)
{
	while (t.len > 0 && is_space(t.data[0])) {
		t.data++;
		t.len--;
	}
	while (t.len > 0 && is_space(t.data[t.len - 1]))
		t.len--;
	return t;
}

static void
advance(struct text *t, size_t len)
{
	t->data += len;
	t->len -= len;
}

/* ---------------------------------------------------------------- headers */

void
mime_split(struct text entity, struct text *headers, struct text *body)
{
	struct text rest = entity, line;

	*headers = entity;
	while (text_next_line(&rest, &line))
		if (line.len == 0) {
			headers->len = (size_t)(line.data - entity.data);
			break;
		}
	*body = rest;
}

bool
mime_next_header(struct text *rest, struct text *name, struct text *value)
{
	struct text line, header;
	const char *colon;

	while (text_next_line(rest, &header)) {
		while (rest->len > 0 &&
		    (rest->data[0] == ' ' || rest->data[0] == '\t')) {
			text_next_line(rest, &line);
			header.len = (size_t)(line.data - header.data) +
			    line.len;
		}
		colon = memchr(header.data, ':', header.len);
		if (colon == NULL)
			continue;
		*name = text_trim((struct text){ header.data,
		    (size_t)(colon - header.data) });
		*value = trim((struct text){ colon + 1,
		    header.len - (size_t)(colon + 1 - header.data) });
		return true;
	}
	return false;
}

struct text
mime_token(struct text value)
{
	struct text token = { "", 0 };

	text_next_field(&value, ';', &token);
	return trim(token);
}

/* The octets up to the next semicolon outside of quotes. */
static size_t
parameter_length(struct text t)
{
	bool is_quoted = false;
	size_t i;

	for (i = 0; i < t.len && (is_quoted || t.data[i] != ';'); i++)
		if (t.data[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && t.data[i] == '\\')
			i++;
	return i < t.len ? i : t.len;
}

/*
 * Takes an octet from *t: the next one, or the one that two hex digits behind
 * mark write.
 */
static char
take_octet(struct text *t, char mark)
{
	char c = t->data[0];
	int octet = -1;

	advance(t, 1);
	if (c == mark && mark != '\0')
		octet = text_hex_octet(*t);
	if (octet == -1)
		return c;
	advance(t, 2);
	return (char)octet;
}

/* Adds an octet while there is room for a NUL behind it. */
static bool
put(char *out, size_t size, size_t *len, char c)
{
	if (*len + 1 >= size || c == '\0')
		return false;
	out[(*len)++] = c;
	return true;
}

/* "a\"b" without its quotes, or %XX of RFC 2231 undone. */
static bool
put_value(struct text value, bool is_encoded, char *out, size_t size,
    size_t *len)
{
	bool is_quoted = value.len >= 2 && value.data[0] == '"' &&
	    value.data[value.len - 1] == '"';
	char c;

	if (is_quoted) {
		advance(&value, 1);
		value.len--;
	}
	while (value.len > 0) {
		if (is_quoted && value.data[0] == '\\' && value.len > 1)
			advance(&value, 1);
		c = take_octet(&value, is_encoded ? '%' : '\0');
		if (c != '\r' && c != '\n' && !put(out, size, len, c))
			return false;
	}
	return true;
}

/* charset'language' before what RFC 2231 encodes. */
static struct text
without_charset(struct text value)
{
	struct text rest = value, piece;

	if (text_next_field(&rest, '\'', &piece) &&
	    text_next_field(&rest, '\'', &piece) && rest.data != NULL)
		return rest;
	return value;
}

/*
 *	parameter	= attribute ["*" section] ["*"] "=" value
 *			  (RFC 2231, 7)
 *
 * Sections are taken in the order in which they stand.
 */
bool
mime_parameter(struct text value, const char *name, char *out, size_t size)
{
	struct text rest = value, piece, attribute, content;
	bool is_encoded, is_found = false;
	size_t len = 0;

	for (;;) {
		advance(&rest, parameter_length(rest));
		if (rest.len == 0)
			break;
		advance(&rest, 1);		/* the semicolon */
		piece = (struct text){ rest.data, parameter_length(rest) };
		content = piece;
		text_next_field(&content, '=', &attribute);
		if (content.data == NULL)
			continue;
		attribute = trim(attribute);
		content = trim(content);
		is_encoded = attribute.len > 0 &&
		    attribute.data[attribute.len - 1] == '*';
		text_next_field(&attribute, '*', &piece);
		if (!text_equals_nocase(piece, name))
			continue;
		if (is_encoded && !is_found)
			content = without_charset(content);
		if (!put_value(content, is_encoded, out, size, &len))
			return false;
		is_found = true;
	}
	if (is_found)
		out[len] = '\0';
	return is_found;
}

/* ---------------------------------------------------------------- bodies */

/* 1 for "--boundary", 2 for "--boundary--", 0 for any other line. */
static int
boundary_kind(struct text line, const char *boundary)
{
	size_t len = strlen(boundary);

	line = text_trim(line);
	if (line.len < len + 2 || memcmp(line.data, "--", 2) != 0 ||
	    memcmp(line.data + 2, boundary, len) != 0)
		return 0;
	advance(&line, len + 2);
	return line.len == 0 ? 1 : text_equals(line, "--") ? 2 : 0;
}

/* Without the line end that belongs to the boundary behind it. */
static struct text
without_last_line_end(struct text t)
{
	if (t.len > 0 && t.data[t.len - 1] == '\n')
		t.len--;
	if (t.len > 0 && t.data[t.len - 1] == '\r')
		t.len--;
	return t;
}

/*
 * *rest begins with the body, then always with the boundary line that ended
 * the part before; so the first one met is the begin of the next.
 */
bool
mime_next_part(struct text *rest, const char *boundary, struct text *part)
{
	struct text after, line;

	do
		if (!text_next_line(rest, &line))
			return false;
	while (boundary_kind(line, boundary) == 0);
	if (boundary_kind(line, boundary) == 2) {
		*rest = (struct text){ NULL, 0 };
		return false;
	}
	*part = after = *rest;
	while (text_next_line(&after, &line)) {
		if (boundary_kind(line, boundary) == 0)
			continue;
		part->len = (size_t)(line.data - part->data);
		advance(rest, part->len);
		*part = without_last_line_end(*part);
		return true;
	}
	*rest = (struct text){ NULL, 0 };	/* the mail was cut */
	return true;
}

static void
decode_base64(struct text t, struct buffer *out)
{
	unsigned bits = 0, count = 0;
	const char *digit;
	char octets[3];
	size_t i;

	for (i = 0; i < t.len && t.data[i] != '='; i++) {
		digit = t.data[i] != '\0' ? strchr(base64_digits, t.data[i]) :
		    NULL;
		if (digit == NULL)
			continue;
		bits = bits << 6 | (unsigned)(digit - base64_digits);
		if (++count % 4 != 0)
			continue;
		octets[0] = (char)(bits >> 16);
		octets[1] = (char)(bits >> 8);
		octets[2] = (char)bits;
		buffer_add(out, octets, 3);
		bits = 0;
	}
	count %= 4;
	bits <<= 6 * (4 - count);
	octets[0] = (char)(bits >> 16);
	octets[1] = (char)(bits >> 8);
	if (count > 1)
		buffer_add(out, octets, count - 1);
}

/* RFC 2045, 6.7 */
static void
decode_quoted_printable(struct text t, struct buffer *out)
{
	struct text line;
	bool is_soft;
	char c;

	while (text_next_line(&t, &line)) {
		while (line.len > 0 && is_space(line.data[line.len - 1]))
			line.len--;
		is_soft = line.len > 0 && line.data[line.len - 1] == '=';
		if (is_soft)
			line.len--;
		while (line.len > 0) {
			c = take_octet(&line, '=');
			buffer_add(out, &c, 1);
		}
		if (!is_soft && t.len > 0)
			buffer_add_text(out, "\n");
	}
}

bool
mime_decode(struct text encoding, struct text body, struct buffer *out)
{
	if (text_equals_nocase(encoding, "base64"))
		decode_base64(body, out);
	else if (text_equals_nocase(encoding, "quoted-printable"))
		decode_quoted_printable(body, out);
	else if (encoding.len == 0 || text_equals_nocase(encoding, "7bit") ||
	    text_equals_nocase(encoding, "8bit") ||
	    text_equals_nocase(encoding, "binary"))
		buffer_add(out, body.data, body.len);
	else
		return false;
	return !out->is_overfull;
}

void
mime_add_base64(struct text t, struct buffer *out)
{
	const unsigned char *octets = (const unsigned char *)t.data;
	unsigned bits, k;
	size_t i, left, line_len = 0;
	char digits[4];

	for (i = 0; i < t.len; i += 3) {
		left = t.len - i;
		bits = (unsigned)octets[i] << 16;
		if (left > 1)
			bits |= (unsigned)octets[i + 1] << 8;
		if (left > 2)
			bits |= octets[i + 2];
		for (k = 0; k < 4; k++)
			digits[k] = k > left ? '=' :
			    base64_digits[bits >> (18 - 6 * k) & 63];
		buffer_add(out, digits, sizeof(digits));
		line_len += sizeof(digits);
		if (line_len == MIME_LINE_BYTES || left <= 3) {
			buffer_add_text(out, "\r\n");
			line_len = 0;
		}
	}
}

bool
mime_is_header_value(const char *value)
{
	struct text t = text_of(value);

	return t.len > 0 && t.len <= MIME_VALUE_MAX &&
	    text_is_printable(t);
}

void
mime_add_date(int64_t date_s, struct buffer *out)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
	    "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
	    "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t date = (time_t)date_s;
	struct tm tm;

	gmtime_r(&date, &tm);
	buffer_addf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
