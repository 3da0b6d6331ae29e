/*
 * The MTA-STS TXT record (RFC 8461, 3.1).  Letter case counts everywhere, and
 * blanks stand only around semicolons: what is nearly a record is none.
 */

#include "shared/policy/mtasts_record.h"

#include <string.h>

#include "shared/dns_text.h"

#define VERSION			"v=STSv1"
#define FIELD_NAME_MAX_BYTES	32

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool
mtasts_is_field_name(struct text t)
{
	size_t i;

	if (t.len == 0 || t.len > FIELD_NAME_MAX_BYTES ||
	    !text_is_alphanumeric(t.data[0]))
		return false;
	for (i = 1; i < t.len; i++)
		if (!text_is_alphanumeric(t.data[i]) && t.data[i] != '_' &&
		    t.data[i] != '-' && t.data[i] != '.')
			return false;
	return true;
}

static bool
is_id(struct text t)
{
	size_t i;

	if (t.len == 0 || t.len > MTASTS_ID_MAX_BYTES)
		return false;
	for (i = 0; i < t.len; i++)
		if (!text_is_alphanumeric(t.data[i]))
			return false;
	return true;
}

static bool
is_extension_value(struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if (t.data[i] < 0x21 || t.data[i] > 0x7e ||
		    t.data[i] == ';' || t.data[i] == '=')
			return false;
	return t.len > 0;
}

/*
 *	sts-field	= sts-id / sts-extension
 *	sts-id		= %s"id=" 1*32(ALPHA / DIGIT)
 *	sts-extension	= sts-ext-name "=" sts-ext-value
 *	sts-ext-name	= (ALPHA / DIGIT)
 *			  *31(ALPHA / DIGIT / "_" / "-" / ".")
 *	sts-ext-value	= 1*(%x21-3A / %x3C / %x3E-7E)
 *
 * A second id is ignored, whatever it holds (RFC 8461, 3.2, on both formats).
 */
static int
parse_field(struct text field, struct mtasts_record *record,
    const char **why)
{
	struct text value = field, name;

	text_next_field(&value, '=', &name);
	if (value.data == NULL || !mtasts_is_field_name(name)) {
		*why = "RFC 8461 3.1: a field is not name=value";
		return -1;
	}
	if (!text_equals(name, "id")) {
		if (is_extension_value(value))
			return 0;
		*why = "RFC 8461 3.1: a field's value is empty or holds "
		    "a character that it may not";
		return -1;
	}
	if (record->id[0] != '\0')
		return 0;
	if (!is_id(value)) {
		*why = "RFC 8461 3.1: id is not 1 to 32 letters and digits";
		return -1;
	}
	memcpy(record->id, value.data, value.len);
	return 0;
}

/*
 *	sts-text-record	= sts-version 1*(sts-field-delim sts-field)
 *			  [sts-field-delim]
 *	sts-field-delim	= *WSP ";" *WSP
 *	sts-version	= %s"v=STSv1"
 */
static int
parse_record(struct text t, struct mtasts_record *out, const char **why)
{
	struct mtasts_record record = { "" };
	struct text rest = t, field;

	text_next_field(&rest, ';', &field);	/* the version, seen before */
	while (text_next_field(&rest, ';', &field)) {
		if (rest.data == NULL && text_trim(field).len == 0)
			break;			/* after the last delimiter */
		if (rest.data == NULL && is_blank(field.data[field.len - 1])) {
			*why = "RFC 8461 3.1: blanks after the last field";
			return -1;
		}
		if (parse_field(text_trim(field), &record, why) == -1)
			return -1;
	}
	if (record.id[0] == '\0') {
		*why = "RFC 8461 3.1: id is missing";
		return -1;
	}
	*out = record;
	return 0;
}

enum mtasts_record_result
mtasts_record_choose(const struct text *records, size_t record_count,
    struct mtasts_record *out, const char **why)
{
	const struct text *chosen;
	size_t count;

	count = dns_text_versioned(records, record_count, VERSION, &chosen);
	if (count == 0)
		return MTASTS_RECORD_ABSENT;
	if (count > 1) {
		*why = "RFC 8461 3.1: more than one record";
		return MTASTS_RECORD_INVALID;
	}
	return parse_record(*chosen, out, why) == 0 ?
	    MTASTS_RECORD_PRESENT : MTASTS_RECORD_INVALID;
}
