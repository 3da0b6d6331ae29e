/*
 * TXT records as "dig +short TXT" prints them.  Knows quoting only; what the
 * records mean is their own modules' (mtasts_record, tlsrpt/record).
 */

#include "shared/dns_text.h"

#include <stdlib.h>
#include <string.h>

#include "shared/xalloc.h"

static char
take_char(struct text *rest)
{
	rest->len--;
	return *rest->data++;
}

/*
 * What stands after a backslash: three digits, or any other character for
 * itself (RFC 1035, 5.1).  Old versions of dig write "\;", so more than quote
 * and backslash is understood.
 */
static int
take_escape(struct text *rest, char *out, const char **why)
{
	struct text digits = { rest->data, 3 };
	uint64_t octet;

	if (rest->len == 0) {
		*why = "TXT record: nothing follows a backslash";
		return -1;
	}
	if (rest->data[0] < '0' || rest->data[0] > '9') {
		*out = take_char(rest);
		return 0;
	}
	if (rest->len < digits.len || !text_parse_u64(digits, 255, &octet)) {
		*why = "TXT record: \\DDD is no octet";
		return -1;
	}
	*out = (char)octet;
	rest->data += digits.len;
	rest->len -= digits.len;
	return 0;
}

/* Writes the joined strings of a line at *end and moves it. */
static int
join_strings(struct text line, char **end, const char **why)
{
	bool is_inside = false;
	char c;

	while (line.len > 0) {
		c = take_char(&line);
		if (c == '"')
			is_inside = !is_inside;
		else if (!is_inside && c != ' ' && c != '\t') {
			*why = "TXT record: text outside the quotes";
			return -1;
		} else if (is_inside && c != '\\')
			*(*end)++ = c;
		else if (is_inside &&
		    take_escape(&line, (*end)++, why) == -1)
			return -1;
	}
	if (is_inside) {
		*why = "TXT record: a quote is not closed";
		return -1;
	}
	return 0;
}

int
dns_text_parse(struct text t, struct dns_text *out, const char **why)
{
	struct dns_text d = { .block = xcalloc(1, t.len) };
	struct text line, *record;
	char *end = d.block;

	while (text_next_line(&t, &line)) {
		if (line.len == 0)
			continue;
		d.records = xreallocarray(d.records, d.count + 1,
		    sizeof(*d.records));
		record = &d.records[d.count++];
		record->data = end;
		if (line.data[0] != '"') {
			memcpy(end, line.data, line.len);
			end += line.len;
		} else if (join_strings(line, &end, why) == -1) {
			dns_text_clear(&d);
			return -1;
		}
		record->len = (size_t)(end - record->data);
	}
	*out = d;
	return 0;
}

void
dns_text_clear(struct dns_text *d)
{
	free(d->records);
	free(d->block);
	*d = (struct dns_text){ 0 };
}

static bool
begins_with(struct text record, const char *version)
{
	struct text field;

	if (!text_starts_with(record, version))
		return false;
	text_next_field(&record, ';', &field);
	return record.data != NULL && text_equals(text_trim(field), version);
}

size_t
dns_text_versioned(const struct text *records, size_t count,
    const char *version, const struct text **first)
{
	size_t i, versioned = 0;

	for (i = 0; i < count; i++)
		if (begins_with(records[i], version) && versioned++ == 0)
			*first = &records[i];
	return versioned;
}
